"""An exercise of lesson 03: the functions become a layer that remembers what its backward needs."""

import numpy as np

from tinycnn.course.exercise import Case, Exercise
from tinycnn.course.stand_ins import empty, unknown
from tinycnn.course.weighted import RETURNS, two_layers, wrong_layers
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
    call=two_layers(lambda cls, w: cls(*w.shape)),
    takes=("x", "w", "b"),
    cases=_cases,
    returns=RETURNS,
    gradient=_gradcheck,
    keeps_dtype=True,
    stub=empty(MyLinear),
    unknown=unknown(MyLinear),
    mistakes=wrong_layers(MyLinear, "the b of its column", "the rows of the batch"),
)
