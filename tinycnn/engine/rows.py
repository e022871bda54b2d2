"""Rows of layers: neighbours that are run together, and how each kind of row goes forward and back.

    Chunked    layers that treat each image by itself, a few images at a time through all of them
    Dense      a Linear on the host, shared out by columns
    Rectified  a ReLU behind it
    Normalized a BatchNorm2d on the host, whose sums over the batch are added up chunk by chunk
    OnDevice   a layer that treats each image by itself, on a GPU: the whole batch, or in chunks that bound its memory
    Whole      any other layer, its own forward and backward on the whole batch

What a row keeps of its forward is its tape; its backward is given it back.
"""

import numpy as np

from tinycnn.backend import array_module
from tinycnn.engine import batchnorm, dense, workers
from tinycnn.engine.memory import room
from tinycnn.engine.plans import planned
from tinycnn.engine.recorder import now
from tinycnn.engine.segments import back_through, through
from tinycnn.engine.step import learns
from tinycnn.engine.steps import (
    ON_DEVICE,
    as_shipped,
    expect_input,
    has_step,
    joins_rows,
    returned,
    skips_input_gradient,
)
from tinycnn.engine.threads import enabled, run
from tinycnn.engine.workers import Worker, add_up, share_out
from tinycnn.layers.activation import ReLU
from tinycnn.layers.base import expect_images
from tinycnn.layers.batchnorm import BatchNorm2d
from tinycnn.layers.linear import Linear

FEW = 16  # numbers in a channel, below which a BatchNorm2d runs its own formula: nothing is gained, and sums cancel


def plan(layers, xp):
    """Group layers into rows. With the engine switched off, every layer is a row of its own."""
    if not enabled():
        return [Whole(layer) for layer in layers]
    rows = []
    for layer in layers:
        if joins_rows(layer):
            if type(layer) is ReLU and as_shipped(layer) and rows and type(rows[-1]) is Dense:
                rows.append(Rectified(layer))
            elif xp is not np:
                rows.append(OnDevice(layer))
            elif rows and type(rows[-1]) is Chunked:
                rows[-1].layers.append(layer)
            else:
                rows.append(Chunked([layer]))
        else:
            own = HOST_ROWS.get(type(layer)) if xp is np else None
            rows.append(own(layer) if own and as_shipped(layer) else Whole(layer))
    return rows


class Whole:
    """One layer, by its own methods, on the whole batch. Its tape is the layer's own memory."""

    def __init__(self, layer):
        self.layer = layer

    def forward(self, x):
        """(y, tape) of x (N, ...)."""
        start = now(x) if self.layer.recorder else 0
        y, tape = self._compute(x)
        if self.layer.recorder:
            self.layer.recorder.saw_forward(slice(0, len(x)), len(x), x, y, now(y) - start)
        return y, tape

    def backward(self, tape, dy, input_gradient):
        """dx, or None without input_gradient; writes the gradient of every parameter."""
        start = now(dy) if self.layer.recorder else 0
        dx = self._gradients(tape, dy, input_gradient)
        if self.layer.recorder:
            self.layer.recorder.saw_backward(slice(0, len(dy)), len(dy), dy, dx, now(dy) - start)
        return dx

    def learns(self):
        """Whether there is a parameter that training may change."""
        return learns(self.layer)

    def forget(self):
        """No backward will come here: drop what a forward kept."""
        self.layer.forget()

    def _compute(self, x):
        return returned(self.layer, "forward", self.layer.forward(x)), None

    def _gradients(self, tape, dy, input_gradient):
        if input_gradient:
            return returned(self.layer, "backward", self.layer.backward(dy))
        if not skips_input_gradient(self.layer):
            return self.layer.backward(dy)
        return self.layer.backward(dy, input_gradient=False)


class Dense(Whole):
    """A Linear on the host. Its tape is x."""

    def _compute(self, x):
        self.layer.check(x)
        return dense.forward(self.layer, x), x if self.layer.keeping else None

    def _gradients(self, x, dy, input_gradient):
        if x is None:
            self.layer.recall()  # raises the error that says so
        return dense.backward(self.layer, x, dy, input_gradient)


