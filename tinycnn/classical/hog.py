"""Histograms of oriented gradients (Dalal and Triggs 2005): what edges there are, and which way they run.

    pixels -> differences [-1, 0, 1] in x and y, of the channel where they are largest
           -> every pixel votes for its orientation, as loud as its edge, shared between the two nearest of 9 bins
           -> votes are added up over cells of 8 x 8 pixels, shared between the nearest cells
           -> each block of 2 x 2 cells is brought to length 1, clipped at .2, and brought to length 1 again (L2-Hys)

Nothing of this is learned. It is a layer all the same, with a backward: so it can stand in front of layers that learn,
and one can ask which pixels an answer depends on. Two things of the paper's are left out, as most have it: the Gaussian
window of a block (section 6.4), which would have to be computed for each block anew, and a gamma correction (6.1).
"""

import numpy as np

from tinycnn.backend import Array, Shape, array_module
from tinycnn.errors import ShapeError
from tinycnn.layers import Layer
from tinycnn.layers.base import expect_images

CLIP, EPS = 0.2, 1e-5


def hog(images: Array, cell: int = 8, bins: int = 9, interpolate: bool = True) -> Array:
    """Features (N, BH, BW, 4 * bins) of floating-point images (N, H, W, C): one vector for each block of 2 x 2 cells.

    64 x 64 pixels give 7 x 7 x 36 = 1,764 numbers, 64 x 128 give 3,780. Pixels beyond the last whole cell do not count.
    interpolate: False lets each pixel vote for one bin and one cell alone, as scikit-image has it
    """
    return HogFeatures(cell, bins, interpolate).blocks(images)


