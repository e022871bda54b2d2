"""Products in blocks are the product, whatever the sizes."""

import numpy as np
import pytest
from harness import difference, numbers
from hypothesis import given
from hypothesis import strategies as st

from tinycnn.engine import products

SIZES = st.integers(1, 40)


@given(SIZES, SIZES, st.integers(1, 900), st.sampled_from([100, 5000, 10**6]))
def test_long_products(m, k, long, small):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "SMALL", small)
        a, b = numbers((m, k)), numbers((k, long), seed=1)
        assert difference(products.wide(a, b, np.empty((m, long))), a @ b) < 1e-12
        assert difference(products.tall(b.T, a.T, np.empty((long, m))), b.T @ a.T) < 1e-12
        c = numbers((long, m), seed=2)
        assert difference(products.deep(b, c), b @ c) < 1e-12
        stack = np.stack([b, 2 * b])
        assert difference(products.deep(stack, np.stack([c, c]), np.empty((2, k, m))), stack @ c) < 1e-12


@given(st.integers(1, 5), SIZES, SIZES, st.integers(1, 900))
def test_a_stack_of_tall_products(points, k, n, long):
    a, b = numbers((points, long, k)), numbers((points, k, n), seed=1)
    assert difference(products.tall(a, b, np.empty((points, long, n))), a @ b) < 1e-12


def test_blocks_divide():
    assert products._block(4096, 512) == 512 and products._block(1000, 512) == 500
    assert products._block(1009, 512) == 1009  # a prime: not at all
    assert products._block(0, 512) == 1
