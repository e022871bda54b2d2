"""Wrong ReLU, Dropout and LocalResponseNorm."""

import numpy as np

from .plain import PlainDropout, PlainNorm, PlainReLU
from .registry import mutant


def images(rng):
    return (rng.standard_normal((3, 6, 4, 2), dtype=np.float32),)


def channels(rng):
    return (rng.standard_normal((3, 5, 4, 6), dtype=np.float32),)


# --- ReLU ---


@mutant("mask", images)
class NoMask(PlainReLU):
    """dx = dy."""

    def backward(self, dy):
        return dy.copy()


@mutant("mask", images)
class MaskOfUpstream(PlainReLU):
    """The gradient passes where dy > 0, not where x > 0."""

    def backward(self, dy):
        return dy * (dy > 0)


@mutant("mask", images)
class MaskInverted(PlainReLU):
    """The gradient passes where x <= 0."""

    def backward(self, dy):
        return dy * (self._x <= 0)


@mutant("mask", images)
class Leaky(PlainReLU):
    """The backward of a leaky ReLU."""

    def backward(self, dy):
        return dy * np.where(self._x > 0, 1, 0.01)


@mutant("mask", images)
class MaskTooHigh(PlainReLU):
    """The gradient passes where x > 1."""

    def backward(self, dy):
        return dy * (self._x > 1)


@mutant(None, images)
class TimesOutput(PlainReLU):
    """dx = dy * y: the mask is not 0 or 1."""

    def backward(self, dy):
        return dy * np.maximum(self._x, 0)


@mutant("modified", images)
class WorksInPlace(PlainReLU):
    """forward writes y over x."""

    def forward(self, x):
        y = super().forward(x)
        x[...] = y
        return y


@mutant("stale", images)
class MaskOfFirstForward(PlainReLU):
    """The mask is made once."""

    def backward(self, dy):
        if not hasattr(self, "_mask"):
            self._mask = self._x > 0
        return dy * self._mask


@mutant("dtype", images)
class MaskInDoublePrecision(PlainReLU):
    """The mask is a float64 array, so a float32 gradient becomes float64."""

    def backward(self, dy):
        return dy * (self._x > 0).astype(np.float64)


# --- Dropout ---


@mutant("mask", images, p=0.4)
class MaskRedrawn(PlainDropout):
    """backward draws a new mask."""

    def backward(self, dy):
        self._mask = self.rng.random(dy.shape) >= self.p
        return super().backward(dy)


@mutant("factor", images, p=0.4)
class ScaleForgotten(PlainDropout):
    """backward does not scale by 1 / (1 - p)."""

    def backward(self, dy):
        return dy * self._mask


@mutant("factor", images, p=0.4)
class ScaledTwice(PlainDropout):
    """backward scales by 1 / (1 - p) twice."""

    def backward(self, dy):
        return super().backward(dy) / (1 - self.p)


@mutant("mask", images, p=0.4)
class DropoutWithoutMask(PlainDropout):
    """backward lets everything pass."""

    def backward(self, dy):
        return dy * (1 / (1 - self.p))


@mutant("random", images, p=0.4)
class MaskFromNowhere(PlainDropout):
    """The mask comes from a generator that nobody can put back."""

    def forward(self, x):
        self._mask = np.random.default_rng().random(x.shape) >= self.p
        return x * self._mask * (1 / (1 - self.p))


# --- LocalResponseNorm: no pattern tells which term of a formula is missing, but each is caught ---

NORM = {"size": 4, "alpha": 0.5, "k": 2.0}


@mutant(None, channels, **NORM)
class OwnChannelOnly(PlainNorm):
    """The way through the neighbors' sums is left out."""

    sign = 0.0


@mutant(None, channels, **NORM)
class NeighborsAdded(PlainNorm):
    """The way through the sums has the wrong sign."""

    sign = 1.0


@mutant(None, channels, **NORM)
class NeighborsHalved(PlainNorm):
    """The 2 of the square is missing."""

    two = 1.0


@mutant(None, channels, **NORM)
class WindowNotMirrored(PlainNorm):
    """The window of an even size is not mirrored."""

    mirrored = False


@mutant(None, channels, **NORM)
class BetaForgotten(PlainNorm):
    """The exponent does not come down as a factor."""

    def exponent(self):
        return 1.0


@mutant(None, channels, **NORM)
class AlphaNotDivided(PlainNorm):
    """backward uses alpha, forward alpha / size."""

    def alpha_in_backward(self):
        return self.alpha


@mutant(None, channels, **NORM)
class DirectWayForgotten(PlainNorm):
    """Only the way through the sums is there."""

    direct = False
