"""Written in lesson 07."""

import numpy as np
from tinycnn.layers.base import Layer


class MyReLU(Layer):
    def forward(self, x):
        self.remember(x > 0)
        return np.maximum(x, 0)

    def backward(self, dy):
        (is_open,) = self.recall()
        return dy * is_open


def max_pool(x, kernel_size, stride=None, padding=0):
    """x: (N, H, W, C) -> the largest number of each window (N, OH, OW, C)."""
    k, s, p = kernel_size, stride or kernel_size, padding
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=-np.inf)
    n, height, width, c = padded.shape
    y = np.empty((n, (height - k) // s + 1, (width - k) // s + 1, c), x.dtype)
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            y[:, i, j] = padded[:, i * s : i * s + k, j * s : j * s + k].max(axis=(1, 2))
    return y


def max_pool_backward(dy, x, kernel_size, stride=None, padding=0):
    """dy: (N, OH, OW, C); x: (N, H, W, C), as forward was given it -> dx, in the shape of x."""
    k, s, p = kernel_size, stride or kernel_size, padding
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=-np.inf)
    dpadded = np.zeros(padded.shape, dy.dtype)
    for n, i, j, c in np.ndindex(dy.shape):
        window = padded[n, i * s : i * s + k, j * s : j * s + k, c]
        row, column = divmod(window.argmax(), k)
        dpadded[n, i * s + row, j * s + column, c] += dy[n, i, j, c]
    return dpadded[:, p : p + x.shape[1], p : p + x.shape[2]]


def avg_pool(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    """x: (N, H, W, C) -> the mean of each window (N, OH, OW, C)."""
    k, s, p = kernel_size, stride or kernel_size, padding
    border = ((0, 0), (p, p), (p, p), (0, 0))
    padded, inside = np.pad(x, border), np.pad(np.ones_like(x), border)
    n, height, width, c = padded.shape
    y = np.empty((n, (height - k) // s + 1, (width - k) // s + 1, c), x.dtype)
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            window = np.s_[:, i * s : i * s + k, j * s : j * s + k]
            count = k * k if count_include_pad else inside[window].sum(axis=(1, 2))
            y[:, i, j] = padded[window].sum(axis=(1, 2)) / count
    return y


def windows(x, kernel_size, stride, padding):
    """x: (N, H, W, C) -> the numbers of all windows (N, OH, OW, C, K * K), row by row; the border is -inf."""
    k, s, p = kernel_size, stride, padding
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=-np.inf)
    view = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(1, 2))[:, ::s, ::s]
    return view.reshape(*view.shape[:4], k * k)


def fast_backward(dy, x, kernel_size, stride=None, padding=0):
    """The same as max_pool_backward."""
    k, s, p = kernel_size, stride or kernel_size, padding
    winner = windows(x, k, s, p).argmax(axis=4)  # (N, OH, OW, C), the place in the window
    n, i, j, c = np.indices(dy.shape)  # four arrays (N, OH, OW, C): which output this is
    row, column = i * s + winner // k, j * s + winner % k  # where the winner is in the padded picture
    dpadded = np.zeros((len(x), x.shape[1] + 2 * p, x.shape[2] + 2 * p, x.shape[3]), dy.dtype)
    np.add.at(dpadded, (n, row, column, c), dy)  # an index that comes twice is added twice
    return dpadded[:, p : p + x.shape[1], p : p + x.shape[2]]


class MyMaxPool2d(Layer):
    def __init__(self, kernel_size, stride=None, padding=0):
        self.geometry = kernel_size, kernel_size if stride is None else stride, padding

    def output_shape(self, shape):  # so that a network knows its shapes before it runs
        k, s, p = self.geometry
        return (shape[0] + 2 * p - k) // s + 1, (shape[1] + 2 * p - k) // s + 1, shape[2]

    def forward(self, x):
        self.remember(x)
        return windows(x, *self.geometry).max(axis=4)

    def backward(self, dy):
        (x,) = self.recall()
        return fast_backward(dy, x, *self.geometry)
