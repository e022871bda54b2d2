"""The workshop: two notebooks out of one source, what is cut out and what is kept, and notebooks out of step."""

import base64
import io
from pathlib import Path

import pytest

pytest.importorskip("jupytext", reason="the lessons' tools are not installed: pip install -e '.[lessons]'")
pytest.importorskip("nbclient")

import nbformat  # noqa: E402
from PIL import Image  # noqa: E402

from lessons import build, cells, outputs  # noqa: E402

SOURCE = '''# %% [markdown]
# # Lesson 99
#
# ![what you will have](picture)

# %%
# %pip install nothing: a comment stays a comment
given = 1
print("given", given)

# %% [markdown]
# Write it.
#
# ### Exercise 1: find the bug
# *Difficulty 1/5, about 2 minutes*
#
# **Predict first.** What comes out?
#
# <details><summary>Hint</summary>
#
# Look it up.
#
# </details>

# %% tags=["exercise"]
def iou(a, b):
    ...

# %% tags=["solution"]
def iou(a, b):
    import tinycnn
    return tinycnn.boxes.iou(a, b)

# %% tags=["yours"]
from tinycnn.course import check
check("01.iou", iou)

# %% tags=["yours"]
from tinycnn.course import keep, mine
keep("99", {"01.iou": iou})

# %% tags=["yours"]
read = mine("99", "iou", print)
read([[0, 0, 2, 2]], [[0, 0, 2, 2]])

# %% tags=["yours", "expected"]
print("as wide as", 7)

# %% tags=["picture"]
from tinycnn.plots import new_figure
figure = new_figure(2, 1)
figure.text(0.5, 0.5, "A")
figure

# %% [markdown]
# **Open task.** More.
'''


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A lesson in a folder of its own, which the workshop takes for its home."""
    (tmp_path / "source").mkdir()
    path = tmp_path / "source" / "99_test.py"
    path.write_text(SOURCE)
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    return path


def texts(cells):
    return "\n".join(cell.source for cell in cells)


def test_each_notebook_gets_its_cells(source):
    learner, solved = build.learner_cells(source), build.solved_cells(source)
    assert "    ..." in texts(learner) and "tinycnn.boxes.iou" not in texts(learner)
    assert "tinycnn.boxes.iou" in texts(solved) and "    ..." not in texts(solved)
    assert "What you should see" in texts(learner) and "What you should see" not in texts(solved)
    assert "# %pip install nothing" in texts(learner)
    assert "99_test.ipynb" in solved[1].source


def test_names_of_cells_come_from_their_text(source):
    before = [cell.id for cell in build.solved_cells(source)]
    assert len(set(before)) == len(before)
    assert before == [cell.id for cell in build.solved_cells(source)]
    twice = "\n\n# %% [markdown]\n# Twice."
    source.write_text(SOURCE.replace("# Write it.", "# Write it now." + twice + twice))
    after = [cell.id for cell in build.solved_cells(source)]
    assert len(after) == len(before) + 2 and len(set(after)) == len(after) and len(set(before) - set(after)) == 1


def test_exercises_and_checks_are_marked_for_nbgrader(source):
    for shown in (build.learner_cells(source), build.solved_cells(source)):
        marked = {cell.metadata["nbgrader"]["grade_id"]: cell.metadata["nbgrader"] for cell in shown
                  if "nbgrader" in cell.metadata}
        assert {name: (mark["solution"], mark["grade"], mark.get("points")) for name, mark in marked.items()} == {
            "01_iou": (True, False, None), "01_iou_check": (False, True, 1)}
        nbformat.validate(nbformat.v4.new_notebook(cells=shown))


def test_badges_need_one_constant(source, monkeypatch):
    assert "badges" not in [cell.id for cell in build.learner_cells(source)]
    monkeypatch.setattr(cells, "ADDRESS", "https://github.com/OWNER/tinycnn")
    shown = build.learner_cells(source)[1]
    assert shown.id == "badges" and "/github/OWNER/tinycnn/blob/main/lessons/99_test.ipynb)" in shown.source


def test_the_template_has_what_every_lesson_has(tmp_path):
    path = tmp_path / "98_name.py"
    text = Path(build.__file__).with_name("source").joinpath("_template.py").read_text("utf-8")
    path.write_text(text.replace("NN", "98"), "utf-8")
    assert list(build.lacks(path, build.cells_of(path))) == []
    assert [cell.metadata["nbgrader"]["points"] for cell in build.learner_cells(path)
            if cell.metadata.get("nbgrader", {}).get("grade")] == [1, 2, 1]


def test_an_unknown_tag_is_refused(source):
    source.write_text(SOURCE.replace('tags=["yours"]', 'tags=["your"]'))
    with pytest.raises(build.BuildError, match="unknown tag your"):
        build.solved_cells(source)


@pytest.mark.slow
def test_building_twice_gives_the_same_files_and_changes_are_noticed(source):
    learner, solution = build.build(source)
    first = learner.read_bytes(), solution.read_bytes()
    assert list(build.differences(source)) == [] and build.without_source(build.FOLDER) == []
    build.build(source)
    assert (learner.read_bytes(), solution.read_bytes()) == first

    cells = nbformat.read(learner, as_version=4).cells
    by_text = {cell.source: cell for cell in cells}
    assert "given 1" in str(next(cell for text, cell in by_text.items() if "print(\"given\"" in text).outputs)
    assert all(not cell.outputs for cell in cells if cell.cell_type == "code" and "yours" in build.tags_of(cell))
    assert "as wide as 7" in next(text for text in by_text if "What you should see" in text)
    assert cells[0].attachments["picture.png"] and (build.FOLDER / "pictures" / "99_test.png").exists()
    for path in (learner, solution):
        assert str(build.FOLDER) not in path.read_text() and "execution" not in nbformat.read(path, 4).cells[2].metadata

    kept = build.FOLDER / "solutions" / "mine" / "lesson99.py"
    assert kept.read_text() == """\"\"\"Written in lesson 99.\"\"\"


