"""Exercises of lesson 11: AlexNet's shapes and what its layers cost; normalization and dropout in files of their own.

A network is a dictionary of layers here, {name: layer}, each a tuple of numbers behind its kind:

    ("conv", filters, kernel, stride, padding, groups)    ("pool", kernel, stride)    ("linear", outputs)
"""

import math

from lessons.known.dropout11 import DROPOUT
from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.lrn11 import LRN

# --- shapes ---


def walk(size=lambda n, kernel, stride, padding: (n + 2 * padding - kernel) // stride + 1,
         pool_size=None, pool_stride=lambda kernel, stride: stride, channels=lambda filters, groups: filters,
         linear=lambda shape, outputs: (outputs,), passed_on=True):
    """A function (layers, shape) -> shapes, right unless told otherwise; each argument is what can be wrong."""
    def shapes(layers, shape):
        found, start = [], tuple(shape)
        for kind, *numbers in layers.values():
            before = found[-1] if found and passed_on else start
            if kind == "conv":
                filters, kernel, stride, padding, groups = numbers
                now = *(size(n, kernel, stride, padding) for n in before[:2]), channels(filters, groups)
            elif kind == "pool":
                kernel, stride = numbers
                many = pool_size or (lambda n, kernel, stride: size(n, kernel, stride, 0))
                now = *(many(n, kernel, pool_stride(kernel, stride)) for n in before[:2]), *before[2:]
            else:
                now = linear(before, *numbers)
            found.append(tuple(now))
        return found
    return shapes


shapes = walk()


def _networks(rng):
    """Small networks for pictures that are not square; every setting differs from the one beside it."""
    return [
        Case({"a": ("conv", 6, 5, 2, 0, 1), "b": ("pool", 3, 2), "c": ("conv", 8, 3, 1, 1, 2), "d": ("linear", 10),
              "e": ("linear", 4)}, (33, 29, 3)),
        Case({"a": ("conv", 8, 3, 2, 1, 1), "b": ("conv", 12, 5, 1, 2, 4), "c": ("pool", 3, 2), "d": ("pool", 2, 1),
              "e": ("linear", 7)}, (24, 31, 2)),
        Case({"a": ("pool", 4, 3), "b": ("conv", 9, 3, 1, 0, 3), "c": ("conv", 4, 4, 3, 2, 1), "d": ("linear", 5),
              "e": ("linear", 6)}, (40, 26, 6))]


def _off(layers, shape):
    """A mistake that nobody knows: every shape a little off, none in the same way."""
    return [tuple(number + 3 + 2 * i for number in row) for i, row in enumerate(shapes(layers, shape))]


