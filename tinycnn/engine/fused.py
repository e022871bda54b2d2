"""A convolution and the 2 x 2 max pooling behind it, fused.

Pooling keeps one number of four. As two layers, the four are written as a picture, to be read across by the pooling,
and on the way back gradients of which three in four are 0 are written and read again. Here the four pixels of each
window, its corners, come out of the convolution's products as four arrays, and never become a picture.

    corners    (R, 2, C, 2, ...)    the two axes of length 2 are a window's rows and columns
    y          = the largest corner, plus the bias
    backward   the corner that won gets dy, the others 0

Adding the bias keeps the order of numbers, so it can wait until the largest is found. The winner is that before the
bias: where adding it rounds two corners to the same number, the larger one gets dy and not the first.
"""

import math

import numpy as np

from tinycnn.engine.convolution import Patches, choose
from tinycnn.engine.planes import Planes
from tinycnn.engine.products import column_sums, plus, product, tall
from tinycnn.engine.scratch_patches import input_gradient, no_gradients, padded
from tinycnn.engine.winograd import Grid, Winograd


def choose_fused(conv, pool, x_shape):
    """The algorithm that computes a Conv2d and a MaxPool2d as one for images x_shape (N, H, W, C), or None."""
    oh, ow, f = conv.output_shape(x_shape[1:])
    windows = pool.kernel == pool.stride == (2, 2) and pool.padding == (0, 0) and oh % 2 == ow % 2 == 0
    if not windows or conv.groups > 1 or conv.keeping != pool.keeping:
        return None
    algorithm = choose(conv, oh, ow, x_shape[0])
    if isinstance(algorithm, Winograd):
        return FusedWinograd(conv.kernel[0], conv.padding, oh, ow) if algorithm.tile % 2 == 0 else None
    if isinstance(algorithm, Planes):
        return FusedPlanes(conv.kernel, conv.padding, oh, ow, f)
    return FusedPatches(conv.kernel, conv.stride, conv.padding, oh, ow)


class Windows:
    """y (n, OH / 2, OW / 2, F) or its gradient, and which corner won (the same shape), or None if nobody will ask."""

    def __init__(self, y, winner):
        self.y, self.winner = y, winner

    def __getitem__(self, images):
        return Windows(self.y[images], None if self.winner is None else self.winner[images])


