"""Answers of learners to the exercises of lesson 01, but for its boxes in other notations (boxes01.py)."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.boxes01 import CONVERT, DECODE, ENCODE, MEAN_BOX

# --- iou ---


def iou_loop(a, b):
    scores = []
    for p, q in zip(a, b, strict=True):
        w = max(0, min(p[2], q[2]) - max(p[0], q[0]))
        h = max(0, min(p[3], q[3]) - max(p[1], q[1]))
        union = (p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - w * h
        scores.append(w * h / union if union else 0)
    return scores


def iou_epsilon(a, b):
    x0, y0 = np.maximum(a[:, 0], b[:, 0]), np.maximum(a[:, 1], b[:, 1])
    x1, y1 = np.minimum(a[:, 2], b[:, 2]), np.minimum(a[:, 3], b[:, 3])
    shared = np.clip(x1 - x0, 0, None) * np.clip(y1 - y0, 0, None)
    area = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1]) + (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    return shared / (area - shared + 1e-8)


def iou_float32(a, b):
    return np.array(iou_epsilon(a, b), np.float32)


def iou_nan_to_num(a, b):
    sides = np.maximum(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), 0)
    shared = sides[:, 0] * sides[:, 1]
    union = np.prod(a[:, 2:] - a[:, :2], 1) + np.prod(b[:, 2:] - b[:, :2], 1) - shared
    return np.nan_to_num(shared / union)


def iou_masked(a, b):
    apart = (a[:, 2] <= b[:, 0]) | (b[:, 2] <= a[:, 0]) | (a[:, 3] <= b[:, 1]) | (b[:, 3] <= a[:, 1])
    shared = np.prod(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]), axis=1)
    shared[apart] = 0
    union = np.prod(a[:, 2:] - a[:, :2], axis=1) + np.prod(b[:, 2:] - b[:, :2], axis=1) - shared
    result = np.zeros(len(a))
    result[union > 0] = shared[union > 0] / union[union > 0]
    return result


def iou_maximum(a, b):
    zero = 0.0
    w = np.maximum(zero, np.minimum(a.T[2], b.T[2]) - np.maximum(a.T[0], b.T[0]))
    h = np.maximum(zero, np.minimum(a.T[3], b.T[3]) - np.maximum(a.T[1], b.T[1]))
    union = (a.T[2] - a.T[0]) * (a.T[3] - a.T[1]) + (b.T[2] - b.T[0]) * (b.T[3] - b.T[1]) - w * h
    return w * h / np.maximum(union, 1e-12)


def parts(a, b, clamp=True):
    w = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
    h = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    if clamp:
        w, h = w.clip(0), h.clip(0)
    return w, h, (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1]), (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])


def no_clamp(a, b):
    w, h, p, q = parts(a, b, clamp=False)
    union = p + q - w * h
    return np.divide(w * h, union, out=np.zeros(len(a)), where=union != 0)


def clamp_product(a, b):
    w, h, p, q = parts(a, b, clamp=False)
    shared = np.maximum(0, w * h)
    union = p + q - shared
    return np.where(union > 0, shared / np.where(union > 0, union, 1), 0)


def clamp_result(a, b):
    return np.clip(no_clamp(a, b), 0, 1)


def no_guard(a, b):
    w, h, p, q = parts(a, b)
    return w * h / (p + q - w * h)


def undefined(a, b):
    w, h, p, q = parts(a, b)
    union = p + q - w * h
    return np.divide(w * h, union, where=union > 0, out=None)


def plus_one(a, b):
    w = (np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0]) + 1).clip(0)
    h = (np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1]) + 1).clip(0)
    p = (a[:, 2] - a[:, 0] + 1) * (a[:, 3] - a[:, 1] + 1)
    q = (b[:, 2] - b[:, 0] + 1) * (b[:, 3] - b[:, 1] + 1)
    return w * h / (p + q - w * h)


def sum_of_areas(a, b):
    w, h, p, q = parts(a, b)
    return w * h / np.maximum(p + q, 1e-9)


def dice(a, b):
    w, h, p, q = parts(a, b)
    return 2 * w * h / np.maximum(p + q, 1e-9)


def over_smaller(a, b):
    w, h, p, q = parts(a, b)
    return w * h / np.maximum(np.minimum(p, q), 1e-9)


def over_truth(a, b):
    w, h, p, q = parts(a, b)
    return w * h / np.maximum(q, 1e-9)


def intersection(a, b):
    w, h, _, _ = parts(a, b)
    return w * h


def as_xywh(a, b):
    corners = [np.concatenate([c[:, :2], c[:, :2] + c[:, 2:]], axis=1) for c in (a, b)]
    return np.array(iou_loop(*corners))


def mean_score(a, b):
    return np.mean(iou_loop(a, b))


def all_pairs(a, b):
    return np.array([iou_loop(np.tile(p, (len(b), 1)), b) for p in a])


IOU = Answers(
    right=[iou_loop, iou_epsilon, iou_float32, iou_nan_to_num, iou_masked, iou_maximum],
    wrong=[wrong(no_clamp, "no clamp"), wrong(clamp_product, "product clamped"), wrong(clamp_result),
           wrong(no_guard, "nan"),
           wrong(undefined), wrong(plus_one, "plus one"), wrong(sum_of_areas, "union counted twice"),
           wrong(dice, "doubled"),
           wrong(over_smaller, "over the smaller"), wrong(over_truth, "over b"), wrong(intersection, "intersection"),
           wrong(mean_score),
           wrong(as_xywh, "widths"), wrong(all_pairs), wrong(lambda a, b: a)])

# --- joint accuracy ---


def found(boxes, truth):
    return np.array(iou_loop(boxes, truth)) >= 0.5


def joint_loop(labels, boxes, true_labels, true_boxes):
    count = 0
    for i in range(len(labels)):
        if labels[i] == true_labels[i] and iou_loop(boxes[i : i + 1], true_boxes[i : i + 1])[0] >= 0.5:
            count += 1
    return count / len(labels)


def joint_product(labels, boxes, true_labels, true_boxes):
    return ((labels == true_labels) * found(boxes, true_boxes)).sum() / len(labels)


def joint_float32(labels, boxes, true_labels, true_boxes):
    return np.float32(np.mean(np.logical_and(labels == true_labels, found(boxes, true_boxes))))


def joint_zero(labels, boxes, true_labels, true_boxes):
    scores = np.array(iou_loop(boxes, true_boxes))
    scores[labels != true_labels] = 0
    return np.mean(scores >= 0.5)


def joint_error(labels, boxes, true_labels, true_boxes):
    return 1 - ((labels != true_labels) | ~found(boxes, true_boxes)).mean()


def joint_indices(labels, boxes, true_labels, true_boxes):
    right = set(np.flatnonzero(labels == true_labels)) & set(np.flatnonzero(found(boxes, true_boxes)))
    return len(right) / len(boxes)


JOINT = Answers(
    right=[joint_loop, joint_product, joint_float32, joint_zero, joint_error, joint_indices],
    wrong=[wrong(lambda k, b, t, u: ((k == t) | found(b, u)).mean(), "or"),
           wrong(lambda k, b, t, u: (k == t).mean() * found(b, u).mean(), "product"),
           wrong(lambda k, b, t, u: ((k == t).mean() + found(b, u).mean()) / 2, "mean of both"),
           wrong(lambda k, b, t, u: ((k == t) & (np.array(iou_loop(b, u)) > 0.5)).mean(), "strict"),
           wrong(lambda k, b, t, u: np.mean(k == t), "class only"),
           wrong(lambda k, b, t, u: found(b, u).mean(), "boxes only"),
           wrong(lambda k, b, t, u: np.mean((k == t) * np.array(iou_loop(b, u))), "mean overlap"),
           wrong(lambda k, b, t, u: found(b, u)[k == t].mean(), "of the right ones"),
           wrong(lambda k, b, t, u: ((k == t) & found(b, u)).sum(), "count"),
           wrong(lambda k, b, t, u: (k == t) & found(b, u)),
           wrong(lambda k, b, t, u: 1 - joint_loop(k, b, t, u), "error"),
           wrong(lambda k, b, t, u: (k == t and found(b, u)).mean()),
           wrong(lambda k, b, t, u: 100 * joint_loop(k, b, t, u), "percent")])

ANSWERS = {"01.convert": CONVERT, "01.iou": IOU, "01.encode": ENCODE, "01.decode": DECODE, "01.mean_box": MEAN_BOX,
           "01.joint": JOINT}
