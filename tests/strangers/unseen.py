"""Gradients that nobody looked at, and gradients that are wrong for a dy of another size."""

import collections
import dataclasses
import functools
import types

import numpy as np

from tinycnn.layers import Layer, Linear

from .registry import Cases, rn

CASES = Cases()


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


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


@CASES.add("own Tensor, .data and .gradient", "unseen", lambda: (rn(2, 7, 3),), "some indices", "axes", "sign")
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


@CASES.add("weights in a store of their own", "unseen", lambda: (rn(5, 4), rn(5, 4, seed=9)), "term missing")
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


@CASES.add("x of integers, dx returned", "unseen", lambda: (np.arange(20).reshape(5, 4) % 7 - 3,), "factor")
def integers(wrong):
    class Poly:
        def forward(self, x):
            self.x = x
            return 0.5 * x**2 - x

        def backward(self, dy):
            return dy * (2 * self.x - 1) if wrong else dy * (self.x - 1)

    return Poly()


@CASES.add("embedding: x of indices, two outputs", "unseen", lambda: (np.array([2, 0, 2, 3, 2]),), "some indices",
           "stale", "term missing")
def embedding(wrong):
    class TwoTables:
        def __init__(self):
            self.key_table, self.value_table = rn(5, 3, seed=1), rn(5, 2, seed=2)

        def forward(self, ids):
            self.ids = ids
            return self.key_table[ids], self.value_table[ids]

        def backward(self, dkey, dvalue):
            self.dkey_table, self.dvalue_table = np.zeros((5, 3)), np.zeros((5, 2))
            np.add.at(self.dkey_table, self.ids, dkey)
            if wrong:
                self.dvalue_table[self.ids] += dvalue  # an index that comes twice is added once
            else:
                np.add.at(self.dvalue_table, self.ids, dvalue)

    return TwoTables()


@CASES.add("x is a list of lists", "unseen", lambda: (rn(5, 4).tolist(),), "sign")
def nested_lists(wrong):
    class Sine:
        def forward(self, x):
            self.x = np.asarray(x)
            return np.cos(self.x)

        def backward(self, dy):
            return dy * np.sin(self.x) if wrong else -dy * np.sin(self.x)

    return Sine()


@CASES.add("x is a list of lists, dw wrong", "unseen", lambda: (rn(5, 4).tolist(),), "factor")
def nested_lists_dw(wrong):
    class Dense:
        def __init__(self):
            self.w = rn(4, 3, seed=1)

        def forward(self, x):
            self.x = x
            return np.dot(x, self.w)

        def backward(self, dy):
            self.dw = np.transpose(self.x) @ dy * (2 if wrong else 1)
            return (dy @ self.w.T).tolist()

    return Dense()


@CASES.add("bias is a 0-d array, scalar loss", "unseen", lambda: (rn(5, 4),), "factor", "batch mean")
def zero_d(wrong):
    class Loss:
        def __init__(self):
            self.w, self.b = rn(4, seed=1), np.array(0.3)
            self.db = np.zeros(())

        def forward(self, x):
            self.x, self.r = x, x @ self.w + self.b
            return 0.5 * (self.r**2).sum()

        def backward(self):
            self.dw = self.x.T @ self.r
            self.db[()] = self.r.mean() if wrong else self.r.sum()
            return np.outer(self.r, self.w)

    return Loss()


@CASES.add("weights of float32, x of float64", "unseen", lambda: (rn(5, 4),), "sign")
def float32_weights(wrong):
    class Dense:
        def __init__(self):
            self.w, self.b = rn(4, 3, seed=1).astype("float32"), rn(3, seed=2).astype("float32")

        def forward(self, x):
            self.x = x
            return x @ self.w + self.b

        def backward(self, dy):
            self.dw = (self.x.T @ dy).astype("float32") * np.float32(-1 if wrong else 1)
            self.db = dy.sum(0).astype("float32")
            return dy @ self.w.T

    return Dense()


# From here on: dy of another size, or with zeros, or of one sign.


class Dense:
    def __init__(self):
        self.w, self.b = rn(4, 3, seed=1), rn(3, seed=2)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, dy):
        self.dw, self.db = self.x.T @ dy, dy.sum(0)
        return dy @ self.w.T


