"""The last exercise of lesson 06: the functions become a layer that trains."""

import numpy as np

from lessons.known.backward06 import conv_backward, im2col
from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.stand_ins import empty, unknown
from lessons.known.weighted import wrong_layers
from tinycnn.course.calls.weighted import RETURNS
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


class _PlainForward(MyConv2d):
    """Stride and padding are lost on the way to forward; backward follows."""

    def forward(self, x):
        self.stride, self.padding = 1, 0
        return super().forward(x)


def _cases(rng):
    def case(x, w, stride, padding):
        return Case(rng.standard_normal(x), rng.standard_normal(w), rng.uniform(0.5, 1.5, w[3]), stride, padding)
    return [case((2, 5, 6, 2), (3, 3, 2, 4), 1, 0), case((3, 7, 8, 2), (3, 3, 2, 3), 2, 1),
            case((2, 4, 5, 3), (2, 2, 3, 2), 1, 1)]


LAYER = Exercise(
    title="a convolution layer of your own",
    solution=MyConv2d,
    takes=("x", "w", "b", "stride", "padding"),
    cases=_cases,
    returns=RETURNS,
    keeps_dtype=True,
    stub=empty(MyConv2d),
    unknown=unknown(MyConv2d),
    mistakes=wrong_layers(MyConv2d, "its filter's b", "positions and images") | {
        "plain forward": Mistake(
            _PlainForward,
            "Stride and padding do not arrive in the computation. Where are self.stride and self.padding used?"),
    },
)
