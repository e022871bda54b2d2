"""Measuring slopes by finite differences: how the outputs change when inputs or parameters do.

A difference quotient tells the truth only where no kink lies between its two points, so every measurement also reports
the kinks that its steps crossed (tinycnn/gradient_check/kinks.py).
"""

import numpy as np

from tinycnn.gradient_check.deadline import TooLong
from tinycnn.gradient_check.kinks import branches, crossings, kinked_layers
from tinycnn.gradient_check.run import random_signed


class FiniteDifferences:
    """The object under test at one point, with an upstream gradient. What is measured is phi = sum of dy * y.

    values: {name: array}, the point    scales: {name: size}, the unit in which steps are given: that of its numbers,
        or more where so small a change hardly moves y
    noise: how far phi scatters from rounding alone
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
        self.size = squares**0.5
        self.largest_dy = max((float(abs(dy).max()) for dy in dys if dy.size), default=0.0)
        self.noise = max(8 * np.finfo(float).eps * self.size, self._scatter())
        self.own_sizes = dict(self.scales)
        self.scales = {name: self._natural_scale(name) for name in self.values}

    def _scatter(self):
        """Rounding inside forward: what remains of changes by a few last digits when their linear part is taken off.

        The loss of a sure classifier is a small difference of large numbers, and far rougher than its own digits.
        """
        rng, found, seen = np.random.default_rng(0), [], list(self.y)
        for _ in range(3):
            directions = {name: rng.uniform(-1, 1, v.shape) for name, v in self.values.items()}
            (plus, _), (minus, _) = self.move(directions, 1e-13), self.move(directions, -1e-13)
            with np.errstate(all="ignore"):
                second = self.dot([(a - y) - (y - b) for a, b, y in zip(plus, minus, self.y, strict=True)])
            found.append(abs(second))
            seen += [*plus, *minus]
        # Whole multiples of the last digit of 1, and small: y is what is left of numbers of size 1.
        self.quantized = all(part.size and abs(part).max() < 1e-2 and (part * 2.0**54 % 1 == 0).all() for part in seen)
        found = [f for f in found if np.isfinite(f)] + [2.0**-52 * self.largest_dy] * self.quantized
        return max(found, default=0.0)

    def _natural_scale(self, name):
        """A larger unit for what hardly moves y: softmax of scores of a millionth, a weight on inputs as small."""
        start = self.scales[name]
        direction = {name: random_signed(np.random.default_rng(0), self.values[name].shape)}
        try:
            for power in range(9):
                self.scales[name] = start * 10.0**power
                y, _ = self.move(direction, 0.1)
                with np.errstate(all="ignore"):
                    change = abs(self.dot([a - b for a, b in zip(y, self.y, strict=True)]))
                if change > 1e-6 * self.size:
                    return self.scales[name]
                if not np.isfinite(change):
                    break
            return start
        except Exception:  # forward refuses, or does not end, so far away
            return start
        finally:
            self.scales[name] = start

    def outputs(self, changes):
        """(outputs, kinks crossed) with some values replaced; no warning for what overflows far from the point."""
        inputs = {name: self.values[name] for name, role in self.under_test.roles.items() if role == "input"}
        with np.errstate(all="ignore"):
            try:
                y = self.run.forward(inputs | changes)
            except TooLong:
                return [part * np.nan for part in self.y], []
            except Exception as error:
                error.add_note("gradcheck measures slopes, so forward has to accept numbers near those it was given")
                raise
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

        slope: the central difference    jump: how far the forward differences are from the backward ones, a root of
            squares over all outputs: the jumps of several windows at a tie must not cancel each other
        """
        plus, minus, crossed = self.both_sides(directions, h)
        with np.errstate(all="ignore"):
            slope = self.dot([a - b for a, b in zip(plus, minus, strict=True)]) / (2 * h)
            bends = [dy * ((a - y) - (y - b)) for dy, a, b, y in zip(self.dys, plus, minus, self.y, strict=True)]
            jump = sum(float(np.sum(bend * bend)) for bend in bends) ** 0.5 / h
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

        Rounding is measured by the largest gradient of all and by y: relative to a tensor that is nothing else, it
        looks large.
        """
        known = {each: g for each, g in self.gradients.items() if g is not None}
        sizes = {each: float(np.linalg.norm(g)) * self.own_sizes[each] for each, g in known.items()}
        largest = max((size for size in sizes.values() if np.isfinite(size)), default=0.0)
        largest = max(largest, 1e-4 * self.size, 1e-3 * self.largest_dy if self.quantized else 0.0)
        if name not in sizes or not 0 < sizes[name] <= 1e-10 * largest:
            return False
        step = {name: direction[name] * self.own_sizes[name] / self.scales[name]}
        return all(abs(self.slope(step, h)[0]) <= 1e-8 * largest for h in (0.1, 0.01))

    def is_quantized(self, name, rng):
        """Is the tensor rounded to fewer digits before it is used? Then a small step does not move y at all."""
        direction = {name: rng.choice([-1.0, 1.0], self.values[name].shape)}
        far, near = (self.move(direction, h * self.own_sizes[name] / self.scales[name])[0] for h in (1e-3, 1e-9))
        for y, a, b in zip(self.y, far, near, strict=True):
            change = float(abs(a - y).max()) if y.size else 0.0
            if 1e-6 * change > 100 * np.finfo(float).eps * float(abs(y).max(initial=0.0)) and not np.array_equal(y, b):
                return False
            if not 1e-6 * change > 100 * np.finfo(float).eps * float(abs(y).max(initial=0.0)):
                return False
        return True


def equals_together(a, rng):
    """A random direction that moves equal numbers equally: whoever wins a tie, the maximum moves as all of them do."""
    numbers, where = np.unique(a, return_inverse=True)
    return random_signed(rng, numbers.shape)[where].reshape(a.shape)


def typical_size(a):
    """The root mean square of an array; 1 for one without a number other than 0."""
    return float(np.sqrt(np.mean(a * a))) or 1.0 if a.size else 1.0
