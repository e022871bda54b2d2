"""Cross-entropy with weights for classes, and with shares of several classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_steering import SMALL, samples

import tinycnn as tc
from tinycnn.class_losses import WeightedCrossEntropy
from tinycnn.errors import CheckpointError, DataError, ShapeError
from tinycnn.reference import (
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    weighted_cross_entropy,
    weighted_cross_entropy_backward,
)


def case(seed=0, n=6, k=4):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, k)), rng.integers(0, k, n)


@given(st.integers(1, 4), st.integers(1, 5), st.booleans(), st.sampled_from([0.0, 0.2]))
def test_it_is_that_of_the_loops(n, k, soft, smoothing):
    scores, truth = case(n=n, k=k)
    weights = np.random.default_rng(1).random(k) + 0.1
    if soft:
        truth = np.random.default_rng(2).dirichlet(np.ones(k), n)
    loss = WeightedCrossEntropy(weights, smoothing)
    expected = weighted_cross_entropy(scores, truth, weights, smoothing)
    assert loss.forward(scores, truth) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(loss.backward(), weighted_cross_entropy_backward(scores, truth, weights, smoothing),
                               rtol=1e-11, atol=1e-14)  # fmt: skip


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_without_weights_it_is_the_cross_entropy(smoothing):
    scores, labels = case()
    for truth in (labels, np.eye(4)[labels]):
        loss = WeightedCrossEntropy(label_smoothing=smoothing)
        np.testing.assert_allclose(loss.forward(scores, truth), softmax_cross_entropy(scores, labels, smoothing))
        np.testing.assert_allclose(loss.backward(), softmax_cross_entropy_backward(scores, labels, smoothing))


def test_a_weight_of_two_is_a_picture_twice():
    scores, labels = case()
    twice = np.concatenate([np.arange(6), np.flatnonzero(labels == 1)])
    weighted, loss = WeightedCrossEntropy([1, 2, 1, 1]), tc.SoftmaxCrossEntropy()
    assert weighted.forward(scores, labels) == pytest.approx(loss.forward(scores[twice], labels[twice]))
    gradient = np.zeros((6, 4))
    np.add.at(gradient, twice, loss.backward())
    np.testing.assert_allclose(weighted.backward(), gradient, atol=1e-12)


def test_classes_that_count_nothing_have_a_loss_of_zero():
    loss = WeightedCrossEntropy([0, 1])
    assert loss.forward(np.array([[1.0, 2.0]]), [0]) == 0 and not loss.backward().any()


def test_shares_are_those_of_mixed_pictures():
    scores, labels = case()
    other = (labels + 1) % 4
    loss, values = WeightedCrossEntropy(), []
    for truth in (0.7 * np.eye(4)[labels] + 0.3 * np.eye(4)[other], labels, other):
        values.append(float(loss.forward(scores, truth)))
    assert values[0] == pytest.approx(0.7 * values[1] + 0.3 * values[2])


def test_what_cannot_be_meant_is_refused():
    scores, labels = case()
    for truth, error, said in (
        (np.ones((6, 4)), DataError, r"add up to 1; row 0 is \[1.0, 1.0, 1.0, 1.0\]"),
        (np.eye(4)[[0, 1, 2, 3, 0, 1]] * [1, 1, -1, 1], DataError, "row 2 is"),
        (np.full((6, 4), np.nan), DataError, "row 0 is"),
        (np.ones((6, 3)) / 3, ShapeError, r"shares of the shape of scores, \(6, 4\)"),
        (labels + 4, DataError, "outside 0 .. 3"),
    ):  # fmt: skip
        with pytest.raises(error, match=said):
            WeightedCrossEntropy().forward(scores, truth)
    with pytest.raises(ShapeError, match="3 class_weights for 4 classes"):
        WeightedCrossEntropy([1, 2, 3]).forward(scores, labels)
    with pytest.raises(ValueError, match="numbers, 0 or more"):
        WeightedCrossEntropy([1, -1])
    for options in ({"class_loss": tc.L2Loss()}, {"class_loss": WeightedCrossEntropy(), "label_smoothing": 0.1},
                    {"class_loss": WeightedCrossEntropy}):
        with pytest.raises(TypeError, match="class_loss is a SoftmaxCrossEntropy"):
            tc.MultiTaskLoss(**options)


@pytest.mark.parametrize("per_class", [False, True])
def test_a_training_with_weights_is_one_that_resumes_with_them(tmp_path, per_class):
    def run(weights, **options):
        model = tc.models.localizer(**SMALL, per_class_boxes=per_class)
        loss = tc.MultiTaskLoss(class_loss=WeightedCrossEntropy(weights))
        tc.fit(model, samples(), samples(12, seed=1), epochs=2, loss=loss, progress=False, out=tmp_path / "run",
               optimizer=tc.optim.SGD(model, lr=0.05), **options)
        return model

    assert run([1, 1, 5]).trunk["conv1"].w.value.dtype == np.float32
    with pytest.raises(CheckpointError, match=r"loss was .*class_weights=\[1.0, 1.0, 5.0\]"):
        run([1, 1, 4], resume=True)
    run([1, 1, 5], resume=True)
