"""Batch normalization on the host, a few images at a time, on every core: each pass reads the batch once.

The layer's formulas make half a dozen arrays as large as the batch, one after the other, on one core. Here the sums
over the batch are added up chunk by chunk, and what is computed from them is written while the chunk is in the cache.
The input is kept for backward, not the normalized array, which is one more multiplication away.
"""

import numpy as np

from tinycnn.engine.memory import room
from tinycnn.engine.products import column_sums
from tinycnn.engine.threads import run
from tinycnn.engine.workers import share_out

ARRAYS = 3  # of a chunk's size that a pass holds


def statistics(x):
    """Mean and variance of each channel of x (N, H, W, C), float64 (C,): chunk by chunk, then combined.

    (Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance", equation 2.1.) Each chunk's variance
    is about its own mean, so nothing is lost where a mean is far larger than the deviations.
    """

    def of_chunk(part, worker):
        mean = column_sums(part) / part.dtype.type(len(part))
        deviations = np.subtract(part, mean, out=worker.empty("normalized", part.shape, part.dtype))
        return len(part), mean.astype(np.float64), column_sums(np.square(deviations, out=deviations))

    counts, means, squares = map(np.array, zip(*_each(x, of_chunk), strict=True))
    share = counts[:, None] / counts.sum()
    mean = (share * means).sum(axis=0)
    return mean, squares.sum(axis=0, dtype=np.float64) / counts.sum() + (share * (means - mean) ** 2).sum(axis=0)


def normalize(x, mean, scale, w, b):
    """y = (x - mean) * scale * w + b, rounded as the layer's formula is: what remains next to b may be little."""
    y = room(x.shape, x.dtype)

    def of_chunk(part, worker, y):
        np.subtract(part, mean, out=y)
        y *= scale
        y *= w
        y += b

    _each(x, of_chunk, y)
    return y


def sums(x, dy, mean, scale):
    """The gradients of w and b: the sums of dy * normalized and of dy, (C,) each."""

    def of_chunk(part, worker, dy):
        deviations = np.subtract(part, mean, out=worker.empty("normalized", part.shape, part.dtype))
        return column_sums(np.multiply(deviations, dy, out=deviations)), column_sums(dy)

    products, plain = map(np.array, zip(*_each(x, of_chunk, dy), strict=True))
    return products.sum(axis=0) * scale, plain.sum(axis=0)


def input_gradient(x, dy, mean, scale, w, dw, db, training):
    """dx, from what `sums` has found: in training, x moves the mean and the variance too."""
    dx, count = room(x.shape, x.dtype), x.dtype.type(x.size // x.shape[3])
    factor = scale * w
    from_variance, from_mean = factor * scale * dw / count, factor * db / count

    def of_chunk(part, worker, dy, dx):
        np.multiply(dy, factor, out=dx)
        if training:
            deviations = np.subtract(part, mean, out=worker.empty("normalized", part.shape, part.dtype))
            deviations *= from_variance
            dx -= deviations
            dx -= from_mean

    _each(x, of_chunk, dy, dx)
    return dx


def _each(x, work, *others):
    """[work(chunk of x, worker, the same chunk of each other array)], all as rows (n*H*W, C), in the batch's order."""
    arrays, one_image = (x, *others), ARRAYS * x[0].nbytes
    shares = share_out(len(x), one_image)

    def work_on(worker):
        return [work(rows[0], worker, *rows[1:]) for images in worker.chunks(one_image)
                for rows in [[a[images].reshape(-1, a.shape[3]) for a in arrays]]]

    return [result for results in run(work_on, shares) for result in results]
