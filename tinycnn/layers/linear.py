"""The fully connected layer, and the reshaping that leads to it."""

import math

import numpy as np

from tinycnn.backend import Array, MaybeNone, Shape, array_module
from tinycnn.errors import ShapeError
from tinycnn.layers.base import Layer, Parameter, expect_dtype
from tinycnn.layers.initial import he_normal


class Linear(Layer):
    """y = x @ w + b: every output sees every input.

    x: (N, D)    w: (D, F)    b: (F,)    y: (N, F)

    Weights start normal with standard deviation sqrt(2 / D) (He et al. 2015, section 2.2), biases at 0.
    """

    skips_input_gradient = True

    def __init__(self, in_features: int, out_features: int, bias: bool = True,
                 rng: "np.random.Generator | None" = None) -> None:
        if not all(hasattr(n, "__index__") and n >= 1 for n in (in_features, out_features)):
            raise ValueError(f"Linear: both numbers of features are at least 1, got {in_features!r}, {out_features!r}")
        self.in_features, self.out_features = in_features, out_features
        shape = in_features, out_features  # (D, F)
        self.w = Parameter(he_normal(shape, rng))
        self.b: Parameter | MaybeNone = Parameter(np.zeros(out_features, np.float32)) if bias else None

    def forward(self, x: Array) -> Array:
        self.check(x)
        y = x @ self.w.value  # (N, D) @ (D, F) -> (N, F)
        if self.b is not None:
            y += self.b.value
        self.remember(x, output=y)
        return y

    def backward(self, dy: Array, input_gradient: bool = True) -> Array | MaybeNone:
        (x,) = self.recall(dy)
        self.w.grad = x.T @ dy  # (D, N) @ (N, F) -> (D, F)
        if self.b is not None:
            self.b.grad = dy.sum(axis=0)  # b is added to every row, so it collects from every row
        return dy @ self.w.value.T if input_gradient else None  # (N, F) @ (F, D) -> (N, D)

    def check(self, x: Array) -> None:
        """Raise an error that teaches unless forward can take x."""
        array_module(x, self.w.value)
        if x.ndim != 2 or x.shape[1] != self.in_features:
            hint = " Put a Flatten() before it." if x.ndim > 2 else ""
            raise ShapeError(f"{self} expects (N, {self.in_features}), got {x.shape}.{hint}")
        expect_dtype(x, self.w.value.dtype, self)

    def output_shape(self, shape: Shape) -> Shape:
        if tuple(shape) != (self.in_features,):
            hint = " Put a Flatten() before it." if len(shape) > 1 else ""
            raise ShapeError(f"{self} expects {self.in_features} features, got {tuple(shape)}.{hint}")
        return (self.out_features,)

    def multiply_adds(self, shape: Shape) -> int:
        return self.in_features * self.out_features

    def __repr__(self) -> str:
        return f"Linear({self.in_features}, {self.out_features})"


class Flatten(Layer):
    """(N, H, W, C) -> (N, H*W*C): each image becomes one row; where a feature was stays encoded in its position."""

    def forward(self, x: Array) -> Array:
        array_module(x)  # refuses what is no array
        y = x.reshape(len(x), *self.output_shape(x.shape[1:]))
        self.remember(x.shape, output=y)
        return y

    def backward(self, dy: Array) -> Array:
        (shape,) = self.recall(dy)
        return dy.reshape(shape)

    def output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)
