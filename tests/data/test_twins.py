"""Near twins: changed copies are found across parts, different pictures are not, and large sets stay bounded."""

import io

import numpy as np
import pytest

from tinycnn.data.dataset import Samples
from tinycnn.data.photographs import Photographs
from tinycnn.data.scenes import scene
from tinycnn.data.twins import NEAR, fingerprints, near_twins, nearest_of, sentence
from tinycnn.resize import crop_resize

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def drawn():
    return [scene(i, image_size=96)[0] for i in range(60)]


def samples(images, name="p"):
    n = len(images)
    boxes = [[0, 0, image.shape[1], image.shape[0]] for image in images]
    return Samples(list(images), np.zeros(n, int), np.reshape(boxes, (-1, 4)), [f"{name}{i}" for i in range(n)], ("a",))


def again_as_jpeg(image, quality=30):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def apart(one, other):
    return nearest_of(fingerprints([one]), fingerprints([other]))[1][0]


def reduced(image, side=48):
    return crop_resize(image, (0, 0, image.shape[1], image.shape[0]), (side, side))


@pytest.mark.parametrize("change", [
    again_as_jpeg, reduced, lambda image: again_as_jpeg(reduced(image)), lambda image: image[1:-1, 1:-1],
    lambda image: np.clip(1.3 * image, 0, 255).astype(np.uint8), lambda image: (0.7 * image).astype(np.uint8),
], ids=["jpeg", "half", "half and jpeg", "2 % cut off", "brighter", "darker"])  # fmt: skip
def test_changed_copies_are_twins_and_others_are_not(drawn, change):
    copies = fingerprints([change(image) for image in drawn])
    nearest, distance = nearest_of(copies, fingerprints(drawn))
    assert nearest.tolist() == list(range(len(drawn))) and (distance <= NEAR).mean() >= 0.95
    _, strangers = nearest_of(copies[:30], fingerprints(drawn[30:]))
    assert strangers.min() > NEAR


def test_distances_by_hand():
    """All bits of a hash count, in every word; a picture's negative differs in all of them."""
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 1), np.uint8).repeat(3, axis=2)
    assert apart(noise, noise) == 0 and apart(noise, 255 - noise) >= 250
    words = np.zeros((1, 4), np.uint64)
    for word in range(4):
        other = words.copy()
        other[0, word] = 0b1011
        assert nearest_of(other, words)[1].tolist() == [3]


def test_frames_of_a_film(drawn):
    """One thing moves by a pixel a frame over a ground that stays."""
    rng, frames = np.random.default_rng(0), []
    for step in range(8):
        frame = drawn[0][:64, :64].astype(float)
        frame[20:40, 5 + step : 25 + step] = 250 * np.hypot(*np.mgrid[-10:10, -10:10])[..., None] / 15
        frames.append(np.clip(frame + rng.normal(0, 3, frame.shape), 0, 255).astype(np.uint8))
    assert all(apart(one, other) <= NEAR for one, other in zip(frames, frames[1:], strict=False))


def test_a_picture_without_structure_is_nobodys_twin():
    even = [np.full((20, 30, 3), level, np.uint8) for level in (0, 120, 255)]
    parts = {"train": samples(even), "test": samples(even)}
    assert near_twins(parts).found == []


def test_twins_across_parts_are_named_nearest_first(drawn):
    train, test = samples(drawn[:40], "t"), samples([*drawn[40:58], again_as_jpeg(drawn[7]), drawn[9]], "x")
    parts = {"train": train, "valid": samples(drawn[58:], "v"), "test": test}
    twins = near_twins(parts)
    assert [(twin.part, twin.picture, twin.train_picture) for twin in twins.found] == [("test", 18, 7), ("test", 19, 9)]
    told = sentence(parts, twins)
    assert told.startswith("2 of 20 test pictures look nearly like training pictures, such as test x19 and train t9, "
                           "test x18 and train t7: ") and "--group-by" in told  # fmt: skip
    assert sentence(parts, near_twins(parts | {"test": samples(drawn[40:58])})) is None
    assert near_twins({"train": train, "test": samples([])}).found == []
    assert near_twins({"train": samples([]), "test": train}).found == []


def test_of_a_large_part_some_are_compared_and_it_is_said(drawn):
    parts = {"train": samples(drawn[:40]), "test": samples(drawn[:40])}
    twins = near_twins(parts, most=30)
    assert twins.compared == {"train": 30, "test": 30} and len(twins.found) < 30
    assert "(30 of those were compared)" in sentence(parts, twins)
    assert twins == near_twins(parts, most=30) and len(near_twins(parts).found) == 40


def test_many_pictures_are_compared_in_blocks():
    rng = np.random.default_rng(0)
    known = rng.integers(0, 256, (5000, 32), np.uint8)
    known[:, 31] &= 0xFE  # the bit of pictures without structure
    known = known.view(np.uint64)
    asked = known[rng.permutation(5000)[:1000]]
    nearest, distance = nearest_of(asked, known)
    assert (known[nearest] == asked).all() and (distance == 0).all()
    assert nearest_of(asked, known[:0])[1].min() == 255


def test_files_that_are_not_in_memory_are_decoded_small_and_not_kept(drawn, tmp_path):
    large = [crop_resize(image, (0, 0, 96, 96), (768, 768)) for image in drawn[:6]]
    for i, image in enumerate(large):
        Image.fromarray(image).save(tmp_path / f"{i}.jpg", quality=90)
    photographs = Photographs([tmp_path / f"{i}.jpg" for i in range(6)], [(768, 768)] * 6)
    assert photographs.thumbnail(0, 64).shape == (64, 64, 3)
    decoded = fingerprints(photographs)
    assert photographs.cache.bytes == 0
    kept = [photographs[i] for i in range(6)]
    assert photographs.thumbnail(2, 64).shape == (64, 64, 3) and photographs[2].shape == (768, 768, 3)
    for others in (fingerprints(photographs), fingerprints(kept), fingerprints(drawn[:6])):
        assert np.bitwise_count(decoded ^ others).sum(axis=1).max() <= NEAR / 2
