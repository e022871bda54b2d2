"""Mistakes that look like another mistake, or like none."""

import numpy as np

from .layers import sigmoid, softmax
from .registry import Cases, rn

CASES = Cases()


@CASES.add("two heads of attention: (heads, width) read as (width, heads) in dwq", "axes", lambda: (rn(4, 6),), "axes",
           "exchanged", "groups", "some indices", "flip", "shift")
def head_axes(wrong):
    class Queries:
        def __init__(self):
            self.wq = rn(6, 4, seed=1)

        def forward(self, x):
            self.x, self.q = x, np.tanh(x @ self.wq)
            return self.q.reshape(len(x), 2, 2)

        def backward(self, dy):
            dq = dy.reshape(len(dy), 4) * (1 - self.q**2)
            dw = self.x.T @ dq
            self.dwq = dw.reshape(6, 2, 2).swapaxes(1, 2).reshape(6, 4) if wrong else dw
            return dq @ self.wq.T

    return Queries()


@CASES.add("sort: the permutation in place of its inverse", "batch order", lambda: (rn(7),))
def sorting(wrong):
    def backward(dy, x):
        order = np.argsort(x)
        if wrong:
            return dy[order]
        dx = np.empty_like(dy)
        dx[order] = dy
        return dx

    return (lambda x: np.sort(x)), backward


@CASES.add("cumulative sum: backward sums from the same end", "flip", lambda: (rn(3, 6),))
def running_sum(wrong):
    def backward(dy, x):
        return np.cumsum(dy, 1) if wrong else np.cumsum(dy[:, ::-1], 1)[:, ::-1]

    return (lambda x: np.cumsum(x, 1)), backward


@CASES.add("weight norm: dv is not made orthogonal to v", "term missing", lambda: (rn(5, 4),), "term missing")
def weight_norm(wrong):
    class Normed:
        def __init__(self):
            self.v, self.g = rn(4, 3, seed=1), 1 + rn(3, seed=2) ** 2

        def forward(self, x):
            self.x, self.norm = x, np.sqrt((self.v**2).sum(0))
            self.u = self.v / self.norm
            return x @ (self.g * self.u)

        def backward(self, dy):
            dw = self.x.T @ dy
            self.dg = (dw * self.u).sum(0)
            self.dv = self.g / self.norm * (dw - (0 if wrong else self.u * self.dg))
            return dy @ (self.g * self.u).T

    return Normed()


@CASES.add("elastic net: the gradient of |w| is forgotten", "term missing", lambda: (rn(6, 4), rn(6, 3, seed=1)),
           "term missing")
def elastic(wrong):
    class Elastic:
        def __init__(self):
            self.w = rn(4, 3, seed=2)

        def forward(self, x, t):
            self.x, self.r = x, x @ self.w - t
            return float((self.r**2).mean() + 0.1 * (self.w**2).sum() + 0.2 * abs(self.w).sum())

        def backward(self):
            d = 2 * self.r / self.r.size
            self.dw = self.x.T @ d + 0.2 * self.w + (0 if wrong else 0.2 * np.sign(self.w))
            return d @ self.w.T

    return Elastic()


@CASES.add("group norm: backward divides into 3 groups, forward into 2", "term missing", lambda: (rn(4, 6),))
def groups(wrong):
    def normed(x, g):
        z = x.reshape(len(x), g, -1)
        return (z - z.mean(2, keepdims=True)) / np.sqrt(z.var(2, keepdims=True) + 1e-5)

    def backward(dy, x):
        g = 3 if wrong else 2
        z, d = normed(x, g), dy.reshape(len(x), g, -1)
        inv = 1 / np.sqrt(x.reshape(len(x), g, -1).var(2, keepdims=True) + 1e-5)
        return (inv * (d - d.mean(2, keepdims=True) - z * (d * z).mean(2, keepdims=True))).reshape(x.shape)

    return (lambda x: normed(x, 2).reshape(x.shape)), backward


