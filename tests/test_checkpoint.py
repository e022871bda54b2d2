"""What a run finds again when it is resumed, what may be other than it was, and what is refused by its name."""

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import tinycnn as tc
from tests.test_training import SMALL, assert_same_bits, squares, weights
from tinycnn.claims import claimed
from tinycnn.data.dataset import Samples
from tinycnn.errors import CheckpointError
from tinycnn.generations import read_checkpoint
from tinycnn.models.weights import load_with_extra, save

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(out, samples=None, valid=None, model=None, **options):
    model = tc.models.localizer(**SMALL) if model is None else model
    how = {"epochs": 2, "batch_size": 16, "progress": False, "optimizer": tc.optim.Adam(model, lr=1e-3)}
    samples, valid = squares(32) if samples is None else samples, squares(8, 1) if valid is None else valid
    history = tc.fit(model, samples, valid, out=out, **how | options)
    return weights(model), history


def stopped(out, epoch, **options):
    """A run that was interrupted after an epoch."""

    def stop(row, model):
        if row["epoch"] == epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(out, on_epoch=stop, **options)


def changed(samples, **fields):
    kept = {name: getattr(samples, name) for name in ("images", "labels", "boxes", "names", "classes")}
    return Samples(**kept | fields)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def without_what_is_new(path):
    """A checkpoint as earlier versions wrote it."""
    model = tc.models.localizer(**SMALL)
    _, extra, arrays = load_with_extra(path, into=model)
    for name in ("patience", "model", "layers", "machine"):
        del extra["settings"][name]
    if extra["settings"]["freeze"] is None:
        del extra["settings"]["freeze"]
    save(model, path, extra, {name: array for name, array in arrays.items() if not name.startswith("samples/")})


# --- the samples ---


def repainted():
    samples = squares(32)
    samples.images[5, 0, 0] = 77
    return samples


def relabeled():
    samples = squares(32)
    samples.labels[[2, 3]] = samples.labels[[3, 2]]
    return samples


def moved_boxes():
    samples = squares(32)
    samples.boxes[[4, 6]] = [[1, 1, 9, 9], [2, 2, 8, 8]]
    return samples


def reordered():
    return squares(32).subset(np.arange(32)[::-1])


@pytest.mark.parametrize(("samples", "words"), [
    (repainted, r"1 picture has changed \(square 5\)"),
    (relabeled, r"2 labels have changed \(square 2, square 3\)"),
    (moved_boxes, r"2 boxes have changed \(square 4, square 6\)"),
    (reordered, "the same pictures stand in another order"),
    (lambda: squares(32).subset(np.arange(1, 32)), r"1 picture is missing \(square 0\)"),
    (lambda: squares(32, seed=5), r"32 pictures have changed \(square 0, square 1, square 2, \.\.\.\)"),
])  # fmt: skip
def test_other_samples_are_refused_and_named(tmp_path, samples, words):
    stopped(tmp_path, 1)
    before = files(tmp_path)
    model = tc.models.localizer(**SMALL)
    fresh = weights(model)
    with pytest.raises(CheckpointError, match=words):
        run(tmp_path, samples(), model=model, resume=True)
    assert files(tmp_path) == before
    assert_same_bits(fresh, weights(model))


def test_a_class_that_was_renamed_is_named(tmp_path):
    stopped(tmp_path, 1)
    train, valid = (changed(samples, classes=("bright", "dim")) for samples in (squares(32), squares(8, 1)))
    with pytest.raises(CheckpointError, match="the classes were bright, dark, and are bright, dim"):
        run(tmp_path, train, valid, resume=True)


def test_other_validation_samples_are_refused_too(tmp_path):
    """They choose the best epoch."""
    stopped(tmp_path, 1)
    with pytest.raises(CheckpointError, match=r"8 pictures have changed \(square 0"):
        run(tmp_path, valid=squares(8, 2), resume=True)
    with pytest.raises(CheckpointError, match="there were train and valid samples, and now there are train"):
        run(tmp_path, valid=squares(0), resume=True)


def test_a_list_of_arrays_is_the_same_as_one_array_and_names_do_not_matter(tmp_path):
    stopped(tmp_path, 1)
    samples = changed(squares(32), images=list(squares(32).images), names=[f"renamed {i}" for i in range(32)])
    assert len(run(tmp_path, samples, resume=True)[1]) == 2


def test_pictures_that_are_made_when_asked_for_are_not_asked_for_all(tmp_path):
    class Made:
        asked, sizes = 0, np.full((32, 2), 16)

        def __len__(self):
            return 32

        def __getitem__(self, i):
            self.asked += 1
            return squares(32).images[i]

    made = Made()
    stopped(tmp_path, 1, samples=changed(squares(32), images=made))
    assert made.asked == 32  # in the epoch, and for nothing else
    with pytest.raises(CheckpointError, match="2 labels have changed"):
        run(tmp_path, changed(relabeled(), images=made), resume=True)
    with pytest.raises(CheckpointError, match="there were 32 train samples, and now there are 30"):
        run(tmp_path, squares(30), resume=True)
    assert len(run(tmp_path, changed(squares(32), images=made), resume=True)[1]) == 2


