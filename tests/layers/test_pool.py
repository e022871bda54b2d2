"""MaxPool2d and AvgPool2d against the loops: borders, ties, overlapping windows, ceil_mode, and their errors."""

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, distinct, expect_close, numbers, poolings, run
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import reference
from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import DtypeError, OrderError, ShapeError
from tinycnn.layers import AvgPool2d, GlobalAvgPool2d, MaxPool2d

THREADS = st.integers(1, 3)
SCRATCH = st.sampled_from([1, 500, 10**6])
POOLS = [MaxPool2d, AvgPool2d]


@given(poolings(), DTYPES, LAYOUTS, THREADS, SCRATCH, st.booleans())
def test_max_pooling_equals_the_loops(device, geometry, dtype, layout, threads, scratch_bytes, ties):
    arguments, shape = geometry
    # Few different numbers make ties everywhere, as the zeros behind a ReLU do; the first of them must win.
    x = np.round(numbers(shape, dtype)) if ties else distinct(shape, dtype)
    got = run(MaxPool2d(**arguments), x, device, layout, threads, scratch_bytes)
    np.testing.assert_array_equal(got.y, reference.max_pool2d(x, **arguments))
    del arguments["ceil_mode"]  # dy says how many windows there are
    expect_close(got.dx, reference.max_pool2d_backward(got.dy, x, **arguments), dtype)


@given(poolings(), DTYPES, LAYOUTS, st.booleans())
def test_average_pooling_equals_the_loops(device, geometry, dtype, layout, count_include_pad):
    arguments, shape = geometry
    x = numbers(shape, dtype)
    arguments["count_include_pad"] = count_include_pad
    got = run(AvgPool2d(**arguments), x, device, layout)
    expect_close(got.y, reference.avg_pool2d(x, **arguments), dtype)
    del arguments["ceil_mode"]
    expect_close(got.dx, reference.avg_pool2d_backward(got.dy, x, **arguments), dtype)


def pooled(layer, picture, device, dy):
    """y and dx of one picture (H, W), as lists of rows."""
    x, dy = (to_device(np.array(rows, "float32")[None, :, :, None], device) for rows in (picture, dy))
    y, dx = layer.forward(x), layer.backward(dy)
    return to_numpy(y)[0, :, :, 0].tolist(), to_numpy(dx)[0, :, :, 0].tolist()


def test_the_border_never_wins(device):
    # Padding with 0 would turn this picture of -1 into one of 0.
    y, dx = pooled(MaxPool2d(3, stride=2, padding=1), [[-1, -1], [-1, -2]], device, [[5]])
    assert y == [[-1]]
    assert dx == [[5, 0], [0, 0]]


def test_the_first_of_equals_wins(device):
    y, dx = pooled(MaxPool2d(2), [[0, 0, 1, 3], [0, 0, 3, 3]], device, [[7, 8]])
    assert y == [[0, 3]]
    assert dx == [[7, 0, 0, 8], [0, 0, 0, 0]]


def test_a_pixel_that_wins_twice_collects_twice(device):
    y, dx = pooled(MaxPool2d((1, 2), stride=1), [[1, 9, 2]], device, [[3, 4]])
    assert y == [[9, 9]]
    assert dx == [[0, 7, 0]]


def test_a_mean_with_a_border(device):
    y, dx = pooled(AvgPool2d(2, padding=1), [[8]], device, [[1]])
    assert y == [[2]] and dx == [[0.25]]
    y, dx = pooled(AvgPool2d(2, padding=1, count_include_pad=False), [[8]], device, [[1]])
    assert y == [[8]] and dx == [[1]]


def test_ceil_mode_keeps_the_last_columns(device):
    assert pooled(MaxPool2d(2), [[1, 2, 3]] * 2, device, [[1]])[0] == [[2]]
    assert pooled(MaxPool2d(2, ceil_mode=True), [[1, 2, 3]] * 2, device, [[1, 1]])[0] == [[2, 3]]
    assert pooled(AvgPool2d(2, ceil_mode=True), [[1, 2, 3]] * 2, device, [[1, 1]])[0] == [[1.5, 3]]  # 3, not 3 / 2


