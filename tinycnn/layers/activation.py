"""Layers that work on each number by itself: ReLU and Dropout."""

import numpy as np

from tinycnn.backend import array_module, device_of, to_device
from tinycnn.layers.base import Layer


class ReLU(Layer):
    """y = max(x, 0). The gradient passes where y > 0 and stops elsewhere; at exactly 0 it is 0, as in PyTorch."""

    per_image = True

    def forward(self, x):
        y = array_module(x).maximum(x, 0)
        self.remember(y, output=y)
        return y

    def backward(self, dy):
        (y,) = self.recall(dy)
        return dy * (y > 0)


class Dropout(Layer):
    """While training, set each number to 0 with probability p and scale the others by 1 / (1 - p); else do nothing.

    The scaling keeps the mean, so prediction needs no correction ("inverted dropout"; Srivastava et al. 2014).
    The mask is drawn on the host from `rng` and then moved: the same seed gives the same mask on every device.
    """

    def __init__(self, p=0.5, rng=None):
        if not 0 <= p < 1:
            raise ValueError(f"Dropout: p is the probability of dropping a number, 0 <= p < 1, got {p}")
        self.p = p
        self.rng = np.random.default_rng(0) if rng is None else rng

    def forward(self, x):
        if not self.training or self.p == 0:
            self.remember(None, output=x)
            return x
        keep = self.rng.random(x.shape, dtype=np.float32) >= self.p
        mask = to_device(keep, device_of(x))  # one byte for each number travels
        self.remember(mask, output=x)
        return x * mask * (1 / (1 - self.p))

    def backward(self, dy):
        (mask,) = self.recall(dy)
        return dy if mask is None else dy * mask * (1 / (1 - self.p))

    def __repr__(self):
        return f"Dropout({self.p})"
