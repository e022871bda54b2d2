"""Batch normalization: every channel brought to mean 0 and variance 1 over the batch, then scaled and shifted again.

In training the mean and the variance are those of the batch, so every image acts on every other, and the gradient goes
three ways: through x itself, through the mean, and through the variance. For prediction there may be one image only:
there the running averages stand in, which each training batch moves a little.
"""

import numpy as np

from tinycnn.backend import Array, Shape, array_module
from tinycnn.errors import ShapeError
from tinycnn.layers.base import Buffer, Layer, Parameter, expect_images

EVERYWHERE = (0, 1, 2)  # the axes N, H and W: what a channel's mean runs over


class BatchNorm2d(Layer):
    """y = w * (x - mean) / sqrt(var + eps) + b, channel by channel (Ioffe and Szegedy 2015, algorithms 1 and 2).

    x, y: (N, H, W, C)    w, b, running_mean, running_var: (C,)

    momentum: weight of the new batch in the running averages, as in PyTorch: running = (1 - momentum) * running +
    momentum * batch. As there, running_var takes the unbiased variance (divided by n - 1), y the biased one.
    """

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        if channels < 1 or not eps > 0 or not 0 <= momentum <= 1:
            got = f"{channels}, {eps}, {momentum}"
            raise ValueError(f"BatchNorm2d: channels >= 1, eps > 0, momentum in 0..1, got {got}")
        self.channels, self.eps, self.momentum = channels, float(eps), float(momentum)
        self.w, self.b = Parameter(np.ones(channels, np.float32)), Parameter(np.zeros(channels, np.float32))
        self.running_mean = Buffer(np.zeros(channels, np.float32))
        self.running_var = Buffer(np.ones(channels, np.float32))

    def forward(self, x: Array) -> Array:
        expect_images(x, self.channels, self, self.w.value)
        mean, var = self._batch_statistics(x) if self.training else (self.running_mean.value, self.running_var.value)
        scale = 1 / array_module(x).sqrt(var + self.eps)  # (C,)
        normalized = (x - mean) * scale  # (N, H, W, C)
        self.remember(normalized, scale, self.training, output=x)
        return normalized * self.w.value + self.b.value

    def backward(self, dy: Array) -> Array:
        normalized, scale, training = self.recall(dy)
        self.b.grad = dy.sum(axis=EVERYWHERE)
        self.w.grad = (dy * normalized).sum(axis=EVERYWHERE)
        dx = dy * self.w.value  # the gradient of `normalized`
        if training:  # x also moves the mean (second term), and the variance (third)
            dx = dx - dx.mean(axis=EVERYWHERE) - normalized * (dx * normalized).mean(axis=EVERYWHERE)
        return dx * scale

    def _batch_statistics(self, x: Array) -> tuple[Array, Array]:
        """Mean and variance of the batch, (C,) each."""
        n = x.size // self.channels
        if n < 2:
            raise ShapeError(f"{self} in training takes a variance: at least two numbers a channel, got {x.shape}")
        mean, var = x.mean(axis=EVERYWHERE), x.var(axis=EVERYWHERE)
        self.track(mean, var, n)
        return mean, var

    def track(self, mean: Array, var: Array, n: int) -> None:
        """The running averages take their share of a batch's mean and variance, (C,) each, of n numbers a channel."""
        for running, batch in ((self.running_mean, mean), (self.running_var, var * (n / (n - 1)))):
            running.value = (1 - self.momentum) * running.value + self.momentum * batch

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3 or shape[2] != self.channels:
            raise ShapeError(f"{self} expects (H, W, {self.channels}), got {tuple(shape)}")
        return tuple(shape)

    def __repr__(self) -> str:
        extras = "".join(f", {name}={getattr(self, name)}" for name, usual in (("eps", 1e-5), ("momentum", 0.1))
                         if getattr(self, name) != usual)  # fmt: skip
        return f"BatchNorm2d({self.channels}{extras})"
