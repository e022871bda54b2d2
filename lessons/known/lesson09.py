"""Exercises of lesson 09: targets for the box head, a loss with two terms, and the place where two gradients meet."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.loss09 import LOSS
from lessons.known.losses09 import SLOW_NAMES, TWO_LOSSES

# --- box_targets ---


def box_targets(codes, train_codes):
    return (codes - train_codes.mean(axis=0)) / train_codes.std(axis=0)


def _target_cases(rng):
    """New boxes, some of the training set's own, and more boxes than the training set has."""
    def train(m):
        return rng.uniform(0.1, 0.9, (m, 4)) * [1.0, 1.0, 0.5, 0.7]
    known = train(17)
    return [Case(train(6), train(30)), Case(known[:3], known), Case(train(11), train(9))]


def _with_statistics_of_all(codes, train_codes):
    both = np.concatenate([train_codes, codes])
    return (codes - both.mean(axis=0)) / both.std(axis=0)


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
        "own mean": Mistake(
            lambda codes, train_codes: (codes - codes.mean(axis=0)) / train_codes.std(axis=0),
            "The spread is the training set's, but the mean is that of the boxes at hand."),
        "own spread": Mistake(
            lambda codes, train_codes: (codes - train_codes.mean(axis=0)) / codes.std(axis=0),
            "The mean is the training set's, but the spread is that of the boxes at hand."),
        "statistics of all boxes": Mistake(
            _with_statistics_of_all,
            "Mean and spread are those of both sets taken together. What belongs to other pictures than those that are "
            "trained on must not be looked at."),
        "ddof": Mistake(
            lambda codes, train_codes: (codes - train_codes.mean(axis=0)) / train_codes.std(axis=0, ddof=1),
            "The spread is a little too large: it is divided by M - 1, as with ddof=1. Here it is the mean square's "
            "root, over M boxes, as np.std has it."),
        "one mean for all": Mistake(
            lambda codes, train_codes: (codes - train_codes.mean()) / train_codes.std(),
            "One mean and one spread for all four numbers. A center and a height are of different kinds: each of the "
            "four has its own. Which axis holds the boxes?"),
        "one spread for all": Mistake(
            lambda codes, train_codes: (codes - train_codes.mean(axis=0)) / train_codes.std(),
            "Each of the four has its own mean, but one spread is taken for all. Which axis holds the boxes?"),
        "parentheses": Mistake(
            lambda codes, train_codes: codes - train_codes.mean(axis=0) / train_codes.std(axis=0),
            "Only the mean is divided by the spread: / comes before - unless parentheses say otherwise."),
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
    return [case(5, 6, 3), case(2, 3, 5), case(7, 4, 2)]


HEADS_BACKWARD = Exercise(
    title="back through both heads, to the features that they share",
    solution=heads_backward,
    cases=_heads_cases,
    returns=("dfeatures", "dw_class", "dw_box"),
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
        "dfeatures: product": Mistake(
            _heads_with(dfeatures=lambda ds, db, x, wc, wb: (ds @ wc.T) * (db @ wb.T)),
            "The two are multiplied. A small change of the features changes the loss along both ways, one beside the "
            "other."),
        "dfeatures: batch mean": Mistake(
            _heads_with(dfeatures=lambda ds, db, x, wc, wb: (ds @ wc.T + db @ wb.T) / len(x)),
            "It is divided by the batch size. The loss has done that already; every picture has features of its own."),
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

EXERCISES = {"box_targets": BOX_TARGETS, "two_losses": TWO_LOSSES, "heads_backward": HEADS_BACKWARD, "loss": LOSS,
             "slow_names": SLOW_NAMES}
