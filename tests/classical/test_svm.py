"""The linear SVM: where its objective has no slope left, and what it refuses."""

import numpy as np
import pytest

from tinycnn.classical import LinearSVM
from tinycnn.errors import ShapeError


def clouds(n, d, k, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d)).astype("float32")
    return x, (x @ rng.standard_normal((d, k)) + 2 * rng.standard_normal((n, k))).argmax(axis=1)


def test_the_objective_falls_and_the_slope_ends_at_zero():
    x, labels = clouds(200, 20, 3)
    svm = LinearSVM(20, 3).astype("float64")
    found = svm.fit(x, labels, 0.1, steps=1500)
    assert found[-1] < found[0] and found[-1] == pytest.approx(min(found), rel=1e-6)
    scores = x.astype("float64") @ svm.w.value + svm.b.value
    signs = np.where(labels[:, None] == np.arange(3), 1, -1)
    pull = -2 * 0.1 * signs * np.maximum(0, 1 - signs * scores)
    np.testing.assert_allclose(x.T @ pull + svm.w.value, 0, atol=1e-5)
    np.testing.assert_allclose(pull.sum(axis=0) + svm.b.value, 0, atol=1e-5)


def test_samples_of_no_class_are_on_the_other_side_of_all():
    x, labels = clouds(300, 20, 3)
    labels[:100] = -1
    x[:100] += 3
    svm = LinearSVM(20, 3)
    svm.fit(x, labels, 1.0)
    assert (svm.forward(x[:100]) < 0).mean() > 0.9


def test_what_is_refused():
    svm = LinearSVM(4, 2)
    right = np.zeros((3, 4))
    for x, C in ((np.zeros((3, 5)), 1.0), (np.zeros(4), 1.0), (right, 0.0), (right, float("nan"))):
        with pytest.raises(ShapeError, match=r"LinearSVM.fit takes x \(N, 4\) and C > 0"):
            svm.fit(x, np.zeros(len(x), int), C)
