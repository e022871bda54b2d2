"""Written in lesson 02."""

import numpy as np


def edges(gx, gy):
    """gx, gy: (H, W) -> size (H, W), angle (H, W) in degrees, 0 to 180."""
    size = np.sqrt(gx**2 + gy**2)
    angle = np.degrees(np.arctan2(gy, gx)) % 180  # y first
    return size, angle


def cell_histogram(size, angle, bins=9):
    """size, angle: (H, W), angles in degrees from 0 to 180 -> votes (bins,)."""
    place = angle * bins / 180 - 0.5  # in bins, from the middle of bin 0
    lower = np.floor(place).astype(int)
    share = place - lower  # of the upper bin
    histogram = np.zeros(bins)
    np.add.at(histogram, lower % bins, size * (1 - share))
    np.add.at(histogram, (lower + 1) % bins, size * share)
    return histogram


def integral(table):
    """table: (H, W) -> sums (H + 1, W + 1): of everything above and to the left of each corner."""
    sums = np.zeros((table.shape[0] + 1, table.shape[1] + 1))
    sums[1:, 1:] = table.cumsum(axis=0).cumsum(axis=1)
    return sums


def rectangle_sums(sums, boxes):
    """sums: (H + 1, W + 1), an integral image; boxes: (M, 4) xyxy, whole numbers -> the sum in each box, (M,)."""
    x0, y0, x1, y1 = boxes.T
    return sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]


def hinge(scores, signs):
    """scores: (N,); signs: (N,) of 1 and -1 -> value, dscores (N,)."""
    short = np.maximum(1 - signs * scores, 0)
    return short.mean(), -signs * (short > 0) / len(scores)


def iou(a, b):
    """Intersection over union of a[i] and b[i]. a, b: (N, 4) xyxy -> (N,)."""
    top_left = np.maximum(a[:, :2], b[:, :2])  # (N, 2)
    bottom_right = np.minimum(a[:, 2:], b[:, 2:])
    shared = np.maximum(bottom_right - top_left, 0).prod(axis=1)  # (N,): each side clamped, then multiplied
    area_a, area_b = ((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b))
    union = area_a + area_b - shared
    return np.divide(shared, union, out=np.zeros(len(union)), where=union > 0)


def nms(boxes, scores, overlap=0.5):
    """boxes: (n, 4) xyxy; scores: (n,) -> numbers of the boxes that are kept, best first."""
    order, kept = np.argsort(-scores), []
    while len(order):
        first, rest = order[0], order[1:]
        kept.append(first)
        order = rest[iou(boxes[rest], np.tile(boxes[first], (len(rest), 1))) < overlap]
    return kept
