"""The two losses as objects that train, as learners write them at the end of lesson 09."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.losses09 import by_logs, one_hot
from tinycnn.layers import Layer
from tinycnn.losses import L2Loss, SoftmaxCrossEntropy


class Plain:
    def __init__(self, class_weight=1.0, box_weight=1.0):
        self.class_weight, self.box_weight = class_weight, box_weight
        self.terms = {}

    def forward(self, outputs, truth):
        (scores, boxes), (labels, targets) = outputs, truth
        value, self.dscores, self.dboxes = by_logs(scores, boxes, labels, targets, self.class_weight, self.box_weight)
        self.terms["class"] = by_logs(scores, boxes, labels, targets, 1, 0)[0]
        self.terms["box"] = by_logs(scores, boxes, labels, targets, 0, 1)[0]
        return value

    def backward(self):
        return self.dscores, self.dboxes


class OfTwoLosses:
    """Made of a loss for each head."""

    def __init__(self, class_weight=1.0, box_weight=1.0):
        self.weights = {"class": class_weight, "box": box_weight}
        self.losses = {"class": SoftmaxCrossEntropy(), "box": L2Loss()}

    def forward(self, outputs, truth):
        (scores, boxes), (labels, targets) = outputs, truth
        self.terms = {"class": self.losses["class"].forward(scores, labels),
                      "box": self.losses["box"].forward(boxes, targets)}
        return sum(self.weights[name] * self.terms[name] for name in self.terms)

    def backward(self):
        return [self.weights[name] * self.losses[name].backward() for name in ("class", "box")]


class AsLayer(Layer):
    def __init__(self, class_weight=1.0, box_weight=1.0):
        self.a, self.b, self.terms = class_weight, box_weight, {}

    def forward(self, outputs, truth):
        value, *gradients = one_hot(*outputs, *truth, self.a, self.b)
        self.remember(*gradients)
        class_loss = one_hot(*outputs, *truth, 1.0, 0.0)[0]
        self.terms = {"class": class_loss, "box": ((outputs[1] - truth[1]) ** 2).mean()}
        return value

    def backward(self):
        return self.recall()


class Later(Plain):
    """The gradients are worked out in backward."""

    def forward(self, outputs, truth):
        self.seen = outputs, truth
        a, b = (by_logs(*outputs, *truth, *weights)[0] for weights in ((1, 0), (0, 1)))
        self.terms = {"box": b, "class": a}
        return self.class_weight * a + self.box_weight * b

    def backward(self):
        outputs, truth = self.seen
        return by_logs(*outputs, *truth, self.class_weight, self.box_weight)[1:]


class Numbers(Plain):
    """Python's numbers, and gradients in float32."""

    def forward(self, outputs, truth):
        value = float(super().forward(outputs, truth))
        self.terms = {name: float(term) for name, term in self.terms.items()}
        return value

    def backward(self):
        return tuple(gradient.astype("float32") for gradient in super().backward())


class Unweighted(Plain):
    """The weights are brought in by hand."""

    def forward(self, outputs, truth):
        (scores, boxes), (labels, targets) = outputs, truth
        value, dscores, dboxes = by_logs(scores, boxes, labels, targets)
        self.terms = {"box": np.square(boxes - targets).mean()}
        self.terms["class"] = value - self.terms["box"]
        self.gradients = dscores * self.class_weight, dboxes * self.box_weight
        return self.class_weight * self.terms["class"] + self.box_weight * self.terms["box"]

    def backward(self):
        return self.gradients


class ForgetsWeights(Plain):
    def forward(self, outputs, truth):
        value, self.dscores, self.dboxes = by_logs(*outputs, *truth)
        self.terms = {"class": by_logs(*outputs, *truth, 1, 0)[0], "box": by_logs(*outputs, *truth, 0, 1)[0]}
        return value


class SwapsWeights(Plain):
    def __init__(self, class_weight=1.0, box_weight=1.0):
        self.box_weight, self.class_weight, self.terms = class_weight, box_weight, {}


