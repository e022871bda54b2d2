"""Exercises of lesson 02: edges and sums made by hand (features02.py), the hinge, and non-maximum suppression."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.features02 import CELL_HISTOGRAM, EDGES, INTEGRAL, RECTANGLES
from tinycnn import boxes as box_math

# --- hinge: the loss of a support vector machine, and its gradient ---


def hinge(scores, signs):
    short = np.maximum(1 - signs * scores, 0)
    return short.mean(), -signs * (short > 0) / len(scores)


def _hinge_with(value=None, dscores=None):
    """The right answer with one of its two results replaced by a function of scores s and signs t."""
    def function(s, t):
        right = hinge(s, t)
        return right[0] if value is None else value(s, t), right[1] if dscores is None else dscores(s, t)
    return function


def _scores_and_signs(rng, count):
    """Scores on both sides of the margin; four of them exactly on it, and none near it."""
    signs = rng.choice([-1.0, 1.0], count)
    ahead = np.where(rng.random(count) < 0.4, rng.uniform(1.2, 3, count), rng.uniform(-2, 0.8, count))
    ahead[:5] = 1, 0.3, 1, -0.6, 1.7
    return signs * ahead, signs


HINGE = Exercise(
    title="the hinge loss and its gradient",
    solution=hinge,
    cases=lambda rng: [Case(*_scores_and_signs(rng, count)) for count in (8, 11, 7)],
    returns=("value", "dscores"),
    takes=("scores", "signs"),
    mistakes={
        "value: summed": Mistake(
            _hinge_with(value=lambda s, t: np.maximum(1 - t * s, 0).sum()),
            "The hinges are summed. Their mean is asked for."),
        "value: not clamped": Mistake(
            _hinge_with(value=lambda s, t: (1 - t * s).mean()),
            "Samples far on the right side make the loss smaller. Beyond the margin it is 0, and does not go below."),
        "value: no margin": Mistake(
            _hinge_with(value=lambda s, t: np.maximum(-t * s, 0).mean()),
            "There is no margin: a score of 0.01 on the right side costs nothing. From which score on is it content?"),
        "value: signs ignored": Mistake(
            _hinge_with(value=lambda s, t: np.maximum(1 - s, 0).mean()),
            "The signs play no part: every sample is treated as one of the class."),
        "value: squared": Mistake(
            _hinge_with(value=lambda s, t: (np.maximum(1 - t * s, 0) ** 2).mean()),
            "The hinges are squared. The library's SVM does that, but here the plain hinge is asked for."),
        "value: sign": Mistake(
            _hinge_with(value=lambda s, t: np.maximum(1 + t * s, 0).mean()),
            "A score on the right side costs, and one on the wrong side does not. Look at the sign before t · s."),
        "dscores: summed": Mistake(
            _hinge_with(dscores=lambda s, t: -t * (t * s < 1)),
            "The value is a mean over N samples, so each has the N-th part of a say. dscores does not know N."),
        "dscores: sign": Mistake(
            _hinge_with(dscores=lambda s, t: t * (t * s < 1) / len(s)),
            "The sign is the wrong way round. If the score of a sample of the class grows, what does the loss do?"),
        "dscores: not clamped": Mistake(
            _hinge_with(dscores=lambda s, t: -t / len(s)),
            "Every sample has a slope. Where the hinge is flat, the loss does not change at all."),
        "dscores: signs ignored": Mistake(
            _hinge_with(dscores=lambda s, t: -1.0 * (t * s < 1) / len(s)),
            "All slopes have one sign. A sample of the other side wants its score to go the other way."),
        "dscores: no margin": Mistake(
            _hinge_with(dscores=lambda s, t: -t * (t * s < 0) / len(s)),
            "Only samples on the wrong side have a slope. Those inside the margin cost something as well."),
        "dscores: at the kink": Mistake(
            _hinge_with(dscores=lambda s, t: -t * (t * s <= 1) / len(s)),
            "Right but for the samples that lie exactly at the margin. They cost nothing: which of the two slopes is "
            "taken there?"),
        "dscores: how far": Mistake(
            _hinge_with(dscores=lambda s, t: -t * np.maximum(1 - t * s, 0) / len(s)),
            "The slope grows with what is missing. The hinge is a straight line: how steep is it?"),
        "dscores: times score": Mistake(
            _hinge_with(dscores=lambda s, t: -t * s * (t * s < 1) / len(s)),
            "The score is still in the slope. The derivative of t · s with respect to s has no s left."),
    },
)

# --- nms: one window for each thing ---


def _iou_with(box, boxes):
    return box_math.iou(boxes, np.broadcast_to(box, boxes.shape))


def nms(boxes, scores, overlap=0.5):
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        kept.append(int(order[0]))
        order = order[_iou_with(boxes[order[0]], boxes[order]) < overlap]
    return np.array(kept)


def _ascending(boxes, scores, overlap=0.5):
    return nms(boxes, -scores, overlap)


def _neighbors(boxes, scores, overlap=0.5):
    order = np.argsort(-scores)
    pairs = zip(order, order[1:], strict=False)
    return [int(order[0]), *(int(b) for a, b in pairs if _iou_with(boxes[a], boxes[b : b + 1])[0] < overlap)]


def _dropped_ones_drop(boxes, scores, overlap=0.5):
    order = np.argsort(-scores)
    return [int(b) for i, b in enumerate(order) if (_iou_with(boxes[b], boxes[order[:i]]) < overlap).all()]


def _last_kept(boxes, scores, overlap=0.5):
    kept = []
    for b in np.argsort(-scores):
        if not kept or _iou_with(boxes[kept[-1]], boxes[b : b + 1])[0] < overlap:
            kept.append(int(b))
    return kept


def _over_smaller(boxes, scores, overlap=0.5):
    order, kept = np.argsort(-scores), []
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    for b in order:
        sides = [np.maximum(np.minimum(boxes[b, 2:], boxes[k, 2:]) - np.maximum(boxes[b, :2], boxes[k, :2]), 0)
                 for k in kept]
        if all(side.prod() / min(area[b], area[k]) < overlap for side, k in zip(sides, kept, strict=True)):
            kept.append(int(b))
    return kept


def _detections(rng, things, count):
    """Boxes around `things` places, each moved by chance, and scores; so many that some overlap in chains."""
    middles, sides = rng.uniform(15, 85, (things, 2)), rng.uniform(14, 30, (things, 2))
    which = rng.integers(0, things, count)
    middle = middles[which] + rng.normal(0, 6, (count, 2))
    side = sides[which] * rng.uniform(0.75, 1.3, (count, 2))
    return np.concatenate([middle - side / 2, middle + side / 2], axis=1), rng.permutation(count) / count + 0.2


NMS = Exercise(
    title="non-maximum suppression",
    solution=nms,
    cases=lambda rng: [Case(*_detections(rng, things, count), overlap)
                       for things, count, overlap in ((3, 16, 0.5), (4, 25, 0.3), (2, 20, 0.4), (3, 30, 0.2))],
    returns=("kept",),
    takes=("boxes", "scores", "overlap"),
    mistakes={
        "ascending": Mistake(
            _ascending,
            "The worst window comes first and drives out the better ones. np.argsort begins with the smallest."),
        "only neighbors": Mistake(
            _neighbors,
            "Each window is compared with the next better one alone. It must not overlap any of those that are kept."),
        "last kept": Mistake(
            _last_kept,
            "Each window is compared with the one kept last. Those kept before still stand there."),
        "the dropped drop others": Mistake(
            _dropped_ones_drop,
            "Windows that were dropped themselves still drive out others. Only what is kept counts."),
        "touching": Mistake(
            lambda boxes, scores, overlap=0.5: nms(boxes, scores, 1e-9),
            "Windows are dropped as soon as they share anything with a better one. The threshold plays no part."),
        "always one half": Mistake(
            lambda boxes, scores, overlap=0.5: nms(boxes, scores),
            "Right for a threshold of 0.5, and for no other: the argument `overlap` plays no part."),
        "none dropped": Mistake(
            lambda boxes, scores, overlap=0.5: np.argsort(-scores).tolist(),
            "All windows are still there, in order. None was dropped."),
        "best only": Mistake(
            lambda boxes, scores, overlap=0.5: [int(scores.argmax())],
            "Only the very best window is left. There may be a second thing elsewhere in the picture."),
        "overlapping kept": Mistake(
            lambda boxes, scores, overlap=0.5: _kept_the_wrong_ones(boxes, scores, overlap),
            "What overlaps a better window is kept, and what stands elsewhere is dropped. Look at < and >."),
        "in the order of the list": Mistake(
            lambda boxes, scores, overlap=0.5: nms(boxes, -np.arange(len(boxes)), overlap),
            "The scores play no part: windows are taken as they stand in the list."),
        "sorted by place": Mistake(
            lambda boxes, scores, overlap=0.5: np.sort(nms(boxes, scores, overlap)),
            "The right windows, in the order of the list. Best first is asked for."),
        "places in the order": Mistake(
            lambda boxes, scores, overlap=0.5: _ranks(boxes, scores, overlap),
            "These are places in the sorted list. The windows' own numbers are asked for, those of `boxes`."),
        "scores": Mistake(
            lambda boxes, scores, overlap=0.5: scores[nms(boxes, scores, overlap)],
            "These are the scores of the kept windows. Their numbers, the places in `boxes`, are asked for."),
        "mask": Mistake(
            lambda boxes, scores, overlap=0.5: np.isin(np.arange(len(boxes)), nms(boxes, scores, overlap)),
            "That is True or False for every window, in the order of the list. Numbers are asked for, best first."),
        "over the smaller": Mistake(
            _over_smaller,
            "The overlap is divided by the smaller window's area. IoU divides by the union."),
    },
)


def _kept_the_wrong_ones(boxes, scores, overlap):
    order, kept = np.argsort(-scores), []
    while len(order):
        kept.append(int(order[0]))
        rest = order[1:]
        order = rest[_iou_with(boxes[order[0]], boxes[rest]) >= overlap]
    return kept


def _ranks(boxes, scores, overlap):
    order = np.argsort(-scores)
    rank = {int(b): i for i, b in enumerate(order)}
    return [rank[b] for b in nms(boxes, scores, overlap)]


EXERCISES = {"edges": EDGES, "cell_histogram": CELL_HISTOGRAM, "integral": INTEGRAL, "rectangles": RECTANGLES,
             "hinge": HINGE, "nms": NMS}
