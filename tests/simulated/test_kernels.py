"""The simulated device runs the kernels by name, and refuses what CuPy refuses or a GPU would do differently."""

import numpy as np
import pytest

from tests.simulated.common import on
from tinycnn import simulated
from tinycnn.errors import DeviceError
from tinycnn.kernels import COL2IM, IM2COL, MAX_POOL, Kernel
from tinycnn.simulated import xp
from tinycnn.simulated.kernels import PLAIN

X = np.arange(9.0).reshape(1, 3, 3, 1)


def test_a_kernel_fills_its_outputs_without_a_transfer():
    x, cols = on(X), xp.empty((1, 2, 2, 2, 2, 1))
    with simulated.count() as transfers:
        assert IM2COL(x, 1, 1, 0, 0, 1, 1, 0.0, cols) is None
    assert transfers == simulated.Transfers()
    assert cols.get().reshape(4, 4).tolist() == [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]]
    y, winner = xp.empty((1, 2, 2, 1), "float64"), xp.empty((1, 2, 2, 1), "uint8")
    MAX_POOL(x, 2, 2, 2, 2, 1, 1, -np.inf, y, winner)
    assert y.get().ravel().tolist() == [0, 2, 6, 8] and winner.get().ravel().tolist() == [3, 3, 3, 3]


def test_every_kernel_has_a_plain_version():
    from tinycnn import kernels

    assert set(PLAIN) == {kernel.name for kernel in vars(kernels).values() if isinstance(kernel, Kernel)}


def test_a_kernel_that_is_not_known_says_where_to_add_it():
    with pytest.raises(simulated.MissingOnDevice, match="'twice'.*tinycnn/simulated/kernels.py"):
        Kernel("twice", "T x", "T y", "y = 2 * x;")(on(X), on(X))


def test_positions_need_arrays_that_are_not_flattened():
    with pytest.raises(DeviceError, match="reduce_dims=False"):
        xp.ElementwiseKernel(IM2COL.inputs, IM2COL.outputs, IM2COL.body, "im2col")


@pytest.mark.parametrize("arguments, words", [
    ((on(X), 1, 1, 0, 0, xp.empty((1, 2, 2, 2, 2, 1))), "takes 9 inputs and outputs, got 6"),
    ((on(X), 1, 1, 0, 0, 1, 1, 0.0, np.empty((1, 2, 2, 2, 2, 1))), "type <class 'numpy.ndarray'> in im2col: cols"),
    ((on(X), 1, 1, 0, 0, 1, 1, 0.0, 3.0), "im2col: cols"),
    ((on(X), xp.ones(()), 1, 0, 0, 1, 1, 0.0, xp.empty((1, 2, 2, 2, 2, 1))), "sh must be a number, not a device array"),
    ((on(X), np.ones(1), 1, 0, 0, 1, 1, 0.0, xp.empty((1, 2, 2, 2, 2, 1))), "im2col: sh"),
    ((on(X), None, 1, 0, 0, 1, 1, 0.0, xp.empty((1, 2, 2, 2, 2, 1))), "sh must be a number, got"),
    ((on(X), 1, 1, 0, 0, 1, 1, 0.0, xp.empty((1, 2, 2, 2, 2, 1), "float32")), "cols is float32 where T is float64"),
    ((on(X), 1, 1, 0, 0, 1, 1, 0.0, xp.broadcast_to(xp.zeros(1), (1, 2, 2, 2, 2, 1))), "elements share memory"),
])  # fmt: skip
def test_calls_that_cupy_would_not_take(arguments, words):
    with pytest.raises(DeviceError, match=words):
        IM2COL(*arguments)


def test_outputs_have_one_shape():
    with pytest.raises(DeviceError, match="different shapes"):
        MAX_POOL(on(X), 2, 2, 1, 1, 0, 0, -np.inf, xp.empty((1, 2, 2, 1)), xp.empty((1, 2, 2, 2), "uint8"))


def test_an_output_is_not_an_input():
    memory = xp.zeros((1, 2, 2, 2, 2, 1))
    with pytest.raises(DeviceError, match="memory that other threads are still reading"):
        COL2IM(memory, 1, 1, 0, 0, 1, 1, memory.reshape(-1)[:9].reshape(1, 3, 3, 1))
