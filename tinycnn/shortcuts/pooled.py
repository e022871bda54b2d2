"""A convolution and the 2 x 2 max pooling behind it, as one.

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

from tinycnn.patches import input_gradient, pad
from tinycnn.shortcuts import choose, enabled
from tinycnn.shortcuts.blas import tall
from tinycnn.shortcuts.planes import Planes
from tinycnn.shortcuts.winograd import Grid, Tiles


def join(conv, pool, x_shape):
    """What computes a Conv2d and a MaxPool2d as one for images x_shape (N, H, W, C), or None."""
    between = oh, ow, _ = conv.output_shape(x_shape[1:])
    windows = pool.kernel == pool.stride == (2, 2) and pool.padding == (0, 0) and oh % 2 == ow % 2 == 0
    if not windows or not enabled() or conv.groups > 1 or conv.keeping != pool.keeping:
        return None
    way = choose(np, conv, oh, ow, x_shape[0])
    if isinstance(way, Tiles) and way.tile % 2 == 0:
        return Pooled(conv, pool, between, PooledTiles(conv.kernel[0], conv.padding, oh, ow))
    if isinstance(way, Planes):
        return Pooled(conv, pool, between, PooledPlanes(conv.kernel, conv.padding, oh, ow))
    if way is None:
        return Pooled(conv, pool, between, PooledPatches(conv.kernel, conv.stride, conv.padding, oh, ow))
    return None


class Pooled:
    """Runs in a row of layers (tinycnn/layers/pieces.py) in the place of two. Each of them keeps what is its own."""

    keeps_x = shrinks = True
    keeps_y = False

    def __init__(self, conv, pool, between, way):
        self.layers, self.between, self.way, self.keeping = (conv, pool), between, way, conv.keeping
        self.check = conv.check

    def output_shape(self, shape):
        oh, ow, f = self.between
        return oh // 2, ow // 2, f

    def keep(self, pieces):
        conv, pool = self.layers
        if not self.keeping:
            conv.forget()
            pool.forget()
            return
        between = pieces.x_shape[0], *self.between
        conv.keep(pieces.part(0, pieces.x_shape, between))
        pool.keep(pieces.part(1, between, pieces.y_shape))

    def compute(self, x, lane, y):
        conv, _ = self.layers
        between = len(x), *self.between
        winner = np.empty(y.shape, np.uint8) if self.keeping else None
        kernel = lane.once(self, lambda: self.way.kernel(conv.w.value, None if conv.b is None else conv.b.value))
        kept = self.way.forward(x, kernel, Windows(y, winner), lane, self.keeping)
        return (x, between, [kept]), (between, winner)

    def gradients(self, dy, kept, lane, dx):
        conv, _ = self.layers
        (x, _, [kept]), (_, winner) = kept
        turned = lane.once(self, lambda: self.way.turned(conv.w.value))
        dw, db = self.way.backward(x, Windows(dy, winner), turned, dx, lane, kept)
        lane.add(conv.w, dw)
        if conv.b is not None:
            lane.add(conv.b, db)


class Windows:
    """y (n, OH / 2, OW / 2, F) or its gradient, and which corner won (the same shape), or None if nobody will ask."""

    def __init__(self, y, winner):
        self.y, self.winner = y, winner

    def __getitem__(self, images):
        return Windows(self.y[images], None if self.winner is None else self.winner[images])


class PooledTiles(Tiles):
    """A tile's output is an even number of pixels long and wide, so it consists of whole windows."""

    def __init__(self, size, padding, oh, ow):
        super().__init__(size, padding, oh, ow)
        self.windows = Grid(self.tile // 2, oh // 2, ow // 2)

    def _write(self, tiles, b, to, lane):
        corners = self._corners(tiles)
        best = lane.empty("largest", (corners.shape[0], corners.shape[2], *tiles.shape[1:]), tiles.dtype)
        winner = None if to.winner is None else lane.empty("largest", best.shape, to.winner.dtype)
        largest(corners, best, winner, lane)
        self.windows.write(best, to.y, lane, plus=0 if b is None else b)
        if winner is not None:
            self.windows.write(winner, to.winner, lane)

    def _read(self, d, lane):
        dy, winner = (self.windows.read(array, lane, "largest") for array in (d.y, d.winner))
        tiles = lane.empty("y tiles", (self.tile**2, *dy.shape[1:]), dy.dtype)
        hand_back(dy, winner, self._corners(tiles), lane)
        return tiles

    def _corners(self, tiles):
        """Tiles (tile ** 2, T, F) as corners (tile / 2, 2, tile / 2, 2, T, F)."""
        return tiles.reshape(self.tile // 2, 2, self.tile // 2, 2, *tiles.shape[1:])


class _ByCorner:
    """Products whose rows are sorted by corner, (2, 2, n, OH / 2, OW / 2, F): what they become, and the way back."""

    def _pooled(self, multiply, to, lane):
        """Let multiply(out) write the products, and pool them."""
        corners = lane.empty("corners", (1, 2, 1, 2, to.y.size), to.y.dtype)
        multiply(corners.reshape(-1, to.y.shape[3]))
        largest(corners, to.y, to.winner, lane)

    def _read(self, d, lane):
        corners = lane.empty("corners", (1, 2, 1, 2, d.y.size), d.y.dtype)
        hand_back(d.y, d.winner, corners, lane)
        return corners.reshape(-1, d.y.shape[3])

    def _pixels(self, rows):
        """Rows as dy (n, OH, OW, F), as if there were no pooling."""
        (oh, ow), f = self.size, rows.shape[1]
        corners = rows.reshape(2, 2, -1, oh // 2, ow // 2, f)
        return corners.transpose(2, 3, 0, 4, 1, 5).reshape(-1, oh, ow, f)


class PooledPatches(_ByCorner):
    """The definition's patches, and formulas, for any kernel, stride and padding."""

    def __init__(self, kernel, stride, padding, oh, ow):
        self.window, self.stride, self.padding, self.size = kernel, stride, padding, (oh, ow)

    def kernel(self, w, b):
        return w, b

    def turned(self, w):
        return w

    def forward(self, x, kernel, to, lane, keep):
        w, b = kernel
        for images in lane.cut(len(x), self._bytes(w)):
            rows, target = self._patches(x[images], lane), to[images]
            self._pooled(lambda out: np.matmul(rows, w.reshape(-1, w.shape[3]), out=out), target, lane)  # noqa: B023
            if b is not None:
                target.y += b

    def backward(self, x, dy, w, dx, lane, kept):
        dw, db = np.zeros(w.shape, w.dtype), np.zeros(w.shape[3], w.dtype)
        for images in lane.cut(len(x), self._bytes(w)):
            rows = self._read(dy[images], lane)
            dw += (self._patches(x[images], lane).T @ rows).reshape(w.shape)
            db += np.dot(np.ones(len(rows), rows.dtype), rows)
            if dx is not None:
                dx[images] = input_gradient(self._pixels(rows), w, x.shape, self.stride, self.padding, lane)
        return dw, db

    def _patches(self, x, lane):
        """(2*2*n * OH / 2 * OW / 2, KH*KW*C)"""
        (kh, kw), (sh, sw), (n, _, _, c), (oh, ow) = self.window, self.stride, x.shape, self.size
        padded = np.ascontiguousarray(pad(x, self.padding, lane))
        image, row, column, channel = padded.strides
        row_step, step = row * sh, column * sw
        windows = np.ndarray(
            (2, 2, n, oh // 2, ow // 2, kh, kw * c), x.dtype, padded,
            strides=(row_step, step, image, 2 * row_step, 2 * step, row, x.itemsize),
        )  # fmt: skip
        patches = lane.empty("x cols", (n * oh * ow, kh * kw * c), x.dtype)
        patches.reshape(windows.shape)[...] = windows
        return patches

    def _bytes(self, w):
        """Scratch memory for one image: its patches, and its corners."""
        return w.itemsize * math.prod(self.size) * (math.prod(w.shape[:3]) + w.shape[3])


class PooledPlanes(_ByCorner, Planes):
    """The columns are sorted by corner: (KH*KW*C + 1, 2, 2, n, OH / 2, OW / 2)."""

    def _write(self, cols, kernel, to, lane):
        self._pooled(lambda out: tall(cols.T, kernel, out), to, lane)

    def _columns(self, x, lane):
        (kh, kw), (oh, ow), planes = self.window, (size // 2 for size in self.size), self._planes(x, lane)
        n, c, h, _ = planes.shape
        # In a row of pixels, windows begin at every other one; sorted so, they are long runs again.
        sorted_rows = lane.empty("sorted rows", (kw + 1, n, c, h, ow), x.dtype)
        for start in range(kw + 1):
            sorted_rows[start] = planes[..., start : start + 2 * ow : 2]
        start, image, plane, row, pixel = sorted_rows.strides
        steps = row, start, plane, row, start, image, 2 * row, pixel
        places = np.ndarray((kh, kw, c, 2, 2, n, oh, ow), x.dtype, sorted_rows, strides=steps)
        return self._with_ones(places, lane)

    def workspace_bytes(self, c, f, oh, ow, itemsize):
        return super().workspace_bytes(c, f, oh, ow, itemsize) + itemsize * oh * ow * f  # and the corners


def largest(corners, y, winner, lane):
    """Write the largest of four corners (R, 2, C, 2, ...) into y, and its number into `winner`, if there is one.

    Of equals the first wins. So its number is how many corners at the beginning are smaller without a gap.
    """
    y = y.reshape(corners.shape[0], corners.shape[2], *corners.shape[4:])
    np.maximum.reduce(corners, axis=(1, 3), out=y)
    if winner is not None:
        smaller = lane.empty("mask", corners.shape, np.dtype(np.bool_))
        np.not_equal(corners, y[:, None, :, None], out=smaller)
        first, second, third, _ = (smaller.view(np.uint8)[:, i, :, j] for i in range(2) for j in range(2))
        np.bitwise_and(first, second, out=second)
        np.bitwise_and(second, third, out=third)
        winner = winner.reshape(y.shape)
        np.add(first, second, out=winner)
        np.add(winner, third, out=winner)


def hand_back(dy, winner, corners, lane):
    """The way back: write dy into the corner that won, and 0 into the others."""
    shape = corners.shape[0], 1, corners.shape[2], 1, *corners.shape[4:]
    numbers = np.arange(4, dtype=winner.dtype).reshape(1, 2, 1, 2, *(1 for _ in shape[4:]))
    won = np.equal(winner.reshape(shape), numbers, out=lane.empty("mask", corners.shape, np.dtype(np.bool_)))
    np.multiply(dy.reshape(shape), won, out=corners)
