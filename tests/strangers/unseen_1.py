"""Gradients that a checker may overlook, since nobody keeps them where it looks."""

import collections
import dataclasses
import types

import numpy as np

from tinycnn.layers import Layer, Linear

from .registry import Cases, rn

CASES = Cases()


@CASES.add("private _kernel and _dkernel", "unseen", lambda: (rn(5, 4),), "factor")
def private(wrong):
    class Affine:
        def __init__(self):
            self._kernel, self._offset = rn(4, 3, seed=1), rn(3, seed=2)

        def forward(self, x):
            self._x = x
            return x @ self._kernel + self._offset

        def backward(self, dy):
            self._dkernel = self._x.T @ dy * (2 if wrong else 1)
            self._doffset = dy.sum(0)
            return dy @ self._kernel.T

    return Affine()


@CASES.add("plain arrays in a subclass of Layer", "unseen", lambda: (rn(6, 3),), "sign")
def plain_in_layer(wrong):
    class Scale(Layer):
        def __init__(self):
            self.gain, self.shift = rn(3, seed=1), rn(3, seed=2)

        def forward(self, x):
            self.remember(x)
            return x * self.gain + self.shift

        def backward(self, dy):
            (x,) = self.recall()
            self.dgain, self.dshift = (x * dy).sum(0), dy.sum(0)
            if wrong:
                self.dshift = -self.dshift
            return dy * self.gain

    return Scale()


@CASES.add("plain array beside a Linear in a Layer", "unseen", lambda: (rn(6, 4),), "factor", "batch mean")
def plain_beside_linear(wrong):
    class Head(Layer):
        def __init__(self):
            self.proj = Linear(4, 3, rng=np.random.default_rng(1)).astype("float64")
            self.log_scale = 0.3 * rn(3, seed=2)

        def forward(self, x):
            z = self.proj.forward(x)
            self.remember(z)
            return z * np.exp(self.log_scale)

        def backward(self, dy):
            (z,) = self.recall()
            each = z * dy * np.exp(self.log_scale)
            self.dlog_scale = each.mean(0) if wrong else each.sum(0)
            return self.proj.backward(dy * np.exp(self.log_scale))

    return Head()


@CASES.add("theta and dtheta are dicts", "unseen", lambda: (rn(5, 4),), "factor")
def theta_dicts(wrong):
    class Model:
        def __init__(self):
            self.theta = {"in": rn(4, 6, seed=1), "bias": rn(6, seed=2), "out": rn(6, 2, seed=3)}
            self.dtheta = {}

        def forward(self, x):
            self.x = x
            self.h = np.tanh(x @ self.theta["in"] + self.theta["bias"])
            return self.h @ self.theta["out"]

        def backward(self, dy):
            self.dtheta["out"] = self.h.T @ dy * (100 if wrong else 1)
            dz = (dy @ self.theta["out"].T) * (1 - self.h**2)
            self.dtheta["in"], self.dtheta["bias"] = self.x.T @ dz, dz.sum(0)
            return dz @ self.theta["in"].T

    return Model()


@CASES.add("W and dW are lists, all square", "unseen", lambda: (rn(5, 4),), "axes")
def lists_of_w(wrong):
    class Stack:
        def __init__(self):
            self.W = [0.5 * rn(4, 4, seed=s) for s in range(3)]
            self.dW = [None] * 3

        def forward(self, x):
            self.acts = [x]
            for w in self.W:
                self.acts.append(np.tanh(self.acts[-1] @ w))
            return self.acts[-1]

        def backward(self, dy):
            for i in (2, 1, 0):
                dy = dy * (1 - self.acts[i + 1] ** 2)
                self.dW[i] = self.acts[i].T @ dy
                if wrong and i == 1:
                    self.dW[i] = self.dW[i].T
                dy = dy @ self.W[i].T
            return dy

    return Stack()


@CASES.add("layers is a list of dicts", "unseen", lambda: (rn(5, 4),), "some indices", "region", "term missing")
def list_of_dicts(wrong):
    class MLP:
        def __init__(self, sizes=(4, 5, 3)):
            pairs = zip(sizes, sizes[1:], strict=False)
            self.layers = [{"W": rn(n, m, seed=n), "b": rn(m, seed=m)} for n, m in pairs]

        def forward(self, x):
            for layer in self.layers:
                layer["in"] = x
                x = layer["out"] = np.tanh(0.5 * (x @ layer["W"] + layer["b"]))
            return x

        def backward(self, dy):
            for layer in reversed(self.layers):
                dz = 0.5 * dy * (1 - layer["out"] ** 2)
                layer["dW"] = layer["in"].T @ dz
                layer["db"] = dz.sum(0)
                dy = dz @ layer["W"].T
            if wrong:
                self.layers[0]["db"][-1] = 0
            return dy

    return MLP()


