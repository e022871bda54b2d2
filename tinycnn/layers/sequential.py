"""Layers in a row: each one's output is the next one's input, and backward walks the row from its end."""

from tinycnn.errors import ShapeError
from tinycnn.layers import pieces
from tinycnn.layers.base import Layer

# Names that a layer gets when it is given none; the number counts layers of a kind: conv1, relu1, pool1, conv2 ...
SHORT = {"Conv2d": "conv", "MaxPool2d": "pool", "AvgPool2d": "pool", "Linear": "fc", "LocalResponseNorm": "norm"}


class Sequential(Layer):
    """A chain of layers, by position or by name.

        net = Sequential(Conv2d(3, 16, 3, padding=1), ReLU(), MaxPool2d(2), Flatten(), Linear(1024, 10),
                         input_shape=(16, 16, 3))
        net["conv1"], net[0], net[:3], net["conv1":"pool1"]       # slices share their layers; both named ends included

    input_shape: (H, W, C) or (D,) of one input. With it every layer's shapes are checked here, once, with the name of
    the layer that does not fit, rather than at the first forward.
    """

    skips_input_gradient = True

    def __init__(self, *layers, input_shape=None, **named_layers):
        self._layers = {}
        for layer in layers:
            self._layers[self._free_name(layer)] = layer
        for name, layer in named_layers.items():
            if name in self._layers:
                raise ValueError(f"Sequential: two layers are called {name!r}; give each its own name")
            self._layers[name] = layer
        for name, layer in self._layers.items():
            if not isinstance(layer, Layer):
                raise TypeError(f"Sequential: {name!r} is {layer!r}, not a Layer. Inherit from tinycnn.layers.Layer.")
        if input_shape is not None:
            self.output_shape(input_shape)

    def _free_name(self, layer):
        short = SHORT.get(type(layer).__name__, type(layer).__name__.lower())
        number = 1 + sum(1 for name in self._layers if name.rstrip("0123456789") == short)
        return f"{short}{number}"

    def children(self):
        return dict(self._layers)

    def forward(self, x):
        for row in pieces.rows(self._layers.values()):
            x = row[0].forward(x) if len(row) == 1 else pieces.forward(row, x)
        return x

    def backward(self, dy, input_gradient=True):
        layers = list(self._layers.values())
        if not input_gradient:
            # Without dx, nothing below the first layer with parameters has work to do.
            first = next((i for i, layer in enumerate(layers) if layer.parameters()), len(layers))
            for layer in layers[:first]:
                layer.forget()
            layers = layers[first:]
        for row in reversed(list(pieces.rows(layers))):
            wanted = input_gradient or row[0] is not layers[0]
            if len(row) > 1:
                dy = pieces.backward(row, dy, wanted)
            elif wanted or not row[0].skips_input_gradient:
                dy = row[0].backward(dy)
            else:
                dy = row[0].backward(dy, input_gradient=False)
        return dy if input_gradient else None

    def shapes(self, shape):
        """Yield (name, layer, shape in, shape out) for one input of `shape`, without running anything."""
        for name, layer in self._layers.items():
            try:
                out = layer.output_shape(shape)
            except ShapeError as error:
                raise ShapeError(f"layer {name!r}: {error}") from None
            yield name, layer, tuple(shape), out
            shape = out

    def output_shape(self, shape):
        *_, last = [tuple(shape), *(out for _, _, _, out in self.shapes(shape))]
        return last

    def multiply_adds(self, shape):
        return sum(layer.multiply_adds(before) for _, layer, before, _ in self.shapes(shape))

    def workspace_bytes(self, shape, itemsize=4):
        return max((layer.workspace_bytes(before, itemsize) for _, layer, before, _ in self.shapes(shape)), default=0)

    def __len__(self):
        return len(self._layers)

    def __iter__(self):
        return iter(self._layers.values())

    def __getitem__(self, key):
        names = list(self._layers)
        if isinstance(key, slice):
            start, stop = key.start, key.stop
            if isinstance(start, str):
                start = self._index(start)
            if isinstance(stop, str):
                stop = self._index(stop) + 1
            return Sequential(**{name: self._layers[name] for name in names[start : stop : key.step]})
        return self._layers[names[self._index(key) if isinstance(key, str) else key]]

    def _index(self, name):
        if name not in self._layers:
            raise KeyError(f"no layer is called {name!r}; there are: {', '.join(self._layers)}")
        return list(self._layers).index(name)

    def __repr__(self):
        lines = "".join(f"\n  {name}: {layer!r}" for name, layer in self._layers.items())
        return f"Sequential({lines}\n)"
