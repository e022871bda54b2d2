"""Procedural scenes: small pictures that look like photographs, each of one thing whose class and box are known.

Every picture is a function of (seed, split, index) and of nothing else: no files, no downloads, no hidden state. Ask
for ten thousand, or for number 4711 alone, and that one comes out the same. It is made as a photographer would make it:
a table top or a room is set up (`surfaces.py`), things that do not matter are strewn about, one of the ten things of
`drawings.py` is posed, painted, lit from one side and casts its shadow (`painting.py`), something may get in the way,
and a camera with a slightly wrong exposure, a slightly wrong white balance and a noisy sensor takes the picture. All
that has nothing to do with the question "what, and where?" is random and drawn in one way for all classes, color first.

The box is that of the whole thing, parts hidden behind something included, and as tight as pixels allow. The thing lies
wholly inside the frame, and no more than 15 % of it is ever hidden.
"""

import math
import subprocess
import sys

import numpy as np

from tinycnn.data.dataset import Dataset, Samples
from tinycnn.data.drawings import CLASSES, CLUTTER
from tinycnn.data.painting import Light, put
from tinycnn.data.surfaces import room, soften, table_top
from tinycnn.engine import threads

SCENE_CLASSES = tuple(CLASSES)
SPLITS = ("train", "valid", "test")
WORTH_A_HELPER = 300  # scenes; a second Python takes as long to start as some tens take to draw


