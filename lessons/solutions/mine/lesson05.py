"""Written in lesson 05."""

import numpy as np


def numeric_gradient(f, x, h=1e-5):
    """f: function (array) -> number; x: array -> the slope of f along each element, in the shape of x."""
    gradient, x = np.zeros_like(x), x.copy()
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        above = f(x)
        x[i] = old - h
        gradient[i] = (above - f(x)) / (2 * h)
        x[i] = old  # put it back before the next one moves
    return gradient


def relative_error(a, b):
    """Largest |a - b| / max(|a|, |b|) over all elements of two arrays; 0 where both are 0."""
    distance, size = abs(a - b), np.maximum(abs(a), abs(b))
    return np.divide(distance, size, out=np.zeros_like(size), where=size > 0).max()


def slope_in_place(forward, x, dy, r, h=1e-5):
    """The same as slope_along, without new arrays for x: how fast sum(dy * forward(x)) rises when x moves along r."""
    x += h * r
    above = (forward(x) * dy).sum()
    x -= 2 * h * r  # from above to below is two steps
    below = (forward(x) * dy).sum()
    x += h * r  # and back to where it was
    return (above - below) / (2 * h)


def away_from_kinks(x, margin):
    """A copy of x in which no number is nearer to 0 than margin."""
    side = np.where(x < 0, -1, 1)  # 0 goes up
    return np.where(abs(x) < margin, margin * side, x)


def accuse(forward, backward, x):
    """Is backward(dy, x) wrong? forward: x -> y; x: an array of float64."""
    dy = np.random.default_rng(0).standard_normal(forward(x).shape)
    measured = numeric_gradient(lambda x: (forward(x) * dy).sum(), x)
    return relative_error(backward(dy, x), measured) > 1e-5
