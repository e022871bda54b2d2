"""The simulated array computes what NumPy computes, and shares memory where NumPy's does."""

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.simulated.common import on, same
from tinycnn.simulated import xp

FLOATS = st.floats(-100, 100, width=32)
SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, max_side=4)
OPERATORS = [getattr(operator, name) for name in "add sub mul truediv floordiv mod lt le eq ne gt ge".split()]
UNARY = [operator.neg, operator.pos, abs, np.exp, np.tanh, np.sqrt, np.square, np.sign, np.isfinite, np.rint]


def pairs_of_arrays(dtype):
    shapes = arrays.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)
    one = lambda shape: arrays.arrays(dtype, shape, elements=FLOATS)  # noqa: E731
    return shapes.flatmap(lambda both: st.tuples(*map(one, both.input_shapes)))


@given(pairs_of_arrays("float32"), st.sampled_from([*OPERATORS, np.maximum, np.hypot]), st.sampled_from("fd"))
def test_two_arrays(pair, compute, dtype):
    a, b = pair[0], pair[1].astype(dtype)
    with np.errstate(all="ignore"):
        expected = compute(a, b)
    same(compute(on(a), on(b)), expected)


@given(arrays.arrays("float32", SHAPES, elements=FLOATS), st.sampled_from(OPERATORS),
       st.one_of(FLOATS, st.integers(-9, 9), FLOATS.map(np.float32), FLOATS.map(np.float64)))  # fmt: skip
def test_an_array_and_a_scalar(a, compute, scalar):
    with np.errstate(all="ignore"):
        expected, reflected = compute(a, scalar), compute(scalar, a)
    same(compute(on(a), scalar), expected)
    same(compute(scalar, on(a)), reflected)


@given(arrays.arrays("float64", SHAPES, elements=FLOATS), st.sampled_from(UNARY))
def test_one_array(a, compute):
    with np.errstate(all="ignore"):
        expected = compute(a)
    same(compute(on(a)), expected)


@given(arrays.arrays("float32", arrays.array_shapes(max_dims=3, max_side=4), elements=FLOATS), st.data(),
       st.sampled_from("sum max min mean argmax argmin prod any all cumsum std var".split()))  # fmt: skip
def test_reductions(a, data, name):
    axis = data.draw(st.sampled_from([None, *range(a.ndim)]))
    same(getattr(on(a), name)(axis=axis), getattr(a, name)(axis=axis))
    same(getattr(xp, name)(on(a), axis=axis), getattr(np, name)(a, axis=axis))


@given(arrays.arrays("int32", arrays.array_shapes(max_dims=3, max_side=5), elements=st.integers(-99, 99)), st.data())
def test_indexing_reads_and_writes_as_numpy_does(a, data):
    key = data.draw(arrays.basic_indices(a.shape, allow_newaxis=True))
    there = on(a)
    same(there[key], a[key])
    there[key] = 7
    expected = a.copy()
    expected[key] = 7
    same(there, expected)
    mask = data.draw(arrays.arrays(bool, a.shape))
    same(on(a)[on(mask)], a[mask])
    rows = data.draw(arrays.arrays("int64", st.integers(0, 4), elements=st.integers(-len(a), len(a) - 1)))
    same(on(a)[on(rows)], a[rows])


@pytest.mark.parametrize("compute", [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow])
def test_in_place_operators_write_into_the_same_memory(compute):
    a = np.arange(1.0, 7.0).reshape(2, 3)
    there = on(a)
    view, before = there[:, 1:], there
    there = compute(there, 2.0)
    assert there is before
    same(there, compute(a, 2.0))
    same(view, a[:, 1:])


def test_views_share_memory_and_copies_do_not():
    host = np.zeros((3, 4), "float32")
    there = on(host)
    there.T[1] = 5.0
    there.reshape(-1)[0] = 3.0
    there[2, 2][...] = 4.0  # even a single element is a view, as on a GPU
    assert there.get().tolist() == [[3, 5, 0, 0], [0, 5, 0, 0], [0, 5, 4, 0]]
    assert not host.any()  # the device has memory of its own,
    there.get()[...] = 9
    assert there.max().item() == 5  # and what was downloaded is a copy
    assert there[1:].base is not None and there.base is None


def test_strides_and_flags_are_those_of_numpy():
    a = np.zeros((3, 4, 5), "float32")
    for change in (lambda x: x, lambda x: x.T, lambda x: x[::2, :, ::-1], lambda x: x.swapaxes(0, 1)):
        ours, theirs = change(on(a)), change(a)
        assert (ours.strides, ours.shape, ours.itemsize, ours.nbytes) == (
            theirs.strides, theirs.shape, theirs.itemsize, theirs.nbytes)  # fmt: skip
        assert ours.flags.c_contiguous == theirs.flags.c_contiguous
        assert ours.flags["F_CONTIGUOUS"] == theirs.flags["F_CONTIGUOUS"]


def test_a_gpu_gives_no_warnings():
    x = on(np.zeros(2))  # the suite turns RuntimeWarning into an error
    assert np.isnan((x / x).get()).all() and np.isinf(xp.log(x).get()).all()
    x /= 0.0


@pytest.mark.parametrize("compute", [
    lambda x, out: xp.matmul(x, x, out=out), lambda x, out: xp.maximum(x, 0, out=out), lambda x, out: xp.add(x, x, out),
    lambda x, out: xp.cumsum(x, axis=0, out=out), lambda x, out: x.clip(0, 1, out=out),
    lambda x, out: np.exp(x, out=out),
])  # fmt: skip
def test_out_is_written_and_returned(compute):
    x, out = on(np.ones((2, 2))), on(np.full((2, 2), np.nan))
    assert compute(x, out) is out
    assert np.isfinite(out.get()).all()
