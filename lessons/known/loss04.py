"""The exercise of lesson 04 in which the L2 loss becomes an object that a training loop can use."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.stand_ins import empty, unknown
from tinycnn.layers import Layer


def l2_loss(pred, target, mask=None):
    """The right answer of the exercise before: (value, dpred)."""
    counts = np.broadcast_to(True if mask is None else mask != 0, pred.shape)
    difference, count = np.where(counts, pred - target, 0.0), int(counts.sum())
    return (difference**2).sum() / count, 2 * difference / count


class MyL2Loss(Layer):
    """The loss that the lesson goes on with."""

    def forward(self, pred, target, mask=None):
        value, dpred = l2_loss(pred, target, mask)
        self.remember(dpred)
        return value

    def backward(self):
        (dpred,) = self.recall()
        return dpred


class _Shared(MyL2Loss):
    latest = None

    def forward(self, pred, target, mask=None):
        value, _Shared.latest = l2_loss(pred, target, mask)
        return value

    def backward(self):
        return _Shared.latest


class _FirstBatch(MyL2Loss):
    def forward(self, pred, target, mask=None):
        value, dpred = l2_loss(pred, target, mask)
        self.first = getattr(self, "first", dpred)
        return value

    def backward(self):
        return self.first


class _Accumulates(MyL2Loss):
    def backward(self):
        self.total = getattr(self, "total", 0) + super().backward()
        return self.total


class _MaskLost(MyL2Loss):
    def forward(self, pred, target, mask=None):
        super().forward(pred, target, mask)
        return l2_loss(pred, target)[0]


class _MaskLostOnTheWayBack(MyL2Loss):
    def forward(self, pred, target, mask=None):
        super().forward(pred, target)
        return l2_loss(pred, target, mask)[0]


class _HiddenPulled(MyL2Loss):
    def forward(self, pred, target, mask=None):
        value, _ = l2_loss(pred, target, mask)
        count = np.broadcast_to(True if mask is None else mask != 0, pred.shape).sum()
        self.remember(2 * (pred - target) / count)
        return value


class _OldMask(MyL2Loss):
    old = None

    def forward(self, pred, target, mask=None):
        self.old = self.old if mask is None else mask
        return super().forward(pred, target, self.old)


def _changed(value=lambda v, n: v, dpred=lambda d, n: d):
    """The loss with another value or another gradient; n: how many numbers count."""
    class Changed(MyL2Loss):
        def forward(self, pred, target, mask=None):
            self.n = int(np.broadcast_to(True if mask is None else mask != 0, pred.shape).sum())
            return value(super().forward(pred, target, mask), self.n)

        def backward(self):
            return dpred(super().backward(), self.n)
    return Changed


def _cases(rng):
    def case(n, k, other):
        mask = np.arange(n * k).reshape(n, k) % 3 != 1  # two of three
        return Case(rng.standard_normal((n, k)), rng.standard_normal((n, k)), mask.astype(float),
                    rng.standard_normal((other, k)), rng.standard_normal((other, k)))
    return [case(5, 4, 3), case(3, 2, 6), case(4, 3, 2)]


LOSS = Exercise(
    title="an L2 loss that a training loop can use",
    solution=MyL2Loss,
    cases=_cases,
    takes=("pred", "target", "mask", "pred of another loss", "target of another loss"),
    returns=("value", "dpred", "value of another loss", "dpred of another loss", "value of the next step",
             "dpred of the next step"),
    stub=empty(MyL2Loss),
    unknown=unknown(MyL2Loss),
    mistakes={
        "shared": Mistake(
            _Shared,
            "Two losses disturb each other: one gives the gradient of the other's batch. What forward keeps belongs "
            "to this one loss, to self."),
        "first batch": Mistake(
            _FirstBatch,
            "backward still gives the gradient of the very first batch. Every forward replaces what was kept."),
        "accumulates": Mistake(
            _Accumulates,
            "The gradient of the batch before is still in there. Every backward answers for the last forward alone."),
        "value: mask lost": Mistake(
            _MaskLost, "The mask that forward was given does not arrive in the value. Hand it on."),
        "dpred: mask lost": Mistake(
            _MaskLostOnTheWayBack,
            "The mask that forward was given does not arrive in the gradient: hidden numbers are pulled as well."),
        "hidden ones pulled": Mistake(
            _HiddenPulled,
            "Hidden numbers have a gradient. The value does not depend on them: how much does it change with them?"),
        "old mask": Mistake(
            _OldMask,
            "A forward without a mask uses that of an earlier batch. No mask means that every number counts."),
        "summed": Mistake(
            _changed(value=lambda v, n: v * n), "The value is a sum. The mean of all numbers that count is asked "
            "for."),
        "half": Mistake(
            _changed(value=lambda v, n: v / 2), "The value is half of the mean of the squares. There is no 1/2 in "
            "this loss."),
        "two forgotten": Mistake(
            _changed(dpred=lambda d, n: d / 2), "The gradient is half of what it should be. What is the derivative "
            "of a square?"),
        "not divided": Mistake(
            _changed(dpred=lambda d, n: d * n),
            "The gradient is not divided by how many numbers count, but the value is a mean over them."),
        "divided twice": Mistake(
            _changed(dpred=lambda d, n: d / n),
            "The gradient is divided by the number of elements twice. Your l2_loss has done that already."),
        "sign": Mistake(
            _changed(dpred=lambda d, n: -d), "The sign of the gradient is wrong: a step against it makes the loss "
            "larger."),
    },
)
