"""Mistakes that hide: until the next call, in float32, in one number."""

import numpy as np

from .layers import sigmoid, softmax
from .registry import Cases, rn

CASES = Cases()


@CASES.add("one layer object used twice in a network, one cache", "another call", lambda: (rn(5, 4),), "stale",
           "last use", "term missing")
def used_twice(wrong):
    class Tanh:
        def __init__(self):
            self.kept = []

        def forward(self, x):
            self.kept.append(np.tanh(x))
            return self.kept[-1]

        def backward(self, dy):
            y = self.kept[-1] if wrong else self.kept.pop()
            return dy * (1 - y**2)

    class Network:
        def __init__(self):
            self.w, self.tanh = rn(4, 4, seed=1), Tanh()

        def forward(self, x):
            self.tanh.kept.clear()
            self.x, self.h = x, self.tanh.forward(x)
            return self.tanh.forward(self.h @ self.w)

        def backward(self, dy):
            dz = self.tanh.backward(dy)
            self.dw = self.h.T @ dz
            return self.tanh.backward(dz @ self.w.T)

    return Network()


@CASES.add("chunks of four rows, the rest is lost", "another call", lambda: (rn(8, 4),), "some indices", "batch mean",
           "raises", "border", "stale", "another batch")
def chunks(wrong):
    class Linear:
        def __init__(self):
            self.w = rn(4, 3, seed=1)

        def forward(self, x):
            self.x = x
            return x @ self.w

        def backward(self, dy):
            n = len(dy)
            last = n - n % 4 if wrong and n > 4 else n
            self.dw = sum(self.x[i : min(i + 4, last)].T @ dy[i : min(i + 4, last)] for i in range(0, last, 4))
            return dy @ self.w.T

    return Linear()


@CASES.add("gradient fades out with the number of calls", "another call", lambda: (rn(5, 4),), "stale", "accumulated",
           "factor")
def fading(wrong):
    class Warm:
        def __init__(self):
            self.calls = 0

        def forward(self, x):
            self.y = sigmoid(x)
            return self.y

        def backward(self, dy):
            self.calls += 1
            return dy * self.y * (1 - self.y) * (0.999 ** (self.calls - 1) if wrong else 1)

    return Warm()


@CASES.add("trained by the formula of evaluation: running statistics in backward", "another call",
           lambda: (2 * rn(6, 4) + 1,), "stale", "factor", "term missing", "batch order")
def running(wrong):
    class Norm:
        def __init__(self):
            self._var = np.ones(4)

        def forward(self, x):
            self.inv = 1 / np.sqrt(x.var(0) + 1e-5)
            self._var = 0.5 * self._var + 0.5 * x.var(0)
            self.xhat = (x - x.mean(0)) * self.inv
            return self.xhat

        def backward(self, dy):
            inv = 1 / np.sqrt(self._var + 1e-5) if wrong else self.inv
            return inv * (dy - dy.mean(0) - self.xhat * (dy * self.xhat).mean(0))

    return Norm()


@CASES.add("evaluation by the formula of training: fixed statistics, mean path in backward", "another call",
           lambda: (2 * rn(6, 4) + 1,), "extra term", "term missing", "batch order")
def frozen(wrong):
    class Norm:
        def __init__(self):
            self._mean, self._var = rn(4, seed=1), 1 + rn(4, seed=2) ** 2

        def forward(self, x):
            self.xhat = (x - self._mean) / np.sqrt(self._var)
            return self.xhat

        def backward(self, dy):
            return (dy - dy.mean(0) if wrong else dy) / np.sqrt(self._var)

    return Norm()


@CASES.add("mask of the padding is remembered for a length, not for a batch", "another call",
           lambda: (rn(4, 6), np.array([6, 3, 5, 2])), "stale", "mask", "batch order", "some indices")
def padding(wrong):
    class Mask:
        def __init__(self):
            self.masks = {}

        def forward(self, x, lengths):
            self.mask = (np.arange(x.shape[1]) < lengths[:, None]) * 1
            self.masks.setdefault(x.shape, self.mask)
            return np.sin(x) * self.mask + 0 * self.keep(x)

        def keep(self, x):
            self.x = x
            return x

        def backward(self, dy):
            return dy * np.cos(self.x) * (self.masks[self.x.shape] if wrong else self.mask)

    return Mask()


# --- float32 ---


@CASES.add("count of positions in float32 sums past 2^24", "float32", lambda: (rn(4, 5),), "float32", "some indices")
def offset(wrong):
    big = 2.0**24

    def forward(x):
        return np.tanh(x)

    def backward(dy, x):
        x = (x + x.dtype.type(big)) - x.dtype.type(big) if wrong else x
        return dy * (1 - np.tanh(x) ** 2)

    return forward, backward


@CASES.add("ten thousand added to the gradient and taken off again", "float32", lambda: (rn(4, 5),), "float32",
           "nonlinear")
def shifted(wrong):
    class Softmax:
        def forward(self, x):
            self.y = softmax(x)
            return self.y

        def backward(self, dy):
            y = self.y
            if wrong:
                big = dy * y + self.y.dtype.type(1e4)
                return big - self.y.dtype.type(1e4) - y * (dy * y).sum(1, keepdims=True)
            return y * (dy - (dy * y).sum(1, keepdims=True))

    return Softmax()


@CASES.add("backward by a one-sided difference of its own forward", "float32", lambda: (rn(4, 5),), "imprecise")
def one_sided(wrong):
    def forward(x):
        return np.sin(x) * x

    def backward(dy, x):
        h = 1e-6
        return dy * ((forward(x + h) - forward(x)) / h if wrong else np.cos(x) * x + np.sin(x))

    return forward, backward


# --- one number ---


@CASES.add("one small gradient of 40, doubled: x has columns of 1 and one of 1e-6", "one in many",
           lambda: (rn(6, 40) * np.where(np.arange(40) == 17, 1e-6, 1),), "some indices", "factor", "region")
def small_column(wrong):
    class Linear:
        def __init__(self):
            self.w = rn(40, 3, seed=1)

        def forward(self, x):
            self.x = x
            return x @ self.w

        def backward(self, dy):
            self.dw = self.x.T @ dy
            if wrong:
                self.dw[17] *= 2
            return dy @ self.w.T

    return Linear()


@CASES.add("two neighbours of 900 pass a part to each other: the sum is right", "one in many", lambda: (rn(5, 180),),
           "some indices", "region")
def leak(wrong):
    def backward(dy, x):
        dx = 3 * x**2 * dy
        if wrong:
            move = 0.01 * dx[-1, 71]
            dx[-1, 71] -= move
            dx[-1, 72] += move
        return dx

    return (lambda x: x**3), backward


@CASES.add("attention: padded keys get a gradient where the sentence ends", "one in many",
           lambda: (rn(3, 4), rn(7, 4, seed=1), np.array([1, 1, 1, 1, 1, 0, 0])), "some indices", "region", "border",
           "mask")
def padded_keys(wrong):
    def scores(q, k, mask):
        return softmax(np.where(mask > 0, q @ k.T, -1e30))

    def forward(q, k, mask):
        return scores(q, k, mask) @ k

    def backward(dy, q, k, mask):
        a = scores(q, k, mask)
        da = dy @ k.T
        ds = a * (da - (da * a).sum(1, keepdims=True))
        dk = a.T @ dy + ds.T @ q
        if wrong:
            dk[5] += 0.1 * dk[4]
        return ds @ k, dk

    return forward, backward
