"""Upsample2d: blocks of equal pixels, and the sum over each on the way back. Beside PyTorch: tests/peers."""

import numpy as np
import pytest
from harness import expect_close, numbers, run

from tinycnn import reference
from tinycnn.errors import ShapeError
from tinycnn.layers import AvgPool2d, Upsample2d


def test_pixels_become_blocks_and_the_gradient_is_their_sum():
    layer, x = Upsample2d(2), np.array([[1.0, 2], [3, 4]], np.float32).reshape(1, 2, 2, 1)
    y = layer.forward(x)
    np.testing.assert_array_equal(y[0, :, :, 0], [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]])
    dx = layer.backward(np.arange(16, dtype=np.float32).reshape(y.shape))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0 + 1 + 4 + 5, 2 + 3 + 6 + 7], [8 + 9 + 12 + 13, 50]])


def test_it_is_what_the_loops_say(device):
    x = numbers((3, 4, 5, 2), "float64")
    got = run(Upsample2d(2), x, device)
    expect_close(got.y, reference.upsample2d(x, 2), "float64")
    expect_close(got.dx, reference.upsample2d_backward(got.dy, 2), "float64")


def test_a_mean_over_the_blocks_gives_the_map_back():
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype(np.float32)
    np.testing.assert_allclose(AvgPool2d(3).forward(Upsample2d(3).forward(x)), x, rtol=1e-6)


def test_shapes_and_what_is_refused():
    assert Upsample2d(3).output_shape((2, 5, 7)) == (6, 15, 7) and repr(Upsample2d(3)) == "Upsample2d(3)"
    with pytest.raises(ShapeError, match=r"expects \(H, W, C\)"):
        Upsample2d().output_shape((4,))
    with pytest.raises(ShapeError, match="batch of images"):
        Upsample2d().forward(np.ones((2, 2), np.float32))
    for factor in (0, 1.5):
        with pytest.raises(ValueError, match="whole number, 1 or more"):
            Upsample2d(factor)
