"""Lesson 14's helpers: the library's kernel in C, run without a GPU, is col2im in any order; without g++ it says so."""

import shutil

import numpy as np
import pytest

from tinycnn.course.compiled14 import col2im_in_c
from tinycnn.patches import col2im


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
@pytest.mark.parametrize("seed", [0, 1])
def test_the_kernel_in_c_gives_the_bits_of_col2im_in_any_order(seed):
    rng = np.random.default_rng(seed)
    cols, shape = rng.standard_normal((2, 4, 3, 3, 2, 2)), (2, 7, 5, 2)
    x = col2im_in_c(cols, shape, 2, 1, rng.permutation(np.prod(shape)))
    np.testing.assert_array_equal(x, col2im(cols.reshape(2, 4, 3, -1), shape, (3, 2), (2, 2), (1, 1)))


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_a_thread_writes_its_own_pixel_alone():
    x = col2im_in_c(np.ones((1, 2, 2, 3, 3, 1)), (1, 4, 4, 1), 1, 0, [5])
    assert x.ravel()[5] == 4 and np.isnan(np.delete(x.ravel(), 5)).all()


def test_without_a_compiler_there_is_no_answer(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert col2im_in_c(np.ones((1, 2, 2, 3, 3, 1)), (1, 4, 4, 1), 1, 0, range(16)) is None
