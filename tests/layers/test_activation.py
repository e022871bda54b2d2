"""ReLU and Dropout."""

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, expect_close, numbers, run
from hypothesis import given
from hypothesis import strategies as st

from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import OrderError, ShapeError
from tinycnn.layers import Dropout, LeakyReLU, ReLU

SHAPES = st.one_of(
    st.tuples(st.integers(0, 5), st.integers(1, 6)),
    st.tuples(st.integers(0, 5), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3)),
)


@given(SHAPES, DTYPES, LAYOUTS, st.integers(1, 3), st.sampled_from([1, 100, 10**6]))
def test_relu(device, shape, dtype, layout, threads, scratch_bytes):
    x = np.round(numbers(shape, dtype), 1)  # with some exact zeros
    got = run(ReLU(), x, device, layout, threads, scratch_bytes)
    np.testing.assert_array_equal(got.y, np.where(x > 0, x, 0))
    np.testing.assert_array_equal(got.dx, np.where(x > 0, got.dy, 0))


def test_relu_at_zero_passes_no_gradient(device):
    got = run(ReLU(), np.array([[-2.0, -0.0, 0.0, 3.0]]), device)
    np.testing.assert_array_equal(got.dx, [[0, 0, 0, got.dy[0, 3]]])


@pytest.mark.parametrize("layer", [ReLU(), Dropout(0.5), Dropout(0.5).eval()], ids=["relu", "dropout", "eval"])
def test_wrong_gradients(device, layer):
    x = to_device(numbers((2, 3)), device)
    layer.forget()  # what another device's turn has left
    with pytest.raises(OrderError):
        layer.backward(x)
    layer.forward(x)
    with pytest.raises(ShapeError, match=r"\(2, 3\), got \(1, 3\)"):  # would broadcast without a word
        layer.backward(x[:1])


def test_dropout_drops_a_share_and_keeps_the_mean(device):
    x = np.ones((200, 500), "float32")
    y = to_numpy(Dropout(0.3, rng=np.random.default_rng(0)).forward(to_device(x, device)))
    assert y.dtype == np.float32
    assert np.mean(y == 0) == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(y[y != 0], 1 / 0.7, rtol=1e-6)
    assert y.mean() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dropout_backward_uses_the_mask_of_its_forward(device, dtype):
    layer = Dropout(0.5, rng=np.random.default_rng(1))
    x = to_device(np.ones((6, 7), dtype), device)
    y = to_numpy(layer.forward(x))
    dx = to_numpy(layer.backward(to_device(np.full((6, 7), 3, dtype), device)))
    assert dx.dtype == y.dtype == dtype
    np.testing.assert_array_equal(dx, 3 * y)
    assert (to_numpy(layer.forward(x)) != y).any()  # the next forward draws another mask


def test_dropout_does_nothing_in_eval_mode_and_draws_nothing(device):
    rng = np.random.default_rng(2)
    before = rng.bit_generator.state
    x = numbers((3, 4))
    got = run(Dropout(0.9, rng=rng).eval(), x, device)
    np.testing.assert_array_equal(got.y, x)
    np.testing.assert_array_equal(got.dx, got.dy)
    run(Dropout(0.0, rng=rng), x, device)
    assert rng.bit_generator.state == before


def test_dropout_repeats_with_its_seed_on_every_device(device):
    x = np.ones((4, 50), "float32")
    here = to_numpy(Dropout(0.5, rng=np.random.default_rng(3)).forward(to_device(x, device)))
    np.testing.assert_array_equal(here, Dropout(0.5, rng=np.random.default_rng(3)).forward(x))


def test_dropout_takes_an_empty_batch(device):
    assert to_numpy(Dropout().forward(to_device(np.ones((0, 3)), device))).shape == (0, 3)


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5])
def test_dropout_refuses_what_is_no_probability(p):
    with pytest.raises(ValueError, match="0 <= p < 1"):
        Dropout(p)


@given(st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 4)), DTYPES, st.floats(0, 1))
def test_leaky_relu_lets_a_part_pass(device, shape, dtype, slope):
    x = numbers(shape, dtype)
    got = run(LeakyReLU(slope), x.reshape(*shape, 1), device)
    slopes = np.array([1 if value > 0 else slope for value in x.ravel()], dtype)
    expect_close(got.y.ravel(), x.ravel() * slopes, dtype)
    expect_close(got.dx.ravel(), got.dy.ravel() * slopes, dtype)
    assert repr(LeakyReLU(0.5)) == "LeakyReLU(0.5)"
