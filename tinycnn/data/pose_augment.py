"""Random changes of people: turned, scaled, moved, mirrored, in another light; and the joints follow.

A person is seen through a square window. Augmentation turns, scales, shifts and mirrors the window, and reads the
picture through it; the joints are measured in the window's own units, from -.5 to .5 across it, as the network answers
(DeepPose, Toshev and Szegedy 2014, section 3.1). In the mirror a left hand becomes a right one, so left and right
joints change places.

    joint in the picture = center + side * M @ (joint in the window)        M: a rotation, times a scale, times a mirror
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from tinycnn.backend import Array
from tinycnn.data.augment import color_transform
from tinycnn.errors import DataError
from tinycnn.poses import MIRRORED
from tinycnn.resize import GRAY, to_bytes


@dataclass(frozen=True)
class PoseAugment:
    """How far each change may go; PoseAugment() is what trains well on photographs.

    rotate: degrees to either side    scale: factor on the window, from 1 / scale to scale    shift: of the window, as a
    share of its side, in x and y    flip: share that is mirrored    color: brightness, contrast, saturation (Augment)
    """

    draws = 8  # numbers that each call takes from rng.random

    rotate: float = 34.0
    scale: float = 1.25
    shift: float = 0.06
    flip: float = 0.5
    color: tuple[float, float, float] = (0.3, 0.3, 0.3)

    def __post_init__(self) -> None:
        if not (0 <= self.rotate <= 180 and self.scale >= 1 and self.shift >= 0 and 0 <= self.flip <= 1):
            raise DataError(f"rotate is 0 to 180 degrees, scale at least 1, shift at least 0, flip 0 to 1, got {self}")
        if len(self.color) != 3 or not all(0 <= amount <= 1 for amount in self.color):
            raise DataError(f"color is (brightness, contrast, saturation), each from 0 to 1, got {self.color}")

    @classmethod
    def light(cls) -> Self:
        """Small changes, for drawn people, of whom there are as many as one likes."""
        return cls(rotate=4.0, scale=1.05, shift=0.02, color=(0.1, 0.1, 0.1))

    @classmethod
    def strong(cls) -> Self:
        """PoseAugment() itself."""
        return cls()

    def __call__(self, image: Array, joints: Array, visible: Array, window: Array, size: int,
                 rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One person as the network sees him: picture (size, size, 3), joints (J, 2) in window units, visible (J,).

        image: uint8 (H, W, 3)    joints: (J, 2) in its pixels    window: (xmin, ymin, xmax, ymax), square
        """
        turn, zoom, x, y, mirror, *light = rng.random(self.draws)
        angle = math.radians(self.rotate) * (2 * turn - 1)
        matrix = self.scale ** (2 * zoom - 1) * np.array(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])  # fmt: skip
        flip = mirror < self.flip
        if flip:
            matrix[:, 0] *= -1
        side = window[2] - window[0]
        center = (window[:2] + window[2:]) / 2 + side * self.shift * (2 * np.array([x, y]) - 1)
        planes = look_through(image, center, side * matrix, size)
        factors = [1 + amount * (2 * u - 1) for amount, u in zip(self.color, light, strict=True)]
        colors, offset = color_transform(*factors)
        planes = (colors @ planes.reshape(3, -1) + offset).reshape(planes.shape)
        codes = (joints - center) @ np.linalg.inv(side * matrix).T  # (J, 2)
        order = list(MIRRORED) if flip else slice(None)
        return to_bytes(planes), codes[order], visible[order]


def look_through(image: Array, center: Array, matrix: Array, size: int) -> np.ndarray:
    """A picture through a window at any angle: float32 (3, size, size), in 0..255; gray where there is none.

    A point u of the window, -.5 to .5 in x and y, shows the point center + matrix @ u of the image (H, W, 3), in
    pixels, bilinearly between the four around it. Not for shrinking to much less than half: it would skip pixels.
    """
    h, w, _ = image.shape
    ticks = ((np.arange(size, dtype=np.float32) + 0.5) / size - 0.5)[:, None]
    (a, b), (c, d) = np.asarray(matrix, np.float32)
    x = ticks.T * a + ticks * b + np.float32(center[0] - 0.5)  # (size, size): the place between pixel centers
    y = ticks.T * c + ticks * d + np.float32(center[1] - 0.5)
    left, top = np.floor(x), np.floor(y)
    across, down = x - left, y - top
    left, top = left.astype(np.intp), top.astype(np.intp)
    inside = (x > -1) & (x < w) & (y > -1) & (y < h)
    result = np.zeros((size * size, 3), np.float32)
    flat = image.reshape(-1, 3)
    for dy, share_y in ((0, 1 - down), (1, down)):
        rows = np.clip(top + dy, 0, h - 1) * w
        for dx, share_x in ((0, 1 - across), (1, across)):
            pixels = flat[(rows + np.clip(left + dx, 0, w - 1)).reshape(-1)]
            result += pixels * (share_x * share_y).reshape(-1, 1)
    result[~inside.reshape(-1)] = GRAY
    return np.ascontiguousarray(result.T).reshape(3, size, size)
