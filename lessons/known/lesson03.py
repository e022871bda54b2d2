"""Exercises of lesson 03: the fully connected layer and its three gradients; softmax, the loss and classes follow.

The right answers are formulas of one line each; tests hold them against the loops of tinycnn/reference.
"""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.layer03 import LAYER
from lessons.known.loss03 import LOSS
from lessons.known.softmax03 import SOFTMAX
from lessons.known.training03 import TRAINING

# --- forward ---


def forward(x, w, b):
    return x @ w + b


def _forward_cases(rng):
    """N, D and F all different, and a bias that is never near 0."""
    return [Case(rng.standard_normal((n, d)), rng.standard_normal((d, f)), rng.uniform(0.5, 1.5, f))
            for n, d, f in ((4, 3, 2), (2, 5, 3), (3, 2, 6))]


def _first_row_only(y):
    kept = np.zeros_like(y)
    kept[0] = y[0]
    return kept


def _bias_in_first_row(x, w, b):
    y = x @ w
    y[0] += b
    return y


FORWARD = Exercise(
    title="every output from every input",
    solution=forward,
    cases=_forward_cases,
    mistakes={
        "bias forgotten": Mistake(
            lambda x, w, b: x @ w, "The bias b is missing. Every output number gets the b of its column."),
        "bias too often": Mistake(
            lambda x, w, b: x @ w + len(w) * b,
            "The bias is added once for every product, not once for every output number. Look at how far in that line "
            "is indented."),
        "bias in the weights": Mistake(
            lambda x, w, b: x @ (w + b),
            "The bias is multiplied by x. It is added to a sum that is already complete. Mind the parentheses."),
        "one bias for all": Mistake(
            lambda x, w, b: x @ w + b[0],
            "All columns get the first number of b. Every output column has a b of its own."),
        "biases added up": Mistake(
            lambda x, w, b: x @ w + b.sum(), "All of b is added to every number. Every output column has its own b."),
        "bias in the first row": Mistake(
            _bias_in_first_row, "Only the first row of y has its bias. b belongs to every row of the batch."),
        "bias subtracted": Mistake(lambda x, w, b: x @ w - b, "The bias is subtracted. In the formula it is added."),
        "overwritten": Mistake(
            lambda x, w, b: x[:, -1:] * w[-1] + b,
            "Only the last product of each sum is left: the others were overwritten. Is it = where the sum grows?"),
        "last input left out": Mistake(
            lambda x, w, b: x[:, :-1] @ w[:-1] + b,
            "The last input has no part in the sum. How far does the loop over the D inputs run?"),
        "mean": Mistake(
            lambda x, w, b: x @ w / len(w) + b, "The mean of the products is taken. The formula asks for their sum."),
        "first row only": Mistake(
            lambda x, w, b: _first_row_only(x @ w + b),
            "Only the first row of the batch has an output. The others are 0."),
    },
)

# --- backward ---


def backward(dy, x, w):
    return dy @ w.T, x.T @ dy, dy.sum(axis=0)


def _with(dx=None, dw=None, db=None):
    """A backward with one wrong piece. Each is a function (dy, x, w) -> the wrong gradient."""
    def function(dy, x, w):
        return tuple(part if change is None else change(dy, x, w)
                     for part, change in zip(backward(dy, x, w), (dx, dw, db), strict=True))
    return function


def _backward_cases(rng):
    return [Case(rng.standard_normal((n, f)), rng.standard_normal((n, d)), rng.standard_normal((d, f)))
            for n, d, f in ((4, 3, 2), (2, 5, 3), (3, 2, 6))]


BATCH = "It is divided by the batch size. The loss has done that already, so dy is small; a layer only adds up."
LAST = "Only the last row of the batch counts. In a loop over rows, is it = where the sum grows?"
ONES = "dy has no part in it. By the chain rule every share is multiplied by the dy of its output."

