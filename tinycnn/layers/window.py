"""What convolution and pooling share: a window that slides over the image, and where it comes to stand."""

import numpy as np

from tinycnn.errors import ShapeError
from tinycnn.layers.base import Layer
from tinycnn.patches import output_size


class Window2d(Layer):
    """Base of the layers with a window. kernel_size, stride, padding: an int, or a pair (height, width)."""

    in_channels = None  # None: any number
    ceil_mode = False

    def __init__(self, kernel_size, stride, padding):
        self.kernel, self.stride = pair(kernel_size, "kernel_size"), pair(stride, "stride")
        self.padding = pair(padding, "padding")
        if min(self.kernel + self.stride) < 1 or min(self.padding) < 0:
            raise ValueError(f"{self}: kernel and stride must be at least 1, padding at least 0")

    def output_shape(self, shape):
        if len(shape) != 3 or self.in_channels not in (None, shape[2]):
            raise ShapeError(f"{self} expects (H, W, {self.in_channels or 'C'}), got {tuple(shape)}")
        (h, w, c), (kh, kw), (sh, sw), (ph, pw) = shape, self.kernel, self.stride, self.padding
        oh, ow = output_size(h, kh, sh, ph, self.ceil_mode), output_size(w, kw, sw, pw, self.ceil_mode)
        return oh, ow, self._channels(c)

    def _channels(self, c):
        """Channels of the output, for c of the input."""
        return c

    def _describe_window(self, usual_stride):
        """"3, stride=2, padding=1": the window, and what is not as usual."""
        usual = {"stride": usual_stride, "padding": (0, 0)}
        extras = [f"{name}={short(getattr(self, name))}" for name in usual if getattr(self, name) != usual[name]]
        return ", ".join([str(short(self.kernel)), *extras])


def pair(value, name):
    """An int stands for (height, width) alike: 3 -> (3, 3), (3, 5) -> (3, 5)."""
    values = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2 or not all(isinstance(v, int | np.integer) for v in values):
        raise ValueError(f"{name} must be an integer or a pair (height, width) of integers, got {value!r}")
    return int(values[0]), int(values[1])


def short(values):
    """How a pair is printed: (3, 3) -> 3, (3, 5) -> (3, 5)."""
    return values[0] if values[0] == values[1] else values
