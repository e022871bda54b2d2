"""The products of a fully connected layer, shared out over the workers by columns: each row of a batch needs all of w.

AlexNet's fc6 has 38 million weights for 16 images: memory is the limit, and every weight is to be fetched once. So for
few images the products are cut into blocks that BLAS multiplies without rearranging the weights first (products.py).
"""

import numpy as np

from tinycnn.engine.memory import room, room_for_gradient
from tinycnn.engine.products import deep, tall
from tinycnn.engine.threads import having_blas, run
from tinycnn.engine.workers import share_out, slices

FEW, MORE = 16, 64  # images, up to which blocks are the faster way to y and dw, and to dx
COLUMNS = 256  # of a block of w, on the way to y


def forward(linear, x):
    """y (N, F) = x @ w + b."""
    w, b = linear.w.value, linear.b
    y = room((len(x), w.shape[1]), x.dtype)
    if len(x) == 1:  # one row is left to BLAS and all of its threads
        with having_blas(False):
            np.matmul(x, w, out=y)
        if b is not None:
            y += b.value
        return y

    def work(worker):
        columns = slice(worker.start, worker.stop)
        if 1 < len(x) <= FEW:
            for some in slices(worker.start, worker.stop, COLUMNS):
                deep(x, w[:, some], out=y[:, some])
        else:
            np.matmul(x, w[:, columns], out=y[:, columns])
        if b is not None:
            y[:, columns] += b.value[columns]

    _share(work, w.shape[1], x, len(w))
    return y


def backward(linear, x, dy, input_gradient):
    """dx (N, D) = dy @ w.T, or None; writes dw = x.T @ dy and db."""
    w, b = linear.w, linear.b
    w.grad, dx = room_for_gradient(w, dy.dtype), room(x.shape, dy.dtype) if input_gradient else None
    turned = np.ascontiguousarray(dy.T) if 1 < len(dy) <= MORE else None

    def work(worker):
        features = slice(worker.start, worker.stop)
        _weights(x[:, features].T, dy, w.grad[features])
        if dx is not None and turned is not None:
            columns = worker.empty("columns", (worker.images, len(dy)), dy.dtype)
            dx[:, features] = tall(w.value[features], turned, columns).T
        elif dx is not None:
            np.matmul(dy, w.value[features].T, out=dx[:, features])

    _share(work, x.shape[1], x, dy.shape[1])
    if b is not None:
        b.grad = dy.sum(axis=0)
    return dx


def _weights(columns, dy, out):
    """out (features, F) = columns (features, N) @ dy (N, F)."""
    if len(dy) == 1:  # each number of the one with each of the other: nothing to add up, and BLAS would rearrange both
        np.multiply(columns, dy, out=out)
    elif 1 < len(dy) <= FEW:
        tall(columns, dy, out)
    else:
        np.matmul(columns, dy, out=out)


def _share(work, n, x, other):
    """n columns over the workers; a product of one row is left to BLAS."""
    workers = share_out(n, x.itemsize * (len(x) + other)) if len(x) > 1 else share_out(n, 0)
    run(work, workers, hold_blas=len(x) > 1)
