"""Written in lesson 03."""

import numpy as np
from tinycnn.layers.base import Layer
from tinycnn.layers.base import Parameter


def linear_forward(x, w, b):
    """x: (N, D); w: (D, F); b: (F,) -> y: (N, F)."""
    return x @ w + b  # (N, D) @ (D, F) -> (N, F); b is added to every row


def linear_backward(dy, x, w):
    """dy: (N, F); x: (N, D); w: (D, F) -> dx (N, D), dw (D, F), db (F,)."""
    return dy @ w.T, x.T @ dy, dy.sum(axis=0)


def softmax(scores):
    """scores: (N, K), any size -> probabilities (N, K); every row adds up to 1."""
    e = np.exp(scores - scores.max(axis=1, keepdims=True))  # the same probabilities, and exp cannot overflow
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(scores, labels):
    """scores: (N, K); labels: (N,) whole numbers 0 to K - 1 -> value (one number), dscores (N, K)."""
    rows = np.arange(len(scores))
    z = scores - scores.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))  # (N, K)
    dscores = np.exp(log_p)
    dscores[rows, labels] -= 1
    return -log_p[rows, labels].mean(), dscores / len(scores)


class MyLinear(Layer):
    def __init__(self, in_features, out_features, rng=None):
        rng = np.random.default_rng(0) if rng is None else rng
        std = np.float32((2 / in_features) ** 0.5)
        self.w = Parameter(rng.standard_normal((in_features, out_features), dtype=np.float32) * std)
        self.b = Parameter(np.zeros(out_features, np.float32))

    def output_shape(self, shape):  # so that a network knows its shapes before it runs
        return (self.w.value.shape[1],)

    def forward(self, x):
        self.remember(x)
        return linear_forward(x, self.w.value, self.b.value)

    def backward(self, dy):
        (x,) = self.recall()
        dx, self.w.grad, self.b.grad = linear_backward(dy, x, self.w.value)
        return dx


class MyCrossEntropy(Layer):
    def forward(self, scores, labels):
        value, dscores = cross_entropy(scores, labels)
        self.remember(dscores)
        return value

    def backward(self):
        (dscores,) = self.recall()
        return dscores
