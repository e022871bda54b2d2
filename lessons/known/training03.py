"""The exercise of lesson 03 in which a bug is to be found: a training loop that runs, and trains badly."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from tinycnn.course.calls.lesson03 import somebodys_loop
from tinycnn.losses import SoftmaxCrossEntropy


def training(reset=True, sign=-1, bias=True, weights=True, after=False, first_gradient=False, chained=True,
             rate=lambda lr, n, step: lr, most=None):
    """A training loop, right unless told otherwise; each argument is one line that can be wrong."""
    def train(x, labels, w, b, steps, lr):
        loss, losses, dw, db = SoftmaxCrossEntropy(), [], np.zeros_like(w), np.zeros_like(b)
        dscores, start = None, (w, b)
        for step in range(steps if most is None else most):
            value = loss.forward(x @ w + b, labels)
            dscores = loss.backward() if dscores is None or not first_gradient else dscores
            dw = np.zeros_like(w) if reset in (True, "w") else dw
            db = np.zeros_like(b) if reset in (True, "b") else db
            dw, db = dw + x.T @ dscores, db + dscores.sum(axis=0)
            w, b = (w, b) if chained else start
            w = w + sign * rate(lr, len(x), step) * dw if weights else w
            b = b + sign * rate(lr, len(x), step) * db if bias else b
            losses.append(loss.forward(x @ w + b, labels) if after else value)
        return np.array(losses), w, b
    return train


def _cases(rng):
    return [Case(rng.standard_normal((n, d)), rng.integers(k, size=n), 0.1 * rng.standard_normal((d, k)),
                 0.1 * rng.standard_normal(k), steps, lr)
            for n, d, k, steps, lr in ((6, 4, 3, 5, 0.5), (5, 3, 4, 4, 0.3), (8, 2, 5, 6, 1.0))]


TRAINING = Exercise(
    title="a training loop, and the bug in it",
    solution=training(),
    lists=True,
    cases=_cases,
    returns=("losses", "w", "b"),
    stub=somebodys_loop,
    stub_says="accumulates",
    mistakes={
        "accumulates": Mistake(
            somebodys_loop,
            "The first step is right and every later one is not: it also goes along the gradients of all steps before. "
            "What is in dw when a step begins?"),
        "db accumulates": Mistake(
            training(reset="w"),
            "w is right now, but b still goes along the gradients of all steps before. There are two of them."),
        "dw accumulates": Mistake(
            training(reset="b"),
            "b has its own gradient now, but w still goes along those of all steps before. There are two of them."),
        "one step only": Mistake(
            training(most=1), "The loop ends after its first step. How far in is the return?"),
        "uphill": Mistake(
            training(sign=1), "The loss rises: the step goes along the gradient. Which way is down?"),
        "uphill and accumulates": Mistake(
            training(sign=1, reset=False),
            "The step now goes along the gradient, uphill, and the gradients of earlier steps are still in it. The "
            "direction was right before."),
        "bias stays": Mistake(
            training(bias=False), "b never changes. Both parameters take a step."),
        "weights stay": Mistake(
            training(weights=False), "w never changes. Both parameters take a step."),
        "loss after the step": Mistake(
            training(after=True),
            "The losses are those after each step. losses[0] is that of the weights that came in, before any step."),
        "always the first gradient": Mistake(
            training(first_gradient=True),
            "Every step uses the gradient of the very first one. The weights have moved since then; ask again."),
        "from the start": Mistake(
            training(chained=False),
            "Every step begins at the weights that came in, so the steps do not add up. Where does the result of one "
            "step go?"),
        "divided again": Mistake(
            training(rate=lambda lr, n, step: lr / n),
            "The steps are N times too small: divided by the batch size once more. The loss is a mean already."),
        "fading": Mistake(
            training(reset=False, rate=lambda lr, n, step: lr / (step + 1)),
            "The sum of all gradients is divided by their number, so a step goes along the mean of all gradients so "
            "far. Only the gradient at the present weights is asked for."),
    },
)
