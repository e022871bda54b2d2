"""A predicted box drawn onto a copy of the picture itself, for people who want the picture and not a figure."""

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinycnn.errors import MissingExtra, require
from tinycnn.plots.labels import MARK, NO_LETTER, advise, font_with, from_left
from tinycnn.plots.look import PREDICTION
from tinycnn.text import legible, shortened

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST = 60  # columns of a name
SMALLEST_SIDE = 240  # smaller pictures are enlarged by a whole number, or the letters would cover them
LONGEST_SIDE = 2**14  # but not beyond this: a thin picture would take more memory than there is, and no viewer shows it


def enlarged(image: np.ndarray) -> tuple["Image", int]:
    """A Pillow copy of `image` (H, W, 3) uint8 to draw on, and how many times as large it is: 1, 2, 3 ...

    Pictures with a side under 240 pixels are enlarged, as long as the other one stays below 16,384.
    """
    pillow = require("PIL.Image", extra="images")
    times = min(math.ceil(SMALLEST_SIDE / min(image.shape[:2])), LONGEST_SIDE // max(image.shape[:2]))
    copy = pillow.fromarray(np.ascontiguousarray(image))
    if times <= 1:
        return copy, 1
    return copy.resize((copy.width * times, copy.height * times), pillow.Resampling.BICUBIC), times


def annotate(image: np.ndarray, box: Sequence[float] | np.ndarray, text: str) -> "Image":
    """A Pillow image: a copy of `image` with `box` and `text` on it.

    image: (H, W, 3) uint8    box: (4,) xyxy in its pixels    text: a name and a number; too long a name is shortened.
    Pictures with a side under 240 pixels come out 2, 3 ... times as large; all others keep their size.
    """
    draw_on = require("PIL.ImageDraw", extra="images")
    copy, times = enlarged(image)
    unit = max(2, round(min(copy.size) / 160))  # the line's width in pixels
    draw = draw_on.Draw(copy)
    xmin, ymin, xmax, ymax = (round(float(v) * times) for v in box)
    # Pillow counts the last pixel in, boxes here do not. The dark rim keeps the line visible on any picture.
    for grow, color in ((unit // 2 + 1, "black"), (0, PREDICTION)):
        corners = (xmin - grow, ymin - grow, max(xmin, xmax - 1) + grow, max(ymin, ymax - 1) + grow)
        draw.rectangle(corners, outline=color, width=unit + 2 * grow)
    text = "".join(c for c in str(text)[: 2 * LONGEST] if c.isprintable() or c == MARK)
    font = _font(text, size=max(11, round(min(copy.size) / 22)))
    text = "".join(c if _has(font, c) else NO_LETTER if _has(font, NO_LETTER) else "?" for c in text)
    name, _, number = text.rpartition(" ")
    while draw.textlength(text, font=font) > copy.width - unit and len(name) > 1:
        name = name[:-1]
        text = f"{name}{'…' if _has(font, '…') else '.'} {number}"
    _, _, width, height = draw.textbbox((0, 0), text, font=font)
    pad = max(2, height // 4)
    left = max(0, min(xmin, copy.width - width - 2 * pad))
    above = ymin - unit - height - 2 * pad
    top = above if above >= 0 else min(ymin + unit, copy.height - height - 2 * pad)  # no room above: inside
    draw.rectangle((left, top, left + width + 2 * pad, top + height + 2 * pad), fill=PREDICTION)
    draw.text((left + pad, top + pad), text, fill="black", font=font)
    return copy


def written(names: Sequence[str]) -> list[str]:
    """The names of classes as `annotate` can write them: class 3 where no font has all letters of a name."""
    plain = [shortened(legible(name), LONGEST) for name in names]
    known = [_has(_font(name), name) for name in plain]
    if not all(known):
        advise()
    return [from_left(name) if known[k] else f"class {k}" for k, name in enumerate(plain)]


@functools.lru_cache(maxsize=256)
def _font(text, size=11):
    """Pillow's own font, or an installed one that has letters of `text` that this one lacks."""
    fonts = require("PIL.ImageFont", extra="images")
    font = fonts.load_default(size=size)
    if not _has(font, text):
        try:
            path = font_with(text)
        except MissingExtra:  # matplotlib knows the installed fonts
            path = None
        if path is not None:
            return fonts.truetype(path, size)
    return font


def _has(font, text):
    """Does a font have all these letters? One that it lacks looks as what is no letter at all."""
    if text.isascii():
        return True
    missing = bytes(font.getmask("\uffff"))
    return all(c.isspace() or c == MARK or bytes(font.getmask(c)) != missing for c in text)
