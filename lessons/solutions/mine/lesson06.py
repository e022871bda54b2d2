"""Written in lesson 06."""

import numpy as np
from tinycnn.layers.base import Layer
from tinycnn.layers.base import Parameter


def output_size(size, kernel, stride=1, padding=0):
    """Number of windows along one axis."""
    room = size + 2 * padding - kernel  # what the first window leaves over
    return room // stride + 1


def conv_loops(x, w, b, stride=1, padding=0):
    """x: (N, H, W, C); w: (KH, KW, C, F); b: (F,) -> y: (N, OH, OW, F), in the dtype of x."""
    (n, height, width, _), (kh, kw, _, f) = x.shape, w.shape
    p = padding
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))  # (N, H + 2p, W + 2p, C)
    y = np.zeros((n, output_size(height, kh, stride, p), output_size(width, kw, stride, p), f), x.dtype)
    for m, i, j, k in np.ndindex(y.shape):
        window = padded[m, i * stride : i * stride + kh, j * stride : j * stride + kw]  # (KH, KW, C)
        y[m, i, j, k] = (window * w[..., k]).sum() + b[k]
    return y


def im2col(x, kernel, stride=1, padding=0):
    """x: (N, H, W, C); kernel: (KH, KW) -> every window as a row, (N, OH, OW, KH * KW * C), in the dtype of x."""
    (n, height, width, c), (kh, kw), p = x.shape, kernel, padding
    oh, ow = output_size(height, kh, stride, p), output_size(width, kw, stride, p)
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    cols = np.empty((n, oh, ow, kh, kw, c), x.dtype)
    for i in range(kh):
        for j in range(kw):  # this place of the window, for all windows at once
            cols[:, :, :, i, j] = padded[:, i : i + stride * oh : stride, j : j + stride * ow : stride]
    return cols.reshape(n, oh, ow, kh * kw * c)


def col2im(cols, x_shape, kernel, stride=1, padding=0):
    """cols: (N, OH, OW, KH * KW * C) -> pictures of x_shape (N, H, W, C) that have collected all patches."""
    (n, height, width, c), (kh, kw), p = x_shape, kernel, padding
    oh, ow = cols.shape[1:3]
    cols = cols.reshape(n, oh, ow, kh, kw, c)
    padded = np.zeros((n, height + 2 * p, width + 2 * p, c), cols.dtype)
    for i in range(kh):
        for j in range(kw):
            padded[:, i : i + stride * oh : stride, j : j + stride * ow : stride] += cols[:, :, :, i, j]
    return padded[:, p : p + height, p : p + width]


def conv_backward(dy, x, w, stride=1, padding=0):
    """dy: (N, OH, OW, F) -> dx, dw, db in the shapes of x (N, H, W, C), w (KH, KW, C, F) and b (F,)."""
    kernel, f = w.shape[:2], w.shape[3]
    cols = im2col(x, kernel, stride, padding)  # (N, OH, OW, K)
    dw = cols.reshape(-1, cols.shape[3]).T @ dy.reshape(-1, f)  # (K, F)
    dcols = dy @ w.reshape(-1, f).T  # (N, OH, OW, K)
    return col2im(dcols, x.shape, kernel, stride, padding), dw.reshape(w.shape), dy.sum(axis=(0, 1, 2))


def conv_forward(x, w, b, stride=1, padding=0):
    """The same as conv_loops."""
    return im2col(x, w.shape[:2], stride, padding) @ w.reshape(-1, w.shape[3]) + b


class MyConv2d(Layer):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, rng=None):
        rng = np.random.default_rng(0) if rng is None else rng
        shape = (kernel_size, kernel_size, in_channels, out_channels)
        std = np.float32((2 / (kernel_size * kernel_size * in_channels)) ** 0.5)
        self.w = Parameter(rng.standard_normal(shape, dtype=np.float32) * std)
        self.b = Parameter(np.zeros(out_channels, np.float32))
        self.stride, self.padding = stride, padding

    def output_shape(self, shape):  # so that a network knows its shapes before it runs
        size = [output_size(n, self.w.value.shape[0], self.stride, self.padding) for n in shape[:2]]
        return *size, self.w.value.shape[3]

    def forward(self, x):
        self.remember(x)
        return conv_forward(x, self.w.value, self.b.value, self.stride, self.padding)

    def backward(self, dy):
        (x,) = self.recall()
        dx, self.w.grad, self.b.grad = conv_backward(dy, x, self.w.value, self.stride, self.padding)
        return dx
