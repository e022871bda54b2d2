"""Lesson 07, the fast backward with a bug in it: what learners make of it."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.blame07 import (
    added_at,
    added_without_border,
    all_equal,
    bordered,
    counted,
    in_double,
    loops,
    masks,
    one_picture_at_a_time,
    place_after_place,
    with_patches,
    zipped,
)


def fast(collect, cut=lambda grad, p, h, w: grad[:, p : p + h, p : p + w], border=-np.inf, last=False, turn=False,
         step=None):
    """The colleague's function with other lines changed. collect: function (grad, places, dy), which fills grad."""
    def backward(dy, x, kernel_size, stride=None, padding=0):
        k, s, p = kernel_size, stride or kernel_size, padding
        view = np.lib.stride_tricks.sliding_window_view(bordered(x, p, border), (k, k), axis=(1, 2))[:, ::s, ::s]
        view = view.reshape(*view.shape[:4], k * k)
        winner = k * k - 1 - view[..., ::-1].argmax(4) if last else view.argmax(4)
        n, i, j, c = np.indices(dy.shape)
        row, column = (winner % k, winner // k) if turn else (winner // k, winner % k)
        grad = np.zeros((len(x), x.shape[1] + 2 * p, x.shape[2] + 2 * p, x.shape[3]), dy.dtype)
        collect(grad, (n, i * (step or s) + row, j * (step or s) + column, c), dy)
        return cut(grad, p, *x.shape[1:3])
    return backward


def plus_equals(grad, places, dy):
    grad[places] += dy


def equals(grad, places, dy):
    grad[places] = dy


def written_out(grad, places, dy):
    grad[places] = grad[places] + dy


def maximum_at(grad, places, dy):
    np.maximum.at(grad, places, dy)


def mean_at(grad, places, dy):
    wins = np.zeros_like(grad)
    np.add.at(wins, places, 1)
    np.add.at(grad, places, dy)
    grad /= np.maximum(wins, 1)


def ones_at(grad, places, dy):
    np.add.at(grad, places, 1)


def subtract_at(grad, places, dy):
    np.subtract.at(grad, places, dy)


def put(grad, places, dy):
    np.put(grad, np.ravel_multi_index(places, grad.shape), dy)


def distinct(grad, places, dy):
    """Each winner once, with the dy of the first window that it won."""
    flat = np.ravel_multi_index(places, grad.shape).ravel()
    once, first = np.unique(flat, return_index=True)
    grad.ravel()[once] = dy.ravel()[first]


FAST_BACKWARD = Answers(
    right=[added_at, counted, added_without_border, zipped, one_picture_at_a_time, with_patches, masks,
           fast(np.add.at)],
    wrong=[wrong(fast(plus_equals), "added once"), wrong(fast(equals), "added once"),
           wrong(fast(written_out), "added once"), wrong(fast(put), "added once"), wrong(fast(mean_at), "averaged"),
           wrong(loops(update="window"), "window overwritten"), wrong(place_after_place, "place overwritten"),
           wrong(fast(np.add.at, border=0), "border of zeros"), wrong(fast(np.add.at, last=True), "last of tied"),
           wrong(loops(all_equal), "all tied"),
           wrong(fast(np.add.at, cut=lambda grad, p, h, w: grad[:, :h, :w]), "cropped on one side"),
           wrong(fast(np.add.at, cut=lambda grad, p, h, w: grad), "not cropped"),
           wrong(fast(np.add.at, step=1), "stride ignored"),
           wrong(fast(np.add.at, turn=True), "row and column exchanged"), wrong(fast(maximum_at)),
           wrong(fast(ones_at)), wrong(fast(subtract_at)), wrong(fast(distinct)), wrong(in_double)],
)
