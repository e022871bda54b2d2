"""Receptive fields: which pixels of the image a unit deep in the network can see.

Going down from a unit, every window widens what is seen: row r of a layer's output comes from `kernel` rows of its
input, from r * stride - padding on, and columns likewise. What falls outside a map is border, not picture, and must be
left out at each layer, not once at the end: a unit beside the last one would see further, but it does not exist. (The
closed formulas, without borders: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill 2019.)
"""

from dataclasses import dataclass

from tinycnn.backend import Shape
from tinycnn.errors import ShapeError
from tinycnn.inspection.summary import walk
from tinycnn.layers import Layer
from tinycnn.text import short, table, times


@dataclass(frozen=True)
class Field:
    """How a layer's units lie over the image, borders aside.

    name: of the layer    size: (height, width) of what a unit sees, in pixels    jump: (down, right) pixels from a unit
    to its neighbor    start: (y, x) of the first pixel that the unit (0, 0) sees, negative inside a border
    """

    name: str
    size: tuple[int, int]
    jump: tuple[int, int]
    start: tuple[int, int]

    def center(self, row: int, column: int) -> tuple[float, float]:
        """(x, y) in pixels of the middle of what the unit (row, column) sees."""
        (y, x), (h, w), (down, right) = self.start, self.size, self.jump
        return x + column * right + w / 2, y + row * down + h / 2


def receptive_field(network: Layer, layer: str, row: int, column: int,
                    shape: Shape | None = None) -> tuple[int, int, int, int]:
    """The box around the pixels that can change the unit (row, column) of `layer`: (xmin, ymin, xmax, ymax), half open.

    network: a localizer or a Sequential    layer: its name    shape: (H, W, C) of an image; None takes the model's size
    Layers with a window need kernel, stride and padding, as Conv2d and the poolings have; a layer that keeps its shape
    is taken to work on each position by itself; behind Flatten or Linear a unit sees the whole image. The box is exact;
    where a stride is larger than its kernel, some pixels inside go unseen. A unit that sees only border: (0, 0, 0, 0).
    """
    path, shape = _path(network, layer, shape)
    height, width = _map_size(path[-1][3])
    if not (0 <= row < height and 0 <= column < width):
        raise ShapeError(f"layer {layer!r} has {height} x {width} units, so there is none at ({row}, {column})")
    seen = [{row}, {column}]  # rows and columns; windows are rectangles, so these two say all
    for _, inner, before, _ in reversed(path):
        window = _window(inner, before)
        if window is None:
            return 0, 0, shape[1], shape[0]
        for axis, (kernel, stride, padding, dilation) in enumerate(window):
            reached = {at * stride - padding + k * dilation for at in seen[axis] for k in range(kernel)}
            seen[axis] = reached & set(range(before[axis]))
    rows, columns = seen
    return (min(columns), min(rows), max(columns) + 1, max(rows) + 1) if rows and columns else (0, 0, 0, 0)


def receptive_fields(network: Layer, shape: Shape | None = None) -> list[Field]:
    """The Field of every layer that has positions, in order of forward."""
    fields, size, jump, start = [], (1, 1), (1, 1), (0, 0)
    for name, inner, before, after in _path(network, None, shape)[0]:
        window = _window(inner, before)
        if window is None or len(after) != 3:
            break
        size = tuple(s + (k - 1) * d * j for s, j, (k, _, _, d) in zip(size, jump, window, strict=True))
        start = tuple(a - p * j for a, j, (_, _, p, _) in zip(start, jump, window, strict=True))
        jump = tuple(j * s for j, (_, s, _, _) in zip(jump, window, strict=True))
        fields.append(Field(name, size, jump, start))
    return fields


def middle_windows(network: Layer, fields: list[Field], side: int) -> list[tuple[int, int, int, int]]:
    """For each Field what its unit nearest to the middle of an image of side x side sees: boxes as receptive_field."""
    units = [[max(0, min(_units(side, f, axis) - 1, round(_middle(side, f, axis)))) for axis in (0, 1)] for f in fields]
    return [receptive_field(network, f.name, row, column, (side, side, 3))
            for f, (row, column) in zip(fields, units, strict=True)]


def _middle(side, field, axis):
    """The unit, as a fraction, whose field lies in the middle of the image."""
    return (side / 2 - field.start[axis] - field.size[axis] / 2) / field.jump[axis]


def _units(side, field, axis):
    return max(1, (side - field.start[axis] * 2 - field.size[axis]) // field.jump[axis] + 1)


def fields_table(fields: list[Field]) -> str:
    """The Fields as text."""
    rows = [(short(f.name), times(f.size), times(f.jump)) for f in fields]
    return table([("layer", "a unit sees (pixels)", "neighbors are apart"), *rows])


def _path(network, layer, shape):
    """[(name, layer, shape in, shape out)] from the image to `layer` (None: to the end), and the image's shape."""
    if shape is None:
        if not hasattr(network, "image_size"):
            raise ShapeError(f"{type(network).__name__} does not say what it takes: give shape=(H, W, C)")
        shape = (network.image_size, network.image_size, 3)
    path = []
    # The layers of a Residual's body see more than what goes around them.
    for name, found, before in walk(network, tuple(shape), "", shortcuts=False):
        path.append((name, found, before, found.output_shape(before)))
        if layer is not None and layer in (name, short(name)):
            return path, tuple(shape)
    if layer is None:
        return path, tuple(shape)
    raise KeyError(f"no layer is called {layer!r}; there are: {', '.join(short(name) for name, *_ in path)}")


def _map_size(shape):
    return shape[:2] if len(shape) == 3 else (1, 1)


def _window(layer, before):
    """((kernel, stride, padding, dilation) down, the same to the right); None for a layer that sees all positions."""
    if len(before) != 3:
        return None
    if all(hasattr(layer, name) for name in ("kernel", "stride", "padding")):
        dilation = getattr(layer, "dilation", (1, 1))
        return tuple(zip(layer.kernel, layer.stride, layer.padding, dilation, strict=True))
    return ((1, 1, 0, 1), (1, 1, 0, 1)) if layer.output_shape(before)[:2] == tuple(before[:2]) else None
