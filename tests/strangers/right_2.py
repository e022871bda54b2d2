"""Correct code in the forms in which people write it."""

from collections import namedtuple

import numpy as np

from .registry import Cases, rn

CASES = Cases()


@CASES.add("forward with a dict of outputs", "right", lambda: (rn(4, 3),))
def make(wrong):
    class GaussianHead:
        def __init__(self):
            self.W_mu, self.W_lv = rn(3, 2, seed=1), rn(3, 2, seed=2)

        def forward(self, x):
            self.x = x
            return {"mean": x @ self.W_mu, "logvar": np.tanh(x @ self.W_lv)}

        def backward(self, d):
            dz = d["logvar"] * (1 - np.tanh(self.x @ self.W_lv) ** 2)
            self.dW_mu = self.x.T @ d["mean"]
            self.dW_lv = self.x.T @ dz
            return d["mean"] @ self.W_mu.T + dz @ self.W_lv.T

    return GaussianHead()


@CASES.add("dx as a list", "right", lambda: (rn(3, 2), rn(3, 4, seed=1), rn(3, 1, seed=2)))
def make(wrong):
    class Concat:
        def forward(self, *xs):
            self.cuts = np.cumsum([x.shape[1] for x in xs])[:-1]
            return np.concatenate(xs, axis=1)

        def backward(self, dy):
            return [part for part in np.split(dy, self.cuts, axis=1)]

    return Concat()


@CASES.add("dx as a tuple", "right", lambda: (rn(3, 4), rn(4, seed=1)))
def make(wrong):
    class Mul:
        def forward(self, x, scale):
            self.save = (x, scale)
            return x * scale

        def backward(self, dy):
            x, scale = self.save
            return dy * scale, (dy * x).sum(axis=0)

    return Mul()


@CASES.add("dx as a dict by the name of the input", "right", lambda: (rn(3, 4), rn(3, 2, seed=1)))
def make(wrong):
    class Bilinear:
        def __init__(self):
            self.weight = rn(4, 2, 5, seed=2)
            self.weight_grad = None

        def forward(self, left, right):
            self.left, self.right = left, right
            return np.einsum("ni,nj,ijk->nk", left, right, self.weight)

        def backward(self, dy):
            self.weight_grad = np.einsum("ni,nj,nk->ijk", self.left, self.right, dy)
            return {
                "left": np.einsum("nk,nj,ijk->ni", dy, self.right, self.weight),
                "right": np.einsum("nk,ni,ijk->nj", dy, self.left, self.weight),
            }

    return Bilinear()


@CASES.add("backward returns dx and a dict of gradients", "right", lambda: (rn(5, 3),))
def make(wrong):
    class Affine:
        def __init__(self):
            self.params = {"W": rn(3, 4, seed=1), "b": rn(4, seed=2)}

        def forward(self, x):
            self.x = x
            return x @ self.params["W"] + self.params["b"]

        def backward(self, dy):
            grads = {"W": self.x.T @ dy, "b": dy.sum(0)}
            return dy @ self.params["W"].T, grads

    return Affine()


@CASES.add("float32 weights in a float64 world, grad_W", "right", lambda: (rn(4, 3),))
def make(wrong):
    class Linear32:
        def __init__(self):
            self.W = (rn(3, 2, seed=1) * 0.3).astype(np.float32)
            self.b = np.zeros(2, dtype=np.float32)

        def forward(self, x):
            self.x = np.asarray(x, dtype=np.float32)
            return self.x @ self.W + self.b

        def backward(self, dy):
            dy = np.asarray(dy, dtype=np.float32)
            self.grad_W = self.x.T @ dy
            self.grad_b = dy.sum(axis=0)
            return dy @ self.W.T

    return Linear32()


@CASES.add("Fortran order with views", "right", lambda: (np.asfortranarray(rn(4, 3)),))
def make(wrong):
    class FortranLinear:
        def __init__(self):
            self.W = np.asfortranarray(rn(6, 3, seed=1)[::2].T)

        def forward(self, x):
            self.x = x
            return np.asfortranarray(np.maximum(x @ self.W.T, 0.0))

        def backward(self, dy):
            dz = np.where(self.x @ self.W.T > 0, dy, 0.0)
            self.dW = np.asfortranarray(dz.T @ self.x)
            return np.asfortranarray(dz @ self.W)

    return FortranLinear()


