"""The hinges against the loops, on every device; what they refuse."""

import numpy as np
import pytest
from harness import DTYPES, LIMIT, numbers
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import reference
from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import DataError, OrderError, ShapeError
from tinycnn.hinge_loss import HingeLoss, MulticlassHingeLoss

SIZES = st.integers(1, 6)


def expect_same(loss, loops, backward, scores, labels, device, **how):
    value = to_numpy(loss.forward(to_device(scores, device), labels))
    dscores, dtype, exact = to_numpy(loss.backward()), scores.dtype, scores.astype("float64")
    assert value.shape == () and value.dtype == dscores.dtype == dtype
    near = {"rtol": LIMIT[str(dtype)], "atol": 10 * np.finfo(dtype).eps}
    np.testing.assert_allclose(float(value), loops(exact, labels, **how), **near)
    np.testing.assert_allclose(dscores, backward(exact, labels, **how), **near)


@given(SIZES, SIZES, st.sampled_from([0.1, 1.0, 30.0]), st.booleans(), DTYPES)
def test_each_class_against_all_others(device, n, k, scale, squared, dtype):
    labels = np.random.default_rng(n).integers(-1, k, n)  # -1: none of the classes
    expect_same(HingeLoss(squared), reference.hinge_loss, reference.hinge_loss_backward,
                (numbers((n, k)) * scale).astype(dtype), labels, device, squared=squared)  # fmt: skip


@given(SIZES, st.integers(2, 6), st.sampled_from([0.1, 1.0, 30.0]), DTYPES)
def test_the_true_class_against_the_best_other_one(device, n, k, scale, dtype):
    labels = np.random.default_rng(n).integers(0, k, n)
    expect_same(MulticlassHingeLoss(), reference.multiclass_hinge_loss, reference.multiclass_hinge_loss_backward,
                (numbers((n, k)) * scale).astype(dtype), labels, device)  # fmt: skip


@pytest.mark.parametrize("loss", [HingeLoss(), HingeLoss(squared=True), MulticlassHingeLoss()], ids=repr)
def test_beyond_the_margin_nothing_pulls(loss):
    assert float(loss.forward(np.array([[5.0, -5.0], [-3.0, 2.0]]), [0, 1])) == 0
    assert (loss.backward() == 0).all()
    with pytest.raises(OrderError):
        loss.backward()


@pytest.mark.parametrize("loss", [HingeLoss(), MulticlassHingeLoss()], ids=repr)
@pytest.mark.parametrize("scores, labels, error, words", [
    (np.zeros((2, 3)), [0, 3], DataError, "label 3 at position 1 is outside"),
    (np.zeros((2, 3)), [0, -2], DataError, "label -2 at position 1 is outside"),
    (np.zeros((2, 3)), [0.0, 1.0], DataError, "class numbers"),
    (np.zeros((2, 3)), [0], ShapeError, "labels"),
    (np.zeros(3), [0], ShapeError, "scores"),
    (np.zeros((0, 3)), np.zeros(0, int), ShapeError, "empty batch"),
])  # fmt: skip
def test_what_is_refused(loss, scores, labels, error, words):
    with pytest.raises(error, match=words):
        loss.forward(scores, np.array(labels))


def test_one_class_has_no_rival():
    with pytest.raises(ShapeError, match="two scores or more"):
        MulticlassHingeLoss().forward(np.zeros((2, 1)), [0, 0])
