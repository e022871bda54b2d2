"""Answers to lesson 03's class of a loss."""

import numpy as np

from tests.course.answers import Answers, wrong
from tinycnn.layers import Layer

# --- right ---


def both(scores, labels):
    """Value and gradient, by hand."""
    z = scores - scores.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    truth = np.eye(scores.shape[1])[labels]
    return -(truth * log_p).sum() / len(scores), (np.exp(log_p) - truth) / len(scores)


class KeepsGradient:
    def forward(self, scores, labels):
        value, self.dscores = both(scores, labels)
        return value

    def backward(self):
        return self.dscores


class KeepsInputs:
    def forward(self, scores, labels):
        self.scores, self.labels = scores, labels
        return both(scores, labels)[0]

    def backward(self):
        return both(self.scores, self.labels)[1]


class KeepsProbabilities(Layer):
    def forward(self, scores, labels):
        z = scores - scores.max(axis=1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        self.remember(p, labels)
        return np.mean(-np.log(p[np.arange(len(p)), labels] + 1e-12))

    def backward(self):
        p, labels = self.recall()
        d = p.copy()
        d[np.arange(len(p)), labels] -= 1
        return d / len(p)


class ChangesItsOwnP(Layer):
    def forward(self, scores, labels):
        z = scores - scores.max(axis=1, keepdims=True)
        self.log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        self.labels, self.rows = labels, range(len(scores))
        return -self.log_p[self.rows, labels].mean()

    def backward(self):
        p = np.exp(self.log_p)
        p[self.rows, self.labels] -= 1
        p /= len(p)
        return p


class GivesLists(KeepsGradient):
    def forward(self, scores, labels):
        return float(super().forward(scores, labels))

    def backward(self):
        return self.dscores.tolist()


class InFloat32(KeepsGradient):
    def forward(self, scores, labels):
        value, d = both(scores.astype(np.float32), labels)
        self.dscores = d.astype(np.float32)
        return np.float32(value)


# --- wrong ---


class LossOnTheClass:
    def forward(self, scores, labels):
        value, LossOnTheClass.dscores = both(scores, labels)
        return value

    def backward(self):
        return LossOnTheClass.dscores


class FirstKept:
    def forward(self, scores, labels):
        value, dscores = both(scores, labels)
        if not hasattr(self, "dscores"):
            self.dscores = dscores
        return value

    def backward(self):
        return self.dscores


class SumsUp(KeepsGradient):
    def forward(self, scores, labels):
        return super().forward(scores, labels) * len(scores)


class DividesAgain(KeepsGradient):
    def backward(self):
        return self.dscores / len(self.dscores)


class NotDivided(KeepsGradient):
    def backward(self):
        return self.dscores * len(self.dscores)


class OtherWay(KeepsGradient):
    def backward(self):
        return -self.dscores


class Negative(KeepsGradient):
    def forward(self, scores, labels):
        return -super().forward(scores, labels)


class ReturnsBoth(KeepsGradient):
    def forward(self, scores, labels):
        return both(scores, labels)

    def backward(self):
        return None


class NoGradientReturned(KeepsGradient):
    def backward(self):
        self.dscores  # noqa: B018


class WantsDy(KeepsGradient):
    def backward(self, dy):
        return dy * self.dscores


class ReturnsTheValue:
    def forward(self, scores, labels):
        self.value, self.dscores = both(scores, labels)
        return self.value

    def backward(self):
        return self.value


class NeverRemembers(Layer):
    def forward(self, scores, labels):
        return both(scores, labels)[0]

    def backward(self):
        (dscores,) = self.recall()
        return dscores


class AddsToThePast:
    def __init__(self):
        self.dscores = 0

    def forward(self, scores, labels):
        value, dscores = both(scores, labels)
        self.dscores = self.dscores + dscores
        return value

    def backward(self):
        return self.dscores


class ListOfLosses(KeepsGradient):
    def forward(self, scores, labels):
        _, self.dscores = both(scores, labels)
        return [both(scores[n : n + 1], labels[n : n + 1])[0] for n in range(len(scores))]


LOSS_CLASS = Answers(
    right=[KeepsGradient, KeepsInputs, KeepsProbabilities, ChangesItsOwnP, GivesLists, InFloat32],
    wrong=[wrong(LossOnTheClass, "shared"), wrong(FirstKept, "first batch"), wrong(SumsUp, "summed"),
           wrong(DividesAgain, "divided twice"), wrong(NotDivided, "not divided"), wrong(OtherWay, "dscores: sign"),
           wrong(Negative, "value: sign"), wrong(ReturnsBoth), wrong(NoGradientReturned), wrong(WantsDy),
           wrong(ReturnsTheValue), wrong(NeverRemembers), wrong(AddsToThePast, "accumulates"), wrong(ListOfLosses)])
