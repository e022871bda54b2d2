"""tinycnn evaluate: where the mistakes are, in words, as JSON, and drawn."""

import json

import pytest

from tinycnn.cli import main

pytestmark = pytest.mark.slow  # whole runs of the program

PIL = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate") / "run"
    assert main(["train", "--size", "64", "--image-size", "32", "--channels", "4,8", "--hidden", "16", "--epochs", "1",
                 "--device", "cpu", "--out", str(folder), "--quiet"]) == 0
    return folder


def test_in_words_and_as_json(run, capsys):
    capsys.readouterr()
    assert main(["evaluate", str(run), "--part", "train"]) == 0
    told = capsys.readouterr().out
    for words in ("each class", "side of the object", "Worst answers", "class accuracy"):
        assert words in told
    assert main(["evaluate", str(run), "--part", "train", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    parts = measured["breakdown"]
    assert sum(map(sum, parts["confusion"])) == measured["count"] == sum(row["count"] for row in parts["sizes"])
    right = sum(row["accuracy"] * row["count"] for row in parts["classes"])
    assert right / measured["count"] == pytest.approx(measured["accuracy"])
    assert len(parts["worst"]) == 12


def test_the_figures_are_drawn_and_replace_nothing_of_others(run, tmp_path, capsys):
    out = tmp_path / "not there yet"
    for _ in range(2):  # its own drawings it replaces
        assert main(["evaluate", str(run), "--out", str(out)]) == 0
        assert "Drawn: " in capsys.readouterr().out
    names = {path.name for path in out.iterdir()}
    assert names == {"confusion.png", "classes.png", "sizes.png", "worst.png"}
    for name in names:
        assert min(PIL.open(out / name).size) > 200
    (out / "sizes.png").write_bytes(b"mine")
    assert main(["evaluate", str(run), "--out", str(out)]) == 1
    assert "sizes.png exists already" in capsys.readouterr().err and (out / "sizes.png").read_bytes() == b"mine"
