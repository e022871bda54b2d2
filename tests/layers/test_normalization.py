"""LocalResponseNorm against the loops, in both conventions for alpha."""

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, expect_close, numbers, run
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import reference
from tinycnn.backend import to_device
from tinycnn.errors import DtypeError, OrderError, ShapeError
from tinycnn.layers import LocalResponseNorm

POSITIVE = st.floats(0.1, 2)
SHAPES = st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 9))


# alpha around 1, so that the windows matter: with the paper's 1e-4 a wrong window would pass unseen.
@given(SHAPES, st.integers(1, 12), POSITIVE, POSITIVE, POSITIVE, st.booleans(), DTYPES, LAYOUTS)
def test_equals_the_loops(device, shape, size, alpha, beta, k, divide_alpha, dtype, layout):
    x = numbers(shape, dtype)
    how = {"size": size, "alpha": alpha, "beta": beta, "k": k, "divide_alpha": divide_alpha}
    got = run(LocalResponseNorm(**how), x, device, layout)
    expect_close(got.y, reference.local_response_norm(x, **how), dtype)
    expect_close(got.dx, reference.local_response_norm_backward(got.dy, x, **how), dtype)


def test_by_hand(device):
    # Windows of 3 channels: sums of squares 1 + 4, 1 + 4 + 9, 4 + 9.
    x = np.array([1.0, 2, 3]).reshape(1, 1, 1, 3)
    paper = run(LocalResponseNorm(3, alpha=2, beta=1, k=1, divide_alpha=False), x, device).y
    np.testing.assert_allclose(paper.ravel(), [1 / (1 + 2 * 5), 2 / (1 + 2 * 14), 3 / (1 + 2 * 13)], rtol=1e-12)
    divided = run(LocalResponseNorm(3, alpha=6, beta=1, k=1), x, device).y
    np.testing.assert_allclose(divided, paper, rtol=1e-12)


def test_an_even_window_reaches_one_channel_further_back(device):
    x = np.array([1.0, 10, 100]).reshape(1, 1, 1, 3)
    y = run(LocalResponseNorm(2, alpha=1, beta=1, k=0, divide_alpha=False), x, device).y
    np.testing.assert_allclose(y.ravel(), [1 / 1, 10 / (1 + 100), 100 / (100 + 10_000)], rtol=1e-12)


def test_errors(device):
    layer, x = LocalResponseNorm(5), to_device(numbers((2, 3, 3, 4)), device)
    with pytest.raises(ValueError, match="size is a number of channels"):
        LocalResponseNorm(0)
    with pytest.raises(OrderError):
        layer.backward(x)
    with pytest.raises(ShapeError, match="batch axis"):
        layer.forward(x[0])
    with pytest.raises(DtypeError, match="got int64"):
        layer.forward(to_device(np.ones((1, 2, 2, 3), "int64"), device))
    with pytest.raises(ShapeError, match=r"expects \(H, W, C\)"):
        layer.output_shape((12,))
    layer.forward(x)
    with pytest.raises(ShapeError, match="expects dy of the shape"):
        layer.backward(x[:1])


def test_it_says_which_alpha():
    assert repr(LocalResponseNorm(5)) == "LocalResponseNorm(5, alpha=0.0001, beta=0.75, k=1.0)"
    assert repr(LocalResponseNorm(5, k=2.0, divide_alpha=False)).endswith("k=2.0, divide_alpha=False)")
