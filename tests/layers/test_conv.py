"""Conv2d against the nested loops, and its errors."""

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, convolutions, difference, expect_close, numbers, run
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import reference
from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import DtypeError, OrderError, ShapeError
from tinycnn.layers import Conv2d


def conv(dtype="float64", **arguments):
    """A Conv2d whose bias is not 0: zeros can hide a wrong backward."""
    layer = Conv2d(**arguments, rng=np.random.default_rng(3)).astype(dtype)
    if layer.b is not None:
        layer.b.value += numbers(layer.b.value.shape, dtype, seed=4)
    return layer


@given(convolutions(largest=6, channels=2), DTYPES, LAYOUTS, st.integers(1, 3), st.sampled_from([1, 2000, 10**6]))
def test_equals_the_loops(device, geometry, dtype, layout, threads, scratch_bytes):
    arguments, shape = geometry
    layer, x = conv(dtype, **arguments), numbers(shape, dtype)
    w, b = layer.w.value, layer.b.value
    how = {name: arguments[name] for name in ("stride", "padding", "groups", "dilation")}
    got = run(layer, x, device, layout, threads, scratch_bytes)
    expect_close(got.y, reference.conv2d(x, w, b, **how), dtype)
    dx, dw, db = reference.conv2d_backward(got.dy, x, w, **how)
    expect_close(got.dx, dx, dtype)
    expect_close(got.grads["w"], dw, dtype)
    expect_close(got.grads["b"], db, dtype)


@pytest.mark.parametrize("kernel", [(1, 1), (1, 3), (2, 2), (3, 2)])
@pytest.mark.parametrize("padding", [(0, 0), (1, 0), (1, 1), (2, 1), (3, 3), (0, 4)])
def test_stride_1_with_any_padding(device, kernel, padding):
    # With stride 1 and a padding smaller than the kernel, dx is computed in another way.
    layer, x = conv(in_channels=2, out_channels=4, kernel_size=kernel, padding=padding, groups=2), numbers((2, 4, 3, 2))
    w, b = layer.w.value, layer.b.value
    got = run(layer, x, device)
    dx, dw, db = reference.conv2d_backward(got.dy, x, w, padding=padding, groups=2)
    expect_close(got.y, reference.conv2d(x, w, b, padding=padding, groups=2), "float64")
    expect_close(got.dx, dx, "float64")
    expect_close(got.grads["w"], dw, "float64")


def test_by_hand(device):
    # One channel, a 2 x 2 kernel that subtracts the pixel below right from the one above left; bias 10.
    layer = Conv2d(1, 1, 2).to(device)
    layer.w.value = to_device(np.array([[1.0, 0], [0, -1]], "float32").reshape(2, 2, 1, 1), device)
    layer.b.value = to_device(np.array([10], "float32"), device)
    x = to_device(np.array([[1, 2, 3], [4, 5, 6], [7, 8, 0]], "float32").reshape(1, 3, 3, 1), device)
    y = to_numpy(layer.forward(x))
    np.testing.assert_array_equal(y[0, :, :, 0], [[10 + 1 - 5, 10 + 2 - 6], [10 + 4 - 8, 10 + 5 - 0]])
    dx = to_numpy(layer.backward(to_device(np.array([[1, 0], [0, 2]], "float32").reshape(1, 2, 2, 1), device)))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 0, 0], [0, -1 + 2, 0], [0, 0, -2]])
    np.testing.assert_array_equal(to_numpy(layer.w.grad)[:, :, 0, 0], [[1 * 1 + 2 * 5, 2 + 2 * 6], [4 + 2 * 8, 5 + 0]])
    np.testing.assert_array_equal(to_numpy(layer.b.grad), [3])


def test_a_1x1_kernel_is_a_linear_layer_at_every_pixel(device):
    layer, x = conv(in_channels=3, out_channels=5, kernel_size=1), numbers((2, 4, 6, 3))
    w, b = layer.w.value, layer.b.value
    got = run(layer, x, device)
    expect_close(got.y, x @ w[0, 0] + b, "float64")
    expect_close(got.dx, got.dy @ w[0, 0].T, "float64")


def test_without_bias(device):
    layer = conv(in_channels=2, out_channels=3, kernel_size=3, bias=False)
    x, w = numbers((2, 5, 5, 2)), layer.w.value
    assert list(layer.parameters()) == ["w"]
    expect_close(run(layer, x, device).y, reference.conv2d(x, w), "float64")


