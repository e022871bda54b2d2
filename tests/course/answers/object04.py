"""Answers to the L2 loss of lesson 04 as an object with forward and backward. None uses the library's Layer."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.loss04 import by_product, chosen_ones, in_float32, with_einsum, with_loops


class Plain:
    def forward(self, pred, target, mask=None):
        value, self.dpred = by_product(pred, target, mask)
        return value

    def backward(self):
        return self.dpred


class KeepsDifference:
    def forward(self, pred, target, mask=None):
        self.mask = np.ones(pred.shape) if mask is None else np.broadcast_to(mask, pred.shape)
        self.difference = self.mask * (pred - target)
        return (self.difference**2).sum() / self.mask.sum()

    def backward(self):
        return 2 * self.difference / self.mask.sum()


class KeepsInputs:
    def forward(self, pred, target, mask=None):
        self.inputs = pred, target, mask
        return with_loops(pred, target, mask)[0]

    def backward(self):
        return with_loops(*self.inputs)[1]


class WithInit:
    def __init__(self):
        self.kept = None

    def forward(self, pred, target, mask=None):
        self.kept = with_einsum(pred, target, mask)
        return self.kept[0]

    def backward(self):
        return self.kept[1]


class InFloat32:
    def forward(self, pred, target, mask=None):
        value, self.gradient = in_float32(pred, target, mask)
        return float(value)

    def backward(self):
        return self.gradient


class WithList:
    def forward(self, pred, target, mask=None):
        self.stack = [chosen_ones(pred, target, mask)]
        return self.stack[0][0]

    def backward(self):
        return self.stack.pop()[1]


class NoReturn(Plain):
    def backward(self):
        self.dpred = self.dpred  # and no return


class ReturnsBoth(Plain):
    def forward(self, pred, target, mask=None):
        self.both = by_product(pred, target, mask)
        return self.both

    def backward(self):
        return self.both[1]


class MaskNotHandedOn(Plain):
    def forward(self, pred, target, mask=None):
        value, self.dpred = by_product(pred, target)
        return value


class MaskNotInBackward(Plain):
    def forward(self, pred, target, mask=None):
        self.difference = pred - target
        return by_product(pred, target, mask)[0]

    def backward(self):
        return 2 * self.difference / self.difference.size


class HiddenPulled(Plain):
    def forward(self, pred, target, mask=None):
        self.difference, self.count = pred - target, pred.size if mask is None else mask.sum()
        return by_product(pred, target, mask)[0]

    def backward(self):
        return 2 * self.difference / self.count


class Sums(Plain):
    def forward(self, pred, target, mask=None):
        full = np.ones(pred.shape) if mask is None else mask
        value, self.dpred = by_product(pred, target, mask)
        return value * full.sum()


class OnTheClass:
    def forward(self, pred, target, mask=None):
        value, OnTheClass.dpred = by_product(pred, target, mask)
        return value

    def backward(self):
        return OnTheClass.dpred


class Adds:
    dpred = 0

    def forward(self, pred, target, mask=None):
        value, new = by_product(pred, target, mask)
        self.dpred = self.dpred + new if np.shape(self.dpred) in ((), new.shape) else new
        return value

    def backward(self):
        return self.dpred


class OnlyOnce:
    def forward(self, pred, target, mask=None):
        value, dpred = by_product(pred, target, mask)
        if not hasattr(self, "dpred"):
            self.dpred = dpred
        return value

    def backward(self):
        return self.dpred


class MaskStays:
    mask = None

    def forward(self, pred, target, mask=None):
        if mask is not None:
            self.mask = mask
        value, self.dpred = by_product(pred, target, self.mask)
        return value

    def backward(self):
        return self.dpred


class NoTwo(Plain):
    def backward(self):
        return self.dpred / 2


class TargetMinusPred(Plain):
    def backward(self):
        return -self.dpred


class BackwardTakesDy(Plain):
    def backward(self, dy):
        return dy * self.dpred


class ReturnsValueTwice(Plain):
    def forward(self, pred, target, mask=None):
        self.dpred, _ = by_product(pred, target, mask)
        return self.dpred


LAYER = Answers(
    right=[Plain, KeepsDifference, KeepsInputs, WithInit, InFloat32, WithList],
    wrong=[
        wrong(MaskNotHandedOn, "value: mask lost, dpred: mask lost"), wrong(MaskNotInBackward, "dpred: mask lost"),
        wrong(Sums, "summed"), wrong(OnTheClass, "shared"), wrong(Adds, "accumulates"),
        wrong(OnlyOnce, "first batch"), wrong(MaskStays, "old mask"), wrong(NoTwo, "two forgotten"),
        wrong(TargetMinusPred, "sign"), wrong(NoReturn), wrong(ReturnsBoth),
        wrong(HiddenPulled, "hidden ones pulled"), wrong(BackwardTakesDy), wrong(ReturnsValueTwice),
    ],
)
