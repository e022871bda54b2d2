"""Crop and resize against Pillow, which we did not write, and against what a linear map must obey."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycnn import resize
from tinycnn.errors import DataError, ShapeError
from tinycnn.resize import crop_resize, resample


def photograph(rng, height, width):
    """Random detail on a smooth ramp, so that both aliasing and a shift by a pixel would show."""
    ramp = np.linspace(0, 160, height)[:, None, None] + np.linspace(0, 40, width)[None, :, None]
    return (ramp + rng.uniform(0, 55, (height, width, 3))).astype(np.uint8)


sides = st.integers(1, 40)
seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=150)
@given(sides, sides, sides, sides, seeds)
def test_inside_the_image_the_answer_is_pillows(height, width, out_height, out_width, seed):
    Image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(seed)
    image = photograph(rng, height, width)
    x, y = np.sort(rng.uniform(0, width, 2)), np.sort(rng.uniform(0, height, 2))
    window = (x[0], y[0], max(x[1], x[0] + 0.01), max(y[1], y[0] + 0.01))
    window = tuple(np.minimum(window, [width, height] * 2)) if rng.random() < 0.7 else (0, 0, width, height)
    theirs = Image.fromarray(image).resize((out_width, out_height), Image.Resampling.BILINEAR, box=window)
    ours = crop_resize(image, window, (out_height, out_width))
    assert ours.dtype == np.uint8
    # Pillow rounds to whole gray levels between its two passes; we round once.
    assert np.abs(ours.astype(int) - np.asarray(theirs)).max() <= 1


@settings(max_examples=50)
@given(sides, sides, sides, sides, seeds)
def test_the_border_is_what_a_larger_canvas_would_give(height, width, out_height, out_width, seed):
    """Windows on whole pixels at their own size: no filter crosses an edge, so pasting on a canvas is exact."""
    rng = np.random.default_rng(seed)
    image, fill = photograph(rng, height, width), (10, 20, 230)
    canvas = np.full((height + 80, width + 80, 3), fill, np.uint8)
    canvas[40:-40, 40:-40] = image
    xmin, ymin = int(rng.integers(-40, width)), int(rng.integers(-40, height))
    window = np.array([xmin, ymin, xmin + out_width, ymin + out_height])
    ours = crop_resize(image, window, (out_height, out_width), fill=fill)
    expected = canvas[ymin + 40 : ymin + 40 + out_height, xmin + 40 : xmin + 40 + out_width]
    np.testing.assert_array_equal(ours, expected)


def test_a_pixel_cut_by_the_border_mixes_by_area():
    image = np.full((2, 2, 1), 200, np.uint8)
    # Window x from -0.25 to 1.75 in two pixels: a quarter of the first lies outside. y reaches half a pixel below.
    answer = resample(image, (-0.25, 0.5, 1.75, 2.5), (2, 2), fill=0)
    np.testing.assert_allclose(answer[0], [[150, 200], [75, 100]], rtol=1e-5)


def test_a_window_wholly_outside_is_all_fill():
    image = np.full((4, 4, 3), 200, np.uint8)
    for window in [(10, 10, 12, 12), (-9, -9, -5, -5), (4, 0, 8, 4), (1e6, 0, 2e6, 4)]:
        np.testing.assert_array_equal(crop_resize(image, window, (3, 5), fill=(1, 2, 3)), np.tile([1, 2, 3], (3, 5, 1)))


@given(sides, sides, sides, sides, seeds)
def test_a_plain_image_stays_plain(height, width, out_height, out_width, seed):
    """The weights of every pixel sum to one, wherever the window lies."""
    rng = np.random.default_rng(seed)
    corner, extent = rng.uniform(-width, width, 2), rng.uniform(0.01, 3 * width, 2)
    image = np.full((height, width, 1), 77, np.uint8)
    answer = resample(image, (*corner, *(corner + extent)), (out_height, out_width), fill=77)
    np.testing.assert_allclose(answer, 77, rtol=1e-5)
    assert answer.dtype == np.float32


@given(sides, sides, sides, sides, seeds)
def test_flip_mirrors_the_answer(height, width, out_height, out_width, seed):
    rng = np.random.default_rng(seed)
    image = photograph(rng, height, width)
    corner, extent = rng.uniform(-width, width, 2), rng.uniform(0.01, 3 * width, 2)
    window = (*corner, *(corner + extent))
    straight = crop_resize(image, window, (out_height, out_width)).astype(int)
    flipped = crop_resize(image, window, (out_height, out_width), flip=True).astype(int)
    assert np.abs(flipped - straight[:, ::-1]).max() <= 1  # a BLAS may sum in another order


def test_shrinking_averages_instead_of_skipping():
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[:, ::2] = 255
    answer = crop_resize(stripes, (0, 0, 64, 64), (8, 8))
    assert np.abs(answer.astype(int) - 127).max() <= 16  # picking single columns would give 0 or 255


def test_the_whole_image_at_its_own_size_is_a_copy():
    image = photograph(np.random.default_rng(0), 9, 7)
    answer = crop_resize(image, (0, 0, 7, 9), (9, 7))
    np.testing.assert_array_equal(answer, image)
    assert not np.shares_memory(answer, image)
    np.testing.assert_array_equal(crop_resize(image, (0, 0, 7, 9), (9, 7), flip=True), image[:, ::-1])


def test_a_view_is_as_good_as_an_array_and_stays_as_it_is():
    image = photograph(np.random.default_rng(0), 20, 24)[::2, ::-1]
    before = image.copy()
    answer = crop_resize(image, (1.5, 2, 11, 9), (6, 5))
    np.testing.assert_array_equal(answer, crop_resize(before, (1.5, 2, 11, 9), (6, 5)))
    np.testing.assert_array_equal(image, before)


def test_the_types_of_the_window_do_not_matter():
    image = photograph(np.random.default_rng(0), 13, 27)
    plain = resample(image, (0, 1, 27, 13), (16, 16))
    for convert in (np.array, lambda w: np.array(w, np.float32), lambda w: [np.float64(v) for v in w]):
        np.testing.assert_array_equal(resample(image, convert((0, 1, 27, 13)), (16, 16)), plain)


def test_errors_say_what_came():
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ShapeError, match=r"\(4, 4\)"):
        crop_resize(image[..., 0], (0, 0, 4, 4), (2, 2))
    with pytest.raises(DataError, match="float64"):
        crop_resize(image / 255, (0, 0, 4, 4), (4, 4))
    with pytest.raises(DataError, match="empty"):
        crop_resize(image, (3, 0, 3, 4), (2, 2))
    with pytest.raises(DataError, match="empty"):
        crop_resize(image, (0, 0, np.nan, 4), (2, 2))
    with pytest.raises(DataError, match="at least one pixel"):
        crop_resize(image, (0, 0, 4, 4), (0, 2))


# Pictures of any shape and size: the same answer in less memory.


@given(sides, sides, sides, sides, seeds)
def test_channel_by_channel_and_half_by_half_it_is_the_same(height, width, out_height, out_width, seed):
    rng = np.random.default_rng(seed)
    image, flip = photograph(rng, height, width), bool(rng.random() < 0.5)
    corner, extent = rng.uniform(-width, width, 2), rng.uniform(0.01, 3 * width, 2)
    call = image, (*corner, *(corner + extent)), (out_height, out_width), flip, (10, 20, 230)
    whole = resample(*call)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resize, "AT_ONCE", 0)
        np.testing.assert_array_equal(resample(*call), whole)  # each channel is a product of its own anyhow
        patch.setattr(resize, "LONGEST", 3)
        np.testing.assert_allclose(resample(*call), whole, rtol=1e-4, atol=2e-2)


@pytest.mark.parametrize("shape", [(3_000_000, 1), (1, 3_000_000), (70_000, 40), (40, 70_000), (1800, 1700)])
def test_memory_follows_the_pixels_and_not_the_shape(shape):
    image = np.zeros((*shape, 3), np.uint8)
    image[: shape[0] // 2 or 1, : shape[1] // 2 or 1] = 200
    tracemalloc.start()
    answer = crop_resize(image, (0, 0, shape[1], shape[0]), (64, 64))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # One channel as float32, and a few arrays of 64 rows or columns that span LONGEST pixels at most.
    assert peak < 4 * shape[0] * shape[1] + 4 * 64 * 4 * min(max(shape), resize.LONGEST)
    assert answer[0, 0, 0] == 200 and answer[-1, -1, 0] == 0
