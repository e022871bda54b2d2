"""Convolutions with a fraction of the multiplications (Winograd's minimal filtering; Lavin & Gray 2016).

Two short polynomials can be multiplied by evaluating both at a few points, multiplying the values point by point, and
reading the product off these values. A convolution is a product of polynomials, so the same works for images, tile by
tile. Six points along each axis are enough for 6 x 6 input pixels: they give 4 x 4 outputs of a 3x3 kernel with 36
products instead of 144, or 2 x 2 outputs of a 5x5 kernel with 36 instead of 100.

    V = B x      each tile of x at 36 points      (36, T, C)    T tiles
    U = G w      the kernel at the same points    (36, C, F)
    M = V U      at each point, a matrix product  (36, T, F)
    y = A M      back to pixels                   (16, T, F) or (4, T, F)

Every line is a matrix product, so the way back is the chain rule for products, line by line:

    dM = A' dy     dU = V' dM     dV = dM U'     dw = G' dU     dx = B' dV, tiles added where they overlap

B, G and A act on rows and columns of a tile at once (Kronecker products), so B is 36 x 36: more arithmetic than the
paper's additions, but it is one more matrix product, at which a processor is best. And it leaves the points free: the
usual 0, 1, -1, 2, -2 make additions simple; 0, 2/3, -2/3, 3/2, -3/2 make the result twice as exact.

What it costs: in float32 the result differs from the exact one by about 8e-7 of its size, where patches are off by
2e-7; tests/engine/test_winograd.py holds it to that. And an infinite pixel becomes NaN in its whole tile.
"""

import functools

import numpy as np

from tinycnn.engine.kept_kernels import kept
from tinycnn.engine.memory import room
from tinycnn.engine.products import column_sums, deep, tall, wide

POINTS = (0, 2 / 3, -2 / 3, 3 / 2, -3 / 2)  # and infinity
INPUT = len(POINTS) + 1  # pixels along one axis of a tile


@functools.cache
def transforms(size, dtype):
    """(B, G, A) for kernels of size x size, for whole tiles. Cook and Toom's construction, from POINTS and infinity.

    B: (36, 36)    G: (36, size ** 2)    A: (tile ** 2, 36), where tile = 7 - size is the length of a tile's output
    """
    p, n = np.array(POINTS), INPUT
    b, g, a = np.zeros((n, n)), np.zeros((n, size)), np.zeros((n, n - size + 1))
    for j, x in enumerate(p):
        others = np.delete(p, j)
        b[j, : n - 1] = np.poly(others)[::-1]  # the polynomial that is 0 at all points but this one
        g[j], a[j] = x ** np.arange(g.shape[1]) / np.prod(x - others), x ** np.arange(a.shape[1])
    b[-1], g[-1, -1], a[-1, -1] = np.poly(p)[::-1], 1, 1  # at infinity only the highest power counts
    return tuple(np.kron(m, m).astype(dtype) for m in (b, g, a.T))


