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
from tinycnn.layers.window import Window2d
from tinycnn.patches import col2im, im2col
from tinycnn.shortcuts import choose


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

    def compute(self, x, lane, y):
        xp, w = array_module(x, self.w.value), self.w.value
        shortcut = lane.once((self, "forward"), lambda: choose(xp, self, *y.shape[1:3], lane.images))
        kept = []  # what the shortcut keeps of each group
        for channels, filters in self._groups():
            x_group, y_group = x[..., channels], y[..., filters]  # (n, H, W, C/groups), (n, OH, OW, F/groups)
            w_group, b_group = w[..., filters], None if self.b is None else self.b.value[filters]
            if shortcut:
                kernel = lane.once((self, filters.start), lambda w=w_group, b=b_group: shortcut.kernel(w, b))
                kept.append(shortcut.forward(x_group, kernel, y_group, lane, self.keeping))
            else:
                self._forward(x_group, w_group, b_group, y_group, lane)
        return x, y.shape, kept

    def _forward(self, x, w, b, y, lane):
        for images in lane.cut(len(x), self._patch_bytes(x.shape[1:], x.itemsize)):
            cols = self._patches(x[images], lane)  # (n*OH*OW, K)
            rows = y[images].reshape(-1, w.shape[3])  # (n*OH*OW, F), a view
            array_module(x).matmul(cols, _matrix(w), out=rows)
            if b is not None:
                rows += b

    def gradients(self, dy, kept, lane, dx):
        (x, _, kept), w = kept, self.w.value
        xp = array_module(dy, x, w)
        shortcut = lane.once((self, "backward"), lambda: choose(xp, self, *dy.shape[1:3], lane.images, dx is not None))
        kept = kept or [None] * self.groups  # a forward with patches has kept nothing for a shortcut
        found = []
        for g, (channels, filters) in enumerate(self._groups()):
            x_group, d, w_group = x[..., channels], dy[..., filters], w[..., filters]
            dx_group = dx[..., channels] if dx is not None else None
            if shortcut:
                kernel = lane.once((self, filters.start), lambda w=w_group: shortcut.turned(w))
                found.append(shortcut.backward(x_group, d, kernel, dx_group, lane, kept[g]))
            else:
                found.append(self._backward(x_group, d, w_group, dx_group, lane))
        lane.add(self.w, xp.concatenate([dw for dw, _ in found], axis=3) if self.groups > 1 else found[0][0])
        if self.b is not None:
            lane.add(self.b, xp.concatenate([db for _, db in found]) if self.groups > 1 else found[0][1])

    def _backward(self, x, dy, w, dx, lane):
        xp = array_module(x)
        dw, db = xp.zeros(w.shape, w.dtype), xp.zeros(w.shape[3], w.dtype)
        for images in lane.cut(len(x), self._patch_bytes(x.shape[1:], x.itemsize)):
            d = dy[images]  # (n, OH, OW, F)
            rows = d.reshape(-1, w.shape[3])  # (n*OH*OW, F)
            dw += (self._patches(x[images], lane).T @ rows).reshape(w.shape)
            db += xp.ones(len(rows), d.dtype) @ rows  # the column sums, as a product: faster than sum(axis=0)
            if dx is not None:
                dx[images] = self._input_gradient(d, w, x.shape, lane)
        return dw, db

    def _patches(self, x, lane):
        cols = im2col(x, self.kernel, self.stride, self.padding, lane)  # (n, OH, OW, KH*KW*C/groups)
        return cols.reshape(-1, cols.shape[3])

    def _input_gradient(self, dy, w, x_shape, lane):
        (kh, kw, c, f), (ph, pw) = w.shape, self.padding
        if self.stride == (1, 1) and ph < kh and pw < kw:
            # With stride 1, col2im(dy @ w.T) is itself a convolution: of dy, with the kernel turned by 180 degrees
            # and its inputs and outputs exchanged. It copies patches instead of adding them, which is faster.
            cols = im2col(dy, self.kernel, (1, 1), (kh - 1 - ph, kw - 1 - pw), lane, "dy")
            dx = cols.reshape(-1, kh * kw * f) @ _matrix(w[::-1, ::-1].swapaxes(2, 3))  # (n*H*W, C)
            return dx.reshape(len(dy), *x_shape[1:3], c)
        dcols = dy.reshape(-1, f) @ _matrix(w).T  # (n*OH*OW, K)
        dcols = dcols.reshape(*dy.shape[:3], -1)
        return col2im(dcols, (len(dy), *x_shape[1:3], c), self.kernel, self.stride, self.padding)

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
        oh, ow, f = self.output_shape(shape)
        shortcut = choose(np, self, oh, ow, n=16)  # as in any batch but the smallest
        if shortcut:
            return shortcut.workspace_bytes(self.in_channels // self.groups, f // self.groups, itemsize)
        return self._patch_bytes(shape, itemsize)

    def _patch_bytes(self, shape, itemsize):
        oh, ow, _ = self.output_shape((*shape[:2], self.in_channels))
        return itemsize * oh * ow * math.prod(self.kernel) * self.in_channels // self.groups

    def __repr__(self):
        groups = f", groups={self.groups}" if self.groups > 1 else ""
        return f"Conv2d({self.in_channels}, {self.out_channels}, {self._describe_window((1, 1))}{groups})"


def _matrix(w):
    """A kernel (KH, KW, C, F) as the matrix (KH*KW*C, F) that multiplies patches."""
    return w.reshape(-1, w.shape[3])
