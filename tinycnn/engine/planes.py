"""Patches of images with few channels, copied in long runs.

With channels last, a row of a 3x3 window on a color picture is 9 numbers: patches are copied in crumbs. Here each
channel is first laid out as a plane of its own, and the patches lie on their side: one row for each of the KH*KW*C
places in the window, holding what that place sees at every position, whole rows of pixels at a time. A last row of
ones makes the bias one more weight: the matrix product adds it, and its gradient comes with that of the others.

    cols = every place in the window, and 1    (G, K + 1, n*OH*OW)      K = KH*KW*C/G
    y    = cols.T @ [w; b]                     (G, n*OH*OW, F/G)
    [dw; db] = cols @ dy                       (G, K + 1, F/G)

Many groups have few channels each: for them, too, this is the better way.
"""

import math

import numpy as np

from tinycnn.engine.products import deep, plus, tall
from tinycnn.engine.scratch_patches import input_gradient, no_gradients, unsplit
from tinycnn.patches import split


class Planes:
    """A convolution with stride 1, `kernel` = (KH, KW), `padding` = (rows, columns) and oh x ow outputs."""

    def __init__(self, kernel, padding, oh, ow, groups=1):
        self.window, self.padding, self.size, self.groups = kernel, padding, (oh, ow), groups

    @staticmethod
    def worthwhile(kernel, c, ow):
        """Whether rows of windows are short and rows of pixels long. c: channels that one filter sees"""
        return c * kernel[1] <= 16 <= ow

    def prepare(self, w, b, lasting=False):
        """[w; b] (G, K + 1, F/G)."""
        b = np.zeros(w.shape[3], w.dtype) if b is None else b
        return np.concatenate([split(w, self.groups), split(b[None], self.groups)], axis=1)

    def prepare_backward(self, w):
        return w

    def forward(self, x, prepared, y, worker, keep):
        """Write the convolution of x (n, H, W, C), biases added, into y (n, OH, OW, F)."""
        for images in worker.cut(len(x), self._bytes(x.shape[3], x.itemsize)):
            self._write(self._columns(x[images], worker), prepared, y[images], worker)

    def backward(self, x, dy, w, dx, worker, kept):
        """dw (KH, KW, C/G, F) and db (F,); writes dx unless it is None."""
        if not len(x):
            return no_gradients(w)
        back = self._turned(dx, dy, w, worker) if dx is not None and self.groups > 1 else None
        total = None
        for images in worker.cut(len(x), self._bytes(x.shape[3], x.itemsize)):
            rows = self._read(dy[images], worker)  # (G, n*OH*OW, F/G)
            total = plus(total, deep(self._columns(x[images], worker), rows))
            if back is not None:
                back(images)
            elif dx is not None:
                input_gradient(self._pixels(rows), w, dx[images], (1, 1), self.padding, self.groups, worker)
        return unsplit(total[:, :-1], w.shape), unsplit(total[:, -1:], (w.shape[3],))

    def _turned(self, dx, dy, w, worker):
        """A function that writes dx of some images as a convolution of dy, by planes; None where it would not be one.

        The kernel is turned by 180 degrees, and its inputs and outputs exchanged, as in scratch_patches.
        """
        (kh, kw), (ph, pw), f = self.window, self.padding, w.shape[3] // self.groups
        if not (ph < kh and pw < kw and self.worthwhile(self.window, f, dx.shape[2])):
            return None
        back = Planes(self.window, (kh - 1 - ph, kw - 1 - pw), *dx.shape[1:3], self.groups)
        turned = w[::-1, ::-1].reshape(kh, kw, w.shape[2], self.groups, f).transpose(0, 1, 4, 3, 2)
        prepared = back.prepare(turned.reshape(kh, kw, f, dx.shape[3]), None)
        return lambda images: back.forward(dy[images], prepared, dx[images], worker, keep=False)

    def _write(self, cols, prepared, y, worker):
        """The products (G, n*OH*OW, F/G), as pixels into y."""
        if self.groups == 1:
            tall(cols.swapaxes(1, 2), prepared, y.reshape(1, y.size // y.shape[3], y.shape[3]))
        else:
            rows = (self.groups, cols.shape[2], prepared.shape[2])
            y[...] = unsplit(tall(cols.swapaxes(1, 2), prepared, worker.empty("rows", rows, y.dtype)), y.shape)

    def _read(self, dy, worker):
        """dy as rows (G, n*OH*OW, F/G), in the order of the columns."""
        return split(dy, self.groups)

    def _pixels(self, rows):
        """The reverse: rows as dy (n, OH, OW, F)."""
        g, m, f = rows.shape
        return unsplit(rows, (m // math.prod(self.size), *self.size, g * f))

    def _planes(self, x, worker):
        """x (n, H, W, C) as (n, C, H + border, W + border)."""
        (ph, pw), (n, h, w, c) = self.padding, x.shape
        planes = worker.zeros((self, "planes"), (n, c, h + 2 * ph, w + 2 * pw), x.dtype)
        planes[:, :, ph : ph + h, pw : pw + w] = x.transpose(0, 3, 1, 2)  # the border stays 0
        return planes

    def _columns(self, x, worker):
        (kh, kw), (oh, ow), planes, g = self.window, self.size, self._planes(x, worker), self.groups
        (n, c), (image, plane, row, pixel) = planes.shape[:2], planes.strides
        steps = plane * (c // g), row, pixel, plane, image, row, pixel
        return self._with_ones(np.ndarray((g, kh, kw, c // g, n, oh, ow), x.dtype, planes, strides=steps), worker)

    def _with_ones(self, places, worker):
        """The columns of each group: what each place (G, KH, KW, C/G, ...) sees, and a last row of ones."""
        g, k = len(places), math.prod(places.shape[1:4])
        cols = worker.empty("columns", (g, k + 1, math.prod(places.shape[4:])), places.dtype)
        cols[:, :-1].reshape(places.shape)[...] = places
        cols[:, -1] = 1
        return cols

    def scratch_bytes(self, c, f, oh, ow, itemsize):
        return self._bytes(c, itemsize)

    def _bytes(self, c, itemsize):
        """Scratch memory for one image of c channels."""
        return itemsize * (math.prod(self.window) * c + self.groups) * math.prod(self.size)
