"""Scenes: the same picture every time, a box that is exactly right, and nothing but shape to tell the classes apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import regionprops

from tinycnn.data.scenes import SCENE_CLASSES, compose, render_scene, scene, scenes, split
from tinycnn.data.scenes.compose import obstruct

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


def test_things_in_front_hide_a_little_and_only_a_little(monkeypatch):
    hidden = []

    def watched(rng, canvas, thing, light):
        cover = obstruct(rng, canvas, thing, light)
        hidden.append(0 if cover is None else (cover * thing).sum() / thing.sum())

    monkeypatch.setattr(compose, "obstruct", watched)
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
    data = scenes(n=1500, image_size=32, seed=0, valid=0, test=600)
    quarter = [s.images.reshape(len(s), 16, 2, 16, 2, 3).mean(axis=(2, 4)) for s in (data.train, data.test)]
    for penalty in (100.0, 1000.0):
        assert ridge_accuracy(quarter[0], data.train.labels, quarter[1], data.test.labels, penalty) < 0.4
    mean = np.repeat(data.train.boxes.mean(axis=0, keepdims=True), len(data.test), axis=0)
    assert (iou(mean, data.test.boxes) >= 0.5).mean() < 0.35


def test_a_second_python_draws_the_same_and_is_not_needed(small, monkeypatch, watch):
    monkeypatch.setattr(split, "WORTH_A_HELPER", 10)
    monkeypatch.setenv("TINYCNN_THREADS", "2")
    helped = watch(split, "_result")
    assert scenes(n=11, image_size=32, seed=3, valid=0, test=0).train.images.tobytes() == \
        small.train.images[:11].tobytes()
    assert helped[0][1] is not None, "the second Python gave nothing"
    monkeypatch.setattr(split.sys, "executable", "/no/such/python")
    assert scenes(n=11, image_size=32, seed=3, valid=0, test=0).train.images.tobytes() == \
        small.train.images[:11].tobytes()
    assert helped[1][1] is None