def iou(a, b):
    import tinycnn
    return tinycnn.boxes.iou(a, b)
"""
    assert "your own, from mine/lesson99.py" in texts(cells) + str([cell.outputs for cell in nbformat.read(
        solution, 4).cells if cell.cell_type == "code"])
    kept.write_text(kept.read_text().replace("a, b)\n", "b, a)\n"))
    assert list(build.differences(source)) == ["lessons/solutions/mine/lesson99.py holds what 99_test.py does not: "
                                               "def iou"]
    earlier, text = kept.with_name("lesson98.py"), "def helper():\n    return 1\n"
    build.build(source)
    kept.write_text(kept.read_text() + text)
    assert len(list(build.differences(source))) == 1
    earlier.write_text(text)  # what is used of an earlier lesson is kept along
    assert list(build.differences(source)) == []
    build.build(source)
    source.write_text(SOURCE.replace("given = 1", "given = 2"))
    assert len(list(build.differences(source))) == 2
    source.write_text(SOURCE)
    (build.FOLDER / "98_gone.ipynb").write_text("{}")
    assert [path.name for path in build.without_source(build.FOLDER)] == ["98_gone.ipynb"]
    learner.unlink()
    assert list(build.differences(source)) == ["lessons/99_test.ipynb is missing"]


@pytest.mark.parametrize("old, new, words", [
    ("# %% tags=[\"picture\"]", "# %%", "no cell is tagged picture"),
    ("**Predict first.**", "", "asks for no prediction"),
    ("<details><summary>Hint", "<details><summary>Help", "exercise 1: find the bug has no hint"),
    ("2 minutes*", "2 hours*", "exercise 1: find the bug does not say"),
    (": find the bug", ": more", "no debugging exercise"),
    ("# Look it up.", "# Look it up. 2. *(2/5)* Then more.", "in the middle of a line"),
    ("given = 1\n", "given = 1\n" * 301, "lines of code besides the exercises"),
    ("**Open task.**", "", "without an open task"),
    ('keep("99"', 'print("99"', "keeps nothing"),
    ("# ### Exercise 1", "# ### Work 1", "0 headings"),
    ('tags=["solution"]', 'tags=["yours"]', "the exercise iou has no solution"),
])
def test_the_build_says_what_a_lesson_lacks(source, old, new, words):
    assert old in SOURCE and list(build.lacks(source, build.cells_of(source))) == []
    source.write_text(SOURCE.replace(old, new))
    with pytest.raises(build.BuildError, match=words):
        build.build(source)


@pytest.mark.slow
@pytest.mark.parametrize("old, new, message", [
    ("given = 1", "given = 1 / 0", "ZeroDivisionError"),
    ('print("given", given)', "import sys; print('careful', file=sys.stderr)", "wrote to stderr"),
    ('print("given", given)', "print(object())", "object at 0x"),
    ("return tinycnn.boxes.iou(a, b)", "return tinycnn.boxes.iou(a, b) + 1", "expected 'right' of"),
])
def test_what_should_not_be_in_a_lesson_stops_the_build(source, old, new, message):
    assert old in SOURCE
    source.write_text(SOURCE.replace(old, new))
    with pytest.raises(build.BuildError, match=message):
        build.execute(source)


@pytest.mark.parametrize("width", [300, 3000])
def test_pictures_are_reduced_to_what_a_page_needs(width):
    file = io.BytesIO()
    Image.effect_noise((width, 200), 80).convert("RGB").save(file, "png")
    png, shown = outputs.small_picture(file.getvalue())
    picture = Image.open(io.BytesIO(png))
    assert picture.mode == "P" and picture.width <= outputs.WIDEST and shown <= outputs.WIDEST * 96 / 150
    assert base64.b64encode(png)
    if width == 300:
        assert (picture.width, shown) == (300, 192)
