"""The camera: from linear light, drawn at twice the size, to the pixels of a picture with a camera's usual errors."""

import numpy as np


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
