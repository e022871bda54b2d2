"""Boxes: the two ways to write one down, and how well two of them agree.

Outside the network a box is **xyxy**: (xmin, ymin, xmax, ymax) in pixels of its own image. The pixels are floats and
the box is half open: the left edge of the image is 0 and the right edge is its width, so a box around the single pixel
in the corner is (0, 0, 1, 1) and its width is xmax - xmin, with no + 1 anywhere.

Inside the network a box is a **code**: (cx, cy, h, w), its center, height and width, in units of the network's input,
so (0.5, 0.5, 1, 1) is the whole picture, however large. `encode` and `decode` go back and forth, and nothing else in
the library does. Every function takes any leading axes at once: one box (4,), a batch (N, 4), one per class (N, K, 4).
Sizes are (H, W) as in `image.shape[:2]`; one size serves for all boxes, or each box brings its own.
"""

import numpy as np

from tinycnn.backend import ArrayLike
from tinycnn.errors import DataError, ShapeError


def encode(boxes: ArrayLike, sizes: ArrayLike) -> np.ndarray:
    """Boxes in pixels -> codes in units of the network's input.

    boxes: (..., 4) xyxy; sizes: (..., 2) or (2,), the height and width of each image.
    Returns float64 codes (..., 4): (cx, cy, h, w). Raises DataError for an inverted or non-finite box.

    >>> encode([10, 20, 30, 60], sizes=(100, 50)).tolist()
    [0.4, 0.4, 0.4, 0.4]
    """
    boxes = _quadruples(boxes, "boxes (xmin, ymin, xmax, ymax)")
    heights, widths = _heights_and_widths(sizes, boxes)
    _refuse_inverted(boxes)
    xmin, ymin, xmax, ymax = np.moveaxis(boxes, -1, 0)
    cx, cy = (xmin + xmax) / 2 / widths, (ymin + ymax) / 2 / heights
    h, w = (ymax - ymin) / heights, (xmax - xmin) / widths
    return np.stack([cx, cy, h, w], axis=-1)


def decode(codes: ArrayLike, sizes: ArrayLike) -> np.ndarray:
    """Codes -> boxes in pixels of images of these sizes; the inverse of `encode`.

    codes: (..., 4) as (cx, cy, h, w); sizes: (..., 2) or (2,), the height and width of each image.
    Returns float64 boxes (..., 4) xyxy, not clipped. A network is free to answer with a negative height or width: it
    counts as 0, so a decoded box is never inverted.

    >>> decode([0.5, 0.5, 0.5, 0.25], sizes=(100, 40)).tolist()
    [15.0, 25.0, 25.0, 75.0]
    """
    codes = _quadruples(codes, "codes (cx, cy, h, w)")
    heights, widths = _heights_and_widths(sizes, codes)
    cx, cy, h, w = np.moveaxis(codes, -1, 0)
    h, w = np.maximum(h, 0), np.maximum(w, 0)
    xmin, ymin = (cx - w / 2) * widths, (cy - h / 2) * heights
    xmax, ymax = (cx + w / 2) * widths, (cy + h / 2) * heights
    return np.stack([xmin, ymin, xmax, ymax], axis=-1)


def clip(boxes: ArrayLike, sizes: ArrayLike) -> np.ndarray:
    """The part of each box that lies inside its image; a box wholly outside collapses onto the border, with area 0.

    boxes: (..., 4) xyxy; sizes: (..., 2) or (2,), the height and width of each image. Returns float64 boxes (..., 4).
    """
    boxes = _quadruples(boxes, "boxes (xmin, ymin, xmax, ymax)")
    heights, widths = _heights_and_widths(sizes, boxes)
    return np.clip(boxes, 0, np.stack([widths, heights, widths, heights], axis=-1))


def area(boxes: ArrayLike) -> np.ndarray:
    """Area of boxes (..., 4) xyxy in square pixels, float64 (...); an inverted box has area 0, not a negative one."""
    xmin, ymin, xmax, ymax = np.moveaxis(_quadruples(boxes, "boxes (xmin, ymin, xmax, ymax)"), -1, 0)
    return np.maximum(xmax - xmin, 0) * np.maximum(ymax - ymin, 0)


def intersection(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """The box that a and b share, row by row, float64 (..., 4) xyxy; inverted (of area 0) where they share nothing."""
    a, b = _quadruples(a, "boxes (xmin, ymin, xmax, ymax)"), _quadruples(b, "boxes (xmin, ymin, xmax, ymax)")
    return np.concatenate([np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])], axis=-1)


def iou(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Intersection over union (the Jaccard index) of boxes a and b, row by row.

    a, b: (..., 4) xyxy, broadcast against each other; `iou(a[:, None], b[None])` compares all pairs.
    Returns float64 (...) in 0..1. Both sides of the intersection are clamped at 0 before they are multiplied: boxes
    apart in x *and* in y would otherwise have two negative sides with a positive product. Boxes without area, and
    boxes with a NaN, score 0.

    >>> float(iou([0, 0, 2, 2], [1, 0, 3, 2]))  # 2 of 6 square pixels
    0.3333333333333333
    """
    shared = area(intersection(a, b))
    union = area(a) + area(b) - shared
    return np.divide(shared, union, out=np.zeros_like(union), where=union > 0)


def _quadruples(values: ArrayLike, what: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim == 0 or values.shape[-1] != 4:
        raise ShapeError(f"expected {what} with 4 numbers along the last axis, got an array of shape {values.shape}")
    return values


def _heights_and_widths(sizes: ArrayLike, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """sizes (..., 2) -> heights (...), widths (...), broadcast against the leading axes of boxes (..., 4)."""
    sizes = np.asarray(sizes, dtype=np.float64)
    if sizes.ndim == 0 or sizes.shape[-1] != 2:
        raise ShapeError(
            f"expected sizes as (height, width) along the last axis, got an array of shape {sizes.shape}; "
            "image.shape[:2] is the size of an image"
        )
    try:
        sizes = np.broadcast_to(sizes, (*boxes.shape[:-1], 2))
    except ValueError:
        raise ShapeError(
            f"{sizes.shape} sizes do not fit {boxes.shape} boxes: give one (height, width) for all boxes, "
            "or one for each (sizes[:, None] where each image has several boxes)"
        ) from None
    if not (sizes > 0).all():
        raise DataError("an image size is zero, negative or NaN: sizes are (height, width), as in image.shape[:2]")
    return sizes[..., 0], sizes[..., 1]


def _refuse_inverted(boxes: np.ndarray) -> None:
    sound = np.isfinite(boxes).all(axis=-1) & (boxes[..., 2] >= boxes[..., 0]) & (boxes[..., 3] >= boxes[..., 1])
    if not sound.all():
        where = tuple(int(i) for i in np.argwhere(~sound)[0])  # the first of them
        label = f"box {where[0] if len(where) == 1 else where}" if where else "the box"
        numbers = ", ".join(f"{value:g}" for value in boxes[where])
        raise DataError(
            f"{label} is ({numbers}), but (xmin, ymin, xmax, ymax) needs finite numbers with xmin <= xmax and "
            "ymin <= ymax. Did the last two numbers mean a width and a height, or does the source write y before x?"
        )
