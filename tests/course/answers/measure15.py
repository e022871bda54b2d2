"""Answers to the exercises of lesson 15 about what is measured: the interval, recall, the worst pictures."""

import math

import numpy as np

from tests.course.answers import Answers, wrong


# --- interval: right ---
def textbook(right, n, z=1.96):
    p = right / n
    below = 1 + z**2 / n
    root = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (p + z**2 / (2 * n) - root) / below, (p + z**2 / (2 * n) + root) / below


def with_counts(right, n, z=1.96):
    wrong_ones = n - right
    middle = (right + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(right * wrong_ones / n + z * z / 4)
    return [middle - half, middle + half]


def quadratic(right, n, z=1.96):
    """a q² + b q + c = 0"""
    p = right / n
    a, b, c = 1 + z**2 / n, -(2 * p + z**2 / n), p**2
    root = np.sqrt(np.maximum(b**2 - 4 * a * c, 0))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def one_by_one(right, n, z=1.96):
    low, high = [], []
    for k, m in zip(right, n, strict=True):
        p = k / m
        middle = (p + z**2 / (2 * m)) / (1 + z**2 / m)
        half = z * math.sqrt(p * (1 - p) / m + z**2 / (4 * m**2)) / (1 + z**2 / m)
        low.append(middle - half)
        high.append(middle + half)
    return low, high


def stacked(right, n, z=1.96):
    p = np.asarray(right, float) / np.asarray(n)
    sign = np.array([[-1.0], [1.0]])
    return (p + z**2 / (2 * n) + sign * z * np.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)) / (1 + z**2 / n)


def in_tuple(right, n, z=1.96):
    both = stacked(right, n, z)
    return both[0], both[1]


def clipped(right, n, z=1.96):
    low, high = textbook(right, n, z)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


# --- interval: wrong ---
def ends(middle, half):
    def interval(right, n, z=1.96):
        p = right / n
        return middle(p, n, z) - half(p, n, z), middle(p, n, z) + half(p, n, z)
    return interval


def m(p, n, z):
    return (p + z**2 / (2 * n)) / (1 + z**2 / n)


def h(p, n, z):
    return z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)


def plain(p, n, z):
    return z * np.sqrt(p * (1 - p) / n)


def share(p, n, z):
    return p


def only_low(right, n, z=1.96):
    return textbook(right, n, z)[0]


def agresti(right, n, z=1.96):
    p = (right + 2) / (n + 4)
    half = z * np.sqrt(p * (1 - p) / (n + 4))
    return p - half, p + half


def n_minus_one(right, n, z=1.96):
    return ends(lambda p, m_, z: m(right / n, n - 1, z), lambda p, m_, z: h(right / n, n - 1, z))(right, n, z)


def only_spread_n_minus_one(right, n, z=1.96):
    return ends(m, lambda p, n, z: z * np.sqrt(p * (1 - p) / (n - 1) + z**2 / (4 * n**2)) / (1 + z**2 / n))(right, n, z)


INTERVAL = Answers(
    right=[textbook, with_counts, quadratic, one_by_one, in_tuple, clipped],
    wrong=[
        wrong(ends(share, plain), "normal approximation"), wrong(agresti, "two added on each side"),
        wrong(lambda right, n, z=1.96: tuple(np.clip(e, 0, 1) for e in ends(share, plain)(right, n, z)),
              "normal approximation, clipped"),
        wrong(lambda right, n, z=1.96: textbook(right, n, 1), "one standard error"),
        wrong(lambda right, n, z=1.96: textbook(right, n, 1.96), "z ignored"),
        wrong(lambda right, n, z=1.96: textbook(right, n, 1.645)),
        wrong(n_minus_one, "n - 1"), wrong(only_spread_n_minus_one),
        wrong(ends(share, h), "middle not moved"),
        wrong(ends(lambda p, n, z: p + z**2 / (2 * n), h), "middle not divided"),
        wrong(ends(m, lambda p, n, z: h(p, n, z) * (1 + z**2 / n)), "half not divided"),
        wrong(ends(lambda p, n, z: p + z**2 / (2 * n), lambda p, n, z: h(p, n, z) * (1 + z**2 / n)), "not divided"),
        wrong(ends(m, lambda p, n, z: plain(p, n, z) / (1 + z**2 / n)), "root without its second part"),
        wrong(ends(m, lambda p, n, z: h(p, n, z) / z), "z not in the half"),
        wrong(ends(m, lambda p, n, z: z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n)) / (1 + z**2 / n)),
              "root with n once"),
        wrong(ends(m, plain)), wrong(only_low),
        wrong(lambda right, n, z=1.96: textbook(right, n, z)[::-1], "ends exchanged"),
        wrong(lambda right, n, z=1.96: (m(right / n, n, z), h(right / n, n, z)), "middle and half"),
        wrong(lambda right, n, z=1.96: tuple(100 * e for e in textbook(right, n, z)), "percent"),
    ],
)


