"""An exercise of lesson 03: the functions become a layer that remembers what its backward needs."""

import numpy as np

from lessons.known.exercise import Case, Exercise
from lessons.known.stand_ins import empty, unknown
from lessons.known.weighted import wrong_layers
from tinycnn.course.calls.weighted import RETURNS
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


LAYER = Exercise(
    title="a fully connected layer of your own",
    solution=MyLinear,
    takes=("x", "w", "b"),
    cases=_cases,
    returns=RETURNS,
    keeps_dtype=True,
    stub=empty(MyLinear),
    unknown=unknown(MyLinear),
    mistakes=wrong_layers(MyLinear, "the b of its column", "the rows of the batch"),
)
