"""Exercises of lesson 08: the batches of an epoch, and a training loop with a bug in it."""

import itertools

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from tinycnn.course.calls.lesson08 import somebodys_loop

NEVER_THE_SAME = itertools.count(1)  # seeds for the mistake of drawing from somewhere else

# --- batches: every picture once, in a new order each time ---


def batches(images, labels, batch_size, rng):
    order = rng.permutation(len(images))
    return [(images[few], labels[few]) for few in _parts(order, batch_size)]


def _parts(order, batch_size):
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def _with_order(draw, cut=_parts):
    """An epoch whose order is draw(n, rng), cut into parts by cut(order, batch_size)."""
    def epoch(images, labels, batch_size, rng):
        return [(images[few], labels[few]) for few in cut(draw(len(images), rng), batch_size)]
    return epoch


def _permuted(n, rng):
    return rng.permutation(n)


def _labels_as_given(images, labels, batch_size, rng):
    return [(images[few], labels[i * batch_size : i * batch_size + len(few)])
            for i, few in enumerate(_parts(rng.permutation(len(images)), batch_size))]


def _labels_apart(images, labels, batch_size, rng):
    mine, theirs = (_parts(rng.permutation(len(images)), batch_size) for _ in range(2))
    return [(images[few], labels[others]) for few, others in zip(mine, theirs, strict=True)]


def _batches_shuffled(images, labels, batch_size, rng):
    parts = _parts(np.arange(len(images)), batch_size)
    return [(images[parts[i]], labels[parts[i]]) for i in rng.permutation(len(parts))]


