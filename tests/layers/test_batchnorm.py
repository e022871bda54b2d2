"""BatchNorm2d against the loops, its running averages, and what it does in prediction."""

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, LIMIT, expect_close, numbers, run
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import reference
from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import OrderError, ShapeError
from tinycnn.layers import BatchNorm2d, Conv2d, Sequential


def norm(channels, dtype="float64", **arguments):
    layer = BatchNorm2d(channels, **arguments).astype(dtype)
    layer.w.value, layer.b.value = numbers(channels, dtype, seed=3), numbers(channels, dtype, seed=4)
    return layer


SHAPES = st.tuples(st.integers(2, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))


@given(SHAPES, DTYPES, LAYOUTS, st.sampled_from([1e-5, 0.1]))
def test_equals_the_loops(device, shape, dtype, layout, eps):
    layer, x = norm(shape[3], dtype, eps=eps), 2 * numbers(shape, dtype) + 1
    w, b = layer.w.value, layer.b.value
    got = run(layer, x, device, layout)
    expect_close(got.y, reference.batch_norm(x, w, b, eps), dtype)
    dx, dw, db = reference.batch_norm_backward(got.dy, x, w, eps)
    # Of two numbers in a channel dx is what is left of three terms that cancel: rounding is measured by their size.
    terms = abs(got.dy * w / np.sqrt(x.var(axis=(0, 1, 2)) + eps)).max()
    assert abs(got.dx - dx).max() < LIMIT[dtype] * terms
    expect_close(got.grads["w"], dw, dtype)
    expect_close(got.grads["b"], db, dtype)


def test_running_averages_move_a_little_with_each_batch(device):
    layer = BatchNorm2d(2, momentum=0.25).to(device)
    x = numbers((3, 2, 2, 2), "float32") + 5
    layer.forward(to_device(x, device))
    mean, var = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2), ddof=1)
    np.testing.assert_allclose(to_numpy(layer.running_mean.value), 0.25 * mean, rtol=1e-5)
    np.testing.assert_allclose(to_numpy(layer.running_var.value), 0.75 + 0.25 * var, rtol=1e-5)


def test_prediction_takes_the_running_averages_and_leaves_them(device):
    layer = norm(3).to(device)
    x = to_device(2 * numbers((4, 3, 3, 3)) + 1, device)
    for _ in range(200):
        layer.forward(x)
    mean, var = to_numpy(layer.running_mean.value).copy(), to_numpy(layer.running_var.value).copy()
    layer.eval()
    got = run(layer, numbers((1, 2, 2, 3), seed=5), device)  # a single image, which has no variance of its own
    w, b = to_numpy(layer.w.value), to_numpy(layer.b.value)
    expect_close(got.y, w * (numbers((1, 2, 2, 3), seed=5) - mean) / np.sqrt(var + 1e-5) + b, "float64")
    expect_close(got.dx, got.dy * w / np.sqrt(var + 1e-5), "float64")
    np.testing.assert_array_equal(to_numpy(layer.running_mean.value), mean)
    with layer.train().predicting():
        layer.forward(x)
    np.testing.assert_array_equal(to_numpy(layer.running_mean.value), mean)


def test_backward_belongs_to_the_mode_of_its_forward():
    layer, x = norm(2), numbers((3, 2, 2, 2))
    expected = run(norm(2), x, "cpu")
    layer.forward(x)
    layer.eval()
    np.testing.assert_array_equal(layer.backward(expected.dy), expected.dx)


def test_its_state_is_two_buffers():
    layer = BatchNorm2d(4)
    assert set(layer.buffers()) == {"running_mean", "running_var"} and set(layer.parameters()) == {"w", "b"}
    layer.astype("float64").to("simulated")
    for buffer in layer.buffers().values():
        assert buffer.value.dtype == np.float64 and not isinstance(buffer.value, np.ndarray)


def test_one_number_a_channel_has_no_variance():
    with pytest.raises(ShapeError, match="at least two numbers a channel"):
        BatchNorm2d(3).forward(numbers((1, 1, 1, 3), "float32"))
    with pytest.raises(ShapeError, match="expects 3 channels"):
        BatchNorm2d(3).forward(numbers((2, 2, 2, 4), "float32"))
    with pytest.raises(OrderError):
        BatchNorm2d(3).backward(numbers((2, 2, 2, 3), "float32"))


def test_it_prints_what_differs_from_the_defaults():
    assert repr(BatchNorm2d(8)) == "BatchNorm2d(8)"
    assert repr(BatchNorm2d(8, momentum=0.01)) == "BatchNorm2d(8, momentum=0.01)"


def test_its_shapes_are_checked_at_construction():
    with pytest.raises(ShapeError, match="layer 'norm1': BatchNorm2d.4. expects .H, W, 4., got"):
        Sequential(Conv2d(3, 8, 3), BatchNorm2d(4), input_shape=(8, 8, 3))
    with pytest.raises(ValueError, match="channels >= 1"):
        BatchNorm2d(0)
