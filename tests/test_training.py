"""Training end to end on a set so easy that it must be learned, and what happens when a run is cut short."""

import csv
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.data.augment import Augment
from tinycnn.data.dataset import Samples
from tinycnn.errors import CheckpointError, DataError, TrainingError
from tinycnn.models.pose import pose_resnet

SMALL = dict(num_classes=2, image_size=16, channels=(4, 8), hidden=16, dropout=0.2)


def squares(n, seed=0, size=16):
    """Bright (class 0) or dark (class 1) rectangles on gray: one look at the pixels solves it."""
    rng = np.random.default_rng(seed)
    images, labels, boxes = np.full((n, size, size, 3), 128, np.uint8), np.arange(n) % 2, np.zeros((n, 4))
    for image, label, box in zip(images, labels, boxes, strict=True):
        h, w = rng.integers(5, 12, 2)
        y, x = rng.integers(0, size - h + 1), rng.integers(0, size - w + 1)
        image[y : y + h, x : x + w] = 30 if label else 220
        box[:] = x, y, x + w, y + h
    return Samples(images, labels, boxes, [f"square {i}" for i in range(n)], ("bright", "dark"))


def weights(model):
    return {name: p.value.copy() for name, p in model.parameters().items()}


def assert_same_bits(one, other):
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_it_learns_what_and_where():
    train, test = squares(400, seed=0), squares(100, seed=1)
    model = tc.models.localizer(**SMALL | {"dropout": 0.0})
    history = tc.fit(model, train, test, epochs=8, batch_size=20, progress=False,
                     optimizer=tc.optim.Adam(model, lr=3e-3))
    assert history.column("loss")[-1] < 0.3 * history.column("loss")[0]
    row = history.rows[-1]
    assert row["valid_accuracy"] == 1.0 and row["valid_mean_iou"] > 0.6 and row["valid_joint"] > 0.8
    metrics = tc.evaluate(model, test, train)
    assert metrics["accuracy"] == row["valid_accuracy"]
    assert metrics["mean_iou"] == pytest.approx(row["valid_mean_iou"], abs=1e-6)


def test_both_terms_and_the_weighted_sum_are_in_the_history():
    model = tc.models.localizer(**SMALL)
    history = tc.fit(model, squares(40), squares(20, 1), epochs=2, batch_size=16, progress=False,
                     loss=tc.MultiTaskLoss(class_weight=2.0, box_weight=0.5))
    for row in history.rows:
        assert row["loss"] == pytest.approx(2 * row["class_loss"] + 0.5 * row["box_loss"], rel=1e-5)
        assert row["valid_loss"] == pytest.approx(2 * row["valid_class_loss"] + 0.5 * row["valid_box_loss"], rel=1e-5)
    assert history.column("epoch") == [1, 2]


def test_same_seed_same_bits_other_seed_other_bits():
    def run(seed):
        model = tc.models.localizer(**SMALL)
        tc.fit(model, squares(50), epochs=2, batch_size=16, seed=seed, progress=False, augment=Augment.light())
        return weights(model)

    assert_same_bits(run(3), run(3))
    assert not np.array_equal(run(3)["trunk.fc1.w"], run(4)["trunk.fc1.w"])


def test_background_workers_do_not_change_a_bit():
    def run(workers):
        model = tc.models.localizer(**SMALL)
        tc.fit(model, squares(50), epochs=2, batch_size=8, workers=workers, progress=False, augment=Augment.strong())
        return weights(model)

    assert_same_bits(run(0), run(3))


def test_the_simulated_device_trains_to_the_same_bits_as_the_host(device, monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "1")  # two threads add their shares of dw in another order than one device
    monkeypatch.setenv("TINYCNN_ENGINE", "0")  # devices compute with patches

    def run(where):
        model = tc.models.localizer(**SMALL)
        history = tc.fit(model, squares(40), squares(10, 1), epochs=2, batch_size=16, progress=False, device=where)
        return weights(model.to("cpu")), history

    (here, history), (there, other) = run("cpu"), run(device)
    if device == "cuda":
        for name in here:
            np.testing.assert_allclose(there[name], here[name], rtol=1e-2, atol=1e-3, err_msg=name)
    else:
        assert_same_bits(here, there)
        assert history.column("valid_loss") == other.column("valid_loss")


