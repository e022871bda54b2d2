"""Patches in scratch memory, and the gradient that they send home: tinycnn/patches.py without new arrays.

The groups of a convolution stand in front of every array, G, as in tinycnn/layers/conv.py.
"""

import numpy as np

from tinycnn.patches import output_size, split


def unsplit(a, shape):
    """The way back from split: (G, rows, C/G) -> `shape` (..., C)."""
    return a.swapaxes(0, 1).reshape(shape)


def padded(x, padding, worker, name="x"):
    """x (N, H, W, C), contiguous, with `padding` = (rows, columns) of zeros on each side."""
    (ph, pw), (n, h, w, c) = padding, x.shape
    if ph == pw == 0:
        return np.ascontiguousarray(x)
    # The array comes back with its zero border intact, so only the middle is written. Several layers use one worker,
    # and each has its own border.
    whole = worker.zeros((name, padding, h, w, c), (n, h + 2 * ph, w + 2 * pw, c), x.dtype)
    whole[:, ph : ph + h, pw : pw + w] = x
    return whole


def patches(x, kernel, stride, padding, worker, name="x"):
    """The patches of x (N, H, W, C) as rows (N*OH*OW, KH*KW*C), in the scratch array `name`."""
    (kh, kw), (sh, sw), (n, h, w, c) = kernel, stride, x.shape
    if kernel == stride == (1, 1) and padding == (0, 0):
        return x.reshape(n * h * w, c)
    oh, ow = (output_size(*axis) for axis in zip((h, w), kernel, stride, padding, strict=True))
    whole = padded(x, padding, worker, name)
    image, row, column, _ = whole.strides
    steps = image, row * sh, column * sw, row, whole.itemsize
    windows = np.ndarray((n, oh, ow, kh, kw * c), x.dtype, whole, strides=steps)
    cols = worker.empty((name, "cols"), (n * oh * ow, kh * kw * c), x.dtype)
    cols.reshape(windows.shape)[...] = windows
    return cols


def no_gradients(w):
    """dw (KH, KW, C/G, F) and db (F,) of no images."""
    return np.zeros_like(w), np.zeros(w.shape[3], w.dtype)


def input_gradient(dy, w, dx, stride, padding, groups, worker):
    """Write dx (N, H, W, C) of a convolution with w (KH, KW, C/G, F), given dy (N, OH, OW, F): col2im(dy @ w.T)."""
    (kh, kw, c, f), (ph, pw), (n, h, width, _) = w.shape, padding, dx.shape
    (_, oh, ow, _), f = dy.shape, f // groups
    rows = split(dy, groups)  # (G, N*OH*OW, F/G)
    if stride == (1, 1) and ph < kh and pw < kw:
        # With stride 1 this is itself a convolution: of dy, with the kernel turned by 180 degrees and its inputs and
        # outputs exchanged. It copies patches instead of adding them, which is faster.
        images = rows.reshape(groups * n, oh, ow, f)
        cols = patches(images, (kh, kw), (1, 1), (kh - 1 - ph, kw - 1 - pw), worker, "dy")
        turned = w[::-1, ::-1].reshape(kh, kw, c, groups, f).transpose(3, 0, 1, 4, 2).reshape(groups, kh * kw * f, c)
        if groups == 1:
            np.matmul(cols, turned[0], out=dx.reshape(n * h * width, c))
        else:
            dx[...] = unsplit(cols.reshape(groups, n * h * width, kh * kw * f) @ turned, dx.shape)
        return
    _phase_by_phase(rows.reshape(groups * n, oh, ow, f), w, dx, stride, padding, groups, worker)


def _phase_by_phase(images, w, dx, stride, padding, groups, worker):
    """The input gradient with a stride, of images (G*N, OH, OW, F/G) of dy: a part of dx at a time.

    With stride 2, the pixels in even rows and columns of the bordered input have met only the weights in even rows and
    columns of the kernel, and so on: the pixels of each of the SH*SW phases are a convolution of dy, without a stride,
    with the weights of that phase.
    """
    (kh, kw, c, _), (sh, sw), (n, h, width, _) = w.shape, stride, dx.shape
    (_, oh, ow, f), itemsize = images.shape, images.itemsize
    reach = -(-kh // sh) - 1, -(-kw // sw) - 1  # how far a phase's window reaches beyond its own place in dy
    below = [max(0, (size + p - 1) // s + 1 - o) for size, p, s, o in
             zip((h, width), padding, stride, (oh, ow), strict=True)]  # pixels of dx beyond the last window
    whole = np.ascontiguousarray(images)
    if any(reach) or any(below):
        whole = worker.zeros(("dy", reach, tuple(below), oh, ow, f),
                             (len(images), reach[0] + oh + below[0], reach[1] + ow + below[1], f), images.dtype)
        whole[:, reach[0] : reach[0] + oh, reach[1] : reach[1] + ow] = images
    image, row, column, _ = whole.strides
    for i in range(sh):
        for j in range(sw):
            weights, first = w[i::sh, j::sw], ((i - padding[0]) % sh, (j - padding[1]) % sw)
            target = dx[:, first[0] :: sh, first[1] :: sw]
            (u, v), (rows, columns) = weights.shape[:2], target.shape[1:3]
            if weights.size == 0 or target.size == 0:  # the kernel is smaller than the stride, or the image is
                target[...] = 0
                continue
            # Where the first of these pixels stands in its phase, there its window ends in dy.
            top = (first[0] + padding[0]) // sh + reach[0] - u + 1
            left = (first[1] + padding[1]) // sw + reach[1] - v + 1
            windows = np.ndarray((len(images), rows, columns, u, v * f), images.dtype, whole, top * row + left * column,
                                 (image, row, column, row, itemsize))
            cols = worker.empty(("dy", "cols"), (groups, n * rows * columns, u * v * f), images.dtype)
            cols.reshape(windows.shape)[...] = windows
            turned = weights[::-1, ::-1].reshape(u, v, c, groups, f).transpose(3, 0, 1, 4, 2)
            found = worker.empty("dx phase", (groups, n * rows * columns, c), images.dtype)
            np.matmul(cols, turned.reshape(groups, u * v * f, c), out=found)
            target[...] = unsplit(found, target.shape)
