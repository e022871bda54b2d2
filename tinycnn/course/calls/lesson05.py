"""Calls of lesson 05, and the planted bugs: fourteen backwards, some of them wrong."""

import numpy as np

from tinycnn.patches import col2im, im2col


# Large steps and polynomials, so that a formula shows in the numbers and not in the rounding.
def cube_sum(x):
    """The sum of all cubes."""
    return float((x**3).sum())


def weighted(x):
    """The square of a weighted sum."""
    return float((x * np.arange(1, x.size + 1).reshape(x.shape)).sum() ** 2)


def _of_each_pair(function, args, kwargs):
    """The errors of several pairs as one answer: one number alone is met by chance."""
    answers = [function(a.copy(), b.copy()) for a, b in args]
    return [None if any(answer is None for answer in answers) else answers]


def _slopes(function, args, kwargs):
    """Slopes of three functions along two directions, and x afterwards."""
    x, dy, r, h = args
    answers, moved = [], []
    for forward in (np.tanh, lambda x: x**3, lambda x: x * x[::-1]):
        for direction in (r, r[::-1]):
            mine = x.copy()
            answers.append(function(forward, mine, dy.copy(), direction.copy(), h))
            moved.append(mine)
    return [None if any(answer is None for answer in answers) else answers, moved]


SMALL = 1e-6  # the scale of one innocent suspect's gradients: an absolute tolerance calls anything of this size right


class Suspect:
    """A forward x -> y and a backward (dy, x) -> dx, and whether that backward is wrong."""

    def __init__(self, name, forward, backward, guilty):
        self.name, self.forward, self.backward, self.guilty = name, forward, backward, guilty

    def __repr__(self):
        return self.name


SIDE = 6  # inputs are (N, 6, 6): rows and columns can be exchanged, and a convolution fits


def _w():
    return np.random.default_rng(7).standard_normal((SIDE, SIDE))


def _kernel():
    return np.random.default_rng(8).standard_normal((9, 1))


def _convolve(x):
    return (im2col(x[..., None], (3, 3)) @ _kernel())[..., 0]


def _convolve_back(dy, x, kernel=None):
    return col2im(dy[..., None] @ (_kernel() if kernel is None else kernel).T, (*x.shape, 1), (3, 3))[..., 0]


def suspects():
    """All of them."""
    return [
        Suspect("matrix product", lambda x: x @ _w(), lambda dy, x: dy @ _w().T, False),
        Suspect("matrix product, not transposed", lambda x: x @ _w(), lambda dy, x: dy @ _w(), True),
        Suspect("tanh", np.tanh, lambda dy, x: dy * (1 - np.tanh(x) ** 2), False),
        Suspect("tanh, dy forgotten", np.tanh, lambda dy, x: 1 - np.tanh(x) ** 2, True),
        Suspect("tanh of tanh", lambda x: np.tanh(x) * SMALL, lambda dy, x: dy * (1 - np.tanh(x) ** 2) * SMALL, False),
        Suspect("small and halved", lambda x: np.tanh(x) * SMALL, lambda dy, x: dy * (1 - np.tanh(x) ** 2) * SMALL / 2,
                True),
        Suspect("convolution", _convolve, _convolve_back, False),
        Suspect("convolution, upside down", _convolve, lambda dy, x: _convolve_back(dy[:, ::-1], x), True),
        Suspect("convolution, batch reversed", _convolve, lambda dy, x: _convolve_back(dy[::-1], x), True),
        Suspect("convolution, kernel turned", _convolve, lambda dy, x: _convolve_back(dy, x, _kernel()[::-1]), True),
        Suspect("large", lambda x: 1e4 * x**3, lambda dy, x: 3e4 * dy * x**2, False),
        Suspect("only the last element", lambda x: x**2, lambda dy, x: 2 * x * dy * _but_last(x), True),
        Suspect("square", lambda x: x**2, lambda dy, x: 2 * x * dy, False),
        Suspect("one element, a thousandth too large", lambda x: x**2,
                lambda dy, x: 2 * x * dy * (1.001 - 0.001 * _but_last(x)), True),
    ]


def _but_last(x):
    """Ones, but 0 for the very last element."""
    ones = np.ones(x.shape)
    ones.reshape(-1)[-1] = 0
    return ones


def _verdicts(function, args, kwargs):
    """One answer for the whole row of suspects: 1 for guilty, 0 for innocent."""
    (x,) = args
    answers = [function(suspect.forward, suspect.backward, x.copy()) for suspect in suspects()]
    if any(answer is None or answer is Ellipsis for answer in answers):
        return [None]
    return [np.array([bool(answer) for answer in answers], int)]


CALLS = {"relative_error": _of_each_pair, "slope": _slopes, "accuse": _verdicts}
FUNCTIONS = {"cube_sum": cube_sum, "weighted": weighted}
