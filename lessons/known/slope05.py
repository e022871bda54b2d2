"""The bug to find in lesson 05: a slope along a direction, measured in place, and only half the way."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake


def slope_along(forward, x, dy, r, h=1e-5):
    return ((forward(x + h * r) - forward(x - h * r)) * dy).sum() / (2 * h)


def _slope_as_found(forward, x, dy, r, h=1e-5):
    x += h * r
    above = (forward(x) * dy).sum()
    x -= h * r
    return (above - (forward(x) * dy).sum()) / (2 * h)


def _slope_with(formula):
    """formula(forward, x, dy, r, h) -> what is taken for the slope."""
    return lambda forward, x, dy, r, h=1e-5: formula(forward, x, dy, r, h)


SLOPE = Exercise(
    title="a slope along a direction, measured in place",
    solution=slope_along,
    takes=("x", "dy", "r", "h"),
    cases=lambda rng: [Case(*rng.uniform(0.3, 1.4, (3, 2, 3)), 0.1), Case(*rng.standard_normal((3, 4, 2)), 0.05),
                       Case(*rng.uniform(-1, 1, (3, 3, 3)), 0.2)],
    returns=("slopes", "x afterwards"),
    stub=_slope_as_found,
    stub_says="half the way",
    mistakes={
        "half the way": Mistake(
            _slope_as_found,
            "x goes up one step and down one step, so the second forward is at x itself, not below it. The difference "
            "is then divided by two steps."),
        "one side": Mistake(
            _slope_with(lambda forward, x, dy, r, h: ((forward(x + h * r) - forward(x)) * dy).sum() / h),
            "That is the slope to one side: divided by what lies between the two places, but one of them is x itself. "
            "Measure on both sides."),
        "not put back": Mistake(
            _slope_with(lambda forward, x, dy, r, h: (slope_along(forward, x, dy, r, h),
                                                      x.__isub__(h * r))[0]),
            "x has been left one step below where it was. Whoever measures next measures elsewhere."),
        "not halved": Mistake(
            _slope_with(lambda forward, x, dy, r, h: 2 * slope_along(forward, x, dy, r, h)),
            "The slope is twice too large. How far apart are the two places?"),
        "not divided": Mistake(
            _slope_with(lambda forward, x, dy, r, h: 2 * h * slope_along(forward, x, dy, r, h)),
            "That is how much the loss changes. A slope is that change divided by the way."),
        "dy forgotten": Mistake(
            _slope_with(lambda forward, x, dy, r, h: slope_along(forward, x, np.ones_like(dy), r, h)),
            "dy has no part in it: the outputs are simply added up."),
        "all alike": Mistake(
            _slope_with(lambda forward, x, dy, r, h: slope_along(forward, x, dy, np.ones_like(r), h)),
            "All elements are moved by the same amount. Each has its own share, r."),
        "exchanged": Mistake(
            _slope_with(lambda forward, x, dy, r, h: -slope_along(forward, x, dy, r, h)),
            "The sign is wrong. Which of the two do you subtract from which?"),
    },
)
