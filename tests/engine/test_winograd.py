"""Winograd's convolutions: the transforms are exact, the result equals patches, and float32 costs what is claimed."""

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, difference, expect_close, expect_same_run, numbers, run
from hypothesis import given
from hypothesis import strategies as st
from tinycnn.parallel import Lane
from tinycnn.shortcuts import choose
from tinycnn.shortcuts.winograd import INPUT, Tiles, transforms

from tinycnn import reference
from tinycnn.layers import Conv2d


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
    size, groups = draw(st.integers(3, 5)), draw(st.sampled_from([1, 2]))
    arguments = {
        "in_channels": groups * draw(st.integers(1, 5)), "out_channels": groups * draw(st.integers(1, 5)),
        "kernel_size": size, "padding": draw(st.tuples(st.integers(0, size), st.integers(0, size))), "groups": groups,
        "bias": draw(st.booleans()),
    }  # fmt: skip
    n, h, w = draw(st.integers(0, 6)), draw(st.integers(5, 14)), draw(st.integers(5, 14))
    return arguments, (n, h, w, arguments["in_channels"])


@given(geometries(), DTYPES, LAYOUTS, st.integers(1, 3), st.sampled_from([1, 10**4, 10**9]))
def test_it_equals_patches(geometry, dtype, layout, threads, scratch_bytes):
    arguments, shape = geometry
    layer, x = Conv2d(**arguments, rng=np.random.default_rng(2)).astype(dtype), numbers(shape, dtype)
    if layer.b is not None:
        layer.b.value = numbers(layer.b.value.shape, dtype, seed=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tiles, "worthwhile", lambda *geometry: True)
        fast = run(layer, x, "cpu", layout, threads, scratch_bytes)
        patch.setenv("TINYCNN_ENGINE", "0")
        plain = run(layer, x, "cpu", layout, threads, scratch_bytes)
    expect_same_run(fast, plain, dtype)


def test_these_geometries_take_it():
    for size in (3, 4, 5):
        assert isinstance(choose(np, Conv2d(64, 64, size), 16, 16, 8), Tiles)
    assert isinstance(choose(np, Conv2d(96, 256, 5, padding=2, groups=2), 27, 27, 8), Tiles)  # AlexNet's conv2


@pytest.mark.parametrize("conv, oh, ow, n", [
    (Conv2d(64, 64, 3, stride=2), 16, 16, 8), (Conv2d(64, 64, (3, 5)), 16, 16, 8), (Conv2d(64, 64, 1), 16, 16, 8),
    (Conv2d(64, 64, 7), 16, 16, 8), (Conv2d(6, 64, 3), 16, 16, 8), (Conv2d(64, 4, 3), 16, 16, 8),
    (Conv2d(64, 64, 3), 2, 2, 8), (Conv2d(64, 64, 3), 16, 16, 1),
], ids=str)  # fmt: skip
def test_and_these_do_not(conv, oh, ow, n):
    assert choose(np, conv, oh, ow, n) is None


def test_it_can_be_switched_off_and_stays_off_devices(monkeypatch):
    import tinycnn.simulated as simulated

    conv = Conv2d(64, 64, 3)
    assert choose(np, conv, 16, 16, 8)
    assert choose(simulated.xp, conv, 16, 16, 8) is None
    monkeypatch.setenv("TINYCNN_ENGINE", "0")
    assert choose(np, conv, 16, 16, 8) is None


def test_against_the_loops():
    x, w, b, y = numbers((2, 6, 7, 3)), numbers((3, 3, 3, 2), seed=1), numbers((2,), seed=2), np.empty((2, 6, 7, 2))
    tiles = Tiles(3, (1, 1), 6, 7)
    tiles.forward(x, tiles.kernel(w, b), y, Lane([slice(0, 2)], np), keep=False)
    expect_close(y, reference.conv2d(x, w, b, padding=1), "float64")


def test_what_is_kept_need_not_be():
    """Backward computes V again where forward was told not to keep it."""
    tiles, w = Tiles(3, (1, 1), 8, 8), numbers((3, 3, 5, 7))
    x, dy = numbers((3, 8, 8, 5)), numbers((3, 8, 8, 7), seed=1)
    found = []
    for keep in (True, False):
        lane, y, dx = Lane([slice(0, 3)], np), np.empty_like(dy), np.empty_like(x)
        kept = tiles.forward(x, tiles.kernel(w, None), y, lane, keep)
        assert (kept is None) is not keep
        found.append((y, dx, *tiles.backward(x, dy, tiles.turned(w), dx, lane, kept)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("size", [3, 5])
def test_what_float32_costs(size, monkeypatch):
    """The figures of the module's docstring: root mean square error over root mean square, 64 channels."""
    layer, x = Conv2d(64, 64, size, padding=size // 2), numbers((4, 32, 32, 64), "float32")
    exact = Conv2d(64, 64, size, padding=size // 2).astype("float64").forward(x.astype(float))
    error = {}
    for switch in "10":
        monkeypatch.setenv("TINYCNN_ENGINE", switch)
        error[switch] = np.sqrt(((layer.forward(x) - exact) ** 2).mean() / (exact**2).mean())
    assert 3e-7 < error["1"] < 1.2e-6
    assert 5e-8 < error["0"] < 6e-7 and difference(layer.forward(x), exact) < 1e-5


def test_forward_with_patches_and_backward_without(monkeypatch):
    layer, x = Conv2d(64, 64, 3, padding=1).astype("float64"), numbers((8, 16, 16, 64))
    monkeypatch.setenv("TINYCNN_THREADS", "1")
    layer.forward(x)
    expected = layer.backward(x)
    monkeypatch.setenv("TINYCNN_ENGINE", "0")
    layer.forward(x)
    monkeypatch.delenv("TINYCNN_ENGINE")
    assert choose(np, layer, 16, 16, len(x))
    expect_close(layer.backward(x), expected, "float64")
