"""Running layers a few images at a time, on every core, several layers deep.

What a convolution, a pooling or a ReLU makes of an image depends on that image alone. So a batch may be cut: each
thread takes a run of images from start to end, and takes a few of them at a time through a whole row of such layers.
What one layer writes, the next one reads while it is still in the processor's cache; written out for the whole batch,
the output of the first convolution alone would travel to main memory and back, twice. Threads wait for each other only
at the end of a row.

Layers of this kind inherit from PerImage and say what happens to a piece of the batch. Backward takes the same pieces
in the same threads; each thread adds up its share of every parameter's gradient, and the shares are added in order.
"""

import itertools
import math

import numpy as np

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

    def joined(self, after, x_shape):
        """What computes this layer and some of those after it as one, or None. x_shape: (N, H, W, C)"""

    def forward(self, x):
        return forward([self], x)

    def backward(self, dy, input_gradient=True):
        return backward([self], dy, input_gradient)

    def recall(self):
        return _uncut(self.take())

    def kept(self):
        return _uncut(self._memory) if self._memory else ()

    def keep(self, pieces):
        """Remember Pieces, if a backward may come."""
        self._memory = pieces if self.keeping else None

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

    def part(self, i, x_shape, y_shape):
        """What layer number i kept, of what several kept as one."""
        return Pieces([[(images, kept[i]) for images, kept in lane] for lane in self.lanes], x_shape, y_shape)

    @classmethod
    def together(cls, several):
        """The reverse: what several layers kept, which were cut alike."""
        lanes = [
            [(kept[0][0], tuple(things for _, things in kept)) for kept in zip(*lane, strict=True)]
            for lane in zip(*(pieces.lanes for pieces in several), strict=True)
        ]
        return cls(lanes, several[0].x_shape, several[-1].y_shape)

    def cut(self):
        """The slices of images, lane by lane."""
        return [[images for images, _ in lane] for lane in self.lanes]

    def shares(self):
        """Each lane's images: (first, behind the last)."""
        return [(lane[0][0].start, lane[-1][0].stop) for lane in self.lanes]


def rows(layers):
    """Group layers: lists of neighbors that run together, and lists of one.

    A layer whose forward or backward is somebody's own, or is being watched, runs alone.
    """
    row = []
    for layer in layers:
        together = isinstance(layer, PerImage) and _is_plain(layer)
        if row and not together:
            yield row
            row = []
        row.append(layer)
        if not together:
            yield row
            row = []
    if row:
        yield row


def forward(layers, x):
    """x through a row of PerImage layers; each of them remembers its Pieces."""
    layers[0].check(x)
    xp, n = array_module(x), len(x)
    if n == 1 and not any(layer.keeping for layer in layers):
        return _predict_one(layers, x, xp)
    legs = list(_legs(layers, x, xp))
    arrays = [x, *(xp.empty((n, *leg.shapes[-1]), x.dtype) for leg in legs)]

    def work(lane):
        return [leg.forward(arrays[i], arrays[i + 1], lane) for i, leg in enumerate(legs)]

    found = over_batch(work, n, max(leg.bytes_per_image for leg in legs), xp)
    for i, leg in enumerate(legs):
        for j, layer in enumerate(leg.layers):
            kept = [lane[i][j] for lane in found]
            layer.keep(Pieces(kept, (n, *leg.shapes[j]), (n, *leg.shapes[j + 1])))
    return arrays[-1]


def _predict_one(layers, x, xp):
    """forward for a single image, of which nothing is kept: there is nothing to share out or to cut."""
    lane, i = Lane([slice(0, 1)], xp), 0
    while i < len(layers):
        together = _join(layers[i:], x.shape, xp)
        layer = together or layers[i]
        layer.check(x)
        y = xp.empty((1, *layer.output_shape(x.shape[1:])), x.dtype)
        layer.compute(x, lane, y)
        x, i = y, i + (len(together.layers) if together else 1)
    return x


