"""Exercises of lesson 01: boxes in four formats, IoU, box codes, the mean box, joint accuracy."""

import numpy as np

from lessons.known.boxes01 import CONVERT, DECODE, ENCODE, MEAN_BOX
from lessons.known.exercise import Case, Exercise, Mistake
from tinycnn import boxes as box_math

# --- iou ---


def iou(a, b):
    return box_math.iou(a, b)


def _sides(a, b):
    """Width and height of the intersection, not clamped, and both areas."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    (aw, ah), (bw, bh) = (a[:, 2:] - a[:, :2]).T, (b[:, 2:] - b[:, :2]).T
    w, h = (high - low).T
    return w, h, aw * ah, bw * bh


def _ratio(shared, union):
    return np.divide(shared, union, out=np.zeros_like(union), where=union > 0)


def _no_clamp(a, b):
    w, h, area_a, area_b = _sides(a, b)
    return _ratio(w * h, area_a + area_b - w * h)


def _clamped_product(a, b):
    w, h, area_a, area_b = _sides(a, b)
    shared = np.maximum(w * h, 0)
    return _ratio(shared, area_a + area_b - shared)


def _plus_one(a, b):
    one = np.array([0, 0, 1, 1])
    w, h, area_a, area_b = _sides(a + one, b + one)
    shared = np.maximum(w, 0) * np.maximum(h, 0)
    return _ratio(shared, area_a + area_b - shared)


def _over(denominator):
    def function(a, b):
        w, h, area_a, area_b = _sides(a, b)
        shared = np.maximum(w, 0) * np.maximum(h, 0)
        return _ratio(shared, denominator(a, b, area_a, area_b, shared))
    return function


def _hull(a, b, area_a, area_b, shared):
    w, h = (np.maximum(a[:, 2:], b[:, 2:]) - np.minimum(a[:, :2], b[:, :2])).T
    return w * h


def _nan_for_nothing(a, b):
    w, h, area_a, area_b = _sides(a, b)
    shared = np.maximum(w, 0) * np.maximum(h, 0)
    with np.errstate(invalid="ignore"):
        return shared / (area_a + area_b - shared)


def _as_widths(a, b):
    return iou(*(np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], axis=1) for box in (a, b)))


def _minmax_exchanged(a, b):
    low, high = np.minimum(a[:, :2], b[:, :2]), np.maximum(a[:, 2:], b[:, 2:])
    (w, h), (_, _, area_a, area_b) = (high - low).T, _sides(a, b)
    return _ratio(w * h, area_a + area_b - w * h)


def _pairs(rng):
    """Pairs that overlap, lie apart in x, in y, in both, one inside the other, equal, touching, and without area."""
    low = rng.uniform(0, 40, (12, 2, 2))
    random = np.concatenate([low, low + rng.uniform(3, 30, (12, 2, 2))], axis=2)  # (12, 2, 4)
    special = np.array([
        [[0, 0, 10, 10], [20, 2, 30, 9]], [[0, 0, 10, 10], [3, 15, 8, 30]], [[0, 0, 10, 10], [14, 13, 30, 22]],
        [[0, 0, 20, 20], [5, 6, 9, 16]], [[2, 3, 12, 9], [2, 3, 12, 9]], [[0, 0, 10, 10], [10, 0, 20, 10]],
        [[9, 8, 19, 17], [1, 2, 7, 7]], [[3, 20, 12, 39], [14, 2, 23, 15]], [[30, 4, 44, 17], [2, 20, 23, 35]],
    ], float)
    pairs = np.concatenate([random, special])
    # Without clamping, a union can be negative, and what becomes of that depends on how 0 / 0 was avoided.
    w, h, area_a, area_b = _sides(pairs[:, 0], pairs[:, 1])
    pairs = pairs[area_a + area_b - w * h > 0]
    nothing = np.tile(np.array([[4.0], [2.0], [0.0], [7.0]]), 4)
    low = rng.uniform(0, 20, (5, 2, 2))
    large = np.concatenate([low, low + rng.uniform(12, 30, (5, 2, 2))], axis=2)
    return [Case(pairs[:, 0], pairs[:, 1]), Case(nothing, nothing), Case(large[:, 0], large[:, 1])]


IOU = Exercise(
    title="intersection over union of N pairs of boxes",
    solution=iou,
    cases=_pairs,
    returns=("iou",),
    mistakes={
        "no clamp": Mistake(
            _no_clamp,
            "The sides of the intersection are not clamped at 0. Boxes that lie apart get a score other than 0, and "
            "apart in x and in y at once even looks like an overlap: minus times minus. Look at the picture of the two "
            "boxes that do not touch."),
        "product clamped": Mistake(
            _clamped_product,
            "The clamp comes too late: width times height is already positive when both are negative. Look at what "
            "exactly you clamp."),
        "doubled": Mistake(
            _over(lambda a, b, area_a, area_b, shared: (area_a + area_b) / 2),
            "That is twice the intersection over the sum of the areas, which is known as Dice. It is a score too, and "
            "always larger than the IoU: what stands below the line?"),
        "intersection": Mistake(
            _over(lambda a, b, area_a, area_b, shared: np.ones_like(shared)),
            "That is the area of the intersection. It is still to be divided by the union."),
        "plus one": Mistake(
            _plus_one,
            "1 is added to widths and heights, as for boxes that include their last pixel. Here boxes are half open."),
        "union counted twice": Mistake(
            _over(lambda a, b, area_a, area_b, shared: area_a + area_b),
            "The two areas are added and the shared part is in there twice. Two equal boxes must score 1: do they?"),
        "over the smaller": Mistake(
            _over(lambda a, b, area_a, area_b, shared: np.minimum(area_a, area_b)),
            "The intersection is divided by the smaller box. A small box inside a large one would be perfect."),
        "over the larger": Mistake(
            _over(lambda a, b, area_a, area_b, shared: np.maximum(area_a, area_b)),
            "The intersection is divided by the larger box, not by the union."),
        "over b": Mistake(
            _over(lambda a, b, area_a, area_b, shared: area_b),
            "The intersection is divided by the area of b alone. A box as large as the picture would always score 1, "
            "and iou(a, b) would not be iou(b, a)."),
        "over a": Mistake(
            _over(lambda a, b, area_a, area_b, shared: area_a),
            "The intersection is divided by the area of a alone; iou(a, b) is not iou(b, a) then."),
        "over the hull": Mistake(
            _over(_hull),
            "The intersection is divided by the box around both. The union is smaller than that: it has no empty "
            "corners."),
        "nan": Mistake(
            _nan_for_nothing,
            "Two boxes without area give 0 / 0, which is NaN, and a single NaN makes the mean of all scores NaN. Say "
            "what the score should be when the union is 0."),
        "widths": Mistake(
            _as_widths,
            "The third and fourth number are read as width and height. They are xmax and ymax here."),
        "min and max exchanged": Mistake(
            _minmax_exchanged,
            "The corners of the intersection are those of the box around both. Which of two left edges is the left "
            "edge of what they share?"),
    },
)

# --- joint accuracy: the headline ---


def joint(labels, boxes, true_labels, true_boxes):
    return float(((labels == true_labels) & (box_math.iou(boxes, true_boxes) >= 0.5)).mean())


def _joint_with(formula):
    """formula(class right (N,), IoU (N,)) -> number."""
    def function(labels, boxes, true_labels, true_boxes):
        return float(formula(labels == true_labels, box_math.iou(boxes, true_boxes)))
    return function


def _answers(rng, n):
    low = rng.uniform(0, 30, (n, 2))
    truth = np.concatenate([low, low + rng.uniform(10, 30, (n, 2))], axis=1)
    boxes = truth + rng.uniform(-6, 6, (n, 4))
    boxes[0], truth[0] = (0, 0, 1, 1), (0, 0, 2, 1)  # an IoU of exactly one half
    labels = rng.integers(3, size=n)
    truth_labels = np.where(rng.random(n) < 0.7, labels, (labels + 1) % 3)
    truth_labels[0] = labels[0]
    return labels, boxes, truth_labels, truth


JOINT = Exercise(
    title="joint accuracy: the right class and an IoU of at least one half",
    solution=joint,
    takes=("labels", "boxes", "true_labels", "true_boxes"),
    cases=lambda rng: [Case(*_answers(rng, n)) for n in (40, 25, 31)],
    returns=("share",),
    mistakes={
        "or": Mistake(
            _joint_with(lambda right, overlap: (right | (overlap >= 0.5)).mean()),
            "A picture counts here if the class is right or the box is. Both are asked for."),
        "product": Mistake(
            _joint_with(lambda right, overlap: right.mean() * (overlap >= 0.5).mean()),
            "The two shares are multiplied. That would be right if class and box failed independently; they do not. "
            "Decide for each picture first, then take the mean."),
        "mean of both": Mistake(
            _joint_with(lambda right, overlap: (right.mean() + (overlap >= 0.5).mean()) / 2),
            "That is the mean of two shares. A model that gets every class right and no box would score one half."),
        "strict": Mistake(
            _joint_with(lambda right, overlap: (right & (overlap > 0.5)).mean()),
            "A box with an IoU of exactly 0.5 counts as found. Look at the comparison."),
        "class only": Mistake(
            _joint_with(lambda right, overlap: right.mean()),
            "The boxes play no part: this is class accuracy. A box must be found as well."),
        "boxes only": Mistake(
            _joint_with(lambda right, overlap: (overlap >= 0.5).mean()),
            "The classes play no part: this is the share of boxes found. The class must be right as well."),
        "mean overlap": Mistake(
            _joint_with(lambda right, overlap: (right * overlap).mean()),
            "The IoU itself is averaged. Here a box is found or it is not: 0.5 is the line."),
        "of the right ones": Mistake(
            _joint_with(lambda right, overlap: (overlap[right] >= 0.5).mean()),
            "Only pictures with the right class are counted. The others are pictures too: what is the denominator?"),
        "error": Mistake(
            _joint_with(lambda right, overlap: 1 - (right & (overlap >= 0.5)).mean()),
            "That is the share of pictures that are wrong: the error. The share of right ones is asked for."),
        "percent": Mistake(
            _joint_with(lambda right, overlap: 100 * (right & (overlap >= 0.5)).mean()),
            "That is a number of percent. A share lies between 0 and 1."),
        "count": Mistake(
            _joint_with(lambda right, overlap: (right & (overlap >= 0.5)).sum()),
            "That is how many pictures. The share is asked for."),
    },
)

EXERCISES = {"convert": CONVERT, "iou": IOU, "encode": ENCODE, "decode": DECODE, "mean_box": MEAN_BOX, "joint": JOINT}
