"""Procedural scenes: small pictures that look like photographs, each of one thing whose class and box are known.

Every picture is a function of (seed, split, index) and of nothing else: no files, no downloads, no hidden state. Ask
for ten thousand, or for number 4711 alone, and that one comes out the same. It is made as a photographer would make it:
a table top or a room is set up (`surfaces.py`), things that do not matter are strewn about, one of the ten things of
`things.py` is posed, painted, lit from one side and casts its shadow (`painting.py`), something may get in the way,
and a camera with a slightly wrong exposure, a slightly wrong white balance and a noisy sensor takes the picture
(`camera.py`). Whatever has nothing to do with the question "what, and where?" is random and drawn in one way for all
classes, color first.

The box is that of the whole thing, parts hidden behind something included, and as tight as pixels allow. The thing lies
wholly inside the frame, and no more than 15 % of it is ever hidden.
"""

from typing import TYPE_CHECKING

from tinycnn.data.dataset import Dataset
from tinycnn.lazy import lazy


def scenes(n: int = 4000, image_size: int = 64, seed: int = 0, valid: int | None = None,
           test: int | None = 1000) -> Dataset:
    """A data set of scenes: `n` to train on, `valid` (n / 8, at least 100) and `test`, each image_size pixels square.

    The classes of `SCENE_CLASSES` take turns, so all are equally frequent, and a smaller set is the beginning of a
    larger one of the same seed. Returns a `Dataset`: images uint8 (N, S, S, 3), boxes float32 (N, 4) in half-open
    pixels (xmin, ymin, xmax, ymax). ValueError if a size makes no sense.
    """
    from tinycnn.data.scenes.split import draw  # all that draws is loaded here, at the first use

    sizes = {"train": n, "valid": max(100, n // 8) if valid is None else valid, "test": 1000 if test is None else test}
    for split, size in sizes.items():
        if size != int(size) or size < 0:
            raise ValueError(f"scenes() needs a whole number of {split} images, 0 or more, but got {size!r}")
    return Dataset("scenes", *(draw(split, int(size), image_size, seed) for split, size in sizes.items()))


if TYPE_CHECKING:  # the same names for a type checker, which runs nothing
    from tinycnn.data.scenes.compose import SCENE_CLASSES, render_scene, scene
else:
    __getattr__, __dir__ = lazy(__name__, dict.fromkeys(
        ("SCENE_CLASSES", "render_scene", "scene"), "tinycnn.data.scenes.compose"))  # fmt: skip

__all__ = ["SCENE_CLASSES", "render_scene", "scene", "scenes"]
