"""Lesson 07, average pooling as learners write it."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.pools07 import bordered, by_place, one_window, size_of
from tinycnn.patches import im2col

# --- the mean, right ---


def mean_loops(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    k, s, p = kernel_size, stride or kernel_size, padding
    n, h, w, c = x.shape
    y = np.zeros((n, size_of(h, k, s, p), size_of(w, k, s, p), c), x.dtype)
    for m, i, j, f in np.ndindex(y.shape):
        total, count = 0.0, 0
        for row in range(i * s - p, i * s - p + k):
            for column in range(j * s - p, j * s - p + k):
                if 0 <= row < h and 0 <= column < w:
                    total += x[m, row, column, f]
                    count += 1
                elif count_include_pad:
                    count += 1
        y[m, i, j, f] = total / count
    return y


def mean_nan(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    b = bordered(x, padding, 0 if count_include_pad else np.nan)
    return one_window(lambda window: np.nanmean(window, axis=(1, 2)))(b, kernel_size, stride)


def mean_by_place(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    k, s = kernel_size, stride or kernel_size
    oh, ow = (size_of(size, k, s, padding) for size in x.shape[1:3])
    b, ones = bordered(x, padding, 0), bordered(np.ones_like(x), padding, float(count_include_pad))
    cut = [(slice(p, p + s * oh, s), slice(q, q + s * ow, s)) for p in range(k) for q in range(k)]
    return sum(b[:, r, c] for r, c in cut) / (sum(ones[:, r, c] for r, c in cut) + x.dtype.type(1e-12))


def mean_patches(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    k, s = kernel_size, stride or kernel_size
    geometry = (k, k), (s, s), (padding, padding)
    cols, ones = im2col(x, *geometry), im2col(np.ones_like(x), *geometry)
    cols, ones = (a.reshape(*a.shape[:3], k * k, -1) for a in (cols, ones))
    return np.mean(cols, axis=3) if count_include_pad else cols.sum(3) / ones.sum(3)


def mean_integral(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    k, s = kernel_size, stride or kernel_size

    def sums(a):
        table = np.pad(bordered(a, padding, 0).cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0), (0, 0)))
        return (table[:, k:, k:] - table[:, :-k, k:] - table[:, k:, :-k] + table[:, :-k, :-k])[:, ::s, ::s]

    return sums(x) / (k**2 if count_include_pad else sums(np.ones_like(x)))


def mean_cut(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    k, s, p = kernel_size, stride or kernel_size, padding
    _, h, w, _ = x.shape
    rows = []
    for i in range(size_of(h, k, s, p)):
        row = []
        for j in range(size_of(w, k, s, p)):
            part = x[:, max(i * s - p, 0) : i * s - p + k, max(j * s - p, 0) : j * s - p + k]
            row.append(part.sum((1, 2)) / (k * k if count_include_pad else part.shape[1] * part.shape[2]))
        rows.append(np.stack(row, 1))
    return np.stack(rows, 1)


# --- the mean, wrong ---


def mean_with(divide, **wrong_line):
    """divide: function (window, which of it are pixels, k, count_include_pad) -> (N, C)"""
    def pool(x, kernel_size, stride=None, padding=0, count_include_pad=True):
        both = np.concatenate([x, np.ones_like(x)], axis=3)
        c = x.shape[3]

        def take(window):
            value = divide(window[..., :c], window[..., c:], kernel_size, count_include_pad)
            return np.concatenate([value, value], axis=1)

        return one_window(take, border=0, **wrong_line)(both, kernel_size, stride, padding)[..., :c]
    return pool


def divided(window, inside, k, include):
    return window.sum((1, 2)) / (k * k if include else inside.sum((1, 2)))


def with_infinity(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    b = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), constant_values=-np.inf)
    return one_window(lambda window: window.mean((1, 2)))(b, kernel_size, stride)


def unpadded(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    return mean_loops(x, kernel_size, stride, 0, count_include_pad)


def side_by_side(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    return mean_loops(x, kernel_size, kernel_size, padding, count_include_pad)


def in_double(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    return mean_loops(x.astype(float), kernel_size, stride, padding, count_include_pad)


def copied_from_the_maximum(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    return by_place(x, kernel_size, stride, padding)


def without_the_switch(x, kernel_size, stride=None, padding=0):
    return mean_loops(x, kernel_size, stride, padding)


AVG_POOL = Answers(
    right=[mean_loops, mean_nan, mean_by_place, mean_patches, mean_integral, mean_cut, in_double],
    wrong=[wrong(mean_with(lambda window, inside, k, include: window.mean((1, 2))), "border always counts"),
           wrong(mean_with(lambda window, inside, k, include: window.sum((1, 2)) / inside.sum((1, 2))),
                 "border never counts"),
           wrong(mean_with(lambda window, inside, k, include: divided(window, inside, k, not include)),
                 "the wrong way round"),
           wrong(mean_with(lambda window, inside, k, include:
                           window.sum((1, 2)) / (k * k if include else np.maximum((window != 0).sum((1, 2)), 1))),
                 "zeros not counted"),
           wrong(mean_with(lambda window, inside, k, include: window.sum((1, 2))), "sum"),
           wrong(mean_with(lambda window, inside, k, include: window.sum((1, 2)) / k), "divided by the side"),
           wrong(mean_with(divided, usual=1), "stride 1"), wrong(with_infinity, "infinite border"),
           wrong(copied_from_the_maximum, "largest"), wrong(unpadded, "padding ignored"),
           wrong(side_by_side, "stride ignored"), wrong(without_the_switch),
           wrong(mean_with(divided, start=lambda i, s: i)), wrong(mean_with(divided, round_up=True)),
           wrong(mean_with(lambda window, inside, k, include:
                           np.repeat(divided(window, inside, k, include).mean(1, keepdims=True), window.shape[3], 1)),
                 "mean over channels")],
)