def test_the_input_gradient_can_be_skipped(device):
    layer, x = conv(in_channels=2, out_channels=3, kernel_size=3).to(device), to_device(numbers((2, 5, 5, 2)), device)
    y = layer.forward(x)
    layer.backward(y)
    dw, db = to_numpy(layer.w.grad), to_numpy(layer.b.grad)
    layer.forward(x)
    assert layer.backward(y, input_gradient=False) is None
    np.testing.assert_array_equal(to_numpy(layer.w.grad), dw)
    np.testing.assert_array_equal(to_numpy(layer.b.grad), db)


def test_gradients_are_written_not_accumulated_and_values_stay(device):
    layer, x = conv(in_channels=1, out_channels=2, kernel_size=2), numbers((1, 3, 3, 1))
    value = layer.w.value.copy()
    once = run(layer, x, device)
    twice = run(layer, x, device)  # run() itself goes backward twice
    np.testing.assert_array_equal(once.grads["w"], twice.grads["w"])
    np.testing.assert_array_equal(to_numpy(layer.w.value), value)


def test_one_image_alone_and_in_a_batch_give_the_same(device):
    layer, x = conv(in_channels=3, out_channels=4, kernel_size=3, padding=1), numbers((5, 6, 6, 3))
    whole = run(layer, x, device)
    for i in range(5):
        assert difference(run(layer, x[i : i + 1], device).y, whole.y[i : i + 1]) < 1e-12


def test_an_empty_batch_has_gradients_of_zero(device):
    got = run(conv(in_channels=3, out_channels=4, kernel_size=3), numbers((0, 6, 6, 3)), device)
    assert got.y.shape == (0, 4, 4, 4)
    assert not got.grads["w"].any() and not got.grads["b"].any()


def test_he_initialization_keeps_the_size_of_numbers():
    layer = Conv2d(16, 64, (3, 5), groups=2, rng=np.random.default_rng(0))
    assert layer.w.value.dtype == np.float32 and layer.w.value.shape == (3, 5, 8, 64)
    assert layer.w.value.std() == pytest.approx((2 / (3 * 5 * 8)) ** 0.5, rel=0.03)
    assert not layer.b.value.any()


