"""Answers to lesson 03's layer."""

import numpy as np

from tests.course.answers import Answers, wrong
from tinycnn.layers import Layer, Parameter


class Base(Layer):
    """The constructor that the lesson gives."""

    def __init__(self, in_features, out_features, rng=None):
        rng = np.random.default_rng(0) if rng is None else rng
        self.w = Parameter(rng.standard_normal((in_features, out_features), dtype=np.float32))
        self.b = Parameter(np.zeros(out_features, np.float32))


# --- right ---


class WithAttributes(Base):
    def forward(self, x):
        self.x = x
        return x @ self.w.value + self.b.value

    def backward(self, dy):
        self.w.grad = self.x.T @ dy
        self.b.grad = dy.sum(axis=0)
        return dy @ self.w.value.T


class WithRemember(Base):
    def forward(self, x):
        y = np.dot(x, self.w.value)
        y += self.b.value
        self.remember(x, output=y)
        return y

    def backward(self, dy):
        (x,) = self.recall(dy)
        dx = np.dot(dy, self.w.value.T)
        self.w.grad, self.b.grad = np.dot(x.T, dy), np.sum(dy, axis=0)
        return dx


class WithZerosFirst(Base):
    def forward(self, x):
        self.remember(x)
        return np.einsum("nd,df->nf", x, self.w.value) + self.b.value[None]

    def backward(self, dy):
        x = self.recall()[0]
        self.w.grad = np.zeros_like(self.w.value)
        self.b.grad = np.zeros_like(self.b.value)
        for n in range(len(x)):
            self.w.grad += np.outer(x[n], dy[n])
            self.b.grad += dy[n]
        return np.einsum("nf,df->nd", dy, self.w.value)


class WithLoops(Base):
    def forward(self, x):
        self.remember(x)
        y = np.zeros((x.shape[0], self.w.value.shape[1]), x.dtype)
        for n, f in np.ndindex(y.shape):
            y[n, f] = (x[n] * self.w.value[:, f]).sum() + self.b.value[f]
        return y

    def backward(self, dy):
        (x,) = self.recall()
        w, dx = self.w.value, np.zeros_like(x)
        dw, db = np.zeros_like(w), np.zeros_like(self.b.value)
        for n, d, f in np.ndindex(*x.shape, w.shape[1]):
            dx[n, d] += dy[n, f] * w[d, f]
            dw[d, f] += dy[n, f] * x[n, d]
        for n in range(len(dy)):
            db += dy[n]
        self.w.grad = dw
        self.b.grad = db
        return dx


class WithWeightsRemembered(Base):
    def forward(self, x):
        self.remember(x, self.w.value)
        return self.b.value + x @ self.w.value

    def backward(self, dy):
        x, w = self.recall()
        self.b.grad = dy.sum(0)
        self.w.grad = (dy.T @ x).T
        return (w @ dy.T).T


class WithDictionary(Base):
    def forward(self, x):
        self.cache = {"x": x.copy()}
        return x @ self.w.value + self.b.value

    def backward(self, dy):
        x = self.cache.pop("x")
        gradients = {"w": x.T @ dy, "b": dy.sum(axis=0)}
        for name, gradient in gradients.items():
            getattr(self, name).grad = gradient
        return dy @ self.w.value.T


# --- wrong ---


class AddsUp(WithAttributes):
    def backward(self, dy):
        dw, db = self.x.T @ dy, dy.sum(axis=0)
        self.w.grad = dw if self.w.grad is None else self.w.grad + dw
        self.b.grad = db if self.b.grad is None else self.b.grad + db
        return dy @ self.w.value.T


class AddsToNone(WithAttributes):
    def backward(self, dy):
        self.w.grad += self.x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.w.value.T


class Steps(WithAttributes):
    def backward(self, dy):
        dx = dy @ self.w.value.T
        self.w.grad, self.b.grad = self.x.T @ dy, dy.sum(axis=0)
        self.w.value = self.w.value - 0.01 * self.w.grad
        self.b.value = self.b.value - 0.01 * self.b.grad
        return dx


