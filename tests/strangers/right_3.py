"""Correct code in the forms in which people write it."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from .registry import Cases, rn

CASES = Cases()


@CASES.add("dataclass layer", "right", lambda: (rn(4, 3),))
def make(wrong):
    @dataclass
    class ScaleShift:
        gamma: np.ndarray
        beta: np.ndarray
        grads: dict = field(default_factory=dict)
        cache: np.ndarray | None = None

        def forward(self, x):
            self.cache = x
            return self.gamma * x + self.beta

        def backward(self, dy):
            self.grads = {"gamma": (dy * self.cache).sum(0), "beta": dy.sum(0)}
            return dy * self.gamma

    return ScaleShift(rn(3, seed=1), rn(3, seed=2))


@CASES.add("closures with nonlocal", "right", lambda: (rn(3, 4),))
def make(wrong):
    def swish_layer(beta):
        saved = None

        def forward(x):
            nonlocal saved
            s = 1 / (1 + np.exp(-beta * x))
            saved = (x, s)
            return x * s

        def backward(dy):
            x, s = saved
            return dy * (s + beta * x * s * (1 - s))

        return forward, backward

    return swish_layer(1.5)


@CASES.add("functions bound with functools.partial", "right", lambda: (rn(3, 4) * 1e-3,))
def make(wrong):
    def gelu(x, c, k):
        return 0.5 * x * (1 + np.tanh(c * (x + k * x**3)))

    def gelu_grad(dy, x, c, k):
        t = np.tanh(c * (x + k * x**3))
        return dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * c * (1 + 3 * k * x**2))

    consts = {"c": np.sqrt(2 / np.pi), "k": 0.044715}
    return partial(gelu, **consts), partial(gelu_grad, **consts)


@CASES.add("weights built in the first forward", "right", lambda: (rn(2, 2, 3),))
def make(wrong):
    class LazyDense:
        def __init__(self, units):
            self.units, self.built = units, False

        def build(self, n_in):
            rng = np.random.RandomState(0)
            self.kernel = rng.uniform(-1, 1, (n_in, self.units))
            self.bias = np.zeros(self.units)
            self.built = True

        def forward(self, x):
            self.shape = x.shape
            self.x = x.reshape(len(x), -1)
            if not self.built:
                self.build(self.x.shape[1])
            return self.x @ self.kernel + self.bias

        def backward(self, dy):
            self.d_kernel, self.d_bias = self.x.T @ dy, dy.sum(0)
            return (dy @ self.kernel.T).reshape(self.shape)

    return LazyDense(4)


@CASES.add("pair with two outputs, backward(dys, x)", "right", lambda: (rn(5, 3),))
def make(wrong):
    def moments(x):
        return x.mean(axis=0), x.var(axis=0)

    def moments_backward(dys, x):
        dmean, dvar = dys
        n = x.shape[0]
        return np.ones_like(x) * dmean / n + 2 * (x - x.mean(axis=0)) * dvar / n

    return moments, moments_backward


@CASES.add("pair with two outputs, backward(d1, d2, x)", "right", lambda: (rn(2, 4),))
def make(wrong):
    def sincos(x):
        return np.sin(x), np.cos(x)

    def sincos_backward(d1, d2, x):
        return d1 * np.cos(x) - d2 * np.sin(x)

    return sincos, sincos_backward


@CASES.add("pair with two outputs, backward((d1, d2))", "right", lambda: (rn(3, 5),))
def make(wrong):
    def split(x):
        return x[:, :2], x[:, 2:]

    def split_backward(grads):
        d1, d2 = grads
        return np.hstack([d1, d2])

    return split, split_backward


@CASES.add("affine layer with (out, cache)", "right", lambda: (rn(3, 2, 2), rn(4, 3, seed=1), rn(3, seed=2)))
def make(wrong):
    def affine_forward(x, w, b):
        out = x.reshape(x.shape[0], -1).dot(w) + b
        cache = (x, w, b)
        return out, cache

    def affine_backward(dout, cache):
        x, w, b = cache
        dx = dout.dot(w.T).reshape(x.shape)
        dw = x.reshape(x.shape[0], -1).T.dot(dout)
        db = np.sum(dout, axis=0)
        return dx, dw, db

    return affine_forward, affine_backward


@CASES.add("cache used up by pop", "right", lambda: (rn(4, 3), rn(3, 3, seed=1)))
def make(wrong):
    def forward(x, w):
        cache = []
        h = x
        for _ in range(3):
            cache.append(h)
            h = np.tanh(h @ w)
            cache.append(h)
        return h, cache

    def backward(dh, cache):
        cache_w = w_of(cache)
        dw = np.zeros_like(cache_w)
        while cache:
            y, h = cache.pop(), cache.pop()
            dz = dh * (1 - y**2)
            dw += h.T @ dz
            dh = dz @ cache_w.T
        return dh, dw

    def w_of(cache):
        return cache.pop()

    def forward_and_weight(x, w):
        out, cache = forward(x, w)
        cache.append(w)
        return out, cache

    return forward_and_weight, backward


@CASES.add("svm_loss(x, y) -> loss, dx", "right", lambda: (rn(5, 4), np.array([0, 3, 1, 2, 2])))
def make(wrong):
    def svm_loss(x, y):
        N = x.shape[0]
        correct = x[np.arange(N), y]
        margins = np.maximum(0, x - correct[:, np.newaxis] + 1.0)
        margins[np.arange(N), y] = 0
        loss = np.sum(margins) / N
        num_pos = np.sum(margins > 0, axis=1)
        dx = np.zeros_like(x)
        dx[margins > 0] = 1
        dx[np.arange(N), y] -= num_pos
        dx /= N
        return loss, dx

    return svm_loss


@CASES.add("loss(X, y) -> loss, dict of gradients", "right", lambda: (rn(5, 4), np.array([0, 2, 1, 2, 2])))
def make(wrong):
    params = {"W1": rn(4, 6, seed=1), "b1": np.full(6, 0.1), "W2": rn(6, 3, seed=2), "b2": np.zeros(3)}
    reg = 0.05

    def loss(X, y):
        h = np.maximum(0, X @ params["W1"] + params["b1"])
        s = h @ params["W2"] + params["b2"]
        s = s - s.max(axis=1, keepdims=True)
        p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        data_loss = -np.log(p[range(len(y)), y]).mean()
        reg_loss = 0.5 * reg * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))
        grads = {}
        ds = p.copy()
        ds[range(len(y)), y] -= 1
        ds /= len(y)
        grads["W2"] = h.T @ ds + reg * params["W2"]
        grads["b2"] = ds.sum(0)
        dh = (ds @ params["W2"].T) * (h > 0)
        grads["W1"] = X.T @ dh + reg * params["W1"]
        grads["b1"] = dh.sum(0)
        return data_loss + reg_loss, grads

    return loss


@CASES.add("confident cross-entropy", "right", lambda: (1000 * rn(4, 5), np.array([2, 0, 4, 1])))
def make(wrong):
    class SoftmaxWithLoss:
        def forward(self, x, t):
            self.t = t
            z = x - x.max(axis=1, keepdims=True)
            logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
            self.y = np.exp(logp)
            return -logp[np.arange(len(t)), t].mean()

        def backward(self, dout=1):
            dx = self.y.copy()
            dx[np.arange(len(self.t)), self.t] -= 1
            return dx * dout / len(self.t)

    return SoftmaxWithLoss()


@CASES.add("cross-entropy with class weights", "right", lambda: (rn(4, 3), np.array([2, 0, 1, 1])))
def make(wrong):
    class WeightedCrossEntropy:
        def __init__(self, class_weights):
            self.class_weights = np.asarray(class_weights)

        def forward(self, scores, labels):
            z = scores - scores.max(1, keepdims=True)
            self.probs = np.exp(z) / np.exp(z).sum(1, keepdims=True)
            self.labels, self.w = labels, self.class_weights[labels]
            nll = -np.log(self.probs[np.arange(len(labels)), labels])
            return (self.w * nll).sum() / self.w.sum()

        def backward(self):
            onehot = np.eye(self.probs.shape[1])[self.labels]
            return (self.probs - onehot) * self.w[:, None] / self.w.sum()

    return WeightedCrossEntropy([0.2, 1.0, 3.5])


@CASES.add("MSE with backward(pred, target)", "right", lambda: (rn(4, 3), rn(4, 3, seed=1)))
def make(wrong):
    class MSE:
        @staticmethod
        def forward(pred, target):
            return np.mean((pred - target) ** 2)

        @staticmethod
        def backward(pred, target):
            return 2 * (pred - target) / pred.size

    return MSE()
