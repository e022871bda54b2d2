"""Answers to lesson 03's bug hunt, as loops of their own."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.loss03 import with_one_hot


def softmax_step(x, labels, w, b):
    """(loss, dw, db) by hand."""
    value, d = with_one_hot(x @ w + b, labels)
    return value, x.T @ d, d.sum(axis=0)


def mended(x, labels, w, b, steps, lr):
    losses = []
    for _ in range(steps):
        dw, db = np.zeros_like(w), np.zeros_like(b)
        value, gw, gb = softmax_step(x, labels, w, b)
        losses.append(value)
        dw += gw
        db += gb
        w, b = w - lr * dw, b - lr * db
    return np.array(losses), w, b


def cleared_at_the_end(x, labels, w, b, steps, lr):
    losses, dw, db = [], np.zeros_like(w), np.zeros_like(b)
    for _ in range(steps):
        value, gw, gb = softmax_step(x, labels, w, b)
        losses.append(float(value))
        dw += gw
        db += gb
        w = w - lr * dw
        b = b - lr * db
        dw[:] = 0
        db[:] = 0
    return losses, w, b


def on_copies(x, labels, w, b, steps, lr):
    w, b, losses = w.copy(), b.copy(), np.zeros(steps)
    for i in range(steps):
        losses[i], gw, gb = softmax_step(x, labels, w, b)
        w -= lr * gw
        b -= lr * gb
    return losses, w, b


def recursive(x, labels, w, b, steps, lr):
    if steps == 0:
        return [], w, b
    value, gw, gb = softmax_step(x, labels, w, b)
    rest, w, b = recursive(x, labels, w - lr * gw, b - lr * gb, steps - 1, lr)
    return [value, *rest], w, b


def with_everything_kept(x, labels, w, b, steps, lr):
    history = [(w, b)]
    for _ in range(steps):
        _, gw, gb = softmax_step(x, labels, *history[-1])
        history.append((history[-1][0] - lr * gw, history[-1][1] - lr * gb))
    return [softmax_step(x, labels, *each)[0] for each in history[:-1]], *history[-1]


def negative_rate(x, labels, w, b, steps, lr):
    losses, lr = [], -lr
    for _ in range(steps):
        value, gw, gb = softmax_step(x, labels, w, b)
        losses.append(np.float32(value))
        w, b = w + lr * gw, b + lr * gb
    return losses, w, b


def loop(change):
    """The handed-out loop with something changed; change: function (state) -> None, run at the end of a step."""
    def descend(x, labels, w, b, steps, lr):
        s = {"w": w, "b": b, "dw": np.zeros_like(w), "db": np.zeros_like(b), "lr": lr, "losses": [], "n": len(x)}
        for s["step"] in range(steps):
            s["value"], s["gw"], s["gb"] = softmax_step(x, labels, s["w"], s["b"])
            s["again"] = lambda: softmax_step(x, labels, s["w"], s["b"])[0]
            change(s)
        return np.array(s["losses"]), s["w"], s["b"]
    return descend


def take(s, dw, db, rate=None):
    rate = s["lr"] if rate is None else rate
    s["w"], s["b"] = s["w"] - rate * dw, s["b"] - rate * db


def still_adding(s):
    s["losses"].append(s["value"])
    s["dw"], s["db"] = s["dw"] + s["gw"], s["db"] + s["gb"]
    take(s, s["dw"], s["db"])


def only_dw_cleared(s):
    s["losses"].append(s["value"])
    s["db"] = s["db"] + s["gb"]
    take(s, s["gw"], s["db"])


def smaller_rate(s):
    s["losses"].append(s["value"])
    s["dw"], s["db"] = s["dw"] + s["gw"], s["db"] + s["gb"]
    take(s, s["dw"], s["db"], s["lr"] / 10)


def rate_falls(s):
    s["losses"].append(s["value"])
    take(s, s["gw"], s["gb"], s["lr"] / (s["step"] + 1))


def mean_of_all(s):
    s["losses"].append(s["value"])
    s["dw"], s["db"] = s["dw"] + s["gw"], s["db"] + s["gb"]
    take(s, s["dw"] / (s["step"] + 1), s["db"] / (s["step"] + 1))


def with_momentum(s):
    s["losses"].append(s["value"])
    s["dw"], s["db"] = 0.9 * s["dw"] + s["gw"], 0.9 * s["db"] + s["gb"]
    take(s, s["dw"], s["db"])


def uphill(s):
    s["losses"].append(s["value"])
    take(s, s["gw"], s["gb"], -s["lr"])


def mean_once_more(s):
    s["losses"].append(s["value"])
    take(s, s["gw"] / s["n"], s["gb"] / s["n"])


def loss_afterwards(s):
    take(s, s["gw"], s["gb"])
    s["losses"].append(s["again"]())


def without_bias(s):
    s["losses"].append(s["value"])
    take(s, s["gw"], 0)


def last_loss_only(s):
    s["losses"] = s["value"]
    take(s, s["gw"], s["gb"])


def returns_in_the_loop(x, labels, w, b, steps, lr):
    losses = []
    for _ in range(steps):
        value, gw, gb = softmax_step(x, labels, w, b)
        losses.append(value)
        w, b = w - lr * gw, b - lr * gb
        return np.array(losses), w, b


def in_place(x, labels, w, b, steps, lr):
    losses = []
    for _ in range(steps):
        value, gw, gb = softmax_step(x, labels, w, b)
        losses.append(value)
        w -= lr * gw
        b -= lr * gb
    return np.array(losses), w, b


TRAINING = Answers(
    right=[mended, cleared_at_the_end, on_copies, recursive, with_everything_kept, negative_rate],
    wrong=[wrong(loop(still_adding), "accumulates"), wrong(loop(mean_of_all), "fading"),
           wrong(loop(uphill), "uphill"), wrong(loop(mean_once_more), "divided again"),
           wrong(loop(loss_afterwards), "loss after the step"), wrong(loop(without_bias), "bias stays"),
           wrong(loop(only_dw_cleared), "db accumulates"), wrong(loop(smaller_rate)), wrong(loop(rate_falls)),
           wrong(loop(with_momentum)), wrong(loop(last_loss_only)),
           wrong(returns_in_the_loop, "one step only"), wrong(in_place)])
