"""Cut a window out of an image and bring it to another size, in one step.

Each output pixel is a weighted mean of the input pixels near its center, and the weights fall off linearly: a triangle
(bilinear) filter. When the window shrinks, the triangle is widened by the same factor, so every input pixel counts and
fine patterns average out instead of flickering (antialiasing; Pillow's BILINEAR works the same way, and the tests hold
the two side by side). The weights along y do not depend on x, so the whole operation is two small matrix products,

    output = rows @ image @ columns.T          rows (OH, H), columns (OW, W)

and cropping, shifting, scaling, stretching and mirroring are nothing but other numbers in `rows` and `columns`. The
window may reach outside the image: what lies there has the color `fill`.
"""

import math
from collections.abc import Sequence

import numpy as np

from tinycnn.backend import Array, Shape
from tinycnn.errors import DataError, ShapeError

GRAY = 128  # the middle of 0..255: what lies outside an image, unless the caller says otherwise
# Memory follows the pixels, whatever their shape: 4 bytes each, and 4 * LONGEST for a row or column of the output.
AT_ONCE = 2**20  # pixels up to which all channels become float32 together; a larger image goes channel by channel
LONGEST = 2**16  # pixels of an axis that one matrix of weights spans; no JPEG file is longer


def crop_resize(image: Array, window: Sequence[float], size: Shape, flip: bool = False,
                fill: float | Sequence[float] = GRAY) -> np.ndarray:
    """The part of `image` inside `window`, resized to `size`.

    image: (H, W, C) uint8; window: (xmin, ymin, xmax, ymax) in float pixels, may reach outside; size: (OH, OW);
    flip: mirror left and right; fill: a gray level, or C of them, for what lies outside the image.
    Returns a new uint8 array (OH, OW, C). A pixel that the border of the image cuts mixes both sides by area.
    """
    height, width = image.shape[:2]
    if not flip and tuple(window) == (0, 0, width, height) and tuple(size) == (height, width):
        _check(image, window, size)
        return image.copy()
    return to_bytes(resample(image, window, size, flip, fill))


def resample(image: Array, window: Sequence[float], size: Shape, flip: bool = False,
             fill: float | Sequence[float] = GRAY) -> np.ndarray:
    """crop_resize before rounding: float32 in 0..255 and channels first, (C, OH, OW), ready for a color matrix."""
    _check(image, window, size)
    height, width = image.shape[:2]
    xmin, ymin, xmax, ymax = map(float, window)  # a NumPy float64 would draw the float32 arithmetic below up to float64
    for axis, (start, stop, length) in enumerate(((ymin, ymax, height), (xmin, xmax, width))):
        if size[axis] > 1 and min(stop, length) - max(start, 0) > LONGEST:
            return _in_halves(image, window, size, flip, fill, axis)
    rows, top, bottom, inside_y = _weights(ymin, ymax, height, size[0])
    columns, left, right, inside_x = _weights(xmin, xmax, width, size[1], flip)
    used = image[top:bottom, left:right].transpose(2, 0, 1)  # (C, H, W)
    together = len(used) if used[0].size <= AT_ONCE else 1
    y = np.concatenate([_weighted(rows, used[c : c + together], columns) for c in range(0, len(used), together)])
    if xmin < 0 or ymin < 0 or xmax > width or ymax > height:
        outside = 1 - inside_y[:, None] * inside_x  # (OH, OW): the share of each pixel that lies outside the image
        y += np.broadcast_to(np.asarray(fill, dtype=np.float32), len(y))[:, None, None] * outside
    return y


def _weighted(rows, planes, columns):
    """rows @ planes @ columns.T, (C, OH, OW), of uint8 planes (C, H, W)."""
    planes = planes.astype(np.float32, order="C")
    if planes.shape[2] > LONGEST:  # a few very long rows: rows @ planes would be larger than the image
        return rows @ (planes @ columns.T)
    return rows @ planes @ columns.T


def _in_halves(image, window, size, flip, fill, axis):
    """`resample` of a window that spans too many pixels along an axis (0: y, 1: x): each half of the output by itself.

    The filter reads beyond its half of the window, so nothing changes at the seam.
    """
    low, high, half = 1 - axis, 3 - axis, size[axis] // 2  # in the window x stands before y
    middle = window[low] + (window[high] - window[low]) * half / size[axis]
    parts = []
    for count, edge in ((half, high), (size[axis] - half, low)):
        part, shape = list(window), list(size)
        part[edge], shape[axis] = middle, count
        parts.append(resample(image, part, tuple(shape), flip, fill))
    return np.concatenate(parts[::-1] if flip and axis == 1 else parts, axis=axis + 1)


def to_bytes(planes: np.ndarray) -> np.ndarray:
    """float32 channels first (C, H, W) in about 0..255 -> the nearest uint8, channels last (H, W, C)."""
    return (np.clip(planes, 0, 255).transpose(1, 2, 0) + np.float32(0.5)).astype(np.uint8)


def _weights(start, stop, length, count, flip=False):
    """Weights that bring the interval start..stop of an axis of `length` pixels to `count` pixels.

    Returns the matrix (count, last - first) for the input pixels first..last - 1, first, last, and the share (count,)
    of each output pixel that lies inside the image; row i of the matrix sums to share i.
    """
    scale = (stop - start) / count  # input pixels for one output pixel
    reach = max(scale, 1.0)  # half the triangle's base; never under one pixel, or enlarging would leave gaps
    centers = start + (np.arange(count) + 0.5) * scale  # (count,)
    if flip:
        centers = centers[::-1]
    first = min(max(math.floor(start - reach), 0), length - 1)
    last = max(min(math.ceil(stop + reach), length), first + 1)
    share = np.minimum(centers + scale / 2, length) - np.maximum(centers - scale / 2, 0)
    share = np.maximum(share / scale, 0).astype(np.float32)  # (count,)
    weights = np.arange(first, last, dtype=np.float32) + np.float32(0.5) - centers.astype(np.float32)[:, None]
    np.abs(weights, out=weights)  # (count, last - first): distance of each input pixel from each output pixel
    weights *= -1 / reach
    weights += 1
    np.maximum(weights, 0, out=weights)
    # Divided by what lies inside the image, so an edge pixel is not darkened by neighbors that do not exist.
    weights *= (share / np.maximum(weights.sum(axis=1), np.float32(1e-6)))[:, None]
    return weights, first, last, share


def _check(image, window, size):
    if image.ndim != 3 or 0 in image.shape:
        raise ShapeError(f"expected an image (H, W, C) with at least one pixel, got shape {image.shape}")
    if image.dtype != np.uint8:
        shares = image.dtype.kind == "f" and float(np.nanmax(image)) <= 1.0
        how = "its numbers lie within 0..1, so convert with (image * 255).round().astype('uint8')" if shares else \
            "bring its numbers to 0..255, then convert with image.astype('uint8')"
        raise DataError(f"expected an image of uint8 (0..255), got {image.dtype}: {how}")
    xmin, ymin, xmax, ymax = window
    if not (all(map(math.isfinite, window)) and xmax > xmin and ymax > ymin):
        raise DataError(f"the window {tuple(window)} is empty: it needs xmin < xmax and ymin < ymax")
    if min(size) < 1:
        raise DataError(f"expected a size (OH, OW) of at least one pixel, got {tuple(size)}")
