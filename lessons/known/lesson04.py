"""Exercises of lesson 04: the L2 loss and its gradient; targets, boxes, R-squared and a bug in files of their own.

The loss is one formula with a mask; tests hold it against the loops of tinycnn/reference.
"""

import numpy as np

from lessons.known.boxes04 import BOXES
from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.loss04 import LOSS, l2_loss
from lessons.known.training04 import TRAINING


class Parts:
    """Everything this loss is made of, in pieces."""

    def __init__(self, pred, target, mask):
        self.n, self.k = pred.shape
        self.counts = np.broadcast_to(True if mask is None else mask != 0, pred.shape)
        self.raw = pred - target
        self.d = np.where(self.counts, self.raw, 0.0)
        self.count = self.counts.sum()
        # Without broadcasting: a mask (N, 1) has N numbers, though each of them speaks for K.
        self.short = pred.size if mask is None else (mask != 0).sum()


def _with(value=None, dpred=None):
    """One result wrong. Each is a function (Parts) -> the wrong one."""
    def function(pred, target, mask=None):
        right, parts = l2_loss(pred, target, mask), Parts(pred, target, mask)
        return tuple(part if change is None else change(parts)
                     for part, change in zip(right, (value, dpred), strict=True))
    return function


def _cases(rng):
    """Without a mask; with one for each number, and with one for each row."""
    def case(n, k, mask=None):
        pred, target = rng.standard_normal((n, k)), rng.standard_normal((n, k))
        if mask is None:
            return Case(pred, target)
        kept = (rng.random((n, mask)) < 0.6).astype(float)
        kept[0], kept[1] = 1.0, 0.0  # some of both, whatever was drawn
        return Case(pred, target, kept)
    return [case(5, 4), case(3, 2), case(4, 4, mask=4), case(5, 3, mask=3), case(6, 4, mask=1), case(4, 5, mask=1)]


L2_LOSS = Exercise(
    title="the L2 loss and its gradient, with a mask",
    solution=l2_loss,
    cases=_cases,
    returns=("value", "dpred"),
    mistakes={
        "value: summed": Mistake(
            _with(value=lambda s: (s.d**2).sum()),
            "The squares are summed. Their mean is asked for, so that the loss does not depend on how many there "
            "are."),
        "value: summed over a box": Mistake(
            _with(value=lambda s: (s.d**2).sum() * s.k / s.count),
            "The squares are averaged over the rows but summed over the numbers of a row. Take the mean of all."),
        "value: half": Mistake(
            _with(value=lambda s: (s.d**2).sum() / (2 * s.count)),
            "The value is half of the mean. Some books put a 1/2 in front so that the gradient has no 2; this loss "
            "has none."),
        "value: root": Mistake(
            _with(value=lambda s: np.sqrt((s.d**2).sum() / s.count)),
            "The square root of the mean is taken. This loss is the mean of the squares itself."),
        "value: norm": Mistake(
            _with(value=lambda s: np.sqrt((s.d**2).sum())),
            "That is the length of the difference, as np.linalg.norm gives it. The loss takes no root, and it is a "
            "mean."),
        "value: absolute": Mistake(
            _with(value=lambda s: abs(s.d).sum() / s.count),
            "These are absolute values. L2 takes the square of each difference."),
        "value: mask ignored": Mistake(
            _with(value=lambda s: (s.raw**2).mean()),
            "The mask plays no part. Where it is 0, nobody knows the truth: such a number must not count."),
        "value: all counted": Mistake(
            _with(value=lambda s: (s.d**2).sum() / (s.n * s.k)),
            "It is divided by the number of all elements, hidden ones included. A mean over what counts is divided "
            "by how many count."),
        "value: divided by 4": Mistake(
            _with(value=lambda s: (s.d**2).sum() / (4 * s.n)),
            "It is divided by 4 N, whatever comes in. Here rows may have another number of columns, and some do not "
            "count."),
        "value: mask not spread": Mistake(
            _with(value=lambda s: (s.d**2).sum() / s.short),
            "Too large where the mask is a column: each of its numbers speaks for a whole row. How many squares are "
            "in the sum?"),
        "value: not squared": Mistake(
            _with(value=lambda s: s.d.sum() / s.count),
            "The differences themselves are averaged, and too high and too low cancel out."),
        "value: mean of rows": Mistake(
            _with(value=lambda s: _mean_of_row_means(s)),
            "First a mean for each row, then the mean of those. A row of which only one number is known then weighs "
            "as much as a whole one. Every known number counts the same."),
        "dpred: two forgotten": Mistake(
            _with(dpred=lambda s: s.d / s.count),
            "It is half of what it should be. What is the derivative of a square?"),
        "dpred: divided by rows": Mistake(
            _with(dpred=lambda s: 2 * s.d * s.k / s.count),
            "It is too large, by the number of columns. The mean runs over all numbers, not over the rows."),
        "dpred: divided by 4": Mistake(
            _with(dpred=lambda s: 2 * s.d / (4 * s.n)),
            "It is divided by 4 N, whatever comes in. That is right for four numbers that are all known; count "
            "them."),
        "dpred: not divided": Mistake(
            _with(dpred=lambda s: 2 * s.d),
            "It is not divided by anything. The loss is a mean, so each number has only a small share in it."),
        "dpred: sign": Mistake(
            _with(dpred=lambda s: -2 * s.d / s.count),
            "The sign is wrong: a step against this gradient leads away from the target."),
        "dpred: mask ignored": Mistake(
            _with(dpred=lambda s: 2 * s.raw / s.raw.size),
            "The mask plays no part in the gradient. Which numbers does the value depend on, and how many are they?"),
        "dpred: hidden ones pulled": Mistake(
            _with(dpred=lambda s: 2 * s.raw / s.count),
            "Hidden numbers have a gradient. The loss does not depend on them, so how much does it change with "
            "them?"),
        "dpred: all counted": Mistake(
            _with(dpred=lambda s: 2 * s.d / (s.n * s.k)),
            "It is divided by the number of all elements, hidden ones included. The value is a mean over what "
            "counts."),
        "dpred: mask not spread": Mistake(
            _with(dpred=lambda s: 2 * s.d / s.short),
            "Too large where the mask is a column: it has N numbers, but how many numbers of pred count?"),
        "dpred: square kept": Mistake(
            _with(dpred=lambda s: 2 * s.d**2 / s.count),
            "The squares are still there, so every number is pushed the same way. The derivative of a square is no "
            "square."),
    },
)


def _mean_of_row_means(s):
    rows = s.counts.any(axis=1)
    return ((s.d**2).sum(axis=1)[rows] / s.counts.sum(axis=1)[rows]).mean()


EXERCISES = {"l2_loss": L2_LOSS, "layer": LOSS, **BOXES, **TRAINING}
