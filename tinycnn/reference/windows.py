"""Layers with a window: convolution, the largest and the mean of each window, and where a window lies."""

import numpy as np

from tinycnn.backend import Array
from tinycnn.layers.window import IntOrPair, pair

# --- convolution ---


def conv2d(x: Array, w: Array, b: Array | None = None, stride: IntOrPair = 1, padding: IntOrPair = 0,
           groups: int = 1, dilation: IntOrPair = 1) -> Array:
    """y[n, i, j, f] = b[f] + the sum over the window at (i, j) of x * w[..., f].

    x: (N, H, W, C)    w: (KH, KW, C // groups, F)    b: (F,)    returns y: (N, OH, OW, F)
    """
    y = np.zeros((len(x), *_output_size(x.shape, w.shape[:2], stride, padding, dilation=dilation), w.shape[3]), x.dtype)
    for n, i, j, f in np.ndindex(y.shape):
        first = _first_channel(f, w, groups)
        for p, q, row, column in _window(i, j, w.shape[:2], stride, padding, x.shape, dilation):
            for c in range(w.shape[2]):
                y[n, i, j, f] += x[n, row, column, first + c] * w[p, q, c, f]
        if b is not None:
            y[n, i, j, f] += b[f]
    return y


def conv2d_backward(dy: Array, x: Array, w: Array, stride: IntOrPair = 1, padding: IntOrPair = 0,
                    groups: int = 1, dilation: IntOrPair = 1) -> tuple[Array, Array, Array]:
    """The same loops, every product turned around. Returns dx, dw, db in the shapes of x, w, b."""
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[3], w.dtype)
    for n, i, j, f in np.ndindex(dy.shape):
        first = _first_channel(f, w, groups)
        for p, q, row, column in _window(i, j, w.shape[:2], stride, padding, x.shape, dilation):
            for c in range(w.shape[2]):
                dx[n, row, column, first + c] += dy[n, i, j, f] * w[p, q, c, f]
                dw[p, q, c, f] += dy[n, i, j, f] * x[n, row, column, first + c]
        db[f] += dy[n, i, j, f]
    return dx, dw, db


def _first_channel(f, w, groups):
    """Where the channels begin that filter f sees: filter group g sees channel group g."""
    group = f // (w.shape[3] // groups)
    return group * w.shape[2]


# --- pooling ---


def max_pool2d(x: Array, kernel_size: IntOrPair, stride: IntOrPair | None = None, padding: IntOrPair = 0,
               ceil_mode: bool = False) -> Array:
    """y[n, i, j, c] = the largest x of channel c in the window at (i, j). The border never wins.

    x: (N, H, W, C)    returns y: (N, OH, OW, C)
    """
    stride = kernel_size if stride is None else stride
    y = np.zeros((len(x), *_output_size(x.shape, kernel_size, stride, padding, ceil_mode), x.shape[3]), x.dtype)
    for n, i, j, c in np.ndindex(y.shape):
        row, column = _winner(x[n, :, :, c], _window(i, j, kernel_size, stride, padding, x.shape))
        y[n, i, j, c] = x[n, row, column, c]
    return y


def max_pool2d_backward(dy: Array, x: Array, kernel_size: IntOrPair, stride: IntOrPair | None = None,
                        padding: IntOrPair = 0) -> Array:
    """The winner made y, so the winner gets dy; a pixel that won several windows collects. Returns dx (N, H, W, C)."""
    stride = kernel_size if stride is None else stride
    dx = np.zeros_like(x)
    for n, i, j, c in np.ndindex(dy.shape):
        row, column = _winner(x[n, :, :, c], _window(i, j, kernel_size, stride, padding, x.shape))
        dx[n, row, column, c] += dy[n, i, j, c]
    return dx


def _winner(picture, window):
    """(row, column) of the largest pixel of a window; among equals the first in row-major order."""
    pixels = [(row, column) for _, _, row, column in window]
    return max(pixels, key=lambda pixel: picture[pixel])  # Python's max keeps the first of equals