# --- the settings ---


@pytest.mark.parametrize(("options", "words"), [
    ({"model": lambda: tc.models.localizer(**SMALL | {"dropout": 0.5})}, "dropout was 0.2, is 0.5"),
    ({"model": lambda: tc.models.localizer(**SMALL | {"mirror": True})}, "mirror was False, is True"),
    ({"freeze": ("trunk", 1)}, r"freeze was None, is \['trunk', 1\]"),
    ({"seed": 4, "clip_norm": 3.0}, "seed was 0, is 4; clip_norm was None, is 3.0"),
])  # fmt: skip
def test_other_settings_are_refused_and_named(tmp_path, options, words):
    stopped(tmp_path, 1)
    if "model" in options:
        options = {"model": options["model"]()}
    with pytest.raises(CheckpointError, match=words):
        run(tmp_path, resume=True, **options)


def test_numbers_of_numpy_are_numbers(tmp_path):
    stopped(tmp_path, 1, epochs=np.int64(2), patience=np.int32(5), clip_norm=np.float32(3.0), seed=np.int64(1))
    assert len(run(tmp_path, epochs=3, patience=5, clip_norm=3.0, seed=1, resume=True)[1]) == 3


def test_a_layer_that_was_changed_by_hand_is_seen(tmp_path):
    stopped(tmp_path, 1)
    model = tc.models.localizer(**SMALL)
    (dropout,) = (layer for _, layer in model.layers() if isinstance(layer, tc.layers.Dropout))
    dropout.p = 0.6
    with pytest.raises(CheckpointError, match=r"was Dropout\(0.2\), is Dropout\(0.6\)"):
        run(tmp_path, model=model, resume=True)


def test_an_argument_that_one_version_alone_knows_is_no_difference(tmp_path):
    stopped(tmp_path, 1)
    model, extra, arrays = load_with_extra(tmp_path / "checkpoint.npz")
    extra["settings"]["model"].pop("mirror")
    extra["settings"]["model"]["of_another_version"] = 3
    save(model, tmp_path / "checkpoint.npz", extra, arrays)
    assert len(run(tmp_path, resume=True)[1]) == 2


def test_another_number_of_threads_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TINYCNN_THREADS", "2")
    stopped(tmp_path, 1)
    monkeypatch.setenv("TINYCNN_THREADS", "1")
    run(tmp_path, resume=True, progress=True)
    assert "threads was 2, and is 1 now: numbers may differ in their last digits" in capsys.readouterr().out


def test_a_checkpoint_of_an_earlier_version_is_resumed_and_says_what_was_not_checked(tmp_path, capsys):
    whole, _ = run(tmp_path / "whole", epochs=3)
    stopped(tmp_path / "cut", 1, epochs=3)
    without_what_is_new(tmp_path / "cut" / "checkpoint.npz")
    again, _ = run(tmp_path / "cut", epochs=3, resume=True, progress=True)
    assert "was not checked, only their number and the sums" in capsys.readouterr().out
    assert_same_bits(whole, again)
    assert read_checkpoint(tmp_path / "cut/checkpoint.npz").samples.keys() == {"train", "valid"}  # from here on it is


def test_what_earlier_versions_compared_is_still_compared(tmp_path):
    stopped(tmp_path, 1)
    without_what_is_new(tmp_path / "checkpoint.npz")
    for options, words in (({"samples": squares(30)}, "train was"), ({"freeze": ("trunk", 1)}, "freeze was None")):
        with pytest.raises(CheckpointError, match=words):
            run(tmp_path, resume=True, **options)


# --- how long it is ---


def test_more_epochs_follow_the_schedule_over_all_of_them(tmp_path, capsys):
    run(tmp_path, epochs=2)
    capsys.readouterr()
    _, history = run(tmp_path, epochs=4, resume=True, progress=True)
    out = capsys.readouterr().out
    begins, ended = (f"{1e-3 * tc.optim.cosine()(progress):.2g}" for progress in (2 / 4, 3 / 4))
    assert out.startswith("the run was one of 2 epochs and is one of 4 now: from epoch 3 on the learning rate follows "
                          f"the schedule over 4 epochs, which begins there with {begins}; epoch 2 ended with {ended}")
    assert history.column("epoch") == [1, 2, 3, 4]
    assert history.column("lr")[2:] == [1e-3 * tc.optim.cosine()(progress) for progress in (5 / 8, 7 / 8)]


def test_with_a_constant_rate_more_epochs_are_those_of_a_longer_run(tmp_path, capsys):
    constant = {"schedule": tc.optim.constant()}
    whole, _ = run(tmp_path / "whole", epochs=3, **constant)
    run(tmp_path / "cut", epochs=1, **constant)
    longer, _ = run(tmp_path / "cut", epochs=3, resume=True, progress=True, **constant)
    assert "stays as it was" in capsys.readouterr().out
    assert_same_bits(whole, longer)
    assert_same_bits(weights(tc.load(tmp_path / "whole/model.npz")), weights(tc.load(tmp_path / "cut/model.npz")))


