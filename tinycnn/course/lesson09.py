"""Exercises of lesson 09: targets for the box head, a loss with two terms, and the place where two gradients meet."""

import numpy as np

from tinycnn.course.exercise import Case, Exercise, Mistake
from tinycnn.gradient_check import gradcheck
from tinycnn.losses import MultiTaskLoss

# --- box_targets ---


def box_targets(codes, train_codes):
    return (codes - train_codes.mean(axis=0)) / train_codes.std(axis=0)


def _target_cases(rng):
    train = rng.uniform(0.1, 0.9, (30, 4)) * [1.0, 1.0, 0.5, 0.7]
    return [Case(rng.uniform(0.1, 0.9, (6, 4)), train), Case(train[:3], train)]


BOX_TARGETS = Exercise(
    title="what the box head should say: codes, standardized",
    solution=box_targets,
    cases=_target_cases,
    returns=("targets",),
    mistakes={
        "own statistics": Mistake(
            lambda codes, train_codes: (codes - codes.mean(axis=0)) / codes.std(axis=0),
            "Mean and spread are those of the boxes at hand. Then the same box gets another target in every batch, and "
            "a single new picture gets none. Take them from the training set."),
        "one mean for all": Mistake(
            lambda codes, train_codes: (codes - train_codes.mean()) / train_codes.std(),
            "One mean and one spread for all four numbers. A center and a height are of different kinds: each of the "
            "four has its own. Which axis holds the boxes?"),
        "not divided": Mistake(
            lambda codes, train_codes: codes - train_codes.mean(axis=0),
            "The mean is subtracted, but the spread is still there. Divide by it, and 1 means the same for all four."),
        "mean kept": Mistake(
            lambda codes, train_codes: codes / train_codes.std(axis=0),
            "It is divided by the spread, but the mean is still in there. 0 should mean: as in the average box."),
        "variance": Mistake(
            lambda codes, train_codes: (codes - train_codes.mean(axis=0)) / train_codes.var(axis=0),
            "It is divided by the variance. The standard deviation is its square root, and has the unit of the codes."),
        "order": Mistake(
            lambda codes, train_codes: codes / train_codes.std(axis=0) - train_codes.mean(axis=0),
            "First divided, then subtracted: the mean has not been divided along. Mind the parentheses."),
        "undone": Mistake(
            lambda codes, train_codes: codes * train_codes.std(axis=0) + train_codes.mean(axis=0),
            "That is the way back, from the head's answer to a code."),
    },
)

# --- two_losses: value and both gradients ---


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

    sure, wrong = case(3, 5, 2000.0), case(3, 5, 2000.0)
    scores, _, labels, _ = sure.args  # the true class is the most probable: exp overflows, no probability in use is 0
    scores += 2000 - scores.max(axis=1, keepdims=True)
    labels[:] = scores.argmax(axis=1)
    scores, _, labels, _ = wrong.args  # the least probable, its probability 0 to all digits; nothing overflows
    scores -= scores.max(axis=1, keepdims=True)
    labels[:] = scores.argmin(axis=1)
    return [case(5, 3, 1.0), case(6, 4, 2.0, class_weight=0.7, box_weight=3.0), sure, wrong]


def _gradcheck_losses(function):
    rng = np.random.default_rng(1)
    scores, boxes, targets = rng.standard_normal((4, 3)), rng.standard_normal((4, 4)), rng.standard_normal((4, 4))
    labels = np.array([0, 2, 1, 2])

    def forward(scores, boxes):
        return two_losses(scores, boxes, labels, targets, 0.7, 3.0)[0] * np.ones(())

    def backward(dy, scores, boxes):
        _, dscores, dboxes = function(scores, boxes, labels, targets, 0.7, 3.0)
        return dy * dscores, dy * dboxes

    return gradcheck((forward, backward), scores, boxes, invariants=False)


TWO_LOSSES = Exercise(
    title="a loss with two terms, and both of its gradients",
    solution=two_losses,
    cases=_loss_cases,
    returns=("value", "dscores", "dboxes"),
    gradient=_gradcheck_losses,
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
        "dscores: overflow": Mistake(
            _losses_with(dscores=lambda d, s: s.class_weight * (s.naive - s.one_hot) / s.n),
            "For large scores there are NaNs: exp(1000) is too large for any computer. The probabilities stay the same "
            "if you subtract a picture's largest score from all of its scores first."),
        "dscores: not divided": Mistake(
            _losses_with(dscores=lambda d, s: d * s.n),
            "It is N times too large. The loss is the mean over N pictures, so each has an N-th of the say."),
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
        "dboxes: sign": Mistake(
            _losses_with(dboxes=lambda d, s: -d),
            "The sign is wrong: a step against this gradient leads away from the target."),
        "dboxes: not weighted": Mistake(
            _losses_with(dboxes=lambda d, s: 2 * s.difference / s.difference.size),
            "The box weight is in the value but not in the gradient."),
    },
)

