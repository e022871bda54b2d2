"""Answers of learners to the exercises of lesson 14; the training loop and the thread of a pixel are in gpu14.py."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.gpu14 import PIXEL, TRAIN
from tinycnn.backend import array_module, device_of, to_device, to_numpy

# --- gradient ---


def with_onehot(scores, labels):
    xp = array_module(scores)
    shifted = scores - scores.max(axis=1, keepdims=True)
    p = xp.exp(shifted) / xp.exp(shifted).sum(axis=1, keepdims=True)
    onehot = (xp.arange(scores.shape[1])[None, :] == labels[:, None]).astype(scores.dtype)
    return (p - onehot) / scores.shape[0]


def with_eye(scores, labels):
    xp = array_module(scores)
    n, k = scores.shape
    z = xp.exp(scores)
    return (z / z.sum(1)[:, None] - xp.eye(k, dtype=scores.dtype)[labels]) / n


def numpy_names(scores, labels):
    """np.exp of a device array is the device's own."""
    xp = array_module(scores, labels)
    p = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    p /= np.sum(p, axis=1, keepdims=True)
    p[xp.arange(scores.shape[0]), labels] -= 1
    return p / scores.shape[0]


def with_zeros(scores, labels):
    xp = array_module(scores)
    t = xp.zeros_like(scores)
    t[xp.arange(len(t)), labels] = 1
    e = xp.exp(scores - scores.max(1, keepdims=True))
    return (e / e.sum(1, keepdims=True) - t) / len(t)


def by_log(scores, labels):
    xp = array_module(scores)
    z = scores - scores.max(axis=1, keepdims=True)
    d = xp.exp(z - xp.log(xp.exp(z).sum(axis=1, keepdims=True)))
    d[xp.arange(d.shape[0]), labels] -= 1.0
    d /= d.shape[0]
    return d


def divided_first(scores, labels):
    xp, n = array_module(scores), len(scores)
    p = xp.exp(scores - xp.max(scores, axis=1).reshape(n, 1))
    p = p / xp.sum(p, axis=1).reshape(n, 1) / n
    p[xp.arange(n), labels] -= 1 / n
    return p


def softmax_of(scores, axis=1):
    e = array_module(scores).exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def rows_by_numpy(scores, labels):
    p = softmax_of(scores)
    p[np.arange(p.shape[0]), labels] -= 1
    return p / p.shape[0]


def rows_by_list(scores, labels):
    p = softmax_of(scores)
    p[list(range(len(p))), labels] -= 1
    return p / len(p)


def eye_by_numpy(scores, labels):
    return (softmax_of(scores) - np.eye(scores.shape[1])[labels]) / len(scores)


def zeros_by_numpy(scores, labels):
    t = np.zeros(scores.shape)
    t[np.arange(len(t)), labels] = 1
    return (softmax_of(scores) - t) / len(t)


def get_and_put(scores, labels):
    p, here = softmax_of(to_numpy(scores)), to_numpy(labels)
    p[np.arange(len(p)), here] -= 1
    return to_device(p / len(p), device_of(scores))


def only_get(scores, labels):
    p = softmax_of(to_numpy(scores))
    p[np.arange(len(p)), to_numpy(labels)] -= 1
    return p / len(p)


def label_loop(scores, labels):
    p = softmax_of(scores)
    for row, label in enumerate(labels):
        p[row, int(label)] -= 1
    return p / len(p)


def labels_got(scores, labels):
    p = softmax_of(scores)
    p[array_module(p).arange(len(p)), to_numpy(labels)] -= 1
    return p / len(p)


def rows_uploaded(scores, labels):
    p = softmax_of(scores)
    p[to_device(np.arange(len(p)), device_of(p)), labels] -= 1
    return p / len(p)


def eye_uploaded(scores, labels):
    return (softmax_of(scores) - to_device(np.eye(scores.shape[1]), device_of(scores))[labels]) / len(scores)


def only_if_any(scores, labels):
    p = softmax_of(scores)
    if p.sum() > 0:
        p[array_module(p).arange(len(p)), labels] -= 1
    return p / len(p)


def largest_by_float(scores, labels):
    xp = array_module(scores)
    e = xp.exp(scores - float(scores.max()))
    p = e / e.sum(axis=1, keepdims=True)
    p[xp.arange(len(p)), labels] -= 1
    return p / len(p)


def sum_by_float(scores, labels):
    p = softmax_of(scores)
    p[array_module(p).arange(len(p)), labels] -= 1
    return p / (float(softmax_of(scores).sum()) or 1)


