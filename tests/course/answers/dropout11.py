"""Answers of learners to lesson 11's dropout, in which a bug is to be found."""

import numpy as np

from tests.course.answers import Answers, wrong
from tinycnn.layers import Layer


class Remembers(Layer):
    def __init__(self, p=0.5, rng=None):
        self.p, self.rng = p, np.random.default_rng(0) if rng is None else rng

    def forward(self, x):
        if not self.training:
            self.remember(None)
            return x
        mask = self.rng.random(x.shape, dtype=np.float32) >= self.p
        self.remember(mask)
        return x * mask / (1 - self.p)

    def backward(self, dy):
        (mask,) = self.recall()
        return dy if mask is None else dy * mask / (1 - self.p)


class KeepsMask(Remembers):
    def forward(self, x):
        if not self.training:
            return x
        self.mask = self.rng.random(x.shape, dtype=np.float32) >= self.p
        return x * self.mask / (1 - self.p)

    def backward(self, dy):
        if not self.training:
            return dy
        return dy * self.mask / (1 - self.p)


class ScaledMask(Remembers):
    """The scale is in the mask; in evaluation the mask is 1."""

    def forward(self, x):
        self.factor = 1
        if self.training:
            self.factor = (self.rng.random(x.shape) >= self.p).astype(x.dtype) / (1 - self.p)
        return x * self.factor

    def backward(self, dy):
        return dy * self.factor


class ByWhere(Remembers):
    def forward(self, x):
        self.dropped = self.rng.random(x.shape, dtype=np.float32) < self.p if self.training else False
        self.scale = 1 / (1 - self.p) if self.training else 1.0
        return np.where(self.dropped, 0, x * self.scale).astype(x.dtype)

    def backward(self, dy):
        return np.where(self.dropped, 0, dy * self.scale).astype(dy.dtype)


class Assigns(Remembers):
    def forward(self, x):
        if not self.training:
            self.gone = np.zeros(x.shape, bool)
            return x.copy()
        self.gone = ~(self.rng.random(x.shape, dtype=np.float32) >= self.p)
        y = x / (1 - self.p)
        y[self.gone] = 0
        return y

    def backward(self, dy):
        dx = dy / (1 - self.p) if self.training else dy.copy()
        dx[self.gone] = 0
        return dx


class SavesGenerator(KeepsMask):
    """Only the array that is asked for, flat."""

    def forward(self, x):
        if not self.training:
            return x
        self.mask = (self.rng.random(x.size, dtype=np.float32) >= self.p).reshape(x.shape)
        return x * self.mask * (1 / (1 - self.p))


class StillDrawsAnew(Remembers):
    def backward(self, dy):
        if not self.training:
            return dy
        return dy * (self.rng.random(dy.shape, dtype=np.float32) >= self.p) / (1 - self.p)


class DroppedInEvaluation(Remembers):
    def forward(self, x):
        self.remember(self.rng.random(x.shape, dtype=np.float32) >= self.p)
        return x * self.kept()[0] / (1 - self.p)


class ForgotScaleBack(KeepsMask):
    def backward(self, dy):
        return dy * self.mask if self.training else dy


class PassesAll(KeepsMask):
    def backward(self, dy):
        return dy


class NoScale(KeepsMask):
    def forward(self, x):
        return super().forward(x) * ((1 - self.p) if self.training else 1)

    def backward(self, dy):
        return super().backward(dy) * ((1 - self.p) if self.training else 1)


class AsThePaper(KeepsMask):
    def forward(self, x):
        if not self.training:
            return x * (1 - self.p)
        self.mask = self.rng.random(x.shape, dtype=np.float32) >= self.p
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask if self.training else dy * (1 - self.p)


class OldMask(KeepsMask):
    def backward(self, dy):
        return dy * self.mask / (1 - self.p)


class RememberedOnlyInTraining(Remembers):
    """In evaluation forward remembers nothing, and backward asks."""

    def forward(self, x):
        return super().forward(x) if self.training else x


class MaskOnce(KeepsMask):
    mask = None

    def forward(self, x):
        if not self.training:
            return x
        if self.mask is None:
            self.mask = self.rng.random(x.shape, dtype=np.float32) >= self.p
        return x * self.mask / (1 - self.p)


class DividedByP(KeepsMask):
    def forward(self, x):
        if not self.training:
            return x
        self.mask = self.rng.random(x.shape, dtype=np.float32) >= self.p
        return x * self.mask / self.p

    def backward(self, dy):
        return dy * self.mask / self.p if self.training else dy


class KeepsTheOthers(KeepsMask):
    def forward(self, x):
        if not self.training:
            return x
        self.mask = self.rng.random(x.shape, dtype=np.float32) < self.p
        return x * self.mask / (1 - self.p)


class SharedByClass(KeepsMask):
    def forward(self, x):
        if not self.training:
            return x
        SharedByClass.mask = self.rng.random(x.shape, dtype=np.float32) >= self.p
        return x * SharedByClass.mask / (1 - self.p)


class MultipliedTwice(KeepsMask):
    def backward(self, dy):
        return dy * self.mask / (1 - self.p) ** 2 if self.training else dy


class FromOutput(KeepsMask):
    """The mask is taken from dy."""

    def backward(self, dy):
        return dy * (dy != 0) / (1 - self.p) if self.training else dy


class Forgotten(KeepsMask):
    def backward(self, dy):
        dy * self.mask / (1 - self.p)


DROPOUT = Answers(
    right=[Remembers, KeepsMask, ScaledMask, ByWhere, Assigns, SavesGenerator],
    wrong=[
        wrong(StillDrawsAnew, "mask drawn anew"), wrong(DroppedInEvaluation, "always on"),
        wrong(ForgotScaleBack, "backward not scaled"), wrong(PassesAll, "backward not masked"),
        wrong(NoScale, "not scaled"), wrong(AsThePaper, "scaled in evaluation"),
        wrong(OldMask, "old mask in evaluation"), wrong(RememberedOnlyInTraining), wrong(MaskOnce, "one mask"),
        wrong(DividedByP, "wrong scale"), wrong(KeepsTheOthers, "kept and dropped"),
        wrong(SharedByClass, "shared by all layers"), wrong(MultipliedTwice), wrong(FromOutput, "backward only scaled"),
        wrong(Forgotten)])