class _Leg:
    """A part of a row, as far as the next pooling: behind it pictures are smaller, and more of them fit the cache.

    shapes: of one image, before the first layer and behind each    itemsize: bytes of one number
    """

    def __init__(self, layers, shapes, itemsize):
        self.layers, self.shapes = layers, shapes
        self.bytes_per_image = itemsize * max(map(math.prod, shapes))
        # An array between two layers that neither keeps is scratch memory, the same for every piece.
        self.passing = [
            not (layer.keeping and layer.keeps_y or after.keeping and after.keeps_x)
            for layer, after in itertools.pairwise(layers)
        ]

    def forward(self, x, y, lane):
        """Write y of the lane's images; return for each layer the list of (images, kept)."""
        kept = [[] for _ in self.layers]
        for images in lane.pieces(self.bytes_per_image):
            piece = x[images]
            for i, layer in enumerate(self.layers):
                layer.check(piece)
                shape = (len(piece), *self.shapes[i + 1])
                if i == len(self.layers) - 1:
                    out = y[images]
                else:
                    out = lane.empty(("y", i), shape, x.dtype) if self.passing[i] else lane.xp.empty(shape, x.dtype)
                memory = layer.compute(piece, lane, out)
                if layer.keeping:
                    _expect_declared(layer, memory, piece, out)
                    kept[i].append((images, memory))
                piece = out
        lane.clear()
        return kept


def _legs(layers, x, xp):
    """A row cut behind each pooling, its layers joined where two can be computed as one."""
    leg, shapes, i = [], [x.shape[1:]], 0
    while i < len(layers):
        together = _join(layers[i:], (len(x), *shapes[-1]), xp)
        leg.append(together or layers[i])
        shapes.append(tuple(leg[-1].output_shape(shapes[-1])))
        i += len(together.layers) if together else 1
        if leg[-1].shrinks or i == len(layers):
            yield _Leg(leg, shapes, x.itemsize)
            leg, shapes = [], shapes[-1:]


def _join(layers, x_shape, xp):
    """What computes the first few layers as one, or None."""
    return layers[0].joined(layers[1:], x_shape) if xp is np else None


def backward(layers, dy, input_gradient=True):
    """dy back through a row of PerImage layers: dx, or None without input_gradient; every parameter gets its grad."""
    last = layers[-1]._memory
    if isinstance(last, Pieces):
        expect_gradient(dy, last.y_shape, layers[-1])  # before anything is used up
    memories = [layer.take() for layer in layers]
    if any(memory.shares() != memories[0].shares() for memory in memories):  # their forwards did not run together
        for layer, memory in reversed(list(zip(layers, memories, strict=True))):
            layer._memory = memory
            dy = backward([layer], dy, input_gradient or layer is not layers[0])
        return dy
    xp = array_module(dy)
    legs = [list(leg) for _, leg in itertools.groupby(zip(layers, memories, strict=True), lambda pair: pair[1].cut())]
    arrays = [xp.empty(leg[0][1].x_shape, dy.dtype) if input_gradient or leg is not legs[0] else None for leg in legs]
    arrays.append(dy)
    legs = [list(_rejoined(leg, xp)) for leg in legs]

    def work(lane):
        for i in reversed(range(len(legs))):
            _leg_back(legs[i], arrays[i + 1], arrays[i], lane)
        return lane.sums

    shares = run(work, [Lane(slices, xp, number) for number, slices in enumerate(memories[0].cut())])
    for parameter, first in shares[0].items():
        parameter.grad = sum((share[parameter] for share in shares[1:]), first)
    return arrays[0]


def _leg_back(leg, dy, dx, lane):
    """The lane's images back through a leg, a list of (layer, its Pieces); writes dx unless it is None."""
    for p, (images, _) in enumerate(leg[0][1].lanes[lane.number]):
        piece = dy[images]
        for i, (layer, memory) in reversed(list(enumerate(leg))):
            if i == 0:
                out = None if dx is None else dx[images]
            else:
                out = lane.empty(("dx", i), (len(piece), *memory.x_shape[1:]), dy.dtype)
            layer.gradients(piece, memory.lanes[lane.number][p][1], lane, out)
            piece = out
    lane.clear()


def _rejoined(leg, xp):
    """(layer, its Pieces) of a leg, where two layers can be computed as one with what both have kept."""
    i = 0
    while i < len(leg):
        together = _join([layer for layer, _ in leg[i:]], leg[i][1].x_shape, xp)
        some = leg[i : i + len(together.layers)] if together else leg[i : i + 1]
        yield (together, Pieces.together([memory for _, memory in some])) if together else some[0]
        i += len(some)


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


def _uncut(memory):
    """As if the batch had not been cut: arrays are joined, and in shapes the numbers of images added."""
    if not isinstance(memory, Pieces):
        return memory
    parts = [kept for lane in memory.lanes for _, kept in lane]
    return parts[0] if len(parts) == 1 else tuple(_concatenate(things) for things in zip(*parts, strict=True))


def _concatenate(things):
    if isinstance(things[0], tuple):
        return sum(shape[0] for shape in things), *things[0][1:]
    return None if things[0] is None or isinstance(things[0], list) else array_module(*things).concatenate(things)