def test_files_of_a_run(tmp_path):
    model = tc.models.localizer(**SMALL)
    history = tc.fit(model, squares(40), squares(20, 1), epochs=3, batch_size=16, progress=False, out=tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.npz", "checkpoint.previous.npz", "epochs.npz",
                                                          "history.csv", "model.npz", "run.json"]
    with open(tmp_path / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert [float(r["loss"]) for r in rows] == pytest.approx(history.column("loss"), rel=1e-5)
    best = tc.load(tmp_path / "model.npz")
    joint = tc.evaluate(best, squares(20, 1))["joint"]
    assert joint == pytest.approx(max(history.column("valid_joint")))
    assert best.classes == ("bright", "dark")


@pytest.mark.parametrize("optimizer", [tc.optim.SGD, tc.optim.Adam])
def test_resume_after_any_epoch_gives_the_same_bits(tmp_path, optimizer):
    def run(out, stop_after=None, resume=False):
        model = tc.models.localizer(**SMALL)

        def stop(row, _):
            if row["epoch"] == stop_after:
                raise KeyboardInterrupt

        history = tc.fit(model, squares(50), squares(10, 1), epochs=4, batch_size=16, progress=False, out=out,
                         resume=resume, on_epoch=stop, optimizer=optimizer(model, lr=1e-3), augment=Augment.light())
        return weights(model), history

    whole, history = run(tmp_path / "whole")
    for stop_after in (1, 3):
        out = tmp_path / f"cut{stop_after}"
        with pytest.raises(KeyboardInterrupt):
            run(out, stop_after)
        again, continued = run(out, resume=True)
        assert_same_bits(whole, again)
        assert continued.column("valid_loss") == history.column("valid_loss")
        assert_same_bits(weights(tc.load(tmp_path / "whole/model.npz")), weights(tc.load(out / "model.npz")))


SCRIPT = """
    import sys
    import tinycnn as tc
    from tests.test_training import SMALL, squares
    from tinycnn.data.augment import Augment
    model = tc.models.localizer(**SMALL)
    tc.fit(model, squares(96), squares(16, 1), epochs=6, batch_size=8, progress=False, out=sys.argv[1], resume=True,
           augment=Augment.light(), on_epoch=lambda row, _: print(row["epoch"], flush=True))
"""


@pytest.mark.slow
def test_a_run_killed_at_any_moment_resumes_to_the_same_bits(tmp_path):
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT)]
    environment = os.environ | {"PYTHONPATH": root}
    subprocess.run([*command, tmp_path / "whole"], check=True, cwd=root, env=environment, stdout=subprocess.DEVNULL)
    rng, kills = np.random.default_rng(0), 0
    while kills < 12:
        process = subprocess.Popen([*command, tmp_path / "cut"], cwd=root, env=environment, stdout=subprocess.PIPE)
        process.stdout.readline()  # past the imports: at least one more epoch is done, so this ends
        time.sleep(rng.uniform(0, 0.05))  # anywhere in training, validation or writing
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
        if process.returncode == 0:
            break
    subprocess.run([*command, tmp_path / "cut"], check=True, cwd=root, env=environment, stdout=subprocess.DEVNULL)
    assert kills >= 2, "the run ended before it could be killed"
    for name in ("model.npz", "checkpoint.npz", "epochs.npz"):
        with np.load(tmp_path / "whole" / name) as whole, np.load(tmp_path / "cut" / name) as cut:
            assert_same_bits({k: whole[k] for k in whole if k != "meta"}, {k: cut[k] for k in cut if k != "meta"})


def test_a_balanced_run_resumes_to_the_same_bits_and_not_unbalanced(tmp_path):
    """10 bright and 50 dark squares; two runs, of which one is stopped after its second epoch."""
    train = squares(100).subset(np.r_[0:20, np.arange(21, 100, 2)])
    assert np.bincount(train.labels).tolist() == [10, 50]

    def run(out, epochs=4, stop=None, **how):
        def on_epoch(row, model):
            if row["epoch"] == stop:
                raise KeyboardInterrupt
        model = tc.models.localizer(**SMALL)
        tc.fit(model, train, epochs=epochs, batch_size=8, progress=False, out=out, on_epoch=on_epoch,
               augment=Augment.light(), optimizer=tc.optim.Adam(model, lr=1e-3), **how)
        return weights(model)

    whole = run(tmp_path / "a", balance=True)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "b", balance=True, stop=2, workers=0)
    with pytest.raises(CheckpointError, match="balance was True, is False"):
        run(tmp_path / "b", resume=True)
    assert_same_bits(whole, run(tmp_path / "b", balance=True, resume=True, workers=3))
    assert (run(tmp_path / "c")["class_head.w"] != whole["class_head.w"]).any()


