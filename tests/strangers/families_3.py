"""Mistakes that people make, of many families."""

import numpy as np

from .layers import Linear, sigmoid
from .layers_of_families_too import Conv1d, CrossEntropy, amended
from .registry import Cases, rn

CASES = Cases()


@CASES.add("edge padding: copies not folded back", "border", lambda: (rn(3, 6),), "border", "some indices", "overlap")
def edge(wrong):
    def backward(dy, x):
        dx = dy[:, 2:-2].copy()
        if not wrong:
            dx[:, 0] += dy[:, :2].sum(1)
            dx[:, -1] += dy[:, -2:].sum(1)
        return dx

    return (lambda x: np.pad(x, ((0, 0), (2, 2)), mode="edge")), backward


@CASES.add("conv1d: dx zero at both ends", "border", lambda: (rn(3, 7, 2),), "border", "some indices")
def ends(wrong):
    class Conv(Conv1d):
        def backward(self, dy):
            dx = super().backward(dy).copy()
            dx[:, [0, -1]] *= not wrong
            return dx

    return Conv()


@CASES.add("average pooling: overlaps assigned", "overlap", lambda: (rn(3, 9),), "overlap")
def pool(wrong):
    def forward(x):
        return np.stack([x[:, s : s + 3].mean(1) for s in range(0, 7, 2)], 1)

    def backward(dy, x):
        dx = np.zeros_like(x)
        for i in range(4):
            at = slice(2 * i, 2 * i + 3)
            dx[:, at] = dy[:, i : i + 1] / 3 + (0 if wrong else dx[:, at])
        return dx

    return forward, backward


@CASES.add("conv1d with stride 2: overlaps assigned", "overlap", lambda: (rn(3, 7, 2),), "overlap")
def conv_overlap(wrong):
    class Conv(Conv1d):
        def put(self, dxp, at, d):
            dxp[:, at] = d + (0 if wrong else dxp[:, at])

    return Conv(stride=2)


@CASES.add("dropout: inverted mask in backward", "mask", lambda: (rn(5, 6),), "mask")
def inverted(wrong):
    mask = np.random.default_rng(1).random((5, 6)) < 0.5
    return (lambda x: 2 * x * mask), (lambda dy, x: 2 * dy * (~mask if wrong else mask))


# the sign of dy taken for the sign of x
@CASES.add("ReLU: masked by dy > 0", "mask", lambda: (rn(5, 6),), "mask", "nonlinear")
def relu(wrong):
    return (lambda x: np.maximum(x, 0)), (lambda dy, x: dy * ((dy if wrong else x) > 0))


@CASES.add(
    "cross-entropy: minus one-hot forgotten", "label", lambda: (rn(5, 4), np.arange(5) % 4), "label", "term missing"
)
def onehot(wrong):
    return CrossEntropy(lambda t, p: 0) if wrong else CrossEntropy()


@CASES.add("cross-entropy: labels counted from one", "label", lambda: (rn(5, 4), np.arange(5) % 3), "label")
def from_one(wrong):
    return CrossEntropy(lambda t, p: np.eye(4)[t + 1]) if wrong else CrossEntropy()


@CASES.add("linear: db of shape (1, F)", "shape", lambda: (rn(5, 4),), "shape")
def keepdims(wrong):
    def change(layer, dy, dx):
        layer.db = dy.sum(0, keepdims=wrong)
        return dx

    return amended(change)


@CASES.add("flatten: dx not reshaped", "shape", lambda: (rn(3, 4, 2),), "shape")
def flatten(wrong):
    return (lambda x: x.reshape(len(x), -1)), (lambda dy, x: dy if wrong else dy.reshape(x.shape))


@CASES.add("linear: db is dy, not summed", "not summed", lambda: (rn(5, 4),), "not summed", "shape")
def not_summed(wrong):
    def change(layer, dy, dx):
        layer.db = dy if wrong else layer.db
        return dx

    return amended(change)


@CASES.add("conv1d: db summed over the batch only", "not summed", lambda: (rn(3, 7, 2),), "not summed", "shape")
def batch_only(wrong):
    class Conv(Conv1d):
        def backward(self, dy):
            dx = super().backward(dy)
            self.db = dy.sum(0) if wrong else self.db
            return dx

    return Conv()


@CASES.add("scale: dw assigned to a local", "never stored", lambda: (rn(5, 4),), "never stored")
def local(wrong):
    class Scale:
        def __init__(self):
            self.w, self.dw = rn(4, seed=1), None

        def forward(self, x):
            self.x = x
            return x * self.w

        def backward(self, dy):
            dw = (dy * self.x).sum(0)
            if not wrong:
                self.dw = dw
            return dy * self.w

    return Scale()


@CASES.add("tanh: dy ignored", "dy ignored", lambda: (rn(5, 6),), "dy ignored")
def tanh_alone(wrong):
    return np.tanh, (lambda dy, x: (1 if wrong else dy) * (1 - np.tanh(x) ** 2))


@CASES.add("linear: gradients of the sum, whatever dy", "dy ignored", lambda: (rn(5, 4),), "dy ignored")
def of_the_sum(wrong):
    class Layer(Linear):
        def backward(self, dy):
            return super().backward(np.ones_like(dy) if wrong else dy)

    return Layer()


@CASES.add("tanh: derivative at x in place of y", "", lambda: (rn(5, 6),))
def tanh_at_x(wrong):
    return np.tanh, (lambda dy, x: dy * (1 - (x if wrong else np.tanh(x)) ** 2))


@CASES.add("sigmoid: derivative formula given y twice", "", lambda: (rn(5, 6),))
def sigmoid_twice(wrong):
    def backward(dy, x):
        s = sigmoid(sigmoid(x)) if wrong else sigmoid(x)
        return dy * s * (1 - s)

    return sigmoid, backward


@CASES.add("sqrt(1 + x^2): sqrt missing in the derivative", "", lambda: (rn(5, 6),))
def no_sqrt(wrong):
    return (lambda x: np.sqrt(1 + x**2)), (lambda dy, x: dy * x / (1 + x**2) ** (1 if wrong else 0.5))


@CASES.add("softplus: y for its derivative", "", lambda: (rn(5, 6),))
def softplus(wrong):
    return (lambda x: np.log1p(np.exp(x))), (lambda dy, x: dy * (np.log1p(np.exp(x)) if wrong else sigmoid(x)))


@CASES.add("two layers: hidden tanh's derivative forgotten", "", lambda: (rn(5, 4),))
def hidden(wrong):
    class Net:
        def __init__(self):
            self.w1, self.w2 = rn(4, 6, seed=1), rn(6, 3, seed=2)

        def forward(self, x):
            self.x, self.h = x, np.tanh(x @ self.w1)
            return self.h @ self.w2

        def backward(self, dy):
            self.dw2, dh = self.h.T @ dy, dy @ self.w2.T
            dz = dh if wrong else dh * (1 - self.h**2)
            self.dw1 = self.x.T @ dz
            return dz @ self.w1.T

    return Net()