def avg_pool2d(x: Array, kernel_size: IntOrPair, stride: IntOrPair | None = None, padding: IntOrPair = 0,
               ceil_mode: bool = False, count_include_pad: bool = True) -> Array:
    """y[n, i, j, c] = the sum of x in the window at (i, j), divided by the number of places that count.

    x: (N, H, W, C)    returns y: (N, OH, OW, C)
    """
    stride = kernel_size if stride is None else stride
    y = np.zeros((len(x), *_output_size(x.shape, kernel_size, stride, padding, ceil_mode), x.shape[3]), x.dtype)
    for n, i, j, c in np.ndindex(y.shape):
        count = _count(i, j, kernel_size, stride, padding, x.shape, count_include_pad)
        for _, _, row, column in _window(i, j, kernel_size, stride, padding, x.shape):
            y[n, i, j, c] += x[n, row, column, c] / count
    return y


def avg_pool2d_backward(dy: Array, x: Array, kernel_size: IntOrPair, stride: IntOrPair | None = None,
                        padding: IntOrPair = 0, count_include_pad: bool = True) -> Array:
    """Every pixel of a window had the same part in its mean, so each gets the same share. Returns dx (N, H, W, C)."""
    stride = kernel_size if stride is None else stride
    dx = np.zeros_like(x)
    for n, i, j, c in np.ndindex(dy.shape):
        count = _count(i, j, kernel_size, stride, padding, x.shape, count_include_pad)
        for _, _, row, column in _window(i, j, kernel_size, stride, padding, x.shape):
            dx[n, row, column, c] += dy[n, i, j, c] / count
    return dx


def _count(i, j, kernel_size, stride, padding, x_shape, count_include_pad):
    """How many places a mean divides by: the pixels and, if asked, the padding; never what lies beyond the padding."""
    if not count_include_pad:
        return sum(1 for _ in _window(i, j, kernel_size, stride, padding, x_shape))
    sides = []
    for position, (size, k, s, p) in zip((i, j), _axes(x_shape, kernel_size, stride, padding), strict=True):
        start = position * s - p
        sides.append(min(start + k, size + p) - start)
    return sides[0] * sides[1]


def upsample2d(x: Array, factor: int) -> Array:
    """y[n, i, j, c] = x[n, i // factor, j // factor, c].    x: (N, H, W, C)    y: (N, factor * H, factor * W, C)"""
    n, h, w, c = x.shape
    y = np.zeros((n, factor * h, factor * w, c), x.dtype)
    for n, i, j, c in np.ndindex(y.shape):
        y[n, i, j, c] = x[n, i // factor, j // factor, c]
    return y


def upsample2d_backward(dy: Array, factor: int) -> Array:
    """One pixel made a block of them, and collects what they get. Returns dx (N, H, W, C)."""
    n, h, w, c = dy.shape
    dx = np.zeros((n, h // factor, w // factor, c), dy.dtype)
    for n, i, j, c in np.ndindex(dy.shape):
        dx[n, i // factor, j // factor, c] += dy[n, i, j, c]
    return dx


# --- where a window lies ---


def _output_size(x_shape, kernel_size, stride, padding, ceil_mode=False, dilation=1):
    """(OH, OW): how many windows fit into the padded image, found by trying.

    With ceil_mode one more window counts if the others leave something over and it does not start beyond the image.
    """
    counts = []
    axes = _axes(x_shape, kernel_size, stride, padding)
    for (size, k, s, p), d in zip(axes, pair(dilation, "dilation"), strict=True):
        k, end = (k - 1) * d + 1, size + p  # a dilated window reaches as far as a larger one
        fitting = [start for start in range(-p, end, s) if start + k <= end]
        leftover = not fitting or fitting[-1] + k < end
        one_more = ceil_mode and leftover and len(fitting) * s - p < size
        counts.append(len(fitting) + one_more)
    return tuple(counts)


def _window(i, j, kernel_size, stride, padding, x_shape, dilation=1):
    """Yield (p, q, row, column): place (p, q) of the window at (i, j) lies on pixel (row, column).

    Row-major. Places on the padding are left out: zeros add nothing to a sum, and -inf never wins a maximum.
    """
    (h, kh, sh, ph), (w, kw, sw, pw) = _axes(x_shape, kernel_size, stride, padding)
    dh, dw = pair(dilation, "dilation")
    for p, q in np.ndindex(kh, kw):
        row, column = i * sh + p * dh - ph, j * sw + q * dw - pw
        if 0 <= row < h and 0 <= column < w:
            yield p, q, row, column


def _axes(x_shape, kernel_size, stride, padding):
    """The geometry of each axis: (H, KH, stride, padding) and (W, KW, stride, padding)."""
    pairs = pair(kernel_size, "kernel_size"), pair(stride, "stride"), pair(padding, "padding")
    return list(zip(x_shape[1:3], *pairs, strict=True))