@CASES.add("own Parameter class with W.grad", "right", lambda: (rn(4, 3),))
def make(wrong):
    class Parameter:
        def __init__(self, value):
            self.value = value
            self.grad = np.zeros_like(value)

    class Linear:
        def __init__(self, n_in, n_out):
            self.W = Parameter(rn(n_in, n_out, seed=7))
            self.b = Parameter(np.full(n_out, 0.1))

        def parameters(self):
            return [self.W, self.b]

        def forward(self, x):
            self._x = x
            return x @ self.W.value + self.b.value

        def backward(self, grad_out):
            self.W.grad = self._x.T @ grad_out
            self.b.grad = grad_out.sum(axis=0)
            return grad_out @ self.W.value.T

    return Linear(3, 2)


@CASES.add("own Tensor class with a tape", "right", lambda: (rn(3, 4),))
def make(wrong):
    class Tensor:
        def __init__(self, data, parents=(), back=None):
            self.data, self.grad = np.asarray(data, float), None
            self.parents, self.back = parents, back

        def accumulate(self, g):
            self.grad = g if self.grad is None else self.grad + g

        def __matmul__(self, o):
            return Tensor(self.data @ o.data, (self, o), lambda g: (g @ o.data.T, self.data.T @ g))

        def tanh(self):
            y = np.tanh(self.data)
            return Tensor(y, (self,), lambda g: (g * (1 - y * y),))

        def backward(self, g):
            self.accumulate(g)
            if self.back:
                for parent, pg in zip(self.parents, self.back(g)):
                    parent.backward(pg)

    class Net:
        def __init__(self):
            self.w1, self.w2 = Tensor(rn(4, 5, seed=1)), Tensor(rn(5, 2, seed=2))

        def forward(self, x):
            self.w1.grad = self.w2.grad = None
            self.inp = Tensor(x)
            self.out = (self.inp @ self.w1).tanh() @ self.w2
            return self.out.data

        def backward(self, dy):
            self.out.backward(dy)
            return self.inp.grad

    return Net()


@CASES.add("params and grads in a list of dicts", "right", lambda: (rn(4, 3),))
def make(wrong):
    class MLP:
        def __init__(self, sizes=(3, 6, 2)):
            self.params = [
                {"W": rn(a, b, seed=b), "b": rn(b, seed=a)} for a, b in zip(sizes[:-1], sizes[1:])
            ]
            self.grads = [{} for _ in self.params]

        def forward(self, x):
            self.acts = [x]
            for i, p in enumerate(self.params):
                z = self.acts[-1] @ p["W"] + p["b"]
                self.acts.append(np.maximum(z, 0) if i < len(self.params) - 1 else z)
            return self.acts[-1]

        def backward(self, delta):
            for i in reversed(range(len(self.params))):
                if i < len(self.params) - 1:
                    delta = delta * (self.acts[i + 1] > 0)
                self.grads[i]["W"] = self.acts[i].T @ delta
                self.grads[i]["b"] = delta.sum(axis=0)
                delta = delta @ self.params[i]["W"].T
            return delta

    return MLP()


@CASES.add("params in a nested namedtuple", "right", lambda: (rn(4, 3),))
def make(wrong):
    Layer = namedtuple("Layer", "W b")
    Params = namedtuple("Params", "hidden output")

    class Net:
        def __init__(self):
            self.params = Params(Layer(rn(3, 4, seed=1), rn(4, seed=2)), Layer(rn(4, 2, seed=3), rn(2, seed=4)))
            self.grads = None

        def forward(self, x):
            p = self.params
            h = 1 / (1 + np.exp(-(x @ p.hidden.W + p.hidden.b)))
            self.cache = x, h
            return h @ p.output.W + p.output.b

        def backward(self, dy):
            x, h = self.cache
            dz = dy @ self.params.output.W.T * h * (1 - h)
            self.grads = Params(Layer(x.T @ dz, dz.sum(0)), Layer(h.T @ dy, dy.sum(0)))
            return dz @ self.params.hidden.W.T

    return Net()


@CASES.add("PReLU with __slots__", "right", lambda: (rn(4, 3),))
def make(wrong):
    class PReLU:
        __slots__ = ("a", "da", "x")

        def __init__(self):
            self.a = np.array([0.25, 0.1, 0.3])

        def forward(self, x):
            self.x = x
            return np.where(x > 0, x, self.a * x)

        def backward(self, dy):
            self.da = np.where(self.x > 0, 0.0, self.x * dy).sum(axis=0)
            return np.where(self.x > 0, dy, self.a * dy)

    return PReLU()
