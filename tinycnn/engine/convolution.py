"""How a convolution is computed on a processor: which algorithm, and the plain one, patches in scratch memory.

    patches (here)   the layer's own formulas, for every geometry
    winograd.py      3x3 and 5x5 kernels with many channels: a fraction of the multiplications
    planes.py        few channels, as in the first layer or in many groups: the same patches, copied row by row
    depthwise.py     each channel by itself: no matrix products at all

All four offer the same, for a chunk of the batch at a time:

    prepare(w, b, lasting) -> prepared                      once, before forward; lasting: w will hardly change
    forward(x, prepared, y, worker, keep) -> kept           writes y (n, OH, OW, F); kept: what backward can use again
    prepare_backward(w) -> prepared                         once, before backward
    backward(x, dy, prepared, dx, worker, kept) -> dw, db   writes dx (n, H, W, C) unless it is None
    scratch_bytes(c, f, oh, ow, itemsize)                   scratch memory for one image of c channels to f filters
"""

import math

import numpy as np

from tinycnn.engine.depthwise import Depthwise
from tinycnn.engine.planes import Planes
from tinycnn.engine.products import column_sums, plus, product
from tinycnn.engine.scratch_patches import input_gradient, no_gradients, patches, unsplit
from tinycnn.engine.winograd import Winograd
from tinycnn.patches import split


def choose(conv, oh, ow, n):
    """The algorithm for a Conv2d with oh x ow outputs and n images."""
    g, c, f = conv.groups, conv.in_channels // conv.groups, conv.out_channels // conv.groups
    if Depthwise.worthwhile(conv):
        return Depthwise(conv.kernel, conv.stride, conv.padding, oh, ow)
    if conv.stride == (1, 1) and conv.w.value.dtype.itemsize >= 4:  # Winograd's rounding is for float32 and float64
        if Winograd.worthwhile(conv.kernel, c, f, oh, ow, n):
            return Winograd(conv.kernel[0], conv.padding, oh, ow, g)
        if Planes.worthwhile(conv.kernel, c, ow):
            return Planes(conv.kernel, conv.padding, oh, ow, g)
    return Patches(conv.kernel, conv.stride, conv.padding, g)


class Patches:
    """The layer's formulas, on a few images at a time, in memory that is used again."""

    def __init__(self, kernel, stride, padding, groups):
        self.window, self.stride, self.padding, self.groups = kernel, stride, padding, groups

    def prepare(self, w, b, lasting=False):
        return split(w, self.groups), b  # (G, K, F/G)      K = KH*KW*C/G

    def prepare_backward(self, w):
        return w

    def forward(self, x, prepared, y, worker, keep):
        w, b = prepared
        for images in worker.cut(len(x), self.scratch_bytes(x.shape[3], y.shape[3], *y.shape[1:3], x.itemsize)):
            cols, target = self._columns(x[images], worker), y[images]  # (G, n*OH*OW, K)
            if self.groups == 1:
                np.matmul(cols[0], w[0], out=target.reshape(-1, y.shape[3]))
            else:
                target[...] = unsplit(np.matmul(cols, w), target.shape)
            if b is not None:
                target += b

    def backward(self, x, dy, w, dx, worker, kept):
        if not len(x):
            return no_gradients(w)
        dw = db = None
        for images in worker.cut(len(x), self.scratch_bytes(x.shape[3], dy.shape[3], *dy.shape[1:3], x.itemsize)):
            d = dy[images]  # (n, OH, OW, F)
            dw = plus(dw, product(self._columns(x[images], worker).swapaxes(1, 2), split(d, self.groups)))
            db = plus(db, column_sums(d))
            if dx is not None:
                input_gradient(d, w, dx[images], self.stride, self.padding, self.groups, worker)
        return unsplit(dw, w.shape), db

    def _columns(self, x, worker):
        """(G, n*OH*OW, K): the patches of each group's channels."""
        n, h, w, c = x.shape
        images = split(x, self.groups).reshape(self.groups * n, h, w, c // self.groups)
        cols = patches(images, self.window, self.stride, self.padding, worker)
        return cols.reshape(self.groups, len(cols) // self.groups, cols.shape[1])

    def scratch_bytes(self, c, f, oh, ow, itemsize):
        """Scratch memory for one image: its patches."""
        return itemsize * oh * ow * math.prod(self.window) * c