class Conv1d:
    """x (N, T, C), w (3, C, F), no padding."""

    def __init__(self):
        self.w = rn(3, 3, 2, seed=1)

    def forward(self, x):
        self.x, steps = x, x.shape[1] - 2
        return sum(x[:, i : i + steps] @ self.w[i] for i in range(3))

    def backward(self, dy):
        self.dw, dx, steps = np.zeros_like(self.w), np.zeros_like(self.x), dy.shape[1]
        for i in range(3):
            self.dw[i] = np.einsum("ntc,ntf->cf", self.x[:, i : i + steps], dy)
            dx[:, i : i + steps] += dy @ self.w[i].T
        return dx


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y**2)


class Softmax:
    def forward(self, x):
        self.p = softmax(x)
        return self.p

    def backward(self, dy):
        return self.p * (dy - (dy * self.p).sum(-1, keepdims=True))


class Mean:
    def forward(self, x):
        self.shape = x.shape
        return x.mean(1)

    def backward(self, dy):
        return np.repeat(dy[:, None], self.shape[1], 1) / self.shape[1]


class Product:
    def forward(self, a, b):
        self.a, self.b = a, b
        return a * b

    def backward(self, dy):
        return dy * self.b, dy * self.a


class Square:
    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dy):
        return 2 * dy * self.x


class MaxPool:
    """The largest of each two neighbours: (N, 2 T) -> (N, T)."""

    def forward(self, x):
        pairs = x.reshape(len(x), -1, 2)
        self.mask = pairs == pairs.max(-1, keepdims=True)
        return pairs.max(-1)

    def backward(self, dy):
        return (self.mask * dy[..., None]).reshape(len(dy), -1)


