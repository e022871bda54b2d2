"""What convolution and pooling share: a window that slides over the image, and where it comes to stand."""

import numpy as np

from tinycnn.backend import MaybeNone, Shape
from tinycnn.errors import ShapeError
from tinycnn.layers.base import Layer
from tinycnn.patches import output_size

IntOrPair = int | tuple[int, int]  # 3, or (height, width)


class Window2d(Layer):
    """Base of the layers with a window. kernel_size, stride, padding, dilation: an int, or a pair (height, width).

    padding="same": as much as gives the output the size of the input; of an odd number of pixels the larger part goes
    below and to the right, as in PyTorch.
    """

    in_channels: int | MaybeNone = None  # None: any number
    ceil_mode = False

    def __init__(self, kernel_size: IntOrPair, stride: IntOrPair, padding: IntOrPair | str,
                 dilation: IntOrPair = 1) -> None:
        self.kernel, self.stride = pair(kernel_size, "kernel_size"), pair(stride, "stride")
        self.dilation, self.same = pair(dilation, "dilation"), padding == "same"
        if self.same:
            (kh, kw), (dh, dw) = self.kernel, self.dilation
            padding = (kh - 1) * dh // 2, (kw - 1) * dw // 2
        self.padding = pair(padding, "padding")
        if min(self.kernel + self.stride + self.dilation) < 1 or min(self.padding) < 0:
            raise ValueError(f"{self}: kernel, stride and dilation must be at least 1, padding at least 0")
        if self.same and self.stride != (1, 1):
            raise ValueError(f'{self}: padding="same" keeps the size of the image, so the stride must be 1')

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3 or self.in_channels not in (None, shape[2]):
            raise ShapeError(f"{self} expects (H, W, {self.in_channels or 'C'}), got {tuple(shape)}")
        if self.same:
            return (*shape[:2], self._channels(shape[2]))
        axes = zip(shape[:2], self.kernel, self.stride, self.padding, self.dilation, strict=True)
        oh, ow = (output_size(size, (k - 1) * d + 1, s, p, self.ceil_mode) for size, k, s, p, d in axes)
        return oh, ow, self._channels(shape[2])

    def _channels(self, c: int) -> int:
        """Channels of the output, for c of the input."""
        return c

    def _describe_window(self, usual_stride: Shape) -> str:
        """"3, stride=2, padding=1": the window, and what is not as usual."""
        usual = {"stride": usual_stride, "padding": (0, 0), "dilation": (1, 1)}
        extras = [f"{name}={short(getattr(self, name))}" for name in usual if getattr(self, name) != usual[name]]
        if self.same:
            extras = ["padding='same'", *(extra for extra in extras if not extra.startswith("padding"))]
        return ", ".join([str(short(self.kernel)), *extras])


def pair(value: IntOrPair | str, name: str) -> tuple[int, int]:
    """An int stands for (height, width) alike: 3 -> (3, 3), (3, 5) -> (3, 5)."""
    values = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2 or not all(isinstance(v, int | np.integer) for v in values):
        raise ValueError(f"{name} must be an integer or a pair (height, width) of integers, got {value!r}")
    return int(values[0]), int(values[1])


def short(values: tuple[int, int]) -> IntOrPair:
    """How a pair is printed: (3, 3) -> 3, (3, 5) -> (3, 5)."""
    return values[0] if values[0] == values[1] else values
