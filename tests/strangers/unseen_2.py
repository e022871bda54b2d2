"""Gradients that a checker may overlook, since nobody keeps them where it looks."""

import functools

import numpy as np

from .layers import softmax
from .registry import Cases, rn

CASES = Cases()


@CASES.add("own Variable, .val and .g, in a tuple", "unseen", lambda: (rn(5, 4),), "never stored", "stale")
def own_variable(wrong):
    class Variable:
        def __init__(self, val):
            self.val, self.g = val, np.zeros_like(val)

    class Affine:
        def __init__(self):
            self.vars = (Variable(rn(4, 3, seed=1)), Variable(rn(3, seed=2)))

        def forward(self, x):
            self.x = x
            w, b = self.vars
            return x @ w.val + b.val

        def backward(self, dy):
            w, b = self.vars
            w.g[:] = self.x.T @ dy
            g = b.g
            if wrong:
                g = dy.sum(0)  # a new name for a new array; b.g stays at zeros
            else:
                g[:] = dy.sum(0)
            return dy @ w.val.T

    return Affine()


@CASES.add("PReLU, slope is a Python float", "unseen", lambda: (rn(6, 5),), "sign", "region", "term missing")
def prelu_float(wrong):
    class PReLU:
        def __init__(self):
            self.slope, self.dslope = 0.25, 0.0

        def forward(self, x):
            self.x = x
            return np.where(x > 0, x, self.slope * x)

        def backward(self, dy):
            mask = self.x > 0 if wrong else self.x <= 0
            self.dslope = float((dy * self.x)[mask].sum())
            return np.where(self.x > 0, dy, self.slope * dy)

    return PReLU()


@CASES.add("temperature is a NumPy scalar", "unseen", lambda: (rn(4, 5),), "factor", "sign")
def numpy_scalar(wrong):
    class Softmax:
        def __init__(self):
            self.temperature = np.float64(1.7)

        def forward(self, x):
            self.x, self.p = x, softmax(x / self.temperature)
            return self.p

        def backward(self, dy):
            dz = self.p * (dy - (dy * self.p).sum(-1, keepdims=True))
            power = 1 if wrong else 2
            self.temperature_grad = -(dz * self.x).sum() / self.temperature**power
            return dz / self.temperature

    return Softmax()


@CASES.add("__slots__, no __dict__", "unseen", lambda: (rn(5, 4),), "sign")
def slots(wrong):
    class Linear0:
        __slots__ = ("b", "gb", "gw", "w", "x")

        def __init__(self):
            self.w, self.b = rn(4, 3, seed=1), rn(3, seed=2)

        def forward(self, x):
            self.x = x
            return x @ self.w - self.b

        def backward(self, dy):
            self.gw = self.x.T @ dy
            self.gb = dy.sum(0) if wrong else -dy.sum(0)  # the bias is subtracted
            return dy @ self.w.T

    return Linear0()


@CASES.add("parameters() lists only the weights", "unseen", lambda: (rn(5, 4),), "factor")
def parameters_part(wrong):
    class Dense:
        def __init__(self):
            self.w, self.b, self.scale = rn(4, 3, seed=1), rn(3, seed=2), rn(3, seed=3)
            self.dw = self.db = self.dscale = None

        def parameters(self):
            return {"w": self.w, "b": self.b}

        def gradients(self):
            return {"w": self.dw, "b": self.db}

        def forward(self, x):
            self.x, self.z = x, x @ self.w + self.b
            return self.z * self.scale

        def backward(self, dy):
            dz = dy * self.scale
            self.dscale = (dz * self.z).sum(0) if wrong else (dy * self.z).sum(0)
            self.dw, self.db = self.x.T @ dz, dz.sum(0)
            return dz @ self.w.T

    return Dense()


@CASES.add("parameters() returns pairs", "unseen", lambda: (rn(5, 4),), "factor")
def parameters_pairs(wrong):
    class Dense:
        def __init__(self):
            self._p = {"a": rn(4, 3, seed=1), "z": rn(3, seed=2)}
            self._q = {name: np.zeros_like(p) for name, p in self._p.items()}

        def parameters(self):
            return [(self._p[name], self._q[name]) for name in self._p]

        def forward(self, x):
            self._x = x
            return np.sin(x) @ self._p["a"] + self._p["z"]

        def backward(self, dy):
            self._q["a"][...] = np.sin(self._x).T @ dy * (2 if wrong else 1)
            self._q["z"][...] = dy.sum(0)
            return np.cos(self._x) * (dy @ self._p["a"].T)

    return Dense()