class PlainSum(Plain):
    def forward(self, outputs, truth):
        super().forward(outputs, truth)
        return sum(self.terms.values())


class PlainGradients(Plain):
    def forward(self, outputs, truth):
        value = super().forward(outputs, truth)
        _, self.dscores, self.dboxes = by_logs(*outputs, *truth)
        return value


class Twice(Plain):
    def backward(self):
        return self.class_weight * self.dscores, self.box_weight * self.dboxes


class WeightedTerms(Plain):
    def forward(self, outputs, truth):
        value = super().forward(outputs, truth)
        self.terms = {"class": self.terms["class"] * self.class_weight, "box": self.terms["box"] * self.box_weight}
        return value


class SwapsTerms(Plain):
    def forward(self, outputs, truth):
        value = super().forward(outputs, truth)
        self.terms["class"], self.terms["box"] = self.terms["box"], self.terms["class"]
        return value


class OtherNames(Plain):
    def forward(self, outputs, truth):
        value = super().forward(outputs, truth)
        self.terms = {"class_loss": self.terms["class"], "box_loss": self.terms["box"]}
        return value


class NoTerms(Plain):
    def forward(self, outputs, truth):
        value = super().forward(outputs, truth)
        self.terms = {}
        return value


class TermsAsList(Plain):
    def forward(self, outputs, truth):
        value = super().forward(outputs, truth)
        self.terms = [self.terms["class"], self.terms["box"]]
        return value


class AddsUp(Plain):
    dscores = dboxes = 0

    def forward(self, outputs, truth):
        before = self.dscores, self.dboxes
        value = super().forward(outputs, truth)
        self.dscores, self.dboxes = self.dscores + before[0], self.dboxes + before[1]
        return value


class OnlyOnce(Plain):
    def forward(self, outputs, truth):
        before = getattr(self, "dscores", None), getattr(self, "dboxes", None)
        value = super().forward(outputs, truth)
        if before[0] is not None:
            self.dscores, self.dboxes = before
        return value


KEPT = {}


class InNotebook(Plain):
    def forward(self, outputs, truth):
        value = super().forward(outputs, truth)
        KEPT["gradients"] = self.dscores, self.dboxes
        return value

    def backward(self):
        return KEPT["gradients"]


class WrongOrder(Plain):
    def backward(self):
        return self.dboxes, self.dscores


class NoReturn(Plain):
    def backward(self):
        self.dscores, self.dboxes  # noqa: B018


class ScoresOnly(Plain):
    def backward(self):
        return self.dscores


class ReturnsAll(Plain):
    def forward(self, outputs, truth):
        self.terms = {"class": by_logs(*outputs, *truth, 1, 0)[0], "box": by_logs(*outputs, *truth, 0, 1)[0]}
        return by_logs(*outputs, *truth, self.class_weight, self.box_weight)


class Batchless(Plain):
    def forward(self, outputs, truth):
        value = super().forward(outputs, truth)
        self.dscores, self.dboxes = len(truth[0]) * self.dscores, len(truth[0]) * self.dboxes
        return value


LOSS = Answers(
    right=[Plain, OfTwoLosses, AsLayer, Later, Numbers, Unweighted],
    wrong=[wrong(ForgetsWeights, "weights ignored"), wrong(SwapsWeights, "weights exchanged"),
           wrong(PlainSum, "value not weighted"), wrong(PlainGradients, "gradients not weighted"),
           wrong(Twice, "gradients weighted twice"), wrong(WeightedTerms, "terms weighted"),
           wrong(SwapsTerms, "terms exchanged"), wrong(OtherNames), wrong(NoTerms), wrong(TermsAsList),
           wrong(AddsUp, "accumulates"), wrong(OnlyOnce, "first batch"), wrong(InNotebook, "shared by all losses"),
           wrong(WrongOrder), wrong(NoReturn), wrong(ScoresOnly), wrong(ReturnsAll), wrong(Batchless)])
