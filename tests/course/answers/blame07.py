"""Lesson 07, the backward of max pooling as learners write it."""

import numpy as np

from tests.course.answers import Answers, wrong
from tinycnn.patches import col2im, im2col


def bordered(x, p, value=-np.inf):
    return np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), mode="constant", constant_values=value)


# --- right ---


def one_by_one(dy, x, kernel_size, stride=None, padding=0):
    k, s, p = kernel_size, stride or kernel_size, padding
    n, h, w, c = x.shape
    dx = np.zeros_like(x)
    for m in range(dy.shape[0]):
        for i in range(dy.shape[1]):
            for j in range(dy.shape[2]):
                for f in range(c):
                    best, where = -np.inf, None
                    for row in range(i * s - p, i * s - p + k):
                        for column in range(j * s - p, j * s - p + k):
                            inside = 0 <= row < h and 0 <= column < w
                            if inside and x[m, row, column, f] > best:
                                best, where = x[m, row, column, f], (row, column)
                    dx[m, where[0], where[1], f] += dy[m, i, j, f]
    return dx


def unraveled(dy, x, kernel_size, stride=None, padding=0):
    if stride is None:
        stride = kernel_size
    big = bordered(x, padding)
    grad = np.zeros_like(big)
    for m, i, j, f in np.ndindex(*dy.shape):
        top, left = i * stride, j * stride
        window = big[m, top : top + kernel_size, left : left + kernel_size, f]
        row, column = np.unravel_index(np.argmax(window), window.shape)
        grad[m, top + row, left + column, f] += dy[m, i, j, f]
    return grad[:, padding : grad.shape[1] - padding, padding : grad.shape[2] - padding, :]


def masks(dy, x, kernel_size, stride=None, padding=0):
    """A mask with the first of the largest, window by window, all pictures and channels at once."""
    k, s, p = kernel_size, stride or kernel_size, padding
    big = bordered(x, p)
    grad = np.zeros_like(big)
    n, _, _, c = x.shape
    for i in range(dy.shape[1]):
        for j in range(dy.shape[2]):
            window = big[:, i * s : i * s + k, j * s : j * s + k].transpose(0, 3, 1, 2).reshape(n, c, k * k)
            first = np.eye(k * k, dtype=x.dtype)[window.argmax(2)].reshape(n, c, k, k).transpose(0, 2, 3, 1)
            grad[:, i * s : i * s + k, j * s : j * s + k] += first * dy[:, i : i + 1, j : j + 1]
    return grad[:, p : p + x.shape[1], p : p + x.shape[2]]


def with_patches(dy, x, kernel_size, stride=None, padding=0):
    k, s, p = kernel_size, stride or kernel_size, padding
    big = bordered(x, p)
    cols = im2col(big, (k, k), (s, s))
    cols = cols.reshape(*cols.shape[:3], k * k, -1)
    dcols = np.zeros(cols.shape, dy.dtype)
    np.put_along_axis(dcols, cols.argmax(3)[:, :, :, None], dy[:, :, :, None], 3)
    grad = col2im(dcols.reshape(*dcols.shape[:3], -1), big.shape, (k, k), (s, s))
    return grad[:, p : p + x.shape[1], p : p + x.shape[2]]


def taken(dy, x, kernel_size, stride=None, padding=0):
    """Place after place; once a window has its winner, later equals get nothing."""
    k, s, p = kernel_size, stride or kernel_size, padding
    _, oh, ow, _ = dy.shape
    big = bordered(x, p)
    places = [np.s_[:, a : a + s * oh : s, b : b + s * ow : s] for a in range(k) for b in range(k)]
    y = np.max([big[place] for place in places], axis=0)
    grad, free = np.zeros_like(big), np.ones(dy.shape, bool)
    for place in places:
        wins = free & (big[place] == y)
        grad[place] += np.where(wins, dy, 0)
        free &= ~wins
    return grad[:, p : p + x.shape[1], p : p + x.shape[2]]


