"""Layers that several cases share."""

import numpy as np

from .layers import softmax
from .registry import rn


class Conv1d:
    """x (N, T, C), w (3, C, F), no padding."""

    def __init__(self):
        self.w = rn(3, 3, 2, seed=1)

    def forward(self, x):
        self.x, steps = x, x.shape[1] - 2
        return sum(x[:, i : i + steps] @ self.w[i] for i in range(3))

    def backward(self, dy):
        self.dw, dx, steps = np.zeros_like(self.w), np.zeros_like(self.x), dy.shape[1]
        for i in range(3):
            self.dw[i] = np.einsum("ntc,ntf->cf", self.x[:, i : i + steps], dy)
            dx[:, i : i + steps] += dy @ self.w[i].T
        return dx


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y**2)


class Softmax:
    def forward(self, x):
        self.p = softmax(x)
        return self.p

    def backward(self, dy):
        return self.p * (dy - (dy * self.p).sum(-1, keepdims=True))


class Mean:
    def forward(self, x):
        self.shape = x.shape
        return x.mean(1)

    def backward(self, dy):
        return np.repeat(dy[:, None], self.shape[1], 1) / self.shape[1]


class Product:
    def forward(self, a, b):
        self.a, self.b = a, b
        return a * b

    def backward(self, dy):
        return dy * self.b, dy * self.a


class Square:
    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dy):
        return 2 * dy * self.x


class MaxPool:
    """The largest of each two neighbours: (N, 2 T) -> (N, T)."""

    def forward(self, x):
        pairs = x.reshape(len(x), -1, 2)
        self.mask = np.arange(2) == pairs.argmax(-1)[..., None]
        return pairs.max(-1)

    def backward(self, dy):
        return (self.mask * dy[..., None]).reshape(len(dy), -1)
