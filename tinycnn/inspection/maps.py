"""What the layers show: the maps that an image leaves behind, and the filters that the first layer has learned."""

from dataclasses import dataclass

import numpy as np

from tinycnn.backend import Array, to_numpy
from tinycnn.errors import ShapeError
from tinycnn.inspection.taps import find_layer, frames, network_input, tap, twin
from tinycnn.layers import Conv2d, Layer
from tinycnn.models.localizer import Localizer
from tinycnn.plots.look import Figure


@dataclass(frozen=True, repr=False)
class Activations:
    """The output of one layer for one image: maps (H, W, C), in the network's dtype on the host.

    layer: its full name    shown: (S, S, 3) uint8, the image as the network saw it
    """

    layer: str
    maps: np.ndarray
    shown: np.ndarray

    def __repr__(self) -> str:
        return f"Activations({self.layer!r}, {' x '.join(map(str, self.maps.shape))})"

    def strongest(self, most: int) -> np.ndarray:
        """Numbers of the channels with the largest mean size, strongest first."""
        return np.argsort(-np.abs(self.maps).mean(axis=(0, 1)), kind="stable")[:most]

    def plot(self, most: int = 23) -> Figure:
        """The image and its `most` strongest maps, as a figure."""
        from tinycnn.plots.pixels import activations_figure

        return activations_figure(self, most)


def activations(model: Localizer, image: Array, layer: str) -> Activations:
    """What `layer` gives for one image, as Activations; nothing of `model` changes.

    image: uint8 (H, W, 3)    layer: name of a layer whose output is a map, such as "relu1"
    """
    name, _ = find_layer(model, layer)
    calm = twin(model).eval()
    seen = tap(calm)[name]
    shown, _ = frames(model, image)
    calm.forward(network_input(model, shown))
    maps = to_numpy(seen.y)[0]
    if maps.ndim != 3:
        raise ShapeError(f"layer {layer!r} gives {maps.shape}, not maps (H, W, C): choose one before Flatten")
    return Activations(name, maps, shown[0])


def filters(layer: Layer, most: int = 64) -> Figure:
    """The filters of a first layer as a figure of small color pictures, gray being 0.

    layer: a Conv2d with 3 input channels (or 1), or a model: then its first Conv2d
    """
    from tinycnn.plots.pixels import filters_figure

    if not isinstance(layer, Conv2d):
        convolutions = [inner for _, inner in layer.layers() if isinstance(inner, Conv2d)]
        if not convolutions:
            raise TypeError(f"filters shows the kernels of a Conv2d, and {type(layer).__name__} has none")
        layer = convolutions[0]
    w = to_numpy(layer.w.value)
    if w.shape[2] not in (1, 3):
        raise ShapeError(f"{layer} mixes {w.shape[2]} channels, which no color can show: only first layers have 1 or 3")
    return filters_figure(w, most)
