"""Names from people on the command line: whatever they hold, results are printed, and figures never cost them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinycnn import plots
from tinycnn.cli import main
from tinycnn.inspection.page import Page
from tinycnn.plots import labels

pytestmark = pytest.mark.slow  # trainings

NAMES = ("a$b$c", "x^{$", "line\nbreak", "\x1b[31mred", "half\udce9", "猫", "قطة", "<b>&", "n" * 300)
SMALL = ["--image-size", "16", "--channels", "4", "--hidden", "8", "--epochs", "1"]


def write(folder, names=NAMES, each=6):
    """A COCO set of noise whose classes have these names."""
    folder.mkdir()
    rng, images, objects = np.random.default_rng(0), [], []
    for i in range(each * len(names)):
        Image.fromarray(rng.integers(0, 255, (24, 32, 3), dtype=np.uint8)).save(folder / f"猫$_{i}^.png")
        images.append({"id": i, "file_name": f"猫$_{i}^.png", "width": 32, "height": 24})
        objects.append({"id": i, "image_id": i, "category_id": i % len(names), "bbox": [5, 5, 20, 15]})
    categories = [{"id": k, "name": name} for k, name in enumerate(names)]
    text = json.dumps({"images": images, "annotations": objects, "categories": categories})
    (folder / "a.json").write_text(text, "utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write(tmp_path_factory.mktemp("names") / "set_$a_$ 猫")


@pytest.fixture
def trained(data, tmp_path, capsys):
    labels.advise.cache_clear()
    with pytest.warns(UserWarning, match="no installed font") as warned:
        assert main(["train", "--data", data, "--out", str(tmp_path / "run"), "--quiet", *SMALL]) == 0
    said = capsys.readouterr()
    assert len(warned) == 1
    assert "class accuracy" in said.out and "curves.png, predictions.png" in said.out
    assert "set_$a_$ 猫, " in said.out
    return tmp_path / "run"


def test_every_command_takes_every_name(trained, data, tmp_path, capsys):
    assert json.loads((trained / "config.json").read_text("utf-8"))["data"]["classes"] == list(NAMES)
    assert main(["data", "show", data, "--out", str(tmp_path / "sheet.png")]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert main(["evaluate", str(trained), "--json"]) == 0
    json.loads(capsys.readouterr().out)
    pictures = sorted(map(str, Path(data).glob("*.png")))[:5]
    out = tmp_path / "drawn"
    assert main(["predict", "--model", str(trained), "--out", str(out), *pictures, "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert all(answer["class"] in NAMES and Path(answer["picture"]).exists() for answer in answers)
    assert main(["inspect", str(trained), "--out", str(tmp_path / "look")]) == 0
    page = (tmp_path / "look" / "report.html").read_text("utf-8")
    assert "could not be drawn" not in page and "\x1b" not in page and "<b>&" not in page


@pytest.mark.parametrize("setting", [{"PYTHONIOENCODING": "ascii:strict"},
                                     {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}])  # fmt: skip
def test_a_terminal_without_the_letters_ends_nothing(data, tmp_path, setting):
    """What cannot be printed becomes a question mark, and what is to be said about it is one line."""
    command = [sys.executable, "-m", "tinycnn", "data", "show", data, "--out", str(tmp_path / "a.png")]
    environment = os.environ | setting | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(b"\n") == 1 and done.stderr.startswith(b"tinycnn: note: no installed font")
    assert b"line break" in done.stdout and done.stdout.isascii() and (tmp_path / "a.png").exists()


def test_results_are_printed_although_a_figure_fails(tmp_path, capsys, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no ink\nleft")

    monkeypatch.setattr(plots, "predictions", broken)
    command = ["train", "--data", write(tmp_path / "d", ("a", "b")), "--out", str(tmp_path / "r"), "--quiet", *SMALL]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "predictions.png was not drawn (RuntimeError: no ink left); all else is complete" in out
    assert "class accuracy" in out and (tmp_path / "r" / "curves.png").exists()
    monkeypatch.setattr(sys.modules["tinycnn.plots.annotate"], "annotate", broken)
    picture = str(next((tmp_path / "d").glob("*.png")))
    assert main(["predict", "--model", str(tmp_path / "r"), "--out", str(tmp_path / "p"), picture]) == 0
    said = capsys.readouterr()
    assert "was not drawn (RuntimeError: no ink left)" in said.err and "of 32 x 24" in said.out


def test_a_page_says_which_figure_failed():
    text = str(Page("a", "b").section("c").figure(lambda: 1 / 0, "What it <saw>").text("and more"))
    assert "What it &lt;saw&gt;: this figure could not be drawn (ZeroDivisionError: division by zero)" in text
    assert "and more" in text
