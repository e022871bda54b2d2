"""A convolution and its pooling as one: the numbers of the two layers, and each layer keeps what is its own."""

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, expect_close, expect_same_run, numbers, run
from hypothesis import assume, given
from hypothesis import strategies as st
from tinycnn.parallel import Lane
from tinycnn.shortcuts import pooled
from tinycnn.shortcuts.winograd import Tiles

from tinycnn.gradient_check import gradcheck
from tinycnn.layers import Conv2d, MaxPool2d, ReLU, Sequential


def pair(**arguments):
    conv = Conv2d(**arguments, rng=np.random.default_rng(2))
    if conv.b is not None:
        conv.b.value = numbers(conv.b.value.shape, "float32", seed=3)
    return Sequential(conv, MaxPool2d(2))


@st.composite
def geometries(draw):
    """(arguments of Conv2d, shape of x, way): outputs with an even number of rows and columns."""
    way = draw(st.sampled_from([pooled.PooledTiles, pooled.PooledPlanes, pooled.PooledPatches]))
    if way is pooled.PooledPatches:
        kernel, stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4))), draw(st.integers(1, 3))
    else:
        kernel, stride = (draw(st.sampled_from([3, 5])),) * 2, 1
    planes = way is pooled.PooledPlanes
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(8, 12) if planes else st.integers(1, 5))
    padding = draw(st.tuples(*(st.integers(0, k) for k in kernel)))
    size = [stride * (2 * o - 1) + k - 2 * p for o, k, p in zip((rows, columns), kernel, padding, strict=True)]
    arguments = {
        "in_channels": draw(st.integers(1, 3 if planes else 6)), "out_channels": draw(st.integers(1, 9)),
        "kernel_size": kernel, "stride": stride, "padding": padding, "bias": draw(st.booleans()),
    }  # fmt: skip
    return arguments, (draw(st.integers(0, 5)), *(max(1, s) for s in size), arguments["in_channels"]), way


@given(geometries(), DTYPES, LAYOUTS, st.integers(1, 3), st.sampled_from([1, 10**4, 10**9]))
def test_it_equals_the_two_layers(geometry, dtype, layout, threads, scratch_bytes):
    arguments, shape, way = geometry
    net, x = pair(**arguments).astype(dtype), numbers(shape, dtype)
    oh, ow, _ = net[0].output_shape(shape[1:])
    assume(oh % 2 == ow % 2 == 0)  # odd only where the image would have had to be smaller than a pixel
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tiles, "worthwhile", lambda *geometry: way is pooled.PooledTiles)
        patch.setattr("tinycnn.shortcuts.planes.Planes.worthwhile", lambda *geometry: way is pooled.PooledPlanes)
        assert type(pooled.join(*net, shape).way) is way
        fast = run(net, x, "cpu", layout, threads, scratch_bytes)
        patch.setenv("TINYCNN_ENGINE", "0")
        plain = run(net, x, "cpu", layout, threads, scratch_bytes)
    expect_same_run(fast, plain, dtype)


@pytest.mark.parametrize("channels", [1, 8])
def test_among_equals_the_first_wins(channels, monkeypatch):
    """Small whole numbers: sums are exact, and most windows have several largest corners."""
    net = pair(in_channels=channels, out_channels=3, kernel_size=3, padding=1).astype("float64")
    rng, found = np.random.default_rng(0), []
    net[0].w.value, net[0].b.value = rng.integers(0, 2, net[0].w.value.shape) * 1.0, np.zeros(3)
    x, dy = rng.integers(0, 2, (2, 32, 32, channels)) * 1.0, rng.integers(-9, 9, (2, 16, 16, 3)) * 1.0
    assert type(pooled.join(*net, x.shape).way) is (pooled.PooledPlanes if channels == 1 else pooled.PooledPatches)
    for switch in "10":
        monkeypatch.setenv("TINYCNN_ENGINE", switch)
        found.append([net.forward(x), net[1].kept()[1], net.backward(dy), net[0].w.grad])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 5))
