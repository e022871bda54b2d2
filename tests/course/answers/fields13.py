"""Answers of learners to the exercises of lesson 13 about what a unit sees."""

import itertools
import math

import numpy as np

from tests.course.answers import Answers, wrong

# --- receptive_field ---


def in_lists(layers):
    r, j, start = [1], [1], [0]
    for k, s, p in layers:
        r.append(r[-1] + (k - 1) * j[-1])
        start.append(start[-1] - p * j[-1])
        j.append(j[-1] * s)
    return r[1:], j[1:], start[1:]


def unrolled(layers):
    k, s, p = np.asarray(layers).T
    before = np.concatenate([[1], np.cumprod(s)[:-1]])
    return 1 + np.cumsum((k - 1) * before), np.cumprod(s), -np.cumsum(p * before)


def by_sets(layers):
    def seen(depth, unit):
        at = {unit}
        for k, s, p in layers[:depth][::-1]:
            at = {u * s - p + i for u in at for i in range(k)}
        return at
    depths = range(1, len(layers) + 1)
    firsts = [min(seen(d, 0)) for d in depths]
    return ([max(seen(d, 0)) - f + 1 for d, f in zip(depths, firsts, strict=True)],
            [min(seen(d, 1)) - f for d, f in zip(depths, firsts, strict=True)], firsts)


def by_ends(layers):
    rows, low, high, step = [], 0.0, 0.0, 1
    for kernel, stride, padding in layers:
        low, high = low - padding * step, high + (kernel - 1 - padding) * step
        step *= stride
        rows.append([high - low + 1, step, low])
    return tuple(np.array(rows).T)


def by_recursion(layers):
    if len(layers) == 0:
        return [], [], []
    sizes, steps, firsts = by_recursion(layers[:-1])
    k, s, p = layers[-1]
    size, step, first = (sizes[-1], steps[-1], firsts[-1]) if sizes else (1, 1, 0)
    return [*sizes, size + (k - 1) * step], [*steps, step * s], [*firsts, first - p * step]


def filled(layers):
    n = len(layers)
    size, jump, start = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        j = math.prod(int(s) for _, s, _ in layers[:i])
        size[i] = (size[i - 1] if i else 1) + (layers[i][0] - 1) * j
        jump[i] = j * layers[i][1]
        start[i] = (start[i - 1] if i else 0) - layers[i][2] * j
    return size, jump, start


def _go(layers, rule):
    state, rows = (1, 1, 0), []
    for layer in layers:
        state = rule(*state, *(int(n) for n in layer))
        rows.append(state)
    return [list(column) for column in zip(*rows, strict=True)]


def kernel_sum(layers):
    return _go(layers, lambda r, j, f, k, s, p: (r + k * j, j * s, f - p * j))


def no_steps(layers):
    return _go(layers, lambda r, j, f, k, s, p: (r + k - 1, j * s, f - p * j))


def stride_first(layers):
    size, step, first = 1, 1, 0
    out = [], [], []
    for k, s, p in layers:
        step *= s
        size += (k - 1) * step
        first -= p * step
        for column, number in zip(out, (size, step, first), strict=True):
            column.append(number)
    return out


def plus_padding(layers):
    return _go(layers, lambda r, j, f, k, s, p: (r + (k - 1) * j, j * s, f + p * j))


def padding_alone(layers):
    return _go(layers, lambda r, j, f, k, s, p: (r + (k - 1) * j, j * s, f - p))


def from_zero(layers):
    sizes, steps, firsts = in_lists(layers)
    return [n - 1 for n in sizes], steps, firsts


def add_strides(layers):
    return _go(layers, lambda r, j, f, k, s, p: (r + (k - 1) * j, j + s, f - p * j))


def last_stride(layers):
    return _go(layers, lambda r, j, f, k, s, p: (r + (k - 1) * j, s, f - p * j))


def from_the_top(layers):
    return in_lists(layers[::-1])


def only_the_end(layers):
    return [column[-1] for column in in_lists(layers)]


def padding_in_size(layers):
    return _go(layers, lambda r, j, f, k, s, p: (r + (k - 1 + 2 * p) * j, j * s, f - p * j))


def without_first(layers):
    return in_lists(layers)[:2]


def product(layers):
    return _go(layers, lambda r, j, f, k, s, p: (r * k, j * s, f - p * j))


def borders_ignored(layers):
    return _go(layers, lambda r, j, f, k, s, p: (r + (k - 1) * j, j * s, 0))


def size_from_stride(layers):
    return _go(layers, lambda r, j, f, k, s, p: (r * s + k - s, j * s, f - p * j))


RECEPTIVE_FIELD = Answers(
    right=[in_lists, unrolled, by_sets, by_ends, by_recursion, filled],
    wrong=[wrong(kernel_sum, "kernel added"), wrong(no_steps, "kernels of the picture"),
           wrong(stride_first, "strides too soon, padding after the stride"),
           wrong(plus_padding, "padding to the right"), wrong(padding_alone, "padding in pixels"),
           wrong(from_zero, "starts at nothing"), wrong(add_strides, "strides added"),
           wrong(last_stride, "only the last stride"),
           wrong(from_the_top), wrong(only_the_end), wrong(padding_in_size), wrong(without_first),
           wrong(product, "kernels multiplied"), wrong(borders_ignored, "no padding"), wrong(size_from_stride),
           wrong(lambda layers: None)])

