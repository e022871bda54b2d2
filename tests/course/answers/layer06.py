"""Convolution layers as learners write them at the end of lesson 06."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.backward06 import by_einsum, patches
from tinycnn.layers import Layer, Parameter


class Plain(Layer):
    """Keeps x in an attribute of its own."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, rng=None):
        rng = rng or np.random.default_rng(0)
        self.w = Parameter(rng.standard_normal((kernel_size, kernel_size, in_channels, out_channels)).astype("float32"))
        self.b = Parameter(np.zeros(out_channels, "float32"))
        self.stride, self.padding = stride, padding

    def forward(self, x):
        self.x = x
        cols = patches(x, self.w.value.shape[:2], self.stride, self.padding)
        return np.einsum("nijpqc,pqcf->nijf", cols, self.w.value) + self.b.value

    def backward(self, dy):
        dx, self.w.grad, self.b.grad = by_einsum(dy, self.x, self.w.value, self.stride, self.padding)
        return dx


class Remembering(Plain):
    def forward(self, x):
        self.remember(x)
        return super().forward(x)

    def backward(self, dy):
        (self.x,) = self.recall()
        return super().backward(dy)


class KeepsPatches(Plain):
    def forward(self, x):
        self.cols, self.shape = patches(x, self.w.value.shape[:2], self.stride, self.padding), x.shape
        return np.tensordot(self.cols, self.w.value, 3) + self.b.value

    def backward(self, dy):
        dx, _, _ = by_einsum(dy, np.zeros(self.shape, dy.dtype), self.w.value, self.stride, self.padding)
        self.w.grad = np.tensordot(self.cols, dy, axes=([0, 1, 2], [0, 1, 2]))
        self.b.grad = dy.sum((0, 1, 2))
        return dx


class InDictionary(Plain):
    def forward(self, x):
        self.cache = {"x": x.copy()}
        return super().forward(x)

    def backward(self, dy):
        self.x = self.cache.pop("x")
        return super().backward(dy)


class WithArguments(Plain):
    def __init__(self, in_channels, out_channels, kernel_size, **options):
        super().__init__(in_channels, out_channels, kernel_size, **options)


class Assigning(Plain):
    def backward(self, dy):
        grads = by_einsum(dy, self.x, self.w.value, self.stride, self.padding)
        self.w.grad = grads[1] + np.zeros_like(self.w.value)
        self.b.grad = grads[2] + np.zeros_like(self.b.value)
        return grads[0]


class InClass(Plain):
    def forward(self, x):
        InClass.last = x
        return super().forward(x)

    def backward(self, dy):
        self.x = InClass.last
        return super().backward(dy)


LAST = {}


class InModule(Plain):
    def forward(self, x):
        LAST["x"] = x
        return super().forward(x)

    def backward(self, dy):
        self.x = LAST["x"]
        return super().backward(dy)


class NoDx(Plain):
    def backward(self, dy):
        super().backward(dy)


class NoReturn(Plain):
    def forward(self, x):
        super().forward(x)


class AddsUp(Plain):
    def backward(self, dy):
        old = self.w.grad, self.b.grad
        dx = super().backward(dy)
        if old[0] is not None:
            self.w.grad += old[0]
            self.b.grad += old[1]
        return dx


class Steps(Plain):
    def backward(self, dy):
        dx = super().backward(dy)
        self.w.value = self.w.value - 0.01 * self.w.grad
        self.b.value = self.b.value - 0.01 * self.b.grad
        return dx


class NoStride(Plain):
    def forward(self, x):
        self.stride, self.padding = 1, 0
        return super().forward(x)


class NoBias(Plain):
    def forward(self, x):
        return super().forward(x) - self.b.value


class Means(Plain):
    def backward(self, dy):
        dx = super().backward(dy)
        self.w.grad, self.b.grad = self.w.grad / len(dy), self.b.grad / len(dy)
        return dx


class Exchanged(Plain):
    def backward(self, dy):
        dx, self.b.grad, self.w.grad = by_einsum(dy, self.x, self.w.value, self.stride, self.padding)
        return dx


class IntoValue(Plain):
    def backward(self, dy):
        dx, self.w.value, self.b.value = by_einsum(dy, self.x, self.w.value, self.stride, self.padding)
        return dx


class OtherNames(Plain):
    def backward(self, dy):
        dx, self.dw, self.db = by_einsum(dy, self.x, self.w.value, self.stride, self.padding)
        return dx


class NoBiasGradient(Plain):
    def backward(self, dy):
        dx, self.w.grad, _ = by_einsum(dy, self.x, self.w.value, self.stride, self.padding)
        return dx


class ReturnsAll(Plain):
    def backward(self, dy):
        super().backward(dy)
        return by_einsum(dy, self.x, self.w.value, self.stride, self.padding)


LAYER = Answers(
    right=[Plain, Remembering, KeepsPatches, InDictionary, WithArguments, Assigning],
    wrong=[wrong(InClass, "shared"), wrong(InModule, "shared"), wrong(NoDx),
           wrong(NoReturn),
           wrong(AddsUp, "accumulates"), wrong(Steps, "updates"), wrong(NoStride, "plain forward"),
           wrong(NoBias, "bias forgotten"), wrong(Means, "batch mean"), wrong(Exchanged, "exchanged"),
           wrong(IntoValue), wrong(OtherNames), wrong(NoBiasGradient), wrong(ReturnsAll)])
