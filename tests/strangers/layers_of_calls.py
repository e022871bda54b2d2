"""Layers that several cases share."""

import numpy as np

from .registry import rn


def ints(high, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, high, shape)


def uniform(low, high, *shape, seed=0):
    return np.random.default_rng(seed).uniform(low, high, shape)


def log_sum_exp(s):
    m = s.max(axis=-1, keepdims=True)
    return m[..., 0] + np.log(np.exp(s - m).sum(axis=-1))


def stable_sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


class _SharedTanh:
    cache = {}  # noqa: RUF012

    def __init__(self, wrong):
        self.name = "tanh"
        if not wrong:
            self.cache = {}

    def forward(self, x):
        self.cache[self.name] = y = np.tanh(x)
        return y

    def backward(self, dy):
        return dy * (1 - self.cache[self.name] ** 2)


class Quiet:
    """An elementwise function given by two formulas, without NumPy's warnings."""

    def __init__(self, f, df):
        self._f, self._df = f, df

    def forward(self, x):
        self.x = x
        with np.errstate(all="ignore"):
            return self._f(x)

    def backward(self, dy):
        with np.errstate(all="ignore"):
            return dy * self._df(self.x)


def mixed(far, seed=0):
    """Small numbers, with every fourth about `far`."""
    x = rn(6, 8, seed=seed)
    x[:, ::4] += far
    return x


def series(x, terms):
    return sum(c * x**k for k, c in enumerate(terms))


def away(*shape, seed=0):
    """Numbers with 0.1 < |x| < 2."""
    return uniform(0.1, 2, *shape, seed=seed) * np.where(rn(*shape, seed=seed + 9) > 0, 1, -1)


class Conv:
    """A 3 x 3 convolution without padding; hurt(dw, dx) may change the gradients."""

    def __init__(self, c, f, hurt):
        self.w, self._hurt = rn(f, c, 3, 3, seed=1) / 3, hurt

    def forward(self, x):
        self.x = x
        self.h, self.v = x.shape[2] - 2, x.shape[3] - 2
        return sum(
            np.einsum("nchw,fc->nfhw", x[:, :, i : i + self.h, j : j + self.v], self.w[:, :, i, j])
            for i in range(3) for j in range(3)
        )

    def backward(self, dy):
        dw, dx = np.zeros_like(self.w), np.zeros_like(self.x)
        for i in range(3):
            for j in range(3):
                part = np.s_[:, :, i : i + self.h, j : j + self.v]
                dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dy, self.x[part])
                dx[part] += np.einsum("nfhw,fc->nchw", dy, self.w[:, :, i, j])
        self._hurt(dw, dx)
        self.dw = dw
        return dx


def mostly_zero(*shape, keep=0.05, seed=0):
    return rn(*shape, seed=seed) * (np.random.default_rng(seed + 1).random(shape) < keep)