def places_of(x, kernel_size, stride, padding):
    """(n, row, column, c) of every winner, in the padded picture."""
    k, s = kernel_size, stride or kernel_size
    view = np.lib.stride_tricks.sliding_window_view(bordered(x, padding), (k, k), axis=(1, 2))[:, ::s, ::s]
    winner = view.reshape(*view.shape[:4], k * k).argmax(-1)
    n, i, j, c = np.indices(winner.shape)
    return n, i * s + winner // k, j * s + winner % k, c


def counted(dy, x, kernel_size, stride=None, padding=0):
    big = bordered(x, padding)
    flat = np.ravel_multi_index(places_of(x, kernel_size, stride, padding), big.shape)
    grad = np.bincount(flat.ravel(), dy.ravel(), big.size).reshape(big.shape).astype(dy.dtype)
    return grad[:, padding : padding + x.shape[1], padding : padding + x.shape[2]]


def added_at(dy, x, kernel_size, stride=None, padding=0):
    grad = np.zeros_like(bordered(x, padding))
    np.add.at(grad, places_of(x, kernel_size, stride, padding), dy)
    return grad[:, padding : padding + x.shape[1], padding : padding + x.shape[2]]


def added_without_border(dy, x, kernel_size, stride=None, padding=0):
    """The border never wins, so nobody needs it in dx."""
    n, row, column, c = places_of(x, kernel_size, stride, padding)
    dx = np.zeros_like(x)
    np.add.at(dx, (n, row - padding, column - padding, c), dy)
    return dx


def zipped(dy, x, kernel_size, stride=None, padding=0):
    grad = np.zeros_like(bordered(x, padding))
    places = [a.ravel() for a in places_of(x, kernel_size, stride, padding)]
    for *place, share in zip(*places, dy.ravel(), strict=True):
        grad[tuple(place)] += share
    return grad[:, padding : padding + x.shape[1], padding : padding + x.shape[2]]


def one_picture_at_a_time(dy, x, kernel_size, stride=None, padding=0):
    geometry = kernel_size, stride, padding
    return np.concatenate([added_at(dy[m : m + 1], x[m : m + 1], *geometry) for m in range(len(x))])


# --- wrong, in loops ---


def loops(share=None, update="add", border=-np.inf, at=lambda i, s: i * s, cut=None, finish=lambda dx, dy: dx,
          columns_first=False):
    """A backward with a line or two that are wrong.

    share: function (window (K, K)) -> how much of dy each place gets; default: all for the first of the largest
    update: "add", "assign" to the winner, or "window" to assign all of it
    """
    def first(window):
        part = np.zeros(window.shape)
        part[np.unravel_index(window.argmax(), window.shape)] = 1
        return part

    def backward(dy, x, kernel_size, stride=None, padding=0):
        k, s = kernel_size, stride or kernel_size
        big = bordered(x, padding, border)
        grad = np.zeros_like(big)
        oh, ow = dy.shape[1:3]
        order = [(i, j) for j in range(ow) for i in range(oh)] if columns_first else list(np.ndindex(oh, ow))
        for m in range(len(x)):
            for i, j in order:
                for c in range(x.shape[3]):
                    top, left = at(i, s), at(j, s)
                    part = (share or first)(big[m, i * s : i * s + k, j * s : j * s + k, c])
                    target = grad[m, top : top + k, left : left + k, c]  # a view
                    given = (part * dy[m, i, j, c]).astype(x.dtype)
                    if update == "add":
                        target += given
                    elif update == "window":
                        target[...] = given
                    else:
                        target[part > 0] = given[part > 0]
        start = padding if cut is None else cut
        grad = grad if cut == "not" else grad[:, start : start + x.shape[1], start : start + x.shape[2]]
        return finish(grad, dy)
    return backward


def all_equal(window):
    return (window == window.max()).astype(float)


def shared(window):
    return all_equal(window) / all_equal(window).sum()


def last(window):
    part, best = np.zeros(window.shape), -np.inf
    for place in np.ndindex(window.shape):
        if window[place] >= best:
            best, where = window[place], place
    part[where] = 1
    return part


