"""Exercise of lesson 09: the two losses become an object that training can ask, as tinycnn.losses.Loss says."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.losses09 import two_losses


class MyTwoLosses:
    """The loss that the lesson trains with."""

    def __init__(self, class_weight=1.0, box_weight=1.0):
        self.weights, self.terms = (class_weight, box_weight), {}

    def forward(self, outputs, truth):
        (scores, boxes), (labels, targets) = outputs, truth
        value, *self.gradients = two_losses(scores, boxes, labels, targets, *self.weights)
        self.terms = {name: two_losses(scores, boxes, labels, targets, *weights)[0]
                      for name, weights in (("class", (1, 0)), ("box", (0, 1)))}
        return value

    def backward(self):
        return tuple(self.gradients)


class Empty(MyTwoLosses):
    def forward(self, outputs, truth):
        ...

    def backward(self):
        ...


class Unknown(MyTwoLosses):
    def backward(self):
        dscores, dboxes = super().backward()
        return dscores, dboxes + 0.1 * np.arange(dboxes.size).reshape(dboxes.shape)


class _WeightsIgnored(MyTwoLosses):
    def forward(self, outputs, truth):
        self.weights = 1.0, 1.0
        return super().forward(outputs, truth)


class _WeightsExchanged(MyTwoLosses):
    def __init__(self, class_weight=1.0, box_weight=1.0):
        super().__init__(box_weight, class_weight)


class _ValueUnweighted(MyTwoLosses):
    def forward(self, outputs, truth):
        super().forward(outputs, truth)
        return self.terms["class"] + self.terms["box"]


class _GradientsUnweighted(MyTwoLosses):
    def forward(self, outputs, truth):
        value = super().forward(outputs, truth)
        (scores, boxes), (labels, targets) = outputs, truth
        _, *self.gradients = two_losses(scores, boxes, labels, targets)
        return value


class _GradientsWeightedTwice(MyTwoLosses):
    def backward(self):
        return tuple(weight * gradient for weight, gradient in zip(self.weights, self.gradients, strict=True))


class _TermsWeighted(MyTwoLosses):
    def forward(self, outputs, truth):
        value = super().forward(outputs, truth)
        self.terms = {name: weight * self.terms[name]
                      for name, weight in zip(("class", "box"), self.weights, strict=True)}
        return value


class _TermsExchanged(MyTwoLosses):
    def forward(self, outputs, truth):
        value = super().forward(outputs, truth)
        self.terms = {"class": self.terms["box"], "box": self.terms["class"]}
        return value


class _TermsAddUp(MyTwoLosses):
    def forward(self, outputs, truth):
        before, value = self.terms, super().forward(outputs, truth)
        self.terms = {name: term + before.get(name, 0) for name, term in self.terms.items()}
        return value


class _Accumulates(MyTwoLosses):
    def forward(self, outputs, truth):
        before, value = getattr(self, "gradients", (0, 0)), super().forward(outputs, truth)
        self.gradients = [a + b for a, b in zip(before, self.gradients, strict=True)]
        return value


class _FirstBatch(MyTwoLosses):
    """What was remembered for the first batch stays."""

    def forward(self, outputs, truth):
        before, value = getattr(self, "gradients", None), super().forward(outputs, truth)
        self.gradients = before or self.gradients
        return value


class _ClassAttribute(MyTwoLosses):
    """What forward remembers belongs to the class, so all losses share it."""

    def forward(self, outputs, truth):
        value = super().forward(outputs, truth)
        _ClassAttribute.shared = self.gradients
        return value

    def backward(self):
        return tuple(_ClassAttribute.shared)


def _cases(rng):
    def case(n, k, *weights):
        return Case(rng.standard_normal((n, k)), rng.standard_normal((n, 4)), rng.integers(k, size=n),
                    rng.standard_normal((n, 4)), *weights)
    return [case(5, 3, 0.7, 3.0), case(2, 6, 1.9, 0.2), case(7, 5, 0.5, 1.4)]


LOSS = Exercise(
    title="the two losses, as an object that trains",
    solution=MyTwoLosses,
    takes=("scores", "boxes", "labels", "targets", "class_weight", "box_weight"),
    cases=_cases,
    returns=("value", "terms", "dscores", "dboxes", "value of the next batch", "terms of the next batch",
             "dscores of the next batch", "dboxes of the next batch"),
    stub=Empty,
    unknown=Unknown,
    mistakes={
        "weights ignored": Mistake(
            _WeightsIgnored,
            "The weights that __init__ was given play no part. Where do they go into two_losses?"),
        "weights exchanged": Mistake(
            _WeightsExchanged, "The class loss gets the weight of the box loss, and the other way round."),
        "value not weighted": Mistake(
            _ValueUnweighted,
            "The two terms are added up without their weights. What two_losses returns has them in it."),
        "gradients not weighted": Mistake(
            _GradientsUnweighted,
            "The gradients are those of weights 1 and 1, while the value has its own. They have to fit each other."),
        "gradients weighted twice": Mistake(
            _GradientsWeightedTwice,
            "The weights come into the gradients twice. Those that two_losses returns have them already."),
        "terms weighted": Mistake(
            _TermsWeighted,
            "The terms have the weights in them. They are there to compare trainings with different weights, so they "
            "should be the two losses alone."),
        "terms exchanged": Mistake(
            _TermsExchanged, "The class loss is called box, and the box loss is called class."),
        "terms add up": Mistake(
            _TermsAddUp, "The terms of the batch before are still in there. Every forward starts anew."),
        "accumulates": Mistake(
            _Accumulates,
            "The gradients of the batch before are still in there. Every forward remembers its own (=)."),
        "first batch": Mistake(
            _FirstBatch,
            "In the second batch, backward still returns the gradients of the first one. Every forward has to remember "
            "anew."),
        "shared by all losses": Mistake(
            _ClassAttribute,
            "Two losses were used in turns, and the one returned the gradients of the other. What forward remembers "
            "has to be kept in this very object, in self, not in a variable of the class or of the notebook."),
    },
)
