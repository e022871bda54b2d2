"""Every layer against PyTorch, forward and backward, on hundreds of random geometries."""

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, LIMIT, convolutions, difference, distinct, expect_close, numbers, poolings, run
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycnn.backend import to_numpy
from tinycnn.layers import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    GlobalAvgPool2d,
    LeakyReLU,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Residual,
    Upsample2d,
)

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
    y.backward(torch.tensor(np.ascontiguousarray(dy.transpose(first if dy.ndim == 4 else (0, 1)))))
    grads = {name: weight.grad.numpy() for name, weight in weights.items()}
    return y.detach().numpy().transpose(last if y.ndim == 4 else (0, 1)), x.grad.numpy().transpose(last), grads


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


@given(IMAGES, DTYPES, LAYOUTS, st.booleans(), st.sampled_from([0.1, 0.5]))
def test_batch_normalization(device, shape, dtype, layout, training, momentum):
    shape = (2 * shape[0], *shape[1:])
    layer, x = BatchNorm2d(shape[3], momentum=momentum).astype(dtype).train(training), 2 * numbers(shape, dtype) + 1
    layer.w.value, layer.b.value = numbers(shape[3], dtype, seed=3), numbers(shape[3], dtype, seed=4)
    weights, forwards = {"w": layer.w.value, "b": layer.b.value}, 3 if training else 0  # run() goes forward three times
    mean, var = (torch.tensor(buffer.value.copy()) for buffer in layer.buffers().values())

    def normalize(x, w, b):
        for _ in range(max(1, forwards)):
            y = F.batch_norm(x, mean, var, w, b, training, momentum, layer.eps)
        return y

    got = run(layer, x, device, layout)
    peer = theirs(normalize, x, got.dy, **weights)
    expect_close(got.y, peer[0], dtype)
    # Of two numbers in a channel dx is what is left of three terms that cancel: rounding is measured by their size.
    terms = abs(got.dy * weights["w"] / np.sqrt(x.var(axis=(0, 1, 2)) + layer.eps)).max()
    assert abs(got.dx - peer[1]).max() < LIMIT[dtype] * terms
    for name, grad in peer[2].items():
        expect_close(got.grads[name], grad, dtype)
    for buffer, expected in zip(layer.buffers().values(), (mean, var), strict=True):
        expect_close(to_numpy(buffer.value), expected.numpy(), dtype)


@given(IMAGES, DTYPES, LAYOUTS, st.floats(0, 1))
def test_leaky_relu(device, shape, dtype, layout, slope):
    x = numbers(shape, dtype)
    got = run(LeakyReLU(slope), x, device, layout)
    expect_equal(got, theirs(lambda x: F.leaky_relu(x, slope), x, got.dy), dtype)


@given(IMAGES, DTYPES, LAYOUTS, st.integers(1, 3))
def test_upsampling(device, shape, dtype, layout, factor):
    x = numbers(shape, dtype)
    got = run(Upsample2d(factor), x, device, layout)
    expect_equal(got, theirs(lambda x: F.interpolate(x, scale_factor=factor), x, got.dy), dtype)


@given(IMAGES, DTYPES, LAYOUTS)
def test_global_average_pooling(device, shape, dtype, layout):
    x = numbers(shape, dtype)
    got = run(GlobalAvgPool2d(), x, device, layout)
    expect_equal(got, theirs(lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), x, got.dy), dtype)


@settings(max_examples=100)
@given(convolutions(largest=10, channels=3), DTYPES)
def test_same_padding(device, geometry, dtype):
    arguments, shape = geometry
    arguments |= {"stride": 1, "padding": "same"}
    layer, x = Conv2d(**arguments).astype(dtype), numbers(shape, dtype)
    weights = {"w": layer.w.value, "b": layer.b.value}
    got = run(layer, x, device)

    def convolve(x, w, b):
        return F.conv2d(x, w.permute(3, 2, 0, 1), b, 1, "same", arguments["dilation"], arguments["groups"])

    expect_equal(got, theirs(convolve, x, got.dy, **weights), dtype)


def test_residual_block(device):
    def block():
        rng = np.random.default_rng(0)
        return Residual(Conv2d(3, 5, 3, stride=2, padding=1, rng=rng), BatchNorm2d(5), ReLU(),
                        shortcut=Conv2d(3, 5, 1, stride=2, rng=rng)).astype("float64")  # fmt: skip

    x, w, around = numbers((4, 6, 5, 3)), block().parameters()["body.conv1.w"].value, block().shortcut[0].w.value
    got = run(block(), x, device)

    def compute(x, w, around):
        y = F.relu(F.batch_norm(F.conv2d(x, w.permute(3, 2, 0, 1), None, 2, 1), None, None, training=True))
        return y + F.conv2d(x, around.permute(3, 2, 0, 1), None, 2)

    y, dx, grads = theirs(compute, x, got.dy, w=w, around=around)
    expect_close(got.y, y, "float64")
    assert difference(got.dx, dx) < 1e-10
    assert difference(got.grads["body.conv1.w"], grads["w"]) < 1e-10
    assert difference(got.grads["shortcut.conv1.w"], grads["around"]) < 1e-10


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