def test_balance_of_what_has_no_classes():
    people = tc.data.draw_people(8, 32, 0, 0, 1)
    with pytest.raises(TypeError, match="balance shows classes equally often, and PoseNet has none"):
        tc.fit(pose_resnet(32, (4, 4, 4, 4), 8), people.train, epochs=1, balance=True, progress=False)


def test_resume_with_other_settings_is_refused_by_name(tmp_path):
    def run(**changes):
        model = tc.models.localizer(**SMALL)
        tc.fit(model, squares(40), out=tmp_path, progress=False, **{"epochs": 1, "batch_size": 16, **changes})

    run()
    with pytest.raises(CheckpointError, match="batch_size was 16, is 8"):
        run(batch_size=8, resume=True)
    with pytest.raises(CheckpointError, match="seed was 0, is 1; clip_norm was None, is 2.0"):
        run(clip_norm=2.0, seed=1, resume=True)


def test_resume_without_a_checkpoint_starts_from_the_beginning(tmp_path):
    model = tc.models.localizer(**SMALL)
    assert len(tc.fit(model, squares(20), epochs=1, out=tmp_path / "new", resume=True, progress=False)) == 1


def test_resume_from_a_damaged_checkpoint_says_so(tmp_path):
    model = tc.models.localizer(**SMALL)
    tc.fit(model, squares(20), epochs=1, out=tmp_path, progress=False)
    (tmp_path / "checkpoint.npz").write_bytes((tmp_path / "checkpoint.npz").read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=r"checkpoint.npz is damaged \(File is not a zip file\)"):
        tc.fit(model, squares(20), epochs=1, out=tmp_path, resume=True, progress=False)


def test_early_stopping_waits_for_patience():
    model = tc.models.localizer(**SMALL)
    history = tc.fit(model, squares(20), squares(10, 1), epochs=50, batch_size=16, patience=2, progress=False,
                     optimizer=tc.optim.SGD(model, lr=0.0))  # nothing changes, so the first epoch stays the best
    assert len(history) == 3 and history.best_epoch == 1


def test_while_no_answer_is_right_the_lowest_loss_is_the_best():
    def record(joint):
        return tc.history.History([{"epoch": k + 1, "valid_joint": value, "valid_loss": loss}
                                   for k, (value, loss) in enumerate(zip(joint, (3.0, 1.0, 2.0), strict=True))])

    assert record((0.0, 0.0, 0.0)).best_epoch == 2
    assert record((0.0, 0.0, 0.1)).best_epoch == 3 and record((0.2, 0.1, 0.2)).best_epoch == 1


def test_a_loss_that_is_not_a_number_stops_the_run_and_names_the_step(device):
    model = tc.models.localizer(**SMALL)
    with pytest.raises(TrainingError, match=r"the (class|box) loss became .* at step \d+ .*learning rate"):
        tc.fit(model, squares(40), epochs=3, batch_size=8, progress=False, device=device,
               optimizer=tc.optim.SGD(model, lr=1e30), schedule=tc.optim.constant())


def test_the_checkpoint_survives_a_run_that_diverges(tmp_path):
    model = tc.models.localizer(**SMALL)

    def sabotage(row, model):
        if row["epoch"] == 2:
            model.class_head.w.value[:] = np.nan

    with pytest.raises(TrainingError, match="class loss became nan at step 7"):
        tc.fit(model, squares(40), epochs=5, batch_size=16, progress=False, out=tmp_path, on_epoch=sabotage)
    assert np.isfinite(tc.load(tmp_path / "model.npz").class_head.w.value).all()


def test_a_full_disk_loses_nothing_that_was_there(tmp_path, monkeypatch):
    model = tc.models.localizer(**SMALL)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    def fill(row, model):
        monkeypatch.setattr(np, "savez", full)

    with pytest.raises(OSError, match="No space left"):
        tc.fit(model, squares(20), epochs=2, out=tmp_path, progress=False, on_epoch=fill)
    monkeypatch.undo()
    assert len(tc.history.History(tc.models.weights.load_with_extra(tmp_path / "checkpoint.npz")[1]["rows"])) == 1
    tc.fit(tc.models.localizer(**SMALL), squares(20), epochs=2, out=tmp_path, resume=True, progress=False)


