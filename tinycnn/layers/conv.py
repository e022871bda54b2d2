"""Convolution: the fully connected layer's own formula, applied to every patch of the image.

    cols = im2col(x)              every KH x KW window as a row        (N*OH*OW, KH*KW*C)
    y    = cols @ w + b           one matrix product                   (N*OH*OW, F)
    dw   = cols.T @ dy            as in Linear
    db   = dy.sum(0)              b is added at every position, so it collects from every position
    dx   = col2im(dy @ w.T)       every patch's gradient, added back onto the pixels it came from

"Convolution" is used as everywhere in deep learning: the kernel is not flipped (cross-correlation in mathematics).
The naive loops that say the same thing one number at a time are in tinycnn/reference.py.
"""

import math

import numpy as np

from tinycnn.backend import array_module
from tinycnn.layers.base import Parameter, expect_images
from tinycnn.layers.pool import MaxPool2d
from tinycnn.layers.window import Window2d
from tinycnn.patches import im2col, input_gradient
from tinycnn.shortcuts import choose, pooled


class Conv2d(Window2d):
    """y[n, i, j, f] = b[f] + sum over the window at (i, j) of x * w[..., f].

    x: (N, H, W, C)    w: (KH, KW, C // groups, F)    b: (F,)    y: (N, OH, OW, F)

    With `groups` > 1, filter group g sees only channel group g (AlexNet: Krizhevsky et al. 2012, section 3.2).
    Weights start normal with standard deviation sqrt(2 / inputs per output) (He et al. 2015, section 2.2), biases at 0.
    """

    skips_input_gradient = keeps_x = True

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, groups=1, bias=True, rng=None):
        rng = np.random.default_rng(0) if rng is None else rng
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        super().__init__(kernel_size, stride, padding)
        if min(in_channels, out_channels, groups) < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"{self}: groups={groups} must divide both numbers of channels, all at least 1")
        w = rng.standard_normal((*self.kernel, in_channels // groups, out_channels), dtype=np.float32)
        self.w = Parameter(w * np.float32((2 / math.prod(w.shape[:3])) ** 0.5))
        self.b = Parameter(np.zeros(out_channels, np.float32)) if bias else None

    def check(self, x):
        expect_images(x, self.in_channels, self, self.w.value.dtype)

    def joined(self, after, x_shape):
        if type(self) is Conv2d and after and type(after[0]) is MaxPool2d:
            return pooled.join(self, after[0], x_shape)
        return None

    def compute(self, x, lane, y):
        w, kept = self.w.value, []
        way = lane.once((self, "forward"), lambda: self._way(array_module(x, w), y.shape, lane.images))
        for g, (channels, filters) in enumerate(self._groups()):
            b = None if self.b is None else self.b.value[filters]
            kernel = lane.once((self, g), lambda: way.kernel(w[..., filters], b))  # noqa: B023
            # (n, H, W, C/groups), (n, OH, OW, F/groups)
            kept.append(way.forward(x[..., channels], kernel, y[..., filters], lane, self.keeping))
        return x, y.shape, kept

    def gradients(self, dy, kept, lane, dx):
        x, y_shape, kept = kept
        w, found = self.w.value, []
        xp = array_module(dy, x, w)
        way = lane.once((self, "backward"), lambda: self._way(xp, y_shape, lane.images))
        for g, (channels, filters) in enumerate(self._groups()):
            kernel = lane.once((self, g), lambda: way.turned(w[..., filters]))  # noqa: B023
            dx_group = dx[..., channels] if dx is not None else None
            found.append(way.backward(x[..., channels], dy[..., filters], kernel, dx_group, lane, kept[g]))
        lane.add(self.w, xp.concatenate([dw for dw, _ in found], axis=3) if self.groups > 1 else found[0][0])
        if self.b is not None:
            lane.add(self.b, xp.concatenate([db for _, db in found]) if self.groups > 1 else found[0][1])

    def _way(self, xp, y_shape, images):
        """What computes one group: a shortcut where there is one, else patches."""
        return choose(xp, self, *y_shape[1:3], images) or Patches(self.kernel, self.stride, self.padding)

    def _groups(self):
        """Pairs of slices: the input channels and the filters of each group."""
        c, f = self.in_channels // self.groups, self.out_channels // self.groups
        return [(slice(g * c, (g + 1) * c), slice(g * f, (g + 1) * f)) for g in range(self.groups)]

    def _channels(self, c):
        return self.out_channels

    def multiply_adds(self, shape):
        oh, ow, f = self.output_shape(shape)
        return oh * ow * f * math.prod(self.kernel) * self.in_channels // self.groups

    def workspace_bytes(self, shape, itemsize=4):
        y_shape = (1, *self.output_shape(shape))
        way = self._way(np, y_shape, images=16)  # as in any batch but the smallest
        c, f = self.in_channels // self.groups, self.out_channels // self.groups
        return way.workspace_bytes(c, f, *y_shape[1:3], itemsize)

    def __repr__(self):
        groups = f", groups={self.groups}" if self.groups > 1 else ""
        return f"Conv2d({self.in_channels}, {self.out_channels}, {self._describe_window((1, 1))}{groups})"


class Patches:
    """The module's formulas for one group of a convolution, on a few images at a time.

    This is what a shortcut has to offer, too (tinycnn/shortcuts).
    """

    def __init__(self, kernel, stride, padding):
        self.window, self.stride, self.padding = kernel, stride, padding

    def kernel(self, w, b):
        return w, b

    def turned(self, w):
        return w

    def forward(self, x, kernel, y, lane, keep):
        """Write the convolution of x (n, H, W, C) into y (n, OH, OW, F)."""
        xp, (w, b) = array_module(x), kernel
        for images in lane.cut(len(x), self.workspace_bytes(*w.shape[2:], *y.shape[1:3], x.itemsize)):
            cols = self._cols(x[images], lane)  # (n*OH*OW, K)
            rows = y[images].reshape(-1, w.shape[3])  # (n*OH*OW, F), a view
            xp.matmul(cols, w.reshape(-1, w.shape[3]), out=rows)
            if b is not None:
                rows += b

    def backward(self, x, dy, w, dx, lane, kept):
        """dw (KH, KW, C, F) and db (F,); writes dx (n, H, W, C) unless it is None."""
        xp = array_module(x)
        dw, db = xp.zeros(w.shape, w.dtype), xp.zeros(w.shape[3], w.dtype)
        for images in lane.cut(len(x), self.workspace_bytes(*w.shape[2:], *dy.shape[1:3], x.itemsize)):
            d = dy[images]  # (n, OH, OW, F)
            rows = d.reshape(-1, w.shape[3])  # (n*OH*OW, F)
            dw += (self._cols(x[images], lane).T @ rows).reshape(w.shape)
            db += xp.dot(xp.ones(len(rows), d.dtype), rows)  # the column sums, as a product: faster than sum(axis=0)
            if dx is not None:
                dx[images] = input_gradient(d, w, x.shape, self.stride, self.padding, lane)
        return dw, db

    def _cols(self, x, lane):
        cols = im2col(x, self.window, self.stride, self.padding, lane)  # (n, OH, OW, KH*KW*C)
        return cols.reshape(-1, cols.shape[3])

    def workspace_bytes(self, c, f, oh, ow, itemsize):
        """Scratch memory for one image: its patches."""
        return itemsize * oh * ow * math.prod(self.window) * c
