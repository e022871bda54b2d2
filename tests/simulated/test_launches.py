"""Launches are counted: one for each call that computes, none for a view, a transfer, or memory without contents."""

import numpy as np
import pytest

from tests.simulated.common import on
from tinycnn import simulated
from tinycnn.layers import Conv2d, Flatten, Linear, MaxPool2d, Sequential
from tinycnn.simulated import xp


@pytest.mark.parametrize("compute, name", [
    (lambda x: x + 1, "add"), (lambda x: 1 - x, "sub"), (lambda x: x @ x.T, "matmul"), (lambda x: -x, "neg"),
    (lambda x: x > 0, "gt"), (lambda x: x.__iadd__(1), "iadd"), (lambda x: x.sum(), "sum"), (xp.exp, "exp"),
    (lambda x: xp.exp(x, out=x), "exp"), (lambda x: xp.maximum(x, 0), "maximum"), (lambda x: np.exp(x), "exp"),
    (lambda x: xp.sum(x, axis=0), "sum"), (lambda x: xp.zeros(3), "zeros"), (lambda x: xp.full(3, 2.0), "full"),
    (lambda x: x[xp.arange(2)], "take"), (lambda x: x.copy(), "copy"), (lambda x: x.astype("float32"), "copy"),
    (lambda x: x.__setitem__(0, 1.0), "copy"), (lambda x: x.fill(2), "fill"), (lambda x: xp.array(x), "copy"),
    (lambda x: xp.concatenate([x, x]), "concatenate"), (lambda x: x.T.reshape(-1), "reshape"),
    (lambda x: xp.ascontiguousarray(x.T), "copy"), (lambda x: xp.where(x > 0, x, 0), "where"),
])  # fmt: skip
def test_what_computes_is_one_launch(compute, name):
    x = on(np.arange(6.0).reshape(2, 3))
    with simulated.launches() as counted:
        compute(x)
    assert counted[name] == 1
    assert counted.total() - counted["arange"] - (name == "where") == 1


@pytest.mark.parametrize("look", [
    lambda x: x.T, lambda x: x.reshape(3, 2), lambda x: x[1:], lambda x: x[0, 0], lambda x: x.ravel(),
    lambda x: xp.broadcast_to(x, (4, 2, 3)), lambda x: x.swapaxes(0, 1), lambda x: x.shape, lambda x: x.get(),
    lambda x: xp.asarray(x), lambda x: x.astype("float64", copy=False), lambda x: xp.empty((2, 2)),
    lambda x: xp.empty_like(x), lambda x: xp.asarray(np.zeros(3)), lambda x: xp.ascontiguousarray(x),
    lambda x: xp.split(x, 3, axis=1), lambda x: x[None, :, ::-1],
])  # fmt: skip
def test_a_view_a_transfer_and_empty_memory_are_none(look):
    x = on(np.arange(6.0).reshape(2, 3))
    with simulated.launches() as counted:
        look(x)
    assert counted == {}


def test_kernels_written_in_c_are_one_each():
    x = on(np.ones((2, 6, 6, 3), "float32"))
    pool = Sequential(MaxPool2d(2)).to("simulated")  # a network's pooling
    with simulated.launches() as counted:
        pool.forward(x)
    assert counted["max_pool"] == 1


@pytest.mark.parametrize("n", [1, 7])
def test_the_number_does_not_depend_on_the_batch(n):
    counts = []
    for layer, shape in ((Linear(5, 3), (5,)), (Conv2d(3, 4, 3, padding=1), (6, 5, 3)), (Flatten(), (2, 2, 3))):
        x = on(np.ones((n, *shape), "float32"))
        layer.to("simulated")
        with simulated.launches() as counted:
            y = layer.forward(x)
            layer.backward(y)
        counts.append(counted)
    assert counts[0] == {"matmul": 3, "iadd": 1, "sum": 1}
    assert (counts[1]["matmul"], counts[1]["im2col"], counts[1]["col2im"]) == (3, 2, 1)
    assert counts[2] == {}


def test_counters_nest():
    x = on([1.0, 2.0])
    with simulated.launches() as outer:
        x + 1
        with simulated.launches() as inner:
            x * 2
    assert (dict(inner), dict(outer)) == ({"mul": 1}, {"add": 1, "mul": 1})