def _filled_up(order, batch_size):
    count = -(-len(order) // batch_size)
    return _parts(np.resize(order, count * batch_size), batch_size)


def _unknown(images, labels, batch_size, rng):
    """Every batch holds one picture more than it should."""
    return [(images[few], labels[few]) for few in _parts(rng.permutation(len(images)), batch_size + 1)]


def _batch_cases(rng):
    def case(n, batch_size, shape, seed):
        return Case(rng.standard_normal((n, *shape)), rng.permutation(n), batch_size, seed)
    return [case(23, 5, (2, 3, 3), 1), case(30, 8, (4,), 2), case(26, 7, (3, 2, 1), 3)]


BATCHES = Exercise(
    title="the batches of an epoch, shuffled",
    solution=batches,
    cases=_batch_cases,
    returns=("sizes of the batches", "labels in two epochs", "every picture, and none twice",
             "labels that belong to their pictures", "a new order each time, decided by rng"),
    takes=("images", "labels", "batch_size", "rng = default_rng of"),
    unknown=_unknown,
    mistakes={
        "not shuffled": Mistake(
            _with_order(lambda n, rng: np.arange(n)),
            "The pictures come in the order in which they were given. Data sets are often sorted by class."),
        "same order each epoch": Mistake(
            _with_order(lambda n, rng: np.random.default_rng(0).permutation(n)),
            "Every epoch has the same order. A generator made inside begins anew each time; take the one that is "
            "handed in."),
        "not from rng": Mistake(
            _with_order(lambda n, rng: np.random.default_rng(next(NEVER_THE_SAME)).permutation(n)),
            "With the same seed the order is another one each time, so no run can be repeated. Random numbers come "
            "from the rng that is handed in, and from nowhere else."),
        "last batch lost": Mistake(
            _with_order(_permuted, lambda order, size: _parts(order, size)[: len(order) // size]),
            "The pictures that are left over at the end are missing. The last batch may be smaller."),
        "last batch filled up": Mistake(
            _with_order(_permuted, _filled_up),
            "The last batch is filled up with pictures that were there before. It may be smaller."),
        "drawn with putting back": Mistake(
            _with_order(lambda n, rng: rng.integers(n, size=n)),
            "Some pictures come twice in an epoch and others not at all. In an epoch each one comes once."),
        "labels as given": Mistake(
            _labels_as_given,
            "The pictures are shuffled and the labels are not: a cat is called what stood in its place before."),
        "labels apart": Mistake(
            _labels_apart,
            "Pictures and labels are shuffled, each in an order of their own. One order for both."),
        "whole batches shuffled": Mistake(
            _batches_shuffled,
            "The batches come in another order, but the same pictures always meet in a batch. Shuffle first, then "
            "cut."),
    },
)

# --- loop: a training loop in which the rate goes down in the wrong place ---


def train(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    return _trained(x, t, w, b, epochs, batch_size, lr, momentum, factor)


def _trained(x, t, w, b, epochs, batch_size, lr, momentum, factor, power=lambda epoch, step, number: epoch,
             mean=lambda true: true.size, stop=lambda n, batch_size: n, fresh=False, plain=False, shared=False):
    """The loop, with one piece exchanged. power: how often the rate has been multiplied by factor."""
    vw, vb, number = np.zeros_like(w), np.zeros_like(b), 0
    for epoch in range(epochs):
        if fresh:
            vw, vb = np.zeros_like(w), np.zeros_like(b)
        for step, start in enumerate(range(0, stop(len(x), batch_size), batch_size)):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            rate = lr * factor ** power(epoch, step, number)
            dy = 2 * (few @ w + b - true) / mean(true)
            vw = momentum * vw + few.T @ dy
            vb = momentum * (vw[-1] if shared else vb) + dy.sum(axis=0)
            w, b = (w - rate * few.T @ dy, b - rate * dy.sum(axis=0)) if plain else (w - rate * vw, b - rate * vb)
            number += 1
    return w, b


def _trained_with(**pieces):
    def loop(x, t, w, b, epochs, batch_size, lr, momentum, factor):
        return _trained(x, t, w, b, epochs, batch_size, lr, momentum, factor, **pieces)
    return loop


def _loop_cases(rng):
    def case(n, d, f, *settings):
        x, w, b = rng.standard_normal((n, d)), rng.standard_normal((d, f)), rng.standard_normal(f)
        return Case(x, x @ rng.standard_normal((d, f)) + 1, w, b, *settings)
    return [case(11, 3, 2, 3, 4, 0.1, 0.5, 0.5), case(9, 2, 4, 4, 5, 0.2, 0.6, 0.7),
            case(14, 4, 3, 2, 4, 0.1, 0.8, 0.3)]


LOOP = Exercise(
    title="a training loop whose rate goes down once an epoch",
    solution=train,
    cases=_loop_cases,
    returns=("w", "b"),
    stub=somebodys_loop,
    stub_says="rate per batch",
    mistakes={
        "rate per batch": Mistake(
            somebodys_loop,
            "The rate goes down after every batch, so after an epoch or two nothing moves any more. Print the rate "
            "at the end of each epoch, and compare with what the text says."),
        "rate per batch of an epoch": Mistake(
            _trained_with(power=lambda epoch, step, number: step),
            "The rate goes down from batch to batch, and begins anew in every epoch. What should it depend on?"),
        "rate constant": Mistake(
            _trained_with(power=lambda epoch, step, number: 0),
            "Now the rate never goes down. It trains, but the loop was meant to make smaller steps toward the end."),
        "rate an epoch early": Mistake(
            _trained_with(power=lambda epoch, step, number: epoch + 1),
            "The first epoch already has a smaller rate. It should have the whole of it."),
        "velocity anew": Mistake(
            _trained_with(fresh=True),
            "The velocities begin at 0 in every epoch. An epoch is a way to count, and no reason to forget."),
        "momentum lost": Mistake(
            _trained_with(plain=True),
            "The rate is mended, but now w and b move by the gradient and not by their velocity."),
        "divided by N": Mistake(
            _trained_with(mean=len),
            "The gradient is divided by the rows of the batch alone. The loss is a mean over all of its numbers: "
            "that line was right."),
        "last batch lost": Mistake(
            _trained_with(stop=lambda n, batch_size: n - n % batch_size),
            "The pictures that are left over at the end of an epoch are no longer used. That line was right."),
        "velocity shared": Mistake(
            _trained_with(shared=True), "b moves with a velocity that belongs to w. Each parameter has its own."),
    },
)
