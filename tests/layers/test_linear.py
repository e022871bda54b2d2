"""Linear against the loops, Flatten against reshape, and their errors."""

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, expect_close, numbers, run
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import reference
from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import DtypeError, OrderError, ShapeError
from tinycnn.layers import Flatten, Linear


@given(st.integers(0, 5), st.integers(1, 6), st.integers(1, 6), DTYPES, LAYOUTS)
def test_equals_the_loops(device, n, d, f, dtype, layout):
    layer, x = Linear(d, f).astype(dtype), numbers((n, d), dtype)
    layer.b.value += numbers(f, dtype, seed=4)
    w, b = layer.w.value, layer.b.value
    got = run(layer, x, device, layout)
    expect_close(got.y, reference.linear(x, w, b), dtype)
    dx, dw, db = reference.linear_backward(got.dy, x, w)
    expect_close(got.dx, dx, dtype)
    expect_close(got.grads["w"], dw, dtype)
    expect_close(got.grads["b"], db, dtype)


def test_without_bias(device):
    layer, x = Linear(4, 3, bias=False).astype("float64"), numbers((2, 4))
    w = layer.w.value
    assert list(layer.parameters()) == ["w"]
    expect_close(run(layer, x, device).y, x @ w, "float64")


def test_the_input_gradient_can_be_skipped(device):
    layer, x = Linear(4, 3).to(device), to_device(numbers((2, 4), "float32"), device)
    y = layer.forward(x)
    assert layer.backward(y, input_gradient=False) is None
    np.testing.assert_allclose(to_numpy(layer.w.grad), to_numpy(x).T @ to_numpy(y), rtol=1e-5)


def test_he_initialization():
    layer = Linear(500, 200)
    assert layer.w.value.dtype == np.float32
    assert layer.w.value.std() == pytest.approx((2 / 500) ** 0.5, rel=0.02)
    assert not layer.b.value.any()


def test_shapes_and_counts():
    layer = Linear(9216, 40)
    assert layer.output_shape((9216,)) == (40,)
    assert layer.multiply_adds((9216,)) == 9216 * 40
    assert repr(layer) == "Linear(9216, 40)"
    with pytest.raises(ShapeError, match="expects 9216 features"):
        layer.output_shape((9215,))
    with pytest.raises(ShapeError, match="Put a Flatten"):
        layer.output_shape((6, 6, 256))


def test_wrong_inputs(device):
    layer = Linear(4, 3).to(device)
    with pytest.raises(ShapeError, match=r"expects \(N, 4\), got \(2, 5\)"):
        layer.forward(to_device(numbers((2, 5), "float32"), device))
    with pytest.raises(ShapeError, match=r"Put a Flatten\(\) before it"):
        layer.forward(to_device(numbers((2, 1, 2, 2), "float32"), device))
    with pytest.raises(DtypeError, match="weights of float32 and got an input of float64"):
        layer.forward(to_device(numbers((2, 4)), device))
    with pytest.raises(DtypeError, match="got int64"):
        layer.forward(to_device(np.ones((2, 4), "int64"), device))


def test_wrong_gradients(device):
    layer, x = Linear(4, 3).to(device), to_device(numbers((2, 4), "float32"), device)
    with pytest.raises(OrderError):
        layer.backward(x)
    layer.forward(x)
    with pytest.raises(ShapeError, match=r"\(2, 3\), got \(2, 4\)"):
        layer.backward(x)


@given(st.integers(0, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), DTYPES, LAYOUTS)
def test_flatten_keeps_each_image_in_its_row(device, n, h, w, c, dtype, layout):
    x = numbers((n, h, w, c), dtype)
    got = run(Flatten(), x, device, layout)
    for i in range(n):
        np.testing.assert_array_equal(got.y[i], x[i].ravel())
        np.testing.assert_array_equal(got.dx[i].ravel(), got.dy[i])


def test_flatten_refuses_a_gradient_of_another_shape(device):
    layer = Flatten()
    layer.forward(to_device(numbers((2, 3, 3, 1)), device))
    with pytest.raises(ShapeError, match=r"\(2, 9\), got \(9, 2\)"):  # as many numbers, but others
        layer.backward(to_device(numbers((9, 2)), device))
    assert layer.backward(to_device(numbers((2, 9)), device)).shape == (2, 3, 3, 1)  # a refused dy uses nothing up
