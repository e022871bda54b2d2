"""One part of a data set of scenes: the scenes in order, drawn with two processes where there are many.

Drawing is thousands of small array operations, which threads cannot share; a second Python can. It is a plain
subprocess, since multiprocessing would run an unguarded script of the user's a second time. Should it fail, for
whatever reason, the scenes are drawn here.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from tinycnn.data.dataset import Samples
from tinycnn.data.scenes.compose import SCENE_CLASSES, scene
from tinycnn.engine import thread_count

WORTH_A_HELPER = 300  # scenes; a second Python takes as long to start as some tens take to draw


def draw(split, size, image_size, seed):
    """The first `size` scenes of a split as Samples; half of them by a second Python, if that is worth it."""
    half = size // 2 if size >= WORTH_A_HELPER and thread_count() > 1 else 0
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


def _start_helper(split, *numbers):
    work = (split, *map(int, numbers))  # a NumPy integer would be written as np.int64(3)
    package = str(Path(__file__).resolve().parents[3])  # also when tinycnn is not installed
    code = f"import sys; sys.path.append({package!r}); from {__name__} import send; send(sys.stdout.buffer, *{work!r})"
    try:  # -P: a numpy.py in the current folder is not NumPy
        return subprocess.Popen([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return None


def send(file, *work):
    """Write what `_render(*work)` draws to a file, array by array: what the second Python does."""
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
