"""How data are read, said on the command line: every command takes it, and a run remembers it."""

import json

import numpy as np
import pytest
from PIL import Image

from tinycnn.cli import main
from tinycnn.data.photographs import ORIENTATION

pytestmark = pytest.mark.slow  # trainings

SMALL = ["--image-size", "16", "--channels", "4", "--hidden", "8", "--epochs", "1", "--quiet"]


@pytest.fixture
def voc(tmp_path, monkeypatch):
    """12 photographs of half a turn, whose boxes nothing tells, each with a difficult object beside; all in voc/."""
    monkeypatch.chdir(tmp_path)
    rng, exif = np.random.default_rng(0), Image.Exif()
    exif[ORIENTATION] = 3
    (tmp_path / "voc").mkdir()
    for i in range(12):
        Image.fromarray(rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)).save(tmp_path / f"voc/{i}.png", exif=exif)
        objects = "".join(
            f"<object><name>{name}</name><difficult>{hard}</difficult><bndbox><xmin>{x}</xmin><ymin>2</ymin>"
            f"<xmax>{x + 9}</xmax><ymax>12</ymax></bndbox></object>" for name, hard, x in
            (("cat" if i % 2 else "dog", 0, 2), ("owl", int(i > 0), 12)))  # fmt: skip
        (tmp_path / f"voc/{i}.xml").write_text(f"<annotation>{objects}</annotation>")
    return tmp_path


def test_show_and_train_and_what_comes_after(voc, capsys):
    show = ["data", "show", "voc", "--force"]
    assert main(show) == 0
    out = capsys.readouterr().out
    assert "as is assumed where nothing tells" in out and "--orientation" in out
    assert "an object marked difficult not used: 11" in out
    assert main([*show, "--orientation", "stored", "--difficult"]) == 0
    assert "turned upright, and the box with it: 12 (" in capsys.readouterr().out
    assert main([*show, "--orientation", "sideways"]) == 2
    assert main(["train", "--data", "voc", "--out", "r", "--orientation", "stored", "--difficult", *SMALL]) == 0
    config = json.loads((voc / "r/config.json").read_text("utf-8"))
    assert (config["settings"]["orientation"], config["settings"]["difficult"]) == ("stored", True)
    assert any("taken in: 11" in note for note in config["data"]["notes"])
    for command in (["evaluate", "r"], ["evaluate", "r", "--orientation", "upright"],
                    ["evaluate", "r", "--no-difficult"],
                    ["train", "--config", "r", "--out", "again", "--quiet"], ["train", "--resume", "--out", "r"]):
        assert main(command) == 0, command
    assert json.loads((voc / "again/config.json").read_text("utf-8"))["settings"]["orientation"] == "stored"
    assert main(["train", "--resume", "--out", "r", "--orientation", "upright"]) == 2
    capsys.readouterr()


def test_a_run_of_before_these_settings(voc, capsys):
    assert main(["train", "--data", "voc", "--out", "r", *SMALL]) == 0
    path = voc / "r/config.json"
    config = json.loads(path.read_text("utf-8"))
    for name in ("orientation", "difficult", "units"):
        del config["settings"][name]
    path.write_text(json.dumps(config), "utf-8")
    for command in (["evaluate", "r"], ["train", "--resume", "--out", "r"],
                    ["train", "--config", "r", "--out", "s", "--quiet"]):
        assert main(command) == 0, command
    assert "learned from" not in capsys.readouterr().err
