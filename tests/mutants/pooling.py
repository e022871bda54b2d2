"""Wrong pooling layers."""

import numpy as np

from .plain import PlainAvgPool, PlainMaxPool
from .registry import mutant


def images(rng):
    return (rng.standard_normal((3, 6, 5, 2), dtype=np.float32),)


def even(rng):
    return (rng.standard_normal((3, 6, 8, 2), dtype=np.float32),)


# --- MaxPool2d ---


@mutant("ties", even, kernel_size=2)
class EveryTieWins(PlainMaxPool):
    """The gradient goes to every pixel that equals the maximum."""

    def winners(self, window):
        return window == window.max(axis=(1, 2), keepdims=True)


@mutant("mask", even, kernel_size=2)
class WholeWindowWins(PlainMaxPool):
    """The gradient goes to every pixel of the window."""

    def winners(self, window):
        return np.ones(window.shape, bool)


@mutant("mask", even, kernel_size=2)
class SmallestWins(PlainMaxPool):
    """argmin where argmax is needed."""

    def winners(self, window):
        return super().winners(-window)


@mutant("mask", even, kernel_size=2)
class WinnerTransposed(PlainMaxPool):
    """Row and column of the winner are exchanged."""

    def winners(self, window):
        return super().winners(window).swapaxes(1, 2)


@mutant("mask", even, kernel_size=2)
class WinnerAlwaysFirst(PlainMaxPool):
    """The gradient goes to the upper left pixel."""

    def winners(self, window):
        first = np.zeros(window.shape, bool)
        first[:, 0, 0] = True
        return first


@mutant("mask", even, kernel_size=2)
class WinnerOfAllChannels(PlainMaxPool):
    """One winner for all channels."""

    def winners(self, window):
        return np.repeat(super().winners(window.max(axis=3, keepdims=True)), window.shape[3], axis=3)


@mutant("overlap", images, kernel_size=3, stride=1)
class PoolOverlapAssigned(PlainMaxPool):
    """A pixel that wins several windows keeps the last one's gradient."""

    def give(self, padded, dpadded, window, d):
        won = self.winners(padded[window])
        dpadded[window] = np.where(won, d[:, None, None], dpadded[window])


@mutant("shift", images, kernel_size=3, stride=2, padding=1)
class PoolPaddingCroppedOnOneSide(PlainMaxPool):
    """The padding is cut off at the high end only."""

    def crop(self, dpadded):
        _, h, w, _ = self._x.shape
        return dpadded[:, :h, :w]


@mutant("factor", even, kernel_size=2)
class WinnerSharesWithWindow(PlainMaxPool):
    """The winner gets a quarter, as in average pooling."""

    def backward(self, dy):
        return super().backward(dy) / 4


@mutant("stale", even, kernel_size=2)
class WinnersOfFirstForward(PlainMaxPool):
    """The winners are found once."""

    def backward(self, dy):
        if not hasattr(self, "_first"):
            self._first = self._x
        self._x = self._first
        return super().backward(dy)


@mutant("batch order", even, kernel_size=2)
class PoolBatchReversed(PlainMaxPool):
    """Images are given back in reverse order."""

    def backward(self, dy):
        return super().backward(dy)[::-1]


# --- AvgPool2d ---


@mutant("factor", even, kernel_size=2)
class NotDivided(PlainAvgPool):
    """Every pixel gets the whole gradient."""

    def count(self, i, j):
        return 1


@mutant("border", images, kernel_size=3, stride=2, padding=1, count_include_pad=False)
class BorderDividedByWholeWindow(PlainAvgPool):
    """backward divides by 9 at the border too, forward by the pixels inside."""

    def count(self, i, j):
        return self.kernel[0] * self.kernel[1]


@mutant("overlap", images, kernel_size=3, stride=2, padding=1)
class MeanOverlapAssigned(PlainAvgPool):
    """= where += is needed."""

    def give(self, dpadded, window, share):
        dpadded[window] = share[:, None, None]


@mutant("mask", even, kernel_size=2)
class OnePixelForAll(PlainAvgPool):
    """Only the upper left pixel of a window gets its share."""

    def give(self, dpadded, window, share):
        dpadded[window][:, 0, 0] += share


@mutant("sign", even, kernel_size=2)
class AverageNegative(PlainAvgPool):
    """The wrong sign."""

    def backward(self, dy):
        return -super().backward(dy)
