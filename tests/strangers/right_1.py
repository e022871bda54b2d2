"""Correct code in the forms in which people write it."""

from types import SimpleNamespace

import numpy as np

from .registry import Cases, rn

CASES = Cases()


@CASES.add("normalization with constants in attributes", "right", lambda: (rn(2, 3, 3, 3),))
def make(wrong):
    class Normalize:
        def __init__(self):
            self.mean = np.array([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
            self.std = np.array([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)

        def forward(self, x):
            return (x - self.mean) / self.std

        def backward(self, dy):
            return dy / self.std

    return Normalize()


@CASES.add("linear with a fixed connection mask", "right", lambda: (rn(4, 5),))
def make(wrong):
    class MaskedLinear:
        def __init__(self, n_in, n_out):
            rng = np.random.default_rng(3)
            self.W = rng.normal(size=(n_in, n_out))
            self.b = np.zeros(n_out)
            self.mask = (rng.random((n_in, n_out)) > 0.4).astype(float)

        def forward(self, x):
            self.x = x
            return x @ (self.W * self.mask) + self.b

        def backward(self, dout):
            self.dW = (self.x.T @ dout) * self.mask
            self.db = dout.sum(axis=0)
            return dout @ (self.W * self.mask).T

    return MaskedLinear(5, 3)


@CASES.add("activation from a lookup table", "right", lambda: (rn(3, 4),))
def make(wrong):
    class TableActivation:
        def __init__(self):
            self.knots = np.linspace(-4, 4, 9)
            self.table = np.tanh(self.knots)

        def forward(self, x):
            self.k = np.clip(np.searchsorted(self.knots, x) - 1, 0, len(self.knots) - 2)
            self.slope = (np.diff(self.table) / np.diff(self.knots))[self.k]
            return self.table[self.k] + self.slope * (x - self.knots[self.k])

        def backward(self, dy):
            return dy * self.slope

    return TableActivation()


@CASES.add("SELU with a dict of settings", "right", lambda: (rn(4, 6),))
def make(wrong):
    class SELU:
        def __init__(self, **kwargs):
            self.cfg = {"alpha": 1.6732632423543772, "scale": 1.0507009873554805, "inplace": False}
            self.cfg.update(kwargs)

        def forward(self, x):
            self.x = x
            neg = self.cfg["alpha"] * (np.exp(np.minimum(x, 0)) - 1)
            return self.cfg["scale"] * np.where(x > 0, x, neg)

        def backward(self, grad):
            d = np.where(self.x > 0, 1.0, self.cfg["alpha"] * np.exp(np.minimum(self.x, 0)))
            return grad * self.cfg["scale"] * d

    return SELU()


@CASES.add("options in plain nested objects", "right", lambda: (rn(3, 5),))
def make(wrong):
    class GainedLeakyReLU:
        def __init__(self, opt):
            self.opt = opt

        def forward(self, x):
            self.pos = x > 0
            return self.opt.scaling.gain * np.where(self.pos, x, self.opt.act.slope * x)

        def backward(self, dy):
            return dy * self.opt.scaling.gain * np.where(self.pos, 1.0, self.opt.act.slope)

    gain = np.array([0.5, 1.0, 1.5, 2.0, 2.5])
    return GainedLeakyReLU(SimpleNamespace(act=SimpleNamespace(slope=0.1), scaling=SimpleNamespace(gain=gain)))


@CASES.add("batch norm frozen at its running statistics", "right", lambda: (rn(6, 4),))
def make(wrong):
    class FrozenBatchNorm:
        def __init__(self, d):
            self.running_mean = rn(d, seed=1)
            self.running_var = rn(d, seed=2) ** 2 + 0.5
            self.gamma, self.beta, self.eps = rn(d, seed=3), rn(d, seed=4), 1e-5

        def forward(self, x):
            self.x_hat = (x - self.running_mean) / np.sqrt(self.running_var + self.eps)
            return self.gamma * self.x_hat + self.beta

        def backward(self, dout):
            self.dgamma = np.sum(dout * self.x_hat, axis=0)
            self.dbeta = np.sum(dout, axis=0)
            return dout * self.gamma / np.sqrt(self.running_var + self.eps)

    return FrozenBatchNorm(4)


@CASES.add("saturated sigmoid", "right", lambda: (60 * rn(3, 4),))
def make(wrong):
    class Sigmoid:
        def forward(self, x):
            e = np.exp(-np.abs(x))
            self.out = np.where(x >= 0, 1 / (1 + e), e / (1 + e))
            return self.out

        def backward(self, dout):
            return dout * (1.0 - self.out) * self.out

    return Sigmoid()


@CASES.add("saturated tanh", "right", lambda: (np.array([[25.0, -30.0, 0.5], [1000.0, -4.0, 18.0]]),))
def make(wrong):
    def forward(x):
        return np.tanh(x)

    def backward(dy, x):
        return dy * (1 - np.tanh(x) ** 2)

    return forward, backward


@CASES.add("saturated softmax", "right", lambda: (1000 * rn(4, 5),))
def make(wrong):
    class Softmax:
        def forward(self, x):
            z = np.exp(x - x.max(axis=-1, keepdims=True))
            self.y = z / z.sum(axis=-1, keepdims=True)
            return self.y

        def backward(self, dy):
            dx = np.empty_like(dy)
            for i, (y, d) in enumerate(zip(self.y, dy)):
                jacobian = np.diag(y) - np.outer(y, y)
                dx[i] = jacobian @ d
            return dx

    return Softmax()


@CASES.add("linear on inputs of 1e-8, gradients as gW", "right", lambda: (1e-8 * rn(4, 3),))
def make(wrong):
    class Dense:
        def __init__(self):
            self.W, self.b = rn(3, 2, seed=5), rn(2, seed=6)
            self.gW, self.gb = np.zeros_like(self.W), np.zeros_like(self.b)

        def forward(self, x):
            self.x = x
            return x.dot(self.W) + self.b

        def backward(self, gy):
            self.gW = self.x.T.dot(gy)
            self.gb = gy.sum(0)
            return gy.dot(self.W.T)

    return Dense()


@CASES.add("unit vectors from inputs of 1e-3", "right", lambda: (1e-3 * rn(4, 5),))
def make(wrong):
    class L2Normalize:
        def forward(self, x):
            self.norm = np.sqrt((x**2).sum(axis=1, keepdims=True))
            self.y = x / self.norm
            return self.y

        def backward(self, dy):
            return (dy - self.y * (dy * self.y).sum(axis=1, keepdims=True)) / self.norm

    return L2Normalize()


@CASES.add("layer norm on inputs of 1e6, gradients in self.grad", "right", lambda: (1e6 * rn(3, 6),))
def make(wrong):
    class LayerNorm:
        def __init__(self, d, eps=1e-5):
            self.param = {"gamma": rn(d, seed=1), "beta": rn(d, seed=2)}
            self.grad = {}
            self.eps = eps

        def forward(self, x):
            mu = x.mean(-1, keepdims=True)
            self.inv = 1 / np.sqrt(x.var(-1, keepdims=True) + self.eps)
            self.xhat = (x - mu) * self.inv
            return self.xhat * self.param["gamma"] + self.param["beta"]

        def backward(self, dy):
            self.grad["gamma"] = (dy * self.xhat).sum(0)
            self.grad["beta"] = dy.sum(0)
            g = dy * self.param["gamma"]
            m1, m2 = g.mean(-1, keepdims=True), (g * self.xhat).mean(-1, keepdims=True)
            return self.inv * (g - m1 - self.xhat * m2)

    return LayerNorm(6)


@CASES.add("forward that reuses its output buffer", "right", lambda: (rn(3, 4),))
def make(wrong):
    class BufferedTanh:
        buf = None

        def forward(self, x):
            if self.buf is None or self.buf.shape != x.shape:
                self.buf = np.empty(x.shape)
            np.tanh(x, out=self.buf)
            return self.buf

        def backward(self, dy):
            return dy * (1 - self.buf * self.buf)

    return BufferedTanh()


@CASES.add("explicit None as target", "right", lambda: (rn(4, 3), None))
def make(wrong):
    class Classifier:
        def __init__(self):
            self.W = rn(3, 5, seed=8)

        def forward(self, x, target=None):
            self.x, self.t = x, target
            self.scores = x @ self.W
            if target is None:
                return self.scores
            s = self.scores - self.scores.max(1, keepdims=True)
            self.p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
            return -np.log(self.p[np.arange(len(x)), target]).mean()

        def backward(self, dout=1.0):
            if self.t is not None:
                d = self.p.copy()
                d[np.arange(len(d)), self.t] -= 1
                dout = dout * d / len(d)
            self.dW = self.x.T @ dout
            return dout @ self.W.T

    return Classifier()
