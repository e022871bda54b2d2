"""Exercises of lesson 15 about what is measured: the Wilson interval, recall of each class, the worst pictures."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake

# --- interval ---


def wilson(right, n, z=1.96):
    """right, n: (M,) -> low and high end of the interval, (M,) each."""
    p, w = right / n, z**2 / n
    middle = (p + w / 2) / (1 + w)
    half = z * np.sqrt(p * (1 - p) / n + w / (4 * n)) / (1 + w)
    return middle - half, middle + half


def _interval(middle=None, half=None, n_of=lambda n: n, z_of=lambda z: z, ends=lambda low, high: (low, high)):
    """The interval with one part of it wrong: middle(p, n, z) or half(p, n, z)."""
    def function(right, n, z=1.96):
        p, count, z = right / n, n_of(n), z_of(z)
        w = z**2 / count
        m = middle(p, count, z) if middle else (p + w / 2) / (1 + w)
        h = half(p, count, z) if half else z * np.sqrt(p * (1 - p) / count + w / (4 * count)) / (1 + w)
        return ends(m - h, m + h)
    return function


def _spread(p, n, z):
    return np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))


def _interval_cases(rng):
    """All wrong, all right and some of both; few pictures and many; two other values of z."""
    counts = [([0, 7, 10], [10, 10, 10]), ([36, 22, 60, 1], [60, 60, 60, 61]), ([5, 0, 31, 2, 80], [5, 7, 50, 3, 120]),
              ([3, 450], [9, 1000]), ([4, 17, 9], [12, 40, 11])]
    more = [{}, {}, {}, {"z": 2.576}, {"z": 1.3}]
    return [Case(np.array(right), np.array(n), **z) for (right, n), z in zip(counts, more, strict=True)]


INTERVAL = Exercise(
    title="the Wilson interval",
    solution=wilson,
    cases=_interval_cases,
    returns=("low", "high"),
    mistakes={
        "normal approximation": Mistake(
            _interval(lambda p, n, z: p, lambda p, n, z: z * np.sqrt(p * (1 - p) / n)),
            "That is p plus or minus z standard errors, the simple interval. It has no width where all are right, and "
            "reaches beyond 1. Solve for q, as the text does."),
        "normal approximation, clipped": Mistake(
            _interval(lambda p, n, z: p, lambda p, n, z: z * np.sqrt(p * (1 - p) / n),
                      ends=lambda low, high: (np.clip(low, 0, 1), np.clip(high, 0, 1))),
            "That is p plus or minus z standard errors, cut off at 0 and 1. It has no width where all are right."),
        "one standard error": Mistake(
            _interval(z_of=lambda z: 1.0),
            "z plays no part: that is the interval for z = 1, which holds the truth in two of three cases."),
        "z ignored": Mistake(
            _interval(z_of=lambda z: 1.96),
            "It is 1.96 whatever z is handed in: right for 95 %, and for nothing else."),
        "one-sided": Mistake(
            _interval(z_of=lambda z: 1.645 if z == 1.96 else z),
            "It is the z of an interval with one end. With two ends, 2.5 % are left on each side."),
        "z not in the half": Mistake(
            _interval(half=lambda p, n, z: _spread(p, n, z) / (1 + z**2 / n)),
            "The middle is right, the interval is too narrow: z is missing before the root."),
        "n - 1": Mistake(
            _interval(n_of=lambda n: n - 1),
            "Somewhere n - 1 stands in place of n. Here nothing is estimated from the spread of numbers, so nothing is "
            "taken away."),
        "middle not moved": Mistake(
            _interval(middle=lambda p, n, z: p),
            "The width is right, but its middle is the share itself. Where few were asked, the middle moves toward one "
            "half."),
        "not divided": Mistake(
            _interval(lambda p, n, z: p + z**2 / (2 * n), lambda p, n, z: z * _spread(p, n, z)),
            "Both parts lack the division by 1 + z² / n, and the interval can reach beyond 1."),
        "half not divided": Mistake(
            _interval(half=lambda p, n, z: z * _spread(p, n, z)),
            "The middle is right. What is added and taken away lacks the division by 1 + z² / n."),
        "middle not divided": Mistake(
            _interval(lambda p, n, z: p + z**2 / (2 * n)),
            "The width is right. The middle lacks the division by 1 + z² / n."),
        "root without its second part": Mistake(
            _interval(half=lambda p, n, z: z * np.sqrt(p * (1 - p) / n) / (1 + z**2 / n)),
            "Under the root, something is missing beside p (1 - p) / n. It is what keeps a width where all are right."),
        "root with n once": Mistake(
            _interval(half=lambda p, n, z: z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n)) / (1 + z**2 / n)),
            "The second number under the root is divided by 4 n. Look at its n again."),
        "no root": Mistake(
            _interval(half=lambda p, n, z: z * (p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)),
            "The square root is missing, and the interval is far too narrow."),
        "two added on each side": Mistake(
            lambda right, n, z=1.96: _interval(lambda p, n, z: p, lambda p, n, z: z * np.sqrt(p * (1 - p) / n))(
                right + 2, n + 4, z),
            "That is the simple interval with two right and two wrong added. It comes near, but it is not this one."),
        "ends exchanged": Mistake(
            _interval(ends=lambda low, high: (high, low)),
            "The two ends are exchanged: the low one comes first."),
        "middle and half": Mistake(
            _interval(ends=lambda low, high: ((low + high) / 2, (high - low) / 2)),
            "These are the middle and half of the width. The two ends are asked for."),
        "counts": Mistake(
            lambda right, n, z=1.96: tuple(n * end for end in wilson(right, n, z)),
            "These are numbers of pictures. The ends of a share are asked for, between 0 and 1."),
        "percent": Mistake(
            lambda right, n, z=1.96: tuple(100 * end for end in wilson(right, n, z)),
            "These are percent. The ends of a share are asked for, between 0 and 1."),
    },
)


# --- recall ---


def recall(labels, predicted, classes):
    """labels, predicted: (N,); classes: K -> for each class the share of its pictures that is named so, (K,)."""
    return np.array([np.mean(predicted[labels == k] == k) if (labels == k).any() else np.nan for k in range(classes)])


def _each(share, without=np.nan, known=lambda labels, predicted, k: labels == k):
    """share(labels, predicted, k) for each class, `without` where it has no picture."""
    def function(labels, predicted, classes):
        return np.array([share(labels, predicted, k) if known(labels, predicted, k).any() else without
                         for k in range(classes)], float)
    return function


def _hits(labels, predicted, k):
    return np.sum((labels == k) & (predicted == k))


def _recall_cases(rng):
    """Classes of unequal frequency; one without pictures, but named; one with pictures, but never named."""
    def case(n, k, absent, silent):
        labels = rng.choice([c for c in range(k) if c != absent], n, p=_uneven(k - (absent is not None)))
        labels[: k] = [c if c != absent else (c + 1) % k for c in range(k)]
        predicted = np.where(rng.random(n) < 0.6, labels, rng.integers(0, k, n))
        predicted[predicted == silent] = (silent + 1) % k if silent is not None else 0
        if absent is not None:
            predicted[-1] = absent
        return Case(labels, predicted, k)
    return [case(24, 3, None, None), case(40, 5, 2, 4), case(31, 4, 3, 0), case(50, 6, 5, 1), case(18, 4, 0, None)]


def _uneven(k):
    weights = 0.6 ** np.arange(k)
    return weights / weights.sum()


RECALL = Exercise(
    title="recall of each class",
    solution=recall,
    lists=True,
    cases=_recall_cases,
    returns=("recall",),
    mistakes={
        "precision": Mistake(
            _each(lambda a, b, k: np.mean(a[b == k] == k), known=lambda a, b, k: b == k),
            "That is precision: of what was named so, how much is. Asked for is the other one: of what is so, how "
            "much was named."),
        "precision, nan where no picture": Mistake(
            _each(lambda a, b, k: _hits(a, b, k) / max(1, np.sum(b == k))),
            "It is divided by how often a class was named. Divide by how often it occurs."),
        "one number for all": Mistake(
            lambda labels, predicted, classes: np.full(classes, np.mean(labels == predicted)),
            "That is the accuracy over all pictures, in which a rare class has no weight. Each class needs a number "
            "of its own."),
        "0 for no pictures": Mistake(
            _each(lambda a, b, k: np.mean(b[a == k] == k), without=0.0),
            "A class without pictures gets 0, as if all its pictures had been missed. Nothing was measured: say nan."),
        "1 for no pictures": Mistake(
            _each(lambda a, b, k: np.mean(b[a == k] == k), without=1.0),
            "A class without pictures gets 1. Nothing was measured: say nan."),
        "classes without pictures left out": Mistake(
            lambda labels, predicted, classes: np.array([np.mean(predicted[labels == k] == k)
                                                         for k in np.unique(labels)]),
            "Classes without pictures are left out, and all that come after are in the wrong place. The answer has K "
            "numbers, nan where there is none."),
        "share of all pictures": Mistake(
            _each(lambda a, b, k: _hits(a, b, k) / len(a)),
            "It is divided by the number of all pictures. Divide by how many there are of the class."),
        "this class or not": Mistake(
            _each(lambda a, b, k: np.mean((a == k) == (b == k))),
            "Pictures of other classes that are not taken for this one count as right here, so a rare class looks "
            "excellent. Look at its own pictures alone."),
        "F1": Mistake(
            _each(lambda a, b, k: 2 * _hits(a, b, k) / (np.sum(a == k) + np.sum(b == k))),
            "That is F1, of recall and precision together. Recall alone is asked for."),
        "overlap": Mistake(
            _each(lambda a, b, k: _hits(a, b, k) / np.sum((a == k) | (b == k))),
            "It is divided by the pictures that are of the class or named so. Divide by those that are of the class."),
        "missed": Mistake(
            _each(lambda a, b, k: np.mean(b[a == k] != k)),
            "That is the share of the class that was missed; asked for is what was found."),
        "counts": Mistake(
            _each(_hits),
            "These are numbers of pictures. Their share in the class is asked for."),
        "how often named": Mistake(
            _each(lambda a, b, k: np.sum(b == k) / np.sum(a == k)),
            "It is how often the class was named, right or wrong, by how often it occurs. Only names that are right "
            "count."),
    },
)


# --- worst ---


def worst(probabilities, ious, labels, k):
    """probabilities: (N, K); ious, labels: (N,) -> difficulty (N,), indices of the k largest, largest first (k,)."""
    true = probabilities[np.arange(len(labels)), labels]
    difficulty = -np.log(true) + (1 - ious)
    return difficulty, np.argsort(-difficulty)[:k]


def _difficulty(change):
    """change(p of the true class, iou, all probabilities, labels) -> difficulty; sorted as asked."""
    def function(probabilities, ious, labels, k):
        d = change(probabilities[np.arange(len(labels)), labels], ious, probabilities, labels)
        return d, np.argsort(-d)[:k]
    return function


def _sorted(change):
    """change(difficulty, k) -> indices."""
    def function(probabilities, ious, labels, k):
        d = worst(probabilities, ious, labels, k)[0]
        return d, change(d, k)
    return function


def _worst_cases(rng):
    def case(n, classes, k):
        scores = 2 * rng.standard_normal((n, classes))
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        return Case(p, rng.uniform(0, 0.95, n), rng.integers(0, classes, n), k)
    return [case(9, 3, 4), case(14, 4, 5), case(20, 5, 7), case(11, 2, 3)]


WORST = Exercise(
    title="the worst pictures",
    solution=worst,
    cases=_worst_cases,
    returns=("difficulty", "indices"),
    mistakes={
        "box only": Mistake(
            _difficulty(lambda t, iou, p, y: 1 - iou),
            "Only the box counts. A picture whose class is wrong has to be found as well."),
        "class only": Mistake(
            _difficulty(lambda t, iou, p, y: -np.log(t)),
            "Only the class counts. A picture whose box is wrong has to be found as well."),
        "iou added": Mistake(
            _difficulty(lambda t, iou, p, y: -np.log(t) + iou),
            "The IoU is added as it is, so a good box makes a picture harder. What is bad about it is 1 - IoU."),
        "probability of the answer": Mistake(
            _difficulty(lambda t, iou, p, y: -np.log(p.max(axis=1)) + 1 - iou),
            "It takes the probability of the network's own answer. That finds where it hesitates. A wrong label shows "
            "where it is sure of something else: take the probability of the label."),
        "share instead of logarithm": Mistake(
            _difficulty(lambda t, iou, p, y: 1 - t + 1 - iou),
            "It takes 1 - p of the true class, without a logarithm, and being wrong costs 1 however sure the network "
            "was."),
        "sign of the logarithm": Mistake(
            _difficulty(lambda t, iou, p, y: np.log(t) + 1 - iou),
            "The sign of the logarithm is wrong: log(p) is below 0, and cross-entropy is above."),
        "logarithm of the rest": Mistake(
            _difficulty(lambda t, iou, p, y: -np.log(1 - t) + 1 - iou),
            "It takes the logarithm of 1 - p, which is large where the network is right."),
        "product": Mistake(
            _difficulty(lambda t, iou, p, y: -np.log(t) * (1 - iou)),
            "The two are multiplied, so a picture with a good box can have any class. Add them."),
        "mean of both": Mistake(
            _difficulty(lambda t, iou, p, y: (-np.log(t) + 1 - iou) / 2),
            "It is half of what is asked for: the sum of both, not their mean. The order is the same."),
        "1 forgotten": Mistake(
            _difficulty(lambda t, iou, p, y: -np.log(t) - iou),
            "It is less by 1: what is added is 1 - IoU. The order is the same."),
        "ascending": Mistake(
            _sorted(lambda d, k: np.argsort(d)[:k]),
            "These are the easiest pictures. np.argsort begins with the smallest."),
        "worst last": Mistake(
            _sorted(lambda d, k: np.argsort(d)[-k:]),
            "The right pictures, but the worst one comes last."),
        "all of them": Mistake(
            _sorted(lambda d, k: np.argsort(-d)),
            "All pictures come back. The first k of them are asked for."),
        "values": Mistake(
            _sorted(lambda d, k: np.sort(d)[::-1][:k]),
            "These are the difficulties themselves. The indices of the pictures are asked for."),
        "worst left out": Mistake(
            _sorted(lambda d, k: np.argsort(d)[::-1][1 : k + 1]),
            "The worst picture is left out: counting begins at 0."),
        "ranks": Mistake(
            _sorted(lambda d, k: np.argsort(np.argsort(-d))[:k]),
            "These are the ranks of the first k pictures. Asked for are the pictures that have the first k ranks."),
    },
)

MEASURES = {"interval": INTERVAL, "recall": RECALL, "worst": WORST}
