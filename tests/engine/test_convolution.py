"""Which algorithm computes a convolution, and all of them against the layer's own formulas and the loops."""

import numpy as np
import pytest
from engine.networks import BLAS_MAY_WARN, step, using
from harness import DTYPES, LAYOUTS, convolutions, expect_close, numbers, run
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycnn import engine, reference
from tinycnn.engine import workers
from tinycnn.engine.convolution import Patches, choose
from tinycnn.engine.planes import Planes
from tinycnn.engine.products import column_sums
from tinycnn.engine.winograd import Winograd
from tinycnn.engine.workers import Worker
from tinycnn.layers import Conv2d, Sequential

pytestmark = BLAS_MAY_WARN

ALGORITHMS = [Patches, Winograd, Planes]


def convolve(algorithm, x, w, b, dy, keep=True, input_gradient=True):
    """y, dx, dw, db of one worker for the whole batch."""
    worker, y, dx = Worker(0, len(x)), np.full_like(dy, np.nan), np.full_like(x, np.nan) if input_gradient else None
    kept = algorithm.forward(x, algorithm.prepare(w, b), y, worker, keep)
    dw, db = algorithm.backward(x, dy, algorithm.prepare_backward(w), dx, worker, kept)
    return y, dx, dw, db


@st.composite
def geometries(draw):
    """(n, h, w, C per group, F per group, groups, size, padding, bias): stride 1 and square, as all three can."""
    size = draw(st.integers(2, 5))
    padding = draw(st.tuples(st.integers(0, size), st.integers(0, size)))
    n, h, w = draw(st.sampled_from([3, 0, 1, 5])), draw(st.integers(size, 11)), draw(st.integers(size, 11))
    return (n, h, w, draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 8)), size, padding,
            draw(st.booleans()))  # fmt: skip


def operands(geometry, dtype):
    n, h, w, c, f, groups, size, (ph, pw), bias = geometry
    return (
        numbers((n, h, w, groups * c), dtype), numbers((size, size, c, groups * f), dtype, seed=1),
        numbers(groups * f, dtype, seed=2) if bias else None,
        numbers((n, h + 2 * ph - size + 1, w + 2 * pw - size + 1, groups * f), dtype, seed=3),
    )  # fmt: skip


def made(kind, geometry, dy):
    *_, groups, size, padding, _ = geometry
    if kind is Patches:
        return Patches((size, size), (1, 1), padding, groups)
    return kind(size if kind is Winograd else (size, size), padding, *dy.shape[1:3], groups)


@settings(max_examples=60)
@given(geometries(), DTYPES, st.booleans())
@pytest.mark.parametrize("kind", ALGORITHMS)
def test_each_algorithm_computes_what_the_layer_does(kind, geometry, dtype, keep):
    x, w, b, dy = operands(geometry, dtype)
    *_, groups, size, padding, bias = geometry
    layer = Conv2d(x.shape[3], dy.shape[3], size, padding=padding, groups=groups, bias=bias)
    layer.w.value = w
    if bias:
        layer.b.value = b
    y, dx, dw, db = convolve(made(kind, geometry, dy), x, w, b, dy, keep)
    expect_close(y, layer.forward(x), dtype)
    expect_close(dx, layer.backward(dy), dtype)
    expect_close(dw, layer.w.grad, dtype)
    if bias:
        expect_close(db, layer.b.grad, dtype)
    again = convolve(made(kind, geometry, dy), x, w, b, dy, not keep, input_gradient=False)
    assert again[1] is None
    for one, other in zip((y, dw, db), (again[0], *again[2:]), strict=True):
        np.testing.assert_array_equal(one, other)  # neither dx nor what is kept changes a bit


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kind", ALGORITHMS)
def test_each_algorithm_against_the_loops(kind, groups):
    geometry = 2, 6, 7, 2, 3, groups, 3, (1, 2), True
    x, w, b, dy = operands(geometry, "float64")
    y, dx, dw, db = convolve(made(kind, geometry, dy), x, w, b, dy)
    how = {"padding": (1, 2), "groups": groups}
    expect_close(y, reference.conv2d(x, w, b, **how), "float64")
    for one, other in zip((dx, dw, db), reference.conv2d_backward(dy, x, w, **how), strict=True):
        expect_close(one, other, "float64")


