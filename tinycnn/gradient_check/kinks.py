"""Noticing when a step crosses a kink, a point at which a function has no slope.

ReLU and max pooling are made of straight pieces. Within a piece a difference quotient tells the truth; across a kink it
averages two slopes. Both layers remember which piece they are on (the sign of y, the winner of a window), so the piece
at x and at x + step are compared, number by number, and a measurement that crossed a kink is not used.
"""

from dataclasses import dataclass

import numpy as np

from tinycnn.backend import to_numpy
from tinycnn.gradient_check.parts import is_array, walk
from tinycnn.layers import LeakyReLU, MaxPool2d, ReLU


@dataclass(frozen=True)
class KinkCrossing:
    """Units of one layer that changed sides between x and x + step: how many, and the index of the first."""

    layer: str
    count: int
    first: tuple

    def __str__(self):
        rest = f" and {self.count - 1} more" if self.count > 1 else ""
        return f"{self.layer} at {list(self.first)}{rest}"


def kinked_layers(obj):
    """(dotted name, layer) of every ReLU, LeakyReLU and MaxPool2d inside."""
    kinked = ReLU | LeakyReLU | MaxPool2d
    return [(name or type(layer).__name__, layer) for name, layer in walk(obj) if isinstance(layer, kinked)]


def branches(layers):
    """{layer name: which straight piece each of its units is on, as an array}, after a forward."""
    found = {}
    for name, layer in layers:
        kept = [to_numpy(a) for a in layer.kept() if is_array(a)]
        if isinstance(layer, ReLU | LeakyReLU):
            pieces = [a > 0 for a in kept[:1]]
        else:
            pieces = [a.copy() for a in kept if a.dtype.kind in "iu"]
        if pieces:
            found[name] = pieces[0]
    return found


def crossings(before, after):
    """[KinkCrossing] of the layers that have units on another branch than before."""
    found = []
    for layer, a in before.items():
        b = after.get(layer)
        if b is not None and a.shape == b.shape and not np.array_equal(a, b):
            changed = np.argwhere(a != b)
            found.append(KinkCrossing(layer, len(changed), tuple(int(i) for i in changed[0])))
    return found
