"""A seeded part of python -m tests.fuzz, and that it would find what it looks for."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.fuzz import annotated
from tests.fuzz.annotated import annotations, right_counts, right_files
from tests.fuzz.common import Failure, Marker, files_below
from tests.fuzz.run import try_input
from tests.fuzz.targets import TARGETS
from tinycnn.errors import DataError

NEEDED = {"safetensors": "safetensors", ".pth": "torch"}


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_damaged_files_are_read_or_refused(target):
    pytest.importorskip(NEEDED.get(target, "numpy"))
    wrong = {number: outcome.wrong for number in range(40) if (outcome := try_input(target, number)).wrong}
    assert not wrong, f"python -m tests.fuzz --target {target} --only {next(iter(wrong))}: {wrong}"


@pytest.mark.parametrize("target", ["voc", "csv", "pictures", "archives", "model.npz"])
def test_a_right_file_is_read(target, tmp_path):
    outcome = TARGETS[target](None, tmp_path)()
    assert outcome == "read" or outcome[0] == 8  # of a set of annotations, how many pictures it has


@pytest.mark.slow
def test_an_input_can_be_made_again(tmp_path):
    """In another process, too, in which sets have another order."""
    program = ("import numpy as np, sys; from pathlib import Path; from tests.fuzz.targets import TARGETS\n"
               "for name in ('voc', 'coco', 'model.npz', 'archives'):\n"
               "    TARGETS[name](np.random.default_rng(3), Path(sys.argv[1]) / name)")
    for folder in ("1", "2"):
        for name in ("voc", "coco", "model.npz", "archives"):
            (tmp_path / folder / name).mkdir(parents=True)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": folder}
        subprocess.run([sys.executable, "-c", program, tmp_path / folder], env=environment, check=True)
    assert files_below(tmp_path / "1") == files_below(tmp_path / "2")
    assert files_below(tmp_path / "1/coco/set") != right_files("coco")


def attempt(monkeypatch, action):
    """What try_input says of a reader that does this."""
    monkeypatch.setitem(TARGETS, "planted", lambda rng, folder: lambda: action(folder))
    return try_input("planted", 0)


def test_what_is_wrong_is_found(monkeypatch, tmp_path):
    def crash(folder):
        return {}["no such key"]

    def slow(folder):
        monkeypatch.setattr("tests.fuzz.run.SECONDS", 0.0)
        return "read"

    def greedy(folder):
        monkeypatch.setattr("tests.fuzz.run.SECONDS", 20.0)
        return "read" if np.ones(75_000_000).sum() else ""  # 600 MB

    def runs_code(folder):
        Marker.where.write_text("")
        return "read"

    def refuses(folder):
        raise DataError("for a reason")

    for action, words in ((crash, "KeyError"), (slow, " s"), (greedy, " MB"), (runs_code, "code in the file was run"),
                          (refuses, "")):
        wrong = attempt(monkeypatch, action).wrong
        assert (words in wrong) if words else not wrong, (action, wrong)


@pytest.mark.parametrize("spoil, words", [
    (lambda data: data.train.boxes.__setitem__((0, 2), 1000), "outside of their pictures"),
    (lambda data: data.train.boxes.__setitem__((0, 2), np.nan), "no numbers"),
    (lambda data: setattr(data, "train", data.train.subset([0])), "are not there, and nothing is said"),
    (lambda data: data.train.images.paths.__setitem__(0, annotated.ROOT / "x.png"), "outside of the folder"),
])  # fmt: skip
def test_a_wrong_result_is_found(monkeypatch, tmp_path, spoil, words):
    read = annotated.read

    def wrongly(*arguments, **options):
        data = read(*arguments, **options)
        spoil(data)
        return data

    right_counts("csv")
    monkeypatch.setattr(annotated, "read", wrongly)
    look = annotations("csv", None, tmp_path)
    with pytest.raises(Failure, match=words):
        look.func("csv", tmp_path / "set", False)
