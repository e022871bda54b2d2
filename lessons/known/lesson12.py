"""Exercises of lesson 12: joints in units of a person's box, and the mean pose; the others in files of their own."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.loss12 import POSE_LOSS
from lessons.known.mirror12 import MIRROR
from lessons.known.pck12 import PCK

# --- to_box: joints as numbers that do not depend on where the person stands ---


def _flat(codes):
    return codes.reshape(len(codes), -1)


def _boxed(origin=lambda low, high: (low + high) / 2, unit=lambda low, high: high - low,
           codes=lambda joints, origin, unit: (joints - origin) / unit, order=_flat):
    """The answer, right unless told otherwise. low, high: (N, 1, 2), the corners of each box"""
    def function(joints, boxes):
        low, high = boxes[:, None, :2], boxes[:, None, 2:]
        return order(codes(joints, origin(low, high), unit(low, high)))
    return function


to_box = _boxed()


def _box_cases(rng):
    def case(n, j):
        low = rng.uniform(2, 30, (n, 2))
        boxes = np.concatenate([low, low + rng.uniform(5, 60, (n, 2))], axis=1)
        return Case(rng.uniform(0, 80, (n, j, 2)), boxes)
    return [case(3, 4), case(5, 14), case(2, 6)]


TO_BOX = Exercise(
    title="joints in units of the person's box",
    solution=to_box,
    lists=True,
    cases=_box_cases,
    returns=("codes",),
    mistakes={
        "corner": Mistake(
            _boxed(origin=lambda low, high: low),
            "They are measured from the upper left corner of the box. Where is the 0 in the drawing?"),
        "far corner": Mistake(
            _boxed(origin=lambda low, high: high),
            "They are measured from the lower right corner of the box. Where is the 0 in the drawing?"),
        "half the side as center": Mistake(
            _boxed(origin=lambda low, high: (high - low) / 2),
            "Half of the box's width and height is subtracted. That would be its center if it began at 0: where does "
            "it begin?"),
        "sum as center": Mistake(
            _boxed(origin=lambda low, high: low + high),
            "The two edges are added and nothing more. Is that halfway between them?"),
        "not scaled": Mistake(
            _boxed(unit=lambda low, high: 1.0),
            "The center is subtracted, and these are still pixels. A person twice as large should get the same "
            "numbers."),
        "not moved": Mistake(
            _boxed(origin=lambda low, high: 0.0),
            "They are divided by width and height, and still measured from the picture's corner. A person who stands "
            "elsewhere should get the same numbers."),
        "half sides": Mistake(
            _boxed(unit=lambda low, high: (high - low) / 2),
            "They are twice as large: the box's edges are at -1 and 1. Where are they in the drawing?"),
        "sides exchanged": Mistake(
            _boxed(unit=lambda low, high: (high - low)[..., ::-1]),
            "x is divided by the height and y by the width."),
        "width for both": Mistake(
            _boxed(unit=lambda low, high: (high - low)[..., :1]),
            "y is divided by the width of the box, which is right for x alone."),
        "height for both": Mistake(
            _boxed(unit=lambda low, high: (high - low)[..., 1:]),
            "x is divided by the height of the box, which is right for y alone."),
        "longer side": Mistake(
            _boxed(unit=lambda low, high: (high - low).max(axis=2, keepdims=True)),
            "Both are divided by the longer side. That is what a square window would do; here x has the width and y "
            "the height."),
        "width and height": Mistake(
            _boxed(origin=lambda low, high: low + high / 2, unit=lambda low, high: high),
            "The last two numbers of a box are taken for its width and height. They are xmax and ymax."),
        "first box": Mistake(
            lambda joints, boxes: to_box(joints, boxes[:1]),
            "Every person is measured in the box of the first one."),
        "all x first": Mistake(
            _boxed(order=lambda codes: _flat(codes.transpose(0, 2, 1))),
            "The numbers are right and their order is not: here all x come before all y. Asked for are x and y of "
            "joint 0, then x and y of joint 1."),
        "y before x": Mistake(
            _boxed(order=lambda codes: _flat(codes[..., ::-1])),
            "The numbers are right, but each joint has its y before its x."),
        "people mixed": Mistake(
            _boxed(order=lambda codes: codes.transpose(1, 0, 2).reshape(len(codes), -1)),
            "The numbers are right, but a row holds those of several people. Which axis has to stay the first one?"),
        "sign": Mistake(
            _boxed(codes=lambda joints, origin, unit: (origin - joints) / unit),
            "All signs are wrong: right of the center is positive, and so is below."),
        "way back": Mistake(
            _boxed(codes=lambda joints, origin, unit: joints * unit + origin),
            "That is the way back, from box units to pixels."),
        "precedence": Mistake(
            _boxed(codes=lambda joints, origin, unit: joints - origin / unit),
            "Only the center is divided. What does Python work out first, - or /?"),
    },
)

# --- mean_pose: the same answer for everybody ---


def _averaged(count=lambda visible: visible.sum(axis=0)[:, None], shown=lambda codes, visible: visible,
              people=lambda visible: slice(None)):
    """The mean pose, right unless told otherwise. count: (J, 1)    shown: which count    people: who does"""
    def function(codes, visible):
        chosen = people(visible)
        codes, visible = codes[chosen], visible[chosen]
        kept = np.where(shown(codes, visible)[..., None], codes, 0)
        return kept.sum(axis=0) / count(visible)
    return function


mean_pose = _averaged()


def _mean_cases(rng):
    def case(n, j, unknown=False):
        visible = rng.random((n, j)) < 0.7
        visible[0], visible[1, 1:] = True, True  # each joint at least once, and one person with all of them
        visible[2, : j // 2], visible[3, j // 2 :] = False, False  # and each hidden at least once
        codes = rng.normal(0.1, 0.4, (n, j, 2))
        codes[~visible] = np.nan if unknown else rng.uniform(-3, 3, (int((~visible).sum()), 2))
        return Case(codes, visible)
    return [case(6, 4), case(9, 14), case(7, 5), case(8, 3, unknown=True)]


def _of_everybody(codes, visible):
    return np.tile(codes[visible].mean(axis=0), (codes.shape[1], 1))


MEAN_POSE = Exercise(
    title="the mean pose of those joints that are seen",
    solution=mean_pose,
    lists=True,
    cases=_mean_cases,
    returns=("pose",),
    mistakes={
        "all counted": Mistake(
            lambda codes, visible: codes.mean(axis=0),
            "Hidden joints are in the mean, with whatever happens to be written in their place."),
        "hidden as 0": Mistake(
            _averaged(count=lambda visible: len(visible)),
            "Hidden joints count as 0, so every joint is drawn to the middle of the box. A mean is divided by how many "
            "are in the sum."),
        "0 times nan": Mistake(
            lambda codes, visible: (codes * visible[..., None]).sum(axis=0) / visible.sum(axis=0)[:, None],
            "It is right where hidden joints hold numbers. What is nan * 0?"),
        "one count for all": Mistake(
            _averaged(count=lambda visible: visible.sum()),
            "Every sum is divided by how many joints are seen in all. Each joint has a count of its own."),
        "count of coordinates": Mistake(
            _averaged(count=lambda visible: 2 * visible.sum(axis=0)[:, None]),
            "All numbers are half of what they should be. x and y have a mean each: how many x are in the sum?"),
        "count of joints": Mistake(
            _averaged(count=lambda visible: visible.shape[1]),
            "Every sum is divided by the number of joints. The mean runs over people."),
        "summed": Mistake(_averaged(count=lambda visible: 1), "The places are added up. Their mean is asked for."),
        "hidden alone": Mistake(
            _averaged(shown=lambda codes, visible: ~visible, count=lambda visible: (~visible).sum(axis=0)[:, None]),
            "It is the mean of the hidden joints. visible is True where a joint counts."),
        "complete people": Mistake(
            _averaged(people=lambda visible: visible.all(axis=1)),
            "Only people with all joints are in the mean. Somebody whose wrist is hidden still has a knee."),
        "median": Mistake(
            lambda codes, visible: np.nanmedian(np.where(visible[..., None], codes, np.nan), axis=0),
            "That is the median. The mean is asked for: it makes the mean of the squares smallest."),
        "one mean": Mistake(
            _of_everybody,
            "All joints are in the same place: one mean was taken over people and joints. Which axis holds the "
            "people?"),
    },
)

EXERCISES = {"to_box": TO_BOX, "mean_pose": MEAN_POSE, "pck": PCK, "pose_loss": POSE_LOSS, "mirror": MIRROR}
