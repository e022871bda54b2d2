"""Images to patches and back: what turns a convolution into one matrix product, and a pooling into one maximum.

`im2col` copies the KH x KW window under every output position into a row. `col2im` is its adjoint: it adds every row
back to the pixels that it came from, so a pixel seen by several windows collects all their gradients. On the host both
are strided copies; on a GPU each is one kernel (tinycnn/kernels.py), which adds in the same order.
"""

import math

import numpy as np

from tinycnn import kernels
from tinycnn.backend import Array, Shape, array_module
from tinycnn.errors import ShapeError


def output_size(size: int, kernel: int, stride: int, padding: int, ceil_mode: bool = False) -> int:
    """Number of windows along one axis.

    With ceil_mode a last window that only partly fits counts too, unless it starts beyond the image (PyTorch's rule).
    Raises ShapeError where not a single window fits.

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


def im2col(x: Array, kernel: Shape, stride: Shape = (1, 1), padding: Shape = (0, 0), size: Shape | None = None,
           fill: float = 0, dilation: Shape = (1, 1)) -> Array:
    """Patches of x (N, H, W, C) as rows: (N, OH, OW, KH*KW*C), in the order of a kernel (KH, KW, C, F).

    size: (OH, OW), by default as many windows as fit; more (ceil_mode) reach beyond the padding    fill: what stands
    in the padding and beyond    dilation: distance of neighboring places in a window
    Channels last makes this fast: without dilation one row of a window is KW*C consecutive numbers.
    """
    (n, h, w, c), (kh, kw), (sh, sw), (ph, pw), (dh, dw) = x.shape, kernel, stride, padding, dilation
    eh, ew = (kh - 1) * dh + 1, (kw - 1) * dw + 1  # how far a window extends
    oh, ow = size or (output_size(h, eh, sh, ph), output_size(w, ew, sw, pw))
    xp = array_module(x)
    if xp is not np:
        cols = xp.empty((n, oh, ow, kh, kw, c), x.dtype)
        kernels.IM2COL(x, sh, sw, ph, pw, dh, dw, fill, cols)
        return cols.reshape(n, oh, ow, kh * kw * c)
    padded = np.full((n, max(h + 2 * ph, (oh - 1) * sh + eh), max(w + 2 * pw, (ow - 1) * sw + ew), c), fill, x.dtype)
    padded[:, ph : ph + h, pw : pw + w] = x
    image, row, column, channel = padded.strides
    strides = image, row * sh, column * sw, row * dh, column * dw, channel
    windows = np.lib.stride_tricks.as_strided(padded, (n, oh, ow, kh, kw, c), strides)
    return windows.reshape(n, oh, ow, kh * kw * c)  # copies


def col2im(cols: Array, x_shape: Shape, kernel: Shape, stride: Shape = (1, 1), padding: Shape = (0, 0),
           dilation: Shape = (1, 1)) -> Array:
    """Add patches (N, OH, OW, KH*KW*C) back onto images x_shape (N, H, W, C): the adjoint of im2col.

    The loop runs over the KH*KW places inside the window, never over output positions: each step adds one whole
    strided picture. What lies on the padding, or beyond it, is dropped.
    """
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = kernel, stride, padding, dilation
    (n, h, w, c), (oh, ow) = x_shape, cols.shape[1:3]
    eh, ew = (kh - 1) * dh + 1, (kw - 1) * dw + 1
    cols = cols.reshape(n, oh, ow, kh, kw, c)
    xp = array_module(cols)
    if xp is not np:
        x = xp.empty(x_shape, cols.dtype)
        kernels.COL2IM(cols, sh, sw, ph, pw, dh, dw, x)
        return x
    padded = np.zeros((n, max(h + 2 * ph, (oh - 1) * sh + eh), max(w + 2 * pw, (ow - 1) * sw + ew), c), cols.dtype)
    for i in range(kh):
        for j in range(kw):
            padded[:, i * dh : i * dh + sh * oh : sh, j * dw : j * dw + sw * ow : sw] += cols[:, :, :, i, j]
    return padded[:, ph : ph + h, pw : pw + w]


def split(a: Array, groups: int) -> Array:
    """The groups of the last axis in front: (..., C) -> (G, rows, C/G). With one group nothing moves."""
    return a.reshape(math.prod(a.shape[:-1]), groups, a.shape[-1] // groups).swapaxes(0, 1)
