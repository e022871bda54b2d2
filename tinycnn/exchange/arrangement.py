"""How PyTorch keeps the weights of a network: under which names, and with which axes where.

A convolution's weights are (KH, KW, C, F) here and (F, C, KH, KW) there, a Linear's (D, F) and (F, D). A map that is
flattened becomes (H, W, C) numbers here and (C, H, W) there, so the inputs of the Linear behind it stand in another
order. The box head of a localizer, say, has the layers' own names, with `weight` and `bias` for w and b.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinycnn import layers
from tinycnn.backend import Array, Shape
from tinycnn.layers import Buffer, Layer, Parameter
from tinycnn.models.base import PictureModel
from tinycnn.models.cascade import PoseCascade

NAMES = {"w": "weight", "b": "bias"}
ELEMENTWISE = (layers.ReLU, layers.LeakyReLU, layers.Dropout)


class Place(NamedTuple):
    """One array of a model. name: PyTorch's    own: ours    held: where it is    shape: PyTorch's
    there, back: functions that arrange an array as PyTorch has it, and as it is here
    """

    name: str
    own: str
    held: Parameter | Buffer
    shape: Shape
    there: Callable[[Array], Array]
    back: Callable[[Array], Array]


def expect_one_stage(model: Layer, name: str) -> None:
    """Raise TypeError for a network that goes back to the photograph between its stages. name: of the caller"""
    if isinstance(model, PoseCascade):
        raise TypeError(f"{name}: a PoseCascade cuts squares out of the photograph between its two networks, and one "
                        "graph does not. Give it model.first and model.second, one after the other")


def places(model: Layer, input_shape: Shape | None = None) -> list[Place]:
    """All parameters and buffers of the layers in `model`, in the order of forward.

    input_shape: (H, W, C) of one input, where `model` is no model of pictures and has a Flatten
    """
    shapes, found = flattened(model, input_shape), []
    inner = list(model.layers()) or [("", model)]
    for prefix, layer in inner:
        for name, held in (layer.held(Parameter) | layer.held(Buffer)).items():
            there, back = _arrangement(layer, name, held.value.shape, shapes.get(id(layer)))
            dotted = f"{prefix}." if prefix else ""
            shape = there(np.broadcast_to(np.int8(0), held.value.shape)).shape
            found.append(Place(dotted + NAMES.get(name, name), dotted + name, held, shape, there, back))
    return found


def _arrangement(layer, name, shape, picture):
    if name == "w" and isinstance(layer, layers.Conv2d):
        return (lambda w: w.transpose(3, 2, 0, 1)), (lambda w: w.transpose(2, 3, 1, 0))
    if name == "w" and isinstance(layer, layers.Linear):
        if picture is None:
            return (lambda w: w.T), (lambda w: w.T)
        h, w_, c = picture
        return ((lambda w: w.reshape(h, w_, c, -1).transpose(3, 2, 0, 1).reshape(shape[::-1])),
                (lambda w: w.reshape(-1, c, h, w_).transpose(2, 3, 1, 0).reshape(shape)))
    return (lambda w: w), (lambda w: w)


def flattened(model: Layer, input_shape: Shape | None = None) -> dict[int, Shape]:
    """{id of a Linear: (H, W, C)} for those whose input is a flattened map.

    Raises TypeError where that cannot be known, or where PyTorch's order would reach an output.
    """
    found: dict[int, Shape] = {}
    if isinstance(model, PictureModel):
        start = (model.image_size, model.image_size, 3)
        parts: list[Any] = list(model.children().values())  # the trunk, and the heads on what it gives
        shape, picture = _walk(parts[0], start, None, found)
        for head in parts[1:]:
            _expect_end(head, _walk(head, shape, picture, found))
    elif any(isinstance(layer, layers.Flatten) for layer in model.tree()):
        if input_shape is None:
            raise TypeError(f"a flattened map has its numbers in another order in PyTorch: give the shape of one input "
                            f"of this {type(model).__name__}, input_shape=(H, W, C)")
        _expect_end(model, _walk(model, tuple(input_shape), None, found))
    return found


def _expect_end(layer, after):
    if after[1] is not None:
        raise TypeError(f"{layer!r} gives a flattened map, whose numbers have another order in PyTorch: put a Linear "
                        "behind it")


def _walk(layer, shape, picture, found):
    """(shape, picture) behind a layer. picture: (H, W, C) of the map that was flattened into the array, or None"""
    if isinstance(layer, layers.Sequential):
        for inner in layer:
            shape, picture = _walk(inner, shape, picture, found)
        return shape, picture
    if isinstance(layer, layers.Residual):
        if picture is not None:
            raise TypeError(f"{layer!r} adds to a flattened map, whose numbers have another order in PyTorch")
        if layer.shortcut is not None:
            _walk(layer.shortcut, shape, None, found)
        return _walk(layer.body, shape, None, found)
    if isinstance(layer, layers.Flatten) and len(shape) == 3:
        return layer.output_shape(shape), shape
    if isinstance(layer, layers.Linear) and picture is not None:
        found[id(layer)] = picture
    return layer.output_shape(shape), picture if isinstance(layer, ELEMENTWISE) else None

