"""The ways in which an array gets out of order: reversed, transposed, misread, its channels exchanged."""

import itertools

import numpy as np

AXES = {
    ("data", 4): ("batch", "height", "width", "channel"), ("data", 3): ("batch", "position", "channel"),
    ("data", 2): ("batch", "feature"), ("data", 1): ("batch",),
    ("parameter", 4): ("kernel row", "kernel column", "input channel", "filter"),
    ("parameter", 3): ("kernel position", "input channel", "filter"), ("parameter", 2): ("input", "output"),
    ("parameter", 1): ("output",),
}
FARTHEST = 8  # places by which an axis may be turned
SPATIAL = {"height", "width", "position", "kernel row", "kernel column", "kernel position"}


def axis_names(role, ndim):
    """What the axes of a tensor mean. role: "input", "output" or "parameter"."""
    kind = "parameter" if role == "parameter" else "data"
    return AXES.get((kind, ndim), tuple(f"axis {i}" for i in range(ndim)))


def flips_and_transposes(role, shape, undo=False):
    """Yield (family, words, function) for reversed axes and for every order of the axes.

    function: array -> array of the same shape, as the mistake would make it; with `undo` the way back
    """
    names = axis_names(role, len(shape))
    long = [i for i, n in enumerate(shape) if n > 1]
    for count in (1, 2, 3):
        for axes in itertools.combinations(long, count):
            yield *_reversed_words([names[i] for i in axes]), lambda a, axes=axes: np.flip(a, axes)
    if len(shape) <= 4:
        for order in itertools.permutations(range(len(shape))):
            if any(shape[i] > 1 and order[i] != i for i in range(len(shape))):
                yield *_order_words(names, shape, order), _reordered(shape, order, undo)


def channel_rolls(role, shape, undo=False):
    """Yield (family, words, function) for halves or thirds of a channel axis that change places: groups mixed up."""
    if len(shape) < 2:
        return
    names = axis_names(role, len(shape))
    for axis in range(len(shape)):
        if names[axis] in ("channel", "input channel", "filter", "output"):
            for parts in (2, 3):
                if shape[axis] % parts == 0 and shape[axis] > parts:
                    step = shape[axis] // parts
                    for turn in (step, -step) if parts > 2 else (step,):
                        back = -turn if undo else turn
                        yield ("groups", f"with its {names[axis]} groups exchanged ({parts} groups of {step})",
                               lambda a, axis=axis, back=back: np.roll(a, back, axis))


def turns(role, shape, undo=False):
    """Yield (family, words, function) for an axis that is turned in a circle, as np.roll does it."""
    for axis, (name, n) in enumerate(zip(axis_names(role, len(shape)), shape, strict=True)):
        for step in [step for k in range(1, min(n // 2, FARTHEST) + 1) for step in ((k, -k) if 2 * k < n else (k,))]:
            yield ("shift", f"turned in a circle by {step} along {name}: is a roll undone the other way round?",
                   lambda a, axis=axis, step=-step if undo else step: np.roll(a, step, axis))


def _reversed_words(names):
    what = " and ".join(names)
    if names == ["batch"]:
        return "batch order", "with the batch in reverse order"
    if set(names) == {"height", "width"}:
        return "flip", "turned by 180 degrees (height and width reversed)"
    if set(names) == {"kernel row", "kernel column"}:
        return "flip", "turned by 180 degrees (the kernel is flipped where it should not be, or not where it should)"
    return "flip" if set(names) <= SPATIAL else "axes", f"with {what} reversed"


def _order_words(names, shape, order):
    moved = [i for i in range(len(shape)) if order[i] != i and shape[i] > 1]
    if len(moved) == 2:
        what = f"with {names[moved[0]]} and {names[moved[1]]} swapped (transposed)"
    else:
        what = f"with its axes in the order ({', '.join(names[i] for i in order)})"
    if tuple(shape[i] for i in order) != tuple(shape):
        what += ", then read as if it had the right shape: reshape where transpose is needed"
    return "axes", what


def _reordered(shape, order, undo):
    if undo:
        back = np.argsort(order)
        return lambda a: a.reshape([shape[i] for i in order]).transpose(back)
    return lambda a: a.transpose(order).reshape(shape)
