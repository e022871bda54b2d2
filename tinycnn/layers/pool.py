"""Pooling: each window of a channel becomes one number, its largest (MaxPool2d) or its mean (AvgPool2d).

Both see the image as a convolution does, as patches. What a convolution multiplies with weights and adds up, a pooling
only compares, or adds up; and on the way back the patches' gradients go home by the same col2im.
"""

import math

import numpy as np

from tinycnn.backend import Array, Shape, array_module
from tinycnn.errors import ShapeError
from tinycnn.layers.base import Layer, expect_images
from tinycnn.layers.window import IntOrPair, Window2d
from tinycnn.patches import col2im, im2col


class _Pool2d(Window2d):
    """What both poolings share: the windows of each channel, and the way back."""

    def __init__(self, kernel_size: IntOrPair, stride: IntOrPair | None = None, padding: IntOrPair = 0,
                 ceil_mode: bool = False) -> None:
        super().__init__(kernel_size, kernel_size if stride is None else stride, padding)
        self.ceil_mode = ceil_mode
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise ValueError(f"{self}: padding may be at most half the kernel, or a window would see only border")

    def _windows(self, x: Array, fill: float) -> Array:
        """(N, H, W, C) -> (N, OH, OW, KH*KW, C): each window of each channel, row by row; `fill` around the image."""
        expect_images(x, None, self)
        oh, ow, c = self.output_shape(x.shape[1:])
        cols = im2col(x, self.kernel, self.stride, self.padding, (oh, ow), fill)
        return cols.reshape(len(x), oh, ow, math.prod(self.kernel), c)

    def _add_windows(self, dwindows: Array, x_shape: Shape) -> Array:
        """The adjoint: (N, OH, OW, KH*KW, C) -> (N, H, W, C)."""
        n, oh, ow, places, c = dwindows.shape
        return col2im(dwindows.reshape(n, oh, ow, places * c), x_shape, self.kernel, self.stride, self.padding)

    def workspace_bytes(self, shape: Shape, itemsize: int = 4) -> int:
        return itemsize * math.prod(self.output_shape(shape)) * math.prod(self.kernel)

    def __repr__(self) -> str:
        ceil = ", ceil_mode=True" if self.ceil_mode else ""
        return f"{type(self).__name__}({self._describe_window(usual_stride=self.kernel)}{ceil})"


class MaxPool2d(_Pool2d):
    """y = the largest x in each window. x: (N, H, W, C)    y: (N, OH, OW, C)

    The border is -inf, so a window of negative numbers keeps its maximum. The whole gradient goes to the pixel that
    won; among equals the first in row-major order wins, on every device. Windows may overlap: then a pixel collects.
    """

    per_image = True

    def forward(self, x: Array) -> Array:
        windows = self._windows(x, fill=-np.inf)  # (N, OH, OW, KH*KW, C)
        winner = windows.argmax(axis=3)  # (N, OH, OW, C): its place in the window, the first among equals
        self.remember(x.shape, winner, output=winner)
        return windows.max(axis=3)

    def backward(self, dy: Array) -> Array:
        x_shape, winner = self.recall(dy)
        xp = array_module(dy, winner)
        place = xp.arange(math.prod(self.kernel))[:, None]  # (KH*KW, 1)
        dwindows = xp.where(place == winner[:, :, :, None], dy[:, :, :, None], dy.dtype.type(0))
        return self._add_windows(dwindows, x_shape)  # (N, OH, OW, KH*KW, C) -> (N, H, W, C)


class AvgPool2d(_Pool2d):
    """y = the mean of each window. x: (N, H, W, C)    y: (N, OH, OW, C)

    The border is 0. With count_include_pad (PyTorch's default) it counts in the mean; without, only pixels count.
    """

    per_image = True

    def __init__(self, kernel_size: IntOrPair, stride: IntOrPair | None = None, padding: IntOrPair = 0,
                 ceil_mode: bool = False, count_include_pad: bool = True) -> None:
        self.count_include_pad = count_include_pad
        super().__init__(kernel_size, stride, padding, ceil_mode)

    def forward(self, x: Array) -> Array:
        y = self._windows(x, fill=0).sum(axis=3) / self._counts(x, x.shape)  # (N, OH, OW, C) / (1, OH, OW, 1)
        self.remember(x.shape, output=y)
        return y

    def backward(self, dy: Array) -> Array:
        (x_shape,) = self.recall(dy)
        share = dy / self._counts(dy, x_shape)  # each place in a window had the same part in its mean
        n, oh, ow, c = dy.shape
        dwindows = array_module(dy).broadcast_to(share[:, :, :, None], (n, oh, ow, math.prod(self.kernel), c))
        return self._add_windows(dwindows, x_shape)

    def _counts(self, like: Array, x_shape: Shape) -> Array:
        """How many numbers each window's mean divides by: (1, OH, OW, 1)."""
        (_, h, w, c), (ph, pw) = x_shape, self.padding
        size = self.output_shape((h, w, c))[:2]
        # PyTorch counts the padding, but never what ceil_mode reaches beyond it.
        counted = (1, h + 2 * ph, w + 2 * pw, 1) if self.count_include_pad else (1, h, w, 1)
        padding = (0, 0) if self.count_include_pad else self.padding
        ones = array_module(like).ones(counted, like.dtype)
        return im2col(ones, self.kernel, self.stride, padding, size).sum(axis=3, keepdims=True)

    def __repr__(self) -> str:
        return super().__repr__() if self.count_include_pad else f"{super().__repr__()[:-1]}, count_include_pad=False)"


class GlobalAvgPool2d(Layer):
    """The mean of each channel over the whole image. x: (N, H, W, C)    y: (N, C)    (Lin, Chen and Yan 2014)

    It forgets where anything was: good for a class, not for a box.
    """

    per_image = True

    def forward(self, x: Array) -> Array:
        expect_images(x, None, self)
        y = x.mean(axis=(1, 2))
        self.remember(x.shape, output=y)
        return y

    def backward(self, dy: Array) -> Array:
        (x_shape,) = self.recall(dy)
        _, h, w, _ = x_shape
        return array_module(dy).broadcast_to(dy[:, None, None] / (h * w), x_shape).copy()

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise ShapeError(f"{self} expects (H, W, C), got {tuple(shape)}")
        return (shape[2],)
