"""Layers that work on each number by itself: ReLU, LeakyReLU and Dropout."""

import numpy as np

from tinycnn.backend import Array, array_module, device_of, to_device
from tinycnn.layers.base import Layer


class ReLU(Layer):
    """y = max(x, 0). The gradient passes where y > 0 and stops elsewhere; at exactly 0 it is 0, as in PyTorch."""

    per_image = True

    def forward(self, x: Array) -> Array:
        y = array_module(x).maximum(x, 0)
        self.remember(y, output=y)
        return y

    def backward(self, dy: Array) -> Array:
        (y,) = self.recall(dy)
        return dy * (y > 0)


class LeakyReLU(Layer):
    """y = x where x > 0, else negative_slope * x: what ReLU stops passes a little (Maas, Hannun and Ng 2013)."""

    per_image = True

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = float(negative_slope)

    def forward(self, x: Array) -> Array:
        y = array_module(x).where(x > 0, x, self.negative_slope * x)
        self.remember(x, output=y)
        return y

    def backward(self, dy: Array) -> Array:
        (x,) = self.recall(dy)
        return array_module(x, dy).where(x > 0, dy, self.negative_slope * dy)

    def __repr__(self) -> str:
        return f"LeakyReLU({self.negative_slope})"


class Dropout(Layer):
    """While training, set each number to 0 with probability p and scale the others by 1 / (1 - p); else do nothing.

    The scaling keeps the mean, so prediction needs no correction ("inverted dropout"; Srivastava et al. 2014).
    The mask is drawn on the host from `rng` and then moved: the same seed gives the same mask on every device.
    """

    def __init__(self, p: float = 0.5, rng: "np.random.Generator | None" = None) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"Dropout: p is the probability of dropping a number, 0 <= p < 1, got {p}")
        self.p = float(p)
        self.rng = np.random.default_rng(0) if rng is None else rng

    def forward(self, x: Array) -> Array:
        array_module(x)  # refuses what is no array
        if not self.training or self.p == 0:
            self.remember(None, output=x)
            return x
        keep = self.rng.random(x.shape, dtype=np.float32) >= self.p
        mask = to_device(keep, device_of(x))  # one byte for each number travels
        self.remember(mask, output=x)
        return x * mask * (1 / (1 - self.p))

    def backward(self, dy: Array) -> Array:
        (mask,) = self.recall(dy)
        return dy if mask is None else dy * mask * (1 / (1 - self.p))

    def __repr__(self) -> str:
        return f"Dropout({self.p})"
