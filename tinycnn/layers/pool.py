"""Pooling: each window of a channel becomes one number, its largest (MaxPool2d) or its mean (AvgPool2d).

A window is never gathered. Its KH*KW positions are KH*KW strided pictures of the whole batch, and the maximum or the
sum runs over those pictures.
"""

import numpy as np

from tinycnn import kernels
from tinycnn.backend import array_module
from tinycnn.layers.base import expect_images
from tinycnn.layers.window import Window2d


class _Pool2d(Window2d):
    """What both poolings share: the border around the image, and the pictures that the windows make."""

    shrinks = True
    border = None  # what the padding is filled with

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False):
        super().__init__(kernel_size, kernel_size if stride is None else stride, padding)
        self.ceil_mode = ceil_mode
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise ValueError(f"{self}: padding may be at most half the kernel, or a window would see only border")

    def check(self, x):
        expect_images(x, None, self)

    def _padded_shape(self, shape):
        """(H, W) that the windows need: the image with its padding, and what ceil_mode reaches beyond."""
        reach = [(o - 1) * s + k for o, s, k in zip(self.output_shape(shape), self.stride, self.kernel, strict=False)]
        return tuple(max(r, size + 2 * p) for r, size, p in zip(reach, shape, self.padding, strict=False))

    def _pad(self, x):
        """x (n, H, W, C) inside its border; x itself where there is none."""
        padded_shape = self._padded_shape(x.shape[1:])
        if padded_shape == x.shape[1:3]:
            return x
        padded = array_module(x).full((len(x), *padded_shape, x.shape[3]), self.border, x.dtype)
        self._inside(padded, x.shape)[...] = x
        return padded

    def _inside(self, padded, shape):
        (ph, pw), (_, h, w, _) = self.padding, shape
        return padded[:, ph : ph + h, pw : pw + w]

    def _pictures(self, x, y_shape):
        """The KH*KW positions of every window, as strided views (n, OH, OW, C) of x, in row-major order."""
        (kh, kw), (sh, sw), (oh, ow) = self.kernel, self.stride, y_shape[1:3]
        for i in range(kh):
            for j in range(kw):
                yield x[:, i : i + sh * (oh - 1) + 1 : sh, j : j + sw * (ow - 1) + 1 : sw]

    def workspace_bytes(self, shape, itemsize=4):
        padded = self._padded_shape(shape)
        return itemsize * shape[2] * padded[0] * padded[1] if padded != tuple(shape[:2]) else 0

    def __repr__(self):
        ceil = ", ceil_mode=True" if self.ceil_mode else ""
        return f"{type(self).__name__}({self._describe_window(usual_stride=self.kernel)}{ceil})"


class MaxPool2d(_Pool2d):
    """y = the largest x in each window. x: (N, H, W, C)    y: (N, OH, OW, C)

    The border is -inf, so a window of negative numbers keeps its maximum. The whole gradient goes to the pixel that
    won; among equals the first in row-major order wins, on every device. Windows may overlap: then a pixel collects.
    """

    border = -np.inf

    def compute(self, x, lane, y):
        xp = array_module(x)
        winner = xp.empty(y.shape, np.uint8 if self.kernel[0] * self.kernel[1] <= 256 else np.int32)
        if xp is not np:
            kernels.MAX_POOL(x, *self.kernel, *self.stride, *self.padding, self.border, y, winner)
            return x.shape, winner
        first, *others = self._pictures(self._pad(x), y.shape)
        best, winner[...] = first, 0
        for k, picture in enumerate(others, 1):
            if self.keeping:
                # k grows, so the latest winner is the largest k among those that beat all before them.
                np.maximum(winner, (picture > best) * winner.dtype.type(k), out=winner)
            best = np.maximum(best, picture, out=y)  # passes NaN on, as everywhere
        if best is first:
            y[...] = first
        return x.shape, winner

    def gradients(self, dy, kept, lane, dx):
        x_shape, winner = kept
        xp = array_module(dy, winner)
        if dx is None:
            return
        if xp is not np:
            kernels.MAX_POOL_BACKWARD(dy, winner, *self.kernel, *self.stride, *self.padding, dx)
        elif self._tiles(x_shape):  # every pixel belongs to exactly one window
            for k, picture in enumerate(self._pictures(dx, dy.shape)):
                np.multiply(dy, winner == k, out=picture)
        else:
            padded = np.zeros((len(dy), *self._padded_shape(x_shape[1:]), x_shape[3]), dy.dtype)
            for k, picture in enumerate(self._pictures(padded, dy.shape)):
                picture += dy * (winner == k)
            dx[...] = self._inside(padded, x_shape)

    def _tiles(self, x_shape):
        _, h, w, _ = x_shape
        (kh, kw), padded = self.kernel, self._padded_shape(x_shape[1:])
        return self.stride == self.kernel and padded == (h, w) and h % kh == w % kw == 0


class AvgPool2d(_Pool2d):
    """y = the mean of each window. x: (N, H, W, C)    y: (N, OH, OW, C)

    The border is 0. With count_include_pad (PyTorch's default) it counts in the mean; without, only pixels count.
    """

    border = 0.0

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = count_include_pad

    def compute(self, x, lane, y):
        y[...] = sum(self._pictures(self._pad(x), y.shape)) / self._counts(x, y.shape)
        return x.shape, y.shape

    def gradients(self, dy, kept, lane, dx):
        x_shape, y_shape = kept
        if dx is None:
            return
        share = dy / self._counts(dy, y_shape, x_shape)
        padded = array_module(dy).zeros((len(dy), *self._padded_shape(x_shape[1:]), x_shape[3]), dy.dtype)
        for picture in self._pictures(padded, y_shape):
            picture += share
        dx[...] = self._inside(padded, x_shape)

    def _counts(self, like, y_shape, x_shape=None):
        """How many pixels each window's mean divides by: (1, OH, OW, 1)."""
        _, h, w, _ = like.shape if x_shape is None else x_shape
        xp = array_module(like)
        # PyTorch counts the padding, but never what ceil_mode reaches beyond it.
        counted = xp.zeros((1, *self._padded_shape((h, w, 1)), 1), like.dtype)
        (ph, pw), count_pad = self.padding, self.count_include_pad
        counted[:, : h + 2 * ph, : w + 2 * pw] = float(count_pad)
        counted[:, ph : ph + h, pw : pw + w] = 1.0
        return sum(self._pictures(counted, y_shape))