class HogFeatures(Layer):
    """y (N, BH * BW * 4 * bins) = the HOG features of x (N, H, W, C), flattened; the arguments are those of `hog`."""

    per_image = True

    def __init__(self, cell: int = 8, bins: int = 9, interpolate: bool = True) -> None:
        if cell < 2 or bins < 2:
            raise ValueError(f"HogFeatures: cell and bins are at least 2, got {cell} and {bins}")
        self.cell, self.bins, self.interpolate = cell, bins, interpolate

    def forward(self, x: Array) -> Array:
        return self._flat(self.blocks(x))

    def backward(self, dy: Array) -> Array:
        shape, strongest, (gx, gy, size), share, lower, (rows, columns), stages = self.recall(dy)
        xp = array_module(dy)
        dhistogram = self._from_blocks(dy, stages)  # (N, CH, CW, bins)
        n, h, w, _ = shape
        dpooled = (columns.T @ dhistogram).reshape(n, len(rows), w * self.bins)  # (N, CH, W * bins)
        dvotes = (rows.T @ dpooled).reshape(n, h, w, self.bins)
        low = xp.take_along_axis(dvotes, lower[..., None], 3)[..., 0]
        high = xp.take_along_axis(dvotes, ((lower + 1) % self.bins)[..., None], 3)[..., 0]
        dsize = low * (1 - share) + high * share
        dangle = (high - low) * size * (self.bins / np.pi if self.interpolate else 0)
        safe = xp.maximum(size, 1e-30)
        dgx, dgy = (dsize * gx - dangle * gy / safe) / safe, (dsize * gy + dangle * gx / safe) / safe
        return _from_differences(dgx * (size > 0), dgy * (size > 0), strongest, shape)

    def blocks(self, x: Array) -> Array:
        """(N, BH, BW, 4 * bins), and what backward needs is kept."""
        expect_images(x, None, self)
        self.output_shape(x.shape[1:])
        xp = array_module(x)
        n, h, w, _ = x.shape
        gx, gy, strongest = _differences(x)  # (N, H, W) each
        size = xp.sqrt(gx * gx + gy * gy)
        place = xp.arctan2(gy, gx) % np.pi * (self.bins / np.pi)  # 0 .. bins: a line has no direction
        if self.interpolate:
            place = (place - 0.5) % self.bins  # from the middle of bin 0
        lower = xp.floor(place).astype(np.int64) % self.bins
        share = (place - xp.floor(place)) if self.interpolate else place * 0  # of the bin above
        votes = xp.zeros((n, h, w, self.bins), x.dtype)
        xp.put_along_axis(votes, lower[..., None], (size * (1 - share))[..., None], 3)
        if self.interpolate:
            xp.put_along_axis(votes, ((lower + 1) % self.bins)[..., None], (size * share)[..., None], 3)
        rows, columns = (xp.asarray(self._pooling(s).astype(x.dtype)) for s in (h, w))  # (CH, H), (CW, W)
        pooled = rows @ votes.reshape(n, h, w * self.bins)  # (N, CH, W * bins)
        histogram = columns @ pooled.reshape(n, len(rows), w, self.bins)  # (N, CH, CW, bins)
        y, stages = self._blocks(histogram)
        self.remember(x.shape, strongest, (gx, gy, size), share, lower, (rows, columns), stages,
                      output=self._flat(y))  # fmt: skip
        return y

    @staticmethod
    def _flat(blocks):
        return blocks.reshape(len(blocks), blocks.shape[1] * blocks.shape[2] * blocks.shape[3])

    def _pooling(self, length):
        """How much each pixel of an axis gives to each cell, (cells, pixels): all to its own, or shared linearly."""
        cells = length // self.cell
        middle = (np.arange(cells) + 0.5) * self.cell
        distance = abs(np.arange(length) + 0.5 - middle[:, None]) / self.cell
        return (np.maximum(1 - distance, 0) if self.interpolate else (distance < 0.5) * 1.0) / self.cell

    def _blocks(self, histogram):
        """Blocks (N, BH, BW, 4 * bins) of cells (N, CH, CW, bins), each by L2-Hys; and the steps on the way."""
        xp = array_module(histogram)
        corners = [histogram[:, i : i - 1 or None, j : j - 1 or None] for i in (0, 1) for j in (0, 1)]
        raw = xp.concatenate(corners, axis=3)
        once, length1 = _to_length_1(raw)
        clipped = xp.minimum(once, CLIP)
        twice, length2 = _to_length_1(clipped)
        return twice, (histogram.shape, raw, once, length1, clipped, length2)

    def _from_blocks(self, dy, stages):
        """dhistogram, from the gradient of the blocks."""
        shape, raw, once, length1, clipped, length2 = stages
        dclipped = _through_length(dy.reshape(clipped.shape), clipped, length2)
        draw = _through_length(dclipped * (once < CLIP), raw, length1)
        dhistogram = array_module(dy).zeros(shape, dy.dtype)
        for k, (i, j) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
            dhistogram[:, i : i - 1 or None, j : j - 1 or None] += draw[..., k * self.bins : (k + 1) * self.bins]
        return dhistogram

    def output_shape(self, shape: Shape) -> Shape:
        cells = [s // self.cell for s in shape[:2]]
        if len(shape) != 3 or min(cells) < 2:
            least = 2 * self.cell
            raise ShapeError(f"{self} needs 2 x 2 cells at least, so pictures of {least} x {least} pixels or more, "
                             f"got {tuple(shape)}")  # fmt: skip
        return ((cells[0] - 1) * (cells[1] - 1) * 4 * self.bins,)

    def multiply_adds(self, shape: Shape) -> int:
        h, w, c = shape
        return h * w * (2 * c + 4) + self.bins * (h // self.cell) * (h * w + w * (w // self.cell))

    def __repr__(self) -> str:
        return f"HogFeatures(cell={self.cell}, bins={self.bins}{'' if self.interpolate else ', interpolate=False'})"


def _differences(x):
    """x[i + 1] - x[i - 1] along both axes, 0 at the edge, of the strongest channel: gx, gy, channel (N, H, W)."""
    xp = array_module(x)
    gx, gy = xp.zeros_like(x), xp.zeros_like(x)
    gx[:, :, 1:-1] = x[:, :, 2:] - x[:, :, :-2]
    gy[:, 1:-1] = x[:, 2:] - x[:, :-2]
    strongest = (gx * gx + gy * gy).argmax(axis=3)  # (N, H, W)
    gx, gy = (xp.take_along_axis(g, strongest[..., None], 3)[..., 0] for g in (gx, gy))
    return gx, gy, strongest


def _from_differences(dgx, dgy, strongest, shape):
    """The adjoint of _differences: dx (N, H, W, C)."""
    xp = array_module(dgx)
    dx, whole = xp.zeros(shape, dgx.dtype), xp.zeros(shape, dgx.dtype)
    xp.put_along_axis(whole, strongest[..., None], dgx[..., None], 3)
    dx[:, :, 2:] += whole[:, :, 1:-1]
    dx[:, :, :-2] -= whole[:, :, 1:-1]
    xp.put_along_axis(whole, strongest[..., None], dgy[..., None], 3)
    dx[:, 2:] += whole[:, 1:-1]
    dx[:, :-2] -= whole[:, 1:-1]
    return dx


def _to_length_1(v):
    length = array_module(v).sqrt((v * v).sum(axis=3, keepdims=True) + EPS**2)
    return v / length, length


def _through_length(dy, v, length):
    """The gradient of v, from that of v / length."""
    return (dy - v * ((dy * v).sum(axis=3, keepdims=True) / length**2)) / length
