"""Mistakes that people make, of many families."""

import numpy as np

from .layers import CLIPPED, LAST, REPEATED, RNN, Linear, add_at
from .layers_of_families_too import MSE, Conv1d, Conv2d, amended
from .registry import Cases, rn

CASES = Cases()


@CASES.add("group bias: db[group] += dy", "repeated rows", lambda: (rn(6, 3),), *REPEATED)
def group_bias(wrong):
    class GroupBias:
        def __init__(self):
            self.b, self.group = rn(3, 3, seed=1), np.array([0, 1, 0, 2, 0, 1])

        def forward(self, x):
            return x + self.b[self.group]

        def backward(self, dy):
            self.db = add_at(wrong, np.zeros_like(self.b), self.group, dy)
            return dy

    return GroupBias()


@CASES.add("bag of words: repeats lost", "repeated rows", lambda: (np.array([[0, 1, 1], [2, 1, 4]]),), *REPEATED)
def bag(wrong):
    class Bag:
        def __init__(self):
            self.table = rn(5, 3)

        def forward(self, ids):
            self.ids = ids
            return self.table[ids].sum(1)

        def backward(self, dy):
            d = np.repeat(dy[:, None], self.ids.shape[1], 1)
            self.dtable = add_at(wrong, np.zeros_like(self.table), self.ids, d)

    return Bag()


@CASES.add("relative position bias: diagonals lost", "repeated rows", lambda: (rn(2, 4, 4),), *REPEATED)
def relative(wrong):
    class Relative:
        def __init__(self):
            self.table, self.at = rn(7, seed=1), np.arange(4)[:, None] - np.arange(4) + 3

        def forward(self, x):
            return x + self.table[self.at]

        def backward(self, dy):
            self.dtable = add_at(wrong, np.zeros(7), self.at, dy.sum(0))
            return dy

    return Relative()


@CASES.add("RNN: one step's weight gradients kept", "last use", lambda: (rn(4, 5, 3),), *LAST)
def rnn_weights(wrong):
    class Net(RNN):
        def keep(self, dw, du, db):
            super().keep(dw, du, db)
            if wrong:
                self.dw, self.du = dw, du

    return Net()


@CASES.add("RNN: one step's bias gradient kept", "last use", lambda: (rn(4, 5, 3),), *LAST)
def rnn_bias(wrong):
    class Net(RNN):
        def keep(self, dw, du, db):
            super().keep(dw, du, db)
            if wrong:
                self.db = db

    return Net()


@CASES.add("tied autoencoder: the encoder's use kept", "last use", lambda: (rn(5, 4),), *LAST)
def tied(wrong):
    class Tied:
        def __init__(self):
            self.w = rn(4, 3, seed=1)

        def forward(self, x):
            self.x, self.h = x, np.tanh(x @ self.w)
            return self.h @ self.w.T

        def backward(self, dy):
            self.dw = dy.T @ self.h
            dz = dy @ self.w * (1 - self.h**2)
            self.dw = self.x.T @ dz + (0 if wrong else self.dw)
            return dz @ self.w.T

    return Tied()


@CASES.add("siamese: the second branch's use kept", "last use", lambda: (rn(5, 4), rn(5, 4, seed=3)), *LAST)
def siamese(wrong):
    class Siamese:
        def __init__(self):
            self.w = rn(4, 3, seed=1)

        def forward(self, a, b):
            self.a, self.b = a, b
            self.p, self.q = np.tanh(a @ self.w), np.tanh(b @ self.w)
            return self.p * self.q

        def backward(self, dy):
            dp, dq = dy * self.q * (1 - self.p**2), dy * self.p * (1 - self.q**2)
            self.dw = self.b.T @ dq + (0 if wrong else self.a.T @ dp)
            return dp @ self.w.T, dq @ self.w.T

    return Siamese()


@CASES.add("linear: dx cut to [-1, 1]", "clipped", lambda: (rn(5, 4),), *CLIPPED)
def clip_dx(wrong):
    class Layer(Linear):
        def backward(self, dy):
            dx = super().backward(dy)
            return np.clip(dx, -1, 1) if wrong else dx

    return Layer()


@CASES.add("linear: dw and db cut to a common norm", "clipped", lambda: (rn(5, 4),), *CLIPPED)
def clip_norm(wrong):
    class Layer(Linear):
        def backward(self, dy):
            dx = super().backward(dy)
            scale = min(1, 1 / np.sqrt((self.dw**2).sum() + (self.db**2).sum()))
            if wrong:
                self.dw, self.db = scale * self.dw, scale * self.db
            return dx

    return Layer()


@CASES.add("RNN: dh cut to [-0.3, 0.3] at each step", "clipped", lambda: (rn(4, 5, 3),), *CLIPPED)
def clip_steps(wrong):
    class Net(RNN):
        def step(self, dh):
            return np.clip(dh, -0.3, 0.3) if wrong else dh

    return Net()


