"""The losses against the loops and by hand: stability, masks, one box per class, and their errors."""

import math

import numpy as np
import pytest
from harness import DTYPES, LIMIT, expect_close, numbers
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import L2Loss, MultiTaskLoss, SoftmaxCrossEntropy, reference
from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import DataError, DeviceError, OrderError, ShapeError

SIZES = st.integers(1, 6)


def on(device, *arrays):
    return tuple(to_device(array, device) for array in arrays)


def number(value):
    """A loss, 0-d on any device, as a float on the host; its dtype is the second."""
    value = to_numpy(value)
    assert value.shape == ()
    return float(value)


# --- softmax and cross-entropy ---


SMOOTHING = st.sampled_from([0.0, 0.1, 0.9])


@given(SIZES, SIZES, st.floats(0.1, 100), SMOOTHING, DTYPES)
def test_cross_entropy_equals_the_loops(device, n, k, scale, smoothing, dtype):
    scores, labels = (numbers((n, k)) * scale).astype(dtype), np.random.default_rng(n).integers(0, k, n)
    loss, before = SoftmaxCrossEntropy(smoothing), scores.copy()
    value = loss.forward(to_device(scores, device), labels)
    dscores = to_numpy(loss.backward())
    assert to_numpy(value).dtype == dscores.dtype == dtype
    exact = scores.astype("float64")
    near = {"rtol": LIMIT[dtype], "atol": 10 * np.finfo(dtype).eps}  # a loss near 0 is a difference of larger numbers
    np.testing.assert_allclose(number(value), reference.softmax_cross_entropy(exact, labels, smoothing), **near)
    np.testing.assert_allclose(dscores, reference.softmax_cross_entropy_backward(exact, labels, smoothing), **near)
    np.testing.assert_array_equal(scores, before)
    np.testing.assert_allclose(dscores.sum(axis=1), 0, atol=1e-6)  # a constant added to a row changes nothing


def test_smoothing_is_a_share():
    assert repr(SoftmaxCrossEntropy()) == "SoftmaxCrossEntropy()"
    smoothed = MultiTaskLoss(label_smoothing=0.1)  # what it prints as is compared when a run is resumed
    assert "label_smoothing=0.1" in repr(smoothed) and "label_smoothing=0.1" in repr(smoothed.class_loss)
    for wrong in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="a share, 0 to below 1"):
            SoftmaxCrossEntropy(wrong)


def test_equal_scores_cost_log_k(device):
    assert number(SoftmaxCrossEntropy().forward(to_device(np.zeros((3, 10)), device), [0, 4, 9])) == pytest.approx(
        math.log(10), rel=1e-12
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_scores_neither_overflow_nor_lose_the_loss(device, dtype):
    loss = SoftmaxCrossEntropy()
    scores = to_device(np.array([[1e4, 0, -1e4], [-1e4, 1e4, 1e4]], dtype), device)
    assert number(loss.forward(scores, [0, 2])) == pytest.approx(math.log(2) / 2)  # right, and right or its equal
    np.testing.assert_allclose(to_numpy(loss.backward()), [[0, 0, 0], [0, 0.25, -0.25]])
    assert number(loss.forward(scores, [2, 0])) == pytest.approx(2e4 + math.log(2) / 2)  # as wrong as scores are apart
    np.testing.assert_allclose(to_numpy(loss.backward()), [[0.5, 0, -0.5], [-0.5, 0.25, 0.25]])


@pytest.mark.parametrize("labels, message", [
    ([0, 3], r"label 3 at position 1 is outside 0 .. 2.*num_classes"),
    ([-1, 0], r"label -1 at position 0"),
    ([0.0, 1.0], "integers 0 .. K-1; got dtype float64"),
])  # fmt: skip
def test_labels_that_are_no_class(device, labels, message):
    with pytest.raises(DataError, match=message):
        SoftmaxCrossEntropy().forward(to_device(numbers((2, 3)), device), np.array(labels))


@pytest.mark.parametrize("scores, labels", [
    ((2, 3), (3,)), ((2, 3), (2, 1)), ((6,), (6,)), ((2, 2, 3), (2,)), ((0, 3), (0,)),
])  # fmt: skip
def test_shapes_that_do_not_belong_together(device, scores, labels):
    with pytest.raises(ShapeError):
        SoftmaxCrossEntropy().forward(to_device(numbers(scores), device), np.zeros(labels, int))


# --- L2 ---


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), DTYPES, st.booleans())
def test_l2_equals_the_loops(device, shape, dtype, masked):
    pred, target = numbers(shape, dtype, 1), numbers(shape, dtype, 2)
    mask = np.random.default_rng(3).integers(0, 2, shape) if masked else None
    loss = L2Loss()
    value = loss.forward(*on(device, pred, target), None if mask is None else to_device(mask, device))
    dpred = to_numpy(loss.backward())
    assert to_numpy(value).dtype == dpred.dtype == dtype
    expect_close(number(value), reference.l2_loss(pred, target, mask), dtype)
    expect_close(dpred, reference.l2_loss_backward(pred, target, mask), dtype)


