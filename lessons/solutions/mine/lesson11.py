"""Written in lesson 11."""

import numpy as np
from tinycnn.layers.base import Layer


def shapes(layers, shape):
    """layers: as above; shape: (H, W, C) of the picture -> list of shapes, one for each layer."""
    found = []
    for kind, *numbers in layers.values():
        if kind == "conv":
            filters, kernel, stride, padding, _ = numbers
            shape = *((n + 2 * padding - kernel) // stride + 1 for n in shape[:2]), filters
        elif kind == "pool":
            kernel, stride = numbers
            shape = *((n - kernel) // stride + 1 for n in shape[:2]), shape[2]
        else:
            shape = tuple(numbers)
        found.append(shape)
    return found


def costs(layers, shape):
    """-> (parameters of each layer, multiplications of each layer), two lists of whole numbers."""
    parameters, multiplications = [], []
    for (kind, *numbers), after in zip(layers.values(), shapes(layers, shape), strict=True):
        if kind == "conv":
            filters, kernel, _, _, groups = numbers
            weights, places, biases = kernel * kernel * (shape[2] // groups) * filters, after[0] * after[1], filters
        elif kind == "pool":
            weights, places, biases = 0, 0, 0
        else:
            weights, places, biases = int(np.prod(shape)) * numbers[0], 1, numbers[0]
        parameters.append(weights + biases)
        multiplications.append(weights * places)
        shape = after
    return parameters, multiplications


def window_sum(x, size):
    """The sum over `size` neighboring channels, each in the middle of its window."""
    half = size // 2
    return np.stack([x[..., max(0, c - half) : c + half + 1].sum(axis=3) for c in range(x.shape[3])], axis=3)


def lrn(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    """x: (N, H, W, C) -> y: (N, H, W, C), each number damped by the squares of neighboring channels. size: odd."""
    return x / (k + alpha * window_sum(x * x, size)) ** beta


def lrn_backward(dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    """dy, x: (N, H, W, C) -> dx: (N, H, W, C)."""
    s = k + alpha * window_sum(x * x, size)
    return dy / s**beta - 2 * alpha * beta * x * window_sum(dy * x / s ** (beta + 1), size)


class MyDropout(Layer):
    def __init__(self, p=0.5, rng=None):
        self.p, self.rng = p, np.random.default_rng(0) if rng is None else rng

    def forward(self, x):
        if not self.training:
            self.remember(None)
            return x
        mask = self.rng.random(x.shape, dtype=np.float32) >= self.p
        self.remember(mask)
        return x * mask / (1 - self.p)

    def backward(self, dy):
        (mask,) = self.recall()  # the very numbers that forward has kept
        return dy if mask is None else dy * mask / (1 - self.p)