BACKWARD = Exercise(
    title="the three gradients of a fully connected layer",
    solution=backward,
    cases=_backward_cases,
    returns=("dx", "dw", "db"),
    mistakes={
        "dx: overwritten": Mistake(
            _with(dx=lambda dy, x, w: dy[:, -1:] * w[:, -1]),
            "An input keeps only the share of the last output. It has helped to make all F of them, and each sends its "
            "share."),
        "dx: batch mean": Mistake(_with(dx=lambda dy, x, w: dy @ w.T / len(x)), f"dx: {BATCH}"),
        "dx: mean over outputs": Mistake(
            _with(dx=lambda dy, x, w: dy @ w.T / dy.shape[1]),
            "The mean over the outputs is taken. Each of the F outputs sends its share whole: add them up."),
        "dx: dy ignored": Mistake(
            _with(dx=lambda dy, x, w: np.broadcast_to(w.sum(axis=1), x.shape)), f"dx: {ONES}"),
        "dx: turned": Mistake(
            _with(dx=lambda dy, x, w: w @ dy.T),
            "It is transposed: the gradient of x has the shape of x, one row for each row of the batch."),
        "dx: reshaped": Mistake(
            _with(dx=lambda dy, x, w: (w @ dy.T).reshape(x.shape)),
            "The numbers are right but in the wrong places. reshape does not turn a matrix; it reads it row by row."),
        "dx: w reshaped": Mistake(
            _with(dx=lambda dy, x, w: dy @ w.reshape(w.shape[::-1])),
            "w was brought into the shape (F, D) by reshape, which leaves the numbers in their order. Turning a matrix "
            "exchanges rows and columns."),
        "dx: sign": Mistake(
            _with(dx=lambda dy, x, w: -dy @ w.T),
            "The sign is wrong. backward gives the gradient itself; going against it is what the step does later."),
        "dw: overwritten": Mistake(_with(dw=lambda dy, x, w: np.outer(x[-1], dy[-1])), f"dw: {LAST}"),
        "dw: batch mean": Mistake(_with(dw=lambda dy, x, w: x.T @ dy / len(x)), f"dw: {BATCH}"),
        "dw: dy ignored": Mistake(
            _with(dw=lambda dy, x, w: np.broadcast_to(x.sum(axis=0)[:, None], w.shape)), f"dw: {ONES}"),
        "dw: turned": Mistake(
            _with(dw=lambda dy, x, w: dy.T @ x),
            "It is transposed: a gradient has the shape of what it belongs to, and w is (D, F)."),
        "dw: reshaped": Mistake(
            _with(dw=lambda dy, x, w: (dy.T @ x).reshape(w.shape)),
            "The numbers are right but in the wrong places: they were computed in the order (F, D) and then only "
            "reshaped."),
        "dw: not summed": Mistake(
            _with(dw=lambda dy, x, w: x[:, :, None] * dy[:, None, :]),
            "There is one gradient for each row of the batch. One w serves all rows, so it collects from all."),
        "dw: sign": Mistake(
            _with(dw=lambda dy, x, w: -x.T @ dy),
            "dw has the wrong sign. Does it go against the gradient already? That belongs to the step, not here."),
        "db: sign": Mistake(
            _with(db=lambda dy, x, w: -dy.sum(axis=0)),
            "db has the wrong sign. How the loss reacts is asked for, not in which direction to go."),
        "db: overwritten": Mistake(_with(db=lambda dy, x, w: dy[-1]), f"db: {LAST}"),
        "db: mean": Mistake(
            _with(db=lambda dy, x, w: dy.mean(axis=0)),
            "The mean is taken instead of the sum. b was added to every row, and every row sends its share."),
        "db: not summed": Mistake(
            _with(db=lambda dy, x, w: dy.copy()),
            "There is a gradient of b for each row. One b serves all rows, so it collects from all."),
        "db: wrong axis": Mistake(
            _with(db=lambda dy, x, w: dy.sum(axis=1)),
            "It is summed over the outputs, and one number for each row is left. Which axis of dy is the batch?"),
        "db: one number": Mistake(
            _with(db=lambda dy, x, w: dy.sum()),
            "All outputs are added up into one number. Every output has its own b."),
        "db: dy ignored": Mistake(
            _with(db=lambda dy, x, w: np.full(dy.shape[1], len(dy), dy.dtype)),
            "It counts rows and forgets dy. A row's share is the dy of its output."),
    },
)

EXERCISES = {"forward": FORWARD, "backward": BACKWARD, **SOFTMAX, "training": TRAINING, "layer": LAYER, "loss": LOSS}
