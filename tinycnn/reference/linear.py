"""The fully connected layer: every output sees every input."""

import numpy as np

from tinycnn.backend import Array


def linear(x: Array, w: Array, b: Array | None = None) -> Array:
    """y[n, f] = b[f] + sum over d of x[n, d] * w[d, f].    x: (N, D)    w: (D, F)    b: (F,)    returns y: (N, F)"""
    y = np.zeros((len(x), w.shape[1]), x.dtype)
    for n, f in np.ndindex(y.shape):
        for d in range(w.shape[0]):
            y[n, f] += x[n, d] * w[d, f]
        if b is not None:
            y[n, f] += b[f]
    return y


def linear_backward(dy: Array, x: Array, w: Array) -> tuple[Array, Array, Array]:
    """Returns dx (N, D), dw (D, F), db (F,)."""
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[1], w.dtype)
    for n, f in np.ndindex(dy.shape):
        for d in range(w.shape[0]):
            dx[n, d] += dy[n, f] * w[d, f]
            dw[d, f] += dy[n, f] * x[n, d]
        db[f] += dy[n, f]
    return dx, dw, db