def down_the_columns(window):
    part = np.zeros(window.shape)
    column, row = divmod(int(window.T.argmax()), len(window))
    part[row, column] = 1
    return part


def mixed_up(window):
    part = np.zeros(window.shape)
    column, row = divmod(int(window.argmax()), len(window))
    part[row, column] = 1
    return part


def ones_for_winners(dy, x, *geometry):
    return added_at(np.ones_like(dy), x, *geometry)


def place_after_place(dy, x, kernel_size, stride=None, padding=0):
    k, s, p = kernel_size, stride or kernel_size, padding
    _, oh, ow, _ = dy.shape
    view = np.lib.stride_tricks.sliding_window_view(bordered(x, p), (k, k), axis=(1, 2))[:, ::s, ::s]
    winner = view.reshape(*view.shape[:4], -1).argmax(4)
    grad = np.zeros_like(bordered(x, p))
    for place in range(k * k):
        a, b = place // k, place % k
        grad[:, a : a + s * oh : s, b : b + s * ow : s] = np.where(winner == place, dy, 0)
    return grad[:, p : p + x.shape[1], p : p + x.shape[2]]


def of_channel_0(dy, x, kernel_size, stride=None, padding=0):
    k, s, p = kernel_size, stride or kernel_size, padding
    big = bordered(x, p)
    grad = np.zeros_like(big)
    for m, i, j in np.ndindex(dy.shape[:3]):
        row, column = divmod(big[m, i * s : i * s + k, j * s : j * s + k, 0].argmax(), k)
        grad[m, i * s + row, j * s + column] += dy[m, i, j]
    return grad[:, p : p + x.shape[1], p : p + x.shape[2]]


def over_all_channels(dy, x, kernel_size, stride=None, padding=0):
    """One winner in all K x K x C numbers."""
    k, s, p = kernel_size, stride or kernel_size, padding
    big = bordered(x, p)
    grad = np.zeros_like(big)
    for m, i, j in np.ndindex(dy.shape[:3]):
        window = big[m, i * s : i * s + k, j * s : j * s + k]
        row, column, _ = np.unravel_index(window.argmax(), window.shape)
        grad[m, i * s + row, j * s + column] += dy[m, i, j]
    return grad[:, p : p + x.shape[1], p : p + x.shape[2]]


def no_default(dy, x, kernel_size, stride=None, padding=0):
    return np.zeros((len(x), dy.shape[1] * stride, dy.shape[2] * stride, x.shape[3]))


def in_double(dy, x, kernel_size, stride=None, padding=0):
    return added_at(dy.astype(float), x.astype(float), kernel_size, stride, padding)


MAX_POOL_BACKWARD = Answers(
    right=[one_by_one, unraveled, masks, with_patches, taken, counted, added_at, in_double],
    wrong=[wrong(loops(update="assign"), "assigned"),
           wrong(loops(update="assign", columns_first=True), "assigned, columns first"),
           wrong(loops(update="window"), "window overwritten"), wrong(place_after_place, "place overwritten"),
           wrong(loops(all_equal), "all tied"), wrong(loops(shared), "tied share"),
           wrong(loops(last), "last of tied"),
           wrong(loops(down_the_columns), "first of the column"), wrong(loops(border=0), "border of zeros"),
           wrong(loops(cut=0), "cropped on one side"), wrong(loops(cut="not"), "not cropped"),
           wrong(loops(at=lambda i, s: i), "stride ignored"),
           wrong(loops(lambda window: np.ones(window.shape)), "whole window"),
           wrong(of_channel_0, "one winner for all channels"), wrong(loops(mixed_up), "row and column exchanged"),
           wrong(ones_for_winners, "dy forgotten"), wrong(loops(finish=lambda dx, dy: dx / len(dy)), "batch mean"),
           wrong(over_all_channels), wrong(no_default), wrong(loops(finish=lambda dx, dy: -dx)),
           wrong(loops(lambda window: window == window.min()))],
)
