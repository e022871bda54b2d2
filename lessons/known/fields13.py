"""Exercises of lesson 13 about what a unit sees: the receptive field, layer after layer, and a unit's window."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake

# --- receptive_field: size, step and first pixel after each layer ---


def receptive_field(layers):
    return _going(layers)


def _going(layers, size=1, step=1, first=0, grow=lambda size, step, kernel, stride: size + (kernel - 1) * step,
           shift=lambda first, step, padding, stride: first - padding * step,
           stretch=lambda step, stride, kernel: step * stride):
    """From layer to layer, with one of the three rules exchanged for another."""
    after = []
    for kernel, stride, padding in layers:
        size, first = grow(size, step, kernel, stride), shift(first, step, padding, stride)
        step = stretch(step, stride, kernel)
        after.append((size, step, first))
    return tuple(np.array(column) for column in zip(*after, strict=True))


def _by(**exchanged):
    return lambda layers: _going(layers, **exchanged)


def _layers(*rows):
    return Case(np.array(rows))


RECEPTIVE_FIELD = Exercise(
    title="how much a unit sees, layer after layer",
    solution=receptive_field,
    lists=True,
    cases=lambda rng: [_layers((3, 1, 1), (2, 2, 0), (3, 1, 1), (2, 2, 0)),
                       _layers((7, 3, 2), (5, 2, 1), (3, 1, 1)),
                       _layers((5, 2, 2), (3, 1, 0), (4, 3, 1), (3, 2, 2), (2, 1, 1)),
                       _layers((4, 4, 1), (1, 3, 0), (6, 1, 3))],
    returns=("sizes", "steps", "firsts"),
    mistakes={
        "kernel added": Mistake(
            _by(grow=lambda size, step, kernel, stride: size + kernel * step),
            "Each layer adds its whole kernel. A kernel of 1 adds nothing, and one of 3 two pixels: one on each side."),
        "kernels of the picture": Mistake(
            _by(grow=lambda size, step, kernel, stride: size + kernel - 1),
            "Each layer adds as if its inputs were neighboring pixels. After a stride they are further apart: how far, "
            "you have in step."),
        "strides too soon": Mistake(
            _by(grow=lambda size, step, kernel, stride: size + (kernel - 1) * step * stride),
            "A layer's own stride comes in too soon. It says how far apart its *outputs* are; its kernel lies on its "
            "inputs."),
        "only the last stride": Mistake(
            _by(stretch=lambda step, stride, kernel: stride),
            "step is the stride of the last layer alone. Strides multiply: two of 2 make units that are 4 pixels "
            "apart."),
        "strides added": Mistake(
            _by(stretch=lambda step, stride, kernel: step + stride),
            "The strides are added. Two steps of 2 on a map whose units are 2 pixels apart are how many pixels?"),
        "strides minus one": Mistake(
            _by(stretch=lambda step, stride, kernel: step + stride - 1),
            "The strides are added up, less 1 each. They multiply."),
        "kernel as stride": Mistake(
            _by(stretch=lambda step, stride, kernel: step * kernel),
            "step is multiplied by the kernel. It is the stride that says how far apart the outputs are."),
        "starts at nothing": Mistake(
            _by(size=0),
            "All sizes are one too small. Before any layer a unit is a pixel, and sees itself."),
        "padding to the right": Mistake(
            _by(shift=lambda first, step, padding, stride: first + padding * step),
            "Padding moves the first pixel to the wrong side: with a border, the first window begins outside the "
            "picture."),
        "padding in pixels": Mistake(
            _by(shift=lambda first, step, padding, stride: first - padding),
            "Padding is counted in pixels. It is a border around a layer's inputs, and these are step pixels apart."),
        "padding after the stride": Mistake(
            _by(shift=lambda first, step, padding, stride: first - padding * step * stride),
            "For the first pixel a layer's own stride comes in too soon. The border lies around its inputs."),
        "only the last padding": Mistake(
            _by(shift=lambda first, step, padding, stride: -padding * step),
            "Only the last layer's border is counted. Those of the layers before have moved the first pixel already."),
        "no padding": Mistake(
            _by(shift=lambda first, step, padding, stride: 0),
            "The first pixel is 0 all the way: borders are forgotten."),
        "kernels multiplied": Mistake(
            _by(grow=lambda size, step, kernel, stride: size * kernel),
            "The kernels are multiplied. Windows of neighbors overlap: two kernels of 3 see 5 pixels, not 9."),
    },
)

# --- window_of_unit ---


def window_of_unit(rows, columns, field, shape):
    return _window(rows, columns, field, shape)


def _window(rows, columns, field, shape, clip=True, begin=lambda at, size, step, first: first + at * step,
            end=lambda start, size: start + size):
    (size, step, first), (height, width) = field, shape
    top, left = begin(np.asarray(rows), size, step, first), begin(np.asarray(columns), size, step, first)
    boxes = np.stack([left, top, end(left, size), end(top, size)], axis=1)
    return np.clip(boxes, 0, [width, height, width, height]) if clip else boxes


def _placed(**exchanged):
    return lambda rows, columns, field, shape: _window(rows, columns, field, shape, **exchanged)


def _clipped_first(rows, columns, field, shape):
    (size, step, first), (height, width) = field, shape
    top, left = np.maximum(first + rows * step, 0), np.maximum(first + columns * step, 0)
    return np.stack([left, top, np.minimum(left + size, width), np.minimum(top + size, height)], axis=1)


def _half_clipped(low, high):
    def function(rows, columns, field, shape):
        boxes = _window(rows, columns, field, shape, clip=False)
        return np.clip(boxes, 0 if low else None, [shape[1], shape[0]] * 2 if high else None)
    return function


WINDOW_OF_UNIT = Exercise(
    title="the pixels that a unit sees, as a box",
    solution=window_of_unit,
    lists=True,
    cases=lambda rng: [Case(np.array([0, 3, 5, 7, 2]), np.array([4, 0, 9, 2, 6]), (10, 4, -3), (32, 40)),
                       Case(np.array([1, 0, 6]), np.array([0, 3, 2]), (22, 8, -7), (60, 35)),
                       Case(np.array([0, 2, 1, 3]), np.array([3, 1, 0, 2]), (9, 5, 0), (24, 21)),
                       Case(np.array([4, 8, 0, 1]), np.array([1, 0, 7, 3]), (5, 3, -2), (28, 25))],
    returns=("boxes",),
    mistakes={
        "rows for x": Mistake(
            lambda rows, columns, field, shape: _window(columns, rows, field, shape),
            "Rows and columns are exchanged: a column says how far to the right, which is x."),
        "height for x": Mistake(
            lambda rows, columns, field, shape: _window(rows, columns, field, shape[::-1]),
            "x is clipped to the height and y to the width. shape is (height, width)."),
        "not clipped": Mistake(
            _placed(clip=False),
            "Some boxes reach out of the picture. What lies there is border, and nothing to see."),
        "clipped below only": Mistake(
            _half_clipped(True, False),
            "Boxes are clipped on the left and at the top, but reach out on the right and at the bottom."),
        "clipped above only": Mistake(
            _half_clipped(False, True),
            "Boxes are clipped on the right and at the bottom, but begin left of the picture or above it."),
        "clipped too soon": Mistake(
            _clipped_first,
            "Units at the left and the top see too much: their box begins at 0, and is as large as if nothing were "
            "cut off. Find both ends first."),
        "inclusive": Mistake(
            _placed(end=lambda start, size: start + size - 1),
            "The boxes end one pixel too early. xmax and ymax are where a box ends, not its last pixel."),
        "first forgotten": Mistake(
            _placed(begin=lambda at, size, step, first: at * step),
            "The unit at 0 begins at pixel 0 here. Where it begins is in the field."),
        "first the wrong way": Mistake(
            _placed(begin=lambda at, size, step, first: at * step - first),
            "first has the wrong sign: it is where unit 0 begins, and negative where that is in the border."),
        "first in units": Mistake(
            _placed(begin=lambda at, size, step, first: (at + first) * step),
            "first is counted in units. It is in pixels."),
        "size as step": Mistake(
            _placed(begin=lambda at, size, step, first: first + at * size),
            "Neighbors are put side by side, a whole window apart. Their windows overlap: they are step pixels apart."),
        "centered": Mistake(
            _placed(begin=lambda at, size, step, first: first + at * step - size // 2),
            "The windows lie half their size too far to the upper left: first is already where a window begins, not "
            "its middle."),
        "ymin first": Mistake(
            lambda rows, columns, field, shape: _window(rows, columns, field, shape)[:, [1, 0, 3, 2]],
            "The numbers of each box are (ymin, xmin, ymax, xmax). x comes first."),
        "as sizes": Mistake(
            lambda rows, columns, field, shape: _window(rows, columns, field, shape)
            - np.pad(_window(rows, columns, field, shape)[:, :2], ((0, 0), (2, 0))),
            "The last two numbers are width and height. They should say where the box ends."),
    },
)
