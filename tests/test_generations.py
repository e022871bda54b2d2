"""The checkpoint before the last: a run goes on from it where the last is damaged or another's, and says so."""

import io
import json
import os
import shutil
import types
import zipfile

import numpy as np
import pytest

import tinycnn as tc
from tests.test_checkpoint import run, stopped
from tests.test_training import assert_same_bits, squares, weights
from tinycnn.data.augment import Augment
from tinycnn.errors import CheckpointError
from tinycnn.files import atomic_write
from tinycnn.generations import FOREIGN, LAST, PREVIOUS, newest

HOW = {"epochs": 4, "augment": Augment.light()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A whole run, and one that was interrupted after its third epoch."""
    folder = tmp_path_factory.mktemp("runs")
    whole, _ = run(folder / "whole", **HOW)
    stopped(folder / "cut", 3, **HOW)
    stopped(folder / "other settings", 3, **HOW | {"batch_size": 8})
    stopped(folder / "other samples", 3, samples=squares(32, 5), **HOW)
    return folder, whole


@pytest.fixture
def cut(runs, tmp_path):
    shutil.copytree(runs[0] / "cut", tmp_path / "cut")
    return tmp_path / "cut"


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def bit(path):
    """One bit of the optimizer's state, which nothing but the checksum would notice."""
    content = bytearray(path.read_bytes())
    content[content.index(b"more/mean.trunk.conv1.w.npy") + 300] ^= 1
    path.write_bytes(content)


def zeros(path):
    """What some file systems leave after a power cut."""
    path.write_bytes(bytes(path.stat().st_size))


def without(path):
    """An array of the optimizer is lost, and what is left is a whole archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if name != "more/square.box_head.w.npy"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


DAMAGE = [half, bit, zeros, lambda path: path.write_bytes(b""), lambda path: path.unlink(), without]


@pytest.mark.parametrize("damage", DAMAGE, ids=["half", "bit", "zeros", "empty", "gone", "lost"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(runs, cut, damage):
    assert newest(cut).behind == "3 epochs" and not newest(cut).why
    good = (cut / PREVIOUS).read_bytes()
    damage(cut / LAST)
    with pytest.warns(UserWarning, match=rf"{LAST} is .*The one before it, .*{PREVIOUS}, is whole: .* with 2 epochs"):
        again, history = run(cut, resume=True, **HOW | {"epochs": 4, "on_epoch": keeps(cut, good)})
    assert len(history) == 4
    assert_same_bits(runs[1], again)
    best = (weights(tc.load(folder / "model.npz")) for folder in (runs[0] / "whole", cut))
    assert_same_bits(*best)


def keeps(folder, good):
    """The good one is not replaced by the damaged one."""
    def on_epoch(row, model):
        if row["epoch"] == 3:
            assert newest(folder).behind == "3 epochs" and (folder / PREVIOUS).read_bytes() == good
    return on_epoch


def rewritten(path, change):
    """Write a checkpoint again, whole, behind change(what it says of its run, its members)."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    meta = json.loads(bytes(np.load(io.BytesIO(members["meta.npy"]))))
    change(meta["extra"], members)
    members["meta.npy"] = npy(np.frombuffer(json.dumps(meta).encode(), np.uint8))
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize("says", [
    {"settings": [1]}, {"settings": {}}, {"rows": 5}, {"rows": [1]}, {"rows": [{}]}, {"steps": "many"}, {"steps": -1},
    {"turns": 5}, {"rng": None}, {"within": [1]},
], ids=str)  # fmt: skip
def test_what_a_checkpoint_says_of_its_run_makes_sense(cut, says):
    """Its checksums are right, so somebody has written it."""
    rewritten(cut / LAST, lambda extra, members: extra.update(says))
    assert newest(cut).behind == "2 epochs" and f"{LAST}: what it says of its run is damaged" in newest(cut).why
    (cut / PREVIOUS).unlink()
    with pytest.raises(CheckpointError, match="is damaged .*Without a checkpoint a run cannot go on"):
        newest(cut)


FOREIGNERS = {
    "with other settings: batch_size was 8, is 16": lambda path: shutil.copy(path.parents[1] / "other settings", path),
    "has learned from other samples": lambda path: shutil.copy(path.parents[1] / "other samples", path),
    "average.box_head.b is lost": lambda path: rewritten(path, lambda extra, members: extra.update(average=3)),
    "the random generator of trunk.dropout1": lambda path: rewritten(path, lambda extra, _: extra.update(rng={})),
    r"model/box_head.w is \(2, 2\), and": lambda path: rewritten(
        path, lambda _, members: members.update({"model/box_head.w.npy": npy(np.zeros((2, 2), "float32"))})),
    r"more/mean.box_head.w is \(1, 1\), and": lambda path: rewritten(
        path, lambda _, members: members.update({"more/mean.box_head.w.npy": npy(np.zeros((1, 1), "float32"))})),
}  # fmt: skip


@pytest.mark.parametrize("words", FOREIGNERS)
def test_a_checkpoint_of_another_run_is_passed_over_and_kept(runs, cut, words):
    for name in ("other settings", "other samples"):
        shutil.copy(runs[0] / name / LAST, cut.parent / name)
    FOREIGNERS[words](cut / LAST)
    foreign, good = (cut / LAST).read_bytes(), (cut / PREVIOUS).read_bytes()
    with pytest.warns(UserWarning, match=f"{LAST}.*{words}.* The one before it, .* is kept as {FOREIGN}"):
        again, _ = run(cut, resume=True, **HOW | {"on_epoch": keeps(cut, good)})
    assert_same_bits(runs[1], again)
    assert (cut / FOREIGN).read_bytes() == foreign


def test_where_none_is_of_this_run_nothing_is_changed(runs, cut):
    before = {path.name: path.read_bytes() for path in cut.iterdir()}
    with pytest.raises(CheckpointError, match="with other settings: batch_size was 16, is 8"):
        run(cut, resume=True, **HOW | {"batch_size": 8})
    assert {path.name: path.read_bytes() for path in cut.iterdir()} == before


@pytest.mark.parametrize("lost", ["square.box_head.w", "average.box_head.w"])
def test_what_was_written_without_an_array_of_the_optimizer_is_refused(tmp_path, lost):
    how = {"average": 0.9}
    stopped(tmp_path, 1, **how)
    model, extra, arrays = tc.models.weights.load_with_extra(tmp_path / LAST)
    tc.save(model, tmp_path / LAST, extra, {name: array for name, array in arrays.items() if name != lost})
    with pytest.raises(CheckpointError, match=f"{lost} is lost, without which a run takes other steps"):
        run(tmp_path, resume=True, **how)


def test_where_both_are_damaged_it_says_both(cut):
    half(cut / LAST)
    bit(cut / PREVIOUS)
    before = {path.name: path.read_bytes() for path in cut.iterdir()}
    with pytest.raises(CheckpointError, match=rf"{LAST} is damaged .*; and .*{PREVIOUS} is damaged"):
        run(cut, resume=True, **HOW)
    assert {path.name: path.read_bytes() for path in cut.iterdir()} == before


def test_the_model_of_two_epochs_later_is_the_runs_own(runs, cut):
    """Killed behind model.npz of epoch 4, with the checkpoint of epoch 3 damaged: it goes on from epoch 2."""
    _, extra, arrays = tc.models.weights.load_with_extra(runs[0] / "whole/model.npz")
    tc.save(tc.load(runs[0] / "whole/model.npz"), cut / "model.npz", extra | {"epoch": 4}, arrays)
    half(cut / LAST)
    with pytest.warns(UserWarning, match="The one before it"):
        assert_same_bits(runs[1], run(cut, resume=True, **HOW)[0])


def test_there_is_no_moment_without_a_whole_checkpoint(tmp_path, monkeypatch):
    """Whatever the power is cut behind."""
    (tmp_path / LAST).write_bytes(b"two")
    (tmp_path / PREVIOUS).write_bytes(b"one")
    seen, replace = [], os.replace

    def watched(*names):
        seen.append((tmp_path / LAST).read_bytes())
        replace(*names)
        seen.append((tmp_path / LAST).read_bytes())

    monkeypatch.setattr(os, "replace", watched)
    with atomic_write(tmp_path / LAST, previous=tmp_path / PREVIOUS) as file:
        file.write(b"three")
    assert seen == [b"two", b"two", b"two", b"three"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {LAST: b"three", PREVIOUS: b"two"}
    os.link(tmp_path / LAST, tmp_path / "link")  # killed between the two renames: both names are one file
    replace(tmp_path / "link", tmp_path / PREVIOUS)
    with atomic_write(tmp_path / LAST, previous=tmp_path / PREVIOUS) as file:
        file.write(b"four")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {LAST: b"four", PREVIOUS: b"three"}


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def link(*names):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", link)
    for content in (b"one", b"two"):
        with atomic_write(tmp_path / LAST, previous=tmp_path / PREVIOUS) as file:
            file.write(content)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {LAST: b"two", PREVIOUS: b"one"}


def test_a_disk_that_is_too_small_is_said_before_the_first_step(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=20_000))
    with pytest.raises(CheckpointError, match=r"needs about .* kB more for model.npz and two checkpoints, and 20 kB"):
        run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_a_run_takes_is_about_what_was_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tinycnn.generations.LARGE", 0)
    run(tmp_path, epochs=3, average=0.9, progress=True)
    said = float(capsys.readouterr().out.partition("takes about ")[2].partition(" kB")[0])
    took = sum((tmp_path / name).stat().st_size for name in (LAST, PREVIOUS, "model.npz")) / 1000
    heads = 1.0 * sum(len(np.load(tmp_path / name).files) for name in (LAST, PREVIOUS, "model.npz"))  # kB: of arrays
    assert said < took < said + heads


def test_the_damaged_checkpoint_of_a_first_epoch(tmp_path):
    stopped(tmp_path, 1)
    half(tmp_path / LAST)
    with pytest.raises(CheckpointError, match="Without a checkpoint a run cannot go on"):
        run(tmp_path, squares(32), resume=True)
