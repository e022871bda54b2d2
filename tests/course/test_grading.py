"""Grading: twenty made-up submissions, honest and otherwise; a fixed list of exercises; pages and tables."""

import csv
import json

import pytest

from tinycnn.course import grading
from tinycnn.course.grading import exercises, grade, submissions
from tinycnn.course.grading_worker import judge

HEAD = "# %pip install -q nothing\nimport numpy as np\nimport tinycnn as tc\nfrom tinycnn.course import check\n"
LINE = "def output_size(size, kernel, stride=1, padding=0):\n"
SIZE = "def output_size(size, kernel, stride=1, padding=0):\n    return (size + 2 * padding - kernel) // stride + 1\n"
SOFTMAX = ("def softmax(scores):\n    e = np.exp(scores - scores.max(axis=1, keepdims=True))\n"
           "    return e / e.sum(axis=1, keepdims=True)\n")
SUBMISSIONS = {  # name: (exercise, cells, verdict)
    "as it should be": ("06.output_size", [HEAD, SIZE, 'check("06.output_size", output_size)'], "right"),
    "checks deleted": ("06.output_size", [HEAD, SIZE], "right"),
    "single quotes": ("06.output_size", [HEAD, SIZE, "check('06.output_size', output_size)"], "right"),
    "another check": ("06.output_size", [HEAD, SIZE, 'other = 3\ncheck("06.output_size", abs)'], "right"),
    "not written": ("06.output_size", [HEAD, LINE + "    ..."], "not written yet"),
    "cell deleted": ("06.output_size", [HEAD], "missing"),
    "known mistake": ("06.output_size", [HEAD, SIZE.replace(" + 1", "")], "known mistake"),
    "unknown mistake": ("06.output_size", [HEAD, SIZE.replace("+ 1", "+ 7")], "wrong"),
    "endless loop": ("06.output_size", [HEAD, LINE + "    while True: pass"], "too slow"),
    "endless cell": ("06.output_size", [HEAD, "while True:\n    pass", SIZE], "right"),
    "broken cell": ("06.output_size", [HEAD, "def broken(:\n", SIZE], "right"),
    "failing import": ("06.output_size", [HEAD + "import no_such_package\n", SIZE], "right"),
    "failing answer": ("06.output_size", [HEAD, LINE + "    return missing"], "raised"),
    "the library's": ("03.softmax", [HEAD, "softmax = tc.models.softmax"], "taken from the library"),
    "wrapped": ("03.softmax", [HEAD, "def softmax(scores):\n    return tc.models.softmax(scores)"],
                "taken from the library"),
    "wrapped twice": ("03.softmax", [HEAD, "def help(s):\n    return tc.models.softmax(s)\n\n\ndef softmax(scores):\n"
                                           "    return help(scores)"], "taken from the library"),
    "imported inside": ("03.softmax", [HEAD, "def softmax(scores):\n    from tinycnn.models import softmax as s\n"
                                             "    return s(scores)"], "taken from the library"),
    "the check's own answer": ("03.softmax", [HEAD, "def softmax(scores):\n    from tinycnn.course import named\n"
                                                    "    return named('03.softmax').solution(scores)"],
                               "taken from the library"),
    "ends the process": ("06.output_size", [HEAD, LINE + "    import os\n    os._exit(0)"], "broken"),
    "prints a verdict": ("06.output_size", [HEAD, LINE + "    print(RIGHT)\n    return 0",
                                            "RIGHT = '{\"verdict\": \"right\", \"lines\": [], \"mistakes\": []}'"],
                         "wrong"),
    "asks the network": ("06.output_size", [HEAD, LINE + "    import socket\n"
                                                         "    socket.create_connection(('127.0.0.1', 9))"], "raised"),
    "a softmax of their own": ("03.softmax", [HEAD, SOFTMAX], "right"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SUBMISSIONS)
def test_twenty_submissions(name):
    exercise, cells, verdict = SUBMISSIONS[name]
    seconds = 3 if verdict == "too slow" else 60
    said, lines, _ = grade(cells, exercise, exercises()[exercise], seconds)
    assert said == verdict, lines


def test_a_broken_notebook_and_one_without_a_lesson(tmp_path):
    (tmp_path / "06_convolution.ipynb").write_text("not a notebook")
    assert grading.code_of(tmp_path / "06_convolution.ipynb") == [] == grading.code_of(tmp_path / "nowhere.ipynb")
    (tmp_path / "notes.ipynb").write_text("{}")
    assert list(submissions(tmp_path)) == ["06_convolution"]


def notebook(cells):
    return json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]})


@pytest.mark.slow
def test_a_class_is_graded_into_tables_and_pages(tmp_path, capsys):
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "06_convolution.ipynb").write_text(notebook([HEAD, SIZE]))
    (tmp_path / "06_convolution_bob <b>.ipynb").write_text(notebook([HEAD, SIZE.replace(" + 1", "")]))
    assert {student: list(found) for student, found in submissions(tmp_path).items()} == {
        "ada": ["06"], "06_convolution_bob <b>": ["06"]}
    assert grading.main(tmp_path, lessons=["06"]) == 0
    rows = list(csv.DictReader((tmp_path / "grades" / "grades.csv").open()))
    assert {row["student"]: (row["points"], row["06.output_size"]) for row in rows} == {
        "ada": ("1", "right"), "06_convolution_bob <b>": ("0", "known mistake")}
    tally = (tmp_path / "grades" / "mistakes.csv").read_text()
    assert "06.output_size,off by one,1" in tally and "06.im2col,missing,2" in tally
    page = (tmp_path / "grades" / "ada.html").read_text()
    assert "ada: 1 of" in page and "not in the notebook" in page
    other = next(path for path in (tmp_path / "grades").glob("*.html") if "bob" in path.name).read_text()
    assert "<b>.ipynb" not in other and "bob &lt;b&gt;" in other and "first one needs no step" in other
    assert "ada" in capsys.readouterr().out


def test_no_folder_of_notebooks_is_said(tmp_path, capsys):
    assert grading.main(tmp_path) == 1 and "no notebook" in capsys.readouterr().out


def test_only_definitions_are_run(monkeypatch, tmp_path):
    marker = tmp_path / "ran"
    cells = [HEAD, f"open({str(marker)!r}, 'w')", SIZE, "x = open('/dev/null')", "y = 3"]
    assert judge({"cells": cells, "exercise": "06.output_size", **exercises()["06.output_size"]})["verdict"] == "right"
    assert not marker.exists()
