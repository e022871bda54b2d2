"""An exercise of lesson 03: the functions become a layer that remembers what its backward needs.

It is graded as in a network: two layers at work at once, so that one runs forward before the other has run backward,
and then a second step.
"""

import numpy as np

from tinycnn.course.exercise import Case, Exercise, Mistake
from tinycnn.gradient_check import gradcheck
from tinycnn.layers import Layer, Parameter


class MyLinear(Layer):
    """The layer that the lesson ends with."""

    def __init__(self, in_features, out_features, rng=None):
        self.w = Parameter(np.zeros((in_features, out_features), "float32"))
        self.b = Parameter(np.zeros(out_features, "float32"))

    def forward(self, x):
        self.remember(x)
        return x @ self.w.value + self.b.value

    def backward(self, dy):
        (x,) = self.recall()
        self.w.grad, self.b.grad = x.T @ dy, dy.sum(axis=0)
        return dy @ self.w.value.T


class Empty(MyLinear):
    def forward(self, x):
        ...

    def backward(self, dy):
        ...


class Unknown(MyLinear):
    def backward(self, dy):
        dx = super().backward(dy)
        return dx + 0.1 * np.arange(dx.size).reshape(dx.shape)


class _Accumulates(MyLinear):
    def backward(self, dy):
        before = self.w.grad, self.b.grad
        dx = super().backward(dy)
        if before[0] is not None:
            self.w.grad, self.b.grad = self.w.grad + before[0], self.b.grad + before[1]
        return dx


class _Updates(MyLinear):
    rate = 0.01

    def backward(self, dy):
        dx = super().backward(dy)
        self.w.value, self.b.value = self.w.value - self.rate * self.w.grad, self.b.value - self.rate * self.b.grad
        return dx


class _UpdatesMore(_Updates):
    rate = 0.1


class _Shared(MyLinear):
    """What is remembered belongs to the class, so to all layers at once."""

    latest = None

    def forward(self, x):
        _Shared.latest = x
        return super().forward(x)

    def backward(self, dy):
        self.remember(_Shared.latest)
        return super().backward(dy)


class _FirstBatch(MyLinear):
    def forward(self, x):
        self.first = getattr(self, "first", x)
        return super().forward(x)

    def backward(self, dy):
        self.remember(self.first)
        return super().backward(dy)


class _BiasForgotten(MyLinear):
    def forward(self, x):
        return super().forward(x) - self.b.value


class _BatchMean(MyLinear):
    def backward(self, dy):
        dx = super().backward(dy)
        self.w.grad, self.b.grad = self.w.grad / len(dy), self.b.grad / len(dy)
        return dx


class _Exchanged(MyLinear):
    def backward(self, dy):
        dx = super().backward(dy)
        self.w.grad, self.b.grad = self.b.grad, self.w.grad
        return dx


class _StoredElsewhere(MyLinear):
    """The gradient takes the place of the weight."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.w.value, self.b.value = self.w.grad, self.b.grad
        return dx


def two_layers(cls, args, kwargs):
    """Two layers, forward both and then backward both; the first one a second time; and a look at its weights."""
    (x, w, b), rng = args, np.random.default_rng(2)
    first, second = cls(*w.shape), cls(*w.shape)
    first.w.value, first.b.value = w, b
    second.w.value, second.b.value = 2 * w, b + 1
    xs = x, (x[::-1] + 0.5).astype(x.dtype)
    ys = [layer.forward(x) for layer, x in zip((first, second), xs, strict=True)]
    if any(y is None for y in ys):
        return [None] * len(LAYER.returns)
    dys = rng.standard_normal((3, *np.shape(ys[0]))).astype(x.dtype)
    dxs = [layer.backward(dy) for layer, dy in zip((first, second), dys[:2], strict=True)]
    grads = first.w.grad, first.b.grad, second.w.grad, second.b.grad
    first.forward(xs[1])
    first.backward(dys[2])
    return ys[0], dxs[0], *grads[:2], dxs[1], *grads[2:], first.w.grad, first.b.grad, first.w.value, first.b.value


def _cases(rng):
    return [Case(rng.standard_normal((n, d)), rng.standard_normal((d, f)), rng.uniform(0.5, 1.5, f))
            for n, d, f in ((4, 3, 2), (2, 5, 3), (3, 2, 6))]


def _gradcheck(cls):
    layer = cls(3, 2)
    layer.w.value = np.random.default_rng(1).standard_normal(layer.w.value.shape)
    return gradcheck(layer.astype("float64"), np.random.default_rng(2).standard_normal((4, 3)))


LAYER = Exercise(
    title="a fully connected layer of your own",
    solution=MyLinear,
    call=two_layers,
    takes=("x", "w", "b"),
    cases=_cases,
    returns=("y", "dx", "dw", "db", "dx of another layer", "dw of another layer", "db of another layer",
             "dw of the next step", "db of the next step", "w afterwards", "b afterwards"),
    gradient=_gradcheck,
    keeps_dtype=True,
    stub=Empty,
    unknown=Unknown,
    mistakes={
        "accumulates": Mistake(
            _Accumulates,
            "The gradient of the step before is still in there. Every backward writes its gradient anew (=); adding up "
            "belongs inside one backward, over the rows of the batch."),
        "updates": Mistake(
            _Updates,
            "The weights have changed, though no optimizer was called. backward computes gradients and leaves the step "
            "to the optimizer."),
        "updates more": Mistake(
            _UpdatesMore,
            "The weights are not what they were before backward. It computes gradients; who changes a weight is the "
            "optimizer, later."),
        "shared": Mistake(
            _Shared,
            "Two layers disturb each other: the second one's x is used in the first one's backward. What forward keeps "
            "belongs to this one layer, to self."),
        "first batch": Mistake(
            _FirstBatch,
            "backward still uses the x of the very first batch. Every forward replaces what was remembered."),
        "bias forgotten": Mistake(
            _BiasForgotten, "The layer's b has no part in y. Every output number gets the b of its column."),
        "batch mean": Mistake(
            _BatchMean, "It is divided by the batch size. The loss has done that already; a layer only adds up."),
        "exchanged": Mistake(
            _Exchanged, "The gradients of w and of b are in each other's place. In which order does your backward "
            "return them?"),
        "stored elsewhere": Mistake(
            _StoredElsewhere,
            "The gradient has replaced the weight itself. A Parameter has two places: value and grad."),
    },
)
