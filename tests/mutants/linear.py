"""Wrong Linear, Flatten and Sequential."""

import numpy as np

from tinycnn.layers import Conv2d, MaxPool2d, ReLU

from .plain import PlainFlatten, PlainLinear, PlainSequential
from .registry import mutant


def features(rng):
    return (rng.standard_normal((5, 6), dtype=np.float32),)


def images(rng):
    return (rng.standard_normal((3, 6, 4, 2), dtype=np.float32),)


# --- Linear ---

LINEAR, SQUARE = {"in_features": 6, "out_features": 4}, {"in_features": 6, "out_features": 6}


@mutant("axes", features, **LINEAR)
class WeightGradientHasShapeOfTranspose(PlainLinear):
    """dw = dy.T @ x, of shape (F, D)."""

    def dw(self, dy):
        return dy.T @ self._x


@mutant("axes", features, **SQUARE)
class SquareWeightGradientTransposed(PlainLinear):
    """dw = dy.T @ x in a square layer, where the shapes agree."""

    def dw(self, dy):
        return dy.T @ self._x


@mutant("axes", features, **SQUARE)
class WeightsNotTransposed(PlainLinear):
    """dx = dy @ w in a square layer."""

    def dx(self, dy):
        return dy @ self.w.value


@mutant("not summed", features, **LINEAR)
class LinearBiasNotSummed(PlainLinear):
    """db = dy, of shape (N, F)."""

    def db(self, dy):
        return dy.copy()


@mutant("batch mean", features, **LINEAR)
class LinearBiasMean(PlainLinear):
    """db = mean of dy over the batch."""

    def db(self, dy):
        return dy.mean(axis=0)


@mutant("shape", features, **LINEAR)
class LinearBiasSummedTooFar(PlainLinear):
    """db = the sum over batch and outputs, one number."""

    def db(self, dy):
        return dy.sum().reshape(1)


@mutant("overlap", features, **LINEAR)
class OneExampleOnly(PlainLinear):
    """dw from the first example of the batch."""

    def dw(self, dy):
        return self._x[:1].T @ dy[:1]


@mutant("batch mean", features, **LINEAR)
class LinearMeanTwice(PlainLinear):
    """dw is divided by the batch size, which the loss has done already."""

    def dw(self, dy):
        return self._x.T @ dy / len(dy)


@mutant("sign", features, **LINEAR)
class LinearInputNegative(PlainLinear):
    """dx has the wrong sign."""

    def dx(self, dy):
        return -super().dx(dy)


@mutant("never stored", features, **LINEAR)
class ForgottenWeights(PlainLinear):
    """dw is computed and thrown away."""

    def backward(self, dy, input_gradient=True):
        self.dw(dy)
        self.b.grad = self.db(dy)
        return self.dx(dy)


@mutant("never stored", features, **LINEAR)
class ForgottenInput(PlainLinear):
    """backward has no return."""

    def dx(self, dy):
        return None


@mutant("not finite", features, **LINEAR)
class DividesByZero(PlainLinear):
    """dw is normalized by a count that is 0."""

    def dw(self, dy):
        with np.errstate(all="ignore"):
            return super().dw(dy) / (self.w.value.ndim - 2)


@mutant("modified", features, **LINEAR)
class ScalesItsInput(PlainLinear):
    """forward centers x in place."""

    def forward(self, x):
        x -= x.mean()
        return super().forward(x)


# --- Flatten ---


@mutant("axes", images)
class FlattenedInOtherOrder(PlainFlatten):
    """backward reshapes in Fortran order."""

    def backward(self, dy):
        return dy.reshape(self._shape, order="F")


@mutant("axes", images)
class ChannelsFirst(PlainFlatten):
    """backward takes the row for a picture with channels first."""

    def backward(self, dy):
        n, h, w, c = self._shape
        return dy.reshape(n, c, h, w).transpose(0, 2, 3, 1)


# --- Sequential ---


class _Network(PlainSequential):
    def __init__(self):
        rng = np.random.default_rng(3)
        super().__init__(Conv2d(2, 3, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2), Conv2d(3, 3, 3, padding=1, rng=rng))


@mutant(None, images)
class SkipsAnActivation(_Network):
    """backward walks past the ReLU."""

    def backward(self, dy, input_gradient=True):
        conv1, relu, pool, conv2 = self
        return conv1.backward(pool.backward(conv2.backward(dy)))


@mutant("never stored", images)
class StopsEarly(_Network):
    """backward ends before the first convolution."""

    def backward(self, dy, input_gradient=True):
        conv1, relu, pool, conv2 = self
        return relu.backward(pool.backward(conv2.backward(dy)))


@mutant("input_gradient", images)
class LosesFirstGradient(_Network):
    """Without dx, the first layer's own gradients are not computed either."""

    def backward(self, dy, input_gradient=True):
        conv1, relu, pool, conv2 = self
        dy = relu.backward(pool.backward(conv2.backward(dy)))
        return conv1.backward(dy) if input_gradient else None
