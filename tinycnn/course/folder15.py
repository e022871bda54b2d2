"""A folder as lesson 15 finds it: frames of short films as JPEG files, each with a LabelMe file, and faults in both.

A film is one drawn scene (tinycnn.data.scenes) seen through a window that moves a little from frame to frame, so its
frames are near twins. The faults are those of real folders: a file cut off, a box outside its picture, a class with a
typo, a class that is rare, frames that somebody labeled as another class, boxes that were dragged to a wrong place.
"""

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinycnn.data.scenes import SCENE_CLASSES, render_scene
from tinycnn.errors import require
from tinycnn.files import atomic_write

CLASSES = ("car", "fish", "mug")
RARE, TYPO = "butterfly", "buterfly"
SCENE, WIDTH, HEIGHT = 112, 104, 88  # pixels of a scene, and of the frames that are cut from it
FRAMES = 3
WRONG_CLASS, WRONG_BOX = 8, 6  # frames of each kind of mistake that no program can tell from a right one


class Frame(NamedTuple):
    """One picture: its name without suffix, class, box (xmin, ymin, xmax, ymax) half-open, pixels (H, W, 3) uint8."""

    stem: str
    label: str
    box: tuple[float, ...]
    pixels: np.ndarray


def draw_folder(folder: str | Path, films: int = 90, seed: int = 0) -> list[str]:
    """Write the folder: `films` films of each class, a sixth of that of the rare one; files that exist are replaced.

    Returns the names of the pictures whose class or box is wrong in a way that reading cannot see, for the end of the
    lesson. Films are numbered in random order.
    """
    folder, rng = Path(folder), np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    labels = rng.permutation([*CLASSES * films, *[RARE] * max(2, films // 6)])
    frames = [frame for number, label in enumerate(labels) for frame in film(f"film{number:03}", str(label), rng)]
    frames, mistaken = mistakes(frames, rng)
    for frame in frames:
        write(folder, frame)
    whole = folder / f"{frames[5].stem}.jpg"
    with atomic_write(folder / f"{frames[9].stem}.jpg") as file:  # the copying was interrupted
        file.write(whole.read_bytes()[: whole.stat().st_size // 2])
    write(folder, frames[13]._replace(box=(130.0, 20.0, 190.0, 70.0)), picture=False)
    for frame in [frame for frame in frames if frame.label == RARE][:3]:
        write(folder, frame._replace(label=TYPO), picture=False)
    return mistaken


def film(name: str, label: str, rng: np.random.Generator) -> list[Frame]:
    """FRAMES frames of one scene: a window that wanders by a pixel or two, and light that changes a little."""
    pixels, box, _ = render_scene(rng, SCENE_CLASSES.index(label), SCENE)
    corner, room = rng.uniform(0, 1, 2) * (SCENE - WIDTH, SCENE - HEIGHT), (SCENE - WIDTH, SCENE - HEIGHT)
    frames = []
    for number in range(FRAMES):
        x, y = np.clip(np.round(corner), 0, room).astype(int)
        cut = np.clip(box - (x, y, x, y), 0, (WIDTH, HEIGHT, WIDTH, HEIGHT))
        light = rng.uniform(0.95, 1.05) * pixels[y : y + HEIGHT, x : x + WIDTH]
        frames.append(Frame(f"{name}_frame{number}", label, tuple(map(float, cut)),
                            np.clip(light, 0, 255).astype(np.uint8)))
        corner = np.clip(corner + rng.uniform(-2, 2, 2), 0, room)
    return frames


def mistakes(frames: list[Frame], rng: np.random.Generator) -> tuple[list[Frame], list[str]]:
    """The frames with some classes and boxes wrong, and the names of those pictures."""
    usual = [i for i, frame in enumerate(frames) if frame.label != RARE and i > 13]
    few = min(WRONG_CLASS + WRONG_BOX, len(usual) // 20)
    chosen, frames = rng.permutation(usual)[:few], list(frames)
    for k, i in enumerate(chosen):
        frame = frames[i]
        if k < few * WRONG_CLASS // (WRONG_CLASS + WRONG_BOX):
            others = [label for label in CLASSES if label != frame.label]
            frames[i] = frame._replace(label=str(rng.choice(others)))
        else:  # the box went to the corner that is farther away
            x0, y0, x1, y1 = frame.box
            left, top = 0.0 if x0 + x1 > WIDTH else WIDTH - 40.0, 0.0 if y0 + y1 > HEIGHT else HEIGHT - 30.0
            frames[i] = frame._replace(box=(left, top, left + 40, top + 30))
    return frames, sorted(f"{frames[i].stem}.jpg" for i in chosen)


def write(folder: Path, frame: Frame, picture: bool = True) -> None:
    """A frame as a JPEG file and a LabelMe file beside it."""
    if picture:
        file = io.BytesIO()
        require("PIL.Image", extra="images").fromarray(frame.pixels).save(file, "JPEG", quality=88)
        with atomic_write(folder / f"{frame.stem}.jpg") as out:
            out.write(file.getvalue())
    xmin, ymin, xmax, ymax = frame.box
    shape: dict[str, Any] = {
        "label": frame.label, "points": [[xmin, ymin], [xmax, ymax]], "group_id": None, "description": "",
        "shape_type": "rectangle", "flags": {}}
    content: dict[str, Any] = {
        "version": "5.5.0", "flags": {}, "shapes": [shape], "imagePath": f"{frame.stem}.jpg", "imageData": None,
        "imageHeight": HEIGHT, "imageWidth": WIDTH}
    with atomic_write(folder / f"{frame.stem}.json", "w") as out:
        json.dump(content, out, indent=2)
