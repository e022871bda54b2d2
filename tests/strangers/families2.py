"""Mistakes that people make, of many families: scales, axes, borders, shapes, wrong derivatives."""

import numpy as np

from .families import Linear, sigmoid, softmax
from .registry import Cases, rn

CASES = Cases()


def amended(change, n=4, m=3):
    """A linear layer whose gradients change(layer, dy, dx) amends, and returns dx."""

    class Layer(Linear):
        def backward(self, dy):
            return change(self, dy, super().backward(dy))

    return Layer(n, m)


@CASES.add("linear: dw 1.00001 times too large", "factor", lambda: (rn(5, 4),), "factor")
def tiny(wrong):
    def change(layer, dy, dx):
        layer.dw *= 1.00001 if wrong else 1
        return dx

    return amended(change)


class MSE:
    def __init__(self, scale=2.0):
        self.scale = scale

    def forward(self, pred, target):
        self.r = pred - target
        return float((self.r**2).mean())

    def backward(self):
        return self.scale * self.r / self.r.size


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


class Conv1d:
    """x (N, L, C), w (K, C, F), zero padding; put adds a window to dx; early: places too early dx is cut."""

    def __init__(self, stride=1, pad=1, early=0):
        self.w, self.b, self.stride = rn(3, 2, 4, seed=1), rn(4, seed=2), stride
        self.pad, self.early = pad, early

    def forward(self, x):
        self.xp = np.pad(x, ((0, 0), (self.pad, self.pad), (0, 0)))
        self.starts = range(0, self.xp.shape[1] - 2, self.stride)
        windows = (np.einsum("nkc,kcf->nf", self.xp[:, s : s + 3], self.w) for s in self.starts)
        return np.stack(list(windows), 1) + self.b

    def put(self, dxp, at, d):
        dxp[:, at] += d

    def backward(self, dy, kernel=None):
        self.dw, self.db, dxp = np.zeros_like(self.w), dy.sum((0, 1)), np.zeros_like(self.xp)
        for i, s in enumerate(self.starts):
            self.dw += np.einsum("nkc,nf->kcf", self.xp[:, s : s + 3], dy[:, i])
            kernel = self.w if kernel is None else kernel
            self.put(dxp, slice(s, s + 3), np.einsum("nf,kcf->nkc", dy[:, i], kernel))
        at = self.pad - self.early
        return dxp[:, at : at + dxp.shape[1] - 2 * self.pad]


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


class Conv2d:
    """x (N, H, W, C), w (K, K, C, F), no padding; flip: of dw, lost: columns of dy left out."""

    def __init__(self, flip=False, lost=0):
        self.w, self.b, self.flip, self.lost = rn(3, 3, 2, 3, seed=1), rn(3, seed=2), flip, lost

    def forward(self, x):
        self.x, (n, h, w, _) = x, x.shape
        y = np.zeros((n, h - 2, w - 2, 3)) + self.b
        for i in range(h - 2):
            for j in range(w - 2):
                y[:, i, j] += np.einsum("nklc,klcf->nf", x[:, i : i + 3, j : j + 3], self.w)
        return y

    def backward(self, dy):
        self.dw, self.db, dx = np.zeros_like(self.w), dy.sum((0, 1, 2)), np.zeros_like(self.x)
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2] - self.lost):
                self.dw += np.einsum("nklc,nf->klcf", self.x[:, i : i + 3, j : j + 3], dy[:, i, j])
                dx[:, i : i + 3, j : j + 3] += np.einsum("nf,klcf->nklc", dy[:, i, j], self.w)
        self.dw = self.dw[::-1, ::-1].copy() if self.flip else self.dw
        return dx


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


@CASES.add("edge padding: copies not folded back", "border", lambda: (rn(3, 6),), "border", "some indices")
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


class CrossEntropy:
    def __init__(self, target=lambda t, p: np.eye(p.shape[1])[t]):
        self.target = target

    def forward(self, x, t):
        self.p, self.t = softmax(x), t
        return float(-np.log(self.p[np.arange(len(t)), t]).mean())

    def backward(self):
        return (self.p - self.target(self.t, self.p)) / len(self.p)


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
