"""Running layers a few images at a time, on every core, several layers deep.

What a convolution, a pooling or a ReLU makes of an image depends on that image alone. So a batch may be cut: each
thread takes a run of images from start to end, and takes a few of them at a time through a whole row of such layers.
What one layer writes, the next one reads while it is still in the processor's cache; written out for the whole batch,
the output of the first convolution alone would travel to main memory and back, twice.

Layers of this kind inherit from PerImage and say what happens to a piece of the batch. Backward takes the same pieces
in the same threads; each thread adds up its share of every parameter's gradient, and the shares are added in order.
"""

import math

from tinycnn.backend import array_module
from tinycnn.layers.base import Layer, expect_gradient
from tinycnn.parallel import Lane, over_batch, run


class PerImage(Layer):
    """A layer that treats each image by itself and keeps no state: it can be run on pieces of a batch.

    compute(x, lane, y) -> kept      one piece forward: writes y; returns what gradients() will need, as a tuple that
                                     begins with x, y or the shape of x
    gradients(dy, kept, lane, dx)    one piece back: writes dx, unless it is None because nobody wants it
    lane.add(parameter, gradient)    reports a piece's share of a parameter's gradient
    """

    keeps_x = keeps_y = False  # whether compute returns its input, or its output, to be kept
    shrinks = False  # whether y is much smaller than x

    def check(self, x):
        """Raise an error that teaches unless this layer can take x."""

    def compute(self, x, lane, y):
        raise NotImplementedError(f"{type(self).__name__} must define compute(self, x, lane, y)")

    def gradients(self, dy, kept, lane, dx):
        raise NotImplementedError(f"{type(self).__name__} must define gradients(self, dy, kept, lane, dx)")

    def forward(self, x):
        return forward([self], x)

    def backward(self, dy, input_gradient=True):
        return backward([self], dy, input_gradient)

    def recall(self):
        return _joined(self.take())

    def kept(self):
        return _joined(self._memory) if self._memory else ()

    def take(self):
        """What forward kept, once: the Pieces that it was kept in."""
        memory = super().recall()
        if isinstance(memory, Pieces):
            return memory
        shape = getattr(memory[0], "shape", memory[0])  # kept by a forward of somebody's own: one piece
        return Pieces([[(slice(0, shape[0]), memory)]], shape, y_shape=None)


class Pieces:
    """What one layer kept of a batch: for each thread's lane, a list of (images, kept), one for each piece."""

    def __init__(self, lanes, x_shape, y_shape):
        self.lanes, self.x_shape, self.y_shape = lanes, x_shape, y_shape

    def cut(self):
        """The slices of images, lane by lane."""
        return [[images for images, _ in lane] for lane in self.lanes]


def rows(layers):
    """Group layers: lists of neighbors that run together, and lists of one.

    A row ends behind a pooling: the next layers have smaller pictures, of which more fit the cache. A layer whose
    forward or backward is somebody's own, or is being watched, runs alone.
    """
    row = []
    for layer in layers:
        together = isinstance(layer, PerImage) and _is_plain(layer)
        if row and not together:
            yield row
            row = []
        row.append(layer)
        if not together or layer.shrinks:
            yield row
            row = []
    if row:
        yield row


def forward(layers, x):
    """x through a row of PerImage layers; each of them remembers its Pieces."""
    layers[0].check(x)
    xp, n, shapes = array_module(x), len(x), [x.shape[1:]]
    for layer in layers:
        shapes.append(tuple(layer.output_shape(shapes[-1])))
    # An array between two layers that neither keeps is scratch memory, the same for every piece.
    passing = [
        not (layer.keeping and layer.keeps_y or after.keeping and after.keeps_x)
        for layer, after in zip(layers, layers[1:], strict=False)
    ]
    y = xp.empty((n, *shapes[-1]), x.dtype)

    def work(lane):
        kept = [[] for _ in layers]
        for images in lane:
            piece = x[images]
            for i, layer in enumerate(layers):
                if i > 0:
                    layer.check(piece)
                shape = (len(piece), *shapes[i + 1])
                if i == len(layers) - 1:
                    out = y[images]
                else:
                    out = lane.empty(("y", i), shape, x.dtype) if passing[i] else xp.empty(shape, x.dtype)
                memory = layer.compute(piece, lane, out)
                if layer.keeping:
                    _expect_declared(layer, memory, piece, out)
                    kept[i].append((images, memory))
                piece = out
        return kept

    found = over_batch(work, n, x.itemsize * max(map(math.prod, shapes)), xp)
    for i, layer in enumerate(layers):
        memory = Pieces([kept[i] for kept in found], (n, *shapes[i]), (n, *shapes[i + 1]))
        layer._memory = memory if layer.keeping else None
    return y


def backward(layers, dy, input_gradient=True):
    """dy back through a row of PerImage layers: dx, or None without input_gradient; every parameter gets its grad."""
    last = layers[-1]._memory
    if isinstance(last, Pieces):
        expect_gradient(dy, last.y_shape, layers[-1])  # before anything is used up
    memories = [layer.take() for layer in layers]
    if any(memory.cut() != memories[0].cut() for memory in memories):  # their forwards did not run together
        for layer, memory in reversed(list(zip(layers, memories, strict=True))):
            layer._memory = memory
            dy = backward([layer], dy, input_gradient or layer is not layers[0])
        return dy
    xp = array_module(dy)
    dx = xp.empty(memories[0].x_shape, dy.dtype) if input_gradient else None

    def work(lane):
        for p, images in enumerate(lane):
            piece = dy[images]
            for i in reversed(range(len(layers))):
                if i == 0:
                    out = dx[images] if input_gradient else None
                else:
                    out = lane.empty(("dx", i), (len(piece), *memories[i].x_shape[1:]), dy.dtype)
                _, kept = memories[i].lanes[lane.number][p]
                layers[i].gradients(piece, kept, lane, out)
                piece = out
        return lane.sums

    shares = run(work, [Lane(slices, xp, number) for number, slices in enumerate(memories[0].cut())])
    for parameter, first in shares[0].items():
        parameter.grad = sum((share[parameter] for share in shares[1:]), first)
    return dx


def _expect_declared(layer, memory, x, y):
    """Raise an error that teaches when compute keeps what will be written over: its gradients would be wrong."""
    for name, array in (("x", x), ("y", y)):
        if not getattr(layer, f"keeps_{name}") and any(thing is array for thing in memory):
            raise TypeError(
                f"{type(layer).__name__}.compute returns {name} to be kept, so its class must say keeps_{name} = True. "
                f"Without that, {name} may lie in scratch memory that the next images will use again."
            )


def _is_plain(layer):
    """Whether forward and backward are those above, in the class and in the object."""
    kind, own = type(layer), vars(layer)
    unchanged = kind.forward is PerImage.forward and kind.backward is PerImage.backward
    return unchanged and "forward" not in own and "backward" not in own


def _joined(memory):
    """As if the batch had not been cut: arrays are joined, and in shapes the numbers of images added."""
    if not isinstance(memory, Pieces):
        return memory
    parts = [kept for lane in memory.lanes for _, kept in lane]
    return parts[0] if len(parts) == 1 else tuple(_join(things) for things in zip(*parts, strict=True))


def _join(things):
    if isinstance(things[0], tuple):
        return sum(shape[0] for shape in things), *things[0][1:]
    return None if things[0] is None or isinstance(things[0], list) else array_module(*things).concatenate(things)
