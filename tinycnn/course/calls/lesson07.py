"""Calls of lesson 07."""

import numpy as np

from tinycnn.gradient_check import gradcheck
from tinycnn.layers import MaxPool2d

RETURNS = "y", "dx", "dx of the next step", "dy afterwards"


def in_turn(cls, args, kwargs):
    """One layer, another one that is used between its forward and its backward, and then a second step of the first.

    kwargs: x, x2 (of the other layer), x3 (of the second step), and what the layers are made with
    """
    x, x2, x3, *made_with = kwargs.values()
    cls = type(cls.__name__, (cls,), {}) if isinstance(cls, type) else cls  # what a class keeps begins anew
    first, second = cls(*made_with), cls(*made_with)
    y = first.forward(x)
    if y is None or y is Ellipsis:
        return [None] * len(RETURNS)
    second.forward(x2)
    dy, dy2, dy3 = np.random.default_rng(2).standard_normal((3, *np.shape(y))).astype(x.dtype)
    dx = first.backward(dy)
    second.backward(dy2)
    first.forward(x3)
    return y, dx, first.backward(dy3), dy


def _gradcheck_relu(cls):
    rng = np.random.default_rng(1)
    return gradcheck(cls(), rng.choice([-1, 1], (2, 4, 5, 3)) * rng.uniform(0.1, 1, (2, 4, 5, 3)))


def _gradcheck_layer(cls):
    x = np.random.default_rng(1).permutation(2 * 5 * 7 * 2).reshape(2, 5, 7, 2).astype(float)
    return gradcheck(cls(3, stride=2, padding=1), x)


def _gradcheck(function):
    """On shuffled whole numbers, no two of them equal, so that no window is near a tie."""
    x = np.random.default_rng(1).permutation(2 * 5 * 7 * 2).reshape(2, 5, 7, 2).astype(float)

    def forward(x):
        return MaxPool2d(3, 2, 1).forward(x)

    return gradcheck((forward, lambda dy, x: function(dy, x, 3, 2, 1)), x)


CALLS = {"relu": in_turn, "layer": in_turn}
GRADIENTS = {"relu": _gradcheck_relu, "layer": _gradcheck_layer, "max_pool_backward": _gradcheck,
             "fast_backward": _gradcheck}
