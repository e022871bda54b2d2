"""The first exercise of lesson 07: ReLU as a layer, with a memory of its own."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.stand_ins import empty, unknown
from tinycnn.course.calls.lesson07 import RETURNS
from tinycnn.layers import Layer


class MyReLU(Layer):
    """The layer that the lesson begins with."""

    def forward(self, x):
        self.remember(x)
        return np.maximum(x, 0)

    def backward(self, dy):
        (x,) = self.recall()
        return np.where(x > 0, dy, 0)


def _relu(y=lambda x: np.maximum(x, 0), dx=lambda dy, x: dy * (x > 0)):
    """A ReLU with one wrong line."""
    class Wrong(Layer):
        def forward(self, x):
            self.remember(x)
            return y(x)

        def backward(self, dy):
            (x,) = self.recall()
            return dx(dy, x)
    return Wrong


class _SharedReLU(Layer):
    """What backward needs is kept in the class: every layer of this kind overwrites it."""

    gate = None

    def forward(self, x):
        type(self).gate = x > 0
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * type(self).gate


class _FirstReLU(Layer):
    """The gate of the first batch stays."""

    gate = None

    def forward(self, x):
        if self.gate is None:
            self.gate = x > 0
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * self.gate


class _ChangesDy(Layer):
    """dx is made in the place of dy."""

    def forward(self, x):
        self.remember(x)
        return np.maximum(x, 0)

    def backward(self, dy):
        (x,) = self.recall()
        dy[x <= 0] = 0
        return dy


def _relu_cases(rng):
    def case(*shape):
        x, x2, x3 = rng.standard_normal((3, *shape)) * (rng.random((3, *shape)) > 0.2)  # some are exactly 0
        return Case(x=x, x2=x2, x3=x3)
    return [case(3, 4), case(2, 5, 6, 3), case(4, 3, 2, 5)]


SHARED = ("As soon as a second layer of the kind is used, the first one goes by what the second has seen. What is "
          "kept in the class is shared by all; what is kept in self is not.")
STALE = "The second step still goes by what the first step has seen. Every forward has to be remembered anew."

RELU = Exercise(
    title="ReLU, a layer of your own",
    solution=MyReLU,
    cases=_relu_cases,
    returns=RETURNS,
    keeps_dtype=True,
    stub=empty(MyReLU),
    unknown=unknown(MyReLU),
    mistakes={
        "open at 0": Mistake(
            _relu(dx=lambda dy, x: dy * (x >= 0)),
            "At exactly 0 the gate is open. There is no right or wrong there, but there is a rule: shut, as in the "
            "library and in PyTorch."),
        "gate by dy": Mistake(
            _relu(dx=lambda dy, x: np.maximum(dy, 0)),
            "What stops the blame is its own sign. The gate was set in forward, and it does not look at dy."),
        "both gates": Mistake(
            _relu(dx=lambda dy, x: dy * (x > 0) * (dy > 0)),
            "Negative blame is stopped too. The gate was set in forward, and it does not look at dy."),
        "no gate": Mistake(
            _relu(dx=lambda dy, x: dy.copy()),
            "All blame passes. What would y do if a negative x grew a little?"),
        "dy forgotten": Mistake(
            _relu(dx=lambda dy, x: (x > 0).astype(x.dtype)),
            "That is the gate itself. What passes through it is dy."),
        "gate the wrong way round": Mistake(
            _relu(dx=lambda dy, x: dy * (x <= 0)),
            "Blame passes where it should stop, and stops where it should pass."),
        "times y": Mistake(
            _relu(dx=lambda dy, x: dy * np.maximum(x, 0)),
            "The blame is multiplied with y. Where the gate is open, y has the slope 1, however large x is."),
        "gate for y": Mistake(
            _relu(y=lambda x: (x > 0).astype(x.dtype)),
            "y is 0 or 1, which is the gate. What passes through it is x."),
        "absolute": Mistake(_relu(y=abs), "Negative numbers have become positive ones. They should become 0."),
        "smaller": Mistake(
            _relu(y=lambda x: np.minimum(x, 0)),
            "Negative numbers stay and positive ones become 0: the other way round."),
        "changes dy": Mistake(
            _ChangesDy,
            "dy is changed on the way. It belongs to the layer behind, which may still need it: work on a copy."),
        "shared": Mistake(_SharedReLU, SHARED),
        "stale": Mistake(_FirstReLU, STALE),
    },
)
