"""Answers of learners to the exercises of lesson 11: shapes and costs; the others are in lrn11.py and dropout11.py."""

import math

from tests.course.answers import Answers, wrong
from tests.course.answers.dropout11 import DROPOUT
from tests.course.answers.lrn11 import LRN, LRN_BACKWARD

# --- shapes ---


def with_ifs(layers, shape):
    h, w, c = shape
    result = []
    for layer in layers.values():
        if layer[0] == "conv":
            h = (h + 2 * layer[4] - layer[2]) // layer[3] + 1
            w = (w + 2 * layer[4] - layer[2]) // layer[3] + 1
            c = layer[1]
            result.append((h, w, c))
        elif layer[0] == "pool":
            h, w = (h - layer[1]) // layer[2] + 1, (w - layer[1]) // layer[2] + 1
            result.append((h, w, c))
        else:
            result.append((layer[1],))
    return result


def counting(size, kernel, stride, padding=0):
    return len(range(-padding, size + padding - kernel + 1, stride))


def by_counting(layers, shape):
    found = []
    for _, (kind, *rest) in layers.items():
        if kind == "linear":
            shape = [rest[0]]
        else:
            kernel, stride, padding = (rest[1], rest[2], rest[3]) if kind == "conv" else (rest[0], rest[1], 0)
            shape = [counting(shape[0], kernel, stride, padding), counting(shape[1], kernel, stride, padding),
                     rest[0] if kind == "conv" else shape[2]]
        found.append(shape)
    return found


def recursive(layers, shape):
    def one(layer, shape):
        match layer:
            case ("conv", filters, k, s, p, _):
                return (shape[0] + 2 * p - k) // s + 1, (shape[1] + 2 * p - k) // s + 1, filters
            case ("pool", k, s):
                return (shape[0] - k) // s + 1, (shape[1] - k) // s + 1, shape[2]
            case ("linear", outputs):
                return (outputs,)
    def rest(names, shape):
        return [] if not names else [one(layers[names[0]], shape), *rest(names[1:], one(layers[names[0]], shape))]
    return rest(list(layers), shape)


def as_tuple(layers, shape):
    return tuple(with_ifs(layers, shape))


def by_floor(layers, shape):
    found, now = [], shape
    for kind, *n in layers.values():
        if kind == "conv":
            now = tuple(math.floor((size + 2 * n[3] - n[1]) / n[2] + 1) for size in now[:2]) + (n[0],)
        if kind == "pool":
            now = tuple(math.floor((size - n[0]) / n[1] + 1) for size in now[:2]) + (now[2],)
        if kind == "linear":
            now = (n[0],)
        found.append(now)
    return found


def linear_as_number(layers, shape):
    return [row if len(row) == 3 else row[0] for row in with_ifs(layers, shape)]


