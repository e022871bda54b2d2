"""Where convolutions are clever: other ways to the same numbers, faster on a processor.

Patches (tinycnn/layers/conv.py) are the definition. They work for every geometry, and they run wherever nothing here
applies: on a GPU, for instance.

    winograd.py   3x3 and 5x5 kernels with many channels: a fraction of the multiplications
    planes.py     few channels, as in the first layer: the same patches, copied row by row
    pooled.py     a convolution and the 2 x 2 max pooling behind it as one, by either of these or by patches

All offer the same. Forward: kernel(w, b) once, then for each piece of the batch forward(x, kernel, y, lane, keep),
which writes y, and with `keep` returns what backward can use again. Backward: turned(w) once, then for each piece
backward(x, dy, turned, dx, lane, kept), which writes dx unless it is None, and returns dw and db; `kept` may be None.
All tests of convolution run with and without them. TINYCNN_SHORTCUTS=0 switches them off.
"""

import os

import numpy as np

from tinycnn.shortcuts.planes import Planes
from tinycnn.shortcuts.winograd import Tiles


def choose(xp, conv, oh, ow, n):
    """The faster way for one group of a Conv2d with oh x ow outputs and n images, or None: patches."""
    if conv.w.value.dtype.itemsize < 4:
        return None  # Winograd's rounding is for float32 and float64
    if xp is not np or conv.stride != (1, 1) or not enabled():
        return None
    c, f = conv.in_channels // conv.groups, conv.out_channels // conv.groups
    if Tiles.worthwhile(conv.kernel, c, f, oh, ow, n):
        return Tiles(conv.kernel[0], conv.padding, oh, ow)
    if Planes.worthwhile(conv.kernel, c, ow) and conv.groups == 1:
        return Planes(conv.kernel, conv.padding, oh, ow)
    return None


def enabled():
    """Whether shortcuts are to be taken at all."""
    return os.environ.get("TINYCNN_SHORTCUTS") != "0"