class Winograd:
    """A convolution with stride 1, kernel size x size, `padding` = (rows, columns) and oh x ow outputs, cut into tiles.

    worker: the tinycnn.engine.workers.Worker that lends scratch memory. Groups are computed one after the other.
    """

    def __init__(self, size, padding, oh, ow, groups=1):
        self.kernel_size, self.tile, self.padding, self.groups = size, INPUT - size + 1, padding, groups
        self.grid = Grid(self.tile, oh, ow)

    @staticmethod
    def worthwhile(kernel, c, f, oh, ow, n):
        """Whether n images of c channels to f filters take clearly fewer multiplications than with patches."""
        (size, other), points = kernel, INPUT**2
        if size != other or not 2 < size < INPUT or n < 2:  # one image: patches, on all cores through BLAS
            return False
        tile = INPUT - size + 1
        tiles = n * -(-oh // tile) * -(-ow // tile)
        once = 3 * points * size**2 * c * f  # U; its products are few, but 36 numbers for 9 have to be written
        return once + tiles * points * (c * f + points * c + tile**2 * f) < 0.85 * n * oh * ow * size**2 * c * f

    def prepare(self, w, b, lasting=False):
        """Per group: U, the kernel w (size, size, C, F) at the points, (36, C, F); and the biases b (F,) or None."""
        filters = [filters for _, filters in self._groups(0, w.shape[3])]

        def kernels(w):
            return [self._at_points(w[..., some]) for some in filters]

        us = kept(w, ("Winograd", self.groups), kernels) if lasting else kernels(w)
        return [(u, None if b is None else b[some]) for u, some in zip(us, filters, strict=True)]

    def prepare_backward(self, w):
        """Of each group: U with channels and filters exchanged, (36, F, C)."""
        return [self._at_points(w[..., filters].swapaxes(2, 3)) for _, filters in self._groups(0, w.shape[3])]

    def _at_points(self, w):
        g = self._transforms(w)[1]
        u = wide(g, np.ascontiguousarray(w).reshape(g.shape[1], -1), room((len(g), w[0, 0].size), w.dtype))
        return u.reshape(-1, *w.shape[2:])

    def _groups(self, c, f):
        """Pairs of slices: the input channels and the filters of each group."""
        c, f = c // self.groups, f // self.groups
        return [(slice(g * c, (g + 1) * c), slice(g * f, (g + 1) * f)) for g in range(self.groups)]

    def forward(self, x, prepared, y, worker, keep):
        """The convolution of x (n, H, W, C), biases added, into y (n, OH, OW, F); return V of each group, or None."""
        if self.groups == 1:
            return [self._forward(x, *prepared[0], y, worker, keep)]
        return [
            self._forward(x[..., channels], *prepared[g], y[..., filters], worker, keep)
            for g, (channels, filters) in enumerate(self._groups(x.shape[3], y.shape[3]))
        ]

    def backward(self, x, dy, prepared, dx, worker, kept):
        """dw (size, size, C/G, F) and db (F,); writes dx unless it is None.

        prepared: of prepare_backward(w)    kept: of each group V, or None to compute it again
        """
        if self.groups == 1:
            return self._backward(x, dy, prepared[0], dx, worker, kept[0])
        found = [
            self._backward(x[..., channels], dy[..., filters], prepared[g], None if dx is None else dx[..., channels],
                           worker, kept[g])
            for g, (channels, filters) in enumerate(self._groups(x.shape[3], dy.shape[3]))
        ]  # fmt: skip
        return np.concatenate([dw for dw, _ in found], axis=3), np.concatenate([db for _, db in found])

    def _forward(self, x, u, b, y, worker, keep):
        """One group. V is kept only where it is not much larger than x: of 3x3 kernels, 36 points for 16 pixels."""
        a = self._transforms(x)[2]
        kept = room((len(u), self._tiles(len(x)), u.shape[1]), x.dtype) if keep and self.kernel_size == 3 else None
        for images in worker.cut(len(x), self._bytes(*u.shape[1:], u.itemsize)):
            v = self._points(x[images], worker, self._part(kept, images))
            m = tall(v, u, worker.empty("M", (*v.shape[:2], u.shape[2]), v.dtype))
            tiles = _transform(a, m, worker.empty("y tiles", (len(a), *m.shape[1:]), m.dtype))
            self._write(tiles, b, y[images], worker)
        return kept

    def _backward(self, x, dy, u, dx, worker, kept):
        b, g, a = self._transforms(x)
        (_, f, c), tiles = u.shape, self._tiles(len(x))
        v = worker.empty("V", (len(u), tiles, c), x.dtype) if kept is None else kept
        dm, db = worker.empty("dM", (len(u), tiles, f), x.dtype), np.zeros(f, x.dtype)
        for images in worker.cut(len(x), self._bytes(*u.shape[1:], u.itemsize)):
            if kept is None:
                self._points(x[images], worker, self._part(v, images))
            dtiles = self._read(dy[images], worker)
            db += column_sums(dtiles)
            part = _transform(a.T, dtiles, self._part(dm, images))
            if dx is not None:
                dv = tall(part, u, worker.empty("dV", (*part.shape[:2], c), x.dtype))
                self._add(_transform(b.T, dv, worker.empty("x tiles", dv.shape, dv.dtype)), dx[images], worker)
        du = deep(v.swapaxes(1, 2), dm, out=worker.empty("dU", (len(u), c, f), u.dtype))
        dw = wide(g.T, du.reshape(len(g), -1), room((g.shape[1], c * f), du.dtype))
        return dw.reshape(self.kernel_size, self.kernel_size, c, f), db

    def _transforms(self, like):
        return transforms(self.kernel_size, like.dtype)

    def _tiles(self, n):
        return n * self.grid.rows * self.grid.columns

    def _part(self, array, images):
        """The tiles of some images, in an array (36, T, C) of those of all."""
        return None if array is None else array[:, self._tiles(images.start) : self._tiles(images.stop)]

    def _points(self, x, worker, v=None):
        """V (36, T, C): every tile of x, at every point."""
        (ph, pw), (n, h, w, c), tile = self.padding, x.shape, self.tile
        rows, columns = self.grid.rows, self.grid.columns
        over = self.kernel_size - 1  # what a tile sees of the next one
        padded = worker.zeros((self, "x"), (n, tile * rows + over, tile * columns + over, c), x.dtype)
        padded[:, ph : ph + h, pw : pw + w] = x  # the border stays 0
        image, row, column, channel = padded.strides
        overlapping = np.ndarray(
            (INPUT, INPUT, n, rows, columns, c), x.dtype, padded, 0,
            (row, column, image, tile * row, tile * column, channel),
        )  # fmt: skip
        tiles = worker.empty("x tiles", (INPUT**2, n * rows * columns, c), x.dtype)
        tiles.reshape(overlapping.shape)[...] = overlapping
        return _transform(self._transforms(x)[0], tiles, worker.empty("V", tiles.shape, x.dtype) if v is None else v)

    def _add(self, tiles, dx, worker):
        """Add tiles (36, T, C) where they overlap, and write what lies on the image into dx (n, H, W, C)."""
        (ph, pw), (n, h, w, c), tile = self.padding, dx.shape, self.tile
        rows, columns = self.grid.rows, self.grid.columns
        tiles = tiles.reshape(INPUT, INPUT, n, rows, columns, c)
        reach = -(-INPUT // tile)  # a tile covers its own place in the grid, and parts of the next
        padded = worker.empty("dx", (n, tile * (rows + reach - 1), tile * (columns + reach - 1), c), dx.dtype)
        pixels = as_tiles(padded, tile)
        pixels[:, :, :, rows:] = pixels[:, :, :, :, columns:] = 0
        for i in range(reach):
            for j in range(reach):
                part = tiles[i * tile : (i + 1) * tile, j * tile : (j + 1) * tile]
                place = pixels[: part.shape[0], : part.shape[1], :, i : i + rows, j : j + columns]
                if i == j == 0:
                    place[...] = part
                else:
                    place += part
        dx[...] = padded[:, ph : ph + h, pw : pw + w]

    def _write(self, tiles, b, y, worker):
        """Outputs (tile ** 2, T, F), and the biases added, into y (n, OH, OW, F)."""
        self.grid.write(tiles, y, worker, plus=0 if b is None else b)

    def _read(self, dy, worker):
        """dy (n, OH, OW, F) as tiles (tile ** 2, T, F)."""
        return self.grid.read(dy, worker)

    def scratch_bytes(self, c, f, oh, ow, itemsize):
        return self._bytes(c // self.groups, f // self.groups, itemsize)

    def _bytes(self, c, f, itemsize):
        """Scratch memory for one image of one group: the tiles before and after their transforms."""
        return itemsize * self._tiles(1) * 2 * INPUT**2 * (c + f)


class Grid:
    """Pictures of oh x ow pixels seen as tiles of tile x tile, in as many rows and columns as it takes."""

    def __init__(self, tile, oh, ow):
        self.tile, self.size, self.rows, self.columns = tile, (oh, ow), -(-oh // tile), -(-ow // tile)

    def write(self, tiles, y, worker, plus=0):
        """Tiles (tile ** 2, T, F), and `plus` added, into y (n, oh, ow, F)."""
        whole = self._whole(y, worker)
        view = as_tiles(whole, self.tile)
        np.add(tiles.reshape(view.shape), plus, out=view)
        if whole is not y:
            y[...] = whole[:, : y.shape[1], : y.shape[2]]

    def read(self, y, worker, name="y tiles"):
        """Tiles (tile ** 2, T, F) of y (n, oh, ow, F), 0 beyond its edge, in worker's scratch array `name`."""
        whole = self._whole(y, worker)
        if whole is not y:
            whole[...] = 0
            whole[:, : y.shape[1], : y.shape[2]] = y
        view = as_tiles(whole, self.tile)
        tiles = worker.empty(name, (self.tile**2, len(y) * self.rows * self.columns, y.shape[3]), y.dtype)
        tiles.reshape(view.shape)[...] = view
        return tiles

    def _whole(self, y, worker):
        """y (n, oh, ow, F) itself, or scratch memory for it with room for whole tiles."""
        size = self.tile * self.rows, self.tile * self.columns
        return y if size == self.size else worker.empty("whole", (len(y), *size, y.shape[3]), y.dtype)


def as_tiles(pixels, tile):
    """pixels (n, tile * rows, tile * columns, C) as a view (tile, tile, n, rows, columns, C)."""
    n, h, w, c = pixels.shape
    return pixels.reshape(n, h // tile, tile, w // tile, tile, c).transpose(2, 4, 0, 1, 3, 5)


def _transform(matrix, x, out):
    """out (M, T, C) = matrix (M, K) @ x (K, T, C)."""
    wide(matrix, x.reshape(len(x), -1), out.reshape(len(out), -1))
    return out
