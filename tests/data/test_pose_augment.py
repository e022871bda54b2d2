"""Augmented people: the joints lie where the picture shows them, and a mirror exchanges left and right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from tinycnn.data.pose_augment import PoseAugment, look_through
from tinycnn.errors import DataError
from tinycnn.poses import MIRRORED
from tinycnn.resize import crop_resize

SETTINGS = st.builds(PoseAugment, rotate=st.floats(0, 180), scale=st.floats(1, 1.6), shift=st.floats(0, 0.2),
                     flip=st.sampled_from([0.0, 0.5, 1.0]), color=st.just((0.0, 0.0, 0.0)))  # fmt: skip
SIZE = 64


def dots(seed):
    """A picture with a blurred dot of its own size and brightness for one joint, and where it is."""
    rng = np.random.default_rng(seed)
    joints = rng.uniform(20, 76, (14, 2))
    image = np.zeros((96, 96, 3), np.uint8)
    x, y = joints[6]  # the right wrist
    rows, columns = np.mgrid[:96, :96] + 0.5
    image[...] = (255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8))[..., None].astype(np.uint8)
    return image, joints


@given(SETTINGS, st.integers(0, 10**6))
def test_the_dot_is_where_the_joint_is_said_to_be(augment, seed):
    image, joints = dots(seed)
    visible = np.ones(14, bool)
    window = np.array([16.0, 16.0, 80.0, 80.0])
    picture, codes, _ = augment(image, joints, visible, window, SIZE, np.random.default_rng(seed))
    places = (codes + 0.5) * SIZE
    # In a mirrored picture the right wrist has become a left one.
    wrists = [place for place in (places[6], places[MIRRORED[6]]) if (abs(place - SIZE / 2) < SIZE / 2 - 6).all()]
    bright = picture[..., 0] > 150  # outside is gray, 128
    if bright.sum() > 8 and len(wrists) == 2:
        y, x = np.array(ndimage.center_of_mass(picture[..., 0] * bright)) + 0.5
        inside = 3 < x < SIZE - 3 and 3 < y < SIZE - 3
        assert not inside or min(np.hypot(*(place - (x, y))) for place in wrists) < 1.5


@given(st.integers(0, 10**6))
def test_a_mirror_exchanges_left_and_right_and_twice_is_nothing(seed):
    image, joints = dots(seed)
    visible = np.random.default_rng(seed).random(14) < 0.5
    window, plain = np.array([0.0, 0.0, 96.0, 96.0]), dict(rotate=0.0, scale=1.0, shift=0.0, color=(0.0, 0.0, 0.0))
    rng = np.random.default_rng
    straight = PoseAugment(flip=0.0, **plain)(image, joints, visible, window, 96, rng(1))
    once = PoseAugment(flip=1.0, **plain)(image, joints, visible, window, 96, rng(1))
    np.testing.assert_allclose(once[1], straight[1][list(MIRRORED)] * [-1, 1], atol=1e-12)
    np.testing.assert_array_equal(once[2], visible[list(MIRRORED)])
    np.testing.assert_array_equal(once[0], straight[0][:, ::-1])
    twice = PoseAugment(flip=1.0, **plain)(once[0], (once[1] + 0.5) * 96, once[2], window, 96, rng(1))
    np.testing.assert_allclose(twice[1], straight[1], atol=1e-12)
    np.testing.assert_array_equal(twice[0], straight[0])
    np.testing.assert_array_equal(twice[2], visible)
    np.testing.assert_array_equal(straight[0], image)


@given(st.floats(-3, 3), st.floats(0.5, 2), st.integers(0, 1000))
def test_looking_through_a_turned_window_equals_scipys(angle, zoom, seed):
    image = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    matrix = 20 * zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    ticks = (np.arange(16) + 0.5) / 16 - 0.5
    u = np.stack(np.meshgrid(ticks, ticks), axis=-1)  # (16, 16, 2)
    x, y = np.moveaxis(u @ matrix.T + [20, 15] - 0.5, 2, 0)
    inside = (x > 0) & (x < 39) & (y > 0) & (y < 29)  # at the very edge they differ in what lies outside
    found = look_through(image, np.array([20.0, 15.0]), matrix, 16)
    for channel in range(3):
        expected = ndimage.map_coordinates(image[..., channel].astype(float), [y, x], order=1)
        np.testing.assert_allclose(found[channel][inside], expected[inside], atol=0.1)


def test_outside_is_gray_and_a_plain_window_is_a_crop():
    image = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    far = look_through(image, np.array([200.0, 200.0]), np.eye(2) * 10, 8)
    assert (far == 128).all()
    plain = look_through(image, np.array([10.0, 10.0]), np.eye(2) * 20, 20)
    np.testing.assert_allclose(plain.transpose(1, 2, 0), crop_resize(image, (0, 0, 20, 20), (20, 20)), atol=0.01)


@pytest.mark.parametrize("wrong", [dict(rotate=-1), dict(rotate=200), dict(scale=0.5), dict(shift=-1), dict(flip=2),
                                   dict(color=(2, 0, 0)), dict(color=(0, 0))])  # fmt: skip
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(DataError):
        PoseAugment(**wrong)
