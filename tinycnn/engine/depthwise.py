"""Convolutions in which every channel has a filter of its own (groups = channels = filters), as in MobileNet.

As matrix products these would have one column each, at which a processor is worst. Here each place in the window is
one multiplication of whole rows of pixels, all channels side by side, as the formula says it:

    y  = sum over the places k of x_k * w_k         x_k: what place k sees at every position
    dw_k = sum over the positions of x_k * dy       dx: dy * w_k, added where x_k came from
"""

import math

import numpy as np

from tinycnn.engine.products import column_sums
from tinycnn.engine.scratch_patches import padded


class Depthwise:
    """A convolution of each channel by itself with `kernel` = (KH, KW), any stride and padding, and oh x ow outputs."""

    def __init__(self, kernel, stride, padding, oh, ow):
        self.window, self.stride, self.padding, self.size = kernel, stride, padding, (oh, ow)

    @staticmethod
    def worthwhile(conv):
        """Whether each filter sees one channel, and runs of numbers are long."""
        alone = conv.groups == conv.in_channels == conv.out_channels > 1
        return alone and (conv.stride[1] == 1 or conv.groups >= 16) and conv.w.value.dtype.itemsize >= 4

    def prepare(self, w, b, lasting=False):
        """Weights repeated along a row of outputs, (KH*KW, OW, C), and the biases."""
        return np.repeat(w.reshape(-1, 1, w.shape[3]), self.size[1], axis=1), b

    def prepare_backward(self, w):
        return self.prepare(w, None)[0]

    def forward(self, x, prepared, y, worker, keep):
        w, b = prepared
        for images in worker.cut(len(x), self.scratch_bytes(x.shape[3], 0, *self.size, x.itemsize)):
            target = y[images]
            rows = self._rows(target)
            product = worker.empty("product", rows.shape, x.dtype)
            for k, place in enumerate(self._places(padded(x[images], self.padding, worker))):
                weights = w[k].reshape(place.shape[2:])
                if k == 0:
                    np.multiply(place, weights, out=rows)
                else:
                    rows += np.multiply(place, weights, out=product)
            if b is not None:
                target += b

    def backward(self, x, dy, w, dx, worker, kept):
        (kh, kw), (ph, pw), (_, h, width, c) = self.window, self.padding, x.shape
        dw, db = np.zeros(w.shape, x.dtype), np.zeros(c, x.dtype)
        for images in worker.cut(len(x), self.scratch_bytes(c, 0, *self.size, x.itemsize)):
            d = np.ascontiguousarray(dy[images])
            rows, whole = self._rows(d), padded(x[images], self.padding, worker)
            product = worker.empty("product", rows.shape, x.dtype)
            for k, place in enumerate(self._places(whole)):
                dw[k] += column_sums(np.multiply(place, rows, out=product).reshape(-1, w[k].size)).reshape(w[k].shape)
            db += column_sums(d)
            if dx is not None:
                dwhole = worker.empty("dx", whole.shape, x.dtype)
                dwhole[...] = 0
                for k, place in enumerate(self._places(dwhole)):
                    place += np.multiply(rows, w[k].reshape(place.shape[2:]), out=product)
                dx[images] = dwhole[:, ph : ph + h, pw : pw + width]
        return dw.sum(axis=1).reshape(kh, kw, 1, c), db

    def _places(self, whole):
        """What each place in the window sees, as views of the bordered images: like `_rows`."""
        (kh, kw), (sh, sw), (oh, ow), (n, _, _, c) = self.window, self.stride, self.size, whole.shape
        image, row, column, channel = whole.strides
        for i in range(kh):
            for j in range(kw):
                start = i * row + j * column
                if sw == 1:  # a row of pixels is one long run of numbers
                    shape, strides = (n, oh, ow * c), (image, sh * row, channel)
                else:
                    shape, strides = (n, oh, ow, c), (image, sh * row, sw * column, channel)
                yield np.ndarray(shape, whole.dtype, whole, start, strides)

    def _rows(self, y):
        """Outputs (n, OH, OW, C) as (n, OH, OW*C) where places come as long runs."""
        n, oh, ow, c = y.shape
        return y.reshape(n, oh, ow * c) if self.stride[1] == 1 else y

    def scratch_bytes(self, c, f, oh, ow, itemsize):
        """As much as patches take: fewer images at a time stay in a nearer cache, for all places in the window."""
        return itemsize * math.prod(self.size) * math.prod(self.window) * c
