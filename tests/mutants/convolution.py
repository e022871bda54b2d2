"""Wrong convolutions. The first five are those that an upstream gradient of ones lets pass, all but one."""

import numpy as np

from tinycnn.patches import im2col

from .plain import PlainConv
from .registry import mutant


def images(rng):
    return (rng.standard_normal((3, 6, 5, 2), dtype=np.float32),)


def squares(rng):
    return (rng.standard_normal((3, 5, 5, 2), dtype=np.float32),)


CONV = {"in_channels": 2, "out_channels": 4, "kernel_size": 3, "padding": 1}
STRIDED = {"in_channels": 2, "out_channels": 4, "kernel_size": 3, "padding": 1, "stride": 2}


@mutant("axes", squares, **CONV)
class HeightAndWidthSwapped(PlainConv):
    """dx is returned with height and width transposed."""

    def dx(self, dy):
        return super().dx(dy).transpose(0, 2, 1, 3)


@mutant("flip", images, **CONV)
class TurnedInSpace(PlainConv):
    """dx is returned turned by 180 degrees."""

    def dx(self, dy):
        return super().dx(dy)[:, ::-1, ::-1]


@mutant("batch order", images, **CONV)
class BatchReversed(PlainConv):
    """dx of the last image is returned first."""

    def dx(self, dy):
        return super().dx(dy)[::-1]


@mutant("dy ignored", images, **CONV)
class UpstreamIgnored(PlainConv):
    """backward uses ones in place of dy."""

    def backward(self, dy, input_gradient=True):
        return super().backward(np.ones_like(dy), input_gradient)


@mutant("flip", images, **CONV)
class KernelNotTurned(PlainConv):
    """dx as the convolution of dy with the kernel as it lies, not turned by 180 degrees."""

    def dx(self, dy):
        w = self.w.value.transpose(0, 1, 3, 2)  # (KH, KW, F, C), should be w[::-1, ::-1]
        cols = im2col(dy, self.kernel, (1, 1), self.padding)
        return cols @ w.reshape(-1, w.shape[3])


@mutant("flip", images, **CONV)
class WeightGradientTurned(PlainConv):
    """dw as in a convolution with a flipped kernel."""

    def dw(self, dy):
        return super().dw(dy)[::-1, ::-1]


@mutant("batch order", images, **CONV)
class ImagesAndGradientsMismatched(PlainConv):
    """dw pairs every image with another image's dy."""

    def dw(self, dy):
        return super().dw(dy[::-1])


@mutant("axes", images, **CONV)
class WeightMatrixTransposed(PlainConv):
    """dw = (dy.T @ cols) reshaped to the kernel: right numbers, read in the wrong order."""

    def dw(self, dy):
        cols = self.cols()
        return (dy.reshape(-1, dy.shape[3]).T @ cols.reshape(-1, cols.shape[3])).reshape(self.w.value.shape)


@mutant("axes", squares, **CONV)
class KernelRowsAndColumnsSwapped(PlainConv):
    """dw with kernel rows and columns exchanged."""

    def dw(self, dy):
        return super().dw(dy).transpose(1, 0, 2, 3)


@mutant("never stored", images, **CONV)
class NoBiasGradient(PlainConv):
    """db is never stored."""

    def backward(self, dy, input_gradient=True):
        self.w.grad = self.dw(dy)
        return self.dx(dy)


@mutant("never stored", images, **CONV)
class BiasGradientLeftAtZero(PlainConv):
    """db is stored as the zeros that it was made with."""

    def db(self, dy):
        return np.zeros_like(self.b.value)


@mutant("factor", images, **CONV)
class BiasGradientMean(PlainConv):
    """db is the mean over images and positions instead of the sum."""

    def db(self, dy):
        return dy.mean(axis=(0, 1, 2))


@mutant("not summed", images, **CONV)
class BiasGradientForEachImage(PlainConv):
    """db is summed over positions only: (N, F)."""

    def db(self, dy):
        return dy.sum(axis=(1, 2))


@mutant("overlap", images, **CONV)
class BiasGradientOfLastImage(PlainConv):
    """db = in a loop over the batch, instead of db +=."""

    def db(self, dy):
        for d in dy:
            db = d.sum(axis=(0, 1))
        return db


@mutant("overlap", images, **CONV)
class WeightGradientOfLastImage(PlainConv):
    """dw = in a loop over the batch, instead of dw +=."""

    def dw(self, dy):
        cols = self.cols()
        for patches, d in zip(cols, dy, strict=True):
            dw = patches.reshape(-1, patches.shape[2]).T @ d.reshape(-1, d.shape[2])
        return dw.reshape(self.w.value.shape)


@mutant("overlap", images, **CONV)
class BiasGradientOfOnePosition(PlainConv):
    """db looks at the last position of every map only."""

    def db(self, dy):
        return dy[:, -1, -1].sum(axis=0)