def exp_in_place(scores, labels):
    xp = array_module(scores)
    scores -= scores.max(axis=1, keepdims=True)
    xp.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    scores[xp.arange(len(scores)), labels] -= 1
    return scores / len(scores)


def minus_label(axis=1, divide=len, sign=1):
    def gradient(scores, labels):
        p = softmax_of(scores, axis)
        p[array_module(p).arange(len(p)), labels] -= 1
        return sign * p / divide(p)
    return gradient


def whole_columns(scores, labels):
    p = softmax_of(scores)
    p[:, labels] -= 1
    return p / len(p)


GRADIENT = Answers(
    right=[with_onehot, with_eye, numpy_names, with_zeros, by_log, divided_first],
    wrong=[
        wrong(rows_by_numpy, "index from the host"), wrong(rows_by_list, "index from the host"), wrong(eye_by_numpy),
        wrong(rows_uploaded, "index uploaded"), wrong(eye_uploaded, "index uploaded"), wrong(only_if_any, "asked"),
        wrong(largest_by_float, "asked"), wrong(sum_by_float, "asked"), wrong(zeros_by_numpy),
        wrong(exp_in_place),
        wrong(get_and_put, "back and forth"), wrong(only_get, "stays on the host"),
        wrong(label_loop, "one number at a time"), wrong(labels_got, "labels by way of the host"),
        wrong(minus_label(divide=lambda p: 1), "not divided by N"),
        wrong(minus_label(divide=lambda p: p.size), "divided by all numbers"),
        wrong(minus_label(divide=lambda p: p.shape[1])), wrong(minus_label(sign=-1), "sign"),
        wrong(minus_label(axis=0), "over the batch"), wrong(minus_label(axis=None), "over everything"),
        wrong(lambda scores, labels: softmax_of(scores) / len(scores), "label not subtracted"),
        wrong(whole_columns, "every row"),
        wrong(lambda scores, labels: softmax_of(scores) - labels), wrong(lambda scores, labels: None)])

# --- estimate ---


def in_a_loop(kernels, bandwidth, rate, latency):
    seconds, limits = [], []
    for moved, operations in kernels:
        parts = [latency, moved / bandwidth, operations / rate]
        seconds.append(latency + max(parts[1], parts[2]))
        limits.append(parts.index(max(parts)))
    return np.array(seconds), np.array(limits)


def lists(kernels, bandwidth, rate, latency):
    a, b = in_a_loop(kernels, bandwidth, rate, latency)
    return list(a), [int(i) for i in b]


def with_where(kernels, bandwidth, rate, latency):
    m, c = kernels.T[0] / bandwidth, kernels.T[1] / rate
    longer = np.where(m > c, m, c)
    return latency + longer, np.where(latency >= longer, 0, np.where(m >= c, 1, 2))


def stacked(kernels, bandwidth, rate, latency):
    three = np.column_stack([np.full(len(kernels), latency), kernels / np.array([bandwidth, rate])])
    return three[:, 0] + three[:, 1:].max(axis=1), three.argmax(axis=1)


def as_floats(kernels, bandwidth, rate, latency):
    seconds, limit = stacked(kernels, bandwidth, rate, latency)
    return seconds, limit.astype(float)


def with_ifs(kernels, bandwidth, rate, latency):
    seconds, limit = np.zeros(len(kernels)), np.zeros(len(kernels), int)
    for i in range(len(kernels)):
        m, c = kernels[i, 0] / bandwidth, kernels[i, 1] / rate
        if m >= c:
            seconds[i], limit[i] = m + latency, 1 if m > latency else 0
        else:
            seconds[i], limit[i] = c + latency, 2 if c > latency else 0
    return seconds, limit


def guess(total=lambda m, c, late: max(m, c) + late, which=lambda m, c, late: int(np.argmax([late, m, c]))):
    def estimate(kernels, bandwidth, rate, latency):
        parts = [(k[0] / bandwidth, k[1] / rate, latency) for k in kernels]
        return np.array([total(*p) for p in parts]), np.array([which(*p) for p in parts])
    return estimate


def units_mixed(kernels, bandwidth, rate, latency):
    times = kernels * np.array([bandwidth, rate])
    return times.max(axis=1) + latency, times.argmax(axis=1) + 1


