"""Host and device do not mix, and what CuPy leaves undefined is refused. Planted wrong calls: tests/conformance."""

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulated.common import on
from tinycnn import simulated
from tinycnn.backend import array_module, to_numpy
from tinycnn.errors import DeviceError
from tinycnn.simulated import xp


def test_conversion_is_refused_in_cupys_words():
    with pytest.raises(TypeError, match=r"Implicit conversion to a NumPy array is not allowed. Please use `.get\(\)`"):
        np.asarray(xp.ones(2))


@pytest.mark.parametrize("mix", [
    lambda x, h: x + h, lambda x, h: h + x, lambda x, h: x @ h, lambda x, h: h @ x, lambda x, h: x > h,
    lambda x, h: operator.iadd(x, h), lambda x, h: np.add(x, h), lambda x, h: xp.dot(x, h), lambda x, h: x.dot(h),
    lambda x, h: xp.stack([x, h]), lambda x, h: xp.where(x > 0, h, 0.0), lambda x, h: xp.sum(h),
    lambda x, h: xp.maximum(x, 0, out=h), lambda x, h: xp.add.at(x, [0], h), lambda x, h: xp.einsum("ij,ij", x, h),
])  # fmt: skip
def test_mixing_says_what_to_do(mix):
    with pytest.raises(DeviceError, match="Unsupported type <class 'numpy.ndarray'>|needs device arrays"):
        mix(xp.ones((2, 2)), np.ones((2, 2)))


def test_the_backend_knows_the_device():
    x = xp.ones(3)
    assert array_module(x, x + 1) is xp
    with pytest.raises(DeviceError, match="one belongs to simulated, another to numpy"):
        array_module(x, np.ones(3))
    assert to_numpy(x).tolist() == [1, 1, 1]


def test_reductions_and_elements_stay_on_the_device():
    x = xp.ones((2, 3))
    for number in (x.sum(), x[0, 0], xp.mean(x), xp.allclose(x, x), xp.count_nonzero(x)):
        assert type(number) is xp.ndarray and number.shape == ()
    # These are Python's, in CuPy too.
    assert xp.ndim(x) == 2 and xp.size(x) == 6 and xp.result_type(x, "float32") == np.float64


@pytest.mark.parametrize("use", [
    lambda x: x[on([0, 3])], lambda x: operator.setitem(x, [-4], 0.0), lambda x: xp.take(x, on([5])),
    lambda x: xp.take_along_axis(x, on([9]), 0), lambda x: xp.put_along_axis(x, on([9]), 1.0, 0),
    lambda x: x.put([4], 0),
])  # fmt: skip
def test_indices_out_of_range_are_refused(use):
    with pytest.raises(simulated.OutOfRange, match="CuPy does not raise here: it wraps the index around"):
        use(xp.ones(3))


def test_a_plain_integer_out_of_range_is_an_ordinary_error():
    with pytest.raises(IndexError) as caught:
        xp.ones(3)[7]
    assert not isinstance(caught.value, DeviceError)  # CuPy raises here as well


def test_assignment_through_repeated_indices_is_refused_and_changes_nothing():
    x = xp.zeros((3, 2))
    with pytest.raises(DeviceError, match="repeated indices: on a GPU any of the values may end up there"):
        x[on([1, 1, 2])] = on([[1.0, 1], [2, 2], [3, 3]])
    with pytest.raises(DeviceError, match="repeated indices"):
        x[on([0, -3]), on([1, 1])] += on([1.0, 2.0])
    assert not x.get().any()
    x[on([1, 1, 2])] = on([[1.0, 1], [1, 1], [3, 3]])  # the same value twice is no conflict
    x[on([0, 0])] = 7.0
    assert x.get().tolist() == [[7, 7], [1, 1], [3, 3]]


def test_sums_of_floats_by_atomics_are_refused():
    x, i = xp.zeros(3), xp.zeros(3, "int64")
    with pytest.raises(DeviceError, match="another order in each run"):
        xp.add.at(x, on([0, 0]), 1.0)
    with pytest.raises(DeviceError, match="does not exist for float64"):
        xp.subtract.at(x, on([0]), 1.0)
    xp.add.at(i, on([0, 0, 2]), 1)
    xp.maximum.at(x, on([1, 1]), on([4.0, 2.0]))
    assert (i.get().tolist(), x.get().tolist()) == ([2, 0, 1], [0, 4, 0])


@given(st.tuples(*[st.integers(0, 4)] * 2), st.tuples(*[st.integers(-3, 3)] * 2))
def test_views_that_overlap_themselves_may_be_read_but_not_written(shape, steps):
    memory = np.arange(64.0)
    view = xp.lib.stride_tricks.as_strided(on(memory)[32:], shape, tuple(8 * step for step in steps))
    places = {(i * steps[0] + j * steps[1]) for i in range(shape[0]) for j in range(shape[1])}
    shares = len(places) < shape[0] * shape[1]
    view.get()
    try:
        view += 1.0
        written = True
    except DeviceError:
        written = False
    assert not (shares and written)  # never lets a shared element pass;
    simple = abs(steps[1]) == 1 and abs(steps[0]) >= shape[1]
    assert written or shares or not simple  # and refuses no ordinary view


def test_no_kind_of_write_reaches_an_overlapping_view():
    windows = xp.lib.stride_tricks.as_strided(xp.zeros(4), (3, 2), (8, 8))
    for write in (
        lambda: operator.setitem(windows, ..., 1.0), lambda: operator.setitem(windows, on([0, 1]), 1.0),
        lambda: operator.setitem(windows, windows > 0, 1.0), lambda: windows.fill(1.0), lambda: xp.copyto(windows, 1.0),
        lambda: xp.exp(windows, out=windows), lambda: windows.put([0], 1.0),
    ):  # fmt: skip
        with pytest.raises(DeviceError, match="elements share memory"):
            write()
    windows[0] += 1.0  # one row alone does not overlap


def test_broadcast_arrays_are_not_written():
    with pytest.raises((DeviceError, ValueError)):
        xp.broadcast_to(xp.ones(3), (2, 3))[...] = 1.0