def test_the_largest_corner_and_the_way_back(rows, columns, rest):
    corners, lane = numbers((rows, 2, columns, 2, rest)).round(), Lane([slice(0, 1)], np)  # rounded: many are equal
    picture = corners.reshape(1, 2 * rows, 2 * columns, rest)
    pool = MaxPool2d(2)
    expected, (_, numbers_of_winners) = pool.forward(picture), pool.kept()
    y, winner = np.empty((rows, columns, rest)), np.empty((rows, columns, rest), np.uint8)
    pooled.largest(corners, y, winner, lane)
    np.testing.assert_array_equal(y, expected[0])
    np.testing.assert_array_equal(winner, numbers_of_winners[0])
    pooled.hand_back(y, winner, corners, lane)
    np.testing.assert_array_equal(corners.reshape(picture.shape), pool.backward(expected))


def test_each_layer_can_go_back_by_itself():
    net, x = pair(in_channels=16, out_channels=16, kernel_size=3), numbers((4, 18, 18, 16), "float32")
    y = net.forward(x)
    dy = numbers(y.shape, "float32", seed=1)
    assert net[0].kept()[1] == (4, 16, 16, 16) and net[1].kept()[1].shape == y.shape
    together = net.backward(dy)
    net.forward(x)
    expect_close(net[0].backward(net[1].backward(dy)), together, "float32")
    net[1].forward(net[0].forward(x))
    expect_close(net.backward(dy), together, "float32")


def test_what_is_not_joined():
    x, even = (4, 16, 16, 8), Conv2d(8, 8, 3, padding=1)
    assert pooled.join(even, MaxPool2d(2), x)
    for conv, pool in (
        (even, MaxPool2d(3)), (even, MaxPool2d(2, stride=1)), (even, MaxPool2d(2, padding=1)),
        (Conv2d(8, 8, 4, padding=1), MaxPool2d(2)), (Conv2d(8, 8, 3, padding=1, groups=2), MaxPool2d(2)),
    ):  # fmt: skip
        assert pooled.join(conv, pool, x) is None

    class Mine(MaxPool2d):
        pass

    assert even.joined([MaxPool2d(2)], x)
    assert not even.joined([Mine(2)], x) and not even.joined([ReLU(), MaxPool2d(2)], x) and not even.joined([], x)


def test_switched_off_and_on_devices_the_layers_run_one_by_one(monkeypatch):
    import tinycnn.simulated as simulated

    net, x = pair(in_channels=8, out_channels=8, kernel_size=3), numbers((4, 10, 10, 8), "float32")
    monkeypatch.setenv("TINYCNN_ENGINE", "0")
    assert pooled.join(*net, x.shape) is None
    monkeypatch.delenv("TINYCNN_ENGINE")
    monkeypatch.setattr(pooled, "join", lambda *given: pytest.fail("joined"))
    net.to("simulated").forward(simulated.xp.asarray(x))


def test_not_a_number_is_passed_on():
    net, x = pair(in_channels=3, out_channels=8, kernel_size=3, padding=1), numbers((2, 32, 32, 3), "float32")
    x[1, 5, 7, 0] = np.nan
    y = net.forward(x)
    assert np.isnan(y[1, 2:4, 3:5]).all() and np.isfinite(y[0]).all()


def test_a_prediction_gives_the_same_bits_and_keeps_nothing():
    net, x = pair(in_channels=16, out_channels=16, kernel_size=3, padding=1), numbers((4, 16, 16, 16), "float32")
    expected = net.forward(x)
    with net.predicting():
        np.testing.assert_array_equal(net.forward(x), expected)
        assert not net[0].kept() and not net[1].kept()


@pytest.mark.slow
@pytest.mark.parametrize("channels", [3, 8])
def test_it_passes_the_gradient_check(channels, monkeypatch):
    monkeypatch.setattr(Tiles, "worthwhile", lambda kernel, c, *rest: c == 8)
    net = Sequential(Conv2d(channels, 4, 3, padding=1), MaxPool2d(2), ReLU())
    report = gradcheck(net, numbers((2, 16, 16, channels)), seed=1)
    assert report.ok, str(report)
