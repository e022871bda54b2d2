"""Convolution: the fully connected layer's own formula, applied to every patch of the image.

    cols = im2col(x)              every KH x KW window as a row        (N*OH*OW, KH*KW*C)
    y    = cols @ w + b           one matrix product                   (N*OH*OW, F)
    dw   = cols.T @ dy            as in Linear
    db   = dy.sum(0)              b is added at every position, so it collects from every position
    dx   = col2im(dy @ w.T)       every patch's gradient, added back onto the pixels it came from

"Convolution" is used as everywhere in deep learning: the kernel is not flipped (cross-correlation in mathematics).
The naive loops that say the same thing one number at a time are in tinycnn/reference/windows.py.
"""

import math

import numpy as np

from tinycnn.backend import Array, MaybeNone, Shape
from tinycnn.layers.base import Parameter, expect_images
from tinycnn.layers.initial import he_normal
from tinycnn.layers.window import IntOrPair, Window2d
from tinycnn.patches import col2im, im2col, split


class Conv2d(Window2d):
    """y[n, i, j, f] = b[f] + sum over the window at (i, j) of x * w[..., f].

    x: (N, H, W, C)    w: (KH, KW, C // groups, F)    b: (F,)    y: (N, OH, OW, F)

    With `groups` > 1, filter group g sees only channel group g (AlexNet: Krizhevsky et al. 2012, section 3.2). Groups
    are one more axis in front of every matrix, G: the products stay what they are, G of them at once. With `dilation`
    d the places in a window lie d pixels apart (Yu and Koltun 2016). padding="same" gives y the height and width of x.
    Weights start normal with standard deviation sqrt(2 / inputs per output) (He et al. 2015, section 2.2), biases at 0.
    """

    per_image = skips_input_gradient = True

    def __init__(self, in_channels: int, out_channels: int, kernel_size: IntOrPair, stride: IntOrPair = 1,
                 padding: IntOrPair | str = 0, groups: int = 1, bias: bool = True, dilation: IntOrPair = 1,
                 rng: "np.random.Generator | None" = None) -> None:
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        super().__init__(kernel_size, stride, padding, dilation)
        if min(in_channels, out_channels, groups) < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"{self}: groups={groups} must divide both numbers of channels, all at least 1")
        shape = *self.kernel, in_channels // groups, out_channels  # (KH, KW, C/G, F)
        self.w = Parameter(he_normal(shape, rng))
        self.b: Parameter | MaybeNone = Parameter(np.zeros(out_channels, np.float32)) if bias else None

    def forward(self, x: Array) -> Array:
        expect_images(x, self.in_channels, self, self.w.value)
        (n, h, w, _), g = x.shape, self.groups
        x = split(x, g).reshape(g * n, h, w, self.in_channels // g)  # (G*N, H, W, C/G)
        size = (h, w) if self.same else None
        cols = im2col(x, self.kernel, self.stride, self.padding, size, dilation=self.dilation)
        _, oh, ow, k = cols.shape  # (G*N, OH, OW, K)      K = KH*KW*C/G
        y = cols.reshape(g, n * oh * ow, k) @ split(self.w.value, g)  # (G, N*OH*OW, K) @ (G, K, F/G)
        y = y.swapaxes(0, 1).reshape(n, oh, ow, self.out_channels)
        if self.b is not None:
            y += self.b.value
        self.remember(x, output=y)
        return y

    def backward(self, dy: Array, input_gradient: bool = True) -> Array | MaybeNone:
        (x,), g = self.recall(dy), self.groups  # (G*N, H, W, C/G)
        (n, oh, ow, _), (_, h, w, _) = dy.shape, x.shape
        cols = im2col(x, self.kernel, self.stride, self.padding, (oh, ow), dilation=self.dilation)  # (G*N, OH, OW, K)
        rows = split(dy, g)  # (G, N*OH*OW, F/G)
        dw = cols.reshape(g, n * oh * ow, cols.shape[3]).swapaxes(1, 2) @ rows  # (G, K, F/G)
        self.w.grad = dw.swapaxes(0, 1).reshape(self.w.value.shape)
        if self.b is not None:
            self.b.grad = dy.sum(axis=(0, 1, 2))
        if not input_gradient:
            return None
        dcols = rows @ split(self.w.value, g).swapaxes(1, 2)  # (G, N*OH*OW, K)
        dx = col2im(dcols.reshape(cols.shape), x.shape, self.kernel, self.stride, self.padding, self.dilation)
        return dx.reshape(g, n * h * w, x.shape[3]).swapaxes(0, 1).reshape(n, h, w, self.in_channels)

    def _channels(self, c: int) -> int:
        return self.out_channels

    def multiply_adds(self, shape: Shape) -> int:
        oh, ow, f = self.output_shape(shape)
        return oh * ow * f * math.prod(self.kernel) * self.in_channels // self.groups

    def workspace_bytes(self, shape: Shape, itemsize: int = 4) -> int:
        oh, ow, _ = self.output_shape(shape)
        return itemsize * oh * ow * math.prod(self.kernel) * self.in_channels  # the patches

    def __repr__(self) -> str:
        groups = f", groups={self.groups}" if self.groups > 1 else ""
        return f"Conv2d({self.in_channels}, {self.out_channels}, {self._describe_window((1, 1))}{groups})"
