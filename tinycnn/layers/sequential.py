"""Layers in a chain: each one's output is the next one's input, and backward walks the chain from its end.

    for layer in layers:                      for layer in reversed(layers):
        x = layer.forward(x)                      dy = layer.backward(dy)

That is all a network is. tinycnn/engine runs these two loops faster; this file is the only one here that knows of it.
"""

from collections.abc import Iterator
from typing import Any

from tinycnn import engine
from tinycnn.backend import Array, MaybeNone, Shape
from tinycnn.errors import ShapeError
from tinycnn.layers.base import Layer
from tinycnn.layers.sharing import expect_unshared

# Names that a layer gets when it is given none; the number counts layers of a kind: conv1, relu1, pool1, conv2 ...
SHORT = {"Conv2d": "conv", "MaxPool2d": "pool", "AvgPool2d": "pool", "Linear": "fc", "LocalResponseNorm": "norm",
         "BatchNorm2d": "norm"}


class Sequential(Layer):
    """A chain of layers, by position or by name.

        net = Sequential(Conv2d(3, 16, 3, padding=1), ReLU(), MaxPool2d(2), Flatten(), Linear(1024, 10),
                         input_shape=(16, 16, 3))
        net["conv1"], net[0], net[:3], net["conv1":"pool1"]       # slices share their layers; both named ends included

    input_shape: (H, W, C) or (D,) of one input. With it every layer's shapes are checked here, once, with the name of
    the layer that does not fit, rather than at the first forward.
    """

    skips_input_gradient = True

    def __init__(self, *layers: Layer, input_shape: Shape | None = None, **named_layers: Layer) -> None:
        self._layers: dict[str, Any] = {}
        for layer in layers:
            self._layers[self._free_name(layer)] = layer
        for name, layer in named_layers.items():
            if name in self._layers:
                raise ValueError(f"Sequential: two layers are called {name!r}; give each its own name")
            self._layers[name] = layer
        for name, layer in self._layers.items():
            if isinstance(layer, list | tuple):
                raise TypeError("Sequential takes its layers one by one, not in a list: Sequential(*layers)")
            if not isinstance(layer, Layer):
                hint = f"a class: write {layer.__name__}(...)" if isinstance(layer, type) else \
                    f"{layer!r}, not a Layer. Inherit from tinycnn.layers.Layer."
                raise TypeError(f"Sequential: {name!r} is {hint}")
        if len(self._layers) > 1:  # one alone cannot stand in two places of this chain
            expect_unshared(self)
        if input_shape is not None:
            self.output_shape(input_shape)

    def _free_name(self, layer: Layer) -> str:
        short, number = SHORT.get(type(layer).__name__, type(layer).__name__.lower()), 1
        while f"{short}{number}" in self._layers:
            number += 1
        return f"{short}{number}"

    def children(self) -> dict[str, Layer]:
        return dict(self._layers)

    def forward(self, x: Array) -> Array:
        self._memory = None  # if a layer raises, no backward belongs to what is left of an earlier forward
        y, tape = engine.forward(self._layers.values(), x)
        self.remember(tape, output=y)
        return y

    def backward(self, dy: Array, input_gradient: bool = True) -> Array | MaybeNone:
        (tape,) = self.recall(dy)
        return engine.backward(tape, dy, input_gradient)

    def shapes(self, shape: Shape) -> Iterator[tuple[str, Layer, Shape, Shape]]:
        """Yield (name, layer, shape in, shape out) for one input of `shape`, without running anything."""
        for name, layer in self._layers.items():
            try:
                out = layer.output_shape(shape)
            except ShapeError as error:
                raise ShapeError(f"layer {name!r}: {error}") from None
            yield name, layer, tuple(shape), out
            shape = out

    def output_shape(self, shape: Shape) -> Shape:
        *_, last = [tuple(shape), *(out for _, _, _, out in self.shapes(shape))]
        return last

    def multiply_adds(self, shape: Shape) -> int:
        return sum(layer.multiply_adds(before) for _, layer, before, _ in self.shapes(shape))

    def workspace_bytes(self, shape: Shape, itemsize: int = 4) -> int:
        return max((layer.workspace_bytes(before, itemsize) for _, layer, before, _ in self.shapes(shape)), default=0)

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers.values())

    def __getitem__(self, key: int | str | slice) -> Any:
        names = list(self._layers)
        if isinstance(key, slice):
            start, stop = key.start, key.stop
            if isinstance(start, str):
                start = self._index(start)
            if isinstance(stop, str):
                stop = self._index(stop) + 1
            return Sequential(**{name: self._layers[name] for name in names[start : stop : key.step]})
        return self._layers[names[self._index(key) if isinstance(key, str) else key]]

    def _index(self, name: str) -> int:
        if name not in self._layers:
            raise KeyError(f"no layer is called {name!r}; there are: {', '.join(self._layers)}")
        return list(self._layers).index(name)

    def __repr__(self) -> str:
        lines = "".join(f"\n  {name}: {layer!r}" for name, layer in self._layers.items())
        return f"Sequential({lines}\n)"
