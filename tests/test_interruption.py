"""Ctrl-C: the step is finished, the checkpoint written, and what goes on from it ends with the same bits."""

import signal
import threading

import numpy as np
import pytest

import tinycnn as tc
from tests.test_training import SMALL, assert_same_bits, squares, weights
from tinycnn.data.augment import Augment
from tinycnn.data.pose_augment import PoseAugment
from tinycnn.errors import CheckpointError
from tinycnn.generations import newest
from tinycnn.models.pose import pose_resnet


@pytest.fixture(autouse=True)
def usual():
    """Ctrl-C does what Python does with it; a shell may have said otherwise to what it started behind its back."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def run(out, stop=(), times=1, model=None, data=None, **options):
    """A training of 3 epochs of 5 batches. stop: numbers of steps at which Ctrl-C comes, so many times"""
    model = tc.models.localizer(**SMALL) if model is None else model
    train, valid = (squares(40), squares(8, 1)) if data is None else data

    def on_step(what, model):
        if what["step"] in stop:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    how = {"epochs": 3, "batch_size": 8, "progress": False, "optimizer": tc.optim.Adam(model, lr=1e-3)}
    history = tc.fit(model, train, valid, out=out, on_step=on_step, **how | options)
    return weights(model), history


def losses(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history.rows]


def expect_same(whole, cut, out):
    assert_same_bits(whole[0], cut[0])
    assert losses(whole[1]) == losses(cut[1])
    for name in {"model.npz", "checkpoint.npz", "epochs.npz"} & {path.name for path in (out / "whole").iterdir()}:
        with np.load(out / "whole" / name) as one, np.load(out / "cut" / name) as other:
            assert_same_bits({k: one[k] for k in one if k != "meta"}, {k: other[k] for k in other if k != "meta"})


EVERYTHING = {"augment": Augment.strong(), "workers": 2, "freeze": ("trunk", 1), "average": 0.9, "balance": True,
              "clip_norm": 1.0}


@pytest.mark.parametrize(("options", "stops"), [
    ({}, (3,)),  # within the first epoch
    ({}, (5, 6, 10)),  # behind its last step, again at once, and behind that of the second
    (EVERYTHING, (2, 8, 9, 15)),
    ({"augment": Augment.light(), "accumulate": 2, "valid": None}, (1, 5)),
])  # fmt: skip
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(tmp_path, options, stops, capsys):
    valid = (squares(8, 1),) if "valid" not in options else (None,)
    options = {name: value for name, value in options.items() if name != "valid"} | {"data": (squares(40), *valid)}
    whole = run(tmp_path / "whole", **options)
    for stop in stops:
        with pytest.raises(KeyboardInterrupt, match="stopped behind .* of epoch .* with the same bits"):
            run(tmp_path / "cut", (stop,), resume=True, **options)
        kept = newest(tmp_path / "cut")
        assert kept is not None and kept.within
    assert "this step is finished first" in capsys.readouterr().err
    expect_same(whole, run(tmp_path / "cut", resume=True, **options), tmp_path)


def test_batch_normalization_and_joints(tmp_path):
    people = tc.data.draw_people(20, 32, 0, 4, 1)

    def pose(out, stop=(), **options):
        return run(out, stop, model=pose_resnet(32, (4, 4), 8), data=(people.train, people.valid), epochs=2,
                   augment=PoseAugment.light(), **options)

    whole = pose(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        pose(tmp_path / "cut", (1,))
    expect_same(whole, pose(tmp_path / "cut", resume=True), tmp_path)


def test_a_second_one_ends_at_once_and_the_last_checkpoint_stays(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, (7,))
    before = (tmp_path / "checkpoint.npz").read_bytes()
    with pytest.raises(KeyboardInterrupt) as stopped:
        run(tmp_path, (9,), times=2, resume=True)
    assert not str(stopped.value) and (tmp_path / "checkpoint.npz").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_in_the_validation_it_waits_for_the_end_of_the_epoch(tmp_path, monkeypatch):
    from tinycnn.tasks.localization import Localization

    validate, seen = Localization.validate, []
    monkeypatch.setattr(Localization, "validate", lambda *a: (signal.raise_signal(signal.SIGINT), validate(*a))[1])
    with pytest.raises(KeyboardInterrupt, match="stopped behind 1 epoch"):
        run(tmp_path, on_epoch=lambda row, model: seen.append(row["epoch"]))
    assert seen == [1] and newest(tmp_path).behind == "1 epoch"


def test_without_a_folder_the_model_has_what_was_learned(capsys):
    model = tc.models.localizer(**SMALL)
    with pytest.raises(KeyboardInterrupt, match="2 of 5 batches of epoch 1; nothing is kept"):
        run(None, (2,), model=model)
    assert (model.class_head.b.value != 0).any() and not model.training


def test_ctrl_c_is_left_to_whoever_had_it(tmp_path):
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    run(None)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, (1,))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    came = []
    signal.signal(signal.SIGINT, lambda *_: came.append(1))
    try:
        run(None, (2, 3))
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert came == [1, 1]
    thread = threading.Thread(target=run, args=(None,))  # which may not say what signals do
    thread.start()
    thread.join()


def test_what_has_begun_is_finished(tmp_path, capsys):
    """The length of a run may change in the middle of an epoch too; that epoch counts."""
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, (7,))
    with pytest.raises(CheckpointError, match="has 1 epoch and 2 batches behind it, and 1 would be fewer: give 2"):
        run(tmp_path, resume=True, epochs=1)
    _, history = run(tmp_path, resume=True, epochs=2, progress=True)
    assert "behind batch 2 of epoch 2 the learning rate follows the schedule over 2 epochs" in capsys.readouterr().out
    assert history.column("epoch") == [1, 2]


def test_patience_that_was_made_smaller_lets_an_epoch_end(tmp_path):
    def still(**options):
        model = tc.models.localizer(**SMALL)
        return run(tmp_path, model=model, optimizer=tc.optim.SGD(model, lr=0.0), epochs=6, **options)[1]

    with pytest.raises(KeyboardInterrupt):
        still(stop=(17,))  # in the fourth epoch, the first being the best
    assert len(still(resume=True, patience=1)) == 4


def test_losses_that_are_not_those_of_the_batches_are_refused(tmp_path):
    from tinycnn.models.weights import load_with_extra, save

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, (7,))
    model, extra, arrays = load_with_extra(tmp_path / "checkpoint.npz")
    extra["within"]["batches"] = 3
    save(model, tmp_path / "checkpoint.npz", extra, arrays)
    previous = tmp_path / "checkpoint.previous.npz"
    previous.rename(tmp_path / "aside.npz")
    with pytest.raises(CheckpointError, match="3 batches of an epoch, and its losses are"):
        run(tmp_path, resume=True)
    (tmp_path / "aside.npz").rename(previous)
    with pytest.warns(UserWarning, match="3 batches of an epoch, and its losses are .* 1 epoch behind it"):
        run(tmp_path, resume=True)