SHAPES = Exercise(
    title="the shape behind every layer",
    solution=shapes,
    takes=("layers", "shape"),
    cases=_networks,
    returns=("shapes",),
    unknown=_off,
    mistakes={
        "off by one": Mistake(
            walk(size=lambda n, kernel, stride, padding: (n + 2 * padding - kernel) // stride),
            "One window is missing in each direction: the first one needs no step. Lesson 06 has the formula."),
        "padding once": Mistake(
            walk(size=lambda n, kernel, stride, padding: (n + padding - kernel) // stride + 1),
            "The padding is counted once, but there is a border on both sides."),
        "padding ignored": Mistake(
            walk(size=lambda n, kernel, stride, padding: (n - kernel) // stride + 1),
            "The padding plays no part: the windows never stand on the border."),
        "stride ignored": Mistake(
            walk(size=lambda n, kernel, stride, padding: n + 2 * padding - kernel + 1),
            "The stride plays no part: the windows do not stop everywhere."),
        "rounded up": Mistake(
            walk(size=lambda n, kernel, stride, padding: -(-(n + 2 * padding - kernel) // stride) + 1),
            "A window that would reach over the end is counted, in convolutions and pools. Here a window must fit."),
        "pool: rounded up": Mistake(
            walk(pool_size=lambda n, kernel, stride: -(-(n - kernel) // stride) + 1),
            "The pools count a window that reaches over the end. Some frameworks do so; here a window must fit."),
        "pool: stride is the kernel": Mistake(
            walk(pool_stride=lambda kernel, stride: kernel),
            "The pools move on by a whole window. Here they have a stride of their own, so that windows can overlap."),
        "pool: stride is 1": Mistake(
            walk(pool_stride=lambda kernel, stride: 1), "The pools move on by one pixel. They have a stride."),
        "filters divided by groups": Mistake(
            walk(channels=lambda filters, groups: filters // groups),
            "A convolution in groups gives fewer channels than it has filters. How many maps do all groups together "
            "write?"),
        "filters times groups": Mistake(
            walk(channels=lambda filters, groups: filters * groups),
            "A convolution in groups gives more channels than it has filters. The filters are those of all groups "
            "together."),
        "linear keeps places": Mistake(
            walk(linear=lambda shape, outputs: (*shape[:-1], outputs)),
            "Behind a fully connected layer there are still rows and columns. It takes all numbers as one row, and "
            "gives one row."),
        "linear as an image": Mistake(
            walk(linear=lambda shape, outputs: (1, 1, outputs)),
            "The shape behind a fully connected layer is written as an image of one pixel. One number is asked for: "
            "(outputs,)."),
        "input first": Mistake(
            lambda layers, shape: [tuple(shape), *shapes(layers, shape)],
            "There is one shape too many: that of the input. One for each layer is asked for."),
        "not passed on": Mistake(
            walk(passed_on=False),
            "Every layer is given the network's input. What goes into a layer is what comes out of the one before."),
        "square": Mistake(
            lambda layers, shape: shapes(layers, (shape[0], shape[0], shape[2])),
            "The columns are computed from the rows. Pictures need not be square."),
        "channels first": Mistake(
            lambda layers, shape: [row[2:] + row[:2] for row in shapes(layers, shape)],
            "The channels come first. A shape is (H, W, C) here, channels last."),
    },
)

# --- costs ---


def _each(layers, shape):
    """For every layer: kind, numbers, the shape before it and behind it."""
    before = tuple(shape)
    for (kind, *numbers), after in zip(layers.values(), shapes(layers, shape), strict=True):
        yield kind, numbers, before, after
        before = after


def _parameters(conv=lambda k, c, f, g, before, after: k * k * (c // g) * f + f,
                linear=lambda before, f: math.prod(before) * f + f, pool=lambda k, before: 0):
    def count(layers, shape):
        found = []
        for kind, numbers, before, after in _each(layers, shape):
            if kind == "conv":
                filters, kernel, _, _, groups = numbers
                found.append(conv(kernel, before[2], filters, groups, before, after))
            elif kind == "pool":
                found.append(pool(numbers[0], before))
            else:
                found.append(linear(before, *numbers))
        return found
    return count


def _multiplications(conv=lambda k, c, f, g, before, after: after[0] * after[1] * k * k * (c // g) * f,
                     linear=lambda before, f: math.prod(before) * f, pool=lambda k, after: 0):
    def count(layers, shape):
        found = []
        for kind, numbers, before, after in _each(layers, shape):
            if kind == "conv":
                filters, kernel, _, _, groups = numbers
                found.append(conv(kernel, before[2], filters, groups, before, after))
            elif kind == "pool":
                found.append(pool(numbers[0], after))
            else:
                found.append(linear(before, *numbers))
        return found
    return count


def costs(layers, shape):
    return _parameters()(layers, shape), _multiplications()(layers, shape)


def _with(parameters=None, multiplications=None):
    """One result wrong."""
    def function(layers, shape):
        first, second = parameters or _parameters(), multiplications or _multiplications()
        return first(layers, shape), second(layers, shape)
    return function


def _of_picture(layers, shape):
    """Every kernel is as deep as the picture."""
    return _parameters(conv=lambda k, c, f, g, before, after: k * k * (shape[2] // min(g, shape[2])) * f + f)(
        layers, shape)


P, M = "parameters", "multiplications"
COSTS = Exercise(
    title="parameters and multiplications of every layer",
    solution=costs,
    takes=("layers", "shape"),
    cases=_networks,
    returns=(P, M),
    unknown=lambda layers, shape: tuple([number + 3 + 2 * i for i, number in enumerate(part)]
                                        for part in costs(layers, shape)),
    mistakes={
        f"{P}: bias forgotten": Mistake(
            _with(_parameters(conv=lambda k, c, f, g, before, after: k * k * (c // g) * f,
                              linear=lambda before, f: math.prod(before) * f)),
            "The biases are missing, one for each filter and for each output."),
        f"{P}: groups ignored": Mistake(
            _with(_parameters(conv=lambda k, c, f, g, before, after: k * k * c * f + f)),
            "Groups play no part. In two groups, how many channels does a filter see?"),
        f"{P}: groups twice": Mistake(
            _with(_parameters(conv=lambda k, c, f, g, before, after: k * k * (c // g) * (f // g) + f)),
            "That is one group alone. The filters of all groups have weights."),
        f"{P}: places forgotten": Mistake(
            _with(_parameters(linear=lambda before, f: before[-1] * f + f)),
            "The first fully connected layer is too small: it has a weight for each channel. Does it not see every "
            "place of every channel?"),
        f"{P}: kernel once": Mistake(
            _with(_parameters(conv=lambda k, c, f, g, before, after: k * (c // g) * f + f)),
            "A kernel has rows and columns; its size is counted once only."),
        f"{P}: one channel": Mistake(
            _with(_parameters(conv=lambda k, c, f, g, before, after: k * k * f + f)),
            "The kernels are flat. Each filter has weights for every channel that it sees."),
        f"{P}: channels of the picture": Mistake(
            _with(_of_picture),
            "Every convolution is counted as if it looked at the picture. A kernel is as deep as what comes out of the "
            "layer before."),
        f"{P}: at every place": Mistake(
            _with(_parameters(conv=lambda k, c, f, g, before, after:
                              (k * k * (c // g) * f + f) * after[0] * after[1])),
            "The weights of a convolution are counted at every place where the window stops. They are the same "
            "everywhere."),
        f"{P}: one bias": Mistake(
            _with(_parameters(conv=lambda k, c, f, g, before, after: k * k * (c // g) * f + 1,
                              linear=lambda before, f: math.prod(before) * f + 1)),
            "A layer has one bias only. Every filter and every output has its own."),
        f"{P}: pools have weights": Mistake(
            _with(_parameters(pool=lambda k, before: k * k * before[2])),
            "The pools have parameters. What would they learn? They take the largest number."),
        f"{M}: groups ignored": Mistake(
            _with(None, _multiplications(conv=lambda k, c, f, g, before, after: after[0] * after[1] * k * k * c * f)),
            "Groups play no part. A filter multiplies only with the channels that it sees."),
        f"{M}: groups twice": Mistake(
            _with(None, _multiplications(
                conv=lambda k, c, f, g, before, after: after[0] * after[1] * k * k * (c // g) * (f // g))),
            "That is one group alone. The filters of all groups multiply."),
        f"{M}: at one place": Mistake(
            _with(None, _multiplications(conv=lambda k, c, f, g, before, after: k * k * (c // g) * f)),
            "That is what one place costs. The window stops at many."),
        f"{M}: places of the input": Mistake(
            _with(None, _multiplications(
                conv=lambda k, c, f, g, before, after: before[0] * before[1] * k * k * (c // g) * f)),
            "The window is counted at every pixel of the input. How often does it stop?"),
        f"{M}: filters forgotten": Mistake(
            _with(None, _multiplications(
                conv=lambda k, c, f, g, before, after: after[0] * after[1] * k * k * (c // g))),
            "That is one filter. All of them look at every place."),
        f"{M}: places forgotten": Mistake(
            _with(None, _multiplications(linear=lambda before, f: before[-1] * f)),
            "The first fully connected layer is too cheap: it multiplies every number that it is given, not one for "
            "each channel."),
        f"{M}: biases": Mistake(
            _with(None, _multiplications(
                conv=lambda k, c, f, g, before, after: after[0] * after[1] * (k * k * (c // g) * f + f),
                linear=lambda before, f: math.prod(before) * f + f)),
            "The biases are counted. They are added; nothing is multiplied with them."),
        f"{M}: doubled": Mistake(
            _with(None, lambda layers, shape: [2 * n for n in _multiplications()(layers, shape)]),
            "It is twice as much: multiplications and additions are counted. Only the products are asked for."),
        f"{M}: pools": Mistake(
            _with(None, _multiplications(pool=lambda k, after: k * k * math.prod(after))),
            "The pools multiply. They take the largest number, and only compare."),
    },
)

EXERCISES = {"shapes": SHAPES, "costs": COSTS, **LRN, "dropout": DROPOUT}
