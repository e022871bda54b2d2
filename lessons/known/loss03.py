"""An exercise of lesson 03: value and gradient become a loss that remembers what its backward needs.

It is graded like the layer: two losses at work at once, and then a second step of the first one.
"""


from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.softmax03 import cross_entropy
from lessons.known.stand_ins import empty, unknown
from tinycnn.layers import Layer


class MyCrossEntropy(Layer):
    """The loss that the lesson ends with."""

    def forward(self, scores, labels):
        value, dscores = cross_entropy(scores, labels)
        self.remember(dscores)
        return value

    def backward(self):
        (dscores,) = self.recall()
        return dscores


class _SharedLoss(MyCrossEntropy):
    latest = None

    def forward(self, scores, labels):
        value = super().forward(scores, labels)
        _SharedLoss.latest = self.kept()[0]
        return value

    def backward(self):
        return _SharedLoss.latest


class _FirstBatchLoss(MyCrossEntropy):
    def forward(self, scores, labels):
        self.first = getattr(self, "first", (scores, labels))
        return super().forward(scores, labels)

    def backward(self):
        return cross_entropy(*self.first)[1]


class _AccumulatesLoss(MyCrossEntropy):
    def backward(self):
        self.total = getattr(self, "total", 0) + super().backward()
        return self.total


def _changed(value=lambda value, n: value, dscores=lambda d, n: d):
    """The loss with another value or another gradient; n: the batch size."""
    class Changed(MyCrossEntropy):
        def forward(self, scores, labels):
            self.n = len(scores)
            return value(super().forward(scores, labels), self.n)

        def backward(self):
            return dscores(super().backward(), self.n)
    return Changed


def _loss_cases(rng):
    def case(n, k):
        return Case(2 * rng.standard_normal((n, k)), rng.integers(k, size=n),
                    2 * rng.standard_normal((n, k)), rng.integers(k, size=n))
    return [case(5, 3), case(3, 4), case(2, 6)]


LOSS = Exercise(
    title="a loss of your own",
    solution=MyCrossEntropy,
    takes=("scores", "labels", "scores of another loss", "labels of another loss"),
    cases=_loss_cases,
    returns=("value", "dscores", "value of another loss", "dscores of another loss", "value of the next step",
             "dscores of the next step"),
    stub=empty(MyCrossEntropy),
    unknown=unknown(MyCrossEntropy),
    mistakes={
        "shared": Mistake(
            _SharedLoss,
            "Two losses disturb each other: one gives the gradient of the other's batch. What forward keeps belongs to "
            "this one loss, to self."),
        "first batch": Mistake(
            _FirstBatchLoss,
            "backward still gives the gradient of the very first batch. Every forward replaces what was kept."),
        "accumulates": Mistake(
            _AccumulatesLoss,
            "The gradient of the batch before is still in there. Every backward answers for the last forward alone."),
        "summed": Mistake(
            _changed(value=lambda value, n: value * n),
            "The value is a sum over the batch. Their mean is asked for, as in your cross_entropy."),
        "value: sign": Mistake(
            _changed(value=lambda value, n: -value), "The value is negative: the loss is minus the logarithm."),
        "not divided": Mistake(
            _changed(dscores=lambda d, n: d * n),
            "The gradient is N times too large. The loss is a mean over N rows, so each has an N-th of the say."),
        "divided twice": Mistake(
            _changed(dscores=lambda d, n: d / n),
            "The gradient is N times too small. Your cross_entropy has divided by N already."),
        "dscores: sign": Mistake(
            _changed(dscores=lambda d, n: -d),
            "The sign of the gradient is wrong: a step against it makes the true class less probable."),
    },
)