class FusedWinograd(Winograd):
    """A tile's output is an even number of pixels long and wide, so it consists of whole windows."""

    def __init__(self, size, padding, oh, ow):
        super().__init__(size, padding, oh, ow)
        self.windows = Grid(self.tile // 2, oh // 2, ow // 2)

    def _write(self, tiles, b, to, worker):
        corners = self._corners(tiles)
        best = worker.empty("largest", (corners.shape[0], corners.shape[2], *tiles.shape[1:]), tiles.dtype)
        winner = None if to.winner is None else worker.empty("largest", best.shape, to.winner.dtype)
        largest(corners, best, winner, worker)
        self.windows.write(best, to.y, worker, plus=0 if b is None else b)
        if winner is not None:
            self.windows.write(winner, to.winner, worker)

    def _read(self, d, worker):
        dy, winner = (self.windows.read(array, worker, "largest") for array in (d.y, d.winner))
        tiles = worker.empty("y tiles", (self.tile**2, *dy.shape[1:]), dy.dtype)
        hand_back(dy, winner, self._corners(tiles), worker)
        return tiles

    def _corners(self, tiles):
        """Tiles (tile ** 2, T, F) as corners (tile / 2, 2, tile / 2, 2, T, F)."""
        return tiles.reshape(self.tile // 2, 2, self.tile // 2, 2, *tiles.shape[1:])


class _ByCorner:
    """Products whose rows are sorted by corner, (2, 2, n, OH / 2, OW / 2, F): what they become, and the way back."""

    def _pooled(self, multiply, to, worker):
        """Let multiply(out) write the products (1, n*OH*OW, F), and pool them."""
        corners = worker.empty("corners", (1, 2, 1, 2, to.y.size), to.y.dtype)
        multiply(self._rows(corners, to.y))
        largest(corners, to.y, to.winner, worker)

    def _read(self, d, worker):
        """The gradient of the products, (1, n*OH*OW, F)."""
        corners = worker.empty("corners", (1, 2, 1, 2, d.y.size), d.y.dtype)
        hand_back(d.y, d.winner, corners, worker)
        return self._rows(corners, d.y)

    @staticmethod
    def _rows(corners, y):
        return corners.reshape(1, 4 * math.prod(y.shape[:3]), y.shape[3])

    def _pixels(self, rows):
        """Rows (1, n*OH*OW, F) as dy (n, OH, OW, F), as if there were no pooling."""
        (oh, ow), f = self.size, rows.shape[2]
        corners = rows.reshape(2, 2, -1, oh // 2, ow // 2, f)
        return corners.transpose(2, 3, 0, 4, 1, 5).reshape(-1, oh, ow, f)


class FusedPatches(_ByCorner, Patches):
    """The layer's patches, and formulas, for any kernel, stride and padding."""

    def __init__(self, kernel, stride, padding, oh, ow):
        super().__init__(kernel, stride, padding, groups=1)
        self.size = oh, ow

    def forward(self, x, prepared, to, worker, keep):
        w, b = prepared
        for images in worker.cut(len(x), self._bytes(*w.shape[1:], x.itemsize)):
            cols, target = self._columns(x[images], worker), to[images]
            self._pooled(lambda out: np.matmul(cols, w, out=out), target, worker)  # noqa: B023
            if b is not None:
                target.y += b

    def backward(self, x, dy, w, dx, worker, kept):
        k, f = math.prod(w.shape[:3]), w.shape[3]
        if not len(x):
            return no_gradients(w)
        dw = db = None
        for images in worker.cut(len(x), self._bytes(k, f, x.itemsize)):
            rows = self._read(dy[images], worker)
            dw = plus(dw, product(self._columns(x[images], worker)[0].T, rows[0]))
            db = plus(db, column_sums(rows))
            if dx is not None:
                input_gradient(self._pixels(rows), w, dx[images], self.stride, self.padding, 1, worker)
        return dw.reshape(w.shape), db

    def _columns(self, x, worker):
        """(1, 2*2*n * OH / 2 * OW / 2, KH*KW*C)"""
        (kh, kw), (sh, sw), (n, _, _, c), (oh, ow) = self.window, self.stride, x.shape, self.size
        whole = padded(x, self.padding, worker)
        image, row, column, _ = whole.strides
        row_step, step = row * sh, column * sw
        windows = np.ndarray(
            (2, 2, n, oh // 2, ow // 2, kh, kw * c), x.dtype, whole,
            strides=(row_step, step, image, 2 * row_step, 2 * step, row, x.itemsize),
        )  # fmt: skip
        cols = worker.empty(("x", "cols"), (1, n * oh * ow, kh * kw * c), x.dtype)
        cols.reshape(windows.shape)[...] = windows
        return cols

    def _bytes(self, k, f, itemsize):
        """Scratch memory for one image: its patches, and its corners."""
        return itemsize * math.prod(self.size) * (k + f)


class FusedPlanes(_ByCorner, Planes):
    """The columns are sorted by corner: (1, KH*KW*C + 1, 2, 2, n, OH / 2, OW / 2)."""

    def __init__(self, kernel, padding, oh, ow, filters):
        super().__init__(kernel, padding, oh, ow)
        self.filters = filters

    def _write(self, cols, prepared, to, worker):
        multiply = tall if len(to.y) > 1 else np.matmul  # for one image BLAS has threads, which blocks would leave idle
        self._pooled(lambda out: multiply(cols.swapaxes(1, 2), prepared, out), to, worker)

    def _columns(self, x, worker):
        (kh, kw), (oh, ow), planes = self.window, (size // 2 for size in self.size), self._planes(x, worker)
        n, c, h, _ = planes.shape
        # In a row of pixels, windows begin at every other one; sorted so, they are long runs again.
        sorted_rows = worker.empty("sorted rows", (kw + 1, n, c, h, ow), x.dtype)
        for start in range(kw + 1):
            sorted_rows[start] = planes[..., start : start + 2 * ow : 2]
        start, image, plane, row, pixel = sorted_rows.strides
        steps = 0, row, start, plane, row, start, image, 2 * row, pixel
        places = np.ndarray((1, kh, kw, c, 2, 2, n, oh, ow), x.dtype, sorted_rows, strides=steps)
        return self._with_ones(places, worker)

    def _bytes(self, c, itemsize):
        return super()._bytes(c, itemsize) + itemsize * math.prod(self.size) * self.filters  # and the corners


def largest(corners, y, winner, worker):
    """Write the largest of four corners (R, 2, C, 2, ...) into y, and its number into `winner`, if there is one.

    Of equals the first wins. So its number is how many corners at the beginning are smaller without a gap.
    """
    y = y.reshape(corners.shape[0], corners.shape[2], *corners.shape[4:])
    np.maximum.reduce(corners, axis=(1, 3), out=y)
    if winner is not None:
        smaller = worker.empty("mask", corners.shape, np.dtype(np.bool_))
        np.not_equal(corners, y[:, None, :, None], out=smaller)
        first, second, third, _ = (smaller.view(np.uint8)[:, i, :, j] for i in range(2) for j in range(2))
        np.bitwise_and(first, second, out=second)
        np.bitwise_and(second, third, out=third)
        winner = winner.reshape(y.shape)
        np.add(first, second, out=winner)
        np.add(winner, third, out=winner)


def hand_back(dy, winner, corners, worker):
    """The way back: write dy into the corner that won, and 0 into the others."""
    shape = corners.shape[0], 1, corners.shape[2], 1, *corners.shape[4:]
    numbers = np.arange(4, dtype=winner.dtype).reshape(1, 2, 1, 2, *(1 for _ in shape[4:]))
    won = np.equal(winner.reshape(shape), numbers, out=worker.empty("mask", corners.shape, np.dtype(np.bool_)))
    np.multiply(dy.reshape(shape), won, out=corners)
