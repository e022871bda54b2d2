"""Exercises of lesson 11: local response normalization and its backward, with alpha as the paper of 2012 has it.

The right answers are the library's layer, which is tested against PyTorch and against loops.
"""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from tinycnn.layers import LocalResponseNorm


def _layer(size, alpha, beta, k):
    return LocalResponseNorm(size, alpha, beta, k, divide_alpha=False)


def lrn(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    return _layer(size, alpha, beta, k).forward(x)


def lrn_backward(dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    layer = _layer(size, alpha, beta, k)
    layer.forward(x)
    return layer.backward(dy)


def window_sum(x, before, after, axis=3, mode="constant"):
    """Sum over neighbors along an axis: from `before` places before to `after` places after."""
    edges = [(0, 0)] * 4
    edges[axis] = before, after
    padded = np.moveaxis(np.pad(x, edges, mode=mode), axis, 3)
    total = sum(padded[..., i : i + x.shape[axis]] for i in range(before + after + 1))
    return np.moveaxis(total, 3, axis)


def _cases(rng):
    """Numbers around 1 of both signs, and a large alpha, so that neighbors matter."""
    def case(shape, size, alpha, beta, k):
        x = rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.2, shape)
        return Case(x, size, alpha, beta, k)
    return [case((2, 3, 4, 7), 5, 0.4, 0.75, 2.5), case((3, 4, 2, 6), 3, 0.9, 0.6, 3.5),
            case((2, 2, 5, 4), 5, 0.2, 0.9, 1.5)]


def _forward(sums=None, s=lambda total, alpha, size, k: k + alpha * total, y=lambda x, s, beta: x / s**beta):
    """A normalization of which one step is wrong. sums: function (x, size // 2) -> sum over the window."""
    def function(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
        half = size // 2
        total = window_sum(x * x, half, half) if sums is None else sums(x, half)
        return y(x, s(total, alpha, size, k), beta)
    return function


def _counted(x, half):
    """The mean over the window: at the ends it has fewer channels."""
    return window_sum(x * x, half, half) / window_sum(np.ones_like(x), half, half)


def _whole_windows_only(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    half = size // 2
    y = x.copy()
    inside = slice(half, x.shape[3] - half)
    y[..., inside] = lrn(x, size, alpha, beta, k)[..., inside]
    return y


def _in_place(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    """Each channel is normalized by its neighbors as they are by now."""
    y, half = x.copy(), size // 2
    for c in range(x.shape[3]):
        near = y[..., max(0, c - half) : c + half + 1]
        y[..., c] = y[..., c] / (k + alpha * (near**2).sum(axis=3)) ** beta
    return y


FORWARD = Exercise(
    title="local response normalization",
    solution=lrn,
    cases=_cases,
    keeps_dtype=True,
    mistakes={
        "over columns": Mistake(
            _forward(lambda x, half: window_sum(x * x, half, half, axis=2)),
            "The window lies over neighboring pixels of a row. The neighbors are channels: all numbers of a window "
            "belong to the same pixel."),
        "over rows": Mistake(
            _forward(lambda x, half: window_sum(x * x, half, half, axis=1)),
            "The window lies over pixels above and below. The neighbors are channels: all numbers of a window belong "
            "to the same pixel."),
        "all channels": Mistake(
            _forward(lambda x, half: np.broadcast_to((x * x).sum(axis=3, keepdims=True), x.shape)),
            "The sum runs over all channels. Only those near by count."),
        "alpha divided": Mistake(
            _forward(s=lambda total, alpha, size, k: k + alpha / size * total),
            "alpha is divided by the number of channels in the window. Some frameworks do so; the paper does not, and "
            "neither does this exercise."),
        "mean": Mistake(
            _forward(_counted),
            "The mean over the window is taken. The formula has a sum, which has fewer terms at the ends."),
        "k forgotten": Mistake(
            _forward(s=lambda total, alpha, size, k: alpha * total),
            "k is missing in s: without it, a channel among zeros is divided by nearly nothing."),
        "k is 1": Mistake(
            _forward(s=lambda total, alpha, size, k: 1 + alpha * total),
            "s begins with 1. It begins with k, whatever that is."),
        "k inside": Mistake(
            _forward(s=lambda total, alpha, size, k: alpha * (k + total)),
            "k is multiplied with alpha. It stands alone in s."),
        "window behind": Mistake(
            _forward(lambda x, half: window_sum(x * x, 0, 2 * half)),
            "The window begins at the channel itself. The channel is in its middle."),
        "window before": Mistake(
            _forward(lambda x, half: window_sum(x * x, 2 * half, 0)),
            "The window ends at the channel itself. The channel is in its middle."),
        "one too few": Mistake(
            _forward(lambda x, half: window_sum(x * x, half, half - 1)),
            "The window ends one channel too early. The end of a slice does not belong to it."),
        "twice as wide": Mistake(
            _forward(lambda x, half: window_sum(x * x, 2 * half + 1, 2 * half + 1)),
            "The window reaches `size` channels to both sides. All of it has `size` channels."),
        "around the end": Mistake(
            _forward(lambda x, half: window_sum(x * x, half, half, mode="wrap") if half < x.shape[3] else x),
            "The first and the last channel are taken for neighbors. At the ends the window is cut off."),
        "ends repeated": Mistake(
            _forward(lambda x, half: window_sum(x * x, half, half, mode="edge")),
            "At the ends the outermost channel is counted several times. The window is cut off there."),
        "whole windows only": Mistake(
            _whole_windows_only,
            "The channels at the ends stay as they are. Theirs is a shorter window, but they have one."),
        "itself left out": Mistake(
            _forward(lambda x, half: window_sum(x * x, half, half) - x * x),
            "A channel does not count for itself. It is one of its window."),
        "not squared": Mistake(
            _forward(lambda x, half: window_sum(x, half, half)), "The numbers are summed. Their squares are meant."),
        "absolute": Mistake(
            _forward(lambda x, half: window_sum(abs(x), half, half)),
            "Absolute values are summed. Squares are meant."),
        "square of the sum": Mistake(
            _forward(lambda x, half: window_sum(x, half, half) ** 2),
            "The sum is squared. Each number is squared before it is added."),
        "multiplied": Mistake(
            _forward(y=lambda x, s, beta: x * s**beta),
            "It makes large what should become small. Is s in the denominator?"),
        "beta forgotten": Mistake(
            _forward(y=lambda x, s, beta: x / s), "beta plays no part: s is not raised to any power."),
        "root": Mistake(
            _forward(y=lambda x, s, beta: x / s**0.5), "The square root of s is taken. Its exponent is beta."),
        "in place": Mistake(
            _in_place,
            "The channels before have been normalized already when a channel looks at them. All windows look at x."),
    },
)

# --- backward ---


def _backward(factor=lambda alpha, beta, size: 2 * alpha * beta, direct=lambda dy, x, s, beta: dy / s**beta,
              inside=lambda dy, x, s, beta: dy * x / s ** (beta + 1), outside=lambda dy, x, s, beta: x,
              near=lambda terms, half: window_sum(terms, half, half)):
    """dx = direct - factor * outside * (sum over the window of inside), with one part wrong."""
    def function(dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
        half = size // 2
        s = k + alpha * window_sum(x * x, half, half)
        through = outside(dy, x, s, beta) * near(inside(dy, x, s, beta), half)
        return direct(dy, x, s, beta) - factor(alpha, beta, size) * through
    return function


def _with_dy(rng):
    return [Case(rng.standard_normal(case.args[0].shape), *case.args) for case in _cases(rng)]


BACKWARD = Exercise(
    title="local response normalization, backward",
    solution=lrn_backward,
    cases=_with_dy,
    returns=("dx",),
    keeps_dtype=True,
    mistakes={
        "direct only": Mistake(
            _backward(factor=lambda alpha, beta, size: 0),
            "s is taken for a constant. But it was made of x, and changes with it."),
        "neighbors only": Mistake(
            _backward(direct=lambda dy, x, s, beta: 0 * dy),
            "Only the way through s is there. x also stands in the numerator."),
        "own window only": Mistake(
            _backward(near=lambda terms, half: terms),
            "Each x acts on its own y alone. It lies in the windows of its neighbors as well."),
        "itself left out": Mistake(
            _backward(near=lambda terms, half: window_sum(terms, half, half) - terms),
            "Each x acts on the s of its neighbors, but not on its own. It lies in its own window too."),
        "two forgotten": Mistake(
            _backward(factor=lambda alpha, beta, size: alpha * beta),
            "The way through s is half as strong as it is. What is the derivative of a square?"),
        "alpha forgotten": Mistake(
            _backward(factor=lambda alpha, beta, size: 2 * beta),
            "alpha is missing in the way through s: how much does s grow with a square?"),
        "beta forgotten": Mistake(
            _backward(factor=lambda alpha, beta, size: 2 * alpha),
            "beta is missing: a power's derivative has the exponent in front."),
        "alpha divided": Mistake(
            _backward(factor=lambda alpha, beta, size: 2 * alpha * beta / size),
            "alpha is divided by the number of channels in the window, but the forward does not do that."),
        "sign": Mistake(
            _backward(factor=lambda alpha, beta, size: -2 * alpha * beta),
            "The way through s has the wrong sign. When s grows, what does y do?"),
        "exponent not lowered": Mistake(
            _backward(inside=lambda dy, x, s, beta: dy * x / s**beta),
            "In the way through s, its exponent is still that of the forward. What is the derivative of s to the "
            "power of -beta?"),
        "exponent raised": Mistake(
            _backward(inside=lambda dy, x, s, beta: dy * x / s ** (beta - 1)),
            "In the way through s, the exponent -beta has become 1 - beta. A derivative lowers the exponent by 1."),
        "dy ignored": Mistake(
            _backward(inside=lambda dy, x, s, beta: x / s ** (beta + 1)),
            "In the sum over the window, dy is missing: each neighbor has a dy of its own."),
        "dy outside": Mistake(
            _backward(inside=lambda dy, x, s, beta: x / s ** (beta + 1), outside=lambda dy, x, s, beta: dy * x),
            "dy stands before the sum, so it is the channel's own. Whose y is it that a neighbor's s changes?"),
        "s outside": Mistake(
            _backward(inside=lambda dy, x, s, beta: dy * x,
                      outside=lambda dy, x, s, beta: x / s ** (beta + 1)),
            "s stands before the sum, so it is the channel's own. Each neighbor has an s of its own."),
        "x exchanged": Mistake(
            _backward(inside=lambda dy, x, s, beta: dy * x * x / s ** (beta + 1),
                      outside=lambda dy, x, s, beta: 1),
            "Both x stand in the sum. One of them is that of the neighbor whose y changes; which is the other?"),
        "x forgotten": Mistake(
            _backward(outside=lambda dy, x, s, beta: 1),
            "Behind the sum an x is missing: the derivative of a square is not a constant."),
    },
)

LRN = {"lrn": FORWARD, "lrn_backward": BACKWARD}