def differently(conv=None, pool=None, linear=None, keep=True):
    """A learner's loop with another line for one kind of layer; each takes what goes in and the layer's numbers."""
    def function(layers, shape):
        found, now = [], shape
        for kind, *n in layers.values():
            now = now if keep else shape
            line = {"conv": conv, "pool": pool, "linear": linear}[kind]
            if line:
                now = line(now, *n)
            elif kind == "conv":
                now = ((now[0] + 2 * n[3] - n[1]) // n[2] + 1, (now[1] + 2 * n[3] - n[1]) // n[2] + 1, n[0])
            elif kind == "pool":
                now = ((now[0] - n[0]) // n[1] + 1, (now[1] - n[0]) // n[1] + 1, now[2])
            else:
                now = (n[0],)
            found.append(now)
        return found
    return function


SHAPES = Answers(
    right=[with_ifs, by_counting, recursive, as_tuple, by_floor, linear_as_number, differently()],
    wrong=[
        wrong(differently(pool=lambda x, k, s: (x[0] // k, x[1] // k, x[2])), "pool: stride is the kernel"),
        wrong(differently(pool=lambda x, k, s: (-(-(x[0] - k) // s) + 1, -(-(x[1] - k) // s) + 1, x[2])),
              "pool: rounded up"),
        wrong(differently(pool=lambda x, k, s: ((x[0] - k) // k + 1, (x[1] - k) // k + 1, x[2])),
              "pool: stride is the kernel"),
        wrong(differently(pool=lambda x, k, s: (x[0] - k + 1, x[1] - k + 1, x[2])), "pool: stride is 1"),
        wrong(differently(conv=lambda x, f, k, s, p, g: (
            (x[0] + 2 * p - k) // s + 1, (x[1] + 2 * p - k) // s + 1, f // g)), "filters divided by groups"),
        wrong(differently(conv=lambda x, f, k, s, p, g: ((x[0] - k) // s + 1, (x[1] - k) // s + 1, f)),
              "padding ignored"),
        wrong(differently(conv=lambda x, f, k, s, p, g: ((x[0] + p - k) // s + 1, (x[1] + p - k) // s + 1, f)),
              "padding once"),
        wrong(differently(conv=lambda x, f, k, s, p, g: ((x[0] + 2 * p - k) // s + 1,) * 2 + (f,),
                          pool=lambda x, k, s: ((x[0] - k) // s + 1,) * 2 + (x[2],)), "square"),
        wrong(differently(linear=lambda x, f: (*x[:2], f) if len(x) == 3 else (f,)),
              "linear keeps places"),
        wrong(differently(linear=lambda x, f: (1, 1, f)), "linear as an image"),
        wrong(differently(linear=lambda x, f: (math.prod(x), f))),
        wrong(lambda layers, shape: [shape, *with_ifs(layers, shape)], "input first"),
        wrong(lambda layers, shape: with_ifs(layers, shape)[-1]),
        wrong(lambda layers, shape: with_ifs(layers, shape)[:-1]),
        wrong(lambda layers, shape: [layer for layer in layers]),
        wrong(lambda layers, shape: [kind for kind, *numbers in layers])])

# --- costs ---


def totals(layers, shape, conv=None, full=None, pool=lambda x, y, k: (0, 0)):
    parameters, products = [], []
    for (kind, *n), after in zip(layers.values(), with_ifs(layers, shape), strict=True):
        if kind == "conv":
            f, k, _, _, g = n
            one = (conv or right_conv)(shape, after, f, k, g)
        elif kind == "pool":
            one = pool(shape, after, n[0])
        else:
            one = (full or right_full)(shape, n[0])
        parameters.append(one[0])
        products.append(one[1])
        shape = after
    return parameters, products


def right_conv(x, y, f, k, g):
    return f * (k**2 * x[2] // g + 1), y[0] * y[1] * f * k**2 * x[2] // g


def right_full(x, f):
    return (math.prod(x) + 1) * f, math.prod(x) * f


def by_groups(x, y, f, k, g):
    """Group by group."""
    weights = sum(k * k * (x[2] // g) * (f // g) for _ in range(g))
    return weights + f, weights * math.prod(y[:2])


def as_lists(layers, shape):
    return [list(part) for part in totals(layers, shape)]


def by_zip(layers, shape):
    pairs = zip(*totals(layers, shape), strict=True)
    return tuple(zip(*pairs, strict=True))


def as_floats(layers, shape):
    return tuple([float(number) for number in part] for part in totals(layers, shape))


def with_flat(layers, shape):
    def full(x, f):
        inputs = x[0] * x[1] * x[2] if len(x) == 3 else x[0]
        return inputs * f + f, inputs * f
    return totals(layers, shape, full=full)


def with_outputs(layers, shape):
    """Each output number costs a window's multiplications."""
    return totals(layers, shape, conv=lambda x, y, f, k, g: (
        k * k * x[2] * f // g + f, math.prod(y) * k * k * (x[2] // g)))


def costs_with(**lines):
    return lambda layers, shape: totals(layers, shape, **lines)


def conv_with(parameters=None, products=None):
    def line(x, y, f, k, g):
        right = right_conv(x, y, f, k, g)
        return (right[0] if parameters is None else parameters(x, y, f, k, g),
                right[1] if products is None else products(x, y, f, k, g))
    return costs_with(conv=line)


COSTS = Answers(
    right=[totals, costs_with(conv=by_groups), as_lists, by_zip, as_floats, with_flat, with_outputs],
    wrong=[
        wrong(costs_with(conv=lambda x, y, f, k, g: (f * k * k * x[2] // g, right_conv(x, y, f, k, g)[1]),
                         full=lambda x, f: (math.prod(x) * f, math.prod(x) * f)), "parameters: bias forgotten"),
        wrong(conv_with(lambda x, y, f, k, g: f * (k * k * x[2] + 1)), "parameters: groups ignored"),
        wrong(conv_with(lambda x, y, f, k, g: f * (k * k * x[2] + 1),
                        lambda x, y, f, k, g: y[0] * y[1] * f * k * k * x[2]),
              "parameters: groups ignored, multiplications: groups ignored"),
        wrong(conv_with(lambda x, y, f, k, g: f // g * (k * k * x[2] // g) + f), "parameters: groups twice"),
        wrong(conv_with(lambda x, y, f, k, g: f // g * (k * k * x[2] // g + 1))),
        wrong(conv_with(lambda x, y, f, k, g: f * (k * x[2] // g + 1)), "parameters: kernel once"),
        wrong(conv_with(lambda x, y, f, k, g: f * (k * k + 1)), "parameters: one channel"),
        wrong(conv_with(None, lambda x, y, f, k, g: f * k * k * x[2] // g), "multiplications: at one place"),
        wrong(conv_with(None, lambda x, y, f, k, g: x[0] * x[1] * f * k * k * x[2] // g),
              "multiplications: places of the input"),
        wrong(conv_with(None, lambda x, y, f, k, g: y[0] * y[1] * k * k * x[2] // g),
              "multiplications: filters forgotten"),
        wrong(costs_with(full=lambda x, f: ((x[-1] + 1) * f, math.prod(x) * f)), "parameters: places forgotten"),
        wrong(costs_with(full=lambda x, f: ((x[-1] + 1) * f, x[-1] * f)),
              "parameters: places forgotten, multiplications: places forgotten"),
        wrong(costs_with(full=lambda x, f: (math.prod(x) * f + 1, math.prod(x) * f))),
        wrong(costs_with(pool=lambda x, y, k: (0, k * k * math.prod(y))), "multiplications: pools"),
        wrong(costs_with(pool=lambda x, y, k: (k * k * x[2], 0)), "parameters: pools have weights"),
        wrong(lambda layers, shape: (totals(layers, shape)[0], [2 * n for n in totals(layers, shape)[1]]),
              "multiplications: doubled"),
        wrong(lambda layers, shape: tuple(map(sum, totals(layers, shape)))),
        wrong(lambda layers, shape: totals(layers, shape)[0]),
        wrong(lambda layers, shape: totals(layers, shape)[::-1])])

ANSWERS = {"11.shapes": SHAPES, "11.costs": COSTS, "11.lrn": LRN, "11.lrn_backward": LRN_BACKWARD,
           "11.dropout": DROPOUT}
