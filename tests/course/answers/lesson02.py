"""Answers of learners to the exercises of lesson 02: the hinge and non-maximum suppression; see also features02.py."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.features02 import CELL_HISTOGRAM, EDGES, INTEGRAL, RECTANGLES

# --- hinge ---


def hinge_loop(scores, signs):
    value, slopes = 0.0, []
    for s, t in zip(scores, signs, strict=True):
        value += max(0, 1 - t * s)
        slopes.append(-t if t * s < 1 else 0)
    return value / len(scores), [slope / len(scores) for slope in slopes]


def hinge_where(scores, signs):
    ahead = signs * scores
    return np.where(ahead < 1, 1 - ahead, 0).mean(), np.where(ahead < 1, -signs, 0) / len(signs)


def hinge_mask(scores, signs):
    n, short = scores.size, 1 - signs * scores
    mask = short > 0
    d = np.zeros_like(scores)
    d[mask] = -signs[mask]
    return short[mask].sum() / n, d / n


def hinge_clip(scores, signs):
    short = np.clip(1 - scores * signs, 0, None)
    return np.sum(short) / len(short), -(signs * np.sign(short)) / short.shape[0]


def hinge_list(scores, signs):
    return list(hinge_mask(scores, signs))


def hinge_float32(scores, signs):
    value, slopes = hinge_mask(scores, signs)
    return np.float32(value), slopes.astype(np.float32)


def made(value=lambda s, t: np.maximum(0, 1 - s * t).mean(), slope=lambda s, t: np.where(s * t < 1, -t, 0) / len(s)):
    return lambda scores, signs: (value(scores, signs), slope(scores, signs))


HINGE = Answers(
    right=[hinge_loop, hinge_where, hinge_mask, hinge_clip, hinge_list, hinge_float32],
    wrong=[wrong(made(lambda s, t: sum(max(0, 1 - a * b) for a, b in zip(s, t, strict=True))), "value: summed"),
           wrong(made(lambda s, t: np.mean(1 - s * t)), "value: not clamped"),
           wrong(made(lambda s, t: np.maximum(0, -s * t).mean()), "value: no margin"),
           wrong(made(lambda s, t: np.mean(np.maximum(0, 1 - t * s) ** 2)), "value: squared"),
           wrong(made(lambda s, t: np.maximum(0, 1 - s).mean()), "value: signs ignored"),
           wrong(made(slope=lambda s, t: np.where(s * t < 1, -t, 0)), "dscores: summed"),
           wrong(made(slope=lambda s, t: np.where(s * t < 1, t, 0) / len(s)), "dscores: sign"),
           wrong(made(slope=lambda s, t: np.where(s * t <= 1, -t, 0) / len(s)), "dscores: at the kink"),
           wrong(made(slope=lambda s, t: np.where(s * t < 0, -t, 0) / len(s)), "dscores: no margin"),
           wrong(made(slope=lambda s, t: -t / len(s)), "dscores: not clamped"),
           wrong(made(slope=lambda s, t: np.where(s * t < 1, -s * t, 0) / len(s)), "dscores: times score"),
           wrong(made(slope=lambda s, t: np.where(s * t < 1, -1, 0) / len(s)), "dscores: signs ignored"),
           wrong(made(lambda s, t: np.maximum(0, 1 - s * t))),
           wrong(made(lambda s, t: np.maximum(0, 1 - s * t).sum(), lambda s, t: np.where(s * t < 1, -t, 0)),
                 "value: summed, dscores: summed"),
           wrong(lambda s, t: np.maximum(0, 1 - s * t).mean()), wrong(lambda s, t: max(0, 1 - s * t)),
           wrong(made(slope=lambda s, t: np.where(s * t < 1, -t, 0) / 2)),
           wrong(made(slope=lambda s, t: np.where(s < 1, -t, 0) / len(s)))])

# --- nms ---


def overlaps(a, b):
    """IoU of one box with another, written out."""
    w = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    h = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return w * h / (both - w * h + 1e-8)


def greedy(boxes, scores, overlap=0.5):
    kept = []
    for i in np.argsort(scores)[::-1]:
        if all(overlaps(boxes[i], boxes[k]) < overlap for k in kept):
            kept.append(i)
    return kept


def by_flags(boxes, scores, overlap=0.5):
    alive, kept = np.ones(len(boxes), bool), []
    while alive.any():
        best = np.where(alive, scores, -np.inf).argmax()
        kept.append(best)
        for i in range(len(boxes)):
            if overlaps(boxes[i], boxes[best]) >= overlap:
                alive[i] = False
    return np.array(kept)


def by_popping(boxes, scores, overlap=0.5):
    left, kept = sorted(range(len(boxes)), key=lambda i: -scores[i]), []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [i for i in left if not overlaps(boxes[best], boxes[i]) > overlap]
    return kept


def by_table(boxes, scores, overlap=0.5):
    order = (-scores).argsort()
    table = np.array([[overlaps(boxes[i], boxes[j]) for j in order] for i in order])
    out = np.zeros(len(order), bool)
    for i in range(len(order)):
        if not out[i]:
            out[i + 1 :] |= table[i, i + 1 :] > overlap
    return order[~out]


def from_the_end(boxes, scores, overlap=0.5):
    order, kept = list(np.argsort(scores)), []
    while order:
        i = order.pop()
        kept.append(int(i))
        order = [j for j in order if overlaps(boxes[i], boxes[j]) < overlap]
    return tuple(kept)


def as_floats(boxes, scores, overlap=0.5):
    return np.array(greedy(boxes, scores, overlap), float)


def against(others, start=None):
    """Keeps what overlaps none of others(order, place, kept) by too much."""
    def function(boxes, scores, overlap=0.5):
        order, kept = np.argsort(-scores) if start is None else start(boxes, scores), []
        for place, i in enumerate(order):
            if all(overlaps(boxes[i], boxes[k]) < overlap for k in others(order, place, kept)):
                kept.append(int(i))
        return kept
    return function


def flipped(boxes, scores, overlap=0.5):
    left, kept = list(np.argsort(-scores)), []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [i for i in left if overlaps(boxes[best], boxes[i]) >= overlap]
    return kept


def mask(boxes, scores, overlap=0.5):
    kept = np.zeros(len(boxes), bool)
    kept[greedy(boxes, scores, overlap)] = True
    return kept


def first_not_kept(boxes, scores, overlap=0.5):
    order, kept = np.argsort(-scores), []
    while len(order) > 1:
        kept.append(order[0])
        order = np.array([i for i in order[1:] if overlaps(boxes[i], boxes[order[0]]) < overlap], int)
    return kept


def ranks(boxes, scores, overlap=0.5):
    order = np.argsort(-scores)
    return greedy(boxes[order], scores[order], overlap)


def endless_but_for_this(boxes, scores, overlap=0.5):
    order, kept = np.argsort(-scores), []
    while len(order):
        kept.append(order[0])
        order = order[np.array([overlaps(boxes[i], boxes[order[0]]) for i in order[1:]]) < overlap]
    return kept


NMS = Answers(
    right=[greedy, by_flags, by_popping, by_table, from_the_end, as_floats],
    wrong=[wrong(against(lambda order, place, kept: kept, lambda boxes, scores: np.argsort(scores)), "ascending"),
           wrong(against(lambda order, place, kept: order[place - 1 : place] if place else []), "only neighbors"),
           wrong(against(lambda order, place, kept: kept[-1:]), "last kept"),
           wrong(against(lambda order, place, kept: order[:place]), "the dropped drop others"),
           wrong(against(lambda order, place, kept: kept[:1])),
           wrong(against(lambda order, place, kept: kept, lambda boxes, scores: np.arange(len(boxes))),
                 "in the order of the list"),
           wrong(flipped, "overlapping kept"), wrong(mask, "mask"), wrong(ranks, "places in the order"),
           wrong(lambda boxes, scores, overlap=0.5: greedy(boxes, scores), "always one half"),
           wrong(lambda boxes, scores, overlap=0.5: sorted(greedy(boxes, scores, overlap)), "sorted by place"),
           wrong(lambda boxes, scores, overlap=0.5: boxes[greedy(boxes, scores, overlap)]),
           wrong(lambda boxes, scores, overlap=0.5: scores[greedy(boxes, scores, overlap)], "scores"),
           wrong(lambda boxes, scores, overlap=0.5: np.argsort(-scores), "none dropped"),
           wrong(lambda boxes, scores, overlap=0.5: [np.argmax(scores)], "best only"),
           wrong(lambda boxes, scores, overlap=0.5: greedy(boxes, scores, 1e-6), "touching"),
           wrong(first_not_kept), wrong(endless_but_for_this)])

ANSWERS = {"02.edges": EDGES, "02.cell_histogram": CELL_HISTOGRAM, "02.integral": INTEGRAL,
           "02.rectangles": RECTANGLES, "02.hinge": HINGE, "02.nms": NMS}