# --- window_of_unit ---


def by_loop(rows, columns, field, shape):
    size, step, first = field
    out = []
    for r, c in zip(rows, columns, strict=True):
        x, y = first + c * step, first + r * step
        out.append([max(x, 0), max(y, 0), min(x + size, shape[1]), min(y + size, shape[0])])
    return out


def by_minimum(rows, columns, field, shape):
    size, step, first = field
    x, y = columns * step + first, rows * step + first
    return np.array([np.maximum(0, x), np.maximum(0, y), np.minimum(shape[1], x + size),
                     np.minimum(shape[0], y + size)]).T


def by_pixels(rows, columns, field, shape):
    size, step, first = field
    boxes = np.zeros((len(rows), 4))
    for n, (r, c) in enumerate(zip(rows, columns, strict=True)):
        xs = [x for x in range(first + c * step, first + c * step + size) if 0 <= x < shape[1]]
        ys = [y for y in range(first + r * step, first + r * step + size) if 0 <= y < shape[0]]
        boxes[n] = xs[0], ys[0], xs[-1] + 1, ys[-1] + 1
    return boxes


def by_columns(rows, columns, field, shape):
    boxes = np.empty((len(rows), 4), np.float32)
    boxes[:, 0] = field[2] + columns * field[1]
    boxes[:, 1] = field[2] + rows * field[1]
    boxes[:, 2:] = boxes[:, :2] + field[0]
    boxes[:, ::2] = boxes[:, ::2].clip(0, shape[1])
    boxes[:, 1::2] = boxes[:, 1::2].clip(0, shape[0])
    return boxes


def by_tiling(rows, columns, field, shape):
    start = field[2] + np.stack([columns, rows], axis=1) * field[1]
    limits = np.tile(shape[::-1], 2)
    return np.minimum(np.maximum(np.hstack([start, start + field[0]]), 0), limits)


def by_middle(rows, columns, field, shape):
    size, step, first = field
    middle = first + size / 2 + np.column_stack([columns, rows]) * step
    boxes = np.concatenate([middle - size / 2, middle + size / 2], axis=1)
    return np.clip(boxes, 0, [shape[1], shape[0], shape[1], shape[0]])


def _own(rows, columns, field, shape, first=None, add=0, clip=True, jump=None):
    size, step, start = field
    start, step = start if first is None else first, step if jump is None else jump
    x, y = start + columns * step, start + rows * step
    boxes = np.stack([x, y, x + size + add, y + size + add], 1)
    return np.clip(boxes, 0, [shape[1], shape[0]] * 2) if clip else boxes


def exchanged(rows, columns, field, shape):
    size, step, first = field
    x, y = first + rows * step, first + columns * step
    return np.clip(np.stack([x, y, x + size, y + size], 1), 0, [shape[1], shape[0]] * 2)


def unclipped(rows, columns, field, shape):
    return _own(rows, columns, field, shape, clip=False)


def clipped_as_given(rows, columns, field, shape):
    return np.clip(unclipped(rows, columns, field, shape), 0, [*shape, *shape])


def only_zero(rows, columns, field, shape):
    return np.maximum(unclipped(rows, columns, field, shape), 0)


def early_zero(rows, columns, field, shape):
    size, step, first = field
    x, y = np.maximum(first + columns * step, 0), np.maximum(first + rows * step, 0)
    return np.minimum(np.stack([x, y, x + size, y + size], 1), [shape[1], shape[0]] * 2)


def last_pixel(rows, columns, field, shape):
    return _own(rows, columns, field, shape, add=-1)


def from_nothing(rows, columns, field, shape):
    return _own(rows, columns, field, shape, first=0)


def other_sign(rows, columns, field, shape):
    return _own(rows, columns, field, shape, first=-field[2])


def no_jump(rows, columns, field, shape):
    return _own(rows, columns, field, shape, jump=1)


def jumps_of_size(rows, columns, field, shape):
    return _own(rows, columns, field, shape, jump=field[0])


def y_first(rows, columns, field, shape):
    return _own(rows, columns, field, shape)[:, [1, 0, 3, 2]]


def width_height(rows, columns, field, shape):
    boxes = _own(rows, columns, field, shape)
    return np.stack([*boxes[:, :2].T, boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]], 1)


def flat(rows, columns, field, shape):
    return _own(rows, columns, field, shape).T


def one_box(rows, columns, field, shape):
    return _own(rows, columns, field, shape)[0]


def all_pairs(rows, columns, field, shape):
    return np.array([by_loop([r], [c], field, shape)[0] for r, c in itertools.product(rows, columns)])


WINDOW_OF_UNIT = Answers(
    right=[by_loop, by_minimum, by_pixels, by_columns, by_tiling, by_middle],
    wrong=[wrong(exchanged, "rows for x"), wrong(unclipped, "not clipped"), wrong(clipped_as_given, "height for x"),
           wrong(only_zero, "clipped below only"), wrong(early_zero, "clipped too soon"),
           wrong(last_pixel, "inclusive"), wrong(from_nothing, "first forgotten"),
           wrong(other_sign, "first the wrong way"), wrong(no_jump), wrong(jumps_of_size, "size as step"),
           wrong(y_first, "ymin first"), wrong(width_height, "as sizes"), wrong(flat), wrong(one_box),
           wrong(all_pairs), wrong(lambda rows, columns, field, shape: None)])
