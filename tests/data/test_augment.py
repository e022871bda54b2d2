"""Augmentation: does the box still surround the object? Draw the box as a mask, change the mask, and look."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycnn.boxes import area, intersection
from tinycnn.data.augment import Augment, color_transform
from tinycnn.errors import DataError
from tinycnn.resize import crop_resize
from tinycnn.views import follow

sides = st.integers(8, 60)
seeds = st.integers(0, 2**32 - 1)
recipes = st.builds(
    Augment,
    flip=st.sampled_from([0, 0.5, 1]),
    scale=st.sampled_from([(0.3, 1.0), (1.0, 1.0), (0.6, 1.4), (1.5, 2.0)]),
    shift=st.sampled_from([0, 0.1, 0.5]),
    aspect=st.sampled_from([1, 1.3, 2]),
    color=st.just((0, 0, 0)),
    keep=st.sampled_from([0.3, 0.7, 1]),
)


def random_box(rng, height, width):
    """Whole pixels, often touching the border of the image."""
    x, y = np.sort(rng.integers(-4, width + 5, 2)), np.sort(rng.integers(-4, height + 5, 2))
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    return np.array([x[0], y[0], x[1] + 1, y[1] + 1], float)


def mask_of(box, height, width):
    mask = np.zeros((height, width, 3), np.uint8)
    mask[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])] = 255
    return mask


def bounds(mask):
    """The box around every pixel that the mask covers by more than half."""
    rows, columns = np.flatnonzero((mask > 127).any(axis=1)), np.flatnonzero((mask > 127).any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


@settings(max_examples=300)
@given(recipes, sides, sides, st.sampled_from([24, 64]), seeds)
def test_the_box_goes_where_its_mask_goes(recipe, height, width, size, seed):
    box = random_box(np.random.default_rng(seed), height, width)
    mask, moved = replace(recipe, fill=0)(mask_of(box, height, width), box, size, np.random.default_rng(seed))
    assert mask.shape == (size, size, 3) and mask.dtype == np.uint8 and moved.dtype == np.float64
    # The edge of the mask lies where a pixel is half covered: half a pixel of rounding, and a little more because the
    # filter is a pixel wide. A sliver not much wider than the filter has no such edge; it is not judged.
    if min(moved[2:] - moved[:2]) >= 3:
        np.testing.assert_allclose(bounds(mask[..., 0]), moved, atol=0.8)


@settings(max_examples=300)
@given(recipes, sides, sides, seeds)
def test_the_promised_share_of_the_object_stays_in_the_picture(recipe, height, width, seed):
    rng = np.random.default_rng(seed)
    box = random_box(rng, height, width)
    window = recipe.window((height, width), box, *rng.random(4))
    assert area(intersection(box, window)) >= recipe.keep * area(box) * (1 - 1e-9)


def test_large_objects_stay_even_in_small_windows():
    recipe = Augment(scale=(0.1, 0.1), keep=0.7)
    window = recipe.window((50, 100), (0, 0, 100, 50), 0, 0.5, 0, 0)
    # sqrt(0.7) = 0.8367 of each side; the window grew from 10 x 5 and kept its shape.
    np.testing.assert_allclose(window, (0, 0, 83.666, 41.833), atol=1e-3)


def test_windows_stay_in_the_promised_range():
    rng, recipe = np.random.default_rng(0), Augment(scale=(0.5, 1.2), shift=0.1, aspect=1.5)
    windows = np.array([recipe.window((100, 200), (90, 40, 110, 60), *rng.random(4)) for _ in range(500)])
    w, h = (windows[:, 2] - windows[:, 0]) / 200, (windows[:, 3] - windows[:, 1]) / 100
    np.testing.assert_allclose([np.sqrt(w * h).min(), np.sqrt(w * h).max()], [0.5, 1.2], atol=0.02)
    np.testing.assert_allclose([(w / h).min(), (w / h).max()], [1 / 1.5, 1.5], atol=0.03)
    small = windows[(w < 1) & (h < 1)]
    assert small[:, :2].min() >= -20 and small[:, 0].min() < -12  # a tenth of the width outside, and it is used
    assert small[:, 2].max() <= 220 and small[:, 2].max() > 212


def test_flip_happens_as_often_as_asked():
    rng, box = np.random.default_rng(0), (0, 0, 2, 4)
    for share in (0, 0.25, 1):
        recipe = replace(Augment.none(), flip=share)
        mirrored = [recipe(np.zeros((4, 4, 3), np.uint8), box, 4, rng)[1][0] == 2 for _ in range(400)]
        assert np.mean(mirrored) == pytest.approx(share, abs=0.07)


def test_follow_by_hand():
    # Window x 10..30 and y 0..40 to 20 x 20 pixels: x keeps its scale, y is halved.
    np.testing.assert_allclose(follow((15, 10, 25, 30), (10, 0, 30, 40), 20), [5, 5, 15, 15])
    np.testing.assert_allclose(follow((12, 10, 15, 30), (10, 0, 30, 40), 20, flip=True), [15, 5, 18, 15])
    np.testing.assert_allclose(follow((0, 10, 15, 50), (10, 0, 30, 40), 20), [0, 5, 5, 20])  # cut by the window


def test_no_augmentation_is_a_plain_resize():
    rng = np.random.default_rng(0)
    image, box = rng.integers(0, 256, (30, 50, 3), np.uint8), np.array([5.0, 3.0, 20.0, 27.0])
    picture, moved = Augment.none()(image, box, 16, rng)
    np.testing.assert_array_equal(picture, crop_resize(image, (0, 0, 50, 30), (16, 16)))
    np.testing.assert_allclose(moved, box * [16 / 50, 16 / 30, 16 / 50, 16 / 30])


# --- color ---

def test_color_leaves_the_box_and_the_shape_alone():
    image = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)
    colored, plain = Augment.strong(), replace(Augment.strong(), color=(0, 0, 0))
    for seed in range(20):
        one, box_one = colored(image, (5, 3, 20, 27), 16, np.random.default_rng(seed))
        two, box_two = plain(image, (5, 3, 20, 27), 16, np.random.default_rng(seed))
        np.testing.assert_array_equal(box_one, box_two)
        assert one.shape == two.shape and (one != two).any()


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ((1, 1, 1), [100, 50, 200]),
        ((1.2, 1, 1), [120, 60, 240]),
        ((1, 0, 1), [127.5, 127.5, 127.5]),  # no contrast: middle gray
        ((1, 1, 0), [82.05, 82.05, 82.05]),  # no saturation: .299 * 100 + .587 * 50 + .114 * 200
        ((1, 1.5, 1), [86.25, 11.25, 236.25]),
        ((0.5, 0.8, 0), [45.57, 45.57, 45.57]),  # .5 * (.8 * 82.05 + .2 * 127.5)
    ],
)
def test_color_by_hand(factors, expected):
    matrix, offset = color_transform(*factors)
    assert matrix.dtype == offset.dtype == np.float32
    np.testing.assert_allclose((matrix @ [[100], [50], [200]] + offset)[:, 0], expected, rtol=1e-5)


def test_the_colored_picture_is_the_transform_of_the_plain_one():
    image = np.random.default_rng(0).integers(60, 190, (16, 16, 3), np.uint8)
    recipe = replace(Augment.none(), color=(0.1, 0.2, 0.3))
    picture, _ = recipe(image, (0, 0, 16, 16), 16, np.random.default_rng(5))
    u = np.random.default_rng(5).random(8)[5:]
    matrix, offset = color_transform(*(1 + np.array([0.1, 0.2, 0.3]) * (2 * u - 1)))
    np.testing.assert_allclose(picture, image @ matrix.T + offset[:, 0], atol=0.51)


def test_bright_colors_stop_at_white():
    image = np.full((4, 4, 3), 250, np.uint8)
    pictures = [replace(Augment.none(), color=(1, 0, 0))(image, (0, 0, 4, 4), 4, np.random.default_rng(s))[0]
                for s in range(20)]
    assert max(picture.max() for picture in pictures) == 255
    assert all(np.ptp(picture) <= 1 for picture in pictures)  # overflow would wrap some values to black


# --- determinism and settings ---

def test_the_seed_decides_everything():
    image = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8)
    draw = lambda seed: Augment.strong()(image, (5, 3, 20, 27), 16, np.random.default_rng(seed))  # noqa: E731
    np.testing.assert_array_equal(draw(1)[0], draw(1)[0])
    np.testing.assert_array_equal(draw(1)[1], draw(1)[1])
    assert (draw(1)[0] != draw(2)[0]).any() and (draw(1)[1] != draw(2)[1]).any()


@pytest.mark.parametrize("recipe", [Augment.none(), Augment.light(), Augment.strong(), Augment(fill=(1, 2, 3))])
def test_settings_survive_json(recipe):
    assert Augment.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    "wrong",
    [{"flip": 2}, {"keep": 0}, {"scale": (0, 1)}, {"scale": (1, 0.5)}, {"shift": -1}, {"aspect": 0.5}, {"color": (1,)}],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        Augment(**wrong)


def test_an_unknown_setting_is_named():
    with pytest.raises(DataError, match="rotate.*there are flip, scale"):
        Augment.from_dict({"flip": 0.5, "rotate": 10})


def test_gray_images_need_color_off():
    image, rng = np.zeros((8, 8, 1), np.uint8), np.random.default_rng(0)
    with pytest.raises(DataError, match=r"color=\(0, 0, 0\)"):
        Augment.light()(image, (0, 0, 8, 8), 8, rng)
    assert replace(Augment.light(), color=(0, 0, 0))(image, (0, 0, 8, 8), 8, rng)[0].shape == (8, 8, 1)


def test_the_input_stays_as_it_is():
    image, box = np.random.default_rng(0).integers(0, 256, (30, 50, 3), np.uint8), np.array([5.0, 3, 20, 27])
    before, box_before = image.copy(), box.copy()
    Augment.strong()(image, box, 16, np.random.default_rng(0))
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(box, box_before)