class Rectified(Whole):
    """A ReLU behind a Linear: so few numbers that looking for chunks takes longer. Its tape is y."""

    def _compute(self, x):
        y = np.maximum(x, 0)
        return y, y if self.layer.keeping else None

    def _gradients(self, y, dy, input_gradient):
        if y is None:
            self.layer.recall()  # raises the error that says so
        return dy * (y > 0)


class Normalized(Whole):
    """A BatchNorm2d on the host. Its tape: x, and what it was normalized with."""

    def _compute(self, x):
        layer = self.layer
        expect_images(x, layer.channels, layer, layer.w.value)
        if x.itemsize < 4 or x.size < FEW * layer.channels:  # float16 is not summed here
            return super()._compute(x)
        mean, var = layer.running_mean.value, layer.running_var.value
        if layer.training:
            mean, var = (each.astype(x.dtype) for each in batchnorm.statistics(x))
            layer.track(mean, var, x.size // layer.channels)
        scale = 1 / np.sqrt(var + layer.eps)
        y = batchnorm.normalize(x, mean, scale, layer.w.value, layer.b.value)
        return y, (x, mean, scale, layer.training) if layer.keeping else None

    def _gradients(self, tape, dy, input_gradient):
        if tape is None:
            return super()._gradients(tape, dy, input_gradient)
        (x, mean, scale, training), layer = tape, self.layer
        layer.w.grad, layer.b.grad = batchnorm.sums(x, dy, mean, scale)
        if not input_gradient:
            return None
        return batchnorm.input_gradient(x, dy, mean, scale, layer.w.value, layer.w.grad, layer.b.grad, training)


HOST_ROWS = {Linear: Dense, BatchNorm2d: Normalized}


class OnDevice(Whole):
    """A layer on a GPU. Its tape: None, or a Chunked row with the tape of that."""

    def forward(self, x):
        expect_input(self.layer, x)
        fits = len(x) * self.layer.workspace_bytes(x.shape[1:], x.itemsize) <= workers.DEVICE_BYTES
        if fits and not has_step(self.layer, ON_DEVICE):  # those are reached through Chunked
            return super().forward(x)
        row = Chunked([self.layer])
        y, tape = row.forward(x)
        return y, (row, tape)

    def backward(self, tape, dy, input_gradient):
        if tape is None:
            return super().backward(tape, dy, input_gradient)
        row, tape = tape
        return row.backward(tape, dy, input_gradient)


class Chunked:
    """Layers that treat each image by itself. Its tape: the segments, the workers' shares, and what each step kept."""

    def __init__(self, layers):
        self.layers = layers

    def forward(self, x):
        xp, n = array_module(x), len(x)
        expect_input(self.layers[0], x)
        segments = planned(self.layers, x.shape, x.dtype, xp)
        arrays = [x, *(room((n, *segment.shapes[-1]), x.dtype, xp) for segment in segments)]
        shares = share_out(n, max(segment.bytes_per_image for segment in segments), xp)

        def work(worker):
            return [
                through(segment, arrays[i], arrays[i + 1], worker, len(shares))
                for i, segment in enumerate(segments)
            ]  # fmt: skip

        kept = run(work, shares, hold_blas=n > 1)  # for one image, BLAS may use all cores
        kept = [(worker.start, worker.stop, parts) for worker, parts in zip(shares, kept, strict=True)]
        return arrays[-1], (x.shape, segments, kept)

    def backward(self, tape, dy, input_gradient):
        x_shape, segments, kept = tape
        for segment in segments:
            segment.expect_kept()
        xp, n = array_module(dy), len(dy)
        shapes = [x_shape[1:], *(segment.shapes[-1] for segment in segments[:-1])]
        arrays = [room((n, *shape), dy.dtype, xp) for shape in shapes] + [dy]
        if not input_gradient:
            arrays[0] = None
        shares = [Worker(start, stop, xp) for start, stop, _ in kept]
        parts_of = {worker: parts for worker, (_, _, parts) in zip(shares, kept, strict=True)}

        def work(worker):
            for i in reversed(range(len(segments))):
                back_through(segments[i], arrays[i + 1], arrays[i], worker, parts_of[worker][i], len(shares))

        run(work, shares, hold_blas=n > 1)
        add_up(shares)
        return arrays[0]

    def learns(self):
        """Whether there is a parameter that training may change."""
        return any(map(learns, self.layers))

    def forget(self):
        """Nothing of a forward is kept outside the tape."""