# --- recall: right ---
def by_loops(labels, predicted, classes):
    answer = []
    for k in range(classes):
        total = hits = 0
        for truth, said in zip(labels, predicted, strict=True):
            total += truth == k
            hits += truth == k and said == k
        answer.append(hits / total if total else float("nan"))
    return answer


def by_bincount(labels, predicted, classes):
    total = np.bincount(labels, minlength=classes)
    hits = np.bincount(labels[labels == predicted], minlength=classes)
    return hits / np.where(total == 0, np.nan, total)


def by_confusion(labels, predicted, classes):
    table = np.zeros((classes, classes))
    np.add.at(table, (labels, predicted), 1)
    with np.errstate(invalid="ignore"):
        return np.diag(table) / table.sum(axis=1)


def by_one_hot(labels, predicted, classes):
    truth = np.eye(classes)[labels]
    said = np.eye(classes)[predicted]
    n = truth.sum(axis=0)
    return np.divide((truth * said).sum(axis=0), n, out=np.full(classes, np.nan), where=n > 0)


def by_list(labels, predicted, classes):
    return np.array([(predicted[labels == k] == k).mean() if k in labels else np.nan for k in range(classes)])


def by_float32(labels, predicted, classes):
    return by_bincount(labels, predicted, classes).astype(np.float32)


# --- recall: wrong ---
def each(value, without=np.nan):
    def recall(labels, predicted, classes):
        answer = np.zeros(classes)
        for k in range(classes):
            truth, said = labels == k, predicted == k
            answer[k] = value(truth, said) if truth.any() else without
        return answer
    return recall


def precision(labels, predicted, classes):
    table = np.zeros((classes, classes))
    np.add.at(table, (labels, predicted), 1)
    return np.diag(table) / table.sum(axis=0)


def present(labels, predicted, classes):
    return np.array([(predicted[labels == k] == k).mean() for k in sorted(set(labels.tolist()))])


def mean_of_recalls(labels, predicted, classes):
    return np.nanmean(by_list(labels, predicted, classes))


def up_to_largest(labels, predicted, classes):
    return by_list(labels, predicted, labels.max())


RECALL = Answers(
    right=[by_loops, by_bincount, by_confusion, by_one_hot, by_list, by_float32],
    wrong=[
        wrong(precision, "precision"),
        wrong(lambda labels, predicted, classes: [np.mean(labels == predicted)] * classes, "one number for all"),
        wrong(lambda labels, predicted, classes: np.mean(labels == predicted)),
        wrong(each(lambda t, s: (t & s).sum() / t.sum(), 0), "0 for no pictures"),
        wrong(each(lambda t, s: (t & s).sum() / t.sum(), 1), "1 for no pictures"),
        wrong(present, "classes without pictures left out"), wrong(mean_of_recalls), wrong(up_to_largest),
        wrong(each(lambda t, s: (t & s).mean()), "share of all pictures"),
        wrong(each(lambda t, s: (t == s).mean()), "this class or not"),
        wrong(each(lambda t, s: 2 * (t & s).sum() / (t.sum() + s.sum())), "F1"),
        wrong(each(lambda t, s: (t & s).sum() / (t | s).sum()), "overlap"),
        wrong(each(lambda t, s: (t & ~s).sum() / t.sum()), "missed"),
        wrong(each(lambda t, s: (t & s).sum()), "counts"),
        wrong(each(lambda t, s: s.sum() / t.sum()), "how often named"),
        wrong(lambda labels, predicted, classes: by_list(predicted, labels, classes), "precision"),
        wrong(each(lambda t, s: 100 * (t & s).sum() / t.sum())),
    ],
)


