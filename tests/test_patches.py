"""im2col and col2im: the order of patches, that one is the adjoint of the other, and where windows fit."""

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, convolutions, lay_out, numbers
from hypothesis import given
from hypothesis import strategies as st

from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import ShapeError
from tinycnn.patches import col2im, im2col, output_size


def test_patches_of_a_small_picture(device):
    x = to_device(np.arange(9.0).reshape(1, 3, 3, 1), device)
    rows = to_numpy(im2col(x, (2, 2))).reshape(4, 4)
    np.testing.assert_array_equal(rows, [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]])


def test_an_added_channel_axis_has_no_stride_of_its_own():
    x = np.arange(9.0).reshape(3, 3)
    assert x[None, :, :, None].strides[3] == 0
    np.testing.assert_array_equal(im2col(x[None, :, :, None], (2, 2)), im2col(x.reshape(1, 3, 3, 1), (2, 2)))


def test_how_often_each_pixel_is_seen(device):
    ones = to_device(np.ones((1, 2, 2, 4)), device)
    np.testing.assert_array_equal(
        to_numpy(col2im(ones, (1, 3, 3, 1), (2, 2)))[0, :, :, 0], [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    )


@given(convolutions(), DTYPES, LAYOUTS)
def test_each_row_is_the_window_it_stands_for(device, geometry, dtype, layout):
    arguments, shape = geometry
    kernel, stride, padding, dilation = (arguments[name] for name in ("kernel_size", "stride", "padding", "dilation"))
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = kernel, stride, padding, dilation
    x = numbers(shape, dtype)
    cols = to_numpy(im2col(lay_out(x, layout, device), kernel, stride, padding, dilation=dilation))
    assert cols.dtype == dtype
    padded = np.pad(x, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    for n, i, j in np.ndindex(cols.shape[:3]):
        window = padded[n, i * sh : i * sh + kh * dh : dh, j * sw : j * sw + kw * dw : dw]
        np.testing.assert_array_equal(cols[n, i, j], window.ravel())  # the order of a kernel (KH, KW, C, F)


@given(convolutions(), LAYOUTS)
def test_col2im_is_the_adjoint_of_im2col(device, geometry, layout):
    arguments, shape = geometry
    where = [arguments[name] for name in ("kernel_size", "stride", "padding")]
    cols = to_numpy(im2col(lay_out(numbers(shape), layout, device), *where, dilation=arguments["dilation"]))
    x, d = numbers(shape), numbers(cols.shape, seed=7)
    back = to_numpy(col2im(to_device(d, device), shape, *where, arguments["dilation"]))
    assert back.shape == shape
    assert abs(np.sum(cols * d) - np.sum(x * back)) <= 1e-12 * np.sum(abs(cols * d))  # <A x, d> = <x, A^T d>


def test_patches_of_one_pixel_are_the_pixels(device):
    x = to_device(numbers((2, 3, 4, 5)), device)
    np.testing.assert_array_equal(to_numpy(im2col(x, (1, 1))), to_numpy(x))


def test_windows_may_reach_beyond_the_padding_and_see_what_is_asked_for(device):
    x = numbers((2, 3, 4, 1))
    cols = to_numpy(im2col(to_device(x, device), (2, 2), (2, 2), (1, 0), size=(3, 2), fill=-np.inf))
    padded = np.pad(x, ((0, 0), (1, 2), (0, 0), (0, 0)), constant_values=-np.inf)
    for i, j in np.ndindex(3, 2):
        np.testing.assert_array_equal(cols[:, i, j], padded[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].reshape(2, 4))


@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 6), st.integers(0, 6))
def test_output_size_counts_the_windows_that_fit(size, kernel, stride, padding):
    fitting = len(range(0, size + 2 * padding - kernel + 1, stride))
    if fitting:
        assert output_size(size, kernel, stride, padding) == fitting
    else:
        with pytest.raises(ShapeError, match="does not fit"):
            output_size(size, kernel, stride, padding)


@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 6), st.data())
def test_ceil_mode_leaves_no_pixel_out_that_another_window_could_reach(size, kernel, stride, data):
    padding = data.draw(st.integers(0, kernel // 2))
    if size + 2 * padding - kernel <= -stride:
        with pytest.raises(ShapeError):
            output_size(size, kernel, stride, padding, ceil_mode=True)
        return
    count = output_size(size, kernel, stride, padding, ceil_mode=True)
    starts = [i * stride - padding for i in range(count + 1)]
    assert starts[count - 1] < size  # the last window starts on a pixel or before,
    covered = starts[count - 1] + kernel >= size + padding
    assert covered or starts[count] >= size  # and no further window would have work to do
    assert count == 1 or starts[count - 2] + kernel < size + padding  # and each was needed