def test_the_same_seed_gives_the_same_weights():
    one, other = (Conv2d(2, 3, 3, rng=np.random.default_rng(5)).w.value for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_multiply_adds_and_workspace():
    layer = Conv2d(96, 256, 5, padding=2, groups=2)  # AlexNet's conv2
    assert layer.output_shape((27, 27, 96)) == (27, 27, 256)
    assert layer.multiply_adds((27, 27, 96)) == 223_948_800
    assert layer.workspace_bytes((27, 27, 96)) == 4 * 27 * 27 * 5 * 5 * 96


@pytest.mark.parametrize("shape, message", [
    ((1, 8, 8, 4), r"expects 3 channels in the last axis, got shape \(1, 8, 8, 4\)"),
    ((1, 3, 8, 8), r"looks like channels first .* x.transpose\(0, 2, 3, 1\)"),
    ((8, 8, 3), r"batch of images \(N, H, W, C\).* x\[None\]"),
    ((8, 3), r"batch of images \(N, H, W, C\)"),
    ((1, 2, 8, 3), r"a window of 5 does not fit into 2 pixels with padding 0"),
])  # fmt: skip
def test_wrong_images(device, shape, message):
    with pytest.raises(ShapeError, match=message):
        Conv2d(3, 2, 5).to(device).forward(to_device(numbers(shape, "float32"), device))


@pytest.mark.parametrize("dtype, fix", [
    ("uint8", r"got uint8.*127.5\) / 64"),
    ("int64", r"got int64.*astype\('float32'\)"),
    ("float64", r"astype\('float32'\), or convert the whole network with .astype\('float64'\)"),
    ("float16", r"weights of float32 and got an input of float16"),
])  # fmt: skip
def test_wrong_dtypes(device, dtype, fix):
    with pytest.raises(DtypeError, match=fix):
        Conv2d(3, 2, 3).to(device).forward(to_device(np.ones((1, 4, 4, 3), dtype), device))


def test_half_precision_works_when_asked_for(device):
    x = numbers((2, 5, 5, 3), "float16")
    layer = conv("float16", in_channels=3, out_channels=2, kernel_size=3)
    y = reference.conv2d(x.astype("float64"), layer.w.value.astype("float64"), layer.b.value.astype("float64"))
    assert difference(run(layer, x, device).y, y) < 1e-2


def test_wrong_gradient(device):
    layer = Conv2d(3, 2, 3).to(device)
    layer.forward(to_device(numbers((2, 5, 5, 3), "float32"), device))
    with pytest.raises(ShapeError, match=r"expects dy of the shape that forward returned, \(2, 3, 3, 2\), got \(3,"):
        layer.backward(to_device(numbers((3, 2, 3, 2), "float32"), device))


def test_backward_needs_one_forward_each(device):
    layer, x = Conv2d(3, 2, 3).to(device), to_device(numbers((1, 5, 5, 3), "float32"), device)
    with pytest.raises(OrderError, match="Conv2d.backward was called without a forward"):
        layer.backward(x)
    y = layer.forward(x)
    layer.backward(y)
    with pytest.raises(OrderError, match="again before a second backward"):
        layer.backward(y)


@pytest.mark.parametrize("arguments, message", [
    (dict(in_channels=3, out_channels=4, kernel_size=3, groups=2), "groups=2 must divide"),
    (dict(in_channels=4, out_channels=3, kernel_size=3, groups=2), "groups=2 must divide"),
    (dict(in_channels=4, out_channels=4, kernel_size=3, groups=0), "at least 1"),
    (dict(in_channels=4, out_channels=4, kernel_size=0), "at least 1"),
    (dict(in_channels=4, out_channels=4, kernel_size=3, stride=(1, 0)), "at least 1"),
    (dict(in_channels=4, out_channels=4, kernel_size=3, padding=-1), "at least 0"),
    (dict(in_channels=4, out_channels=4, kernel_size=(3, 3, 3)), "kernel_size must be an integer or a pair"),
    (dict(in_channels=4, out_channels=4, kernel_size=2.5), "kernel_size must be an integer or a pair"),
])  # fmt: skip
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Conv2d(**arguments)


def test_output_shape_refuses_what_forward_would():
    with pytest.raises(ShapeError, match=r"expects \(H, W, 3\), got \(8, 8, 4\)"):
        Conv2d(3, 2, 3).output_shape((8, 8, 4))
    with pytest.raises(ShapeError, match="does not fit"):
        Conv2d(3, 2, 9).output_shape((8, 8, 3))


def test_it_prints_what_differs_from_the_defaults():
    assert repr(Conv2d(3, 8, 3)) == "Conv2d(3, 8, 3)"
    assert repr(Conv2d(4, 8, (3, 5), stride=2, padding=(1, 2), groups=2)) == (
        "Conv2d(4, 8, (3, 5), stride=2, padding=(1, 2), groups=2)"
    )


@pytest.mark.parametrize("kernel, dilation", [(3, 1), ((2, 5), 1), (4, (1, 2)), ((1, 2), 3)])
def test_same_padding_keeps_the_size_of_the_image(device, kernel, dilation):
    layer = conv(in_channels=2, out_channels=4, kernel_size=kernel, padding="same", dilation=dilation, groups=2)
    x, (kh, kw), (dh, dw) = numbers((3, 7, 6, 2)), layer.kernel, layer.dilation
    down, right = (kh - 1) * dh, (kw - 1) * dw  # of an odd number of pixels, the larger part is below and to the right
    padded = np.pad(x, ((0, 0), (down // 2, down - down // 2), (right // 2, right - right // 2), (0, 0)))
    how, w, b = {"dilation": dilation, "groups": 2}, layer.w.value, layer.b.value
    got = run(layer, x, device)
    assert got.y.shape == (3, 7, 6, 4)
    expect_close(got.y, reference.conv2d(padded, w, b, **how), "float64")
    dx, dw_, db = reference.conv2d_backward(got.dy, padded, w, **how)
    expect_close(got.dx, dx[:, down // 2 :, right // 2 :][:, :7, :6], "float64")
    expect_close(got.grads["w"], dw_, "float64")
    expect_close(got.grads["b"], db, "float64")


def test_same_padding_needs_a_stride_of_1():
    with pytest.raises(ValueError, match='padding="same" keeps the size of the image, so the stride must be 1'):
        Conv2d(1, 1, 3, stride=2, padding="same")
    assert repr(Conv2d(1, 2, 3, padding="same", dilation=2)) == "Conv2d(1, 2, 3, padding='same', dilation=2)"
