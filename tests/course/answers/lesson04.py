"""Answers to lesson 04. Those about the loss and about boxes are beside this file; here are the training loops."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.boxes04 import PREDICT, R_SQUARED, STANDARDIZE
from tests.course.answers.loss04 import L2_LOSS
from tests.course.answers.object04 import LAYER


# --- train_boxes: right ---
def both_shuffled(x, targets, orders, batch_size, lr):
    w, b, losses = np.zeros((x.shape[1], targets.shape[1])), np.zeros(targets.shape[1]), []
    for order in orders:
        pictures, boxes = x[order], targets[order]
        total = 0.0
        for first in range(0, len(x), batch_size):
            few = slice(first, first + batch_size)
            difference = pictures[few] @ w + b - boxes[few]
            dpred = 2 * difference / difference.size
            w -= lr * pictures[few].T @ dpred
            b -= lr * dpred.sum(axis=0)
            total += (difference**2).sum()
        losses.append(total / targets.size)
    return w, b, np.array(losses)


def by_numbers(x, targets, orders, batch_size, lr):
    w, b, losses = np.zeros((x.shape[1], 4)), np.zeros(4), []
    for order in orders:
        squares = []
        for first in range(0, len(x), batch_size):
            few = order[first : first + batch_size]
            difference = x[few] @ w + b - targets[few]
            squares.extend((difference**2).ravel())
            dpred = difference * (2 / difference.size)
            w, b = w - lr * x[few].T @ dpred, b - lr * dpred.sum(axis=0)
        losses.append(np.mean(squares))
    return w, b, losses


def one_table(x, targets, orders, batch_size, lr):
    """Pictures and targets side by side in one array, so that nothing can come apart."""
    both, d = np.hstack([x, targets]), x.shape[1]
    w, b, losses = np.zeros((d, targets.shape[1])), np.zeros(targets.shape[1]), []
    for order in orders:
        rows, total = both[order], 0.0
        for first in range(0, len(x), batch_size):
            pictures, truth = rows[first : first + batch_size, :d], rows[first : first + batch_size, d:]
            difference = pictures @ w + b - truth
            dpred = 2 * difference / difference.size
            w -= lr * pictures.T @ dpred
            b -= lr * dpred.sum(axis=0)
            total += (difference**2).sum()
        losses.append(total / targets.size)
    return [w, b, losses]


def picture_by_picture(x, targets, orders, batch_size, lr):
    w, b, losses = np.zeros((x.shape[1], targets.shape[1])), np.zeros(targets.shape[1]), []
    for order in orders:
        total = 0
        for first in range(0, len(order), batch_size):
            batch = order[first : first + batch_size]
            dw, db = np.zeros_like(w), np.zeros_like(b)
            for i in batch:
                difference = x[i] @ w + b - targets[i]
                total += difference @ difference
                dpred = 2 * difference / (len(batch) * len(difference))
                dw += np.outer(x[i], dpred)
                db += dpred
            w, b = w - lr * dw, b - lr * db
        losses.append(total / targets.size)
    return w, b, np.array(losses)


def sorted_back(x, targets, orders, batch_size, lr):
    """Shuffles for real, and undoes it after the epoch."""
    x, targets = x.copy(), targets.copy()
    w, b, losses = np.zeros((x.shape[1], targets.shape[1])), np.zeros(targets.shape[1]), []
    for order in orders:
        x, targets, total = x[order], targets[order], 0.0
        for first in range(0, len(x), batch_size):
            few = slice(first, first + batch_size)
            difference = x[few] @ w + b - targets[few]
            dpred = 2 * difference / difference.size
            w, b = w - lr * x[few].T @ dpred, b - lr * dpred.sum(axis=0)
            total += (difference**2).sum()
        losses.append(total / targets.size)
        undo = np.argsort(order)
        x, targets = x[undo], targets[undo]
    return w, b, np.array(losses)


def bias_as_weight(x, targets, orders, batch_size, lr):
    ones = np.column_stack([x, np.ones(len(x))])
    w, losses = np.zeros((ones.shape[1], targets.shape[1])), []
    for order in orders:
        epoch = []
        for few in np.split(order, range(batch_size, len(order), batch_size)):
            difference = ones[few] @ w - targets[few]
            epoch.append((difference**2).sum())
            w = w - lr * 2 / difference.size * ones[few].T @ difference
        losses.append(sum(epoch) / targets.size)
    return w[:-1], w[-1], np.array(losses)


# --- train_boxes: wrong ---
def loop(epoch=lambda x, t, orders, e: (x[orders[e]], t[orders[e]]), ends=lambda n, size: range(0, n, size),
         dpred=lambda d: 2 * d / d.size, step=lambda w, lr, dw: w - lr * dw,
         loss=lambda totals, t: sum(totals) / t.size, start=lambda d, k: np.zeros((d, k)), fresh=False):
    """A learner's loop, mended or not, with one line that is another."""
    def train_boxes(x, targets, orders, batch_size, lr):
        d, k = x.shape[1], targets.shape[1]
        w, b, losses = start(d, k), np.zeros(k), []
        for e in range(len(orders)):
            pictures, boxes = epoch(x, targets, orders, e)
            if fresh:
                w, b = start(d, k), np.zeros(k)
            totals = []
            for first in ends(len(x), batch_size):
                a, t = pictures[first : first + batch_size], boxes[first : first + batch_size]
                difference = a @ w + b - t
                g = dpred(difference)
                w, b = step(w, lr, a.T @ g), step(b, lr, g.sum(axis=0))
                totals.append((difference**2).sum())
            losses.append(loss(totals, targets))
        return w, b, np.array(losses)
    return train_boxes


