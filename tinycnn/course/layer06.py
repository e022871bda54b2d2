"""The last exercise of lesson 06: the functions become a layer that trains."""

import numpy as np

from tinycnn.course.backward06 import conv_backward, im2col
from tinycnn.course.exercise import Case, Exercise, Mistake
from tinycnn.gradient_check import gradcheck
from tinycnn.layers import Layer, Parameter


class MyConv2d(Layer):
    """The layer that the lesson ends with."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.stride, self.padding = stride, padding
        self.w = Parameter(np.zeros((kernel_size, kernel_size, in_channels, out_channels), "float32"))
        self.b = Parameter(np.zeros(out_channels, "float32"))

    def forward(self, x):
        self.remember(x)
        cols = im2col(x, self.w.value.shape[:2], self.stride, self.padding)
        return cols @ self.w.value.reshape(-1, self.w.value.shape[3]) + self.b.value

    def backward(self, dy):
        (x,) = self.recall()
        dx, self.w.grad, self.b.grad = conv_backward(dy, x, self.w.value, self.stride, self.padding)
        return dx


class Empty(MyConv2d):
    def forward(self, x):
        ...

    def backward(self, dy):
        ...


class Unknown(MyConv2d):
    def backward(self, dy):
        dx = super().backward(dy)
        return dx + 0.1 * np.arange(dx.size).reshape(dx.shape)


class _Accumulates(MyConv2d):
    def backward(self, dy):
        before = self.w.grad, self.b.grad
        dx = super().backward(dy)
        if before[0] is not None:
            self.w.grad, self.b.grad = self.w.grad + before[0], self.b.grad + before[1]
        return dx


class _Updates(MyConv2d):
    def backward(self, dy):
        dx = super().backward(dy)
        self.w.value, self.b.value = self.w.value - 0.01 * self.w.grad, self.b.value - 0.01 * self.b.grad
        return dx


class _PlainForward(MyConv2d):
    """Stride and padding are lost on the way to forward; backward follows."""

    def forward(self, x):
        self.stride, self.padding = 1, 0
        return super().forward(x)


class _BiasForgotten(MyConv2d):
    def forward(self, x):
        return super().forward(x) - self.b.value


class _BatchMean(MyConv2d):
    def backward(self, dy):
        dx = super().backward(dy)
        self.w.grad, self.b.grad = self.w.grad / len(dy), self.b.grad / len(dy)
        return dx


class _GradientsExchanged(MyConv2d):
    def backward(self, dy):
        dx = super().backward(dy)
        self.w.grad, self.b.grad = self.b.grad, self.w.grad
        return dx


class _StoredElsewhere(MyConv2d):
    """The gradient takes the place of the weight."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.w.value, self.b.value = self.w.grad, self.b.grad
        return dx


class _ClassAttribute(MyConv2d):
    """What forward remembers belongs to the class, so all layers share it."""

    def forward(self, x):
        _ClassAttribute.x = x
        return super().forward(x)

    def backward(self, dy):
        dx, self.w.grad, self.b.grad = conv_backward(dy, _ClassAttribute.x, self.w.value, self.stride, self.padding)
        return dx


def two_steps(cls, args, kwargs):
    """Two layers in turns, as in a network; two steps; and a look at the weights that nobody asked to change."""
    (x, w, b, stride, padding), rng = args, np.random.default_rng(2)
    layer, other = (cls(w.shape[2], w.shape[3], w.shape[0], stride=stride, padding=padding) for _ in range(2))
    layer.w.value, layer.b.value = w, b
    other.w.value, other.b.value = w[::-1].copy(), b.copy()
    y = layer.forward(x)
    if y is None:
        return [None] * len(LAYER.returns)
    other.forward(x[::-1].copy())
    dx = layer.backward(rng.standard_normal(y.shape).astype(x.dtype))
    dw, db = layer.w.grad, layer.b.grad
    y = layer.forward(x)
    layer.backward(rng.standard_normal(y.shape).astype(x.dtype))
    return y, dx, dw, db, layer.w.grad, layer.b.grad, layer.w.value, layer.b.value


def _cases(rng):
    def case(x, w, stride, padding):
        return Case(rng.standard_normal(x), rng.standard_normal(w), rng.uniform(0.5, 1.5, w[3]), stride, padding)
    return [case((2, 5, 6, 2), (3, 3, 2, 4), 1, 0), case((3, 7, 8, 2), (3, 3, 2, 3), 2, 1),
            case((2, 4, 5, 3), (2, 2, 3, 2), 1, 1)]


def _gradcheck(cls):
    layer = cls(2, 3, 3, stride=2, padding=1)
    layer.w.value = np.random.default_rng(1).standard_normal(layer.w.value.shape)
    return gradcheck(layer.astype("float64"), np.random.default_rng(2).standard_normal((2, 5, 6, 2)))


LAYER = Exercise(
    title="a convolution layer of your own",
    solution=MyConv2d,
    call=two_steps,
    takes=("x", "w", "b", "stride", "padding"),
    cases=_cases,
    returns=("y", "dx", "dw", "db", "dw of the next step", "db of the next step", "w afterwards", "b afterwards"),
    gradient=_gradcheck,
    keeps_dtype=True,
    stub=Empty,
    unknown=Unknown,
    mistakes={
        "accumulates": Mistake(
            _Accumulates,
            "The gradient of the step before is still in there. Every backward writes its gradient anew (=); adding up "
            "belongs inside one backward, over positions and images."),
        "updates": Mistake(
            _Updates,
            "The weights have changed, though no optimizer was called. backward computes gradients and leaves the step "
            "to the optimizer."),
        "shared by all layers": Mistake(
            _ClassAttribute,
            "Two layers were used in turns, and the one computed with what the other had been given. What forward "
            "remembers has to be kept in this very layer: self.remember(x), or self.x, not a variable of the class."),
        "plain forward": Mistake(
            _PlainForward,
            "Stride and padding do not arrive in the computation. Where are self.stride and self.padding used?"),
        "bias forgotten": Mistake(
            _BiasForgotten, "The layer's b has no part in y. Every output number gets its filter's b."),
        "batch mean": Mistake(
            _BatchMean, "It is divided by the batch size. The loss has done that already; a layer only adds up."),
        "exchanged": Mistake(
            _GradientsExchanged, "The gradients of w and of b are in each other's place. In which order does your "
            "conv_backward return them?"),
        "stored elsewhere": Mistake(
            _StoredElsewhere,
            "The gradient has replaced the weight itself. A Parameter has two places: value and grad."),
    },
)
