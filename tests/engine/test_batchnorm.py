"""Batch normalization chunk by chunk: the layer's own numbers, whatever the chunks and the number of threads."""

import numpy as np
import pytest
from engine.networks import BLAS_MAY_WARN, CHUNKS, THREADS
from harness import DTYPES, LAYOUTS, expect_close, expect_same_run, numbers, run
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import engine
from tinycnn.backend import to_device, to_numpy
from tinycnn.engine import batchnorm
from tinycnn.engine.rows import Normalized, Whole, plan
from tinycnn.errors import DtypeError, OrderError, ShapeError
from tinycnn.layers import BatchNorm2d, ReLU, Sequential

pytestmark = BLAS_MAY_WARN
SHAPES = st.tuples(st.integers(2, 6), st.integers(1, 5), st.integers(2, 5), st.integers(1, 5))


def norm(channels, dtype="float64", momentum=0.1):
    layer = BatchNorm2d(channels, momentum=momentum).astype(dtype)
    layer.w.value, layer.b.value = numbers(channels, dtype, seed=3), numbers(channels, dtype, seed=4)
    return layer


@given(SHAPES, st.booleans(), DTYPES, LAYOUTS, THREADS, CHUNKS)
def test_it_equals_the_formula(device, shape, training, dtype, layout, threads, scratch_bytes):
    nets = [Sequential(norm(shape[3], dtype), ReLU()).train(training) for _ in range(2)]
    x = 2 * numbers(shape, dtype) + 1
    fast = run(nets[0], x, device, layout, threads, scratch_bytes)
    with engine.switched_off():
        plain = run(nets[1], x, device, layout)
    expect_same_run(fast, plain, dtype)
    for one, other in zip(*(net.buffers().values() for net in nets), strict=True):
        expect_close(to_numpy(one.value), to_numpy(other.value), dtype)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.sampled_from([0.0, 1e4, -3e3]))
def test_a_mean_far_from_zero_costs_no_digits(sizes, mean):
    """Chunks of any sizes. A sum of squares would lose all digits of the variance in float32."""
    x = (numbers((sum(sizes), 3, 3, 2)) + mean).astype("float32")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batchnorm, "_each", lambda x, work: [work(part.reshape(-1, 2), Scratch()) for part in
                                                           np.split(x, np.cumsum(sizes)[:-1])])  # fmt: skip
        found, variance = batchnorm.statistics(x)
    exact = x.astype("float64")
    np.testing.assert_allclose(found, exact.mean(axis=(0, 1, 2)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(variance, exact.var(axis=(0, 1, 2)), rtol=1e-3 if mean else 1e-5)


class Scratch:
    """The scratch arrays of a worker."""

    def empty(self, name, shape, dtype):
        return np.empty(shape, dtype)


def test_it_has_a_row_of_its_own_and_a_subclass_does_not():
    class Mine(BatchNorm2d):
        pass

    rows = plan([BatchNorm2d(2), Mine(2), BatchNorm2d(2)], np)
    assert [type(row) for row in rows] == [Normalized, Whole, Normalized]
    with engine.switched_off():
        assert type(plan([BatchNorm2d(2)], np)[0]) is Whole


def test_without_dx_the_gradients_are_the_same(device):
    net, x = Sequential(norm(3)).to(device), to_device(numbers((4, 3, 3, 3)), device)
    dy, found = to_device(numbers((4, 3, 3, 3), seed=5), device), []
    for input_gradient in (True, False):
        net.forward(x)
        dx = net.backward(dy, input_gradient)
        assert (dx is None) is not input_gradient
        found.append([to_numpy(p.grad) for p in net.parameters().values()])
    np.testing.assert_array_equal(found[0], found[1])


def test_it_refuses_what_the_layer_refuses(device):
    net = Sequential(norm(3)).to(device)
    with pytest.raises(ShapeError, match="expects 3 channels"):
        net.forward(to_device(numbers((2, 2, 2, 4)), device))
    with pytest.raises(DtypeError, match="float64"):
        net.forward(to_device(numbers((2, 2, 2, 3), "float32"), device))
    for shape in ((1, 1, 1, 3), (0, 2, 2, 3)):
        with pytest.raises(ShapeError, match="at least two numbers a channel"):
            net.forward(to_device(numbers(shape), device))
    with net.predicting():
        net.forward(to_device(numbers((1, 1, 1, 3)), device))
    with pytest.raises(OrderError, match="without a forward"):
        net.backward(to_device(numbers((1, 1, 1, 3)), device))


def test_half_precision_runs_the_formula():
    net = Sequential(norm(3, "float16"))
    assert net.forward(numbers((2, 2, 2, 3)).astype("float16")).dtype == np.float16
