"""Scenes: the same picture every time, a box that is exactly right, and nothing but shape to tell the classes apart."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.measure import points_in_poly, regionprops

from tinycnn.data.drawings import BODY, CLASSES, CLUTTER, DARK, PALE, TRIM
from tinycnn.data.painting import COARSE, REACH, Light, Pose, put
from tinycnn.data.scenes import SCENE_CLASSES, obstruct, render_scene, scene, scenes
from tinycnn.data.shapes import box, capsule, circle, ellipse, polygon
from tinycnn.data.surfaces import double

seeds = st.integers(0, 2**32 - 1)
labels = st.integers(0, len(SCENE_CLASSES) - 1)


@pytest.fixture(scope="module")
def small():
    """A set small in number and size, made once."""
    return scenes(n=300, image_size=32, seed=3, valid=20, test=100)


# ---- the same picture every time -------------------------------------------------------------------------------------


def test_same_seed_same_bytes_and_a_smaller_set_is_the_beginning_of_a_larger_one(small):
    again = scenes(n=12, image_size=32, seed=3, valid=2, test=5)
    for part, whole in small.parts.items():
        some = again.parts[part]
        assert some.images.tobytes() == whole.images[: len(some)].tobytes()
        assert np.array_equal(some.boxes, whole.boxes[: len(some)])
        assert np.array_equal(some.labels, whole.labels[: len(some)])
        assert some.names == whole.names[: len(some)]


def test_any_scene_alone_is_the_one_in_the_set(small):
    for index in (57, 3, 41):  # in any order: nothing is remembered from one to the next
        image, label, bounds, _ = scene(index, "test", seed=3, image_size=32)
        assert np.array_equal(image, small.test.images[index])
        assert label == small.test.labels[index]
        assert np.array_equal(bounds, small.test.boxes[index])


def test_seeds_splits_and_indices_all_give_other_pictures(small):
    others = [scene(0, "train", 4, 32)[0], scene(0, "test", 3, 32)[0], scene(10, "train", 3, 32)[0]]
    for other in others:
        assert np.abs(other.astype(int) - small.train.images[0]).mean() > 5
    assert len({image.tobytes() for part in small.parts.values() for image in part.images}) == 420


def test_the_global_random_state_is_neither_read_nor_changed():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    first = scene(1, image_size=32)[0]
    assert np.array_equal(np.random.get_state()[1], before)
    np.random.seed(1)
    assert np.array_equal(scene(1, image_size=32)[0], first)


# ---- boxes -----------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seed=seeds, label=labels, size=st.sampled_from([32, 48, 63, 64, 96]))
def test_box_is_exactly_the_bounding_box_of_the_mask(seed, label, size):
    image, bounds, mask = render_scene(np.random.default_rng(seed), label, size)
    assert image.shape == (size, size, 3) and image.dtype == np.uint8 and image.flags.c_contiguous
    assert mask.shape == (size, size) and mask.dtype == bool
    assert bounds.dtype == np.float32
    (region,) = regionprops(mask.astype(np.uint8))
    ymin, xmin, ymax, xmax = region.bbox  # scikit-image's are half-open too
    assert bounds.tolist() == [xmin, ymin, xmax, ymax]
    longer = max(xmax - xmin, ymax - ymin) / size
    assert 0.3 < longer < 0.9
    assert min(xmax - xmin, ymax - ymin) >= 3
    assert min(xmin, ymin) >= 1 and max(xmax, ymax) <= size - 1, "the thing must lie wholly inside the frame"


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


def test_things_in_front_hide_a_little_and_only_a_little(monkeypatch):
    module = importlib.import_module("tinycnn.data.scenes")
    hidden = []

    def watched(rng, canvas, thing, light):
        cover = obstruct(rng, canvas, thing, light)
        hidden.append(0 if cover is None else (cover * thing).sum() / thing.sum())

    monkeypatch.setattr(module, "obstruct", watched)
    for i in range(150):
        scene(i, "valid", 1, 32)
    assert 8 < len(hidden) < 45  # about one scene in seven
    assert max(hidden) <= 0.15
    assert np.mean(np.array(hidden) > 0.02) > 0.4, "most things in front are really in the way"


# ---- what is in the set ----------------------------------------------------------------------------------------------


def test_every_class_is_equally_frequent_and_named(small):
    assert small.classes == SCENE_CLASSES == tuple(sorted(SCENE_CLASSES)) and len(SCENE_CLASSES) == 10
    for samples in small.parts.values():
        assert np.ptp(np.bincount(samples.labels, minlength=10)) == 0
    assert (len(small.train), len(small.valid), len(small.test)) == (300, 20, 100)


def test_default_sizes():
    few = scenes(n=0, image_size=32, test=0)
    assert (len(few.train), len(few.valid), len(few.test)) == (0, 100, 0)


def test_pictures_have_contrast_and_are_neither_black_nor_burnt_out(small):
    gray = small.train.images.mean(axis=-1)  # (N, S, S)
    assert (gray.std(axis=(1, 2)) > 8).all()
    assert gray.std(axis=(1, 2)).mean() > 25
    assert ((gray.mean(axis=(1, 2)) > 25) & (gray.mean(axis=(1, 2)) < 230)).all()
    assert (small.train.images == 255).all(axis=-1).mean() < 0.05


def test_the_same_scene_is_the_same_kind_of_picture_at_any_size():
    for size in (32, 64, 128, 256):
        image, _, bounds, mask = scene(4, seed=1, image_size=size)
        assert image.shape == (size, size, 3)
        assert 0.3 * size < max(bounds[2:] - bounds[:2]) < 0.9 * size
        assert mask.any()


def test_wrong_arguments_are_explained():
    with pytest.raises(ValueError, match="train images"):
        scenes(n=-1)
    with pytest.raises(ValueError, match="test images"):
        scenes(n=0, valid=0, test=2.5)
    with pytest.raises(ValueError, match="train, valid, test"):
        scene(0, split="training")
    with pytest.raises(ValueError, match="at least 32"):
        render_scene(np.random.default_rng(0), 0, 8)
    with pytest.raises(ValueError, match="0 to 9"):
        render_scene(np.random.default_rng(0), 10, 64)


# ---- the question is neither trivial nor given away ------------------------------------------------------------------


def iou(a, b):
    sides = np.clip(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0, None)
    shared = sides.prod(axis=1)
    return shared / ((a[:, 2:] - a[:, :2]).prod(axis=1) + (b[:, 2:] - b[:, :2]).prod(axis=1) - shared)


def ridge_accuracy(train, train_labels, test, test_labels, penalty):
    """A linear classifier: least squares on one-hot labels."""
    x, z = (np.c_[a.reshape(len(a), -1) / 255.0 - 0.5, np.ones(len(a))] for a in (train, test))
    w = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ np.eye(10)[train_labels])
    return ((z @ w).argmax(axis=1) == test_labels).mean()


def test_a_constant_box_does_badly(small):
    boxes = small.train.boxes
    mean, whole = boxes.mean(axis=0, keepdims=True), np.array([[0.0, 0.0, 32.0, 32.0]])
    assert (
        iou(np.repeat(mean, len(boxes), axis=0), boxes) >= 0.5
    ).mean() < 0.38  # < .35 in the slow test, of many more
    assert (iou(np.repeat(whole, len(boxes), axis=0), boxes) >= 0.5).mean() < 0.2


def test_color_does_not_give_the_class_away(small):
    """Not the mean color of the picture, and not even that of what is inside the box."""
    features = []
    for part in (small.train, small.test):
        inside = [
            image[int(ymin) : int(ymax), int(xmin) : int(xmax)].mean(axis=(0, 1))
            for image, (xmin, ymin, xmax, ymax) in zip(part.images, part.boxes, strict=True)
        ]
        features.append(np.concatenate([inside, part.images.mean(axis=(1, 2))], axis=1))  # (N, 6)
    accuracy = ridge_accuracy(features[0], small.train.labels, features[1], small.test.labels, 1e-3)
    assert accuracy < 0.3, "chance is 0.1; parts that belong to a thing (tires, tea) may leave a little"


@pytest.mark.slow
def test_a_linear_classifier_and_the_mean_box_do_badly():
    data = scenes(n=3000, image_size=64, seed=0, valid=0, test=600)
    quarter = [s.images.reshape(len(s), 32, 2, 32, 2, 3).mean(axis=(2, 4)) for s in (data.train, data.test)]
    for penalty in (100.0, 1000.0):
        assert ridge_accuracy(quarter[0], data.train.labels, quarter[1], data.test.labels, penalty) < 0.4
    mean = np.repeat(data.train.boxes.mean(axis=0, keepdims=True), len(data.test), axis=0)
    assert (iou(mean, data.test.boxes) >= 0.5).mean() < 0.35


# ---- distance functions ----------------------------------------------------------------------------------------------


def grid(n=81, reach=1.5):
    t = np.linspace(-reach, reach, n, dtype=np.float32)
    return np.broadcast_arrays(t[None, :], t[:, None])


def distance_to_edge(figure, x, y):
    """The distance by search: to the nearest place on a fine grid where inside and outside meet."""
    u, v = grid(1201)
    inside = figure(u, v) < 0
    edge = inside[:-1, :-1] ^ (inside[1:, :-1] & inside[:-1, 1:] & inside[1:, 1:])
    edge |= (inside[:-1, :-1] ^ inside[1:, :-1]) | (inside[:-1, :-1] ^ inside[:-1, 1:])
    half = 1.5 / 1200
    found = cKDTree(np.stack([u[:-1, :-1][edge] + half, v[:-1, :-1][edge] + half], axis=1))
    return found.query(np.stack([x.ravel(), y.ravel()], axis=1))[0].reshape(x.shape)


STAR = [(0.0, -1.0), (0.25, -0.2), (1.0, 0.1), (0.2, 0.3), (-0.1, 0.9), (-0.7, -0.2)]


@pytest.mark.parametrize(
    "figure",
    [
        lambda x, y: circle(x, y, 0.1, -0.2, 0.7),
        lambda x, y: box(x, y, -0.1, 0.2, 0.8, 0.4, 0.2),
        lambda x, y: capsule(x, y, -0.6, -0.5, 0.5, 0.6, 0.25),
        lambda x, y: polygon(x, y, STAR),
        lambda x, y: polygon(x, y, [(-0.6, -0.5), (0.7, -0.3), (0.2, 0.8)], 0.15),
    ],
    ids=["circle", "box", "capsule", "polygon", "round polygon"],
)
def test_distances_are_distances_to_the_edge(figure):
    x, y = grid(51)
    d = figure(x, y)
    assert d.dtype == np.float32
    assert np.abs(np.abs(d) - distance_to_edge(figure, x, y)).max() < 0.01  # the fine grid has steps of 0.0025


def test_polygon_agrees_with_scikit_image_about_inside():
    x, y = grid()
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    d = polygon(x, y, STAR)
    clear = np.abs(d) > 1e-4
    assert np.array_equal((d < 0)[clear], points_in_poly(points, STAR).reshape(d.shape)[clear])


def test_ellipse_is_exact_on_its_edge_and_has_slope_one_there():
    turn = np.linspace(0, 2 * np.pi, 100)
    normal = np.stack([np.cos(turn) / 0.9, np.sin(turn) / 0.3])
    normal /= np.sqrt((normal**2).sum(axis=0))
    x, y = 0.1 + 0.9 * np.cos(turn), -0.2 + 0.3 * np.sin(turn)
    assert np.abs(ellipse(x, y, 0.1, -0.2, 0.9, 0.3)).max() < 1e-5
    out = ellipse(x + 1e-3 * normal[0], y + 1e-3 * normal[1], 0.1, -0.2, 0.9, 0.3)
    assert np.allclose(out, 1e-3, rtol=0.02)


@pytest.mark.parametrize("drawing", [*CLASSES.values(), *CLUTTER], ids=lambda drawing: drawing.__name__)
def test_drawings_fill_their_frame_in_single_precision(drawing):
    for seed in range(5):
        x, y = grid(61, 1.8)
        parts = drawing(np.random.default_rng(seed), x, y)
        d = np.minimum.reduce([part.distance for part in parts])
        assert d.dtype == np.float32 and d.shape == x.shape and np.isfinite(d).all()
        rows, columns = (d < 0).any(axis=1), (d < 0).any(axis=0)
        longer = max(np.ptp(x[0][columns]), np.ptp(y[:, 0][rows]))
        assert 1 < longer < 2.3
        assert not (rows[0] or rows[-1] or columns[0] or columns[-1])
        assert all(part.color in (BODY, TRIM, DARK, PALE) for part in parts)


def test_a_second_python_draws_the_same_and_is_not_needed(small, monkeypatch, watch):
    module = importlib.import_module("tinycnn.data.scenes")
    monkeypatch.setattr(module, "WORTH_A_HELPER", 10)
    monkeypatch.setenv("TINYCNN_THREADS", "2")
    helped = watch(module, "_result")
    assert module.scenes(n=11, image_size=32, seed=3, valid=0, test=0).train.images.tobytes() == \
        small.train.images[:11].tobytes()
    assert helped[0][1] is not None, "the second Python gave nothing"
    monkeypatch.setattr(module.sys, "executable", "/no/such/python")
    assert module.scenes(n=11, image_size=32, seed=3, valid=0, test=0).train.images.tobytes() == \
        small.train.images[:11].tobytes()
    assert helped[1][1] is None