def test_a_mask_of_joints_broadcasts_over_x_and_y(device):
    pred, target = np.zeros((1, 3, 2)), np.array([[[1.0, 1], [2, 2], [9, 9]]])
    loss = L2Loss()
    value = loss.forward(*on(device, pred, target, np.array([[[1], [1], [0]]])))
    assert number(value) == (1 + 1 + 4 + 4) / 4  # four numbers count, not six
    np.testing.assert_allclose(to_numpy(loss.backward()), [[[-0.5, -0.5], [-1, -1], [0, 0]]])


def test_what_the_mask_leaves_out_may_be_anything(device):
    loss = L2Loss()
    target, mask = np.array([[1.0, np.nan, np.inf]]), np.array([[True, False, False]])
    assert number(loss.forward(*on(device, np.zeros((1, 3)), target, mask))) == 1
    np.testing.assert_array_equal(to_numpy(loss.backward()), [[-2, 0, 0]])


def test_nothing_visible_costs_nothing(device):
    loss = L2Loss()
    assert number(loss.forward(*on(device, numbers((2, 3)), numbers((2, 3)), np.zeros((2, 3))))) == 0
    assert not to_numpy(loss.backward()).any()


@pytest.mark.parametrize("target, mask", [
    ("float64", None), ("int64", None), ("float32", "float64"), ("float32", "int64"),
])  # fmt: skip
def test_the_gradient_has_the_dtype_of_the_prediction(device, target, mask):
    loss, mask = L2Loss(), None if mask is None else to_device(np.ones((2, 3), mask), device)
    value = loss.forward(*on(device, numbers((2, 3), "float32"), np.ones((2, 3), target)), mask)
    assert to_numpy(value).dtype == to_numpy(loss.backward()).dtype == "float32"


def test_l2_does_not_broadcast_prediction_against_target(device):
    with pytest.raises(ShapeError, match="average the wrong pairs"):
        L2Loss().forward(*on(device, numbers((4, 1)), numbers((4,))))


# --- both ---


def test_the_sum_of_both_with_weights_and_each_term_apart(device):
    scores, boxes, targets = numbers((5, 3), seed=1), numbers((5, 4), seed=2), numbers((5, 4), seed=3)
    labels = np.array([0, 1, 2, 1, 0])
    loss = MultiTaskLoss(class_weight=0.5, box_weight=3.0)
    value = loss.forward(on(device, scores, boxes), (labels, to_device(targets, device)))
    cross_entropy, l2 = reference.softmax_cross_entropy(scores, labels), reference.l2_loss(boxes, targets)
    assert number(value) == pytest.approx(0.5 * cross_entropy + 3 * l2, rel=1e-12)
    assert {name: number(term) for name, term in loss.terms.items()} == pytest.approx(
        {"class": cross_entropy, "box": l2}, rel=1e-12
    )
    dscores, dboxes = (to_numpy(gradient) for gradient in loss.backward())
    expect_close(dscores, 0.5 * reference.softmax_cross_entropy_backward(scores, labels), "float64")
    expect_close(dboxes, 3 * reference.l2_loss_backward(boxes, targets), "float64")


def test_with_one_box_per_class_only_the_true_class_is_compared(device):
    scores, boxes, targets = numbers((3, 2), seed=1), numbers((3, 2, 4), seed=2), numbers((3, 4), seed=3)
    labels = np.array([1, 0, 1])
    loss = MultiTaskLoss(box_weight=2.0)
    loss.forward(on(device, scores, boxes), (labels, to_device(targets, device)))
    chosen = boxes[[0, 1, 2], labels]
    assert number(loss.terms["box"]) == pytest.approx(reference.l2_loss(chosen, targets), rel=1e-12)
    _, dboxes = loss.backward()
    expected = np.zeros_like(boxes)
    expected[[0, 1, 2], labels] = 2 * reference.l2_loss_backward(chosen, targets)
    expect_close(to_numpy(dboxes), expected, "float64")


def test_a_class_loss_of_your_own_takes_the_place_of_the_librarys():
    class Own:
        def forward(self, scores, labels):
            self.scores = scores
            return scores.sum()

        def backward(self):
            return np.ones_like(self.scores)

    loss, boxes = MultiTaskLoss(class_weight=2.0), np.zeros((3, 4))
    loss.class_loss = Own()
    assert loss.forward((np.ones((3, 2)), boxes), (np.array([0, 1, 1]), boxes)) == 12.0
    assert (loss.backward()[0] == 2.0).all()
    assert repr(loss) == "MultiTaskLoss(class_weight=2.0, box_weight=1.0, box_loss=L2Loss())"


@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 4)])
def test_both_gradients_keep_their_dtype(device, shape):
    loss = MultiTaskLoss(0.7, 1.3)
    outputs = on(device, numbers((3, 2), "float32"), numbers(shape, "float32"))
    value = loss.forward(outputs, (np.array([0, 1, 1]), to_device(numbers((3, 4)), device)))
    assert {to_numpy(a).dtype for a in (value, *loss.terms.values(), *loss.backward())} == {np.dtype("float32")}


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy, L2Loss, MultiTaskLoss])
def test_backward_needs_a_forward(loss):
    with pytest.raises(OrderError, match="backward was called without a forward"):
        loss().backward()


def test_things_that_are_no_arrays():
    with pytest.raises(DeviceError, match="Lists become arrays"):
        L2Loss().forward([1.0, 2.0], [1.0, 2.0])
