"""Layers that several cases share."""

import numpy as np

from .registry import rn


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


class Linear:
    def __init__(self, n=4, m=3):
        self.w, self.b = rn(n, m, seed=1), rn(m, seed=2)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, dy):
        self.dw, self.db = self.x.T @ dy, dy.sum(0)
        return dy @ self.w.T


class RNN:
    """Last hidden state of a tanh cell over x (N, T, D); how each step's gradients are kept is left open."""

    def __init__(self):
        self.w, self.u, self.b = rn(3, 4, seed=1), 0.5 * rn(4, 4, seed=2), rn(4, seed=3)

    def forward(self, x):
        self.x, self.hs = x, [np.zeros((len(x), 4))]
        for t in range(x.shape[1]):
            self.hs.append(np.tanh(x[:, t] @ self.w + self.hs[-1] @ self.u + self.b))
        return self.hs[-1]

    def step(self, dh):
        return dh

    def keep(self, dw, du, db):
        self.dw, self.du, self.db = self.dw + dw, self.du + du, self.db + db

    def backward(self, dy):
        self.dw, self.du, self.db = (np.zeros_like(p) for p in (self.w, self.u, self.b))
        dx, dh = np.zeros_like(self.x), dy
        for t in reversed(range(self.x.shape[1])):
            dz = self.step(dh) * (1 - self.hs[t + 1] ** 2)
            self.keep(self.x[:, t].T @ dz, self.hs[t].T @ dz, dz.sum(0))
            dx[:, t], dh = dz @ self.w.T, dz @ self.u.T
        return dx


class LayerNorm:
    def __init__(self, axis=-1, n=6):
        self.axis, self.gamma, self.beta = axis, 1 + 0.3 * rn(n, seed=1), rn(n, seed=2)

    def forward(self, x):
        self.inv = 1 / np.sqrt(x.var(self.axis, keepdims=True) + 1e-5)
        self.xhat = (x - x.mean(self.axis, keepdims=True)) * self.inv
        return self.gamma * self.xhat + self.beta

    def backward(self, dy, mean_path=True, var_path=True):
        self.dgamma, self.dbeta = (dy * self.xhat).sum(0), dy.sum(0)
        d = dy * self.gamma
        dx = d - mean_path * d.mean(self.axis, keepdims=True)
        return self.inv * (dx - var_path * self.xhat * (d * self.xhat).mean(self.axis, keepdims=True))


class Ridge:
    """Mean squared error of a linear model."""

    def __init__(self, lam=0.5):
        self.w, self.lam = rn(4, 3, seed=1), lam

    def forward(self, x, t):
        self.x, self.r = x, x @ self.w - t
        return float(0.5 * (self.r**2).sum() / len(x) + 0.5 * self.lam * (self.w**2).sum())

    def backward(self, lam=None):
        self.dw = self.x.T @ self.r / len(self.x) + (self.lam if lam is None else lam) * self.w
        return self.r @ self.w.T / len(self.x)


class Residual:
    def __init__(self):
        self.w = rn(4, 4, seed=1)

    def forward(self, x):
        self.x, self.h = x, np.tanh(x @ self.w)
        return x + self.h

    def backward(self, dy, skips=1):
        dz = dy * (1 - self.h**2)
        self.dw = self.x.T @ dz
        return skips * dy + dz @ self.w.T


class EntropyLoss:
    """Cross-entropy less c times the entropy; used is the c of the gradient."""

    def __init__(self, c, used):
        self.c, self.used = c, used

    def forward(self, x, t):
        self.p, self.t = softmax(x), t
        self.h = -(self.p * np.log(self.p)).sum(-1, keepdims=True)
        return float((-np.log(self.p[np.arange(len(t)), t]) - self.c * self.h[:, 0]).mean())

    def backward(self):
        p = self.p
        return (p - np.eye(p.shape[1])[self.t] + self.used * p * (np.log(p) + self.h)) / len(p)


REPEATED = ("repeated rows", "some indices", "overlap")


def add_at(wrong, out, index, d):
    """The mistake of this kind: out[index] += d takes each index once."""
    if wrong:
        out[index] += d
    else:
        np.add.at(out, index, d)
    return out


LAST = ("last use", "term missing", "overlap")


CLIPPED = ("clipped", "nonlinear")