def test_fewer_epochs_than_are_done_are_refused(tmp_path):
    run(tmp_path, epochs=3)
    before = files(tmp_path)
    with pytest.raises(CheckpointError, match="has 3 epochs behind it, and 2 would be fewer: give 3 or more"):
        run(tmp_path, epochs=2, resume=True)
    assert files(tmp_path) == before


def test_a_complete_run_says_so_and_stays_as_it_is(tmp_path, capsys):
    ended, _ = run(tmp_path, epochs=2)
    before = files(tmp_path)
    again, history = run(tmp_path, epochs=2, resume=True, progress=True)
    assert "the run is complete: 2 epochs of 2 are done" in capsys.readouterr().out
    assert files(tmp_path) == before and len(history) == 2
    assert_same_bits(ended, again)


def test_a_run_ended_by_its_patience_says_so_and_goes_on_with_more_of_it(tmp_path, capsys):
    still = {"epochs": 6, "schedule": tc.optim.constant()}  # nothing changes, so the first epoch stays the best

    def slow(out, **options):
        model = tc.models.localizer(**SMALL)
        return run(out, model=model, optimizer=tc.optim.SGD(model, lr=0.0), **still | options)[1]

    assert len(slow(tmp_path, patience=2)) == 3
    assert len(slow(tmp_path, patience=2, resume=True, progress=True)) == 3
    assert "ended by its patience: 2 epochs after epoch 1, the best, and none better" in capsys.readouterr().out
    assert len(slow(tmp_path, patience=4, resume=True, progress=True)) == 5
    assert "patience was 2, and is 4 from here on" in capsys.readouterr().out
    assert len(slow(tmp_path, patience=None, resume=True)) == 6


# --- one training at a time ---


def test_a_folder_in_which_another_training_writes_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="another training is writing into .*/run at this moment"):
        run(tmp_path / "run", on_epoch=lambda row, model: run_elsewhere(tmp_path / "run"))


def run_elsewhere(out):
    """In a thread of its own, as another caller."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        thread.submit(run, out, resume=True).result()


def test_what_fails_before_its_first_epoch_leaves_no_folder(tmp_path):
    model = tc.models.localizer(**SMALL)
    model.box_head.w.value[:] = np.nan
    with pytest.raises(tc.errors.TrainingError):
        run(tmp_path / "run", model=model)
    assert not (tmp_path / "run").exists()
    (tmp_path / "there").mkdir()
    with pytest.raises(tc.errors.TrainingError):
        run(tmp_path / "there", model=model)
    assert not files(tmp_path / "there")


def test_halves_of_files_go_when_it_is_resumed_and_nothing_else_goes(tmp_path):
    stopped(tmp_path, 1)
    for name in (".model.npz.ab12_x7z.part", ".checkpoint.npz.abcdefgh.part", "notes.part", ".other.txt.abcdefgh.part"):
        (tmp_path / name).write_bytes(b"half")
    run(tmp_path, resume=True)
    assert files(tmp_path).keys() == {"model.npz", "checkpoint.npz", "history.csv", "epochs.npz", "run.json",
                                      "checkpoint.previous.npz", "notes.part", ".other.txt.abcdefgh.part"}


CLAIM = """
    import sys, time
    from tinycnn.claims import claimed
    with claimed(sys.argv[1]):
        print("mine", flush=True)
        time.sleep(60)
"""


def test_a_claim_ends_with_its_process_however_that_ends(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(CLAIM), tmp_path / "run"]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": ROOT}, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"mine\n"
    with pytest.raises(CheckpointError, match="another training"), claimed(tmp_path / "run"):
        pass
    process.kill()
    process.communicate()
    with claimed(tmp_path / "run"), claimed(tmp_path / "run"):
        pass
    assert not files(tmp_path / "run")


def test_a_model_keeps_which_pictures_it_has_learned_from(tmp_path):
    run(tmp_path)
    _, extra, arrays = load_with_extra(tmp_path / "model.npz")
    assert json.dumps(extra) and {name: len(array) for name, array in arrays.items()} == {
        "samples/train/pictures": 32, "samples/valid/pictures": 8}


@pytest.mark.parametrize("damage", [
    {"samples/text": np.frombuffer(b"[]", np.uint8)}, {"samples/text": np.frombuffer(b"{", np.uint8)},
    {"samples/train/labels": np.zeros(3)}, {"samples/test/labels": np.zeros(3, np.uint64)},
])  # fmt: skip
def test_a_checkpoint_whose_samples_are_damaged(tmp_path, damage):
    run(tmp_path, epochs=1)
    path = tmp_path / "checkpoint.npz"
    model, extra, arrays = load_with_extra(path)
    save(model, path, extra, arrays | damage)
    with pytest.raises(CheckpointError, match="what it says of its run is damaged"):
        run(tmp_path, resume=True)
