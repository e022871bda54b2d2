"""Wrong losses."""

import numpy as np

from .plain import PlainCrossEntropy, PlainL2, PlainMultiTask
from .registry import mutant


def scores_and_labels(rng):
    return rng.standard_normal((5, 4), dtype=np.float32), rng.integers(4, size=5)


def two_boxes(rng):
    return rng.standard_normal((5, 4), dtype=np.float32), rng.standard_normal((5, 4), dtype=np.float32)


def masked_boxes(rng):
    return *two_boxes(rng), (np.arange(20) % 3 > 0).reshape(5, 4).astype(np.float32)


def both(rng):
    (scores, labels), (boxes, targets) = scores_and_labels(rng), two_boxes(rng)
    return (scores, boxes), (labels, targets)


def box_per_class(rng):
    (scores, _), (labels, targets) = both(rng)
    return (scores, rng.standard_normal((5, 4, 4), dtype=np.float32)), (labels, targets)


# --- SoftmaxCrossEntropy ---


@mutant("batch mean", scores_and_labels)
class MeanForgotten(PlainCrossEntropy):
    """forward is a mean over the batch, backward is not."""

    def backward(self):
        return super().backward() * len(self._scores)


@mutant("batch mean", scores_and_labels)
class MeanTwice(PlainCrossEntropy):
    """backward divides by the batch size twice."""

    def backward(self):
        return super().backward() / len(self._scores)


@mutant("label", scores_and_labels)
class NoTrueClass(PlainCrossEntropy):
    """dscores = p / N, without the - 1 at the true class."""

    def onehot(self):
        return 0 * super().onehot()


@mutant("label", scores_and_labels)
class OnlyTrueClass(PlainCrossEntropy):
    """Only the true class gets a gradient."""

    def backward(self):
        return super().backward() * self.onehot()


@mutant("sign", scores_and_labels)
class TrueMinusPredicted(PlainCrossEntropy):
    """onehot - p."""

    def backward(self):
        return -super().backward()


@mutant(None, scores_and_labels)
class NextClass(PlainCrossEntropy):
    """The - 1 is at the class after the true one: labels counted from 1."""

    def onehot(self):
        return np.roll(super().onehot(), 1, axis=1)


@mutant(None, scores_and_labels)
class SoftmaxOverBatch(PlainCrossEntropy):
    """The probabilities are normalized over the batch."""

    def p(self):
        e = np.exp(self._scores)
        return e / e.sum(axis=0)


@mutant(None, scores_and_labels)
class NotNormalized(PlainCrossEntropy):
    """exp of the scores, not divided by their sum."""

    def p(self):
        return np.exp(self._scores - self._scores.max(axis=1, keepdims=True))


@mutant(None, scores_and_labels)
class SquaredErrorOnProbabilities(PlainCrossEntropy):
    """The gradient of another loss: 2 p (p - onehot)."""

    def backward(self):
        return 2 * self.p() * super().backward()


# --- L2Loss ---


@mutant("factor", two_boxes)
class TwoForgotten(PlainL2):
    """The 2 of the square is missing."""

    def backward(self):
        return super().backward() / 2


@mutant("factor", two_boxes)
class MeanOverBatchOnly(PlainL2):
    """Divided by N instead of the number of elements."""

    def count(self):
        return len(self._pred)


@mutant("factor", two_boxes)
class SumInsteadOfMean(PlainL2):
    """Not divided at all."""

    def count(self):
        return 1


@mutant("sign", two_boxes)
class TargetMinusPrediction(PlainL2):
    """2 (target - pred)."""

    def backward(self):
        return -super().backward()


@mutant("mask", masked_boxes)
class L2MaskIgnored(PlainL2):
    """Elements that do not count get a gradient."""

    def mask(self):
        return np.ones_like(self._mask)


@mutant("factor", masked_boxes)
class MaskedMeanOverAll(PlainL2):
    """Divided by the number of all elements, not of those that count."""

    def count(self):
        return self._mask.size


@mutant("some indices", two_boxes)
class WidthForgotten(PlainL2):
    """The last of the four numbers gets no gradient."""

    def mask(self):
        return self._mask * np.array([1, 1, 1, 0], self._mask.dtype)


@mutant(None, two_boxes)
class AbsoluteError(PlainL2):
    """The gradient of the absolute error: the sign only."""

    def backward(self):
        return np.sign(self._pred - self._target) / self.count()


# --- MultiTaskLoss ---

WEIGHTS = {"class_weight": 0.7, "box_weight": 1.9}


@mutant("factor", both, **WEIGHTS)
class BoxWeightForgotten(PlainMultiTask):
    """dboxes without its weight."""

    def box_factor(self):
        return 1.0


@mutant("factor", both, **WEIGHTS)
class WeightsExchanged(PlainMultiTask):
    """Each head gets the other's weight."""

    def class_factor(self):
        return self.box_weight

    def box_factor(self):
        return self.class_weight


@mutant("factor", both, **WEIGHTS)
class WeightTwice(PlainMultiTask):
    """The class weight is applied twice."""

    def class_factor(self):
        return self.class_weight**2


@mutant("mask", box_per_class, **WEIGHTS)
class BoxOfPredictedClass(PlainMultiTask):
    """backward fills the box of the most probable class, forward compared the true one's."""

    def columns(self):
        return self._outputs[0].argmax(axis=1)


@mutant("label", box_per_class, **WEIGHTS)
class BoxesOfAllClasses(PlainMultiTask):
    """Every class's box gets the gradient."""

    def put(self, dboxes, rows, columns, chosen):
        dboxes[...] = chosen[:, None]