# --- heads_backward: where the two gradients meet ---


def heads_backward(dscores, dboxes, features, w_class, w_box):
    return dscores @ w_class.T + dboxes @ w_box.T, features.T @ dscores, features.T @ dboxes


def _heads_with(dfeatures=None, dw_class=None, dw_box=None):
    def function(dscores, dboxes, features, w_class, w_box):
        arguments = dscores, dboxes, features, w_class, w_box
        right = heads_backward(*arguments)
        return tuple(part if change is None else change(*arguments)
                     for part, change in zip(right, (dfeatures, dw_class, dw_box), strict=True))
    return function


def _heads_cases(rng):
    def case(n, d, k):
        return Case(*(rng.standard_normal(shape) for shape in ((n, k), (n, 4), (n, d), (d, k), (d, 4))))
    return [case(5, 6, 3), case(2, 3, 4)]


def _gradcheck_heads(function):
    rng = np.random.default_rng(1)
    features, w_class, w_box = (rng.standard_normal(shape) for shape in ((4, 5), (5, 3), (5, 4)))

    def forward(features, w_class, w_box):
        return np.concatenate([features @ w_class, features @ w_box], axis=1)

    def backward(dy, features, w_class, w_box):
        return function(dy[:, :3], dy[:, 3:], features, w_class, w_box)

    return gradcheck((forward, backward), features, w_class, w_box, invariants=False)


HEADS_BACKWARD = Exercise(
    title="back through both heads, to the features that they share",
    solution=heads_backward,
    cases=_heads_cases,
    returns=("dfeatures", "dw_class", "dw_box"),
    gradient=_gradcheck_heads,
    mistakes={
        "dfeatures: class only": Mistake(
            _heads_with(dfeatures=lambda ds, db, x, wc, wb: ds @ wc.T),
            "Only the class head has a say. The features feed both heads, so both send something back."),
        "dfeatures: boxes only": Mistake(
            _heads_with(dfeatures=lambda ds, db, x, wc, wb: db @ wb.T),
            "Only the box head has a say. The features feed both heads, so both send something back."),
        "dfeatures: mean": Mistake(
            _heads_with(dfeatures=lambda ds, db, x, wc, wb: (ds @ wc.T + db @ wb.T) / 2),
            "The mean of the two is taken. Where paths meet, gradients add up, whole."),
        "dfeatures: difference": Mistake(
            _heads_with(dfeatures=lambda ds, db, x, wc, wb: ds @ wc.T - db @ wb.T),
            "One is subtracted from the other. Where paths meet, gradients add up."),
        "dfeatures: side by side": Mistake(
            _heads_with(dfeatures=lambda ds, db, x, wc, wb: np.concatenate([ds @ wc.T, db @ wb.T], axis=1)),
            "The two are put side by side. There is one array of features, so its gradient has the shape of that one."),
        "dw_class: mean": Mistake(
            _heads_with(dw_class=lambda ds, db, x, wc, wb: x.T @ ds / len(x)),
            "It is divided by the batch size. The loss has done that already; a layer only adds up."),
        "dw_class: turned": Mistake(
            _heads_with(dw_class=lambda ds, db, x, wc, wb: ds.T @ x),
            "It is transposed: a gradient has the shape of what it belongs to, here (D, K)."),
        "dw_box: mean": Mistake(
            _heads_with(dw_box=lambda ds, db, x, wc, wb: x.T @ db / len(x)),
            "It is divided by the batch size. The loss does that; a layer adds up over the batch, no more."),
        "dw_box: turned": Mistake(
            _heads_with(dw_box=lambda ds, db, x, wc, wb: db.T @ x),
            "It is transposed: a gradient has the shape of what it belongs to, here (D, 4)."),
    },
)

EXERCISES = {"box_targets": BOX_TARGETS, "two_losses": TWO_LOSSES, "heads_backward": HEADS_BACKWARD}