class StepsBeforeDx(WithAttributes):
    def backward(self, dy):
        self.w.grad, self.b.grad = self.x.T @ dy, dy.sum(axis=0)
        self.w.value = self.w.value - 0.01 * self.w.grad
        self.b.value = self.b.value - 0.01 * self.b.grad
        return dy @ self.w.value.T


class OnTheClass(Base):
    x = None

    def forward(self, x):
        OnTheClass.x = x
        return x @ self.w.value + self.b.value

    def backward(self, dy):
        x = OnTheClass.x
        self.w.grad, self.b.grad = x.T @ dy, dy.sum(axis=0)
        return dy @ self.w.value.T


class NoBias(WithAttributes):
    def forward(self, x):
        self.x = x
        return x @ self.w.value


class Mean(WithAttributes):
    def backward(self, dy):
        n = len(dy)
        self.w.grad, self.b.grad = self.x.T @ dy / n, dy.sum(axis=0) / n
        return dy @ self.w.value.T


class Turned(WithAttributes):
    def backward(self, dy):
        self.w.grad, self.b.grad = dy.sum(axis=0), self.x.T @ dy
        return dy @ self.w.value.T


class IntoValue(WithAttributes):
    def backward(self, dy):
        dx = dy @ self.w.value.T
        self.w.grad, self.b.grad = self.x.T @ dy, dy.sum(axis=0)
        self.w.value, self.b.value = self.w.grad, self.b.grad
        return dx


class NotStored(WithAttributes):
    def backward(self, dy):
        dw, db = self.x.T @ dy, dy.sum(axis=0)  # noqa: F841
        return dy @ self.w.value.T


class NoDx(WithAttributes):
    def backward(self, dy):
        self.w.grad, self.b.grad = self.x.T @ dy, dy.sum(axis=0)


class ThreeResults(WithAttributes):
    def backward(self, dy):
        self.w.grad, self.b.grad = self.x.T @ dy, dy.sum(axis=0)
        return dy @ self.w.value.T, self.w.grad, self.b.grad


class RemembersY(Base):
    def forward(self, x):
        y = x @ self.w.value + self.b.value
        self.remember(y)
        return y

    def backward(self, dy):
        (x,) = self.recall()
        self.w.grad, self.b.grad = x.T @ dy, dy.sum(axis=0)
        return dy @ self.w.value.T


class ForgetsToRemember(Base):
    def forward(self, x):
        return x @ self.w.value + self.b.value

    def backward(self, dy):
        (x,) = self.recall()
        self.w.grad, self.b.grad = x.T @ dy, dy.sum(axis=0)
        return dy @ self.w.value.T


class Float64(WithAttributes):
    def forward(self, x):
        self.x = x
        y = np.zeros((len(x), len(self.b.value)))
        y += x @ self.w.value + self.b.value
        return y


class OnlyOnce(WithAttributes):
    def forward(self, x):
        if not hasattr(self, "x"):
            self.x = x
        return x @ self.w.value + self.b.value


LAYER = Answers(
    right=[WithAttributes, WithRemember, WithZerosFirst, WithLoops, WithWeightsRemembered, WithDictionary],
    wrong=[wrong(AddsUp, "accumulates"), wrong(AddsToNone), wrong(Steps, "updates"), wrong(StepsBeforeDx, "updates"),
           wrong(OnTheClass, "shared"), wrong(NoBias, "bias forgotten"), wrong(Mean, "batch mean"),
           wrong(Turned, "exchanged"), wrong(IntoValue, "stored elsewhere"), wrong(NotStored), wrong(NoDx),
           wrong(ThreeResults), wrong(RemembersY), wrong(ForgetsToRemember), wrong(Float64),
           wrong(OnlyOnce, "first batch")])
