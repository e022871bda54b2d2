"""Painting: what is drawn is where the coverage says, and shadows come from a true copy of the drawing."""

import numpy as np
import pytest
from scipy import ndimage

from tinycnn.data.scenes import SCENE_CLASSES
from tinycnn.data.scenes.painting import COARSE, REACH, Light, Pose, put
from tinycnn.data.scenes.surfaces import double
from tinycnn.data.scenes.things import CLASSES


@pytest.mark.parametrize("label", range(len(SCENE_CLASSES)), ids=SCENE_CLASSES)
def test_the_mask_is_where_the_thing_is_seen(label):
    """Painted on a gray ground under a lamp that casts no shadow, what is not gray any more is the thing."""
    rng = np.random.default_rng(label)
    canvas = np.full((3, 128, 128), 0.2, dtype=np.float32)
    light = Light(rng)
    light.strength = 0.0
    cover = put(rng, canvas, CLASSES[SCENE_CLASSES[label]], light, 90)
    change = np.abs(canvas - 0.2).max(axis=0)
    assert (change[cover == 1] > 0.02).mean() > 0.9  # a few pixels may happen to have the color of the ground
    far = ndimage.distance_transform_edt(cover == 0) > 20  # what is left of a shadow stays near the edge
    assert change[far].max() < 0.01
    assert not (cover[[0, -1]].any() or cover[:, [0, -1]].any())


@pytest.mark.parametrize("times", [0, 1, 3])
def test_the_coarse_copy_of_a_distance_field_agrees_with_the_drawing(times):
    """Shadows are taken from it."""
    pose = Pose(cx=40, cy=55, scale=25, angle=0.3, width=-0.9)
    t = np.linspace(-REACH, REACH, COARSE)
    x, y = pose._replace(cx=0, cy=0, scale=1).local(t, t)
    field = np.stack([x + 5, y]).astype(np.float32)  # linear, so that smoothing changes nothing
    for _ in range(times):
        field = double(double(field, 1), 2)
    columns, rows = np.arange(10, 70) + 0.5, np.arange(20, 90) + 0.5
    x, y = pose.local(columns, rows)
    spacing = 2 * REACH / (COARSE - 1) / 2**times
    for plane, truth in zip(field, (x + 5, y), strict=True):
        error = pose.glance(plane, columns[None, :], rows[:, None]) - truth
        assert np.abs(error).max() < 0.8 * spacing  # half a sample each way, turned
        assert np.abs(error.mean()) < 0.15 * spacing  # a shift by half a sample would be 0.5
