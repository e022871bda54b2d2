"""One output of a convolution, computed in front of everyone's eyes: patch x kernel = products, sum, plus bias."""

from dataclasses import dataclass

import numpy as np

from tinycnn.backend import Array, to_numpy
from tinycnn.errors import ShapeError
from tinycnn.layers import Conv2d
from tinycnn.patches import im2col
from tinycnn.plots.look import Figure
from tinycnn.text import figure_of


@dataclass(frozen=True, repr=False)
class ConvExplanation:
    """y[row, column, filter] of one image, taken apart.

    patch, kernel, products: (KH, KW, C), C only those of the filter's group    bias, value: numbers
    window: (xmin, ymin, xmax, ymax) of the patch in the layer's input, negative or beyond it inside the border
    x: (H, W, C), the layer's input, all channels    channels: numbers of the C channels
    """

    position: tuple[int, int]
    filter: int
    patch: np.ndarray
    kernel: np.ndarray
    bias: float
    window: tuple[int, int, int, int]
    x: np.ndarray
    channels: range

    @property
    def products(self) -> np.ndarray:
        return self.patch * self.kernel

    @property
    def value(self) -> float:
        return float(self.products.sum(dtype=np.float64) + self.bias)

    def __repr__(self) -> str:
        row, column = self.position
        sums = self.products.sum(axis=(0, 1), dtype=np.float64)  # (C,)
        terms = " ".join(f"{'-' if s < 0 else '+'} {figure_of(abs(s))}" for s in sums[:6])
        more = f" + {len(sums) - 6} channels more" if len(sums) > 6 else ""
        return f"y[{row}, {column}, {self.filter}] = {terms}{more} (one sum of products per channel) " \
               f"{'-' if self.bias < 0 else '+'} {figure_of(abs(self.bias))} (bias) = {figure_of(self.value, 3)}"

    def plot(self) -> Figure:
        """The patch, the kernel and their products, channel by channel, as a figure."""
        from tinycnn.plots.convolution import explain_figure

        return explain_figure(self)


def explain_conv(layer: Conv2d, x: Array, row: int, column: int, filter: int = 0) -> ConvExplanation:
    """How a Conv2d computes its output at (row, column) for one filter; returns a ConvExplanation.

    x: the layer's input, (H, W, C) or (1, H, W, C), on any device; for the first layer of a model what model.normalize
    gives, for a later one tinycnn.inspection.activations(model, image, layer_before).maps
    """
    if not isinstance(layer, Conv2d):
        raise TypeError(f"explain_conv explains a Conv2d, got {layer!r}")
    x = to_numpy(x)
    x = x[0] if x.ndim == 4 and len(x) == 1 else x
    if x.ndim != 3:
        raise ShapeError(f"explain_conv takes one input (H, W, C), got shape {x.shape}: choose an image with x[i]")
    height, width, filters = layer.output_shape(x.shape)
    if not (0 <= row < height and 0 <= column < width and 0 <= filter < filters):
        raise IndexError(f"the output is {height} x {width} x {filters}: there is no ({row}, {column}, {filter})")
    (kh, kw), (sh, sw), (ph, pw) = layer.kernel, layer.stride, layer.padding
    per_group = layer.in_channels // layer.groups
    first = filter // (layer.out_channels // layer.groups) * per_group
    channels = range(first, first + per_group)
    top, left = row * sh, column * sw  # in the padded input
    cols = im2col(x[None], layer.kernel, layer.stride, layer.padding, (height, width), dilation=layer.dilation)
    patch = cols[0, row, column].reshape(kh, kw, -1)[:, :, first : first + per_group]
    kernel = to_numpy(layer.w.value)[..., filter]  # (KH, KW, C)
    bias = float(to_numpy(layer.b.value)[filter]) if layer.b is not None else 0.0
    eh, ew = (kh - 1) * layer.dilation[0] + 1, (kw - 1) * layer.dilation[1] + 1  # how far the window extends
    window = (left - pw, top - ph, left - pw + ew, top - ph + eh)
    return ConvExplanation((row, column), filter, patch.copy(), kernel.copy(), bias, window, x, channels)