ESTIMATE = Answers(
    right=[in_a_loop, lists, with_where, stacked, as_floats, with_ifs],
    wrong=[
        wrong(guess(lambda m, c, late: m + c + late), "seconds: moving and computing added"),
        wrong(guess(lambda m, c, late: min(m, c) + late), "seconds: the shorter"),
        wrong(guess(lambda m, c, late: max(m, c)), "seconds: no latency"),
        wrong(guess(lambda m, c, late: max(m, c, late)), "seconds: latency at once as well"),
        wrong(guess(lambda m, c, late: m + late), "seconds: only bytes"),
        wrong(guess(lambda m, c, late: c + late), "seconds: only operations"),
        wrong(guess(which=lambda m, c, late: 2 if c > m else 1), "limit: launches forgotten"),
        wrong(guess(which=lambda m, c, late: int(np.argmin([late, m, c]))), "limit: the smallest"),
        wrong(guess(which=lambda m, c, late: int(np.argmax([m, c, late]))), "limit: another order"),
        wrong(guess(which=lambda m, c, late: int(c > m)), "limit: counted from bytes"),
        wrong(guess(lambda m, c, late: max(m, c), lambda m, c, late: 2 if c > m else 1),
              "seconds: no latency, limit: launches forgotten"),
        wrong(units_mixed, "seconds: multiplied"), wrong(lambda kernels, bandwidth, rate, latency: in_a_loop(
            kernels[:, ::-1], bandwidth, rate, latency)[0]),
        wrong(lambda kernels, *machine: tuple(part.sum() for part in in_a_loop(kernels, *machine))),
        wrong(lambda kernels, bandwidth, rate, latency: in_a_loop(kernels, bandwidth, rate, latency)[::-1]),
        wrong(guess(lambda m, c, late: (m + c) / 2 + late)),
        wrong(lambda kernels, bandwidth, rate, latency: (
            in_a_loop(kernels, bandwidth, rate, 0)[0] + latency / len(kernels),
            in_a_loop(kernels, bandwidth, rate, latency)[1]), "seconds: one launch for all")])

# --- average ---


def by_loop(gradients, counts):
    total = np.zeros(gradients[0].shape)
    for gradient, count in zip(gradients, counts, strict=True):
        total += count * gradient
    return total / sum(counts)


def loop(weight, start=0.0):
    def average(gradients, counts):
        total = np.zeros(gradients[0].shape) + start
        for i, (gradient, count) in enumerate(zip(gradients, counts, strict=True)):
            total = total + weight(i, count, counts) * gradient
        return total
    return average


AVERAGE = Answers(
    right=[
        by_loop, lambda g, n: np.average(g, axis=0, weights=n), lambda g, n: np.einsum("m...,m->...", g, n) / n.sum(),
        lambda g, n: sum(k / sum(n) * one for k, one in zip(n, g, strict=True)),
        lambda g, n: (g * n.reshape(-1, *[1] * (g.ndim - 1))).sum(axis=0) / n.sum(),
        lambda g, n: np.repeat(g, n, axis=0).mean(axis=0),
        lambda g, n: (g.T @ n / n.sum()).T],
    wrong=[
        wrong(lambda g, n: np.mean(g, axis=0), "mean of means"), wrong(lambda g, n: sum(g) / len(g), "mean of means"),
        wrong(lambda g, n: sum(g), "sum"), wrong(loop(lambda i, k, n: k), "not divided"),
        wrong(loop(lambda i, k, n: k / len(n)), "divided by machines"),
        wrong(loop(lambda i, k, n: 1 / k), "each divided by its share"),
        wrong(loop(lambda i, k, n: 1 / sum(n)), "divided by all pictures"),
        wrong(loop(lambda i, k, n: k / sum(n) / len(n)), "weighted and averaged"),
        wrong(loop(lambda i, k, n: k / max(n))), wrong(loop(lambda i, k, n: i == 0), "the first alone"),
        wrong(lambda g, n: g[list(n).index(max(n))], "the largest share alone"), wrong(lambda g, n: g.mean()),
        wrong(lambda g, n: g * n / n.sum()), wrong(loop(lambda i, k, n: (1 / k) / sum(1 / n)), "weights turned around"),
        wrong(lambda g, n: [k * one for k, one in zip(n, g, strict=True)]), wrong(lambda g, n: np.median(g, axis=0)),
        wrong(lambda g, n: np.average(g.T, axis=0))])

ANSWERS = {"14.gradient": GRADIENT, "14.train": TRAIN, "14.estimate": ESTIMATE, "14.pixel": PIXEL,
           "14.average": AVERAGE}
