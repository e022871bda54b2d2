"""Histograms of oriented gradients, pixel by pixel and vote by vote."""

import math

import numpy as np

from tinycnn.backend import Array

CLIP, EPS = 0.2, 1e-5


def hog(images: Array, cell: int = 8, bins: int = 9, interpolate: bool = True) -> Array:
    """(N, BH, BW, 4 * bins) of images (N, H, W, C): each pixel votes for its orientation, as loud as its edge.

    With interpolate a vote is shared: by the two bins whose middles are nearest, and by the cells whose middles are
    less than a cell away, each the more the nearer it is.
    """
    n, h, w, _ = images.shape
    cells = np.zeros((n, h // cell, w // cell, bins))
    for i, y, x in np.ndindex(n, h, w):
        size, angle = _edge(images[i], y, x)
        for (b, share_b) in _bins(angle, bins, interpolate):
            for r, share_r in _cells(y, cell, h // cell, interpolate):
                for c, share_c in _cells(x, cell, w // cell, interpolate):
                    cells[i, r, c, b] += size * share_b * share_r * share_c / cell**2
    blocks = np.zeros((n, h // cell - 1, w // cell - 1, 4 * bins))
    for i, r, c in np.ndindex(blocks.shape[:3]):
        v = cells[i, r : r + 2, c : c + 2].reshape(-1)
        v = np.minimum(v / math.sqrt((v * v).sum() + EPS**2), CLIP)
        blocks[i, r, c] = v / math.sqrt((v * v).sum() + EPS**2)
    return blocks


def _edge(image, y, x):
    """Length and angle, 0 .. pi, of the difference at one pixel, in the channel where it is longest."""
    h, w, channels = image.shape
    longest, angle = 0.0, 0.0
    for k in range(channels):
        gx = image[y, x + 1, k] - image[y, x - 1, k] if 0 < x < w - 1 else 0.0
        gy = image[y + 1, x, k] - image[y - 1, x, k] if 0 < y < h - 1 else 0.0
        if math.hypot(gx, gy) > longest:
            longest, angle = math.hypot(gx, gy), math.atan2(gy, gx) % math.pi
    return longest, angle


def _bins(angle, bins, interpolate):
    """[(bin, share)]"""
    place = angle / math.pi * bins
    if not interpolate:
        return [(int(place) % bins, 1.0)]
    below = math.floor(place - 0.5)
    return [(below % bins, 1 - (place - 0.5 - below)), ((below + 1) % bins, place - 0.5 - below)]


def _cells(pixel, cell, count, interpolate):
    """[(cell, share)]"""
    if not interpolate:
        return [(pixel // cell, 1.0)] if pixel // cell < count else []
    distances = [(k, abs(pixel + 0.5 - (k + 0.5) * cell) / cell) for k in range(count)]
    return [(k, 1 - distance) for k, distance in distances if distance < 1]
