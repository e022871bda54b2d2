"""Max pooling without patches, on the host and on a GPU; and ReLU without new arrays."""

import numpy as np

from tinycnn import kernels
from tinycnn.engine.step import Step


class MaxPooling(Step):
    """A MaxPool2d on the host: the maximum runs over the KH*KW places in the window, each a strided picture."""

    shrinks = True

    def forward(self, x, y, worker):
        whole = self._bordered(x)
        first, *others = self._pictures(whole, y.shape)
        winner = np.zeros(y.shape, np.uint8 if len(others) < 256 else np.int32) if self.keep else None
        best = first
        for k, picture in enumerate(others, 1):
            if winner is not None:
                # k grows, so the latest winner is the largest k among those that beat all before them.
                np.maximum(winner, (picture > best) * winner.dtype.type(k), out=winner)
            best = np.maximum(best, picture, out=y)  # passes NaN on, as everywhere
        if best is first:
            y[...] = first
        return x.shape, winner

    def backward(self, dy, kept, dx, worker):
        x_shape, winner = kept
        (kh, kw), (ph, pw), (_, h, w, c) = self.layer.kernel, self.layer.padding, x_shape
        if dx is None:
            return
        size = self._whole(x_shape, dy.shape)
        if self.layer.stride == (kh, kw) and size == (h, w) and h % kh == w % kw == 0:
            for k, picture in enumerate(self._pictures(dx, dy.shape)):  # every pixel belongs to exactly one window
                np.multiply(dy, winner == k, out=picture)
            return
        whole = worker.empty("whole", (len(dy), *size, c), dy.dtype)
        whole[...] = 0
        for k, picture in enumerate(self._pictures(whole, dy.shape)):
            picture += dy * (winner == k)
        dx[...] = whole[:, ph : ph + h, pw : pw + w]

    def _bordered(self, x):
        """x (n, H, W, C) inside a border of -inf; x itself where there is none."""
        (ph, pw), (n, h, w, c) = self.layer.padding, x.shape
        size = self._whole(x.shape, (n, *self.y_shape))
        if size == (h, w):
            return x
        whole = np.full((n, *size, c), -np.inf, x.dtype)
        whole[:, ph : ph + h, pw : pw + w] = x
        return whole

    def _whole(self, x_shape, y_shape):
        """(H, W) that the windows need: the image with its padding, and what ceil_mode reaches beyond."""
        axes = zip(x_shape[1:3], y_shape[1:3], self.layer.kernel, self.layer.stride, self.layer.padding, strict=True)
        return tuple(max(size + 2 * p, (o - 1) * s + k) for size, o, k, s, p in axes)

    def _pictures(self, x, y_shape):
        """The KH*KW places of every window, as strided views (n, OH, OW, C) of x, in row-major order."""
        (kh, kw), (sh, sw), (oh, ow) = self.layer.kernel, self.layer.stride, y_shape[1:3]
        for i in range(kh):
            for j in range(kw):
                yield x[:, i : i + sh * (oh - 1) + 1 : sh, j : j + sw * (ow - 1) + 1 : sw]


class MaxPoolingOnDevice(Step):
    """A MaxPool2d on a GPU: one kernel each way, which needs no patches (tinycnn/kernels.py)."""

    def forward(self, x, y, worker):
        pool = self.layer
        winner = worker.xp.empty(y.shape, np.uint8 if pool.kernel[0] * pool.kernel[1] <= 256 else np.int32)
        kernels.MAX_POOL(x, *pool.kernel, *pool.stride, *pool.padding, -np.inf, y, winner)
        return winner

    def backward(self, dy, winner, dx, worker):
        pool = self.layer
        if dx is not None:
            kernels.MAX_POOL_BACKWARD(dy, winner, *pool.kernel, *pool.stride, *pool.padding, dx)


class Rectifier(Step):
    """A ReLU on the host, without new arrays."""

    keeps_y = True

    def forward(self, x, y, worker):
        np.maximum(x, 0, out=y)
        return y

    def backward(self, dy, y, dx, worker):
        if dx is not None:
            np.multiply(dy, y > 0, out=dx)
