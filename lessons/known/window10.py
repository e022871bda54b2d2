"""The exercise of lesson 10 in which boxes follow a window that is laid over the picture: shift, scale and crop."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake


def follow(boxes, window, size):
    """The right answer: (boxes in the new picture, the share of each box's area that is left of it)."""
    left, top, right, bottom = window
    height, width = size
    across, down = width / (right - left), height / (bottom - top)
    moved = (boxes - [left, top, left, top]) * [across, down, across, down]
    inside = np.clip(moved, 0, [width, height, width, height])
    return inside, _area(inside) / _area(moved)


def _area(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _wrong(place=None, clip=lambda moved, h, w: np.clip(moved, 0, [w, h, w, h])):
    """Boxes that place(edges, start, length of the window, new length) moves and `clip` cuts; the shares are right."""
    place = place or (lambda x, start, length, new: (x - start) * new / length)

    def function(boxes, window, size):
        left, top, right, bottom = window
        height, width = size
        moved = np.array(boxes)
        moved[:, 0::2] = place(boxes[:, 0::2], left, right - left, width)
        moved[:, 1::2] = place(boxes[:, 1::2], top, bottom - top, height)
        return clip(moved, height, width), follow(boxes, window, size)[1]
    return function


def _one_scale(which):
    """Both axes are scaled alike, as the one (0: across, 1: down) would be."""
    def function(boxes, window, size):
        left, top, right, bottom = window
        height, width = size
        scale = (width / (right - left), height / (bottom - top))[which]
        moved = (boxes - [left, top, left, top]) * scale
        return np.clip(moved, 0, [width, height, width, height]), follow(boxes, window, size)[1]
    return function


def _exchanged(boxes, window, size):
    return follow(boxes, window, size[::-1])[0], follow(boxes, window, size)[1]


def _kept(share):
    """The right boxes with another share: share(old boxes, window, new boxes, size)."""
    def function(boxes, window, size):
        inside, _ = follow(boxes, window, size)
        return inside, share(boxes, window, inside, size)
    return function


def _iou(boxes, window, inside, size):
    """As if the new box and the old one lay in the same picture."""
    low, high = np.maximum(boxes[:, :2], inside[:, :2]), np.minimum(boxes[:, 2:], inside[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=1)
    return shared / (_area(boxes) + _area(inside) - shared)


def _not_clamped(boxes, window, inside, size):
    low, high = np.maximum(boxes[:, :2], window[:2]), np.minimum(boxes[:, 2:], window[2:])
    return (high - low).prod(axis=1) / _area(boxes)


def _cases(rng):
    """Boxes inside, cut at each side, larger than the window, outside of it on one axis and on both."""
    first = [[2, 1, 5, 4], [0, 0, 3, 3], [1, 0, 8, 6], [0, 0, 1, 1], [5, 2, 8, 4]]
    second = [[0, 0, 6, 5], [1, 3, 3, 5], [4, 0, 6, 2]]
    third = rng.integers(0, 5, (6, 2)), rng.integers(5, 10, (6, 2))
    return [Case(np.array(first, float), np.array([2.0, 1, 7, 5]), (8, 15)),
            Case(np.array(second, float), np.array([-2.0, -1, 10, 8]), (6, 4)),
            Case(np.concatenate(third, axis=1).astype(float), np.array([3.0, 2, 8, 10]), (4, 10)),
            Case(np.array([[0, 0, 2, 1], [0, 4, 2, 6], [6, 0, 9, 1], [4, 3, 9, 5]], float), np.array([3.0, 2, 8, 10]),
                 (12, 5)),
            Case(np.array(first, float) + 0.25, np.array([1.5, -0.5, 6, 3]), (7, 6))]


WINDOW = Exercise(
    title="where boxes lie in a window, and how much of each is left",
    solution=follow,
    cases=_cases,
    returns=("boxes", "kept"),
    mistakes={
        "boxes: not shifted": Mistake(
            _wrong(lambda x, start, length, new: x * new / length),
            "They are scaled, but still counted from the corner of the old picture. Where is the new 0?"),
        "boxes: wrong way": Mistake(
            _wrong(lambda x, start, length, new: (x + start) * new / length),
            "They move the wrong way: a window further to the right brings the object further to the left."),
        "boxes: scaled first": Mistake(
            _wrong(lambda x, start, length, new: x * new / length - start),
            "They are scaled first and shifted afterwards, but the shift is given in pixels of the old picture."),
        "boxes: not scaled": Mistake(
            _wrong(lambda x, start, length, new: x - start),
            "They are shifted and not scaled. The window is brought to another size: a box grows with it."),
        "boxes: scaled the wrong way": Mistake(
            _wrong(lambda x, start, length, new: (x - start) * length / new),
            "A smaller window should bring things closer and make boxes larger. Here it makes them smaller."),
        "boxes: not clipped": Mistake(
            _wrong(clip=lambda moved, h, w: moved),
            "Some reach out of the new picture. A box ends where the picture ends."),
        "boxes: one pixel short": Mistake(
            _wrong(clip=lambda moved, h, w: np.clip(moved, 0, [w - 1, h - 1, w - 1, h - 1])),
            "Boxes that are cut on the right or below end one pixel too early. The last edge is W, not W - 1."),
        "boxes: clipped below alone": Mistake(
            _wrong(clip=lambda moved, h, w: np.maximum(moved, 0)),
            "They are cut at 0, and on the right and below they still reach out of the picture."),
        "boxes: clipped above alone": Mistake(
            _wrong(clip=lambda moved, h, w: np.minimum(moved, [w, h, w, h])),
            "Some have negative numbers: they are cut on the right and below only."),
        "boxes: clipped to the other side": Mistake(
            _wrong(clip=lambda moved, h, w: np.clip(moved, 0, [h, w, h, w])),
            "They are cut with height and width exchanged: x ends at the width, y at the height."),
        "boxes: scale across": Mistake(
            _one_scale(0),
            "x is right. y is scaled like x, but the window may be stretched: each axis has its own scale."),
        "boxes: scale down": Mistake(
            _one_scale(1),
            "y is right. x is scaled like y, but the window may be stretched: each axis has its own scale."),
        "boxes: size exchanged": Mistake(
            _exchanged, "They are those of a new picture whose height and width are exchanged. `size` is (H, W)."),
        "kept: other pixels": Mistake(
            _kept(lambda boxes, window, inside, size: _area(inside) / _area(boxes)),
            "The new area in new pixels is divided by the old one in old pixels. The new ones have another size."),
        "kept: of the picture": Mistake(
            _kept(lambda boxes, window, inside, size: _area(inside) / (size[0] * size[1])),
            "That is the share of the new picture that the box fills. Of the box's own area, how much is left?"),
        "kept: lost": Mistake(
            _kept(lambda boxes, window, inside, size: 1 - follow(boxes, window, size)[1]),
            "That is the share of the box that was lost. What is left of it?"),
        "kept: iou": Mistake(
            _kept(_iou),
            "The overlap of the old box with the new one is measured, but they lie in different pictures."),
        "kept: not clamped": Mistake(
            _kept(_not_clamped),
            "A box that lies outside should keep 0. A side with a negative length is no side, and two of them are not "
            "an area: see lesson 01, two boxes that share nothing."),
        "kept: square root": Mistake(
            _kept(lambda boxes, window, inside, size: np.sqrt(follow(boxes, window, size)[1])),
            "That is the square root of what is asked for. Compare areas, not lengths."),
    },
)