def test_windows_larger_than_a_byte_can_number(device):
    x = np.zeros((1, 20, 20, 1))
    x[0, 16, 19] = 1.0  # place 16 * 20 + 19 = 339 of the window
    layer = MaxPool2d(20)
    got = run(layer, x, device)
    assert got.dx[0, 16, 19, 0] == got.dy.item() and np.count_nonzero(got.dx) == 1


def test_nan_is_passed_on(device):
    x = np.ones((1, 2, 2, 1), "float32")
    x[0, 0, 1] = np.nan
    assert np.isnan(to_numpy(MaxPool2d(2).forward(to_device(x, device)))).all()
    assert np.isnan(to_numpy(AvgPool2d(2).forward(to_device(x, device)))).all()


@pytest.mark.parametrize("pool", POOLS)
def test_stride_is_the_kernel_unless_given(pool):
    assert pool((2, 3)).output_shape((8, 9, 5)) == (4, 3, 5)
    assert pool(3, stride=2).output_shape((55, 55, 96)) == (27, 27, 96)  # AlexNet's overlapping windows
    assert pool(2, ceil_mode=True).output_shape((7, 7, 1)) == (4, 4, 1)


@pytest.mark.parametrize("pool", POOLS)
def test_wrong_arguments(pool):
    with pytest.raises(ValueError, match="padding may be at most half the kernel"):
        pool(3, padding=2)
    with pytest.raises(ValueError, match="at least 1"):
        pool(0)
    with pytest.raises(ValueError, match="at least 1"):
        pool(2, stride=0)
    with pytest.raises(ValueError, match="stride must be an integer or a pair"):
        pool(2, stride="2")


@pytest.mark.parametrize("pool", POOLS)
def test_wrong_inputs(device, pool):
    with pytest.raises(ShapeError, match="batch axis with x"):
        pool(2).forward(to_device(numbers((4, 4, 3)), device))
    with pytest.raises(ShapeError, match="a window of 5 does not fit into 4 pixels.*fewer poolings"):
        pool(5).forward(to_device(numbers((1, 4, 4, 3)), device))
    with pytest.raises(ShapeError, match=r"expects \(H, W, C\)"):
        pool(2).output_shape((16,))
    with pytest.raises(DtypeError, match="got uint8"):
        pool(2).forward(to_device(np.ones((1, 4, 4, 3), "uint8"), device))


@pytest.mark.parametrize("pool", POOLS)
def test_wrong_gradients(device, pool):
    layer, x = pool(2), to_device(numbers((1, 4, 4, 3)), device)
    with pytest.raises(OrderError):
        layer.backward(x)
    layer.forward(x)
    with pytest.raises(ShapeError, match="expects dy of the shape"):
        layer.backward(x)
    y = layer.forward(x)
    layer.backward(y)
    with pytest.raises(OrderError):
        layer.backward(y)


def test_it_prints_what_differs_from_the_defaults():
    assert repr(MaxPool2d(2)) == "MaxPool2d(2)"
    assert repr(AvgPool2d((2, 3), stride=1, padding=1, ceil_mode=True)) == (
        "AvgPool2d((2, 3), stride=1, padding=1, ceil_mode=True)"
    )


@given(st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 5), st.integers(1, 4)), DTYPES, LAYOUTS)
def test_the_mean_over_the_whole_image(device, shape, dtype, layout):
    x = numbers(shape, dtype)
    got = run(GlobalAvgPool2d(), x, device, layout)
    loops = reference.avg_pool2d(x, shape[1:3])
    expect_close(got.y, loops[:, 0, 0], dtype)
    expect_close(got.dx, reference.avg_pool2d_backward(got.dy[:, None, None], x, shape[1:3]), dtype)
    with pytest.raises(ShapeError, match=r"expects \(H, W, C\)"):
        GlobalAvgPool2d().output_shape((4,))
