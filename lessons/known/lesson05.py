"""Exercises of lesson 05: a slope measured, an error that means something, kinks, and planted bugs."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.slope05 import SLOPE
from lessons.known.suspects05 import ACCUSE
from tinycnn.course.calls.lesson05 import cube_sum, weighted

# --- numeric_gradient: the slope of a function of many numbers ---


def numeric_gradient(f, x, h=1e-5):
    gradient, x = np.zeros_like(x), x.copy()
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        plus = f(x)
        x[i] = old - h
        gradient[i] = (plus - f(x)) / (2 * h)
        x[i] = old
    return gradient


def _numeric(step):
    """step(f, x, i, h) -> what is put down for element i."""
    def function(f, x, h=1e-5):
        return np.array([step(f, x, i, h) for i in np.ndindex(x.shape)]).reshape(x.shape)
    return function


def _moved(x, i, by):
    x = x.copy()
    x[i] += by
    return x


def _not_put_back(f, x, h=1e-5):
    gradient, x = np.zeros_like(x), x.copy()
    for i in np.ndindex(x.shape):
        x[i] += h
        plus = f(x)
        x[i] -= 2 * h
        gradient[i] = (plus - f(x)) / (2 * h)
    return gradient


def _all_at_once(f, x, h=1e-5):
    return np.full(x.shape, (f(x + h) - f(x - h)) / (2 * h))


NUMERIC_GRADIENT = Exercise(
    title="the slope along every element, measured on both sides",
    solution=numeric_gradient,
    cases=lambda rng: [Case(cube_sum, rng.uniform(1, 2, (2, 3)), 0.1), Case(weighted, rng.uniform(-1, 1, 4), 0.01),
                       Case(weighted, rng.uniform(1, 2, (2, 1, 2)), 0.05)],
    returns=("gradient",),
    tolerance=1e-8,
    mistakes={
        "one-sided": Mistake(
            _numeric(lambda f, x, i, h: (f(_moved(x, i, h)) - f(x)) / h),
            "Only one side is measured. It is not wrong, but its error falls with h, and that of both sides with h "
            "squared: look at the drawing with the two lines."),
        "one-sided, below": Mistake(
            _numeric(lambda f, x, i, h: (f(x) - f(_moved(x, i, -h))) / h),
            "Only the lower side is measured. Take one step up, one step down, and compare those two."),
        "not halved": Mistake(
            _numeric(lambda f, x, i, h: (f(_moved(x, i, h)) - f(_moved(x, i, -h))) / h),
            "Every slope is twice too large. How far apart are the two points that you compare?"),
        "exchanged": Mistake(
            _numeric(lambda f, x, i, h: (f(_moved(x, i, -h)) - f(_moved(x, i, h))) / (2 * h)),
            "Every slope has the wrong sign. Which value do you subtract from which?"),
        "brackets": Mistake(
            _numeric(lambda f, x, i, h: f(_moved(x, i, h)) - f(_moved(x, i, -h)) / (2 * h)),
            "Only the second value is divided: dividing comes before subtracting unless brackets say otherwise."),
        "half the way": Mistake(
            _numeric(lambda f, x, i, h: (f(_moved(x, i, h)) - f(x)) / (2 * h)),
            "The second value is taken at x itself, not below it, and the difference divided by two steps. Where is "
            "the element when f is called the second time?"),
        "own step": Mistake(
            _numeric(lambda f, x, i, h: (f(_moved(x, i, 1e-5)) - f(_moved(x, i, -1e-5))) / 2e-5),
            "The slopes are fine, but h plays no part: whoever calls this with another h gets the same numbers."),
        "not divided": Mistake(
            _numeric(lambda f, x, i, h: f(_moved(x, i, h)) - f(_moved(x, i, -h))),
            "This is how much f changes. A slope is that change divided by the way."),
        "not put back": Mistake(
            _not_put_back,
            "The first slope is right, the others are a little off: an element that has been moved stays moved while "
            "the next ones are measured. Put it back."),
        "all at once": Mistake(
            _all_at_once,
            "All slopes are equal: all elements are moved together. Move one, and leave the others where they are."),
    },
)

# --- relative_error: one number for how far two gradients are apart ---


def relative_error(a, b):
    distance, size = abs(a - b), np.maximum(abs(a), abs(b))
    return float(np.divide(distance, size, out=np.zeros_like(size), where=size > 0).max())


def _error_with(formula):
    def function(a, b):
        with np.errstate(all="ignore"):
            return float(formula(a, b))
    return function


def _ratio(p, q):
    return np.divide(p, q, out=np.zeros_like(q), where=q > 0)


PAIRS = ("two that are close", "two tiny ones", "opposite signs", "zeros at the same places", "two of one sign",
         "the same two exchanged", "a and one with a gradient forgotten", "one with a gradient forgotten and b",
         "zeros and a")


def _gradients(rng, shape):
    """A pair (a, b) for each of PAIRS."""
    a, b = rng.uniform(0.5, 2, (2, *shape)) * rng.choice([-1, 1], shape)
    zero, lost = a.copy(), a.copy()
    zero[0], lost[-1] = 0, 0
    shifted = a * rng.uniform(1.01, 1.4, shape)
    return [(a, a * (1 + 1e-3 * rng.uniform(0.5, 1, shape))), (1e-8 * a, 2e-8 * b), (a, -b), (zero, zero * 1.25),
            (abs(a), abs(shifted)), (abs(shifted), abs(a)), (a, lost), (lost, b), (np.zeros(shape), a)]


RELATIVE_ERROR = Exercise(
    title="how far two gradients are apart, as one number",
    solution=relative_error,
    takes=PAIRS,
    elements=PAIRS,
    cases=lambda rng: [Case(*_gradients(rng, shape)) for shape in ((3, 4), (2, 2, 3), (5,))],
    returns=("error",),
    mistakes={
        "absolute": Mistake(
            _error_with(lambda a, b: abs(a - b).max()),
            "This is the difference itself. Two gradients of 0.00000001 and 0.00000002 would be nearly equal by it, "
            "and one of them is twice too large. Compare with the size of the numbers."),
        "nan": Mistake(
            _error_with(lambda a, b: (abs(a - b) / np.maximum(abs(a), abs(b))).max()),
            "Where both gradients are 0, the quotient is 0 / 0, which is NaN. They agree there: say so."),
        "zero is perfect": Mistake(
            _error_with(lambda a, b: _ratio(abs(a - b), np.where(a * b == 0, 0, np.maximum(abs(a), abs(b)))).max()),
            "Where one of the two is 0 and the other is not, the error counts as 0: a backward that has forgotten a "
            "gradient altogether would be perfect. Only where both are 0 do they agree."),
        "signed": Mistake(
            _error_with(lambda a, b: _ratio(a - b, np.maximum(abs(a), abs(b))).max()),
            "The difference keeps its sign, so what is too small counts as better than what is right. An absolute "
            "value is missing."),
        "mean": Mistake(
            _error_with(lambda a, b: _ratio(abs(a - b), np.maximum(abs(a), abs(b))).mean()),
            "That is the mean error. One wrong element among a million would vanish in it. Which one number would "
            "show it?"),
        "sum below": Mistake(
            _error_with(lambda a, b: _ratio(abs(a - b), abs(a) + abs(b)).max()),
            "The difference is divided by the sum of the two sizes; the larger of the two was asked for. It makes a "
            "factor of two, no more, but numbers are compared with those of others."),
        "only a below": Mistake(
            _error_with(lambda a, b: _ratio(abs(a - b), abs(a)).max()),
            "The difference is divided by a alone. error(a, b) is not error(b, a) then. Divide by the larger of both."),
        "only b below": Mistake(
            _error_with(lambda a, b: _ratio(abs(a - b), abs(b)).max()),
            "The difference is divided by b alone. error(a, b) is not error(b, a) then. Divide by the larger of both."),
        "norms": Mistake(
            _error_with(lambda a, b: np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b))),
            "The lengths of whole arrays are compared. One wrong element among a million would hardly change them. "
            "Which one number would show it?"),
        "smaller below": Mistake(
            _error_with(lambda a, b: _ratio(abs(a - b), np.minimum(abs(a), abs(b))).max()),
            "The difference is divided by the smaller of the two sizes. The larger was asked for."),
        "largest below": Mistake(
            _error_with(lambda a, b: abs(a - b).max() / np.maximum(abs(a), abs(b)).max()),
            "All differences are compared with the largest number of all. A small element may be wrong altogether "
            "beside a large one, and nobody would see it. Divide element by element."),
    },
)

# --- away_from_kinks ---


def away_from_kinks(x, margin):
    return np.where(abs(x) < margin, np.where(x < 0, -margin, margin), x)


def _kink_cases(rng):
    x = rng.uniform(-1, 1, (4, 5))
    x[0, :3] = (0.0, 0.05, -0.05)
    y = rng.uniform(-1, 1, (2, 3, 2))
    y[:, 0, 0] = 0.0
    return [Case(x, 0.1), Case(np.array([-2.0, -0.3, -0.2, 0.0, 0.0, 0.1, 0.3, 5.0]), 0.3), Case(y, 0.25)]


AWAY_FROM_KINKS = Exercise(
    title="inputs moved out of the reach of a kink at 0",
    solution=away_from_kinks,
    cases=_kink_cases,
    returns=("x",),
    mistakes={
        "zeros stay": Mistake(
            lambda x, margin: np.where(abs(x) < margin, margin * np.sign(x), x),
            "Numbers that are exactly 0 are still 0: the sign of 0 is 0. They are the worst of all. Send them to one "
            "side."),
        "all positive": Mistake(
            lambda x, margin: np.where(abs(x) < margin, margin, x),
            "Small negative numbers have become positive. They should stay on their side, or the negative side of the "
            "function is checked less."),
        "negative lost": Mistake(
            lambda x, margin: np.maximum(x, margin),
            "All negative numbers are gone. Only those near 0 have to move."),
        "all moved": Mistake(
            lambda x, margin: x + margin * np.where(x < 0, -1, 1),
            "Every number has moved, not only those near 0."),
        "zeros down": Mistake(
            lambda x, margin: np.where(abs(x) < margin, np.where(x <= 0, -margin, margin), x),
            "What is exactly 0 was sent down. Send it up."),
        "all negative": Mistake(
            lambda x, margin: np.where(abs(x) < margin, -margin, x),
            "Small positive numbers have become negative. They should stay on their side."),
        "the others lost": Mistake(
            lambda x, margin: np.where(abs(x) < margin, np.where(x < 0, -margin, margin), 0),
            "What was near 0 is right, and all other numbers are 0. They should stay as they are."),
        "dropped": Mistake(
            lambda x, margin: np.where(abs(x) < margin, 0.0, x),
            "Small numbers are set to 0, which is the kink itself."),
        "clipped": Mistake(
            lambda x, margin: np.clip(x, -margin, margin),
            "It is the wrong way round: large numbers were pulled in. Those near 0 have to go out."),
    },
)

EXERCISES = {"numeric_gradient": NUMERIC_GRADIENT, "relative_error": RELATIVE_ERROR, "slope": SLOPE,
             "away_from_kinks": AWAY_FROM_KINKS, "accuse": ACCUSE}
