"""What every layer is: a function with a forward, a backward by hand, and the parameters it learns.

    y  = layer.forward(x)          remembers what backward will need
    dx = layer.backward(dy)        dy is dloss/dy; returns dloss/dx, writes dloss/dw into each Parameter.grad

Shapes, one legend for the whole library:

    N batch     H W input height and width     C input channels     KH KW kernel     OH OW output height and width
    F filters (output channels)     D features     K classes     J joints

A batch of images is (N, H, W, C), channels last, as Pillow and matplotlib have it. The gradient of the loss with
respect to `a` is always called `da` and has the shape of `a`.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np

from tinycnn import callers
from tinycnn.backend import Array, MaybeNone, Shape, array_module, to_device
from tinycnn.errors import DtypeError, OrderError, ShapeError

PLAIN = {int, float, bool, str, tuple, type(None)}  # kinds of attributes that hold no layers and no parameters


class Parameter:
    """An array that training changes, and the gradient that the last backward wrote for it.

    `grad` is None before the first backward. It is overwritten, never accumulated: a backward computes the gradient
    of one loss on one batch, and an optimizer alone changes `value`, unless it is `frozen`.
    """

    frozen = False

    def __init__(self, value: Array) -> None:
        self.value = value
        self.grad: Array | MaybeNone = None

    def __repr__(self) -> str:
        return f"Parameter(shape={self.value.shape}, dtype={self.value.dtype})"


class Buffer:
    """An array that a layer remembers from batch to batch besides its parameters, such as a running mean.

    It is moved, converted, saved and loaded with the parameters; a layer's forward changes `value`, no optimizer does.

        class Center(Layer):
            def __init__(self, channels):
                self.mean = Buffer(np.zeros(channels, "float32"))
            def forward(self, x):
                y = x - self.mean.value
                if self.training:
                    self.mean.value = 0.9 * self.mean.value + 0.1 * x.mean(axis=(0, 1, 2))
                self.remember(output=y)
                return y
            def backward(self, dy):
                self.recall(dy)
                return dy
    """

    def __init__(self, value: Array) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Buffer(shape={self.value.shape}, dtype={self.value.dtype})"


class Layer:
    """Base of all layers. A layer of your own needs forward(x) and backward(dy), and Parameters as attributes.

        class Scale(Layer):
            def __init__(self):
                self.w = Parameter(np.ones(1, "float32"))
            def forward(self, x):
                self.remember(x)
                return x * self.w.value
            def backward(self, dy):
                (x,) = self.recall()
                self.w.grad = (x * dy).sum().reshape(1)
                return dy * self.w.value

    forward may keep x itself and not a copy: whoever writes into x before backward changes the gradient. One layer is
    used in one place, once a step, since it remembers one forward; two places need two layers.

    A layer says what is computed, on the whole batch. If it treats each image by itself and keeps no state of its own,
    its class may say `per_image = True`: then a network may run copies of it on parts of the batch, side by side. What
    backward needs goes through remember(), or is assigned to an attribute anew in each forward.
    """

    training = True  # train() and eval() change it; Dropout and BatchNorm2d compute differently
    per_image = False  # True, in the class itself: y of an image depends on that image and the parameters alone
    skips_input_gradient = False  # True: backward(dy, input_gradient=False) exists and saves the work for dx
    frozen = False  # freeze() changes it
    recorder: Any = None  # who is shown what flows through this layer of a network (tinycnn/engine/recorder.py)
    _memory: tuple[tuple[Any, ...], Shape | None] | None = None
    _predictions = 0  # how many predicting() blocks it is in
    _trained_before = True  # the mode to return to behind the last of them
    _trained_by: int | None = None  # by whom, while fit runs (tinycnn/callers.py)

    def forward(self, x: Array) -> Array:
        raise NotImplementedError(f"{type(self).__name__} must define forward(self, x)")

    def backward(self, dy: Array) -> Array:
        raise NotImplementedError(f"{type(self).__name__} must define backward(self, dy)")

    @property
    def keeping(self) -> bool:
        """Whether a backward may come; if not, remember() forgets, and forward may skip what only backward needs."""
        return self._predictions == 0

    def remember(self, *things: Any, output: Array | None = None) -> None:
        """Keep what backward will need, until it asks or the next forward replaces it.

        output: y, or any array of its shape. recall(dy) then refuses a dy of another shape.
        """
        self._memory = (things, None if output is None else output.shape) if self._predictions == 0 else None

    def recall(self, dy: Array | None = None) -> tuple[Any, ...]:
        """Hand back what forward kept, once.

        dy: what backward was given. If its shape is not that of y, this raises ShapeError and uses nothing up.
        Raises OrderError when there is nothing to hand back.
        """
        if self._memory is None:
            hint = "" if self.keeping else " Within predicting() nothing is kept for it."
            raise OrderError(f"{type(self).__name__}.backward was called without a forward before it. Each backward "
                             "uses up what its forward kept: call forward(x) first, again before a second backward; "
                             f"two places need two layers.{hint}")
        things, y_shape = self._memory
        if dy is not None and y_shape is not None and dy.shape != y_shape:
            raise ShapeError(f"{self}.backward expects dy of the shape that forward returned, {y_shape}, got "
                             f"{dy.shape}. dy is dloss/dy: one number for each number of y.")
        self._memory = None
        return things

    def kept(self) -> tuple[Any, ...]:
        """What forward kept, for those who only look."""
        return self._memory[0] if self._memory else ()

    def forget(self) -> None:
        """Drop what forward kept, here and in all layers inside; after a prediction no backward will come."""
        self._memory = None
        for child in self.children().values():
            child.forget()

    def __getstate__(self) -> dict[str, Any]:
        """A copy of a layer starts without what a forward kept: that belongs to the backward of the original."""
        passing = ("_memory", "_predictions", "_trained_before", "_trained_by")
        return {name: value for name, value in vars(self).items() if name not in passing}

    # The tree of layers and parameters is found by looking at the attributes.

    def children(self) -> dict[str, "Layer"]:
        """The layers directly inside this one, by name; those of a list: blocks.0, blocks.1."""
        return self.held(Layer)

    def held(self, kind: type) -> dict[str, Any]:
        """Attributes of a kind, and what lists and dicts among the attributes hold of it, by name."""
        found = {}
        for name, value in [item for item in vars(self).items() if type(item[1]) not in PLAIN]:
            if isinstance(value, kind):
                found[name] = value
            elif isinstance(value, (list, dict)):  # noqa: UP038
                inner = value.items() if isinstance(value, dict) else enumerate(value)
                found.update({f"{name}.{key}": each for key, each in inner if isinstance(each, kind)})
        return found

    def parameters(self) -> dict[str, Parameter]:
        """All parameters, those of inner layers included, by dotted name: {"trunk.conv1.w": Parameter, ...}."""
        found = self.held(Parameter)
        for prefix, child in self.children().items():
            found.update({f"{prefix}.{name}": parameter for name, parameter in child.parameters().items()})
        return found

    def buffers(self) -> dict[str, Buffer]:
        """All buffers, named like parameters()."""
        found = self.held(Buffer)
        for prefix, child in self.children().items():
            found.update({f"{prefix}.{name}": buffer for name, buffer in child.buffers().items()})
        return found

    def layers(self, prefix: str = "") -> Iterator[tuple[str, "Layer"]]:
        """Yield (dotted name, layer) for every layer inside that has no layers of its own, in order of forward."""
        for name, child in self.children().items():
            if child.children():
                yield from child.layers(f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", child

    def tree(self) -> list["Layer"]:
        """A list of this layer and every layer inside it, at any depth."""
        found = [self]
        for layer in found:  # it grows on the way
            found.extend(layer.children().values())
        return found

    # What a network looks like is known without running it.

    def output_shape(self, shape: Shape) -> Shape:
        """The shape that forward gives for one input of `shape`, both without the batch axis.

        Raises ShapeError when the layer cannot take that shape.
        """
        return tuple(shape)

    def multiply_adds(self, shape: Shape) -> int:
        """Multiplications (each with its addition) in one forward for one input of `shape`; elementwise work is 0."""
        return 0

    def workspace_bytes(self, shape: Shape, itemsize: int = 4) -> int:
        """Bytes of scratch memory that forward takes for one input of `shape`."""
        return 0

    # Moving and switching the whole tree.

    def to(self, device: str) -> Self:
        """Move all numbers to `device` ("cpu", "cuda", "cuda:1", "simulated", "auto"); gradients are dropped."""
        return self._replace(lambda value: to_device(value, device))

    def astype(self, dtype: str | type | np.dtype) -> Self:
        """Convert all floating-point numbers: float32 to train, float64 to check gradients; gradients are dropped."""
        return self._replace(lambda value: value.astype(np.dtype(dtype)) if value.dtype.kind == "f" else value)

    def _replace(self, change: Callable[[Array], Array]) -> Self:
        for parameter in self.parameters().values():
            parameter.value, parameter.grad = change(parameter.value), None
        for buffer in self.buffers().values():
            buffer.value = change(buffer.value)
        self.forget()
        return self

    def train(self, training: bool = True) -> Self:
        """Switch to training behavior: Dropout drops, BatchNorm2d takes the batch's own statistics."""
        self.training = training and not self.frozen
        for child in self.children().values():
            child.train(training)
        return self

    def freeze(self, frozen: bool = True) -> Self:
        """Keep all in here as it is: no optimizer changes it, train() does not reach it. unfreeze() ends it."""
        for layer in self.tree():
            layer.frozen, layer.training = frozen, layer.training and not frozen
        for parameter in self.parameters().values():
            parameter.frozen = frozen
        return self

    def unfreeze(self) -> Self:
        """Let all in here learn again."""
        return self.freeze(False)

    def eval(self) -> Self:
        """Switch to prediction behavior: Dropout passes everything, BatchNorm2d takes its running averages."""
        return self.train(False)

    def predicting(self) -> contextlib.AbstractContextManager[Self]:
        """For the length of a with block: eval(), and nothing is kept for a backward that will not come.

        Afterwards every layer is as it was before, also one that had been switched by itself, and has nothing kept.
        One model may predict for several callers at once; while `fit` trains it for another one, OrderError is raised.
        """
        return callers.Predicting(self)

    def __call__(self, x: Array) -> Array:
        return self.forward(x)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def expect_images(x: Array, channels: int | None, layer: Layer, w: Array | None = None) -> None:
    """Raise an error that teaches unless x is a batch of images (N, H, W, C), on the device and of the dtype of w.

    channels: None for any number    w: the layer's weights, if it has some
    """
    array_module(x, x if w is None else w)
    if x.ndim != 4:
        hint = " Add the batch axis with x[None]." if x.ndim == 3 else ""
        raise ShapeError(f"{layer} expects a batch of images (N, H, W, C), got an array of shape {x.shape}.{hint}")
    if channels is not None and x.shape[3] != channels:
        channels_first = x.shape[1] == channels
        hint = " This looks like channels first (N, C, H, W): use x.transpose(0, 2, 3, 1)." if channels_first else ""
        raise ShapeError(f"{layer} expects {channels} channels in the last axis, got shape {x.shape}.{hint}")
    if x.dtype.kind != "f" or (w is not None and w.dtype != x.dtype):
        expect_dtype(x, None if w is None else w.dtype, layer)


def expect_dtype(x: Array, dtype: np.dtype | None, layer: Layer) -> None:
    """Raise a DtypeError unless x holds floating-point numbers, of the weights' dtype where there are weights.

    One dtype runs through a network. Converting without a word would hide that half the speed is lost to float64.
    """
    if x.dtype.kind != "f":
        raise DtypeError(f"{layer} computes with floating-point numbers and got {x.dtype}. Use x.astype('float32'); "
                         "pixels 0 to 255 also become small numbers around 0: (x.astype('float32') - 127.5) / 64.")
    if dtype is not None and x.dtype != dtype:
        raise DtypeError(f"{layer} has weights of {dtype} and got an input of {x.dtype}. Use x.astype('{dtype}'), or "
                         f"convert the whole network with .astype('{x.dtype}').")
