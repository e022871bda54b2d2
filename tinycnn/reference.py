"""The slow, obvious version of everything: nested loops, exactly as the formulas read.

This file is the specification. The fast layers are tested against it on random geometry, and it is the place to look
when a formula seems mysterious: nothing here is clever, and every number is computed by a line that you can point at.

A backward is read off its forward. Wherever the forward says

    y += x * w

a small change of x changes y by w times as much, and the other way round, so the backward says

    dx += dy * w
    dw += dy * x

in the same loops. It adds (+=) because one x may help to make many y: each of them sends its share of the blame.

Arrays are channels last: images x (N, H, W, C), kernels w (KH, KW, C // groups, F). Results have the dtype of x.
kernel_size, stride and padding are an integer or a pair (height, width), as in tinycnn.layers.
"""

import math

import numpy as np

from tinycnn.backend import Array, Labels
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


# --- where a window lies ---


def _output_size(x_shape, kernel_size, stride, padding, ceil_mode=False, dilation=1):
    """(OH, OW): how many windows fit into the padded image, found by trying.

    With ceil_mode one more window counts if the others leave something over and it does not start beyond the image.
    """
    counts = []
    for (size, k, s, p), d in zip(_axes(x_shape, kernel_size, stride, padding), pair(dilation, "dilation"), strict=True):
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


# --- fully connected ---


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


# --- losses ---


def softmax(scores: Array) -> Array:
    """p[n, k] = exp(scores[n, k]) / sum over all classes of exp(scores[n, :]).    scores, p: (N, K)

    The row's largest score is subtracted first: the fraction stays the same, and exp cannot overflow.
    """
    p = np.zeros_like(scores)
    for n, k in np.ndindex(scores.shape):
        largest = max(scores[n])
        p[n, k] = math.exp(scores[n, k] - largest) / sum(math.exp(score - largest) for score in scores[n])
    return p


def softmax_cross_entropy(scores: Array, labels: Labels) -> float:
    """Mean over the batch of -log(probability of the true class).    scores: (N, K)    labels: (N,) of 0 .. K-1

    log p is written out, score - largest - log(sum), because p itself may be too small for a floating-point number.
    """
    total = 0.0
    for row, label in zip(scores, labels, strict=True):
        largest = max(row)
        total -= row[label] - largest - math.log(sum(math.exp(score - largest) for score in row))
    return total / len(scores)


def softmax_cross_entropy_backward(scores: Array, labels: Labels) -> Array:
    """dscores (N, K) = (p - 1 at the true class, p elsewhere) / N."""
    dscores = softmax(scores)
    for n, k in np.ndindex(scores.shape):
        if k == labels[n]:
            dscores[n, k] -= 1
        dscores[n, k] /= len(scores)
    return dscores


def l2_loss(pred: Array, target: Array, mask: Array | None = None) -> float:
    """Mean of (pred - target) ** 2 over the elements that count: all, or those where mask (same shape) is not 0."""
    total, count = 0.0, 0
    for at in np.ndindex(pred.shape):
        if mask is None or mask[at]:
            total += (pred[at] - target[at]) ** 2
            count += 1
    return total / max(1, count)


def l2_loss_backward(pred: Array, target: Array, mask: Array | None = None) -> Array:
    """dpred = 2 * (pred - target) / count where an element counts, 0 elsewhere; shape of pred."""
    count = pred.size if mask is None else np.count_nonzero(mask)
    dpred = np.zeros_like(pred)
    for at in np.ndindex(pred.shape):
        if mask is None or mask[at]:
            dpred[at] = 2 * (pred[at] - target[at]) / count
    return dpred
