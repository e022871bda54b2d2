"""Plans: what is decided once for a row of layers and a shape of batch, and used again while all of it holds.

Which algorithm suits each convolution, what is fused, where segments end: all this follows from the layers' geometry
and the shape of the batch. For one picture, deciding it takes as long as a convolution. So a plan is kept, together
with everything that it was made from; where anything of that is no longer the same, a new one is made.
"""

import operator
import weakref

import numpy as np

from tinycnn.engine.segments import segments_of
from tinycnn.engine.steps import as_written
from tinycnn.layers.activation import ReLU
from tinycnn.layers.conv import Conv2d
from tinycnn.layers.pool import MaxPool2d

SHAPES = 4  # of batches, for which a row's plans are kept: training, its last batch, validation, one picture
# What decides about a layer. A row with a layer that is not here, as one of a user's own, is planned anew each time:
# only that layer knows what its shapes depend on.
DECIDES = {
    ReLU: operator.attrgetter("keeping"),
    MaxPool2d: operator.attrgetter("keeping", "kernel", "stride", "padding", "ceil_mode"),
    Conv2d: operator.attrgetter("keeping", "kernel", "stride", "padding", "dilation", "same", "groups", "in_channels",
                                "out_channels", "w.value.dtype"),
}  # fmt: skip
RECORDER = operator.attrgetter("recorder")
_plans: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # a row's first layer -> ((made from, segments), ...)


def planned(layers, x_shape, dtype, xp):
    """The list of Segments for a row of layers, which join_rows, and x of x_shape (N, ...)."""
    kinds = set(map(type, layers))
    if xp is not np or not kinds <= DECIDES.keys() or not all(map(as_written, kinds)) or any(map(RECORDER, layers)):
        return list(segments_of(layers, x_shape, dtype, xp))
    first = layers[0]
    made_from = x_shape, dtype, [(weakref.ref(layer), DECIDES[type(layer)](layer)) for layer in layers]
    kept = _plans.get(first, ())
    for before, segments in kept:
        if before == made_from:
            return segments
    segments = list(segments_of(layers, x_shape, dtype, xp))
    _plans[first] = ((made_from, segments), *kept[: SHAPES - 1])
    return segments
