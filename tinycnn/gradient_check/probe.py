"""Measuring how outputs change when inputs or parameters do, and noticing when a kink was crossed on the way.

ReLU and max pooling are made of straight pieces. Within a piece a difference quotient tells the truth; across a kink it
averages two slopes. Both layers remember which piece they are on (the sign of y, the winner of a window), so the piece
at x and at x + step are compared, number by number, and a measurement that crossed a kink is not used.
"""

from dataclasses import dataclass

import numpy as np

from tinycnn.backend import to_numpy
from tinycnn.gradient_check.slots import is_array, walk
from tinycnn.gradient_check.subject import random_signed
from tinycnn.layers import MaxPool2d, ReLU


@dataclass(frozen=True)
class Flip:
    """Units of one layer that changed sides between x and x + step: how many, and the index of the first."""

    layer: str
    count: int
    first: tuple

    def __str__(self):
        rest = f" and {self.count - 1} more" if self.count > 1 else ""
        return f"{self.layer} at {list(self.first)}{rest}"


def kinked_layers(thing):
    """(dotted name, layer) of every ReLU and MaxPool2d inside."""
    return [(name or type(layer).__name__, layer) for name, layer in walk(thing) if isinstance(layer, ReLU | MaxPool2d)]


def branches(layers):
    """{layer name: which straight piece each of its units is on}, after a forward."""
    found = {}
    for name, layer in layers:
        memory = [to_numpy(a) for a in layer.kept() if is_array(a)]
        if isinstance(layer, ReLU):
            pieces = [a > 0 for a in memory[:1]]
        else:
            pieces = [a.copy() for a in memory if a.dtype.kind in "iu"]
        if pieces:
            found[name] = pieces[0]
    return found


def flips(before, after):
    """The units whose branches differ, layer by layer."""
    found = []
    for layer, a in before.items():
        b = after.get(layer)
        if b is not None and a.shape == b.shape and not np.array_equal(a, b):
            changed = np.argwhere(a != b)
            found.append(Flip(layer, len(changed), tuple(int(i) for i in changed[0])))
    return found


class Probe:
    """The subject at one point, with an upstream gradient: phi = sum of dy * y is what everything is measured on.

    values: {name: array}, the point    scales: {name: typical size}, the unit in which steps are given
    dys: upstream gradients    y: outputs    gradients: {name: analytic gradient or None}
    """

    def __init__(self, subject, dys, changes=None):
        self.subject, self.dys = subject, dys
        self.values = subject.values | (changes or {})
        self.scales = {name: typical_size(v) for name, v in self.values.items()}
        self.gradients = subject.gradients(dys, changes)
        self.run = subject.run()
        self.run.set(changes or {})
        self.kinked = kinked_layers(self.run.thing)
        self.y = self.run.forward(self.values if changes else None)
        self.branches = branches(self.kinked)
        # Rounding of phi, if every term is right to the last bit or two: what a difference cannot see below.
        squares = sum(float(np.sum((dy * y) ** 2)) for dy, y in zip(dys, self.y, strict=True))
        self.noise = 8 * np.finfo(float).eps * squares**0.5

    def outputs(self, changes):
        """(outputs, flips) with some values replaced by others; no warning for what overflows far from the point."""
        inputs = {name: self.values[name] for name, role in self.subject.roles.items() if role == "input"}
        with np.errstate(all="ignore"):
            y = self.run.forward(inputs | changes)
        return y, flips(self.branches, branches(self.kinked))

    def is_coarse(self, rng):
        """Does forward compute in float32 although all it is given is float64? Then no difference is any use."""
        nearby = {name: v * (1 + 1e-9 * rng.uniform(-1, 1, v.shape)) for name, v in self.values.items()}
        y = np.concatenate([part.ravel() for part in self.outputs(nearby)[0]])
        with np.errstate(all="ignore"):
            return bool((y == y.astype(np.float32)).all() and (y != np.round(y)).any())

    def move(self, directions, h):
        """(outputs, flips) at values + h * direction; directions: {name: array in units of the tensor's scale}."""
        return self.outputs({name: self.values[name] + h * self.scales[name] * r for name, r in directions.items()})

    def both_sides(self, directions, h):
        """Outputs at +h and at -h, and the flips of both."""
        (plus, flips_plus), (minus, flips_minus) = self.move(directions, h), self.move(directions, -h)
        return plus, minus, flips_plus + flips_minus

    def dot(self, ys):
        """sum of dy * y over all outputs."""
        return sum(float(np.sum(dy * y)) for dy, y in zip(self.dys, ys, strict=True))

    def slope(self, directions, h):
        """(slope of phi along the directions, bend, flips): central difference, and the difference of both sides'."""
        plus, minus, crossed = self.both_sides(directions, h)
        with np.errstate(all="ignore"):
            slope = self.dot([a - b for a, b in zip(plus, minus, strict=True)]) / (2 * h)
            bend = self.dot([(a - y) - (y - b) for a, b, y in zip(plus, minus, self.y, strict=True)]) / h
        return slope, bend, crossed

    def analytic(self, directions):
        """(sum of gradient * direction, its typical size) in the same units as slope; missing gradients count as 0."""
        total, squares = 0.0, 0.0
        for name, r in directions.items():
            g = self.gradients[name]
            if g is not None and g.shape == r.shape:
                terms = g * r * self.scales[name]
                total, squares = total + float(terms.sum()), squares + float((terms * terms).sum())
        return total, squares**0.5


def equals_together(a, rng):
    """A random direction that moves equal numbers equally: whoever wins a tie, the maximum moves as all of them do."""
    numbers, where = np.unique(a, return_inverse=True)
    return random_signed(rng, numbers.shape)[where].reshape(a.shape)


def typical_size(a):
    """The root mean square of an array; 1 for one without a number other than 0."""
    return float(np.sqrt(np.mean(a * a))) or 1.0 if a.size else 1.0
