"""A loss with two terms and its gradients, as learners write it in lesson 09."""

import math

import numpy as np

from tests.course.answers import Answers, wrong


def by_logs(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    n = len(labels)
    z = scores - np.max(scores, axis=1)[:, None]
    log_p = z - np.log(np.sum(np.exp(z), axis=1))[:, None]
    value = class_weight * -np.mean(log_p[np.arange(n), labels]) + box_weight * np.mean((boxes - targets) ** 2)
    dscores = np.exp(log_p)
    dscores[np.arange(n), labels] -= 1
    return value, class_weight * dscores / n, box_weight * 2 * (boxes - targets) / (4 * n)


def by_rows(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    n, k = scores.shape
    value, dscores, dboxes = 0.0, np.zeros((n, k)), np.zeros((n, 4))
    for i in range(n):
        top = max(scores[i])
        total = sum(math.exp(s - top) for s in scores[i])
        value += class_weight * (math.log(total) + top - scores[i][labels[i]]) / n
        for j in range(k):
            p = math.exp(scores[i][j] - top) / total
            dscores[i, j] = class_weight * (p - (j == labels[i])) / n
        for j in range(4):
            d = boxes[i, j] - targets[i, j]
            value += box_weight * d * d / (4 * n)
            dboxes[i, j] = box_weight * d / (2 * n)
    return value, dscores, dboxes


def one_hot(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    z = scores - scores.max(axis=1, keepdims=True)
    y = np.eye(scores.shape[1])[labels]
    sums = np.exp(z).sum(axis=1, keepdims=True)
    cross_entropy = (np.log(sums)[:, 0] - (y * z).sum(axis=1)).mean()
    squares = np.square(boxes - targets)
    return [class_weight * cross_entropy + box_weight * squares.mean(),
            class_weight * (np.exp(z) / sums - y) / len(y), box_weight * (boxes - targets) / 2 / len(y)]


def by_logsumexp(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    lse = np.logaddexp.reduce(scores, axis=1)
    true = np.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
    p = np.exp(scores - lse[:, None])
    np.put_along_axis(p, labels[:, None], np.take_along_axis(p, labels[:, None], 1) - 1, axis=1)
    off = boxes - targets
    return (class_weight * (lse - true).mean() + box_weight * (off * off).sum() / off.size,
            p * class_weight / p.shape[0], off * box_weight * 2 / off.size)


def in_parts(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    def softmax(s):
        e = np.exp(s - s.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    def cross_entropy(s):
        s = s - s.max(1, keepdims=True)
        return np.mean([np.log(np.exp(row).sum()) - row[label] for row, label in zip(s, labels, strict=True)])

    truth = np.zeros_like(scores)
    truth[range(len(labels)), labels] = 1
    value = class_weight * cross_entropy(scores) + box_weight * ((boxes - targets) ** 2).mean(axis=1).mean()
    dscores = class_weight * (softmax(scores) - truth) / len(scores)
    return value, dscores, box_weight * (boxes - targets) / (2 * len(boxes))


def single(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    """In float32, as the network trains."""
    scores, boxes, targets = (a.astype(np.float32) for a in (scores, boxes, targets))
    return by_logs(scores, boxes, labels, targets, np.float32(class_weight), np.float32(box_weight))


def written(shift=True, log="from p", eps=0.0, n=len, first=False, truth=1, weigh=True, step=1):
    """The version that most write first, with one thing or several done differently."""
    def two_losses(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
        rows = np.arange(len(labels))
        if shift:
            scores = scores - scores.max(axis=1, keepdims=True)
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        if first:  # p is changed before the value is worked out
            dscores = p
            dscores[rows, labels] -= 1
        if log == "clip":
            log_p = np.log(np.clip(p, eps, 1.0))
        elif log == "max":
            log_p = np.log(np.maximum(p, eps))
        elif log == "scores":
            log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        else:
            log_p = np.log(p + eps)
        value = class_weight * -log_p[rows, labels].mean() + box_weight * ((boxes - targets) ** 2).mean()
        if not first:
            dscores = p.copy()
            dscores[rows, labels] -= truth
        dscores = step * dscores * (class_weight if weigh else 1) / n(scores)
        return value, dscores, 2 * (box_weight if weigh else 1) * (boxes - targets) / boxes.size
    return two_losses


def but(value=None, dscores=None, dboxes=None):
    """Right but for one part: a function of (right part, scores, boxes - targets, class_weight, box_weight)."""
    def two_losses(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
        right = by_logsumexp(scores, boxes, labels, targets, class_weight, box_weight)
        return tuple(part if change is None else change(part, scores, boxes - targets, class_weight, box_weight)
                     for part, change in zip(right, (value, dscores, dboxes), strict=True))
    return two_losses


def over_pictures(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    e = np.exp(scores - scores.max(axis=0))
    p = e / e.sum(axis=0)
    y = np.eye(scores.shape[1])[labels]
    value = -class_weight * np.log(p[y == 1]).mean() + box_weight * ((boxes - targets) ** 2).mean()
    return value, class_weight * (p - y) / len(y), box_weight * 2 * (boxes - targets) / boxes.size


def absolute(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    value, dscores, _ = by_logs(scores, boxes, labels, targets, class_weight, 0)
    return value + box_weight * abs(boxes - targets).mean(), dscores, box_weight * np.sign(boxes - targets) / boxes.size


def shifts_in_place(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    scores -= scores.max(axis=1, keepdims=True)
    return by_logs(scores, boxes, labels, targets, class_weight, box_weight)


def per_picture(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    z = scores - scores.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    value = class_weight * -log_p[np.arange(len(z)), labels] + box_weight * ((boxes - targets) ** 2).mean(axis=1)
    return value, *by_logs(scores, boxes, labels, targets, class_weight, box_weight)[1:]


def summed(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    n = len(scores)
    class_value = by_logs(scores, boxes, labels, targets, 1, 0)[0] * n
    return (class_weight * class_value + box_weight * ((boxes - targets) ** 2).mean(),
            *by_logs(scores, boxes, labels, targets, class_weight, box_weight)[1:])


def no_weights(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    return by_logs(scores, boxes, labels, targets)


RIGHT = [by_logs, by_rows, one_hot, by_logsumexp, in_parts, single, written(log="scores")]
WRONG = [
    wrong(written(), "value: logarithm of 0"),
    wrong(written(shift=False), "value: overflow, dscores: overflow"),
    wrong(written(shift=False, log="scores"), "value: overflow in the sum, dscores: overflow"),
    wrong(written(eps=1e-12), "value: 1e-12 in the logarithm"),
    wrong(written(log="clip", eps=1e-15), "value: 1e-15 in the logarithm"),
    wrong(written(log="max", eps=1e-10), "value: 1e-10 in the logarithm"),
    wrong(written(eps=1e-8), "value: 1e-08 in the logarithm"),
    wrong(written(eps=np.finfo(float).eps), "value: 2e-16 in the logarithm"),
    wrong(written(eps=1e-6)),
    wrong(written(first=True), "value: probabilities changed first"),
    wrong(written(log="scores", n=lambda scores: 1), "dscores: not divided"),
    wrong(written(log="scores", n=np.size), "dscores: divided by all scores"),
    wrong(written(log="scores", truth=0), "dscores: truth not subtracted"),
    wrong(written(log="scores", step=-1), "dscores: sign"),
    wrong(written(log="scores", weigh=False), "dscores: not weighted, dboxes: not weighted"),
    wrong(no_weights, "value: not weighted, dscores: not weighted, dboxes: not weighted"),
    wrong(summed, "value: class summed"),
    wrong(but(dboxes=lambda d, s, off, cw, bw: bw * off / off.size), "dboxes: two forgotten"),
    wrong(but(dboxes=lambda d, s, off, cw, bw: 2 * bw * off / len(off)), "dboxes: divided by N only"),
    wrong(but(dboxes=lambda d, s, off, cw, bw: 2 * bw * off), "dboxes: not divided"),
    wrong(but(dboxes=lambda d, s, off, cw, bw: 2 * bw * off.mean())),
    wrong(but(value=lambda v, s, off, cw, bw: v + bw * ((off**2).sum() - (off**2).mean())), "value: boxes summed"),
    wrong(over_pictures), wrong(absolute), wrong(shifts_in_place), wrong(per_picture),
    wrong(lambda *arguments, **weights: by_logs(*arguments, **weights)[0]),
]
TWO_LOSSES = Answers(right=RIGHT, wrong=WRONG)


def found(axis=1, count=len, mean=np.mean, half=1):
    """The code with the bug, as it looks after somebody has worked on it."""
    def one_hot(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
        z = scores - scores.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        truth = np.eye(scores.shape[1])[labels]
        value = class_weight * -mean((truth * log_p).sum(axis=axis)) + box_weight * ((boxes - targets) ** 2).mean()
        dscores = class_weight * (np.exp(log_p) - truth) / count(scores)
        return value, dscores, box_weight * 2 * (boxes - targets) / boxes.size / half
    return one_hot


SLOW_NAMES = Answers(
    right=[found(), found(count=lambda s: s.shape[0]), *RIGHT[:5]],
    wrong=[wrong(found(count=np.size), "dscores: divided by all scores"),
           wrong(found(count=lambda s: 1), "dscores: not divided"),
           wrong(found(count=lambda s: s.shape[1])),
           wrong(found(count=lambda s: len(s) ** 2), "dscores: divided twice"),
           wrong(found(mean=np.sum), "value: class summed"),
           wrong(found(mean=lambda a: a.sum() / 10)),
           wrong(found(count=np.size, half=10), "dscores: divided by all scores"),
           wrong(found(half=2), "dboxes: two forgotten"),
           wrong(found(half=1 / 4), "dboxes: divided by N only"),
           wrong(found(axis=None, count=np.size), "value: class summed, dscores: divided by all scores"),
           wrong(written(), "value: logarithm of 0"),
           wrong(no_weights, "value: not weighted, dscores: not weighted, dboxes: not weighted"),
           wrong(lambda *arguments, **weights: None)])