@given(convolutions(largest=6, channels=2), DTYPES, LAYOUTS, st.integers(1, 3), st.sampled_from([1, 2000, 10**6]))
def test_patches_of_any_geometry_equal_the_loops(geometry, dtype, layout, threads, scratch_bytes):
    arguments, shape = geometry
    layer, x = Conv2d(**arguments, rng=np.random.default_rng(3)).astype(dtype), numbers(shape, dtype)
    layer.b.value = numbers(layer.b.value.shape, dtype, seed=4)
    how = {name: arguments[name] for name in ("stride", "padding", "groups", "dilation")}
    got = run(Sequential(layer), x, "cpu", layout, threads, scratch_bytes)
    expect_close(got.y, reference.conv2d(x, layer.w.value, layer.b.value, **how), dtype)
    expected = reference.conv2d_backward(got.dy, x, layer.w.value, **how)
    for one, other in zip((got.dx, *got.grads.values()), expected, strict=True):
        expect_close(one, other, dtype)


@pytest.mark.parametrize("kind", ALGORITHMS)
@pytest.mark.parametrize("n", [0, 1])
def test_an_empty_batch_has_gradients_of_zero(kind, n):
    geometry = n, 6, 6, 2, 3, 2, 3, (1, 1), True
    x, w, b, dy = operands(geometry, "float32")
    y, dx, dw, db = convolve(made(kind, geometry, dy), x, w, b, dy)
    assert dw.shape == w.shape and db.shape == b.shape and dw.dtype == db.dtype == np.float32
    assert dw.any() == db.any() == (n > 0)


@pytest.mark.parametrize("kernel", [(1, 1), (1, 3), (3, 2)])
@pytest.mark.parametrize("padding", [(0, 0), (1, 0), (2, 1), (3, 3), (0, 4)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (2, 3), (1, 4)])
def test_both_ways_to_the_input_gradient(kernel, padding, stride):
    """With stride 1 and a padding smaller than the kernel it is one convolution, else one for each phase of the stride;
    a kernel smaller than the stride leaves pixels out, and a stride larger than the image leaves phases without one."""
    conv = Conv2d(2, 4, kernel, stride=stride, padding=padding, groups=2).astype("float64")
    x = numbers((2, 5, 3, 2))
    dx, _, _ = reference.conv2d_backward(
        numbers((2, *conv.output_shape((5, 3, 2))), seed=1), x, conv.w.value, stride=stride, padding=padding, groups=2
    )
    expect_close(step(Sequential(conv), x).dx, dx, "float64")


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_borders_of_several_layers_are_not_mixed_up(kind, monkeypatch):
    """They share a worker, and its arrays keep what the last chunk left in them."""
    monkeypatch.setattr(workers, "CPU_BYTES", 1)
    paddings = ((1, 1), (2, 2), (1, 2), (2, 1), (0, 0), (2, 2))
    sizes = [3, 5, 4, 4, 3, 5]
    net = Sequential(*(Conv2d(4, 4, size, padding=p) for size, p in zip(sizes, paddings, strict=True)))
    net.astype("float64")
    x = numbers((4, 6, 6, 4))
    with using(kind):
        got = step(net, x)
    with engine.switched_off():
        expected = step(net, x)
    for one, other in ((got.y, expected.y), (got.dx, expected.dx), *zip(got.grads.values(), expected.grads.values(),
                                                                        strict=True)):  # fmt: skip
        expect_close(one, other, "float64")


def test_half_precision_is_left_to_patches():
    conv = Conv2d(64, 64, 3, padding=1).astype("float16")
    assert type(choose(conv, 16, 16, 8)) is Patches and type(choose(conv.astype("float32"), 16, 16, 8)) is Winograd
    assert type(choose(Conv2d(3, 8, 3).astype("float16"), 30, 30, 8)) is Patches
    x, small = numbers((3, 6, 6, 3), "float16"), Sequential(Conv2d(3, 4, 3)).astype("float16")
    got = step(small, x)
    with engine.switched_off():
        expected = step(small, x)
    assert got.y.dtype == got.dx.dtype == got.grads["conv1.w"].dtype == np.float16
    expect_close(got.y, expected.y, "float16")


def test_pixels_that_are_not_finite_reach_where_they_are_seen():
    x = numbers((2, 20, 20, 2), "float32")
    x[1, 5, 7, 0] = np.nan
    for algorithm in (None, Planes):
        with using(algorithm):
            y = Sequential(Conv2d(2, 3, 3)).forward(x)
        assert np.isnan(y[1, 3:6, 5:8]).all() and np.isnan(y).sum() == 27


def test_sums_of_columns():
    for shape in ((3, 4, 5), (0, 2, 5), (7, 1)):
        expect_close(column_sums(numbers(shape)), numbers(shape).reshape(-1, shape[-1]).sum(axis=0), "float64")
