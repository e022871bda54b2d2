"""Exercises of lesson 09: a loss with two terms and both of its gradients, and the same with a bug to be found."""

from dataclasses import replace

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from tinycnn.losses import MultiTaskLoss

EPSILONS = np.finfo(float).eps, 1e-15, 1e-12, 1e-10, 1e-9, 1e-8  # what people add to a probability before its logarithm


def two_losses(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    loss = MultiTaskLoss(class_weight, box_weight)
    value = loss.forward((scores, boxes), (labels, targets))
    return value, *loss.backward()


def _losses_with(value=None, dscores=None, dboxes=None):
    """One result wrong. Each is a function (the right result, Setting) -> the wrong one."""
    def function(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
        right = two_losses(scores, boxes, labels, targets, class_weight, box_weight)
        setting = Setting(scores, boxes, labels, targets, class_weight, box_weight)
        return tuple(part if change is None else change(part, setting)
                     for part, change in zip(right, (value, dscores, dboxes), strict=True))
    return function


class Setting:
    """Everything a loss is made of, in pieces."""

    def __init__(self, scores, boxes, labels, targets, class_weight, box_weight):
        self.n, self.k = scores.shape
        self.class_weight, self.box_weight, self.difference = class_weight, box_weight, boxes - targets
        with np.errstate(all="ignore"):
            e = np.exp(scores)
            self.naive = e / e.sum(axis=1, keepdims=True)  # without the precaution
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        self.one_hot = np.eye(self.k)[labels]
        self.scores, self.ce = scores, MultiTaskLoss().class_loss.forward(scores, labels)
        self.l2 = (self.difference**2).mean()

    def value_from(self, p):
        """The value, from probabilities that may be 0 or NaN."""
        with np.errstate(all="ignore"):
            return self.class_weight * -np.log(p[self.one_hot > 0]).mean() + self.box_weight * self.l2

    def value_from_scores(self):
        """The value as score - log(sum(exp(score))), with nothing subtracted."""
        with np.errstate(all="ignore"):
            log_p = self.scores - np.log(np.exp(self.scores).sum(axis=1, keepdims=True))
            return self.class_weight * -log_p[self.one_hot > 0].mean() + self.box_weight * self.l2


def _loss_cases(rng):
    def case(n, k, size, **weights):
        scores, boxes, labels = size * rng.standard_normal((n, k)), rng.standard_normal((n, 4)), rng.integers(k, size=n)
        return Case(scores, boxes, labels, rng.standard_normal((n, 4)), **weights)

    def large(n, k, **weights):
        """Scores in the thousands that are close to each other: exp overflows, and no probability is near 0."""
        one = case(n, k, 1.0, **weights)
        scores = one.args[0]
        scores[:] = 2000 + np.round(8 * scores) / 8  # as exact in float32 as in float64
        return one

    def wrong(n, k, **weights):
        """The true class is the least probable, its probability 0 to all digits; nothing overflows."""
        one = case(n, k, 2000.0, **weights)
        scores, _, labels, _ = one.args
        scores -= scores.max(axis=1, keepdims=True)
        labels[:] = scores.argmin(axis=1)
        return one

    return [case(5, 3, 1.0), case(6, 4, 2.0, class_weight=0.7, box_weight=3.0), case(2, 7, 1.5, box_weight=0.4),
            large(3, 5), large(4, 6, class_weight=1.7), wrong(3, 5), wrong(5, 4, class_weight=0.6, box_weight=2.0)]


TWO_LOSSES = Exercise(
    title="a loss with two terms, and both of its gradients",
    solution=two_losses,
    cases=_loss_cases,
    returns=("value", "dscores", "dboxes"),
    mistakes={
        "value: class summed": Mistake(
            _losses_with(value=lambda v, s: v + s.class_weight * s.ce * (s.n - 1)),
            "The cross-entropies of the pictures are summed. Their mean is asked for, so that the loss does not depend "
            "on how many pictures are in a batch."),
        "value: boxes summed over four": Mistake(
            _losses_with(value=lambda v, s: v + 3 * s.box_weight * s.l2),
            "The squares are averaged over the pictures but summed over a box's four numbers. Take the mean of all."),
        "value: boxes summed": Mistake(
            _losses_with(value=lambda v, s: v + s.box_weight * s.l2 * (s.difference.size - 1)),
            "The squares of the boxes are summed. Take the mean of all of them."),
        "value: not weighted": Mistake(
            _losses_with(value=lambda v, s: s.ce + s.l2),
            "The weights play no part in the value: each term is to be multiplied by its own."),
        "value: weights exchanged": Mistake(
            _losses_with(value=lambda v, s: s.box_weight * s.ce + s.class_weight * s.l2),
            "The two weights are in each other's place."),
        "value: overflow": Mistake(
            _losses_with(value=lambda v, s: s.value_from(s.naive)),
            "For large scores it is infinite or NaN: exp(1000) is too large for any computer. The probabilities stay "
            "the same if you subtract a picture's largest score from all of its scores first."),
        "value: overflow in the sum": Mistake(
            _losses_with(value=lambda v, s: s.value_from_scores()),
            "For large scores it is infinite: the sum of exp(score) is too large for any computer. Subtract a "
            "picture's largest score from all of its scores before exp sees them."),
        "value: logarithm of 0": Mistake(
            _losses_with(value=lambda v, s: s.value_from(s.p)),
            "It is infinite where the true class has almost no chance: its probability is rounded to 0, and the "
            "logarithm of 0 is minus infinity. Can the logarithm be had without the probability?"),
        **{f"value: {epsilon:.0e} in the logarithm": Mistake(
            _losses_with(value=lambda v, s, epsilon=epsilon: s.value_from(s.p + epsilon)),
            f"Something tiny, such as {epsilon:.0e}, is added to the probability or takes its place. Then no picture "
            f"costs more than {-np.log(epsilon):.0f}, however wrong its scores are, and the value no longer fits its "
            "gradient. Can the logarithm be had without the probability?") for epsilon in EPSILONS},
        "value: probabilities changed first": Mistake(
            _losses_with(value=lambda v, s: s.value_from(s.p - s.one_hot)),
            "It is NaN: the logarithm is taken of something below 0. Has the array of probabilities been changed "
            "before the value is worked out? dscores = p is a second name for the same array, not a copy."),
        "value: boxes halved": Mistake(
            _losses_with(value=lambda v, s: v - s.box_weight * s.l2 / 2),
            "The mean of squares is halved, as some do so that the 2 of the gradient goes away. Here it is not."),
        "dscores: overflow": Mistake(
            _losses_with(dscores=lambda d, s: s.class_weight * (s.naive - s.one_hot) / s.n),
            "For large scores there are NaNs: exp(1000) is too large for any computer. The probabilities stay the same "
            "if you subtract a picture's largest score from all of its scores first."),
        "dscores: not divided": Mistake(
            _losses_with(dscores=lambda d, s: d * s.n),
            "It is N times too large. The loss is the mean over N pictures, so each has an N-th of the say."),
        "dscores: divided by all scores": Mistake(
            _losses_with(dscores=lambda d, s: d / s.k),
            "It is K times too small. Over how many things does the mean in the class loss run: pictures, or all "
            "scores of all pictures?"),
        "dscores: divided twice": Mistake(
            _losses_with(dscores=lambda d, s: d / s.n),
            "It is divided by N twice: once by a mean, perhaps, and once more afterwards."),
        "dscores: truth not subtracted": Mistake(
            _losses_with(dscores=lambda d, s: s.class_weight * s.p / s.n),
            "These are the probabilities. The gradient pulls the true class up and all others down: the truth is "
            "missing."),
        "dscores: sign": Mistake(
            _losses_with(dscores=lambda d, s: -d),
            "The sign is wrong: a step against this gradient makes the true class less probable."),
        "dscores: not weighted": Mistake(
            _losses_with(dscores=lambda d, s: (s.p - s.one_hot) / s.n),
            "The class weight is in the value but not in the gradient."),
        "dboxes: two forgotten": Mistake(
            _losses_with(dboxes=lambda d, s: d / 2),
            "It is half of what it should be. What is the derivative of a square?"),
        "dboxes: divided by N only": Mistake(
            _losses_with(dboxes=lambda d, s: d * 4),
            "It is four times too large. The mean runs over all N x 4 numbers."),
        "dboxes: not divided": Mistake(
            _losses_with(dboxes=lambda d, s: d * s.difference.size),
            "It is not divided by anything. The loss is a mean; so is its gradient."),
        "dboxes: divided by four only": Mistake(
            _losses_with(dboxes=lambda d, s: d * s.n),
            "The mean runs over all N x 4 numbers, not over the four of a box alone."),
        "dboxes: sign": Mistake(
            _losses_with(dboxes=lambda d, s: -d),
            "The sign is wrong: a step against this gradient leads away from the target."),
        "dboxes: not weighted": Mistake(
            _losses_with(dboxes=lambda d, s: 2 * s.difference / s.difference.size),
            "The box weight is in the value but not in the gradient."),
    },
)


def one_hot(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    """What the learner finds: the truth as rows of 0 and 1, and a gradient that is divided by too much."""
    z = scores - scores.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    truth = np.eye(scores.shape[1])[labels]
    value = class_weight * -(truth * log_p).sum(axis=1).mean() + box_weight * ((boxes - targets) ** 2).mean()
    dscores = class_weight * (np.exp(log_p) - truth) / scores.size
    dboxes = box_weight * 2 * (boxes - targets) / boxes.size
    return value, dscores, dboxes


SLOW_NAMES = replace(TWO_LOSSES, title="two losses, one of them slow to learn", stub=one_hot,
                     stub_says="dscores: divided by all scores")