def scenes(n=4000, image_size=64, seed=0, valid=None, test=1000):
    """A data set of scenes: `n` to train on, `valid` (n / 8, at least 100) and `test`, each image_size pixels square.

    The classes of `SCENE_CLASSES` take turns, so all are equally frequent, and a smaller set is the beginning of a
    larger one of the same seed. Returns a `Dataset`: images uint8 (N, S, S, 3), boxes float32 (N, 4) in half-open
    pixels (xmin, ymin, xmax, ymax). ValueError if a size makes no sense.
    """
    sizes = {"train": n, "valid": max(100, n // 8) if valid is None else valid, "test": 1000 if test is None else test}
    for split, size in sizes.items():
        if size != int(size) or size < 0:
            raise ValueError(f"scenes() needs a whole number of {split} images, 0 or more, but got {size!r}")
    return Dataset("scenes", *(_split(split, int(size), image_size, seed) for split, size in sizes.items()))


def _split(split, size, image_size, seed):
    half = size // 2 if size >= WORTH_A_HELPER and threads() > 1 else 0
    helper = _start_helper(split, size - half, size, image_size, seed) if half else None
    parts = [_render(split, 0, size - half, image_size, seed)]
    if half:
        parts.append(_result(helper, half, image_size) or _render(split, size - half, size, image_size, seed))
    images, labels, boxes = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Samples(images, labels, boxes, [f"{split}-{i:05d}" for i in range(size)], SCENE_CLASSES)


def _render(split, start, stop, image_size, seed):
    """Scenes number start .. stop - 1 of a split: images, labels, boxes."""
    n = stop - start
    images = np.empty((n, image_size, image_size, 3), dtype=np.uint8)
    labels, boxes = np.empty(n, dtype=np.int64), np.empty((n, 4), dtype=np.float32)
    for i in range(n):
        images[i], labels[i], boxes[i], _ = scene(start + i, split, seed, image_size)
    return images, labels, boxes


# Drawing is thousands of small array operations, which threads cannot share; a second Python can. It is a plain
# subprocess, since multiprocessing would run an unguarded script of the user's a second time. Should it fail, for
# whatever reason, the scenes are drawn here.


def _start_helper(split, *numbers):
    work = (split, *map(int, numbers))  # a NumPy integer would be written as np.int64(3)
    code = f"import sys; from {__name__} import _help; _help(sys.stdout.buffer, *{work!r})"
    try:
        return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return None


def _help(file, *work):
    for array in _render(*work):
        file.write(array.tobytes())


def _result(helper, n, image_size):
    """What the helper drew, or None."""
    data = helper.communicate()[0] if helper is not None else b""
    pixels, labels = n * image_size**2 * 3, n * 8
    if len(data) != pixels + labels + n * 16:
        return None
    images = np.frombuffer(data, np.uint8, pixels).reshape(n, image_size, image_size, 3)
    boxes = np.frombuffer(data, np.float32, n * 4, pixels + labels).reshape(n, 4)
    return images, np.frombuffer(data, np.int64, n, pixels), boxes


def scene(index, split="train", seed=0, image_size=64):
    """One scene of the data set by its number: image (S, S, 3), label, box (4,), mask (S, S); see `render_scene`."""
    if split not in SPLITS:
        raise ValueError(f"a scene belongs to one of the splits {', '.join(SPLITS)}, not to {split!r}")
    label = index % len(SCENE_CLASSES)
    rng = np.random.default_rng((seed, SPLITS.index(split), index))
    image, box, mask = render_scene(rng, label, image_size)
    return image, label, box, mask


def render_scene(rng, label, image_size):
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


def obstruct(rng, canvas, thing, light):
    """Lay something over the edge of what has the coverage `thing`; returns its own, or None if it hid too much."""
    x0, y0, x1, y1 = box_of(thing >= 0.5)
    turn = rng.uniform(0, 2 * math.pi)
    near = (x0 + x1) / 2 + math.cos(turn) * (x1 - x0) * 0.45, (y0 + y1) / 2 + math.sin(turn) * (y1 - y0) * 0.45
    return put(rng, canvas, _clutter(rng), light, rng.uniform(0.1, 0.24) * len(thing), near=near, spare=thing)


def box_of(mask):
    """The tight half-open box (xmin, ymin, xmax, ymax) around the true pixels of a mask, float32."""
    x, y = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return np.array([x[0], y[0], x[-1] + 1, y[-1] + 1], dtype=np.float32)


def halve(planes):
    """Average 2 x 2 blocks: (C, 2 S, 2 S) -> (C, S, S)."""
    return (planes[:, 0::2, 0::2] + planes[:, 1::2, 0::2] + planes[:, 0::2, 1::2] + planes[:, 1::2, 1::2]) * 0.25


def photograph(rng, canvas):
    """What a camera makes of linear light (3, 2 S, 2 S): uint8 (S, S, 3), with its lens, its sensor and its errors."""
    n = canvas.shape[-1]
    t = np.linspace(-1, 1, n, dtype=np.float32) ** 2
    canvas = canvas * (1 - rng.uniform(0, 0.22) * (t[None, None, :] + t[None, :, None]))  # vignetting
    planes = halve(canvas)  # (3, S, S)
    if rng.random() < 0.25:  # not quite in focus
        side = np.pad(planes, ((0, 0), (1, 1), (1, 1)), mode="edge")
        rows = side[:, :-2] + side[:, 1:-1] * 2 + side[:, 2:]
        blurred = (rows[:, :, :-2] + rows[:, :, 1:-1] * 2 + rows[:, :, 2:]) * (1 / 16)
        planes += (blurred - planes) * rng.uniform(0.3, 0.8)
    exposure = 0.24 / (planes.mean() + 0.02)  # the meter aims at a middle gray, without insisting on it
    gains = exposure**0.6 * rng.uniform(0.85, 1.3) * rng.uniform(0.93, 1.07, size=3)
    planes *= gains.astype(np.float32)[:, None, None]
    planes = np.maximum(planes, 0)
    grain = rng.standard_normal(planes.shape, dtype=np.float32) * rng.uniform(0.003, 0.013)
    planes = np.sqrt(planes / (1 + 0.12 * planes)) + grain  # square root: gamma 2, which also evens out the noise
    contrast = rng.uniform(1.0, 1.25)
    planes = (planes - 0.45) * contrast + 0.45
    return np.ascontiguousarray(np.moveaxis(np.clip(planes * 255 + 0.5, 0, 255).astype(np.uint8), 0, 2))
