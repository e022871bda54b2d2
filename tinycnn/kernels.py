"""The loops that are written out in C for a GPU: patches, their adjoint, and both directions of max pooling.

An array operation on a GPU reads and writes its whole array, whatever little it does with each number. Adding KH*KW
strided pictures, as col2im does on the host, would move the same pixels KH*KW times. A kernel says instead how *one*
element of the result comes about, and the GPU computes all elements at once, each in a thread of its own. Every
element gathers what it needs and is written by nobody else, in an order of additions that is fixed: no atomic
operation is needed, and two runs give the same bits. The order is that of the host's loops, too.

A body sees its `raw` inputs as whole arrays, a[position], and every other name as one number: scalars, and the element
of each output that this thread computes. `_ind.get()` is the position of that element. CuPy compiles a kernel at its
first call, and computes offsets into memory with 64 bits where an array is too large for 32. The simulated device has
no C compiler: it does the same in NumPy (tinycnn/simulated/kernels.py).
"""

import functools
from dataclasses import dataclass

from tinycnn.backend import array_module


@dataclass(frozen=True)
class Kernel:
    """One kernel: its name, the declarations of inputs and outputs as CuPy reads them, and what one element does.

    Call it with all inputs and then all outputs, which are arrays of one shape: kernel(x, 2, 2, cols).
    """

    name: str
    inputs: str
    outputs: str
    body: str

    def __call__(self, *arguments):
        _compiled(self, array_module(arguments[0]))(*arguments)


@functools.cache
def _compiled(kernel, xp):
    # By default CuPy flattens arrays where it can, and then a position would have one number instead of four.
    return xp.ElementwiseKernel(kernel.inputs, kernel.outputs, kernel.body, kernel.name, reduce_dims=False)


# x (N, H, W, C) -> cols (N, OH, OW, KH, KW, C); `fill` stands where a window reaches beyond the image
IM2COL = Kernel(
    "im2col",
    "raw T x, int32 sh, int32 sw, int32 ph, int32 pw, int32 dh, int32 dw, T fill",
    "T cols",
    """
    const ptrdiff_t* at = _ind.get();  // image, output row and column, row and column in the window, channel
    const ptrdiff_t row = at[1] * sh + at[3] * dh - ph, column = at[2] * sw + at[4] * dw - pw;
    const ptrdiff_t pixel[] = {at[0], row, column, at[5]};
    const bool inside = row >= 0 && row < x.shape()[1] && column >= 0 && column < x.shape()[2];
    cols = inside ? x[pixel] : fill;
    """,
)

# The pixel in row r of the padded image is place p of window oh wherever oh * sh + p * dh == r, and so along the row.

# cols (N, OH, OW, KH, KW, C) -> x (N, H, W, C)
COL2IM = Kernel(
    "col2im",
    "raw T cols, int32 sh, int32 sw, int32 ph, int32 pw, int32 dh, int32 dw",
    "T x",
    """
    const ptrdiff_t* at = _ind.get();  // image, row, column, channel
    const int row = at[1] + ph, column = at[2] + pw;
    T sum = T(0);
    for (int p = 0; p < cols.shape()[3] && p * dh <= row; ++p) {
      const int oh = (row - p * dh) / sh;
      if (oh * sh != row - p * dh || oh >= cols.shape()[1]) continue;
      for (int q = 0; q < cols.shape()[4] && q * dw <= column; ++q) {
        const int ow = (column - q * dw) / sw;
        if (ow * sw != column - q * dw || ow >= cols.shape()[2]) continue;
        const ptrdiff_t place[] = {at[0], oh, ow, p, q, at[3]};
        sum += cols[place];
      }
    }
    x = sum;
    """,
)

# x (N, H, W, C) -> y, winner (N, OH, OW, C); the first of equals wins, and NaN passes, as in MaxPool2d
MAX_POOL = Kernel(
    "max_pool",
    "raw T x, int32 kh, int32 kw, int32 sh, int32 sw, int32 ph, int32 pw, T border",
    "T y, W winner",
    """
    const ptrdiff_t* at = _ind.get();  // image, output row and column, channel
    T best = border;
    W who = 0;
    for (int p = 0; p < kh; ++p)
      for (int q = 0; q < kw; ++q) {
        const ptrdiff_t row = at[1] * sh + p - ph, column = at[2] * sw + q - pw;
        if (row < 0 || row >= x.shape()[1] || column < 0 || column >= x.shape()[2]) continue;
        const ptrdiff_t pixel[] = {at[0], row, column, at[3]};
        const T value = x[pixel];
        if (value > best || (value != value && best == best)) {  // the first NaN wins, as in argmax
          best = value;
          who = p * kw + q;
        }
      }
    y = best;
    winner = who;
    """,
)

# dy, winner (N, OH, OW, C) -> dx (N, H, W, C)
MAX_POOL_BACKWARD = Kernel(
    "max_pool_backward",
    "raw T dy, raw W winner, int32 kh, int32 kw, int32 sh, int32 sw, int32 ph, int32 pw",
    "T dx",
    """
    const ptrdiff_t* at = _ind.get();  // image, row, column, channel
    const int row = at[1] + ph, column = at[2] + pw;
    T sum = T(0);
    for (int p = row % sh, oh = row / sh; p < kh && oh >= 0; p += sh, --oh)
      for (int q = column % sw, ow = column / sw; q < kw && ow >= 0; q += sw, --ow)
        if (oh < dy.shape()[1] && ow < dy.shape()[2]) {
          const ptrdiff_t place[] = {at[0], oh, ow, at[3]};
          if (winner[place] == p * kw + q) sum += dy[place];
        }
    dx = sum;
    """,
)
