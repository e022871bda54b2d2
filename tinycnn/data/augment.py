"""New pictures from old ones: the same object seen a little closer, further left, mirrored, under other light.

A small training set is learned by heart long before it is understood. Augmentation shows every picture differently each
time, so remembering does not help. The classic mistake of a localizer is to change the picture and forget the box; here
both go through the same window. A random **window** is laid over the image (smaller than the image: the object comes
closer; larger: it moves away and gray fills the border), resized to the network's input, perhaps mirrored, and the box
follows by the same shift and scale. Light is one color matrix and an offset, applied to every pixel; it leaves the box
alone.

A window that cuts the object away would teach the network to see what is not there, so the window is drawn only among
those that keep a stated share of the object's area.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np

from tinycnn.backend import Array, Shape
from tinycnn.errors import DataError
from tinycnn.resize import GRAY, crop_resize, resample, to_bytes
from tinycnn.views import View, clipped, follow

LUMA = np.array([0.299, 0.587, 0.114])  # how bright red, green and blue look to the eye (ITU-R BT.601)


@dataclass(frozen=True)
class Augment:
    """A recipe for random changes; call it with an image, its box, the output side and a random generator.

    flip: probability of mirroring left and right
    scale: the window's side is the image's side times a number drawn from this range; below 1 comes closer
    shift: how far the window may leave the image (or, where it is larger, the image the window), in image sides
    aspect: the picture is stretched by up to this factor, wider or taller; 1 never stretches
    color: up to how much brightness, contrast and saturation change: 0.2 means factors from 0.8 to 1.2
    keep: the window keeps at least this share of the box's area; it grows beyond `scale` where it has to
    fill: gray level or (r, g, b) of what lies outside the image (the change of light applies to it too)

    The same generator state gives the same picture. Every call draws the same count of numbers, whatever the settings,
    so turning the colors off does not move the windows.
    """

    draws = 8  # numbers that each call takes from rng.random

    flip: float = 0.5
    scale: tuple[float, ...] = (0.8, 1.1)
    shift: float = 0.05
    aspect: float = 1.0
    color: tuple[float, ...] = (0.2, 0.2, 0.2)
    keep: float = 0.7
    fill: float | tuple[float, ...] = GRAY

    def __post_init__(self) -> None:
        for name in ("scale", "color", "fill"):  # JSON turns tuples into lists; two equal recipes should compare equal
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        self._check()

    @classmethod
    def none(cls) -> Self:
        """No change at all: a plain resize."""
        return cls(flip=0.0, scale=(1.0, 1.0), shift=0.0, aspect=1.0, color=(0.0, 0.0, 0.0))

    @classmethod
    def light(cls) -> Self:
        """For drawn scenes, which are varied already: mirror, move a little, other light (the default settings)."""
        return cls()

    @classmethod
    def strong(cls) -> Self:
        """For a few thousand photographs: windows from 0.6 of the image up, stretched, in clearly different light."""
        return cls(scale=(0.6, 1.1), shift=0.05, aspect=1.2, color=(0.3, 0.3, 0.3))

    def __call__(self, image: Array, box: Array, size: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """image: (H, W, C) uint8; box: (4,) xyxy in its pixels; size: the output side S; rng: numpy Generator.

        Returns the new image (S, S, C) uint8, and the box (4,) float64 xyxy in the new image's pixels, clipped to it.
        """
        view = self.view(image.shape[:2], box, size, rng)
        return self.paint(image, view), follow(box, view.window, size, view.mirrored)

    def box(self, image_size: Shape, box: Array, size: int, rng: np.random.Generator) -> Array:
        """The box alone that a call with an image of `image_size` = (H, W) would return; nothing is painted."""
        view = self.view(image_size, box, size, rng)
        return follow(box, view.window, size, view.mirrored)

    def view(self, image_size: Shape, box: Array | Sequence[float], size: int, rng: np.random.Generator) -> View:
        """How a call would look at an image of `image_size` = (H, W): for answers that are more than a box."""
        flip, scale, aspect, x, y, *light = rng.random(self.draws)
        return View(self.window(image_size, box, scale, aspect, x, y), size, bool(flip < self.flip), tuple(light))

    def paint(self, image: Array, view: View) -> np.ndarray:
        """The new image (S, S, C) uint8 of an image (H, W, C) in such a view."""
        size = view.size
        if not any(self.color):
            return crop_resize(image, view.window, (size, size), view.mirrored, self.fill)
        planes = resample(image, view.window, (size, size), view.mirrored, self.fill)  # (C, S, S)
        if len(planes) != 3:
            raise DataError(f"color changes need 3 channels (RGB), this image has {len(planes)}: use color=(0, 0, 0)")
        matrix, offset = color_transform(*(1 + a * (2 * u - 1) for a, u in zip(self.color, view.light, strict=True)))
        planes = matrix @ planes.reshape(3, -1) + offset  # (3, S * S)
        return to_bytes(planes.reshape(3, size, size))

    def window(self, image_size: Shape, box: Array | Sequence[float], scale: float, aspect: float, x: float,
               y: float) -> tuple[float, float, float, float]:
        """The window (xmin, ymin, xmax, ymax) that four uniform numbers in 0..1 stand for.

        Along each axis at least sqrt(keep) of the box stays, so at least `keep` of its area does.
        """
        height, width = image_size
        xmin, ymin, xmax, ymax = clipped(box, width, height)
        kept = math.sqrt(self.keep)
        scale = self.scale[0] + scale * (self.scale[1] - self.scale[0])
        stretch = self.aspect ** (aspect - 0.5)  # the square root of a ratio between 1 / aspect and aspect
        w, h = width * scale * stretch, height * scale / stretch
        grow = max(1.0, kept * (xmax - xmin) / w, kept * (ymax - ymin) / h)
        w, h = w * grow, h * grow
        left = _place(x, w, width, self.shift * width, xmin, xmax, kept)
        top = _place(y, h, height, self.shift * height, ymin, ymax, kept)
        return left, top, left + w, top + h

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values for a JSON file; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Self:
        """An Augment from what to_dict gave, also after a round trip through JSON."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise DataError(f"unknown augmentation setting {', '.join(unknown)}; there are {', '.join(known)}")
        return cls(**settings)

    def _check(self):
        if not (0 <= self.flip <= 1 and 0 < self.keep <= 1):
            raise DataError(f"flip and keep are shares from 0 to 1 (keep not 0), got {self.flip} and {self.keep}")
        if len(self.scale) != 2 or not 0 < self.scale[0] <= self.scale[1]:
            raise DataError(f"scale is a range (low, high) of positive numbers, got {self.scale}")
        if self.shift < 0 or self.aspect < 1:
            raise DataError(f"shift is at least 0 and aspect at least 1, got {self.shift} and {self.aspect}")
        if len(self.color) != 3 or not all(0 <= amount <= 1 for amount in self.color):
            raise DataError(f"color is (brightness, contrast, saturation), each from 0 to 1, got {self.color}")


def color_transform(brightness: float, contrast: float, saturation: float) -> tuple[np.ndarray, np.ndarray]:
    """The matrix (3, 3) and offset (3, 1), float32, that change RGB in 0..255 by these factors; 1 changes nothing.

    First saturation moves each color away from its own gray, then contrast away from middle gray, then brightness
    multiplies. All three are affine, so together they are one matrix and one offset.
    """
    saturate = saturation * np.eye(3) + (1 - saturation) * LUMA  # (3, 3): every row adds the same gray
    matrix = brightness * contrast * saturate
    offset = np.full((3, 1), brightness * (1 - contrast) * 127.5)
    return matrix.astype(np.float32), offset.astype(np.float32)


def _place(u, side, length, shift, low, high, kept):
    """Start of a window of `side` pixels on an axis of `length`: uniform where `kept` of the box low..high stays.

    Without the box, the start runs from 0 to length - side (in either order), widened by `shift` at both ends. These
    two ranges always overlap, since the box lies inside the image and the window is long enough to hold `kept` of it.
    """
    need = kept * (high - low)
    first = max(min(0.0, length - side) - shift, low + need - side)
    last = min(max(0.0, length - side) + shift, high - need)
    return first + u * (last - first)