def reshuffled(x, targets, orders, batch_size, lr):
    """The obvious line, but it changes what the next epoch begins with."""
    w, b, losses = np.zeros((x.shape[1], 4)), np.zeros(4), []
    for order in orders:
        pictures = x[order]
        targets = targets[order]
        total = 0.0
        for first in range(0, len(x), batch_size):
            few = slice(first, first + batch_size)
            difference = pictures[few] @ w + b - targets[few]
            dpred = 2 * difference / difference.size
            w -= lr * pictures[few].T @ dpred
            b -= lr * dpred.sum(axis=0)
            total += (difference**2).sum()
        losses.append(total / targets.size)
    return w, b, np.array(losses)


def cumulated(x, targets, orders, batch_size, lr):
    w, b, losses = np.zeros((x.shape[1], 4)), np.zeros(4), []
    for order in orders:
        x, targets = x[order], targets[order]
        total = 0.0
        for first in range(0, len(x), batch_size):
            few = slice(first, first + batch_size)
            difference = x[few] @ w + b - targets[few]
            dpred = 2 * difference / difference.size
            w -= lr * x[few].T @ dpred
            b -= lr * dpred.sum(axis=0)
            total += (difference**2).sum()
        losses.append(total / targets.size)
    return w, b, np.array(losses)


def in_place(x, targets, orders, batch_size, lr):
    for order in orders:
        x[:], targets[:] = x[order], targets[order]
    return by_numbers(x, targets, orders, batch_size, lr)


TRAIN = Answers(
    right=[both_shuffled, by_numbers, one_table, picture_by_picture, sorted_back, bias_as_weight],
    wrong=[
        wrong(loop(lambda x, t, orders, e: (x[orders[e]], t)), "pairs broken"),
        wrong(loop(lambda x, t, orders, e: (x, t[orders[e]])), "targets alone"),
        wrong(loop(lambda x, t, orders, e: (x, t)), "not shuffled"),
        wrong(loop(lambda x, t, orders, e: (x[orders[0]], t[orders[0]])), "one order"),
        wrong(loop(lambda x, t, orders, e: (x[orders[e]], t[np.argsort(orders[e])])), "way back"),
        wrong(loop(lambda x, t, orders, e: (x[np.argsort(orders[e])], t[np.argsort(orders[e])]))),
        wrong(loop(lambda x, t, orders, e: (np.sort(x, axis=0), np.sort(t, axis=0)))),
        wrong(reshuffled, "from the second epoch"), wrong(cumulated, "on top"), wrong(in_place),
        wrong(loop(dpred=lambda d: 2 * d / len(d)), "divided by rows"),
        wrong(loop(dpred=lambda d: d / d.size), "two forgotten"),
        wrong(loop(step=lambda w, lr, dw: w + lr * dw), "uphill"),
        wrong(loop(ends=lambda n, size: range(0, n - size + 1, size)), "last batch lost"),
        wrong(loop(fresh=True), "starts again"),
        wrong(loop(loss=lambda totals, t: np.mean(totals))),
        wrong(loop(start=lambda d, k: np.ones((d, k)))),
        wrong(loop(loss=lambda totals, t: sum(totals) / len(t)), "losses: summed over four"),
    ],
)

ANSWERS = {"04.l2_loss": L2_LOSS, "04.layer": LAYER, "04.standardize": STANDARDIZE, "04.predict_boxes": PREDICT,
           "04.r_squared": R_SQUARED, "04.train_boxes": TRAIN}