# --- worst: right ---
def step_by_step(probabilities, ious, labels, k):
    true = probabilities[np.arange(len(labels)), labels]
    difficulty = -np.log(true) + 1 - ious
    return difficulty, difficulty.argsort()[::-1][:k]


def guarded(probabilities, ious, labels, k):
    true = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    difficulty = -np.log(true + 1e-12) + (1 - ious)
    return difficulty, np.argsort(-difficulty)[:k]


def in_a_loop(probabilities, ious, labels, k):
    difficulty = [-math.log(p[y]) + 1 - iou for p, y, iou in zip(probabilities, labels, ious, strict=True)]
    return difficulty, sorted(range(len(labels)), key=lambda i: -difficulty[i])[:k]


def with_one_hot(probabilities, ious, labels, k):
    hot = np.eye(probabilities.shape[1])[labels]
    difficulty = -(hot * np.log(probabilities)).sum(axis=1) + 1 - ious
    return difficulty, np.flip(np.argsort(difficulty))[:k]


def one_after_the_other(probabilities, ious, labels, k):
    difficulty = np.log(1 / probabilities[range(len(labels)), labels]) + 1 - ious
    left, found = difficulty.copy(), []
    for _ in range(k):
        found.append(int(left.argmax()))
        left[found[-1]] = -np.inf
    return [difficulty, found]


def partitioned(probabilities, ious, labels, k):
    difficulty = 1 - ious - np.log(probabilities[np.arange(len(labels)), labels])
    some = np.argpartition(difficulty, -k)[-k:]
    return difficulty, some[np.argsort(difficulty[some])[::-1]]


# --- worst: wrong ---
def ranked(value, order=lambda d, k: np.argsort(-d)[:k]):
    def worst(probabilities, ious, labels, k):
        p = probabilities[np.arange(len(labels)), labels]
        d = value(p, ious, probabilities)
        return d, order(d, k)
    return worst


def loss(p, iou, all_):
    return -np.log(p) + 1 - iou


WORST = Answers(
    right=[step_by_step, guarded, in_a_loop, with_one_hot, one_after_the_other, partitioned],
    wrong=[
        wrong(ranked(lambda p, iou, a: 1 - iou), "box only"), wrong(ranked(lambda p, iou, a: -np.log(p)), "class only"),
        wrong(ranked(lambda p, iou, a: -np.log(p) + iou), "iou added"),
        wrong(ranked(lambda p, iou, a: -np.log(a.max(axis=1)) + 1 - iou), "probability of the answer"),
        wrong(ranked(lambda p, iou, a: 2 - p - iou), "share instead of logarithm"),
        wrong(ranked(lambda p, iou, a: np.log(p) + 1 - iou), "sign of the logarithm"),
        wrong(ranked(lambda p, iou, a: -np.log(1 - p) + 1 - iou), "logarithm of the rest"),
        wrong(ranked(lambda p, iou, a: -np.log(p) * (1 - iou)), "product"),
        wrong(ranked(lambda p, iou, a: loss(p, iou, a) / 2), "mean of both"),
        wrong(ranked(lambda p, iou, a: -np.log(p) - iou), "1 forgotten"),
        wrong(ranked(loss, lambda d, k: np.argsort(d)[:k]), "ascending"),
        wrong(ranked(loss, lambda d, k: np.argsort(d)[-k:]), "worst last"),
        wrong(ranked(loss, lambda d, k: np.argsort(d)[::-1]), "all of them"),
        wrong(ranked(loss, lambda d, k: -np.sort(-d)[:k]), "values"),
        wrong(ranked(loss, lambda d, k: np.argsort(d)[: -k : -1])),
        wrong(ranked(lambda p, iou, a: -np.log2(p) + 1 - iou)),
        wrong(ranked(lambda p, iou, a: -np.log(a).sum(axis=1) + 1 - iou)),
        wrong(lambda probabilities, ious, labels, k: ranked(loss)(probabilities, ious, labels, k)[1]),
    ],
)
