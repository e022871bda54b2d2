"""Snapshots of the epochs: the training is the same with them, a resumed run goes on with them, and they stay small."""

import zipfile

import numpy as np
import pytest

import tinycnn as tc
from tests.test_training import SMALL, assert_same_bits, squares, weights
from tinycnn import snapshots
from tinycnn.backend import to_numpy
from tinycnn.data.augment import Augment
from tinycnn.errors import DataError
from tinycnn.snapshots import POOL, SHOWN, Record, Snapshots, read_record


def fit(out=None, epochs=3, model=None, valid=30, **options):
    model = tc.models.localizer(**SMALL) if model is None else model
    history = tc.fit(model, squares(50), squares(valid, 1) if valid else None, epochs=epochs, batch_size=16, out=out,
                     progress=False, optimizer=tc.optim.Adam(model, lr=3e-3), augment=Augment.light(), **options)
    return weights(model), history


def stopped(out, epoch, **options):
    def stop(row, model):
        if row["epoch"] == epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(out, on_epoch=stop, **options)


def arrays(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def test_a_run_has_the_same_bits_with_snapshots_as_without(tmp_path):
    with_them, history = fit(tmp_path)
    assert (tmp_path / "epochs.npz").exists()
    without, other = fit()
    assert_same_bits(with_them, without)
    assert [row | {"seconds": 0} for row in history.rows] == [row | {"seconds": 0} for row in other.rows]


@pytest.mark.parametrize("per_class_boxes", [False, True])
def test_each_epoch_says_what_the_model_says_then(tmp_path, per_class_boxes):
    """... of POOL pictures of the validation samples, and each of them is kept as it is."""
    valid, seen = squares(30, 1), []
    model = tc.models.localizer(**SMALL, per_class_boxes=per_class_boxes, mirror=per_class_boxes)
    fit(tmp_path, model=model, on_epoch=lambda row, model: seen.append(model.predict(valid.images)))
    record = read_record(tmp_path / "epochs.npz")
    assert record.part == "valid" and record.epochs.tolist() == [1, 2, 3] and len(set(record.names)) == POOL
    assert record.classes == ["bright", "dark"]
    pool = [valid.names.index(name) for name in record.names]
    np.testing.assert_array_equal(record.labels, valid.labels[pool])
    np.testing.assert_allclose(record.truth * 16, valid.boxes[pool], rtol=1e-6)
    for e, answers in enumerate(seen):
        shares = answers.probabilities[pool]
        np.testing.assert_array_equal(record.top[e, :, 0], answers.labels[pool])
        np.testing.assert_allclose(record.shares[e], -np.sort(-shares, axis=1), rtol=1e-4)
        np.testing.assert_allclose(record.true_shares[e], shares[np.arange(POOL), record.labels], rtol=1e-4)
        np.testing.assert_allclose(record.boxes[e] * 16, answers.boxes[pool], rtol=1e-3, atol=1e-3)
        overlaps = tc.boxes.iou(answers.boxes[pool], valid.boxes[pool])
        np.testing.assert_allclose(record.overlaps()[e], overlaps, atol=1e-3)
    assert len(record.pictures) == SHOWN
    for i, picture in record.pictures.items():
        np.testing.assert_array_equal(picture, valid.images[pool[i]])


def test_without_validation_the_training_pictures_are_looked_at_as_they_are(tmp_path):
    fit(tmp_path, valid=0, epochs=1)
    record, train = read_record(tmp_path / "epochs.npz"), squares(50)
    assert record.part == "train"
    for i, picture in record.pictures.items():  # not as augmentation shows them
        np.testing.assert_array_equal(picture, train.images[train.names.index(record.names[i])])


@pytest.mark.parametrize("stop", [1, 2])
def test_a_resumed_run_ends_with_the_same_snapshots(tmp_path, stop):
    fit(tmp_path / "whole", epochs=4)
    stopped(tmp_path / "cut", stop, epochs=4)
    fit(tmp_path / "cut", epochs=4, resume=True)
    whole, cut = arrays(tmp_path / "whole/epochs.npz"), arrays(tmp_path / "cut/epochs.npz")
    assert list(whole) == list(cut) and whole["epochs"].tolist() == [1, 2, 3, 4]
    assert_same_bits(whole, cut)


def test_an_epoch_beyond_the_checkpoint_is_done_again_and_not_kept_twice(tmp_path):
    """A run that was killed between epochs.npz and checkpoint.npz."""
    stopped(tmp_path, 2)
    kept = (tmp_path / "checkpoint.npz").read_bytes()
    fit(tmp_path, resume=True)
    (tmp_path / "checkpoint.npz").write_bytes(kept)
    fit(tmp_path, resume=True)
    assert read_record(tmp_path / "epochs.npz").epochs.tolist() == [1, 2, 3]


def test_a_damaged_file_is_said_and_costs_the_earlier_epochs_alone(tmp_path, capsys):
    stopped(tmp_path, 2)
    (tmp_path / "epochs.npz").write_bytes(b"PK\x03\x04 nothing")
    model = tc.models.localizer(**SMALL)
    tc.fit(model, squares(50), squares(30, 1), epochs=3, batch_size=16, out=tmp_path, resume=True,
           augment=Augment.light(), optimizer=tc.optim.Adam(model, lr=3e-3))
    assert "epochs.npz is damaged" in capsys.readouterr().out
    assert read_record(tmp_path / "epochs.npz").epochs.tolist() == [3]
    (tmp_path / "epochs.npz").unlink()
    fit(tmp_path, epochs=3, resume=True)  # nothing more to do, and nothing to say


@pytest.mark.parametrize("what", ["cut", "half damaged",
                                  "pickled", "of others", "wrong shape", "unknown class", "huge", "no picture"])
def test_damaged_and_foreign_files_are_refused_in_a_sentence(tmp_path, what, monkeypatch):
    fit(tmp_path, epochs=1)
    path = tmp_path / "epochs.npz"
    held, meta = arrays(path), {}
    if what == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    elif what == "half damaged":
        spoiled = bytearray(path.read_bytes())
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo("boxes.npy")
        start = member.header_offset + 30 + len("boxes.npy") + 40
        spoiled[start : start + 40] = b"\xff" * 40  # zlib says so, and not zipfile
        path.write_bytes(spoiled)
    elif what == "huge":
        monkeypatch.setattr(snapshots, "LIMIT", 1000)
    else:
        picture = next(name for name in held if name.startswith("picture"))
        meta = {"pickled": {"top": np.array([{}], object)}, "wrong shape": {"boxes": held["boxes"][:, :-1]},
                "of others": {"meta": np.frombuffer(b'{"format": 1}', "u1")}, "unknown class": {"top": held["top"] + 2},
                "no picture": {picture: np.zeros(3)}}[what]
        np.savez(path, **held | meta)
    with pytest.raises(DataError, match="epochs.npz is damaged, or was written by something else"):
        read_record(path)


def record_of(right, **fields):
    """A Record whose pictures are right (1) or wrong (0) as `right` (E, P) says: wrong ones name the other class."""
    right = np.array(right)
    e, p = right.shape
    truth = np.tile(np.array([0.2, 0.2, 0.8, 0.8], np.float32), (p, 1))
    top = np.stack([1 - right, right], axis=2).astype(np.uint16)
    return Record("valid", [f"{i}" for i in range(p)], ["a", "b"], np.zeros(p, int), truth, np.full((p, 2), 20),
                  np.arange(1, e + 1), top, np.full((e, p, 2), 0.5, np.float32), np.full((e, p), 0.5, np.float32),
                  np.tile(truth, (e, 1, 1)), **fields)


def test_wrong_ones_are_shown_first_and_the_stubborn_before_the_others():
    learned, lost, stubborn, half = [0, 1, 1], [1, 1, 0], [0, 0, 0], [0, 1, 0]
    right = np.array([learned, lost, stubborn, half, learned, stubborn, learned]).T
    assert record_of(right).to_show() == [2, 5, 3, 1, 0, 4]
    all_wrong, all_right = np.zeros((2, 9), int), np.ones((2, 9), int)
    assert record_of(all_wrong).to_show() == record_of(all_right).to_show() == [0, 1, 2, 3, 4, 5]
    five_wrong = np.array([[0] * 5 + [1]])
    assert record_of(five_wrong).to_show() == [0, 1, 2, 3, 4, 5]  # no other right one is there
    assert record_of([[1, 0]]).to_show() == [1, 0]


def test_the_right_class_with_a_wrong_box_is_wrong():
    record = record_of([[1, 1]])
    record.boxes[0, 1] = 0, 0, 0.3, 0.3
    assert record.right().tolist() == [[True, False]] and record.to_show() == [1, 0]


def test_a_long_run_keeps_every_second_epoch_and_stays_below_200_kilobytes(tmp_path, monkeypatch):
    """Numbers that nothing shrinks: random weights in every epoch, on pictures of noise."""
    rng = np.random.default_rng(0)
    samples = tc.data.dataset.Samples(rng.integers(0, 256, (30, 80, 60, 3), dtype=np.uint8), np.arange(30) % 9,
                                      np.tile([5, 5, 40, 50], (30, 1)), [f"picture-{i}.jpg" for i in range(30)],
                                      [f"class {k}" for k in range(9)])
    model = tc.models.localizer(num_classes=9, image_size=16, channels=(4,), hidden=8, classes=samples.classes)
    kept, path = Snapshots(tmp_path, model, {"valid": samples}), tmp_path / "epochs.npz"
    monkeypatch.setattr(Snapshots, "_answers", lambda self, labels: {
        "top": np.tile(rng.permutation(9)[:5], (POOL, 1)), "shares": rng.random((POOL, 5)),
        "true_shares": rng.random(POOL), "boxes": np.sort(rng.random((POOL, 4)))})
    for epoch in range(1, 103):
        kept.keep(epoch)
        if epoch == 100:
            assert read_record(path).epochs.tolist() == list(range(1, 101)) and path.stat().st_size < 200_000
    record = read_record(path)
    assert record.epochs.tolist() == [*range(1, 102, 2), 102]
    assert path.stat().st_size < 200_000
    assert {picture.shape for picture in record.pictures.values()} == {(64, 48, 3)}
    again = Snapshots(tmp_path, model, {"valid": samples})
    again.begin(102)
    again.keep(103)
    assert read_record(path).epochs.tolist() == [*range(1, 104, 2)]


def test_a_network_of_nan_is_noted_and_not_what_stops_the_training(tmp_path):
    model = tc.models.localizer(**SMALL)
    model.class_head.w.value[:] = model.box_head.w.value[:] = np.nan
    samples = squares(8)
    model.set_box_statistics(tc.boxes.encode(samples.boxes, samples.sizes))
    model.classes = samples.classes
    Snapshots(tmp_path, model, {"train": samples}).keep(1)
    record = read_record(tmp_path / "epochs.npz")
    assert np.isnan(record.shares).all() and not record.right().any()


def test_a_model_in_the_middle_of_a_run_stays_as_it_is(tmp_path, device):
    model = tc.models.localizer(**SMALL).to(device).train()
    samples = squares(8)
    model.set_box_statistics(tc.boxes.encode(samples.boxes, samples.sizes))
    model.classes = samples.classes
    before = {name: to_numpy(p.value).copy() for name, p in model.parameters().items()}
    dropout = model.trunk["dropout1"]
    drawn = str(dropout.rng.bit_generator.state)
    Snapshots(tmp_path, model, {"train": samples}).keep(1)
    assert model.training and dropout.training and str(dropout.rng.bit_generator.state) == drawn
    assert_same_bits(before, {name: to_numpy(p.value) for name, p in model.parameters().items()})


def test_poses_have_no_such_file(tmp_path):
    people = tc.data.draw_people(8, 32, 0, 0, 1)
    tc.fit(tc.models.pose_resnet(32, (4, 4, 4, 4), 8), people.train, epochs=1, out=tmp_path, progress=False)
    assert "epochs.npz" not in {path.name for path in tmp_path.iterdir()}
