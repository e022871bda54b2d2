"""A residual block: layers that compute what is to be added to their input, not a new output (He et al. 2016).

    y  = body(x) + x                       the input takes a shortcut around the layers
    dx = body's dx + dy                    and so does the gradient: no layer can stop it
"""

from tinycnn.backend import Array, Shape
from tinycnn.errors import ShapeError
from tinycnn.layers.base import Layer
from tinycnn.layers.sequential import Sequential


class Residual(Layer):
    """y = body(x) + shortcut(x); without a shortcut, y = body(x) + x.

    layers: those of the body, one behind the other    shortcut: a layer, or a Sequential, where the body changes the
    shape, most often Conv2d(channels, filters, 1, stride=2)

        Residual(Conv2d(64, 64, 3, padding=1), BatchNorm2d(64), ReLU(), Conv2d(64, 64, 3, padding=1), BatchNorm2d(64))
    """

    def __init__(self, *layers: Layer, shortcut: Layer | None = None) -> None:
        self.body = Sequential(*layers)
        chain = shortcut if shortcut is None or isinstance(shortcut, Sequential) else Sequential(shortcut)
        self.shortcut: Sequential | None = chain

    def forward(self, x: Array) -> Array:
        y = self.body.forward(x)
        around = x if self.shortcut is None else self.shortcut.forward(x)
        if y.shape != around.shape:
            raise ShapeError(
                f"Residual adds its input to what its layers make of it, but one has shape {around.shape} and the "
                f"other {y.shape}. Give shortcut=Conv2d(channels, filters, 1, stride=...): it brings the input there."
            )
        self.remember(output=y)
        return y + around

    def backward(self, dy: Array) -> Array:
        self.recall(dy)
        dx = self.body.backward(dy)
        return dx + (dy if self.shortcut is None else self.shortcut.backward(dy))

    def output_shape(self, shape: Shape) -> Shape:
        out = self.body.output_shape(shape)
        around = tuple(shape) if self.shortcut is None else self.shortcut.output_shape(shape)
        if out != around:
            raise ShapeError(f"Residual: its layers make {out} of {tuple(shape)}, and the shortcut {around}")
        return out

    def multiply_adds(self, shape: Shape) -> int:
        return self.body.multiply_adds(shape) + (self.shortcut.multiply_adds(shape) if self.shortcut else 0)

    def workspace_bytes(self, shape: Shape, itemsize: int = 4) -> int:
        around = self.shortcut.workspace_bytes(shape, itemsize) if self.shortcut else 0
        return max(self.body.workspace_bytes(shape, itemsize), around)

    def __repr__(self) -> str:
        layers = ", ".join(map(repr, self.body))
        if self.shortcut is not None:
            around = ", ".join(map(repr, self.shortcut))
            layers += f", shortcut={f'Sequential({around})' if len(self.shortcut) > 1 else around}"
        return f"Residual({layers})"
