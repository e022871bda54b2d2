"""Measuring slopes by finite differences: how the outputs change when inputs or parameters do.

A difference quotient tells the truth only where no kink lies between its two points, so every measurement also reports
the kinks that its steps crossed (tinycnn/gradient_check/kinks.py).
"""

import numpy as np

from tinycnn.gradient_check.kinks import branches, crossings, kinked_layers
from tinycnn.gradient_check.object_under_test import random_signed


class FiniteDifferences:
    """The object under test at one point, with an upstream gradient. What is measured is phi = sum of dy * y.

    values: {name: array}, the point    scales: {name: typical size}, the unit in which steps are given
    dys: upstream gradients    y: outputs    gradients: {name: analytic gradient or None}
    """

    def __init__(self, under_test, dys, changes=None):
        self.under_test, self.dys = under_test, dys
        self.values = under_test.values | (changes or {})
        self.scales = {name: typical_size(v) for name, v in self.values.items()}
        self.gradients = under_test.gradients(dys, changes)
        self.run = under_test.run()
        self.run.set(changes or {})
        self.kinked = kinked_layers(self.run.obj)
        self.y = self.run.forward(self.values if changes else None)
        self.branches = branches(self.kinked)
        # Rounding of phi, if every term is right to the last bit or two: what a difference cannot see below.
        squares = sum(float(np.sum((dy * y) ** 2)) for dy, y in zip(dys, self.y, strict=True))
        self.noise = 8 * np.finfo(float).eps * squares**0.5

    def outputs(self, changes):
        """(outputs, kinks crossed) with some values replaced; no warning for what overflows far from the point."""
        inputs = {name: self.values[name] for name, role in self.under_test.roles.items() if role == "input"}
        with np.errstate(all="ignore"):
            y = self.run.forward(inputs | changes)
        return y, crossings(self.branches, branches(self.kinked))

    def is_coarse(self, rng):
        """Does forward compute in float32 although all it is given is float64? Then no difference is any use."""
        nearby = {name: v * (1 + 1e-9 * rng.uniform(-1, 1, v.shape)) for name, v in self.values.items()}
        y = np.concatenate([part.ravel() for part in self.outputs(nearby)[0]])
        with np.errstate(all="ignore"):
            return bool((y == y.astype(np.float32)).all() and (y != np.round(y)).any())

    def move(self, directions, h):
        """(outputs, kinks crossed) at values + h * direction. directions: {name: array}, in units of scales"""
        return self.outputs({name: self.values[name] + h * self.scales[name] * r for name, r in directions.items()})

    def both_sides(self, directions, h):
        """Outputs at +h and at -h, and the kinks that either crossed."""
        (plus, crossings_plus), (minus, crossings_minus) = self.move(directions, h), self.move(directions, -h)
        return plus, minus, crossings_plus + crossings_minus

    def dot(self, ys):
        """sum of dy * y over all outputs."""
        return sum(float(np.sum(dy * y)) for dy, y in zip(self.dys, ys, strict=True))

    def slope(self, directions, h):
        """(slope, jump, kinks crossed) of phi along the directions.

        slope: the central difference    jump: of the slope at the point, the forward less the backward difference
        """
        plus, minus, crossed = self.both_sides(directions, h)
        with np.errstate(all="ignore"):
            slope = self.dot([a - b for a, b in zip(plus, minus, strict=True)]) / (2 * h)
            jump = self.dot([(a - y) - (y - b) for a, b, y in zip(plus, minus, self.y, strict=True)]) / h
        return slope, jump, crossed

    def analytic(self, directions):
        """(sum of gradient * direction, its typical size) in the same units as slope; missing gradients count as 0."""
        total, squares = 0.0, 0.0
        for name, r in directions.items():
            g = self.gradients[name]
            if g is not None and g.shape == r.shape:
                terms = g * r * self.scales[name]
                total, squares = total + float(terms.sum()), squares + float((terms * terms).sum())
        return total, squares**0.5

    def cancels(self, name, direction):
        """Is the gradient of `name` 0 but for rounding, as y's change with it is? That of a bias before a BatchNorm is.

        Rounding is measured by the largest gradient of all: relative to a tensor that is nothing else, it looks large.
        """
        known = {each: g for each, g in self.gradients.items() if g is not None}
        sizes = {each: float(np.linalg.norm(g)) * self.scales[each] for each, g in known.items()}
        largest = max((size for size in sizes.values() if np.isfinite(size)), default=0.0)
        if name not in sizes or not 0 < sizes[name] <= 1e-10 * largest:
            return False
        return all(abs(self.slope(direction, h)[0]) <= 1e-8 * largest for h in (0.1, 0.01))


def equals_together(a, rng):
    """A random direction that moves equal numbers equally: whoever wins a tie, the maximum moves as all of them do."""
    numbers, where = np.unique(a, return_inverse=True)
    return random_signed(rng, numbers.shape)[where].reshape(a.shape)


def typical_size(a):
    """The root mean square of an array; 1 for one without a number other than 0."""
    return float(np.sqrt(np.mean(a * a))) or 1.0 if a.size else 1.0
