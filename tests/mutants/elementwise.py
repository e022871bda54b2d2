"""Wrong ReLU, Dropout and LocalResponseNorm."""

from functools import partial

import numpy as np

from tinycnn.layers import Dropout, LocalResponseNorm, ReLU

from .registry import plant


def images(rng):
    return (rng.standard_normal((3, 6, 4, 2), dtype=np.float32),)


def channels(rng):
    return (rng.standard_normal((3, 5, 4, 6), dtype=np.float32),)


# --- ReLU ---

relu = partial(plant, ReLU, inputs=images)

relu("no mask", "region", "dx = dy.",
     ("dy * (y > 0)", "dy.copy()"))

relu("mask of upstream", "mask", "The gradient passes where dy > 0, not where x > 0.",
     ("(y > 0)", "(dy > 0)"))

relu("mask inverted", "mask", "The gradient passes where x <= 0.",
     ("(y > 0)", "(y <= 0)"))

relu("mask lets zeros pass", "region", "y >= 0 is true of every output.",
     ("(y > 0)", "(y >= 0)"))

relu("leaky", "region", "The backward of a leaky ReLU.",
     ("(y > 0)", "np.where(y > 0, 1, 0.01)"))

relu("mask too high", "region", "The gradient passes where x > 1.",
     ("(y > 0)", "(y > 1)"))

relu("times output", None, "dx = dy * y: the mask is not 0 or 1.",
     ("(y > 0)", "y"))

relu("works in place", "modified", "forward writes y over x.",
     ("maximum(x, 0)", "maximum(x, 0, out=x)"), at="forward")

relu("mask of first forward", "stale", "The mask is made once.",
     ("return dy * (y > 0)", "self._mask = getattr(self, '_mask', y > 0)\n        return dy * self._mask"))

relu("mask in double precision", "dtype", "The mask is a float64 array, so a float32 gradient becomes float64.",
     ("(y > 0)", "(y > 0).astype(np.float64)"))

# --- Dropout ---

dropout = partial(plant, Dropout, inputs=images, p=0.4)

dropout("mask redrawn", "mask", "backward draws a new mask.",
        ("(mask,) = self.recall(dy)", "self.recall(dy)\n        mask = self.rng.random(dy.shape) >= self.p"))

dropout("mask inverted in dropout", "mask", "backward keeps what forward dropped.",
        ("dy * mask", "dy * ~mask"))

dropout("scale forgotten", "factor", "backward does not scale by 1 / (1 - p).",
        (" * (1 / (1 - self.p))", ""))

dropout("scaled twice", "factor", "backward scales by 1 / (1 - p) twice.",
        ("(1 / (1 - self.p))", "(1 / (1 - self.p)) ** 2"))

dropout("dropout without mask", "mask", "backward lets everything pass.",
        ("dy * mask * ", "dy * "))

dropout("mask from nowhere", "random", "The mask comes from a generator that nobody can put back.",
        ("self.rng.random(", "np.random.default_rng().random("), at="forward")

# --- LocalResponseNorm: no pattern tells which term of a formula is missing, but each is caught ---

norm = partial(plant, LocalResponseNorm, inputs=channels, size=4, alpha=0.5, k=2.0)

norm("own channel only", None, "The way through the neighbors' sums is left out.",
     (" - 2 * self._a() * self.beta * x * through_s", ""))

norm("neighbors added", None, "The way through the sums has the wrong sign.",
     ("dy * power - 2", "dy * power + 2"))

norm("neighbors halved", None, "The 2 of the square is missing.",
     ("- 2 * ", "- "))

norm("window not mirrored", None, "The window of an even size is not mirrored.",
     ("(self.size - 1) // 2", "self.size // 2"))

norm("beta forgotten", None, "The exponent does not come down as a factor.",
     (" * self.beta", ""))

norm("alpha not divided", None, "backward uses alpha, forward alpha / size.",
     ("self._a()", "self.alpha"))

norm("direct way forgotten", None, "Only the way through the sums is there.",
     ("dy * power - 2", "-2"))

norm("exponent not lowered", None, "The exponent of s is -beta, should be -beta - 1.",
     (" * power / s", " * power"))

norm("upstream of neighbors ignored", "nonlinear", "The neighbors' dy is left out of their sum.",
     ("dy * x * power / s", "x * power / s"))