@mutant("overlap", images, **CONV)
class OverlapAssigned(PlainConv):
    """col2im with = where += is needed."""

    def scatter(self, dcols):
        (kh, kw), (sh, sw), (ph, pw) = self.kernel, self.stride, self.padding
        n, h, w, c = self._x.shape
        _, oh, ow, _ = dcols.shape
        windows, padded = dcols.reshape(n, oh, ow, kh, kw, c), np.zeros((n, h + 2 * ph, w + 2 * pw, c), dcols.dtype)
        for i in range(kh):
            for j in range(kw):
                padded[:, i : i + sh * oh : sh, j : j + sw * ow : sw] = windows[:, :, :, i, j]
        return padded[:, ph : ph + h, pw : pw + w]


@mutant("overlap", images, **STRIDED)
class OverlapAssignedWithStride(OverlapAssigned):
    """The same with stride 2, where windows overlap in part."""


@mutant(None, images, **STRIDED)
class StrideIgnored(PlainConv):
    """dx puts the windows next to each other, as if the stride were 1."""

    def scatter(self, dcols):
        (kh, kw), (ph, pw) = self.kernel, self.padding
        n, h, w, c = self._x.shape
        _, oh, ow, _ = dcols.shape
        windows, padded = dcols.reshape(n, oh, ow, kh, kw, c), np.zeros((n, h + 2 * ph, w + 2 * pw, c), dcols.dtype)
        for i in range(kh):
            for j in range(kw):
                padded[:, i : i + oh, j : j + ow] += windows[:, :, :, i, j]
        return padded[:, ph : ph + h, pw : pw + w]


@mutant("shift", images, **CONV)
class PaddingCroppedOnOneSide(PlainConv):
    """The padding is cut off at the high end only."""

    def scatter(self, dcols):
        (ph, pw), (_, h, w, _) = self.padding, self._x.shape
        wide = (len(dcols), h + 2 * ph, w + 2 * pw, self.in_channels)
        return _scatter(dcols, wide, self.kernel, self.stride)[:, :h, :w]


@mutant("shift", images, **CONV)
class RowsCroppedTwice(PlainConv):
    """Twice the padding is cut off above, none below."""

    def scatter(self, dcols):
        (ph, pw), (_, h, w, _) = self.padding, self._x.shape
        wide = (len(dcols), h + 2 * ph, w + 2 * pw, self.in_channels)
        return _scatter(dcols, wide, self.kernel, self.stride)[:, 2 * ph :, pw : pw + w]


@mutant("border", images, **CONV)
class BorderLeftOut(PlainConv):
    """dx is written where the whole window lies inside, and stays 0 at the border."""

    def dx(self, dy):
        dx = np.zeros_like(self._x)
        dx[:, 1:-1, 1:-1] = super().dx(dy)[:, 1:-1, 1:-1]
        return dx


@mutant("border", images, **CONV)
class PaddingForgotten(PlainConv):
    """dx sees only the windows that need no padding."""

    def dx(self, dy):
        inside = np.zeros_like(dy)
        inside[:, 1:-1, 1:-1] = dy[:, 1:-1, 1:-1]
        return super().dx(inside)


@mutant("shift", images, **CONV)
class WeightGradientOffByPadding(PlainConv):
    """dw is computed on an image padded on one side only."""

    def cols(self):
        (ph, pw), x = self.padding, self._x
        moved = np.pad(x, ((0, 0), (2 * ph, 0), (2 * pw, 0), (0, 0)))
        return im2col(moved, self.kernel, self.stride, (0, 0))


@mutant("sign", images, **CONV)
class WeightGradientNegative(PlainConv):
    """dw has the wrong sign."""

    def dw(self, dy):
        return -super().dw(dy)


@mutant("batch mean", images, **CONV)
class WeightGradientMean(PlainConv):
    """dw is divided by the batch size, which the loss has done already."""

    def dw(self, dy):
        return super().dw(dy) / len(dy)


@mutant("some indices", images, **CONV)
class LastFilterForgotten(PlainConv):
    """A loop over filters ends one too early."""

    def dw(self, dy):
        dw = super().dw(dy)
        dw[..., -1] = 0
        return dw


@mutant("float32", images, **CONV)
class SinglePrecision(PlainConv):
    """dw is accumulated in float32, whatever comes in."""

    def dw(self, dy):
        cols = self.cols().astype(np.float32)
        product = cols.reshape(-1, cols.shape[3]).T @ dy.reshape(-1, dy.shape[3]).astype(np.float32)
        return product.reshape(self.w.value.shape).astype(dy.dtype)


@mutant("extra term", images, **CONV)
class WeightDecayInBackward(PlainConv):
    """The gradient of a penalty is added that forward does not have."""

    def dw(self, dy):
        return super().dw(dy) + 0.01 * self.w.value


@mutant("nonlinear", images, **CONV)
class Clipped(PlainConv):
    """dw is clipped in backward."""

    def dw(self, dy):
        return np.clip(super().dw(dy), -0.5, 0.5)


def _scatter(dcols, shape, kernel, stride):
    """col2im onto images that are padded already and stay so."""
    padded, (n, oh, ow, _) = np.zeros(shape, dcols.dtype), dcols.shape
    windows = dcols.reshape(n, oh, ow, *kernel, shape[3])
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            padded[:, i : i + stride[0] * oh : stride[0], j : j + stride[1] * ow : stride[1]] += windows[:, :, :, i, j]
    return padded