@CASES.add("namedtuples of weights and of gradients", "unseen", lambda: (rn(5, 4),), "batch mean", "factor")
def namedtuples(wrong):
    Weights = collections.namedtuple("Weights", "w b")

    class Dense:
        def __init__(self):
            self.p = Weights(rn(4, 3, seed=1), rn(3, seed=2))

        def forward(self, x):
            self.x = x
            return x @ self.p.w + self.p.b

        def backward(self, dy):
            self.g = Weights(self.x.T @ dy, dy.mean(0) if wrong else dy.sum(0))
            return dy @ self.p.w.T

    return Dense()


@CASES.add("SimpleNamespace of weights", "unseen", lambda: (rn(6, 3),), "factor", "extra term")
def namespaces(wrong):
    class Quadratic:  # y = x**2 a + x b + c
        def __init__(self):
            self.coef = types.SimpleNamespace(a=rn(3, seed=1), b=rn(3, seed=2), c=rn(3, seed=3))
            self.grad = types.SimpleNamespace()

        def forward(self, x):
            self.x = x
            return x**2 * self.coef.a + x * self.coef.b + self.coef.c

        def backward(self, dy):
            self.grad.a = (dy * self.x**2).sum(0)
            if wrong:
                self.grad.a = 2 * (dy * self.x).sum(0)  # the derivative by x in place of that by a
            self.grad.b, self.grad.c = (dy * self.x).sum(0), dy.sum(0)
            return dy * (2 * self.x * self.coef.a + self.coef.b)

    return Quadratic()


@CASES.add("a dataclass with mu and mu_bar", "unseen", lambda: (rn(6, 3),), "sign")
def in_dataclass(wrong):
    @dataclasses.dataclass
    class Gauss:
        mu: np.ndarray
        prec: np.ndarray
        mu_bar: np.ndarray | None = None
        prec_bar: np.ndarray | None = None
        cache: tuple = ()

        def forward(self, x):
            d = x - self.mu
            y = np.exp(-0.5 * self.prec**2 * d**2)
            self.cache = d, y
            return y

        def backward(self, dy):
            d, y = self.cache
            dd = -dy * y * self.prec**2 * d
            self.mu_bar = dd.sum(0) if wrong else -dd.sum(0)
            self.prec_bar = (-dy * y * self.prec * d**2).sum(0)
            return dd

    return Gauss(rn(3, seed=1), 0.5 + rn(3, seed=2) ** 2)


@CASES.add("own parameter class, .w and .dw", "unseen", lambda: (rn(5, 4),), "factor")
def own_parameter(wrong):
    class Weight:
        def __init__(self, w):
            self.w, self.dw = w, np.zeros_like(w)

    class FC:
        def __init__(self):
            self.kernel, self.bias = Weight(rn(4, 3, seed=1)), Weight(rn(3, seed=2))

        def forward(self, x):
            self.x = x
            return x @ self.kernel.w + self.bias.w

        def backward(self, dy):
            self.kernel.dw = self.x.T @ dy * (100 if wrong else 1)
            self.bias.dw = dy.sum(0)
            return dy @ self.kernel.w.T

    return FC()


@CASES.add("own Tensor, .data and .gradient", "unseen", lambda: (rn(2, 7, 3),), "flip")
def own_tensor(wrong):
    class Tensor:
        def __init__(self, data):
            self.data, self.gradient = data, None

    class Conv1d:
        def __init__(self):
            self.filters, self.bias = Tensor(rn(3, 3, 2, seed=1)), Tensor(rn(2, seed=2))

        def forward(self, x):
            self.x, k, steps = x, self.filters.data, x.shape[1] - 2
            return sum(x[:, i : i + steps] @ k[i] for i in range(3)) + self.bias.data

        def backward(self, dy):
            k, steps = self.filters.data, dy.shape[1]
            dk, dx = np.zeros_like(k), np.zeros_like(self.x)
            for i in range(3):
                dk[i] = np.einsum("ntc,ntf->cf", self.x[:, i : i + steps], dy)
                dx[:, i : i + steps] += dy @ k[i].T
            self.filters.gradient = dk[::-1] if wrong else dk  # a kernel turned around, as in true convolution
            self.bias.gradient = dy.sum((0, 1))
            return dx

    return Conv1d()
