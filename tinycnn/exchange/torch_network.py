"""A model as a PyTorch network with the same weights, to go on there or to be compared.

    network = tc.to_torch(model)              images channels first: scores, boxes = network(x.transpose(0, 3, 1, 2))

PyTorch is nothing that tinycnn needs; whoever has it can take a network there, and its state_dict back by
tc.load_state_dict(model, network.state_dict()).
"""

from collections import OrderedDict
from typing import Any

import numpy as np

from tinycnn import layers
from tinycnn.backend import Shape, to_numpy
from tinycnn.errors import require
from tinycnn.exchange.arrangement import expect_one_stage, places
from tinycnn.layers import Layer
from tinycnn.models.base import has_own_methods
from tinycnn.models.localizer import Localizer
from tinycnn.models.pose import PoseNet

torch = require("torch", extra="torch")
nn = torch.nn


class Network(nn.Module):  # type: ignore[name-defined]
    """A Localizer or PoseNet: normalized images (N, C, H, W) -> scores (N, K), boxes (N, 4) or (N, K, 4), both as
    model.forward gives them; or (N, 2 * J), or maps (N, J, R, R).
    """

    def __init__(self, model: Any, inplace: bool = False) -> None:
        super().__init__()
        self.per_class = getattr(model, "per_class_boxes", False)
        for name, part in model.children().items():
            setattr(self, name, counterpart(part, inplace))

    def forward(self, x: Any) -> Any:
        """One forward; PyTorch keeps what its own backward needs."""
        features = self.trunk(x)
        if hasattr(self, "head"):
            return self.head(features)
        scores, boxes = self.class_head(features), self.box_head(features)
        return scores, boxes.reshape(len(boxes), -1, 4) if self.per_class else boxes


class Residual(nn.Module):  # type: ignore[name-defined]
    """body(x) + shortcut(x), or + x"""

    def __init__(self, body: Any, shortcut: Any) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Any) -> Any:
        """As tinycnn.layers.Residual."""
        return self.body(x) + (x if self.shortcut is None else self.shortcut(x))


class GlobalAvgPool(nn.Module):  # type: ignore[name-defined]
    """The mean of each channel."""

    def forward(self, x: Any) -> Any:
        """(N, C, H, W) -> (N, C)"""
        return x.mean((2, 3))


def network(model: Layer, input_shape: Shape | None = None, inplace: bool = False) -> Any:
    """See tinycnn.to_torch. inplace: ReLUs write into their input, which saves memory, where no Residual needs it"""
    expect_one_stage(model, "to_torch")
    arrays = places(model, input_shape)
    whole = Network(model, inplace) if isinstance(model, Localizer | PoseNet) else counterpart(model, inplace)
    theirs = dict(whole.named_parameters()) | dict(whole.named_buffers())
    with torch.no_grad():
        for place in arrays:
            if place.name in theirs:  # the statistics of boxes are not
                value = torch.from_numpy(np.array(place.there(to_numpy(place.held.value)), order="C"))
                theirs[place.name].data = value
    return whole.train(model.training)


def counterpart(layer: Any, inplace: bool = False) -> Any:
    """PyTorch's layer that computes what a tinycnn layer does, with weights of its own."""
    make = COUNTERPARTS.get(type(layer))
    if make is None or has_own_methods(layer):
        raise TypeError(f"there is no counterpart in PyTorch for {layer!r}; there are those of "
                        f"{', '.join(sorted(kind.__name__ for kind in COUNTERPARTS))}")
    return make(layer, inplace)


def _sequential(layer, inplace):
    return nn.Sequential(OrderedDict((name, counterpart(inner, inplace)) for name, inner in layer.children().items()))


def _residual(layer, inplace):
    shortcut = None if layer.shortcut is None else counterpart(layer.shortcut)
    return Residual(counterpart(layer.body), shortcut)


def _convolution(layer, inplace):
    return nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel, layer.stride,
                     "same" if layer.same else layer.padding, layer.dilation, layer.groups, layer.b is not None)


def _average(layer, inplace):
    return nn.AvgPool2d(layer.kernel, layer.stride, layer.padding, ceil_mode=layer.ceil_mode,
                        count_include_pad=layer.count_include_pad)


def _response(layer, inplace):
    # PyTorch divides alpha by the window's size; here that is a choice.
    alpha = layer.alpha if layer.divide_alpha else layer.alpha * layer.size
    return nn.LocalResponseNorm(layer.size, alpha, layer.beta, layer.k)


COUNTERPARTS: dict[type, Any] = {
    layers.Sequential: _sequential, layers.Residual: _residual, layers.Conv2d: _convolution,
    layers.AvgPool2d: _average, layers.LocalResponseNorm: _response,
    layers.Linear: lambda layer, _: nn.Linear(layer.in_features, layer.out_features, bias=layer.b is not None),
    layers.MaxPool2d: lambda layer, _: nn.MaxPool2d(layer.kernel, layer.stride, layer.padding,
                                                    ceil_mode=layer.ceil_mode),
    layers.GlobalAvgPool2d: lambda layer, _: GlobalAvgPool(),
    layers.Upsample2d: lambda layer, _: nn.Upsample(scale_factor=layer.factor),
    layers.BatchNorm2d: lambda layer, _: nn.BatchNorm2d(layer.channels, layer.eps, layer.momentum),
    layers.Dropout: lambda layer, _: nn.Dropout(layer.p),
    layers.ReLU: lambda layer, inplace: nn.ReLU(inplace=inplace),
    layers.LeakyReLU: lambda layer, _: nn.LeakyReLU(layer.negative_slope),
    layers.Flatten: lambda layer, _: nn.Flatten(),
}  # fmt: skip
