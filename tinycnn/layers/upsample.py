"""Making a map larger: each pixel becomes a block of equal ones, the opposite of a pooling."""

import math

from tinycnn.backend import Array, Shape
from tinycnn.errors import ShapeError
from tinycnn.layers.base import Layer, expect_images


class Upsample2d(Layer):
    """y = each pixel of x, factor x factor times. x: (N, H, W, C)    y: (N, factor * H, factor * W, C)

    A pixel has a part in each number of its block, so its gradient is the sum over the block.
    """

    per_image = True

    def __init__(self, factor: int = 2) -> None:
        if not isinstance(factor, int | float) or not 1 <= factor < math.inf or factor != int(factor):
            raise ValueError(f"Upsample2d: factor is a whole number, 1 or more, got {factor!r}")
        self.factor = int(factor)

    def forward(self, x: Array) -> Array:
        expect_images(x, None, self)
        y = x.repeat(self.factor, axis=1).repeat(self.factor, axis=2)
        self.remember(output=y)
        return y

    def backward(self, dy: Array) -> Array:
        self.recall(dy)
        n, h, w, c = dy.shape
        k = self.factor
        return dy.reshape(n, h // k, k, w // k, k, c).sum(axis=(2, 4))

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise ShapeError(f"{self} expects (H, W, C), got {tuple(shape)}")
        h, w, c = shape
        return self.factor * h, self.factor * w, c

    def __repr__(self) -> str:
        return f"Upsample2d({self.factor})"
