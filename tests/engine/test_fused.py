"""A convolution and its pooling as one: the numbers of the two layers one by one."""

import numpy as np
import pytest
from engine.networks import BLAS_MAY_WARN, Leaky, Wide, step, using
from harness import DTYPES, LAYOUTS, distinct, expect_close, expect_same_run, numbers, run
from hypothesis import assume, given
from hypothesis import strategies as st

from tinycnn import engine
from tinycnn.engine.convolution import Patches
from tinycnn.engine.fused import FusedPatches, FusedPlanes, FusedWinograd, choose_fused, hand_back, largest
from tinycnn.engine.planes import Planes
from tinycnn.engine.steps import ConvolutionAndPooling, steps_of
from tinycnn.engine.winograd import Winograd
from tinycnn.engine.workers import Worker
from tinycnn.gradient_check import gradcheck
from tinycnn.layers import Conv2d, MaxPool2d, ReLU, Sequential

pytestmark = BLAS_MAY_WARN

FUSED = {Winograd: FusedWinograd, Planes: FusedPlanes, Patches: FusedPatches}


def pair(**arguments):
    conv = Conv2d(**arguments, rng=np.random.default_rng(2))
    if conv.b is not None:
        conv.b.value = numbers(conv.b.value.shape, "float32", seed=3)
    return Sequential(conv, MaxPool2d(2))


@st.composite
def geometries(draw):
    """(arguments of Conv2d, shape of x, algorithm): outputs with an even number of rows and columns."""
    algorithm = draw(st.sampled_from(list(FUSED)))
    if algorithm is Patches:
        kernel, stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4))), draw(st.integers(1, 3))
    else:
        kernel, stride = (draw(st.sampled_from([3, 5])),) * 2, 1
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    padding = draw(st.tuples(*(st.integers(0, k - 1) for k in kernel)))
    size = [stride * (2 * o - 1) + k - 2 * p for o, k, p in zip((rows, columns), kernel, padding, strict=True)]
    arguments = {
        "in_channels": draw(st.integers(1, 6)), "out_channels": draw(st.integers(1, 9)),
        "kernel_size": kernel, "stride": stride, "padding": padding, "bias": draw(st.booleans()),
    }  # fmt: skip
    return arguments, (draw(st.integers(0, 5)), *(max(1, s) for s in size), arguments["in_channels"]), algorithm


@given(geometries(), DTYPES, LAYOUTS, st.integers(1, 3), st.sampled_from([1, 10**4, 10**9]))
def test_it_equals_the_two_layers(geometry, dtype, layout, threads, scratch_bytes):
    arguments, shape, algorithm = geometry
    net, x = pair(**arguments).astype(dtype), distinct(shape, dtype) / 8
    oh, ow, _ = net[0].output_shape(shape[1:])
    assume(oh % 2 == ow % 2 == 0)  # odd only where the image would have had to be smaller than a pixel
    with using(algorithm):
        assert type(choose_fused(*net, shape)) is FUSED[algorithm]
        fast = run(net, x, "cpu", layout, threads, scratch_bytes)
    with engine.switched_off():
        plain = run(net, x, "cpu", layout)
    expect_same_run(fast, plain, dtype)


@pytest.mark.parametrize("algorithm", [Planes, Patches])
def test_among_equals_the_first_wins(algorithm):
    """Small whole numbers: sums are exact, and most windows have several largest corners."""
    net = pair(in_channels=2, out_channels=3, kernel_size=3, padding=1).astype("float64")
    rng, found = np.random.default_rng(0), []
    net[0].w.value, net[0].b.value = rng.integers(0, 2, net[0].w.value.shape) * 1.0, np.zeros(3)
    x, dy = rng.integers(0, 2, (2, 32, 32, 2)) * 1.0, rng.integers(-9, 9, (2, 16, 16, 3)) * 1.0
    for off in (True, False):
        with using(algorithm), engine.switched_off() if off else pytest.MonkeyPatch.context():
            found.append([net.forward(x), net.backward(dy), net[0].w.grad, net[0].b.grad])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 5))