@CASES.add("closures, gradient kept by nonlocal", "unseen", lambda: (rn(5, 4),), "factor")
def closure_nonlocal(wrong):
    w, dw, saved = rn(4, 3, seed=1), None, None

    def forward(x):
        nonlocal saved
        saved = x
        return x @ w

    def backward(dy):
        nonlocal dw
        dw = saved.T @ dy
        if wrong:
            dw = 2 * dw
        return dy @ w.T

    return forward, backward


@CASES.add("closures, all in dicts", "unseen", lambda: (rn(6, 3),), "batch mean", "factor")
def closure_dicts(wrong):
    params, grads, cache = {"gamma": rn(3, seed=1), "beta": rn(3, seed=2)}, {}, {}

    def forward(x):
        cache["xhat"] = np.tanh(x)
        return params["gamma"] * cache["xhat"] + params["beta"]

    def backward(dy):
        grads["gamma"] = (dy * cache["xhat"]).sum(0) / (len(dy) if wrong else 1)
        grads["beta"] = dy.sum(0)
        return dy * params["gamma"] * (1 - cache["xhat"] ** 2)

    return forward, backward


@CASES.add("functools.partial over the weights", "unseen", lambda: (rn(5, 4),), "sign")
def partials(wrong):
    def run(weights, tape, x):
        tape.append(x)
        return x @ weights[0] + weights[1]

    def back(weights, tape, out, dy):
        x = tape.pop()
        out[:] = [x.T @ dy * (-1 if wrong else 1), dy.sum(0)]
        return dy @ weights[0].T

    weights, tape, out = [rn(4, 3, seed=1), rn(3, seed=2)], [], []
    return functools.partial(run, weights, tape), functools.partial(back, weights, tape, out)


@CASES.add("weights made in the first forward", "unseen", lambda: (rn(5, 4),), "factor")
def lazy(wrong):
    class LazyLinear:
        kernel = None

        def forward(self, x):
            if self.kernel is None:
                self.kernel = rn(x.shape[1], 3, seed=1)
            self.x = x
            return x @ self.kernel

        def backward(self, dy):
            self.kernel_grad = self.x.T @ dy * (0.5 if wrong else 1)
            return dy @ self.kernel.T

    return LazyLinear()


@CASES.add("weights in a store of their own", "unseen", lambda: (rn(5, 4), rn(5, 4, seed=9)),
           "term missing", "last use")
def store(wrong):
    class Store:
        def __init__(self):
            self.values, self.grads = {}, {}

        def get(self, name):
            return self.values[name]

        def accumulate(self, name, g):
            self.grads[name] = self.grads.get(name, 0) + g

        def zero(self):
            self.grads.clear()

    class Siamese:  # both inputs through one matrix
        def __init__(self):
            self.store = Store()
            self.store.values["shared"] = rn(4, 3, seed=1)

        def forward(self, a, b):
            self.a, self.b, w = a, b, self.store.get("shared")
            self.ya, self.yb = np.tanh(a @ w), np.tanh(b @ w)
            return self.ya * self.yb

        def backward(self, dy):
            self.store.zero()
            w = self.store.get("shared")
            da, db = dy * self.yb * (1 - self.ya**2), dy * self.ya * (1 - self.yb**2)
            self.store.accumulate("shared", self.a.T @ da)
            if not wrong:
                self.store.accumulate("shared", self.b.T @ db)
            return da @ w.T, db @ w.T

    return Siamese()


@CASES.add("weights are class attributes", "unseen", lambda: (rn(5, 4),), "axes")
def class_attribute(wrong):
    class Mix:
        kernel = rn(4, 4, seed=1)
        kernel_grad = None

        @classmethod
        def learn(cls, g):
            cls.kernel_grad = g

        def forward(self, x):
            self.x = x
            return x @ self.kernel

        def backward(self, dy):
            self.learn(dy.T @ self.x if wrong else self.x.T @ dy)
            return dy @ self.kernel.T

    return Mix()
