"""The planted bugs of lesson 05: fourteen backwards, some of them wrong, and checkers that let some of those go."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from tinycnn.course.calls.lesson05 import SIDE, suspects


def slopes(forward, x, dy, h):
    """The numeric gradient of (forward(x) * dy).sum()."""
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        gradient[i] = ((forward(x + step) - forward(x - step)) * dy).sum() / (2 * h)
    return gradient


def accuse(forward, backward, x):
    dy = np.random.default_rng(0).standard_normal(forward(x).shape)
    a, b = backward(dy, x), slopes(forward, x, dy, 1e-5)
    return bool((abs(a - b) / np.maximum(np.maximum(abs(a), abs(b)), 1e-30)).max() > 1e-5)


def _with(h=1e-5, tolerance=1e-5, dy=None, absolute=False, measure=np.max):
    """A checker that does one thing differently."""
    def function(forward, backward, x):
        shape = forward(x).shape
        up = np.random.default_rng(0).standard_normal(shape) if dy is None else dy(shape)
        a, b = backward(up, x), slopes(forward, x, up, h)
        size = 1.0 if absolute else np.maximum(np.maximum(abs(a), abs(b)), 1e-30)
        return bool(measure(abs(a - b) / size) > tolerance)
    return function


ACCUSE = Exercise(
    title="which of fourteen backwards are wrong",
    solution=accuse,
    takes=("x",),
    elements=tuple(suspect.name for suspect in suspects()),
    cases=lambda rng: [Case(rng.uniform(0.4, 1.2, (3, SIDE, SIDE)) * rng.choice([-1, 1], (3, SIDE, SIDE)))
                       for _ in range(3)],
    returns=("guilty",),
    unknown=lambda forward, backward, x: bool(abs(forward(x)).max() > 1),
    # Verdicts alone do not show what a checker did, so each sentence says what happened and how it usually comes about.
    mistakes={
        "symmetry": Mistake(
            _with(dy=np.ones),
            "A tanh that has forgotten dy and two convolutions that read dy in the wrong order walk free. That happens "
            "when dy is all ones, as in y.sum(): then nobody can see who gets whose blame. What else could dy be?"),
        "small walks free": Mistake(
            _with(absolute=True),
            "A tiny gradient, half of what it should be, walks free. That happens when errors are compared with a "
            "fixed number: its error is tiny as well. Compare it with the size of the gradients."),
        "large accused": Mistake(
            _with(absolute=True, tolerance=1e-9),
            "An innocent backward with large gradients is accused. That happens when errors are compared with a fixed "
            "number: rounding alone is larger. Compare it with the size of the gradients."),
        "one wrong element": Mistake(
            _with(measure=np.mean, tolerance=0.02),
            "A backward with a single wrong element walks free. That happens when the mean error is taken, or only "
            "some elements are looked at. Which one number would show it?"),
        "everybody": Mistake(
            _with(h=1e-13),
            "Everybody is accused. That happens when h is so small that only rounding is left, when nothing counts as "
            "close enough, or when backward gets another dy than the one that weights the outputs. Try tanh alone."),
        "a thousandth walks free": Mistake(
            _with(tolerance=0.01),
            "A backward with one element that is a thousandth too large walks free; the others are caught. A right "
            "gradient agrees to about 1e-8 here. How much do you allow?"),
        "bent": Mistake(
            _with(h=0.3),
            "Innocents are accused wherever the function bends, and only there. That happens when the step is too "
            "large. Look at the curve of the error over h."),
        "nobody": Mistake(
            _with(tolerance=2.5),
            "Nobody is accused. A right gradient agrees to about 1e-8 here; what do you allow? And do you return the "
            "answer, True for a wrong backward?"),
        "inverted": Mistake(
            lambda *arguments: not accuse(*arguments),
            "The guilty are innocent and the innocent guilty: True should mean that the backward is wrong."),
    },
)