def test_the_largest_corner_and_the_way_back(rows, columns, rest):
    corners, worker = numbers((rows, 2, columns, 2, rest)).round(), Worker(0, 1)  # rounded: many are equal
    picture = corners.reshape(1, 2 * rows, 2 * columns, rest)
    pool = MaxPool2d(2)
    expected, (_, numbers_of_winners) = pool.forward(picture), pool.kept()
    y, winner = np.empty((rows, columns, rest)), np.empty((rows, columns, rest), np.uint8)
    largest(corners, y, winner, worker)
    np.testing.assert_array_equal(y, expected[0])
    np.testing.assert_array_equal(winner, numbers_of_winners[0])
    hand_back(y, winner, corners, worker)
    np.testing.assert_array_equal(corners.reshape(picture.shape), pool.backward(expected))


def fused(layers, x_shape, xp=np):
    steps = list(steps_of(layers, x_shape, np.dtype("float32"), xp))
    return [type(step) is ConvolutionAndPooling for step in steps]


def test_what_is_fused_and_what_is_not():
    x, even = (4, 16, 16, 8), Conv2d(8, 8, 3, padding=1)
    assert fused([even, MaxPool2d(2)], x) == [True]
    assert fused([even, MaxPool2d(2), even, MaxPool2d(2), ReLU()], x) == [True, True, False]
    for conv, pool in (
        (even, MaxPool2d(3)), (even, MaxPool2d(2, stride=1)), (even, MaxPool2d(2, padding=1)), (even, ReLU()),
        (Conv2d(8, 8, 4, padding=1), MaxPool2d(2)), (Conv2d(8, 8, 3, padding=1, groups=2), MaxPool2d(2)),
    ):  # fmt: skip
        assert fused([conv, pool], x) == [False, False]
    odd_but_dropped = MaxPool2d(2, ceil_mode=True)
    assert fused([even, odd_but_dropped], x) == [True]  # with even sizes nothing is left over


def test_a_layer_between_or_of_another_kind_is_not_passed_over():
    class Mine(MaxPool2d):
        per_image = True

    conv, x = Conv2d(8, 8, 3, padding=1), (4, 16, 16, 8)
    assert fused([conv, Mine(2)], x) == fused([conv, ReLU()], x) == [False] * 2
    assert fused([conv, ReLU(), MaxPool2d(2)], x) == [False] * 3
    for layers in ([conv, Leaky(), MaxPool2d(2)], [Wide(8, 8, 3), MaxPool2d(2)]):
        assert all(getattr(row, "layers", [0])[-1] is not conv for row in engine.plan(layers, np)[1:])
    replaced = MaxPool2d(2)
    replaced.forward = lambda x: MaxPool2d.forward(replaced, x) + 1
    y, plain = (Sequential(conv, pool).forward(numbers(x, "float32")) for pool in (replaced, MaxPool2d(2)))
    expect_close(y, plain + 1, "float32")


def test_on_devices_the_layers_run_one_by_one():
    import tinycnn.simulated as simulated

    assert fused([Conv2d(8, 8, 3, padding=1), MaxPool2d(2)], (4, 16, 16, 8), simulated.xp) == [False, False]


@pytest.mark.parametrize("algorithm", list(FUSED))
def test_not_a_number_is_passed_on(algorithm):
    net, x = pair(in_channels=3, out_channels=8, kernel_size=3, padding=1), numbers((2, 32, 32, 3), "float32")
    x[1, 5, 7, 0] = np.nan
    with using(algorithm):
        y = net.forward(x)
    assert np.isnan(y[1, 2:4, 3:5]).all() and np.isfinite(y[0]).all()
    assert algorithm is Winograd or np.isnan(y).sum() == 32  # in its whole tile, as winograd.py says


@pytest.mark.parametrize("algorithm", list(FUSED))
def test_a_prediction_gives_the_same_bits_and_says_no_winners(algorithm, monkeypatch):
    net, x = pair(in_channels=5, out_channels=6, kernel_size=3, padding=1), numbers((4, 16, 16, 5), "float32")
    with using(algorithm):
        expected = step(net, x).y
        monkeypatch.setattr("tinycnn.engine.fused.np.not_equal", lambda *given, **how: pytest.fail("who won?"))
        with net.predicting():
            np.testing.assert_array_equal(net.forward(x), expected)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", list(FUSED))
def test_it_passes_the_gradient_check(algorithm):
    net = Sequential(Conv2d(3, 4, 3, padding=1), MaxPool2d(2), ReLU())
    with using(algorithm):
        report = gradcheck(net, numbers((2, 12, 12, 3)), seed=1)
    assert report.ok, str(report)
