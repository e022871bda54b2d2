"""Lesson 07, ReLU as learners write it."""

import numpy as np

from tests.course.answers import Answers, wrong
from tinycnn.layers import Layer


class KeepsX(Layer):
    def forward(self, x):
        self.remember(x)
        return np.maximum(x, 0)

    def backward(self, dy):
        (x,) = self.recall()
        return np.where(x > 0, dy, 0)


class KeepsMask(Layer):
    def forward(self, x):
        mask = x > 0
        self.remember(mask)
        return x * mask

    def backward(self, dy):
        return dy * self.recall()[0]


class OwnAttribute(Layer):
    def __init__(self):
        self.y = None

    def forward(self, x):
        self.y = x.copy()
        self.y[self.y < 0] = 0
        return self.y

    def backward(self, dy):
        dx = dy.copy()
        dx[self.y <= 0] = 0
        return dx


class HalfTheSum(Layer):
    def forward(self, x):
        self.remember(x)
        return (x + abs(x)) / 2

    def backward(self, dy):
        (x,) = self.recall()
        return dy * np.heaviside(x, np.zeros_like(x))


class Clips(Layer):
    def forward(self, x):
        y = x.clip(0)
        self.remember(y, output=y)
        return y

    def backward(self, dy):
        (y,) = self.recall(dy)
        return dy * np.sign(y)


class Loops(Layer):
    def forward(self, x):
        self.shape = x.shape
        self.open = [value > 0 for value in x.reshape(-1)]
        return np.array([max(value, 0) for value in x.reshape(-1)], x.dtype).reshape(x.shape)

    def backward(self, dy):
        flat = [d if is_open else 0.0 for d, is_open in zip(dy.reshape(-1), self.open, strict=True)]
        return np.array(flat, dy.dtype).reshape(self.shape)


class AtZeroOpen(Layer):
    def forward(self, x):
        self.remember(x)
        return np.maximum(x, 0)

    def backward(self, dy):
        (x,) = self.recall()
        dx = dy.copy()
        dx[x < 0] = 0
        return dx


class ReluOfDy(Layer):
    def forward(self, x):
        return np.maximum(0, x)

    def backward(self, dy):
        return np.maximum(0, dy)


class Guided(Layer):
    def forward(self, x):
        self.x = x
        return np.maximum(0, x)

    def backward(self, dy):
        return np.where((self.x > 0) & (dy > 0), dy, 0)


class PassesAll(Layer):
    def forward(self, x):
        return np.maximum(0, x)

    def backward(self, dy):
        return dy


class GateAlone(Layer):
    def forward(self, x):
        self.remember(x)
        return np.maximum(0, x)

    def backward(self, dy):
        (x,) = self.recall()
        dx = np.zeros_like(x)
        dx[x > 0] = 1
        return dx


class WrongSide(Layer):
    def forward(self, x):
        self.mask = x <= 0
        return np.where(self.mask, 0, x)

    def backward(self, dy):
        return dy * self.mask


class TimesY(Layer):
    def forward(self, x):
        self.y = np.maximum(0, x)
        return self.y

    def backward(self, dy):
        return self.y * dy


class Absolute(Layer):
    def forward(self, x):
        self.x = x
        return np.abs(x)

    def backward(self, dy):
        return dy * (self.x > 0)


class Minimum(Layer):
    def forward(self, x):
        self.x = x
        return np.minimum(0, x)

    def backward(self, dy):
        return dy * (self.x > 0)


class Step(Layer):
    def forward(self, x):
        self.mask = np.zeros_like(x)
        self.mask[x > 0] = 1
        return self.mask

    def backward(self, dy):
        return dy * self.mask


class InTheClass(Layer):
    mask = None

    def forward(self, x):
        InTheClass.mask = x > 0
        return x * InTheClass.mask

    def backward(self, dy):
        return dy * InTheClass.mask


class OnlyOnce(Layer):
    def forward(self, x):
        if not hasattr(self, "mask"):
            self.mask = x > 0
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * self.mask


class WritesIntoDy(Layer):
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dy):
        dy[self.x <= 0] = 0
        return dy


class WritesIntoX(Layer):
    def forward(self, x):
        x[x < 0] = 0
        self.remember(x)
        return x

    def backward(self, dy):
        (x,) = self.recall()
        return dy * (x > 0)


class MaxAlongAnAxis(Layer):
    def forward(self, x):
        self.x = x
        return np.max(x, 0)

    def backward(self, dy):
        return dy * (self.x > 0)


class OneIf(Layer):
    def forward(self, x):
        self.x = x
        return x if x > 0 else 0

    def backward(self, dy):
        return dy if self.x > 0 else 0


class Leaky(Layer):
    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, 0.01 * x)

    def backward(self, dy):
        return np.where(self.x > 0, dy, 0.01 * dy)


class Wide(Layer):
    def forward(self, x):
        self.mask = (x > 0).astype(float)
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * self.mask


class SignOfBoth(Layer):
    def forward(self, x):
        self.x = x
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * (self.x * dy > 0)


RELU = Answers(
    right=[KeepsX, KeepsMask, OwnAttribute, HalfTheSum, Clips, Loops],
    wrong=[wrong(AtZeroOpen, "open at 0"), wrong(ReluOfDy, "gate by dy"), wrong(Guided, "both gates"),
           wrong(PassesAll, "no gate"), wrong(GateAlone, "dy forgotten"),
           wrong(WrongSide, "gate the wrong way round"),
           wrong(TimesY, "times y"), wrong(Absolute, "absolute"), wrong(Minimum, "smaller"),
           wrong(Step, "gate for y"),
           wrong(InTheClass, "shared"), wrong(OnlyOnce, "stale"), wrong(WritesIntoDy, "changes dy"),
           wrong(WritesIntoX), wrong(MaxAlongAnAxis), wrong(OneIf), wrong(Leaky), wrong(Wide), wrong(SignOfBoth)],
)
