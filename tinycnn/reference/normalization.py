"""Local response normalization, and batch normalization."""

import math

import numpy as np

from tinycnn.backend import Array

# --- local response normalization (Krizhevsky et al. 2012, section 3.3) ---


def local_response_norm(x: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0,
                        divide_alpha: bool = True) -> Array:
    """y = x / s ** beta,  s = k + a * (sum of x ** 2 over `size` neighboring channels).    x, y: (N, H, W, C)

    a = alpha / size (PyTorch, Caffe), or alpha itself with divide_alpha=False (the paper).
    """
    a = alpha / size if divide_alpha else alpha
    y = np.zeros_like(x)
    for n, i, j, c in np.ndindex(x.shape):
        y[n, i, j, c] = x[n, i, j, c] / _lrn_scale(x[n, i, j], c, size, a, k) ** beta
    return y


def local_response_norm_backward(dy: Array, x: Array, size: int, alpha: float = 1e-4, beta: float = 0.75,
                                 k: float = 1.0, divide_alpha: bool = True) -> Array:
    """x[c] acts on y[c] as the numerator, and on every y whose window contains c through s. Returns dx (N, H, W, C).

    The derivative of x * s ** -beta by x is s ** -beta and by s is x * -beta * s ** (-beta - 1); the derivative of s by
    a neighbor is 2 * a * neighbor.
    """
    a = alpha / size if divide_alpha else alpha
    dx = np.zeros_like(x)
    for n, i, j, c in np.ndindex(x.shape):
        s = _lrn_scale(x[n, i, j], c, size, a, k)
        dx[n, i, j, c] += dy[n, i, j, c] * s**-beta
        for neighbor in _lrn_window(c, size, x.shape[3]):
            ds = 2 * a * x[n, i, j, neighbor]
            dx[n, i, j, neighbor] += dy[n, i, j, c] * x[n, i, j, c] * -beta * s ** (-beta - 1) * ds
    return dx


def _lrn_scale(pixel, c, size, a, k):
    return k + a * sum(pixel[neighbor] ** 2 for neighbor in _lrn_window(c, size, len(pixel)))


def _lrn_window(c, size, channels):
    """The channels of the window at channel c: `size` of them, one more before c than after it when size is even."""
    return [neighbor for neighbor in range(c - size // 2, c - size // 2 + size) if 0 <= neighbor < channels]


# --- batch normalization (Ioffe and Szegedy 2015, algorithm 1) ---


def batch_norm(x: Array, w: Array, b: Array, eps: float = 1e-5) -> Array:
    """y = w * (x - mean) / sqrt(var + eps) + b, with each channel's mean and variance over the batch.

    x, y: (N, H, W, C)    w, b: (C,)
    """
    y = np.zeros_like(x)
    for c in range(x.shape[3]):
        mean, var = _mean_and_variance(x[..., c])
        for at in np.ndindex(x.shape[:3]):
            y[(*at, c)] = w[c] * (x[(*at, c)] - mean) / math.sqrt(var + eps) + b[c]
    return y


def batch_norm_backward(dy: Array, x: Array, w: Array, eps: float = 1e-5) -> tuple[Array, Array, Array]:
    """Every x acts on every y of its channel: on its own directly, on all through mean and variance.

    Returns dx (N, H, W, C), dw (C,), db (C,).
    """
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros_like(w)
    for c in range(x.shape[3]):
        mean, var = _mean_and_variance(x[..., c])
        std, count = math.sqrt(var + eps), x[..., c].size
        dmean = dvar = 0.0
        for at in np.ndindex(x.shape[:3]):
            centered, d = x[(*at, c)] - mean, dy[(*at, c)]
            dw[c] += d * centered / std
            db[c] += d
            dx[(*at, c)] += d * w[c] / std
            dmean -= d * w[c] / std
            dvar -= d * w[c] * centered / (2 * std**3)
        for at in np.ndindex(x.shape[:3]):  # var = the mean of (x - mean) ** 2; the mean of x - mean itself is 0
            dx[(*at, c)] += dmean / count + dvar * 2 * (x[(*at, c)] - mean) / count
    return dx, dw, db


def _mean_and_variance(x):
    mean = sum(x.ravel().tolist()) / x.size
    return mean, sum((value - mean) ** 2 for value in x.ravel().tolist()) / x.size
