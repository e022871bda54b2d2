"""Winograd's convolutions: the transforms are exact, the result equals the formula, float32 costs what is claimed."""

import numpy as np
import pytest
from engine.networks import BLAS_MAY_WARN, using
from harness import DTYPES, LAYOUTS, difference, numbers, run
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import engine
from tinycnn.engine.convolution import Patches, choose
from tinycnn.engine.winograd import INPUT, Winograd, transforms
from tinycnn.engine.workers import Worker
from tinycnn.gradient_check import gradcheck
from tinycnn.layers import Conv2d, Sequential

pytestmark = BLAS_MAY_WARN


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_a_tile_at_36_points_is_its_convolution(size):
    b, g, a = transforms(size, np.dtype("float64"))
    tile, x, w = INPUT + 1 - size, numbers((INPUT, INPUT)), numbers((size, size), seed=1)
    y = a @ ((b @ x.ravel()) * (g @ w.ravel()))
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size))
    np.testing.assert_allclose(y.reshape(tile, tile), (windows * w).sum(axis=(2, 3)), atol=1e-12)


@st.composite
def geometries(draw):
    """(arguments of Conv2d, shape of x): square kernels, stride 1, tiles cut off at the edges more often than not."""
    size, groups = draw(st.integers(2, 5)), draw(st.sampled_from([1, 2, 3, 8]))
    most = 5 if groups < 3 else 2
    arguments = {
        "in_channels": groups * draw(st.integers(1, most)), "out_channels": groups * draw(st.integers(1, most)),
        "kernel_size": size, "padding": draw(st.tuples(st.integers(0, size), st.integers(0, size))), "groups": groups,
        "bias": draw(st.booleans()),
    }  # fmt: skip
    n, h, w = draw(st.integers(0, 6)), draw(st.integers(5, 14)), draw(st.integers(5, 14))
    return arguments, (n, h, w, arguments["in_channels"])


@given(geometries(), DTYPES, LAYOUTS, st.integers(1, 3), st.sampled_from([1, 10**4, 10**9]))
def test_it_equals_the_formula(geometry, dtype, layout, threads, scratch_bytes):
    arguments, shape = geometry
    layer, x = Conv2d(**arguments, rng=np.random.default_rng(2)).astype(dtype), numbers(shape, dtype)
    if layer.b is not None:
        layer.b.value = numbers(layer.b.value.shape, dtype, seed=3)
    with using(Winograd):
        assert type(choose(layer, *layer.output_shape(shape[1:])[:2], len(x))) is Winograd
        run(layer, x, "cpu", layout, threads, scratch_bytes)


def test_these_geometries_take_it():
    for size in (3, 4, 5):
        assert type(choose(Conv2d(64, 64, size), 16, 16, 8)) is Winograd
    assert type(choose(Conv2d(96, 256, 5, padding=2, groups=2), 27, 27, 8)) is Winograd  # AlexNet's conv2


@pytest.mark.parametrize("conv, oh, ow, n", [
    (Conv2d(64, 64, 3, stride=2), 16, 16, 8), (Conv2d(64, 64, (3, 5)), 16, 16, 8), (Conv2d(64, 64, 1), 16, 16, 8),
    (Conv2d(64, 64, 7), 16, 16, 8), (Conv2d(6, 64, 3), 16, 16, 8), (Conv2d(64, 4, 3), 16, 16, 8),
    (Conv2d(64, 64, 3), 2, 2, 8), (Conv2d(64, 64, 3), 16, 16, 1),
], ids=str)  # fmt: skip
def test_and_these_do_not(conv, oh, ow, n):
    assert type(choose(conv, oh, ow, n)) is Patches


def test_what_is_kept_is_computed_again_where_it_is_not_kept():
    """V takes 36 numbers for 16 pixels with a 3x3 kernel, and for 4 with a 5x5: there it is never kept."""
    for size, groups in ((3, 1), (3, 2), (5, 1)):
        winograd = Winograd(size, (size // 2,) * 2, 8, 8, groups)
        w, x, dy = numbers((size, size, 4, 6)), numbers((3, 8, 8, 4 * groups)), numbers((3, 8, 8, 6), seed=1)
        found = []
        for keep in (True, False):
            worker, y, dx = Worker(0, 3), np.empty_like(dy), np.empty_like(x)
            kept = winograd.forward(x, winograd.prepare(w, None), y, worker, keep)
            assert [v is not None for v in kept] == [keep and size == 3] * groups
            found.append((y, dx, *winograd.backward(x, dy, winograd.prepare_backward(w), dx, worker, kept)))
        for one, other in zip(*found, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("size", [3, 5])
def test_what_float32_costs(size):
    """The figures of the module's docstring: root mean square error over root mean square, 64 channels."""
    net, x = Sequential(Conv2d(64, 64, size, padding=size // 2)), numbers((4, 32, 32, 64), "float32")
    exact = Conv2d(64, 64, size, padding=size // 2).astype("float64").forward(x.astype(float))

    def error(y):
        return np.sqrt(((y - exact) ** 2).mean() / (exact**2).mean())

    assert 3e-7 < error(net.forward(x)) < 1.2e-6
    with engine.switched_off():
        y = net.forward(x)
    assert 5e-8 < error(y) < 6e-7 and difference(y, exact) < 1e-5


def test_on_devices_the_layer_runs_its_formula(monkeypatch):
    monkeypatch.setattr(Winograd, "worthwhile", lambda *geometry: pytest.fail("asked"))
    run(Conv2d(4, 4, 3), numbers((2, 6, 6, 4), "float32"), "simulated")


@pytest.mark.slow
@pytest.mark.parametrize("size, groups", [(3, 1), (3, 2), (5, 1)])
def test_it_passes_the_gradient_check(size, groups):
    net = Sequential(Conv2d(4, 6, size, padding=1, groups=groups))
    with using(Winograd):
        report = gradcheck(net, numbers((2, 6, 7, 4)), seed=1)
    assert report.ok, str(report)
