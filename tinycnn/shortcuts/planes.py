"""Patches of images with few channels, copied in long runs.

With channels last, a row of a 3x3 window on a color picture is 9 numbers: patches are copied in crumbs. Here each
channel is first laid out as a plane of its own, and the patches lie on their side: one row for each of the KH*KW*C
places in the window, holding what that place sees at every position, whole rows of pixels at a time. A last row of
ones makes the bias one more weight: the matrix product adds it, and its gradient comes with that of the others.

    cols = every place in the window, and 1    (KH*KW*C + 1, n*OH*OW)
    y    = cols.T @ [w; b]                     (n*OH*OW, F)
    [dw; db] = cols @ dy                       (KH*KW*C + 1, F)
"""

import math

import numpy as np

from tinycnn.patches import input_gradient
from tinycnn.shortcuts.blas import deep, tall


class Planes:
    """A convolution with stride 1, `kernel` = (KH, KW), `padding` = (rows, columns) and oh x ow outputs."""

    def __init__(self, kernel, padding, oh, ow):
        self.window, self.padding, self.size = kernel, padding, (oh, ow)

    @staticmethod
    def worthwhile(kernel, c, ow):
        """Whether rows of windows are short and rows of pixels long."""
        return c * kernel[1] <= 16 <= ow

    def kernel(self, w, b):
        """[w; b] (KH*KW*C + 1, F)."""
        f = w.shape[3]
        return np.concatenate([w.reshape(-1, f), np.zeros((1, f), w.dtype) if b is None else b[None]])

    def turned(self, w):
        return w

    def forward(self, x, kernel, y, lane, keep):
        """Write the convolution of x (n, H, W, C), biases added, into y (n, OH, OW, F)."""
        for images in lane.cut(len(x), self.workspace_bytes(x.shape[3], kernel.shape[1], *self.size, x.itemsize)):
            self._write(self._columns(x[images], lane), kernel, y[images], lane)

    def backward(self, x, dy, w, dx, lane, kept):
        """dw (KH, KW, C, F) and db (F,); writes dx unless it is None, by patches: it is seldom asked for."""
        f, places = w.shape[3], math.prod(self.window) * x.shape[3]
        total = np.zeros((places + 1, f), x.dtype)
        for images in lane.cut(len(x), self.workspace_bytes(x.shape[3], f, *self.size, x.itemsize)):
            rows = self._read(dy[images], lane)
            total += deep(self._columns(x[images], lane), rows)
            if dx is not None:
                dx[images] = input_gradient(self._pixels(rows), w, x.shape, (1, 1), self.padding, lane)
        return total[:-1].reshape(*self.window, x.shape[3], f), total[-1]

    def _write(self, cols, kernel, y, lane):
        tall(cols.T, kernel, y.reshape(-1, y.shape[3]))

    def _read(self, dy, lane):
        """dy as rows (n*OH*OW, F), in the order of the columns."""
        return dy.reshape(-1, dy.shape[3])

    def _pixels(self, rows):
        """The reverse: rows as dy (n, OH, OW, F)."""
        return rows.reshape(-1, *self.size, rows.shape[1])

    def _planes(self, x, lane):
        """x (n, H, W, C) as (n, C, H + border, W + border)."""
        (ph, pw), (n, h, w, c) = self.padding, x.shape
        planes = lane.zeros(("planes", self), (n, c, h + 2 * ph, w + 2 * pw), x.dtype)
        planes[:, :, ph : ph + h, pw : pw + w] = x.transpose(0, 3, 1, 2)  # the border stays 0
        return planes

    def _columns(self, x, lane):
        (kh, kw), (oh, ow), planes = self.window, self.size, self._planes(x, lane)
        (n, c), (image, plane, row, pixel) = planes.shape[:2], planes.strides
        steps = row, pixel, plane, image, row, pixel
        return self._with_ones(np.ndarray((kh, kw, c, n, oh, ow), x.dtype, planes, strides=steps), lane)

    def _with_ones(self, places, lane):
        """The columns: what each place (KH, KW, C, ...) sees, and a last row of ones."""
        k = math.prod(places.shape[:3])
        cols = lane.empty("columns", (k + 1, places.size // max(k, 1)), places.dtype)
        cols[:-1].reshape(places.shape)[...] = places
        cols[-1] = 1
        return cols

    def workspace_bytes(self, c, f, oh, ow, itemsize):
        """Scratch memory for one image."""
        return itemsize * (math.prod(self.window) * c + 1) * oh * ow
