"""What the engine knows of each kind of layer: how to run it on a chunk of images, forward and back.

A layer has a step of its own only where a measurement says that it pays. Every other layer that says `per_image = True`
runs its own formula, chunk by chunk: `Formula`.
"""

import copy
import inspect

import numpy as np

from tinycnn.engine.convolution import choose
from tinycnn.engine.fused import Windows, choose_fused
from tinycnn.engine.memory import room
from tinycnn.engine.pooling import MaxPooling, MaxPoolingOnDevice, Rectifier
from tinycnn.engine.step import Step
from tinycnn.engine.workers import CPU_BYTES, SCRATCH
from tinycnn.errors import DtypeError, ShapeError
from tinycnn.layers.activation import ReLU
from tinycnn.layers.base import Layer, Parameter, expect_dtype, expect_images
from tinycnn.layers.batchnorm import BatchNorm2d
from tinycnn.layers.conv import Conv2d
from tinycnn.layers.linear import Linear
from tinycnn.layers.pool import MaxPool2d


class Formula(Step):
    """A layer's own forward and backward, run by a copy of it for each chunk."""

    keeps_x = keeps_y = True  # it may keep what it likes

    def forward(self, x, y, worker):
        part = replica(self.layer)
        result = returned(self.layer, "forward", part.forward(x))
        if result.shape != y.shape or result.dtype != y.dtype:
            self._refuse(x, y, result)
        y[...] = result
        return part

    def backward(self, dy, part, dx, worker):
        skips = dx is None and skips_input_gradient(part)
        result = part.backward(dy, input_gradient=False) if skips else part.backward(dy)
        if dx is not None:
            if getattr(result, "shape", None) != dx.shape:
                raise ShapeError(f"{self.layer}.backward returned {_shape_of(result)} where x had shape {dx.shape}")
            dx[...] = result
        own = self.layer.parameters()
        for name, parameter in part.parameters().items():
            if parameter.grad is not None:
                worker.add(own[name], parameter.grad.copy())  # it may be a view of dy, or another parameter's, too

    def scratch_bytes(self, x_shape, itemsize):
        return self.layer.workspace_bytes(x_shape[1:], itemsize)

    def _refuse(self, x, y, result):
        if result.shape != y.shape:
            raise ShapeError(
                f"{self.layer}.output_shape{x.shape[1:]} says {y.shape[1:]} for one image, but forward returned "
                f"{result.shape} for {len(x)}. A layer with per_image = True that changes the shape defines "
                "output_shape(self, shape)."
            )
        raise DtypeError(f"{self.layer}.forward turned {x.dtype} into {result.dtype}; a network has one dtype.")


def returned(layer, method, result):
    """What a layer's own method has returned; an error that says so if it is nothing."""
    if result is None:
        raise TypeError(f"{type(layer).__name__}.{method} returned nothing: does it end without `return`?")
    return result


def skips_input_gradient(layer):
    """Whether backward takes input_gradient=False; a subclass that inherits the promise may have another backward."""
    return layer.skips_input_gradient and "input_gradient" in inspect.signature(layer.backward).parameters


def _shape_of(result):
    return "None" if result is None else f"shape {getattr(result, 'shape', type(result).__name__)}"


def replica(layer):
    """A copy of a layer that shares the values of its parameters, with gradients and memory of its own."""
    return _replica(layer, {})


def _replica(value, made):
    """made: id -> copy, so that what two attributes share is shared by the copies' attributes, too."""
    if id(value) in made:
        return made[id(value)]
    if isinstance(value, Parameter):
        made[id(value)] = Parameter(value.value)
    elif isinstance(value, Layer):
        second = made[id(value)] = copy.copy(value)
        for name, inner in vars(second).items():
            if isinstance(inner, Parameter | Layer | dict | list):
                second.__dict__[name] = _replica(inner, made)
    elif isinstance(value, dict):  # a Sequential holds its layers in one
        return {key: _replica(inner, made) for key, inner in value.items()}
    elif isinstance(value, list):
        return [_replica(inner, made) for inner in value]
    else:
        return value
    return made[id(value)]


class Convolution(Step):
    """A Conv2d on the host, by the algorithm that suits its geometry."""

    keeps_x = True

    def __init__(self, conv, x_shape, dtype):
        super().__init__(conv, x_shape, dtype)
        self.check(conv, dtype)
        self.algorithm = choose(conv, *self.y_shape[:2], x_shape[0])

    @staticmethod
    def check(conv, dtype):
        """Raise an error that teaches unless the weights have the dtype of x."""
        if conv.w.value.dtype != dtype:
            expect_dtype(np.empty(0, dtype), conv.w.value.dtype, conv)

    def forward(self, x, y, worker):
        return x, self._compute(x, y, worker)

    def backward(self, dy, kept, dx, worker):
        x, kept = kept
        self._gradients(x, dy, kept, dx, worker)

    def workspace_bytes(self, x_shape, itemsize):
        """Scratch memory of the algorithm for one image; the algorithm sees to it that it is not too much at a time."""
        oh, ow, f = self.layer.output_shape(x_shape[1:])
        return self.algorithm.scratch_bytes(x_shape[3], f, oh, ow, itemsize)

    def _compute(self, x, y, worker):
        w, b = self.layer.w, self.layer.b
        biases = None if b is None else b.value
        prepared = worker.cached(self, lambda: self.algorithm.prepare(w.value, biases, lasting=not self.keep))
        return self.algorithm.forward(x, prepared, y, worker, self.keep)

    def _gradients(self, x, dy, kept, dx, worker):
        w, b = self.layer.w, self.layer.b
        prepared = worker.cached((self, "back"), lambda: self.algorithm.prepare_backward(w.value))
        dw, db = self.algorithm.backward(x, dy, prepared, dx, worker, kept)
        worker.add(w, dw)
        if b is not None:
            worker.add(b, db)


