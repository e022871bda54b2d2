"""One scene: a ground, things strewn about, the one thing whose class and box are the answer, and what hides it."""

import math

import numpy as np

from tinycnn.data.scenes.camera import halve, photograph
from tinycnn.data.scenes.painting import Light, put
from tinycnn.data.scenes.surfaces import room, soften, table_top
from tinycnn.data.scenes.things import CLASSES, CLUTTER

SCENE_CLASSES = tuple(CLASSES)
SPLITS = ("train", "valid", "test")


def scene(index: int, split: str = "train", seed: int = 0,
          image_size: int = 64) -> tuple[np.ndarray, int, np.ndarray, np.ndarray]:
    """One scene of the data set by its number: image (S, S, 3), label, box (4,), mask (S, S); see `render_scene`."""
    if split not in SPLITS:
        raise ValueError(f"a scene belongs to one of the splits {', '.join(SPLITS)}, not to {split!r}")
    label = index % len(SCENE_CLASSES)
    rng = np.random.default_rng((seed, SPLITS.index(split), index))
    image, box, mask = render_scene(rng, label, image_size)
    return image, label, box, mask


def render_scene(rng: np.random.Generator, label: int, image_size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Photograph one thing of class `label`: image uint8 (S, S, 3), box float32 (4,), mask bool (S, S).

    The mask holds the pixels at least half covered by the thing's own silhouette, hidden ones included; the box is the
    tight half-open box (xmin, ymin, xmax, ymax) around it. ValueError for a label that is none and for sizes below 32.
    """
    if image_size < 32:
        raise ValueError(f"a scene needs an image_size of at least 32 pixels to show anything, but got {image_size!r}")
    if not 0 <= label < len(SCENE_CLASSES):
        last = len(SCENE_CLASSES) - 1
        raise ValueError(f"scenes have {last + 1} classes, so a label is a number from 0 to {last}, but got {label!r}")
    n = 2 * image_size  # drawn at twice the size, then averaged
    light = Light(rng)
    canvas, horizon = room(rng, n) if rng.random() < 0.4 else (table_top(rng, n), None)
    if rng.random() < 0.5:
        canvas = soften(canvas, 1)
    canvas *= light.spread(n)
    for _ in range(int(rng.integers(3))):
        put(rng, canvas, _clutter(rng), light, rng.uniform(0.08, 0.17) * n, horizon)
    drawing = CLASSES[SCENE_CLASSES[label]]
    thing = put(rng, canvas, drawing, light, rng.uniform(0.34, 0.74) * n, horizon, tilt=0.4)
    mask = halve(thing[None])[0] >= 0.5
    if rng.random() < 0.15:
        obstruct(rng, canvas, thing, light)
    return photograph(rng, canvas), box_of(mask), mask


def _clutter(rng):
    return CLUTTER[rng.integers(len(CLUTTER))]


def obstruct(rng: np.random.Generator, canvas: np.ndarray, thing: np.ndarray, light: Light) -> np.ndarray | None:
    """Lay something over the edge of what has the coverage `thing`; returns its own, or None if it hid too much."""
    x0, y0, x1, y1 = box_of(thing >= 0.5)
    turn = rng.uniform(0, 2 * math.pi)
    near = (x0 + x1) / 2 + math.cos(turn) * (x1 - x0) * 0.45, (y0 + y1) / 2 + math.sin(turn) * (y1 - y0) * 0.45
    return put(rng, canvas, _clutter(rng), light, rng.uniform(0.1, 0.24) * len(thing), near=near, spare=thing)


def box_of(mask: np.ndarray) -> np.ndarray:
    """The tight half-open box (xmin, ymin, xmax, ymax) around the true pixels of a mask, float32."""
    x, y = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return np.array([x[0], y[0], x[-1] + 1, y[-1] + 1], dtype=np.float32)
