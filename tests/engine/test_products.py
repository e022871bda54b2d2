"""Products in blocks are the product, whatever the sizes."""

import numpy as np
import pytest
from harness import difference, numbers
from hypothesis import given
from hypothesis import strategies as st
from tinycnn.shortcuts import blas

SIZES = st.integers(1, 40)


@given(SIZES, SIZES, st.integers(1, 900), st.sampled_from([100, 5000, 10**6]))
def test_long_products(m, k, long, small):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blas, "SMALL", small)
        a, b = numbers((m, k)), numbers((k, long), seed=1)
        assert difference(blas.wide(a, b, np.empty((m, long))), a @ b) < 1e-12
        assert difference(blas.tall(b.T, a.T, np.empty((long, m))), b.T @ a.T) < 1e-12
        c = numbers((long, m), seed=2)
        assert difference(blas.deep(b, c), b @ c) < 1e-12
        stack = np.stack([b, 2 * b])
        assert difference(blas.deep(stack, np.stack([c, c]), np.empty((2, k, m))), stack @ c) < 1e-12


@given(st.integers(1, 5), SIZES, SIZES, st.integers(1, 900))
def test_a_stack_of_tall_products(points, k, n, long):
    a, b = numbers((points, long, k)), numbers((points, k, n), seed=1)
    assert difference(blas.tall(a, b, np.empty((points, long, n))), a @ b) < 1e-12


def test_blocks_divide():
    assert blas._block(4096, 512) == 512 and blas._block(1000, 512) == 500
    assert blas._block(1009, 512) == 1009  # a prime: not at all
    assert blas._block(0, 512) == 1
