"""Right numbers, wrong habits: convolutions that remember, add up, write or refuse what they should not; and groups."""

import numpy as np

from .convolution import CONV, images
from .plain import PlainConv, PlainGroupedConv
from .registry import mutant


def channels(rng):
    return (rng.standard_normal((3, 5, 4, 6), dtype=np.float32),)


GROUPED = {"in_channels": 6, "out_channels": 4, "kernel_size": 3, "padding": 1, "groups": 2}


@mutant("accumulated", images, **CONV)
class Accumulated(PlainConv):
    """dw is added to the gradient of the step before."""

    def backward(self, dy, input_gradient=True):
        before = self.w.grad
        dx = super().backward(dy, input_gradient)
        if before is not None:
            self.w.grad = self.w.grad + before
        return dx


@mutant("stale", images, **CONV)
class OldPatches(PlainConv):
    """dw uses the patches of the very first forward."""

    def cols(self):
        if not hasattr(self, "_cols"):
            self._cols = super().cols()
        return self._cols


@mutant("stale", images, **CONV)
class OldWeights(PlainConv):
    """dx uses a transposed kernel that was made once."""

    def dx(self, dy):
        if not hasattr(self, "_w"):
            self._w = self.w.value.reshape(-1, dy.shape[3]).T.copy()
        return self.scatter(dy @ self._w)


@mutant("modified", images, **CONV)
class UpdatesItself(PlainConv):
    """backward changes the weights, which is the optimizer's work."""

    def backward(self, dy, input_gradient=True):
        dx = super().backward(dy, input_gradient)
        self.w.value -= 0.01 * self.w.grad
        return dx


@mutant("modified", images, **CONV)
class OverwritesUpstream(PlainConv):
    """backward scales dy in place."""

    def dx(self, dy):
        dx = super().dx(dy)
        dy *= 0.5
        return dx


@mutant("layout", images, **CONV)
class MemoryOrderAssumed(PlainConv):
    """db reads dy in the order of memory, which is another one for a slice or a transpose."""

    def db(self, dy):
        return dy.ravel(order="K").reshape(-1, dy.shape[3]).sum(axis=0)


@mutant("raises", images, **CONV)
class NeedsContiguous(PlainConv):
    """backward refuses a dy that is a slice or a transpose."""

    def db(self, dy):
        if not dy.flags.c_contiguous:
            raise ValueError("dy must be contiguous")
        return super().db(dy)


@mutant("input_gradient", images, **CONV)
class SavesTooMuch(PlainConv):
    """Without dx, db is left out too."""

    def backward(self, dy, input_gradient=True):
        dx = super().backward(dy, input_gradient)
        if not input_gradient:
            self.b.grad = None
        return dx


@mutant("groups", channels, **GROUPED)
class GroupsOfInputExchanged(PlainGroupedConv):
    """dx of the first group is written to the second group's channels."""

    def channels_of(self, g, c):
        return super().channels_of(self.groups - 1 - g, c)


@mutant("groups", channels, **GROUPED)
class GroupsOfUpstreamExchanged(PlainGroupedConv):
    """Every group takes the other group's dy."""

    def dy_of(self, dy, g, f):
        return super().dy_of(dy, self.groups - 1 - g, f)


@mutant("groups", channels, **GROUPED)
class GroupsOfPatchesExchanged(PlainGroupedConv):
    """dw is computed from the other group's channels."""

    def x_of(self, g, c):
        return super().x_of(self.groups - 1 - g, c)


@mutant("groups", channels, **GROUPED)
class GroupsOfFiltersExchanged(PlainGroupedConv):
    """dx is computed with the other group's filters."""

    def w_of(self, g, f):
        return super().w_of(self.groups - 1 - g, f)
