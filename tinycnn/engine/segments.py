"""Segments: a row of layers as far as the next pooling, and a worker's way through one, chunk by chunk.

What one layer writes, the next one reads while it is still in the processor's cache; written out for the whole batch,
the output of the first convolution alone would travel to main memory and back, twice. Behind a pooling the pictures are
smaller, and more of them fit the cache: there a new segment begins, with larger chunks. Workers wait for each other
only at the end of a row.
"""

import itertools
import math

from tinycnn.engine.memory import room
from tinycnn.engine.recorder import now
from tinycnn.engine.step import learns
from tinycnn.engine.steps import steps_of


class Segment:
    """Steps that share their chunks.

    shapes: of one image, before the first step and behind each    bytes_per_image: of the largest array between steps,
    or of the scratch memory that a formula takes
    """

    def __init__(self, steps, shapes, itemsize):
        self.steps, self.shapes = steps, shapes
        between = itemsize * max(map(math.prod, shapes))
        scratch = (step.scratch_bytes((1, *shape), itemsize) for step, shape in zip(steps, shapes, strict=False))
        self.bytes_per_image = max(between, *scratch)
        # An array between two steps that neither keeps is scratch memory, the same for every chunk.
        self.passing = [
            not (step.keep and step.keeps_y or after.keep and after.keeps_x)
            for step, after in itertools.pairwise(steps)
        ]  # fmt: skip
        self.recorded = [any(layer.recorder for layer in step.layers) for step in steps]

    def expect_kept(self):
        """Raise the layer's own OrderError where one kept nothing for backward."""
        for step in self.steps:
            if not step.keep:
                step.layers[-1].recall()


def segments_of(layers, x_shape, dtype, xp):
    """A row of layers as Segments, for x of x_shape (N, H, W, C)."""
    steps, shapes = [], [x_shape[1:]]
    for step in steps_of(layers, x_shape, dtype, xp):
        steps.append(step)
        shapes.append(step.y_shape)
        if step.shrinks:
            yield Segment(steps, shapes, dtype.itemsize)
            steps, shapes = [], shapes[-1:]
    if steps:
        yield Segment(steps, shapes, dtype.itemsize)


def through(segment, x, y, worker, workers):
    """Take the worker's images forward through a segment: write y; return the list of (images, kept by each step)."""
    tape, last = [], len(segment.steps) - 1
    for images in worker.chunks(segment.bytes_per_image):
        chunk, kept = x[images], []
        for i, step in enumerate(segment.steps):
            shape = (len(chunk), *step.y_shape)
            if i == last:
                out = y[images]
            elif segment.passing[i]:
                out = worker.empty(("y", i), shape, x.dtype)
            else:
                out = room(shape, x.dtype, worker.xp)
            start = now(chunk) if segment.recorded[i] else 0
            memory = step.forward(chunk, out, worker)
            if segment.recorded[i]:
                seconds = (now(out) - start) / workers
                step.show_forward(chunk, out, memory, _shower("saw_forward", images, len(x), seconds))
            kept.append(memory if step.keep else None)
            chunk = out
        tape.append((images, kept))
    worker.clear()
    return tape


def back_through(segment, dy, dx, worker, tape, workers):
    """Take the worker's images back through a segment; write dx unless it is None."""
    first = 0 if dx is not None else _first_that_learns(segment.steps)
    for images, kept in tape:
        chunk = dy[images]
        for i in reversed(range(first, len(segment.steps))):
            step = segment.steps[i]
            if i > first:
                out = worker.empty(("dx", i), (len(chunk), *segment.shapes[i]), dy.dtype)
            else:
                out = None if dx is None else dx[images]
            start = now(chunk) if segment.recorded[i] else 0
            step.backward(chunk, kept[i], out, worker)
            if segment.recorded[i]:
                seconds = (now(chunk) - start) / workers
                step.show_backward(chunk, out, kept[i], _shower("saw_backward", images, len(dy), seconds))
            chunk = out
    worker.clear()


def _first_that_learns(steps):
    """The first step that learns: without dx, nothing below it has work to do."""
    return next((i for i, step in enumerate(steps) if any(map(learns, step.layers))), len(steps))


def _shower(method, images, n, seconds):
    """A function that shows a layer's recorder one chunk of a batch of n images."""

    def show(layer, *arrays, share=1.0):
        if layer.recorder is not None:
            getattr(layer.recorder, method)(images, n, *arrays, share * seconds)

    return show
