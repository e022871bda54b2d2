"""Windows slid over pictures: a map of scores, suppression, training, files, the command line."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinycnn as tc
from tinycnn.boxes import iou
from tinycnn.classical.hog_svm import hog_svm
from tinycnn.classical.window import SAME, WindowDetector, suppress
from tinycnn.cli import main
from tinycnn.errors import CheckpointError, DataError

pytestmark = pytest.mark.slow  # most of it trains


@pytest.fixture(scope="module")
def data():
    return tc.data.scenes(n=150, image_size=64, valid=40, test=10, seed=0)


@pytest.fixture(scope="module")
def model(data):
    detector = hog_svm(len(data.classes), classes=data.classes)
    detector.fit(data.train, mined=40)
    return detector


def test_one_pass_over_a_level_equals_window_by_window(model):
    picture = np.random.default_rng(0).integers(0, 256, (1, 80, 96, 3), dtype=np.uint8)
    x = model.normalize(picture)
    scores = model.forward(x)
    assert scores.shape == (1, 5, 7, 10)
    # The whole level's cells share votes across a window's edge; a window by itself has none outside. So compare with
    # the blocks of the level, which is what is promised: HOG once, and windows that are pieces of it.
    blocks = model.hog.blocks(x)
    for i, j in ((0, 0), (2, 3), (4, 6)):
        piece = blocks[0, i : i + 5, j : j + 5].reshape(-1)
        np.testing.assert_allclose(scores[0, i, j], piece @ model.svm.w.value + model.svm.b.value, rtol=1e-4, atol=1e-4)


@given(st.integers(0, 30), st.integers(1, 6), st.integers(0, 1000))
def test_suppression_by_hand(n, most, seed):
    rng = np.random.default_rng(seed)
    low = rng.random((n, 2))
    windows, scores = np.concatenate([low, low + rng.uniform(0.2, 0.6, (n, 2))], axis=1), rng.random(n)
    kept, left = [], list(np.argsort(-scores))
    for i in left:
        if len(kept) < most and all(iou(windows[i : i + 1], windows[j : j + 1])[0] < SAME for j in kept):
            kept.append(int(i))
    assert suppress(windows, scores, most) == kept


def test_it_learns_from_a_few_pictures(model, data):
    measured = tc.evaluate(model, data.valid, data.train)
    assert measured["joint"] > 0.4 > measured["mean_box/joint"] and measured["accuracy"] > 0.5
    windows, scores, classes = model.detections(data.valid.images[0])
    assert len(windows) == len(scores) == len(classes) <= 5 and (np.diff(scores) <= 0).all()
    heat = model.heat(data.valid.images[0], int(classes[0]))
    assert heat.shape == (64, 64) and heat.max() == pytest.approx(scores[0])


def test_a_seed_decides_everything(data):
    few = data.train.subset(slice(0, 30))
    one, again, other = (hog_svm(10, classes=data.classes) for _ in range(3))
    for detector, seed in ((one, 1), (again, 1), (other, 2)):
        detector.fit(few, seed=seed, mined=5)
    np.testing.assert_array_equal(one.svm.w.value, again.svm.w.value)
    assert (one.svm.w.value != other.svm.w.value).any()


def test_pictures_of_any_size_and_answers_in_their_pixels(model):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in ((200, 100), (33, 70))]
    answer = model.predict(images)
    assert answer.boxes.shape == (2, 4) and np.allclose(answer.probabilities.sum(axis=1), 1)
    for (xmin, ymin, xmax, ymax), image in zip(answer.boxes, images, strict=True):
        assert 0 <= xmin < xmax <= image.shape[1] and 0 <= ymin < ymax <= image.shape[0]


def test_its_file(model, data, tmp_path):
    tc.save(model, tmp_path / "model.npz")
    read = tc.load(tmp_path / "model.npz")
    assert isinstance(read, WindowDetector) and read.classes == data.classes
    some = data.valid.images[:3]
    np.testing.assert_array_equal(read.predict(some).boxes, model.predict(some).boxes)
    with pytest.raises(CheckpointError, match="does not fit"):
        tc.load(tmp_path / "model.npz", into=tc.models.localizer(10, 16, (4,), 4))


def test_what_is_refused(model, data):
    with pytest.raises(DataError, match="samples are empty"):
        model.fit(data.train.subset([]))
    with pytest.raises(TypeError, match=r"model.fit\(samples"):
        tc.fit(model, data.train)
    with pytest.raises(DataError, match="nothing to evaluate"):
        tc.evaluate(model, data.train.subset([]))


def test_from_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call = ["train", "--model", "hog-svm", "--size", "40", "--out", "run", "--quiet"]
    assert main(call) == 0
    settings = json.loads((tmp_path / "run/config.json").read_text())["settings"]
    assert settings["svm_cost"] == 0.01 and settings["model"] == "hog-svm"
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"model.npz", "metrics.json", "config.json",
                                                                  "predictions.png"}  # fmt: skip
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 0 and "class accuracy" in capsys.readouterr().out
    assert main(["inspect", "run", "--out", "look"]) == 0 and (tmp_path / "look/windows.png").exists()
    assert main(["train", "--config", "run", "--out", "again", "--quiet"]) == 0
    one, again = (tc.load(tmp_path / name / "model.npz") for name in ("run", "again"))
    np.testing.assert_array_equal(one.svm.w.value, again.svm.w.value)


@pytest.mark.parametrize("options, words", [
    (["--epochs", "3"], "--epochs has no meaning for hog-svm"),
    (["--lr", "0.1"], "--lr has no meaning for hog-svm"),
    (["--hidden", "4"], "hog-svm has no such choice"),
    (["--svm-cost", "0"], "more than 0"),
])  # fmt: skip
def test_wrong_calls(tmp_path, capsys, options, words):
    assert main(["train", "--model", "hog-svm", "--out", str(tmp_path / "run"), *options]) != 0
    _, err = capsys.readouterr()
    assert words in err and err.count("\n") == 1, err


def test_the_cost_of_an_svm_is_no_setting_of_a_network(tmp_path, capsys):
    assert main(["train", "--svm-cost", "1", "--out", str(tmp_path / "run")]) == 2
    assert "--svm-cost has no meaning for localizer" in capsys.readouterr().err


def test_sizes_that_no_subject_has_are_not_searched(data):
    """All subjects fill most of their pictures: small windows would only find something else."""
    boxes = np.tile([4.0, 6.0, 60.0, 58.0], (60, 1))
    large = tc.data.Samples(data.train.images[:60], data.train.labels[:60], boxes, range(60), data.classes)
    detector = hog_svm(len(data.classes), classes=data.classes)
    detector.fit(large, mined=5)
    assert detector.sizes.value.tolist() == [1, 0, 0, 0, 0, 0]
    windows, _, _ = detector.detections(data.valid.images[0])
    assert (windows[:, 2] - windows[:, 0] > 0.9).all()
