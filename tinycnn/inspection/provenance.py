"""Where the gradient of a single weight comes from: image by image, window by window.

A weight of a convolution is used once at every output position of every image, and its gradient is the sum over all
those uses of (the number that it met) x (the gradient that came back there):

    dw[i, j, c, f] = sum over n, oh, ow of x[n, oh * sh + i - ph, ow * sw + j - pw, c] * dy[n, oh, ow, f]

with the stride (sh, sw) and the padding (ph, pw). Every term belongs to one window of one image. So a gradient can be
traced back to the pictures that asked for it, and one sees what a gradient hides: most of the terms cancel.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinycnn.backend import ArrayLike, Labels, to_numpy
from tinycnn.data.dataset import Pictures
from tinycnn.inspection.receptive import Field, receptive_field, receptive_fields
from tinycnn.inspection.taps import batch_of, expect_localizer, find_layer, frames, loss_for, tap, twin
from tinycnn.layers import Conv2d
from tinycnn.losses import MultiTaskLoss
from tinycnn.models.localizer import Localizer
from tinycnn.patches import im2col
from tinycnn.plots.look import Figure
from tinycnn.text import count, figure_of, percent, plain, short, table


@dataclass(frozen=True)
class Contribution:
    """One term of the sum. image: its number    row, column: output position    window: the pixels seen there, xyxy
    value: the term    share: of the sum of all terms' sizes, with the sign of the term
    """

    image: int
    row: int
    column: int
    window: tuple[int, int, int, int]
    value: float
    share: float


@dataclass(frozen=True, repr=False)
class Provenance:
    """The gradient of one weight, taken apart.

    layer: name    weight: (row, column, channel, filter)    value: the weight    gradient: dloss/dweight, as backward
    computed it    kernel: (KH, KW), the slice of the kernel in which it lies    contributions: (N, OH, OW), they sum to
    the gradient    shown: (N, S, S, 3) uint8, the images as the network saw them    labels: (N,)    classes: K names
    field: how the layer's units lie over the image    model: for the windows
    """

    layer: str
    weight: tuple[int, int, int, int]
    value: float
    gradient: float
    kernel: np.ndarray
    contributions: np.ndarray
    shown: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    field: Field
    model: Localizer

    @property
    def per_image(self) -> np.ndarray:
        """(N,): what each image adds to the gradient."""
        return self.contributions.sum(axis=(1, 2))

    @property
    def cancelled(self) -> float:
        """Share of the terms' sizes that other terms of the opposite sign take away: 0 all agree, 1 nothing is left."""
        sizes = np.abs(self.contributions).sum()
        return float(1 - abs(self.contributions.sum()) / sizes) if sizes else 0.0

    def strongest(self, most: int = 10, image: int | None = None) -> list[Contribution]:
        """The Contributions of largest size, at most `most`; of one image, or of all."""
        sizes = np.abs(self.contributions)
        total = sizes.sum()
        if image is not None:
            sizes = np.where(np.arange(len(sizes))[:, None, None] == image, sizes, 0)
        best = np.argsort(-sizes, axis=None, kind="stable")[:most]
        where = [tuple(map(int, index)) for index in zip(*np.unravel_index(best, sizes.shape), strict=True)]
        terms = [float(self.contributions[index]) for index in where]
        return [Contribution(n, row, column, receptive_field(self.model, self.layer, row, column), term, term / total)
                for (n, row, column), term in zip(where, terms, strict=True) if sizes[n, row, column] > 0]

    @property
    def title(self) -> str:
        row, column, channel, filter_ = self.weight
        n, oh, ow = self.contributions.shape
        direction = "should decrease" if self.gradient > 0 else "should increase" if self.gradient else "may stay"
        return f"{short(self.layer)}.w[{row}, {column}, {channel}, {filter_}] = {figure_of(self.value)} {direction}: " \
               f"its gradient {figure_of(self.gradient)} is the sum of {n * oh * ow:,} terms " \
               f"({count(n, 'image')} x {oh} x {ow} positions); {percent(self.cancelled)} of their size cancels"

    def __repr__(self) -> str:
        rows = [(c.image, f"({c.row}, {c.column})", str(c.window), figure_of(c.value), f"{100 * c.share:+.2f} %")
                for c in self.strongest()]
        head = ("image", "position", "window (xmin, ymin, xmax, ymax)", "term", "share of all sizes")
        return f"{self.title}\n\n{table([head, *rows])}"

    def to_dict(self) -> dict[str, Any]:
        return plain({"layer": self.layer, "weight": self.weight, "value": self.value, "gradient": self.gradient,
                      "cancelled": self.cancelled, "per_image": self.per_image,
                      "strongest": [vars(c) for c in self.strongest()]})

    def plot(self) -> Figure:
        """Where in which images the gradient arises, as a figure."""
        from tinycnn.plots.convolution import provenance_figure

        return provenance_figure(self)


