"""Batch normalization on the host, a few images at a time, on every core: each pass reads the batch once.

The layer's formulas make half a dozen arrays as large as the batch, one after the other, on one core. Here the sums
over the batch are added up chunk by chunk, and what is computed from them is written while the chunk is in the cache.
The input is kept for backward, not the normalized array, which is one more multiplication away.

An image's pixels lie in rows (pixels / k, k*C): several pixels make a row, and each channel's number stands in it k
times. With a pixel in each row NumPy would begin anew after every C numbers, and that takes longer than to compute them.
"""

import functools

import numpy as np

from tinycnn.engine.memory import room
from tinycnn.engine.products import column_sums
from tinycnn.engine.threads import run
from tinycnn.engine.workers import share_out

ARRAYS = 3  # of a chunk's size that a pass holds
ROW = 1024  # numbers in a row


def statistics(x):
    """Mean and variance of each channel of x (N, H, W, C), float64 (C,): chunk by chunk, then combined.

    (Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance", equation 2.1.) Each chunk's variance
    is about its own mean, so nothing is lost where a mean is far larger than the deviations.
    """

    c = x.shape[3]

    def of_chunk(part, worker):
        count = part.size // c
        mean = _by_channel(part, c) / part.dtype.type(count)
        deviations = np.subtract(part, _in_row(part, mean), out=worker.empty("normalized", part.shape, part.dtype))
        return count, mean.astype(np.float64), _by_channel(np.square(deviations, out=deviations), c)

    counts, means, squares = map(np.array, zip(*_each(x, of_chunk), strict=True))
    share = counts[:, None] / counts.sum()
    mean = (share * means).sum(axis=0)
    return mean, squares.sum(axis=0, dtype=np.float64) / counts.sum() + (share * (means - mean) ** 2).sum(axis=0)


def normalize(x, mean, scale, w, b):
    """y = (x - mean) * scale * w + b, rounded as the layer's formula is: what remains next to b may be little."""
    y = room(x.shape, x.dtype)

    def of_chunk(part, worker, y):
        np.subtract(part, _in_row(part, mean), out=y)
        y *= _in_row(part, scale)
        y *= _in_row(part, w)
        y += _in_row(part, b)

    _each(x, of_chunk, y)
    return y


def sums(x, dy, mean, scale):
    """The gradients of w and b: the sums of dy * normalized and of dy, (C,) each."""

    def of_chunk(part, worker, dy):
        deviations = np.subtract(part, _in_row(part, mean), out=worker.empty("normalized", part.shape, part.dtype))
        return _by_channel(np.multiply(deviations, dy, out=deviations), len(mean)), _by_channel(dy, len(mean))

    products, plain = map(np.array, zip(*_each(x, of_chunk, dy), strict=True))
    return products.sum(axis=0) * scale, plain.sum(axis=0)


def input_gradient(x, dy, mean, scale, w, dw, db, training):
    """dx, from what `sums` has found: in training, x moves the mean and the variance too."""
    dx, count = room(x.shape, x.dtype), x.dtype.type(x.size // x.shape[3])
    factor = scale * w
    from_variance, from_mean = factor * scale * dw / count, factor * db / count

    def of_chunk(part, worker, dy, dx):
        np.multiply(dy, _in_row(part, factor), out=dx)
        if training:
            deviations = np.subtract(part, _in_row(part, mean), out=worker.empty("normalized", part.shape, part.dtype))
            deviations *= _in_row(part, from_variance)
            dx -= deviations
            dx -= _in_row(part, from_mean)

    _each(x, of_chunk, dy, dx)
    return dx


def _each(x, work, *others):
    """[work(chunk of x, worker, the same chunk of each other array)], all as rows (..., k*C), in the batch's order."""
    arrays, one_image = (x, *others), ARRAYS * x[0].nbytes
    row = _pixels(x.shape[1] * x.shape[2], x.shape[3]) * x.shape[3]
    shares = share_out(len(x), one_image)

    def work_on(worker):
        return [work(rows[0], worker, *rows[1:]) for images in worker.chunks(one_image)
                for rows in [[a[images].reshape(-1, row) for a in arrays]]]

    return [result for results in run(work_on, shares) for result in results]


@functools.cache
def _pixels(of_image, c):
    """k, a divisor of the pixels of an image: as many as make a row of up to ROW numbers; 1 where C is as many."""
    return max(k for k in range(1, max(1, min(of_image, ROW // c)) + 1) if of_image % k == 0)


def _in_row(part, numbers):
    """What belongs to the channels (C,), as often as there are pixels in a row of part (..., k*C)."""
    return np.tile(numbers, part.shape[1] // len(numbers))


def _by_channel(part, c):
    """The sums (C,) of part (..., k*C) over all pixels."""
    return column_sums(part).reshape(-1, c).sum(axis=0)
