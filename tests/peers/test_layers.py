"""Every layer against PyTorch, forward and backward, on hundreds of random geometries."""

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, convolutions, distinct, expect_close, numbers, poolings, run
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycnn.backend import to_numpy
from tinycnn.layers import AvgPool2d, Conv2d, Linear, LocalResponseNorm, MaxPool2d, ReLU

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # the arrays are tiny; threads would cost more than they give
F = torch.nn.functional


def theirs(function, x, dy, **weights):
    """y, dx and gradients by name of PyTorch's function(x, **weights); images travel as (N, C, H, W)."""
    first = (0, 3, 1, 2) if x.ndim == 4 else (0, 1)
    last = (0, 2, 3, 1) if x.ndim == 4 else (0, 1)
    x = torch.tensor(np.ascontiguousarray(x.transpose(first)), requires_grad=True)
    weights = {name: torch.tensor(value, requires_grad=True) for name, value in weights.items()}
    y = function(x, **weights)
    y.backward(torch.tensor(np.ascontiguousarray(dy.transpose(first))))
    grads = {name: weight.grad.numpy() for name, weight in weights.items()}
    return y.detach().numpy().transpose(last), x.grad.numpy().transpose(last), grads


def expect_equal(got, peer, dtype):
    y, dx, grads = peer
    expect_close(got.y, y, dtype)
    expect_close(got.dx, dx, dtype)
    assert grads.keys() == got.grads.keys()
    for name, grad in grads.items():
        expect_close(got.grads[name], grad, dtype)


@settings(max_examples=300)
@given(convolutions(largest=12, channels=4), DTYPES, LAYOUTS, st.booleans(), st.integers(1, 3), st.integers(1, 10**4))
def test_convolution(device, geometry, dtype, layout, bias, threads, scratch_bytes):
    arguments, shape = geometry
    layer, x = Conv2d(**arguments, bias=bias).astype(dtype), numbers(shape, dtype)
    weights = {"w": layer.w.value}
    if bias:
        layer.b.value = weights["b"] = numbers(layer.out_channels, dtype, seed=4)
    got = run(layer, x, device, layout, threads, scratch_bytes)

    def convolve(x, w, b=None):
        return F.conv2d(x, w.permute(3, 2, 0, 1), b, *(arguments[name] for name in ("stride", "padding")),
                        dilation=arguments["dilation"], groups=arguments["groups"])  # fmt: skip

    expect_equal(got, theirs(convolve, x, got.dy, **weights), dtype)


@settings(max_examples=200)
@given(poolings(largest=12), DTYPES, LAYOUTS, st.booleans())
def test_max_pooling(device, geometry, dtype, layout, ties):
    arguments, shape = geometry
    # Behind a ReLU many pixels are equal; PyTorch on the CPU, too, lets the first of them win.
    x = np.maximum(np.round(numbers(shape, dtype)), 0) if ties else distinct(shape, dtype)
    got = run(MaxPool2d(**arguments), x, device, layout)
    expect_equal(got, theirs(lambda x: F.max_pool2d(x, **arguments), x, got.dy), dtype)


@settings(max_examples=200)
@given(poolings(largest=12), DTYPES, LAYOUTS, st.booleans())
def test_average_pooling(device, geometry, dtype, layout, count_include_pad):
    arguments, shape = geometry
    x, arguments["count_include_pad"] = numbers(shape, dtype), count_include_pad
    got = run(AvgPool2d(**arguments), x, device, layout)
    expect_equal(got, theirs(lambda x: F.avg_pool2d(x, **arguments), x, got.dy), dtype)


@given(st.integers(0, 9), st.integers(1, 30), st.integers(1, 30), DTYPES, LAYOUTS)
def test_linear(device, n, d, f, dtype, layout):
    layer, x = Linear(d, f).astype(dtype), numbers((n, d), dtype)
    layer.b.value = numbers(f, dtype, seed=4)
    weights = {"w": layer.w.value, "b": layer.b.value}
    got = run(layer, x, device, layout)
    expect_equal(got, theirs(lambda x, w, b: x @ w + b, x, got.dy, **weights), dtype)


IMAGES = st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.integers(1, 12))


@given(IMAGES, DTYPES, LAYOUTS)
def test_relu(device, shape, dtype, layout):
    x = np.round(numbers(shape, dtype), 1)
    got = run(ReLU(), x, device, layout)
    expect_equal(got, theirs(F.relu, x, got.dy), dtype)


@given(IMAGES, st.integers(1, 14), st.floats(1e-4, 2), st.floats(0.1, 1.5), st.floats(0.5, 2), DTYPES, LAYOUTS)
def test_local_response_normalization(device, shape, size, alpha, beta, k, dtype, layout):
    x = numbers(shape, dtype)
    for divide_alpha in (True, False):
        got = run(LocalResponseNorm(size, alpha, beta, k, divide_alpha), x, device, layout)
        # PyTorch divides alpha by size; the paper's alpha is size times as large there.
        alpha_there = alpha if divide_alpha else alpha * size
        expect_equal(got, theirs(lambda x: F.local_response_norm(x, size, alpha_there, beta, k), x, got.dy), dtype)  # noqa: B023


def test_windows_that_reach_over_every_edge_of_a_single_pixel(device):
    for kernel in range(1, 6):
        arguments = {"kernel_size": kernel, "stride": 2, "padding": kernel // 2, "ceil_mode": True}
        x = numbers((1, 1, 1, 2))
        for layer, peer in ((MaxPool2d(**arguments), F.max_pool2d), (AvgPool2d(**arguments), F.avg_pool2d)):
            got = run(layer, x, device)
            expect_equal(got, theirs(lambda x: peer(x, **arguments), x, got.dy), "float64")  # noqa: B023


def test_nan_stays_visible():
    x = numbers((1, 4, 4, 1))
    x[0, 1, 1] = np.nan
    y = torch.tensor(x.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(to_numpy(MaxPool2d(2).forward(x))[0, :, :, 0], F.max_pool2d(y, 2)[0, 0].numpy())
    np.testing.assert_array_equal(ReLU().forward(x)[0, :, :, 0], F.relu(y)[0, 0].numpy())
