"""Where a result comes from: the command, the versions, the commit, the data; and what is said when they are others."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from inspection.looks import network, pictures

import tinycnn as tc
from tinycnn.data.contents import contents, fingerprint
from tinycnn.data.dataset import Samples
from tinycnn.origin import commit, of_data, origin, other_than, versions

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


def git(folder, *words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", *words],
                   cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "known").write_text("1")
    git(tmp_path, "add", "known")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


@needs_git
def test_a_commit_and_whether_anything_has_changed_since(repository):
    found = commit(repository)
    assert len(found["commit"]) == 40 and found["changed"] is False
    (repository / "unknown").write_text("1")  # what git does not know was not part of it
    assert commit(repository) == found
    (repository / "known").write_text("2")
    assert commit(repository) == found | {"changed": True}


@needs_git
def test_where_there_is_no_commit(tmp_path, repository, monkeypatch):
    inner = repository / "site-packages"
    inner.mkdir()
    (inner / "origin.py").write_text("")
    assert commit(inner, "origin.py") is None and commit(inner) is not None  # installed there, and not part of it
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    assert commit(repository) is None
    monkeypatch.setenv("PATH", "")
    assert commit(repository) is None  # no git at all


def test_versions_and_command(monkeypatch):
    found = origin(["train", "--data", "my photos"])
    assert found["command"] == "tinycnn train --data 'my photos'" and found["folder"] == str(Path.cwd())
    assert found["versions"] == versions()
    assert found["versions"]["numpy"] == np.__version__ and found["versions"]["tinycnn"] == tc.__version__
    assert found["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    json.dumps(found)
    monkeypatch.setattr(sys, "orig_argv", ["python", "my program.py", "--lr", "0.1"])
    assert origin()["command"] == "python 'my program.py' --lr 0.1"


def test_a_fingerprint_is_of_pictures_and_answers_and_their_order():
    some = pictures(6)
    first = fingerprint(contents(some))
    assert len(first) == 16 and int(first, 16) and fingerprint(contents(pictures(6))) == first
    renamed = Samples(some.images, some.labels, some.boxes, list("abcdef"), some.classes)
    assert fingerprint(contents(renamed)) == first
    image, box, label = some.images.copy(), some.boxes.copy(), some.labels.copy()
    image[3, 0, 0, 0] ^= 1
    box[2, 0] += 0.25
    label[0] = 2
    others = [(image, some.labels, some.boxes, some.classes), (some.images, some.labels, box, some.classes),
              (some.images, label, some.boxes, some.classes), (some.images, some.labels, some.boxes, ("a", "b", "c"))]
    prints = {fingerprint(contents(Samples(i, k, b, some.names, c))) for i, k, b, c in others}
    prints |= {first, *(fingerprint(contents(some.subset(order))) for order in ([1, 0, 2, 3, 4, 5], range(5)))}
    assert len(prints) == 7
    assert of_data({"train": some, "valid": some.subset([])}) == {"train": first}


def test_what_is_other_than_it_was_is_said_as_far_as_it_is_known():
    here = {"versions": {"numpy": "2.2", "tinycnn": "1", "blas": "b"},
            "data": {"fingerprint": {"train": "a", "test": "b"}}}
    assert other_than({}, here) == other_than(here, here) == []
    was = {"versions": {"numpy": "2.1", "tinycnn": "1"}, "data": {"fingerprint": {"train": "x", "test": "b"}}}
    first, second = other_than(was, here)
    assert "its train samples were others" in first and second.startswith("numpy was 2.1 and is 2.2")


def test_fit_leaves_a_note_once(tmp_path):
    model, part = network(), pictures(12)
    tc.fit(model, part, epochs=1, batch_size=4, out=tmp_path, progress=False)
    first = (tmp_path / "run.json").read_bytes()
    note = json.loads(first)
    assert note["settings"]["batch_size"] == 4 and note["command"] == origin()["command"]
    assert note["data"]["fingerprint"] == of_data({"train": part})
    tc.fit(model, part, epochs=2, batch_size=4, out=tmp_path, resume=True, progress=False)
    assert (tmp_path / "run.json").read_bytes() == first
    for name in ("model.npz", "checkpoint.npz", "checkpoint.previous.npz", "history.csv"):
        (tmp_path / name).unlink()
    with pytest.raises(tc.errors.CheckpointError, match="already holds a run .run.json."):  # else it would be another's
        tc.fit(model, part, epochs=1, batch_size=4, out=tmp_path, progress=False)


@pytest.mark.slow
def test_from_the_command_line(tmp_path, monkeypatch, capsys):
    from tests.test_cli import photographs
    from tinycnn.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinycnn.cli.train._draw", lambda *arguments: [])
    photographs(tmp_path / "data", 24)
    call = ["train", "--data", "data", "--image-size", "32", "--channels", "4,8", "--hidden", "16", "--epochs", "1",
            "--device", "cpu"]
    assert main([*call, "--out", "run"]) == 0
    config = json.loads(Path("run/config.json").read_text())
    assert config["command"] == f"tinycnn {' '.join(call)} --out run" and config["folder"] == str(tmp_path)
    assert set(config["data"]["fingerprint"]) == {"train", "valid", "test"} and config["versions"]["numpy"]
    assert not Path("run/run.json").exists()
    capsys.readouterr()
    assert main(["train", "--config", "run", "--out", "again"]) == 0
    assert "note: of run" not in capsys.readouterr().out
    lines = Path("data/labels.csv").read_text().replace("8,5,30,20", "9,5,30,20")
    Path("data/labels.csv").write_text(lines)
    assert main(["train", "--config", "run", "--out", "other"]) == 0
    assert "note: of run: its train and valid and test samples were others" in capsys.readouterr().out
    assert main(["train", "--config", "run", "--size", "9", "--out", "fewer"]) == 0  # meant to be other
    assert "note: of run" not in capsys.readouterr().out
