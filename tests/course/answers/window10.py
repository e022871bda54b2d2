"""Answers of learners to the exercise of lesson 10 about boxes in a window."""

import numpy as np

from tests.course.answers import Answers, wrong


def by_columns(boxes, window, size):
    l, t, r, b = window  # noqa: E741
    sx, sy = size[1] / (r - l), size[0] / (b - t)
    new = np.empty(boxes.shape)
    new[:, 0], new[:, 2] = (boxes[:, 0] - l) * sx, (boxes[:, 2] - l) * sx
    new[:, 1], new[:, 3] = (boxes[:, 1] - t) * sy, (boxes[:, 3] - t) * sy
    before = (new[:, 2] - new[:, 0]) * (new[:, 3] - new[:, 1])
    new[:, ::2] = new[:, ::2].clip(0, size[1])
    new[:, 1::2] = new[:, 1::2].clip(0, size[0])
    return new, (new[:, 2] - new[:, 0]) * (new[:, 3] - new[:, 1]) / before


def one_by_one(boxes, window, size):
    result, shares = [], []
    for x0, y0, x1, y1 in boxes:
        edges = []
        for value, start, end, new in ((x0, window[0], window[2], size[1]), (y0, window[1], window[3], size[0]),
                                       (x1, window[0], window[2], size[1]), (y1, window[1], window[3], size[0])):
            edges.append(min(max((value - start) / (end - start) * new, 0), new))
        result.append(edges)
        wide = max(min(x1, window[2]) - max(x0, window[0]), 0)
        high = max(min(y1, window[3]) - max(y0, window[1]), 0)
        shares.append(wide * high / ((x1 - x0) * (y1 - y0)))
    return result, shares


def cut_first(boxes, window, size):
    w = np.asarray(window, float)
    cut = np.stack([boxes[:, i].clip(w[i % 2], w[i % 2 + 2]) for i in range(4)], axis=1)
    kept = np.prod(cut[:, 2:] - cut[:, :2], axis=1) / np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    scale = np.array([size[1], size[0]]) / (w[2:] - w[:2])
    return (cut - np.tile(w[:2], 2)) * np.tile(scale, 2), kept


def as_corners(boxes, window, size):
    corners = boxes.reshape(-1, 2, 2)
    start, length = np.array(window[:2]), np.array(window[2:]) - np.array(window[:2])
    goal = np.array(size)[::-1]
    moved = (corners - start) / length * goal
    inside = np.minimum(np.maximum(moved, 0), goal)
    area = lambda c: np.diff(c, axis=1)[:, 0].prod(axis=1)  # noqa: E731
    return inside.reshape(-1, 4), area(inside) / area(moved)


def in_float32(boxes, window, size):
    boxes, window = boxes.astype(np.float32), np.asarray(window, np.float32)
    return by_columns(boxes, window, size)


def with_epsilon(boxes, window, size):
    inside, kept = by_columns(boxes, window, size)
    old = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return inside.tolist(), list(kept * old / (old + 1e-10))


def per_axis(boxes, window, size):
    kept, out = 1.0, np.zeros_like(boxes)
    for axis in (0, 1):
        start, end = window[axis], window[axis + 2]
        moved = (boxes[:, axis::2] - start) * (size[1 - axis] / (end - start))
        out[:, axis::2] = np.clip(moved, 0, size[1 - axis])
        kept = kept * np.diff(out[:, axis::2])[:, 0] / np.diff(moved)[:, 0]
    return out, kept


def _ways(edge, clip=True):
    """A learner's function from how they move an edge: edge(x, start, end, new length)."""
    def answer(boxes, window, size):
        new = np.zeros(boxes.shape)
        for i in range(4):
            a = i % 2
            new[:, i] = edge(boxes[:, i], window[a], window[a + 2], size[1 - a])
            if clip:
                new[:, i] = np.clip(new[:, i], 0, size[1 - a])
        return new, by_columns(boxes, window, size)[1]
    return answer


def old_area(boxes, window, size):
    new, _ = by_columns(boxes, window, size)
    return new, np.prod(new[:, 2:] - new[:, :2], axis=1) / np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)


def share_of_new_picture(boxes, window, size):
    new, _ = by_columns(boxes, window, size)
    return new, np.prod(new[:, 2:] - new[:, :2], axis=1) / np.prod(size)


def what_is_lost(boxes, window, size):
    new, kept = by_columns(boxes, window, size)
    return new, 1 - kept


def negative_sides(boxes, window, size):
    new, _ = by_columns(boxes, window, size)
    wide = np.minimum(boxes[:, 2], window[2]) - np.maximum(boxes[:, 0], window[0])
    high = np.minimum(boxes[:, 3], window[3]) - np.maximum(boxes[:, 1], window[1])
    return new, wide * high / ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


def size_as_width_height(boxes, window, size):
    w, h = size
    return by_columns(boxes, window, (h, w))


def one_less(boxes, window, size):
    new, kept = by_columns(boxes, window, size)
    return np.minimum(new, [size[1] - 1, size[0] - 1] * 2), kept


def only_width_scale(boxes, window, size):
    s = size[1] / (window[2] - window[0])
    new = (boxes - np.tile(window[:2], 2)) * s
    return np.clip(new, 0, [size[1], size[0]] * 2), by_columns(boxes, window, size)[1]


def limits_swapped(boxes, window, size):
    new = _ways(lambda x, a, b, n: (x - a) * n / (b - a), clip=False)(boxes, window, size)[0]
    return np.clip(new, 0, [*size, *size]), by_columns(boxes, window, size)[1]


def box_alone(boxes, window, size):
    return by_columns(boxes, window, size)[0]


def window_as_width_height(boxes, window, size):
    return _ways(lambda x, a, b, n: (x - a) * n / b)(boxes, window, size)


def not_a_share(boxes, window, size):
    new, _ = by_columns(boxes, window, size)
    return new, np.prod(new[:, 2:] - new[:, :2], axis=1)


def cut_to_one(boxes, window, size):
    return np.clip(by_columns(boxes, window, size)[0], 0, 1), by_columns(boxes, window, size)[1]


WINDOW = Answers(
    right=[by_columns, one_by_one, cut_first, as_corners, in_float32, with_epsilon, per_axis],
    wrong=[wrong(_ways(lambda x, a, b, n: x * n / (b - a)), "boxes: not shifted"),
           wrong(_ways(lambda x, a, b, n: (x + a) * n / (b - a)), "boxes: wrong way"),
           wrong(_ways(lambda x, a, b, n: x * n / (b - a) - a), "boxes: scaled first"),
           wrong(_ways(lambda x, a, b, n: x - a), "boxes: not scaled"),
           wrong(_ways(lambda x, a, b, n: (x - a) * (b - a) / n), "boxes: scaled the wrong way"),
           wrong(_ways(lambda x, a, b, n: (x - a) * n / (b - a), clip=False), "boxes: not clipped"),
           wrong(one_less, "boxes: one pixel short"), wrong(size_as_width_height, "boxes: size exchanged"),
           wrong(only_width_scale, "boxes: scale across"), wrong(limits_swapped, "boxes: clipped to the other side"),
           wrong(old_area, "kept: other pixels"), wrong(share_of_new_picture, "kept: of the picture"),
           wrong(what_is_lost, "kept: lost"), wrong(negative_sides, "kept: not clamped"), wrong(box_alone),
           wrong(window_as_width_height), wrong(not_a_share), wrong(cut_to_one)],
)
