"""Written in lesson 14."""

import numpy as np
from tinycnn.backend import array_module
from tinycnn.backend import device_of
from tinycnn.backend import to_device
from tinycnn.backend import to_numpy


def score_gradient(scores, labels):
    """scores: (N, K); labels: (N,), both on one device -> dscores: (N, K), on the same device."""
    xp = array_module(scores)
    e = xp.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[xp.arange(len(p)), labels] -= 1
    return p / len(p)


def train(w, x, t, steps, rate):
    """w: (D, F), anywhere; x: (N, D), t: (N, F), on the host -> w after the steps, there; losses (steps,), here."""
    losses = []
    x_there, t_there = to_device(x, device_of(w)), to_device(t, device_of(w))  # up once
    for _ in range(steps):
        difference = x_there @ w - t_there
        losses.append((difference * difference).mean())  # it stays there, and nobody waits
        w = w - rate * 2 / t.size * x_there.T @ difference
    return w, to_numpy(array_module(w).stack(losses))


def estimate(kernels, bandwidth, rate, latency):
    """kernels: (M, 2), bytes and operations of each -> seconds (M,), limit (M,): 0 launch, 1 bytes, 2 operations."""
    moving, computing = kernels[:, 0] / bandwidth, kernels[:, 1] / rate
    launching = np.full(len(kernels), latency)
    return np.maximum(moving, computing) + latency, np.argmax([launching, moving, computing], axis=0)


def pixel(at, cols, stride, padding):
    """at: (n, row, column, c) in x; cols: (N, OH, OW, KH, KW, C) -> the number x[at], without writing anything."""
    (n, row, column, c), (_, oh, ow, kh, kw, _) = at, cols.shape
    total = 0.0
    for p in range(kh):
        i, between = divmod(row + padding - p, stride)
        if between or not 0 <= i < oh:
            continue
        for q in range(kw):
            j, between = divmod(column + padding - q, stride)
            if not between and 0 <= j < ow:
                total += cols[n, i, j, p, q, c]
    return total


def average(gradients, counts):
    """gradients: (M, ...), of the mean loss of each machine; counts: (M,) pictures -> that of all pictures, (...)."""
    return np.tensordot(counts / counts.sum(), gradients, axes=1)