def test_a_folder_that_holds_a_run_is_not_written_over(tmp_path):
    model = tc.models.localizer(**SMALL)
    tc.fit(model, squares(20), epochs=1, out=tmp_path, progress=False)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(CheckpointError, match="already holds a run .*resume=True"):
        tc.fit(model, squares(20), epochs=1, out=tmp_path, progress=False)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_samples_that_do_not_fit_are_refused_before_training():
    model = tc.models.localizer(**SMALL)
    with pytest.raises(DataError, match="empty"):
        tc.fit(model, squares(0), progress=False)
    three = squares(9)
    three.classes, three.labels = ("a", "b", "c"), np.arange(9) % 3
    with pytest.raises(DataError, match="num_classes=3"):
        tc.fit(model, three, progress=False)


def test_per_class_boxes_train():
    model = tc.models.localizer(**SMALL, per_class_boxes=True)
    history = tc.fit(model, squares(100), squares(20, 1), epochs=4, batch_size=20, progress=False,
                     optimizer=tc.optim.Adam(model))
    assert history.column("box_loss")[-1] < history.column("box_loss")[0]


def test_overfitting_a_handful():
    few = squares(6)
    model = tc.models.localizer(**SMALL | {"dropout": 0.0})
    tc.fit(model, few, epochs=120, batch_size=6, progress=False, optimizer=tc.optim.Adam(model, lr=3e-3))
    metrics = tc.evaluate(model, few)
    assert metrics["joint"] == 1.0 and metrics["mean_iou"] > 0.9


def test_model_statistics_come_from_the_training_boxes_and_are_kept_when_training_goes_on():
    train = squares(40)
    model = tc.models.localizer(**SMALL)
    tc.fit(model, train, epochs=1, progress=False)
    codes = tc.boxes.encode(train.boxes, train.sizes)
    np.testing.assert_allclose(model.box_mean, codes.mean(axis=0))
    tc.fit(model, squares(30, seed=9), epochs=1, progress=False)
    np.testing.assert_allclose(model.box_mean, codes.mean(axis=0))


def test_a_picture_that_vanishes_in_the_first_epoch_is_left_out_of_its_snapshots_too(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    from tinycnn.snapshots import read_record

    paths = [tmp_path / f"{i}.png" for i in range(12)]
    for i, path in enumerate(paths):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(path)
    images = tc.data.Photographs(paths, [(40, 30)] * 12, cache=tc.data.photographs.PixelCache(0))
    samples = tc.data.Samples(images, np.arange(12) % 2, np.tile((3, 3, 20, 20), (12, 1)), list(map(str, paths)), "ab")
    model = tc.models.localizer(2, image_size=32, channels=(4,), hidden=8, classes=("a", "b"))
    with pytest.warns(UserWarning, match="the picture is gone"):
        tc.fit(model, samples, epochs=1, batch_size=5, progress=False, out=tmp_path / "run",
               on_step=lambda told, _: paths[7].unlink(missing_ok=True))
    assert len(read_record(tmp_path / "run/epochs.npz").names) == 11


@pytest.mark.parametrize("augmented", [False, True])
def test_a_picture_that_vanishes_during_training_is_skipped_counted_and_named(tmp_path, augmented):
    Image = pytest.importorskip("PIL.Image")
    from tinycnn.data import Augment, Photographs, Samples

    paths = [tmp_path / f"{i}.png" for i in range(12)]
    for i, path in enumerate(paths):
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(path)
    images = Photographs(paths, [(40, 30)] * 12, cache=tc.data.photographs.PixelCache(0))
    samples = Samples(images, np.arange(12) % 2, np.tile((3, 3, 20, 20), (12, 1)), [path.name for path in paths], "ab")
    model = tc.models.localizer(2, image_size=32, channels=(4,), hidden=8, classes=("a", "b"))

    def vanish(row, _):
        for name in {1: "7.png", 2: "3.png"}.get(row["epoch"], "").split():
            (tmp_path / name).unlink()

    with pytest.warns(UserWarning, match="the picture is gone") as told:
        history = tc.fit(model, samples, epochs=4, batch_size=5, progress=False, on_epoch=vanish, out=tmp_path / "run",
                         augment=Augment.light() if augmented else None)
    assert [str(one.message) for one in told] == [
        "sample 7 (7.png): the picture is gone, so it is left out; so far 1 of 12",
        "sample 3 (3.png): the picture is gone, so it is left out; so far 2 of 12"]
    assert len(history) == 4 and np.isfinite(history.column("loss")).all()
    for path in paths:
        path.unlink(missing_ok=True)
    with pytest.warns(UserWarning), pytest.raises(tc.errors.DataError, match="all 5 pictures of a batch are gone"):
        tc.fit(model, samples, epochs=1, batch_size=5, progress=False)