@CASES.add("dw clipped at 10", "size of dy", lambda: (rn(5, 4),), "clipped", "nonlinear")
def clip_dw(wrong):
    class Clipped(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                np.clip(self.dw, -10, 10, out=self.dw)
            return dx

    return Clipped()


@CASES.add("dw of a convolution clipped at 5 times its number of rows", "size of dy", lambda: (rn(2, 7, 3),),
           "clipped", "nonlinear")
def clip_conv(wrong):
    class Clipped(Conv1d):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                limit = 5 * len(dy)
                self.dw = np.maximum(np.minimum(self.dw, limit), -limit)
            return dx

    return Clipped()


@CASES.add("db clipped from above at 50", "size of dy", lambda: (rn(5, 4),), "clipped", "nonlinear")
def clip_db(wrong):
    class Clipped(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                self.db = np.minimum(self.db, 50)
            return dx

    return Clipped()


@CASES.add("dx of tanh clipped at 10", "size of dy", lambda: (rn(5, 4),), "clipped", "nonlinear")
def clip_dx(wrong):
    class Clipped(Tanh):
        def backward(self, dy):
            dx = super().backward(dy)
            return dx.clip(-10, 10) if wrong else dx

    return Clipped()


@CASES.add("norm of dx clipped at 100", "size of dy", lambda: (rn(2, 7, 3),), "clipped", "nonlinear")
def clip_norm(wrong):
    class Clipped(Conv1d):
        def backward(self, dy):
            dx = super().backward(dy)
            return dx * min(1, 100 / (np.linalg.norm(dx) + 1e-300)) if wrong else dx

    return Clipped()


@CASES.add("norm of all gradients together clipped", "size of dy", lambda: (rn(5, 4),), "clipped", "nonlinear")
def clip_global(wrong):
    class Clipped(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            norm = np.sqrt((self.dw**2).sum() + (self.db**2).sum() + (dx**2).sum())
            if wrong and norm > 250:
                self.dw, self.db, dx = (g * 250 / norm for g in (self.dw, self.db, dx))
            return dx

    return Clipped()


@CASES.add("dx below 1e-3 set to 0", "size of dy", lambda: (rn(5, 4),), "nonlinear", "clipped")
def threshold(wrong):
    class Sparse(Softmax):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                dx[abs(dx) < 1e-3] = 0
            return dx

    return Sparse()


@CASES.add("dw below 1e-6 set to 0", "size of dy", lambda: (rn(5, 4),), "nonlinear", "clipped")
def threshold_dw(wrong):
    class Sparse(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                self.dw = np.where(np.abs(self.dw) > 1e-6, self.dw, 0)
            return dx

    return Sparse()


@CASES.add("dx rounded to 3 decimals", "size of dy", lambda: (rn(4, 6),), "nonlinear")
def rounded(wrong):
    class Rounded(Mean):
        def backward(self, dy):
            dx = super().backward(dy)
            return dx.round(3) if wrong else dx

    return Rounded()


@CASES.add("only the sign of dy is kept", "size of dy", lambda: (rn(4, 6),), "nonlinear")
def sign_only(wrong):
    class Signed(Square):
        def backward(self, dy):
            if wrong:
                dy = np.sign(dy)
            return super().backward(dy)

    return Signed()


@CASES.add("NaN where dy is 0: dy / |dy|", "size of dy", lambda: (rn(4, 6),), "not finite")
def nan_direction(wrong):
    class Direction(Tanh):
        def backward(self, dy):
            size = np.abs(dy)
            if wrong:
                with np.errstate(all="ignore"):
                    dy = dy / size * size
            return super().backward(dy)

    return Direction()


@CASES.add("NaN where dy is 0: products by logarithms", "size of dy", lambda: (rn(4, 3), rn(4, 3, seed=5)),
           "not finite")
def nan_log(wrong):
    class Logs(Product):
        def backward(self, dy):
            if not wrong:
                return super().backward(dy)
            with np.errstate(all="ignore"):
                logs = np.log(abs(dy))
                da = np.sign(dy * self.b) * np.exp(logs + np.log(abs(self.b)))
                db = self.a * np.exp(logs - logs.max()) * np.sign(dy) * np.exp(logs.max())
            db[~np.isfinite(logs)] = np.nan
            da[~np.isfinite(logs)] = np.nan
            return da, db

    return Logs()


@CASES.add("NaN where a row of dy is 0: scaled by its own norm and back", "size of dy", lambda: (rn(5, 4),),
           "not finite")
def nan_rows(wrong):
    class Rows(Dense):
        def backward(self, dy):
            if wrong:
                norm = np.linalg.norm(dy, axis=1, keepdims=True)
                with np.errstate(all="ignore"):
                    dy = (dy / norm) * norm
            return super().backward(dy)

    return Rows()


@CASES.add("dy divided by its own maximum when above 100", "size of dy", lambda: (rn(5, 4),), "nonlinear", "clipped")
def own_max(wrong):
    class Normalized(Dense):
        def backward(self, dy):
            biggest = np.abs(dy).max()
            if wrong and biggest > 100:
                dy = dy / biggest
            return super().backward(dy)

    return Normalized()


@CASES.add("early exit for a dy of norm below 1e-3", "size of dy", lambda: (rn(2, 7, 3),), "nonlinear", "dy ignored")
def early_exit(wrong):
    class Lazy(Conv1d):
        def backward(self, dy):
            if wrong and np.linalg.norm(dy) < 1e-3:
                self.dw = np.zeros_like(self.w)
                return np.zeros_like(self.x)
            return super().backward(dy)

    return Lazy()


@CASES.add("early exit leaves the old dw", "size of dy", lambda: (rn(5, 4),), "stale", "nonlinear")
def early_exit_stale(wrong):
    class Lazy(Dense):
        dw = db = None

        def backward(self, dy):
            if wrong and not dy.any() and self.dw is not None:
                return np.zeros_like(self.x)
            return super().backward(dy)

    return Lazy()


@CASES.add("dy through float16", "size of dy", lambda: (rn(5, 4),), "not finite", "nonlinear")
def half(wrong):
    class Half(Dense):
        def backward(self, dy):
            if wrong:
                with np.errstate(all="ignore"):
                    return super().backward(dy.astype(np.float16).astype(np.float64))
            return super().backward(dy)

    return Half()


@CASES.add("dy saturates at the largest float16", "size of dy", lambda: (rn(4, 8),), "clipped", "nonlinear")
def saturated_half(wrong):
    class Half(MaxPool):
        def backward(self, dy):
            if wrong:
                top = float(np.finfo(np.float16).max)
                dy = np.clip(dy, -top, top)
            return super().backward(dy)

    return Half()


@CASES.add("overflowing step skipped, as in loss scaling", "size of dy", lambda: (rn(5, 4),), "nonlinear",
           "dy ignored")
def skipped_step(wrong):
    class Scaled(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong and np.abs(self.dw).max() > 2**15:
                self.dw, self.db = np.zeros_like(self.dw), np.zeros_like(self.db)
            return dx

    return Scaled()


@CASES.add("db divided by the sum of dy", "size of dy", lambda: (rn(5, 4),), "nonlinear", "factor", "not finite")
def divided_by_sum(wrong):
    class Weighted(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                with np.errstate(all="ignore"):
                    self.db = self.db / dy.sum()
            return dx

    return Weighted()


@CASES.add("pooling sends dy where dy is largest", "size of dy", lambda: (rn(3, 4, 2),), "some indices", "nonlinear")
def argmax_of_dy(wrong):
    class RowMax:  # the largest over axis 1, (N, T, C) -> (N, C)
        def forward(self, x):
            self.x = x
            return x.max(1)

        def backward(self, dy):
            dx = np.zeros_like(self.x)
            spread = np.broadcast_to(dy[:, None], self.x.shape)
            i = (spread * self.x if wrong else self.x).argmax(1)  # the same as long as dy > 0
            np.put_along_axis(dx, i[:, None], dy[:, None], 1)
            return dx

    return RowMax()


@CASES.add("ReLU lets through where dy > 0", "size of dy", lambda: (rn(5, 4),), "nonlinear", "region")
def mask_of_dy(wrong):
    class ReLU:
        def forward(self, x):
            self.x = x
            return np.maximum(x, 0)

        def backward(self, dy):
            return dy * ((self.x > 0) & (dy > 0) if wrong else self.x > 0)  # "guided" backpropagation

    return ReLU()


@CASES.add("one-hot dy taken for a label", "size of dy", lambda: (rn(4, 5),), "nonlinear")
def one_hot(wrong):
    class Shortcut(Softmax):
        def backward(self, dy):
            if wrong and np.isin(dy, (0, 1)).all() and dy.any():
                return (self.p - dy) * dy.any(-1, keepdims=True)
            return super().backward(dy)

    return Shortcut()


@CASES.add("dy of one number only, divided by the batch", "size of dy", lambda: (rn(4, 6),), "nonlinear",
           "some indices", "batch mean")
def constant_dy(wrong):
    class Shortcut(Mean):
        def backward(self, dy):
            if wrong and np.ptp(dy) == 0:  # the mean over the batch too, for a dy that looks like a loss
                return super().backward(dy) / len(dy)
            return super().backward(dy)

    return Shortcut()


@CASES.add("dx has the dtype of an integer buffer", "size of dy", lambda: (rn(4, 8),), "nonlinear")
def integer_buffer(wrong):
    class Unpool(MaxPool):
        def backward(self, dy):
            dx = np.zeros(self.mask.shape, dtype=int if wrong else float)
            dx[self.mask] = dy.ravel()
            return dx.reshape(len(dy), -1).astype(float)

    return Unpool()


@CASES.add("dy above 1000 saturates through tanh", "size of dy", lambda: (rn(5, 4),), "clipped", "nonlinear")
def saturating(wrong):
    class Soft(Tanh):
        def backward(self, dy):
            if wrong:
                dy = np.where(np.abs(dy) > 1000, 1000 * (1 + np.tanh(np.abs(dy) / 1000 - 1)) * np.sign(dy), dy)
            return super().backward(dy)

    return Soft()


@CASES.add("1e-12 within the square root of dy squared", "size of dy", lambda: (rn(4, 3), rn(4, 3, seed=5)),
           "nonlinear")
def smooth_abs(wrong):
    class Smooth(Product):
        def backward(self, dy):
            if wrong:
                dy = np.sign(dy) * np.sqrt(dy**2 + 1e-12)
            return super().backward(dy)

    return Smooth()


@CASES.add("dw with an epsilon that dy of size 1 hides", "size of dy", lambda: (rn(2, 7, 3),), "extra term",
           "nonlinear")
def added_epsilon(wrong):
    class Nudged(Conv1d):
        def backward(self, dy):
            dx = super().backward(dy)
            if wrong:
                self.dw += 1e-8
            return dx

    return Nudged()