class ConvolutionAndPooling(Convolution):
    """A Conv2d and the 2 x 2 MaxPool2d behind it, fused."""

    shrinks = True

    def __init__(self, conv, pool, algorithm, x_shape, dtype):
        Step.__init__(self, conv, x_shape, dtype, pool)
        self.check(conv, dtype)
        self.algorithm = algorithm
        self.y_shape = pool.output_shape(self.y_shape)

    def forward(self, x, y, worker):
        winner = room(y.shape, np.dtype(np.uint8)) if self.keep else None
        return x, winner, self._compute(x, Windows(y, winner), worker)

    def backward(self, dy, kept, dx, worker):
        x, winner, kept = kept
        self._gradients(x, Windows(dy, winner), kept, dx, worker)

    def show_forward(self, x, y, kept, show):
        conv, pool = self.layers
        if self._only_timed():
            return show(conv, x, y)
        between = replica(conv).forward(x)
        show(conv, x, between)
        show(pool, between, y, share=0.0)

    def show_backward(self, dy, dx, kept, show):
        conv, pool = self.layers
        if self._only_timed():
            return show(conv, dy, dx)
        x, winner, _ = kept
        part = replica(pool)
        between = len(x), *conv.output_shape(x.shape[1:])
        part.remember(between, winner, output=winner)
        dbetween = part.backward(dy)
        show(pool, dy, dbetween, share=0.0)
        show(conv, dbetween, dx)

    def _only_timed(self):
        return all(layer.recorder is None or layer.recorder.only_times for layer in self.layers)


ON_HOST = {Conv2d: Convolution, MaxPool2d: MaxPooling, ReLU: Rectifier}
ON_DEVICE = {MaxPool2d: MaxPoolingOnDevice}
SHIPPED = {kind: (kind.forward, kind.backward) for kind in (BatchNorm2d, Conv2d, Linear, MaxPool2d, ReLU)}


def has_step(layer, table):
    """Whether a table, ON_HOST or ON_DEVICE, has a step of its own for a layer."""
    return type(layer) in table and as_shipped(layer)


def as_shipped(layer):
    """Whether a layer is of just this kind, and its methods are those that a step computes the same as.

    A subclass runs its own code, and so does a layer, or a whole class, whose methods somebody has replaced.
    """
    kind = type(layer)
    if kind is Conv2d and not plain_geometry(layer):
        return False
    return as_written(kind) and not replaced(layer)


def as_written(kind):
    """Whether a class of layers is one that a step computes the same as, with its own methods."""
    return SHIPPED.get(kind) == (kind.forward, kind.backward)


def plain_geometry(conv):
    """Whether the algorithms here know its windows: no dilation, and as much padding on each side as on the other."""
    return conv.dilation == (1, 1) and not (conv.same and any(k % 2 == 0 for k in conv.kernel))


def joins_rows(layer):
    """Whether a layer can be run on chunks: it says so in its very class, and nobody has replaced its methods."""
    return type(layer).__dict__.get("per_image", False) is True and not replaced(layer)


def replaced(layer):
    """Whether forward or backward are attributes of the object: a copy of it would call the original's."""
    own = layer.__dict__
    return "forward" in own or "backward" in own


def steps_of(layers, x_shape, dtype, xp):
    """The steps that run `layers` one behind the other, for x of x_shape (N, ...)."""
    layers, table = list(layers), ON_HOST if xp is np else ON_DEVICE
    while layers:
        layer = layers.pop(0)
        algorithm = choose_fused(layer, layers[0], x_shape) if xp is np and layers and _pair(layer, layers[0]) else None
        if algorithm is not None:
            step = ConvolutionAndPooling(layer, layers.pop(0), algorithm, x_shape, dtype)
        else:
            step = (table[type(layer)] if has_step(layer, table) else Formula)(layer, x_shape, dtype)
        yield step
        x_shape = (x_shape[0], *step.y_shape)


def _pair(conv, pool):
    return type(conv) is Conv2d and type(pool) is MaxPool2d and as_shipped(conv) and as_shipped(pool)


def workspace_bytes(layer, x_shape, dtype):
    """Scratch memory of one worker on the host for a layer and a batch x_shape (N, ...), in bytes."""
    if not joins_rows(layer):
        return 0
    (step,) = steps_of([layer], x_shape, dtype, np)
    one_image = step.workspace_bytes(x_shape, dtype.itemsize)
    return one_image * max(1, min(x_shape[0], SCRATCH * CPU_BYTES // max(1, one_image)))


def expect_input(layer, x):
    """Raise the layer's own errors unless it can take x; the layers with a step of their own check nothing else."""
    if type(layer) is Conv2d:
        expect_images(x, layer.in_channels, layer, layer.w.value)
    elif type(layer) is MaxPool2d:
        expect_images(x, None, layer)