@CASES.add("tanh: each row of dx cut to norm 1", "clipped", lambda: (rn(5, 6),), *CLIPPED)
def clip_rows(wrong):
    def backward(dy, x):
        dx = dy * (1 - np.tanh(x) ** 2)
        return dx / np.maximum(1, np.sqrt((dx**2).sum(1, keepdims=True))) if wrong else dx

    return np.tanh, backward


@CASES.add("linear: dw 1.00001 times too large", "factor", lambda: (rn(5, 4),), "factor")
def tiny(wrong):
    def change(layer, dy, dx):
        layer.dw *= 1.00001 if wrong else 1
        return dx

    return amended(change)


@CASES.add("MSE: the 2 of the square forgotten", "factor", lambda: (rn(5, 4), rn(5, 4, seed=1)), "factor")
def two(wrong):
    return MSE(1.0 if wrong else 2.0)


@CASES.add("standardised: 1 / var in place of 1 / std", "factor", lambda: (3 * rn(5, 4),), "factor")
def whiten(wrong):
    def forward(x):
        return (x - x.mean()) / x.std()

    def backward(dy, x):
        y = forward(x)
        return (dy - dy.mean() - y * (dy * y).mean()) / (x.var() if wrong else x.std())

    return forward, backward


@CASES.add("dropout: keep probability not in backward", "factor", lambda: (rn(5, 6),), "factor")
def keep_probability(wrong):
    mask = np.random.default_rng(1).random((5, 6)) < 0.7
    return (lambda x: x * mask / 0.7), (lambda dy, x: dy * mask / (1 if wrong else 0.7))


@CASES.add("linear: dw averaged over the batch", "batch mean", lambda: (rn(5, 4),), "batch mean", "factor")
def averaged(wrong):
    def change(layer, dy, dx):
        layer.dw /= len(dy) if wrong else 1
        return dx

    return amended(change)


@CASES.add(
    "loss over rows: divided by N twice", "batch mean", lambda: (rn(7, 3), rn(7, 3, seed=1)), "batch mean", "factor"
)
def twice(wrong):
    return MSE(2 / 7 if wrong else 2.0)


@CASES.add("difference: b's minus forgotten", "sign", lambda: (rn(5, 4), rn(5, 4, seed=1)), "sign")
def difference(wrong):
    return (lambda a, b: a - b), (lambda dy, a, b: (dy, dy if wrong else -dy))


@CASES.add("cosine: minus of the derivative forgotten", "sign", lambda: (rn(5, 4),), "sign")
def cosine(wrong):
    return np.cos, (lambda dy, x: dy * np.sin(x) * (1 if wrong else -1))


@CASES.add("square linear: dx = dy @ w", "axes", lambda: (rn(5, 4),), "axes")
def dx_axes(wrong):
    return amended(lambda layer, dy, dx: dy @ layer.w if wrong else dx, 4, 4)


@CASES.add("square linear: dw transposed", "axes", lambda: (rn(5, 4),), "axes")
def dw_axes(wrong):
    def change(layer, dy, dx):
        layer.dw = layer.dw.T if wrong else layer.dw
        return dx

    return amended(change, 4, 4)


@CASES.add("conv1d: kernel flipped in dx", "flip", lambda: (rn(3, 7, 2),), "flip")
def kernel_flipped(wrong):
    class Conv(Conv1d):
        def backward(self, dy):
            return super().backward(dy, self.w[::-1] if wrong else self.w)

    return Conv()


@CASES.add("reversed sequence: dx not turned back", "flip", lambda: (rn(3, 5, 2),), "flip")
def reverse(wrong):
    return (lambda x: 2 * x[:, ::-1]), (lambda dy, x: 2 * (dy if wrong else dy[:, ::-1]))


@CASES.add("sorted by length: dx left in sorted order", "batch order", lambda: (rn(5, 3),), "batch order")
def sorted_batch(wrong):
    order = np.array([3, 0, 4, 1, 2])
    return (lambda x: x[order] ** 2), (lambda dy, x: 2 * x * dy if wrong else 2 * x * dy[np.argsort(order)])


@CASES.add("conv1d: padding cut off one place too early", "shift", lambda: (rn(3, 7, 2),), "shift")
def early(wrong):
    return Conv1d(early=int(wrong))


@CASES.add("conv2d: dw flipped", "flip", lambda: (rn(2, 5, 6, 2),), "flip")
def dw_flipped(wrong):
    return Conv2d(flip=wrong)


@CASES.add(
    "conv2d: last column of dy forgotten", "some indices", lambda: (rn(2, 5, 6, 2),), "some indices", "border"
)
def last_column(wrong):
    return Conv2d(lost=int(wrong))


@CASES.add("linear: last row of dw forgotten", "some indices", lambda: (rn(5, 4),), "some indices", "border")
def last_row(wrong):
    def change(layer, dy, dx):
        layer.dw[-1] *= not wrong
        return dx

    return amended(change)
