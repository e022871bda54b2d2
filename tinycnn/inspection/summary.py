"""What a network is made of: one line per layer with its shape, its parameters, its memory and its work.

Nothing is run. Every layer knows which shape it gives for which shape, so the numbers come from arithmetic alone and
cost no time, for AlexNet as well as for a toy. They answer the three questions before a training: where do the
parameters sit (in the fully connected layers), where is the work done (in the convolutions), what needs the memory (the
outputs of the first layers, times the batch).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinycnn import engine
from tinycnn.backend import Shape
from tinycnn.errors import ShapeError
from tinycnn.layers import Flatten, Layer, Residual, Sequential
from tinycnn.models.cascade import PoseCascade
from tinycnn.text import megabytes, shortened, table, times


@dataclass(frozen=True)
class Row:
    """One layer.

    name: dotted, as in parameters()    kind: how the layer prints itself    shape: of one output, without the batch
    parameters: how many numbers it learns    activation_bytes: of its outputs for the whole batch (Flatten makes none)
    workspace_bytes: scratch memory of one thread on the CPU, used again by the next layer
    multiply_adds: multiplications, each with its addition, in the forward of one image
    """

    name: str
    kind: str
    shape: Shape
    parameters: int
    activation_bytes: int
    workspace_bytes: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """The rows of a network; printed, a table.

    title: what it is of    shape: of one input    batch_size: N
    itemsize: bytes of one number
    """

    title: str
    rows: tuple[Row, ...]
    shape: Shape
    batch_size: int
    itemsize: int = 4

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def parameter_bytes(self) -> int:
        return self.parameters * self.itemsize

    @property
    def activation_bytes(self) -> int:
        """Of all outputs together. Training keeps about as much until backward has used it; prediction does not."""
        return sum(row.activation_bytes for row in self.rows)

    @property
    def workspace_bytes(self) -> int:
        """The largest of all layers, since one runs after the other."""
        return max((row.workspace_bytes for row in self.rows), default=0)

    @property
    def multiply_adds(self) -> int:
        return sum(row.multiply_adds for row in self.rows)

    def __getitem__(self, name: str) -> Row:
        """The row of the layer with this name; summary["trunk.conv1"] or, where only one ends so, summary["conv1"]."""
        found = [row for row in self.rows if row.name == name] or [
            row for row in self.rows if row.name.endswith(f".{name}")]
        if len(found) != 1:
            names = ", ".join(row.name for row in self.rows)
            raise KeyError(f"{len(found)} layers are called {name!r}; there are: {names}")
        return found[0]

    def __str__(self) -> str:
        head = ("layer", "what it is", "output", "parameters", "activations", "workspace", "multiply-adds")
        units = ("", "", "one image", "", f"MB, batch {self.batch_size}", "MB, thread", "one image")
        cells = [(row.name, shortened(row.kind, 40, "…)"), times(row.shape), f"{row.parameters:,}",
                  megabytes(row.activation_bytes), megabytes(row.workspace_bytes), f"{row.multiply_adds:,}")
                 for row in self.rows]
        total = ("total", "", "", f"{self.parameters:,}", megabytes(self.activation_bytes),
                 f"{megabytes(self.workspace_bytes)} most", f"{self.multiply_adds:,}")
        lines = table([head, units, *cells, total], left=2, rules=(0, 2, -1))
        filled = megabytes(self.parameter_bytes)
        foot = f"The parameters fill {filled} MB; training with momentum keeps three times that."
        return f"{self.title}, input {times(self.shape)}\n{lines}\n{foot}"


def summary(model: Layer, shape: Shape | None = None, batch_size: int = 64) -> Summary:
    """The Summary of a layer, a Sequential or a network with heads, for inputs of `shape`, without running it.

    shape: of one input without the batch axis, (H, W, C) or (D,); None takes the image size that the model states
    batch_size: N, for the memory of the activations

    >>> from tinycnn.layers import Linear, ReLU, Sequential
    >>> summary(Sequential(Linear(8, 4), ReLU()), shape=(8,)).parameters
    36
    """
    if isinstance(model, PoseCascade):
        raise TypeError("summary: a PoseCascade is two networks: summary(model.first), then summary(model.second)")
    if shape is None:
        if not hasattr(model, "image_size"):
            raise ShapeError(f"{type(model).__name__} does not say what it takes: give shape=(H, W, C) or shape=(D,)")
        shape = (model.image_size, model.image_size, 3)
    dtypes = {parameter.value.dtype for parameter in model.parameters().values()} or {np.dtype(np.float32)}
    itemsize = max(dtype.itemsize for dtype in dtypes)
    rows = tuple(_row(*found, batch_size, itemsize) for found in walk(model, tuple(shape), ""))
    title = type(model).__name__ if len(model.children()) else repr(model)
    return Summary(title, rows, tuple(shape), batch_size, itemsize)


def walk(layer: Layer, shape: Shape, name: str, shortcuts: bool = True) -> Iterator[tuple[str, Layer, Shape]]:
    """Yield (name, layer, shape in) for every layer that has none inside, in the order of forward.

    shortcuts: with the layers around which a Residual leads its input; without them each layer takes what the one
    before it gives
    """
    inside = f"{name}." if name else ""
    if isinstance(layer, Sequential):
        for child_name, child, before, _ in layer.shapes(shape):
            yield from walk(child, before, inside + child_name, shortcuts)
    elif isinstance(layer, Residual):
        layer.output_shape(shape)  # says so where the two ways do not fit
        yield from walk(layer.body, shape, f"{inside}body", shortcuts)
        if layer.shortcut is not None and shortcuts:
            yield from walk(layer.shortcut, shape, f"{inside}shortcut", shortcuts)
    elif hasattr(layer, "trunk"):  # a trunk, and heads that all see the trunk's features
        yield from walk(layer.trunk, shape, f"{inside}trunk", shortcuts)
        features = layer.trunk.output_shape(shape)
        for child_name, child in layer.children().items():
            if child is not layer.trunk:
                yield from walk(child, features, inside + child_name, shortcuts)
    else:
        yield name or type(layer).__name__.lower(), layer, shape


def _row(name, layer, shape, batch_size, itemsize):
    output = layer.output_shape(shape)
    parameters = sum(parameter.value.size for parameter in layer.parameters().values())
    # Flatten hands on the same memory in another shape.
    activations = 0 if isinstance(layer, Flatten) else batch_size * int(np.prod(output)) * itemsize
    workspace = engine.workspace_bytes(layer, (batch_size, *shape), np.dtype(f"float{8 * itemsize}"))
    return Row(name, repr(layer), tuple(output), parameters, activations, workspace, layer.multiply_adds(shape))
