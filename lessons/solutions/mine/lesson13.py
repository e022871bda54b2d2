"""Written in lesson 13."""

import numpy as np


def receptive_sizes(layers):
    """layers: rows (kernel, stride, padding), from the picture up -> sizes, steps, firsts after each layer."""
    size, step, first = 1, 1, 0
    sizes, steps, firsts = [], [], []
    for kernel, stride, padding in layers:
        size += (kernel - 1) * step
        first -= padding * step
        step *= stride  # last: it is how far apart the outputs are
        sizes.append(size)
        steps.append(step)
        firsts.append(first)
    return sizes, steps, firsts


def window_of_unit(rows, columns, field, shape):
    """rows, columns: (N,) of units; field: (size, step, first); shape: (H, W) of the picture -> boxes (N, 4)."""
    (size, step, first), (height, width) = field, shape
    xmin, ymin = first + columns * step, first + rows * step
    boxes = np.stack([xmin, ymin, xmin + size, ymin + size], axis=1)
    return np.clip(boxes, 0, [width, height, width, height])


def saliency(forward, backward, x, labels):
    """x: (N, H, W, C); labels: (N,), whose scores -> |dscore/dpixel|, the largest of the channels, (N, H, W)."""
    scores, boxes = forward(x)
    dscores, dboxes = np.zeros_like(scores), np.zeros_like(boxes)
    dscores[np.arange(len(x)), labels] = 1  # this score, and no other
    return abs(backward(dscores, dboxes)).max(axis=3)


def occlusion(score, image, size, stride):
    """score: function (H, W, C) -> number; image: (H, W, C) -> what is lost with a square at each place, (R, C)."""
    whole = score(image)
    rows = range(0, image.shape[0] - size + 1, stride)
    columns = range(0, image.shape[1] - size + 1, stride)
    drops = np.zeros((len(rows), len(columns)))
    for r, y in enumerate(rows):
        for c, x in enumerate(columns):
            covered = image.copy()  # a whole picture again, for every square
            covered[y : y + size, x : x + size] = 0
            drops[r, c] = whole - score(covered)
    return drops


def dead_units(y):
    """y: (N, H, W, C) or (N, C), the output of a ReLU -> True for each unit that is 0 everywhere, (C,)."""
    return (y == 0).all(axis=tuple(range(y.ndim - 1)))