@CASES.add("mixture of experts: the gate gets the chosen expert's share alone", "term missing", lambda: (rn(6, 4),))
def experts(wrong):
    class Mixture:
        def __init__(self):
            self.gate, self.w = rn(4, 2, seed=1), rn(2, 4, 3, seed=2)

        def forward(self, x):
            self.x, self.p = x, softmax(x @ self.gate)
            self.out = np.einsum("nd,edf->nef", x, self.w)
            return np.einsum("ne,nef->nf", self.p, self.out)

        def backward(self, dy):
            dp = np.einsum("nf,nef->ne", dy, self.out)
            if wrong:
                dp = dp * (self.p == self.p.max(1, keepdims=True))
            ds = self.p * (dp - (dp * self.p).sum(1, keepdims=True))
            self.dgate = self.x.T @ ds
            self.dw = np.einsum("nd,ne,nf->edf", self.x, self.p, dy)
            return ds @ self.gate.T + np.einsum("ne,nf,edf->nd", self.p, dy, self.w)

    return Mixture()


@CASES.add("highway: the carry gate's path is left out of dx", "term missing", lambda: (rn(5, 4),), "term missing")
def highway(wrong):
    class Highway:
        def __init__(self):
            self.w, self.t = rn(4, 4, seed=1), rn(4, 4, seed=2)

        def forward(self, x):
            self.x, self.h, self.g = x, np.tanh(x @ self.w), sigmoid(x @ self.t)
            return self.g * self.h + (1 - self.g) * x

        def backward(self, dy):
            dh, dg = dy * self.g * (1 - self.h**2), dy * (self.h - self.x) * self.g * (1 - self.g)
            self.dw, self.dt = self.x.T @ dh, self.x.T @ dg
            return dh @ self.w.T + (0 if wrong else dg @ self.t.T) + dy * (1 - self.g)

    return Highway()


@CASES.add("per-channel scale of 1 / std forgotten on the way back", "factor", lambda: (rn(6, 3),), "factor", "region")
def per_channel(wrong):
    class Standard:
        def __init__(self):
            self._mean, self._std, self.w = rn(3, seed=1), np.array([0.2, 1.5, 3.0]), rn(3, 4, seed=2)

        def forward(self, x):
            self.z = (x - self._mean) / self._std
            return np.tanh(self.z @ self.w)

        def backward(self, dy):
            d = dy * (1 - np.tanh(self.z @ self.w) ** 2)
            self.dw = self.z.T @ d
            return d @ self.w.T / (1 if wrong else self._std)

    return Standard()


@CASES.add("x read in the order of memory", "layout", lambda: (np.asfortranarray(rn(5, 4)),), "layout", "axes",
           "some indices", "batch order")
def order_of_memory(wrong):
    def backward(dy, x):
        kept = np.frombuffer(x.tobytes("A" if wrong else "C"), x.dtype).reshape(x.shape)
        return dy * 3 * kept**2

    return (lambda x: x**3), backward


@CASES.add("circular shift undone in the same direction", "shift", lambda: (rn(3, 7),), "shift")
def rolled(wrong):
    def backward(dy, x):
        return np.cos(x) * np.roll(dy, 2 if wrong else -2, 1)

    return (lambda x: np.roll(np.sin(x), 2, 1)), backward


@CASES.add("temperature learned twice: its gradient lacks the sign and the square", "factor", lambda: (rn(5, 4),),
           "factor", "sign")
def temperature(wrong):
    class Temperature:
        def __init__(self):
            self.t = 1.7

        def forward(self, x):
            self.x, self.y = x, softmax(x / self.t)
            return self.y

        def backward(self, dy):
            dz = self.y * (dy - (dy * self.y).sum(1, keepdims=True))
            self.dt = float((dz * self.x).sum()) * (1 / self.t if wrong else -1 / self.t**2)
            return dz / self.t

    return Temperature()
