"""Images to patches and back: what turns a convolution into one matrix product.

`im2col` copies the KH x KW window under every output position into a row. `col2im` is its adjoint: it adds every row
back to the pixels that it came from, so a pixel seen by several windows collects all their gradients. On the host both
are strided copies; on a GPU each is one kernel (tinycnn/kernels.py), which adds in the same order.
"""

import numpy as np

from tinycnn import kernels
from tinycnn.backend import array_module
from tinycnn.errors import ShapeError


def output_size(size, kernel, stride, padding, ceil_mode=False):
    """Number of windows along one axis.

    With ceil_mode a last window that only partly fits counts too, unless it starts beyond the image (PyTorch's rule).

    >>> output_size(227, kernel=11, stride=4, padding=0)
    55
    """
    room = size + 2 * padding - kernel  # what the first window leaves over
    last = -(-room // stride) if ceil_mode else room // stride
    if ceil_mode and last * stride >= size + padding:
        last -= 1
    if last < 0:
        raise ShapeError(
            f"a window of {kernel} does not fit into {size} pixels with padding {padding}. "
            "Use a larger image, a smaller kernel, or fewer poolings before this layer."
        )
    return last + 1


def pad(x, padding, lane=None, name="x"):
    """x (N, H, W, C) with `padding` = (rows, columns) of zeros on each side."""
    (ph, pw), (n, h, w, c) = padding, x.shape
    if ph == pw == 0:
        return x
    shape = (n, h + 2 * ph, w + 2 * pw, c)
    # A lane's array comes back with its zero border intact, so only the middle needs to be written.
    key = (name, padding, h, w, c)  # several layers use one lane, and each its own border
    padded = array_module(x).zeros(shape, x.dtype) if lane is None else lane.zeros(key, shape, x.dtype)
    padded[:, ph : ph + h, pw : pw + w] = x
    return padded


def im2col(x, kernel, stride=(1, 1), padding=(0, 0), lane=None, name="x"):
    """Patches of x (N, H, W, C) as rows: (N, OH, OW, KH*KW*C), in the order of a kernel (KH, KW, C, F).

    Channels last makes this fast: one row of a window is KW*C consecutive numbers, copied as one run.
    lane: a tinycnn.parallel.Lane whose scratch array `name` receives the patches; without it a new array does.
    """
    xp = array_module(x)
    (kh, kw), (sh, sw) = kernel, stride
    n, _, _, c = x.shape
    oh, ow = (output_size(size, k, s, p) for size, k, s, p in zip(x.shape[1:3], kernel, stride, padding, strict=True))
    if kernel == (1, 1) and stride == (1, 1) and padding == (0, 0):
        return x
    shape = (n, oh, ow, kh * kw * c)
    cols = xp.empty(shape, x.dtype) if lane is None else lane.empty(f"{name} cols", shape, x.dtype)
    if xp is not np:
        kernels.IM2COL(x, sh, sw, *padding, cols.reshape(n, oh, ow, kh, kw, c))
        return cols
    padded = np.ascontiguousarray(pad(x, padding, lane, name))
    image, row, column, _ = padded.strides  # an axis of length 1 may have any stride: that of C in x[..., None] is 0
    windows = np.lib.stride_tricks.as_strided(
        padded, (n, oh, ow, kh, kw * c), (image, row * sh, column * sw, row, padded.itemsize)
    )
    cols.reshape(windows.shape)[...] = windows
    return cols


def col2im(cols, x_shape, kernel, stride=(1, 1), padding=(0, 0)):
    """Add patches (N, OH, OW, KH*KW*C) back onto images x_shape (N, H, W, C): the adjoint of im2col.

    The loop runs over the KH*KW positions inside the window, never over output positions: each step adds one
    whole strided picture.
    """
    xp = array_module(cols)
    (kh, kw), (sh, sw), (ph, pw) = kernel, stride, padding
    n, h, w, c = x_shape
    oh, ow = cols.shape[1:3]
    cols = cols.reshape(n, oh, ow, kh, kw, c)
    if xp is not np:
        x = xp.empty(x_shape, cols.dtype)
        kernels.COL2IM(cols, sh, sw, ph, pw, x)
        return x
    padded = np.zeros((n, h + 2 * ph, w + 2 * pw, c), cols.dtype)
    for i in range(kh):
        for j in range(kw):
            padded[:, i : i + sh * oh : sh, j : j + sw * ow : sw] += cols[:, :, :, i, j]
    return padded[:, ph : ph + h, pw : pw + w]


def input_gradient(dy, w, x_shape, stride, padding, lane=None):
    """dx (N, H, W, C) of a convolution with w (KH, KW, C, F), given dy (N, OH, OW, F): col2im(dy @ w.T).

    x_shape: (.., H, W, C); N is that of dy
    """
    (kh, kw, c, f), (ph, pw) = w.shape, padding
    if stride == (1, 1) and ph < kh and pw < kw:
        # With stride 1 this is itself a convolution: of dy, with the kernel turned by 180 degrees and its inputs and
        # outputs exchanged. It copies patches instead of adding them, which is faster.
        cols = im2col(dy, (kh, kw), (1, 1), (kh - 1 - ph, kw - 1 - pw), lane, "dy")
        dx = cols.reshape(-1, kh * kw * f) @ w[::-1, ::-1].swapaxes(2, 3).reshape(-1, c)  # (N*H*W, C)
        return dx.reshape(len(dy), *x_shape[1:3], c)
    dcols = dy.reshape(-1, f) @ w.reshape(-1, f).T  # (N*OH*OW, KH*KW*C)
    dcols = dcols.reshape(*dy.shape[:3], -1)
    return col2im(dcols, (len(dy), *x_shape[1:3], c), (kh, kw), stride, padding)