def provenance(model: Localizer, images: Pictures, labels: Labels, boxes: ArrayLike, layer: str,
               weight: tuple[int, int, int, int] | None = None, loss: MultiTaskLoss | None = None,
               seed: int = 0) -> Provenance:
    """Take the gradient of one weight of a convolution apart; returns a Provenance. Nothing of `model` changes.

    images, labels, boxes, loss, seed: as in trace    layer: name of a Conv2d, such as "conv1"
    weight: (row, column, channel, filter), the index into the layer's w; with groups, the channel counts inside the
        group. None takes the weight with the largest gradient.
    """
    expect_localizer(model, "provenance")
    name, chosen = find_layer(model, layer)
    if not isinstance(chosen, Conv2d):
        raise TypeError(f"provenance needs a Conv2d, and {layer!r} is {chosen!r}")
    second = twin(model, seed=seed).train()
    seen = tap(second)[name]
    x, labels, targets = batch_of(second, images, labels, boxes)
    loss = loss_for(model, loss)
    loss.forward(second.forward(x), (labels, targets))
    second.backward(*loss.backward())
    w, dw = to_numpy(seen.layer.w.value), to_numpy(seen.layer.w.grad)
    weight = _checked(weight, dw)
    terms = contributions(seen.layer, to_numpy(seen.x), to_numpy(seen.dy), weight)
    field = {f.name: f for f in receptive_fields(model)}[name]
    return Provenance(name, weight, float(w[weight]), float(dw[weight]), w[:, :, weight[2], weight[3]].copy(), terms,
                      frames(model, images)[0], np.asarray(labels), model.classes, field, model)


def contributions(layer: Conv2d, x: np.ndarray, dy: np.ndarray, weight: tuple[int, int, int, int]) -> np.ndarray:
    """The terms of a weight's gradient, float64 (N, OH, OW), from the layer's input and its output's gradient."""
    i, j, c, f = weight
    channel = c + f // (layer.out_channels // layer.groups) * (layer.in_channels // layer.groups)
    one = x[..., channel : channel + 1].astype(np.float64)  # (N, H, W, 1)
    cols = im2col(one, layer.kernel, layer.stride, layer.padding, dy.shape[1:3], dilation=layer.dilation)
    met = cols[..., i * layer.kernel[1] + j]  # (N, OH, OW): what this weight met, one column of the patches
    return met * dy[..., f].astype(np.float64)


def _checked(weight, dw):
    if weight is None:
        return tuple(int(k) for k in np.unravel_index(np.argmax(np.abs(dw)), dw.shape))
    if len(weight) != 4 or not all(-n <= k < n for k, n in zip(weight, dw.shape, strict=True)):
        raise IndexError(f"weight is (row, column, channel, filter) inside {dw.shape}, got {tuple(weight)}")
    return tuple(int(k) % n for k, n in zip(weight, dw.shape, strict=True))
