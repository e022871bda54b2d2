"""Haar-like features against sums over rectangles, AdaBoost by hand and beside scikit-learn's, and the detector."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinycnn as tc
from tinycnn.classical.haar import KINDS, HaarDetector, boost, haar, integral_image, random_features
from tinycnn.cli import main

pytestmark = pytest.mark.slow  # most of it trains


@given(st.integers(0, 3), st.integers(1, 9), st.integers(1, 9))
def test_a_rectangle_is_four_look_ups(n, h, w):
    gray = np.random.default_rng(n).random((n, h, w))
    sums = integral_image(gray)
    for y0, x0 in np.ndindex(h, w):
        y1, x1 = min(h, y0 + 2), min(w, x0 + 3)
        found = sums[:, y1, x1] - sums[:, y0, x1] - sums[:, y1, x0] + sums[:, y0, x0]
        np.testing.assert_allclose(found, gray[:, y0:y1, x0:x1].sum(axis=(1, 2)))


@given(st.integers(0, 1000), st.integers(8, 16))
def test_a_feature_is_its_rectangles_added_and_subtracted(seed, size):
    places, weights = random_features(np.random.default_rng(seed), 10, size)
    gray = np.random.default_rng(seed).random((size, size))
    sums = integral_image(gray[None])[0]
    for f, (corners, weight) in enumerate(zip(places, weights, strict=True)):
        found = (sums[corners[:, 0], corners[:, 1]] * weight).sum()
        signs, used = np.array(KINDS[f % len(KINDS)]), np.count_nonzero(weight)
        assert used and corners.max() <= size
        rows, columns = signs.shape
        grid = corners[: (rows + 1) * (columns + 1)].reshape(rows + 1, columns + 1, 2)
        total, area = 0.0, 0
        for i, j in np.ndindex(rows, columns):
            (y0, x0), (y1, x1) = grid[i, j], grid[i + 1, j + 1]
            total += signs[i, j] * gray[y0:y1, x0:x1].sum()
            area += (y1 - y0) * (x1 - x0)
        assert found == pytest.approx(total / area, abs=1e-9)


def error_of(stumps, values, signs):
    votes = sum(s.alpha * np.where(s.side * (values[:, s.feature] - s.threshold) > 0, 1, -1) for s in stumps)
    return float((np.sign(votes) != signs).mean())


def test_the_first_stump_is_the_best_one():
    rng = np.random.default_rng(0)
    values, signs = rng.random((400, 6)), np.where(rng.random(400) < 0.5, 1, -1)
    values[:, 4] = -signs + rng.normal(0, 0.7, 400)  # this one tells most, and points the other way
    (first,) = boost(values, signs, 1)
    assert first.feature == 4 and first.side == -1 and abs(first.threshold) < 0.3
    weight = np.where(signs > 0, 0.5 / (signs > 0).sum(), 0.5 / (signs < 0).sum())
    wrong = np.where(first.side * (values[:, 4] - first.threshold) > 0, 1, -1) != signs
    assert first.alpha == pytest.approx(0.5 * np.log((1 - weight[wrong].sum()) / weight[wrong].sum()), rel=1e-6)


def test_boosting_learns_what_no_stump_alone_can():
    rng = np.random.default_rng(1)
    values = rng.uniform(-1, 1, (1500, 8))
    signs = np.where(values[:, :3].sum(axis=1) > 0, 1, -1)
    few, many = boost(values, signs, 1), boost(values, signs, 60)
    assert error_of(few, values, signs) > 0.25 and error_of(many, values, signs) < 0.08
    ensemble = pytest.importorskip("sklearn.ensemble", reason="scikit-learn is not installed")
    peer = ensemble.AdaBoostClassifier(n_estimators=60, random_state=0).fit(values, signs)
    assert error_of(many, values, signs) < (peer.predict(values) != signs).mean() + 0.02


@pytest.fixture(scope="module")
def data():
    return tc.data.scenes(n=250, image_size=64, valid=40, test=10, seed=0)


def test_it_learns_is_saved_and_looked_into(data, tmp_path):
    model = haar(len(data.classes), classes=data.classes, features=300, rounds=25)
    model.fit(data.train, mined=30)
    measured = tc.evaluate(model, data.valid, data.train)
    assert measured["joint"] > measured["mean_box/joint"] and measured["accuracy"] > 0.2
    tc.save(model, tmp_path / "model.npz")
    read = tc.load(tmp_path / "model.npz")
    assert isinstance(read, HaarDetector) and read.classes == data.classes
    np.testing.assert_array_equal(read.predict(data.valid.images[:3]).boxes, model.predict(data.valid.images[:3]).boxes)
    # All stumps laid over each other weigh a window as they do one by one.
    gray = model.normalize(data.valid.images[:1])[:, :24, :24]
    sums, one_by_one = integral_image(gray)[0], 0.0
    for feature, _, side, alpha in model.stumps.value[0]:
        looked_up = sums[tuple(model.places[int(feature)].T)]
        one_by_one += alpha * side * (looked_up * model.weights[int(feature)]).sum()
    assert (model.pattern(0) * gray[0]).sum() == pytest.approx(one_by_one)


def test_contrast_and_brightness_do_not_matter(data):
    model = haar(3, features=60, rounds=5)
    gray = np.random.default_rng(0).uniform(50, 150, (2, 30, 28))
    used = np.arange(60)
    np.testing.assert_allclose(model._values(gray, used), model._values(0.6 * gray + 20, used), rtol=1e-3, atol=1e-4)


def test_from_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--model", "haar", "--size", "30", "--out", "run", "--quiet"]) == 0
    assert main(["evaluate", "run"]) == 0
    assert main(["inspect", "run", "--out", "look"]) == 0 and (tmp_path / "look/windows.png").exists()
    assert main(["train", "--model", "haar", "--svm-cost", "1", "--out", "other"]) == 2
    assert "--svm-cost has no meaning for haar" in capsys.readouterr().err
