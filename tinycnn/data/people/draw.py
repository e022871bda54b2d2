"""Drawn people: a room, a person in some pose, perhaps something in front, and a camera; the joints are known exactly.

Every picture is a function of (seed, split, index) and of nothing else, as drawn scenes are.
"""

import numpy as np

from tinycnn.data.people.body import random_body
from tinycnn.data.people.figure import IN_FRONT, paint, random_clothes, visible_joints
from tinycnn.data.pose_samples import PoseDataset, PoseSamples
from tinycnn.data.scenes.camera import photograph
from tinycnn.data.scenes.painting import Light, put
from tinycnn.data.scenes.surfaces import out_of_focus, room, soften, table_top
from tinycnn.data.scenes.things import CLUTTER
from tinycnn.poses import JOINTS

SPLITS = ("train", "valid", "test")
SMALLEST = 32  # pixels
FEWEST = 6  # joints that must be seen


def draw_people(n: int = 4000, image_size: int = 64, seed: int = 0, valid: int | None = None,
           test: int | None = 1000) -> PoseDataset:
    """A data set of drawn people: `n` to train on, `valid` (n / 8, at least 100) and `test`, image_size pixels square.

    Images uint8 (N, S, S, 3); joints in pixels; hidden are joints behind another part of the body or behind something
    in front, and those outside the picture. The box of a person is that of all his painted pixels. A smaller set is the
    beginning of a larger one of the same seed. ValueError if a size makes no sense.
    """
    sizes = {"train": n, "valid": max(100, n // 8) if valid is None else valid, "test": 1000 if test is None else test}
    for split, size in sizes.items():
        if size != int(size) or size < 0:
            raise ValueError(f"draw_people() needs a whole number of {split} images, 0 or more, but got {size!r}")
    return PoseDataset("people", *(_draw(split, int(size), image_size, seed) for split, size in sizes.items()))


def person(index: int, split: str = "train", seed: int = 0,
           image_size: int = 64) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One drawn person by his number: image (S, S, 3), joints (14, 2), visible (14,), box (4,)."""
    if split not in SPLITS:
        raise ValueError(f"a person belongs to one of the splits {', '.join(SPLITS)}, not to {split!r}")
    if image_size < SMALLEST:
        raise ValueError(f"a person needs an image_size of at least {SMALLEST} pixels, but got {image_size!r}")
    rng = np.random.default_rng((seed, SPLITS.index(split), index, len(JOINTS)))
    while True:  # hardly ever twice
        image, joints, visible, box = _render(rng, image_size)
        if visible.sum() >= FEWEST:
            return image, joints, visible, box


def _draw(split, size, image_size, seed):
    drawn = [person(i, split, seed, image_size) for i in range(size)]
    images = np.empty((size, image_size, image_size, 3), np.uint8)
    for i, (image, *_) in enumerate(drawn):
        images[i] = image
    joints, visible, boxes = ([answers[k] for answers in drawn] for k in (1, 2, 3))
    return PoseSamples(images, joints, visible, boxes, [f"{split}-{i:05d}" for i in range(size)])


def _render(rng, image_size):
    n = 2 * image_size  # drawn at twice the size, then averaged
    light, kind = Light(rng), rng.random()
    canvas = room(rng, n)[0] if kind < 0.5 else out_of_focus(rng, n) if kind < 0.75 else table_top(rng, n)
    if rng.random() < 0.5:
        canvas = soften(canvas, 1)
    canvas *= light.spread(n)
    body, clothes = random_body(rng), random_clothes(rng)
    low, high = body.joints.min(axis=0) - 0.05, body.joints.max(axis=0) + 0.05
    size = rng.uniform(0.62, 0.95) * n / (high - low).max()
    room_left = n - (high - low) * size
    corner = rng.random(2) * room_left - low * size
    if rng.random() < 0.12:  # cut off by the picture's edge
        corner += rng.normal(0, 0.1, 2) * n
    places = body.joints * size + corner
    owner, names = paint(canvas, body, places, size, clothes, light, arms_behind=rng.random() < 0.2)
    painted = owner != 0
    if rng.random() < 0.25:
        thing = CLUTTER[rng.integers(len(CLUTTER))]
        near = np.clip(places[rng.integers(len(places))] + rng.normal(0, 0.05, 2) * n, 0.1 * n, 0.9 * n)
        owner[put(rng, canvas, thing, light, rng.uniform(0.1, 0.25) * n, near=near) > 0.5] = IN_FRONT
    visible = visible_joints(owner, names, places)
    return photograph(rng, canvas), places / 2, visible, _box_of(painted, image_size)


def _box_of(mask, image_size):
    """The tight box (xmin, ymin, xmax, ymax) around what was painted, in pixels of the picture."""
    x, y = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(x):
        return np.array([0.0, 0.0, image_size, image_size])
    return np.array([x[0], y[0], x[-1] + 1, y[-1] + 1]) / 2
