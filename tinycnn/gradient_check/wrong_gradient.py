"""A wrong gradient with everything that the patterns ask of it: the true slopes along a few directions."""

import numpy as np

from tinycnn.gradient_check.run import random_signed

DIRECTIONS = 5
SAME = 1e-5  # two quantities that differ by less, relative to their size, are one


class WrongGradient:
    """One wrong gradient `g` with a few random directions r and what forward does along them.

    responses: for each direction, how every output changes (dy/dt . r); <dy, response> is the true slope for any dy
    """

    def __init__(self, differences, tensor, rng):
        self.differences, self.tensor, self.rng, self.name = differences, tensor, rng, tensor.name
        self.g = differences.gradients[tensor.name]
        self.usable = tensor.problem is None or self.g is not None and np.isfinite(self.g).all()
        self.directions = [random_signed(rng, tensor.shape) for _ in range(DIRECTIONS)]
        self.responses = [self.response(r) for r in self.directions] if self.usable else []
        first = next((name for name, role in differences.under_test.roles.items()
                      if role == "input" and differences.values[name].ndim), None)
        self.batch = differences.values[first].shape[0] if first is not None and differences.values[first].ndim else 1

    def response(self, r, changes=None):
        """How the outputs change along r, at the point or with other values for some tensors."""
        differences, base = self.differences, self.differences.values | (changes or {})
        for h in (1e-4, 1e-5, 1e-6, 1e-7):
            step = h * differences.scales[self.name] * r
            (plus, crossed), (minus, crossed_too) = (
                differences.outputs((changes or {}) | {self.name: base[self.name] + s * step}) for s in (1, -1))
            if changes or not (crossed or crossed_too):  # elsewhere the winners are others anyway
                break
        return [(a - b) / (2 * h * differences.scales[self.name]) for a, b in zip(plus, minus, strict=True)]

    def factor(self, g=None, dys=None, responses=None):
        """c if g = c * (gradient for dys) along all directions, else None. Defaults: what was found, what was given."""
        return self.fit(g, dys, responses)[0]

    def fit(self, g=None, dys=None, responses=None):
        """(factor, what remains relative to g): c and how well g = c * (gradient for dys); (None, inf) where it is not.
        """
        g = self.g if g is None else g
        dys = self.differences.dys if dys is None else dys
        claimed = np.array([np.sum(g * r) for r in self.directions])
        true = np.array([sum(np.sum(d * part) for d, part in zip(dys, response, strict=True))
                         for response in (responses or self.responses)])
        if not (np.isfinite(true).all() and abs(true).max() > 1e-12 * max(1e-300, abs(claimed).max())):
            return None, np.inf
        c = float(claimed @ true / (true @ true))
        rest = float(np.linalg.norm(claimed - c * true))
        # Of one or two numbers alone, any gradient is some multiple of any other.
        if self.g.size <= 2 and (dys is not self.differences.dys or responses) and abs(c - 1) > SAME:
            return None, np.inf
        good = c and rest <= SAME * np.linalg.norm(claimed)
        return (c, rest / float(np.linalg.norm(claimed))) if good else (None, np.inf)

    def is_steady(self, factors):
        """Is the factor, or one for each output, the same for another dy? Of one or two numbers alone, any gradient is
        some multiple; and what is scaled by the size of dy is a multiple as well."""
        if self.differences.under_test.is_loss:
            return True
        others = [random_signed(self.rng, dy.shape) for dy in self.differences.dys]
        again = self.differences.under_test.gradients(others)[self.name]
        if again is None or again.shape != self.g.shape:
            return False
        claimed = np.array([np.sum(again * r) for r in self.directions])
        each = np.broadcast_to(factors, len(others))
        true = np.array([sum(c * np.sum(d * part) for c, d, part in zip(each, others, response, strict=True))
                         for response in self.responses])
        return bool(np.linalg.norm(claimed - true) <= SAME * np.linalg.norm(claimed))


def few_digits(differences, name, right, error):
    """(family, sentence) for a gradient that is `right` but for a small error: rounded, or computed roughly?"""
    digits = f"{right} only to {-np.log10(max(error, 1e-15)):.0f} digits"
    if _roughness(differences, name) < 0.05 * error:
        return "imprecise", (f"{digits}, and smooth, so that no rounding explains it: an iteration that stops early, a "
                             "difference quotient in place of a derivative, a number written with too few digits, or "
                             "an epsilon that is in forward or in backward but not in both")
    return "float32", (f"{digits}, and from one point to the next its last digits jump: on the way numbers are rounded "
                       "to float32, or to fewer digits")


def _roughness(differences, name):
    """How far the gradient is from smooth when every number moves by a millionth: its third difference, relative to it.

    What passes through float32 scatters there by as much as it is wrong.
    """
    rng, found = np.random.default_rng(0), [differences.gradients[name]]
    steps = {other: differences.own_sizes[other] * random_signed(rng, v.shape)
             for other, v in differences.values.items()}
    turns = [dy * random_signed(rng, dy.shape) for dy in differences.dys]
    for h in (1e-6, 2e-6, 3e-6):
        changes = {other: differences.values[other] + h * step for other, step in steps.items()}
        dys = [dy + h * turn for dy, turn in zip(differences.dys, turns, strict=True)]
        found.append(differences.under_test.gradients(dys, changes)[name])
    if any(g is None or g.shape != found[0].shape or not np.isfinite(g).all() for g in found):
        return np.inf
    a, b, c, d = found
    return float(np.linalg.norm(d - 3 * c + 3 * b - a) / np.linalg.norm(a))
