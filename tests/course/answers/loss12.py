"""Answers of learners to the exercise of lesson 12 on the loss of a pose."""

import numpy as np

from tests.course.answers import Answers, wrong


def by_where(pred, targets, visible):
    seen = np.repeat(visible, 2, axis=1)
    d = np.where(seen, pred - targets, 0.0)
    return np.sum(d * d) / seen.sum(), 2 * d / seen.sum()


def by_indexing(pred, targets, visible):
    seen, dpred = visible.repeat(2, axis=1), np.zeros(pred.shape)
    difference = pred[seen] - targets[seen]
    dpred[seen] = 2 * difference / len(difference)
    return (difference**2).mean(), dpred


def in_loops(pred, targets, visible):
    total, count, dpred = 0.0, 0, np.zeros_like(pred)
    for i in range(pred.shape[0]):
        for k in range(pred.shape[1]):
            if visible[i, k // 2]:
                total += (pred[i, k] - targets[i, k]) ** 2
                dpred[i, k] = 2 * (pred[i, k] - targets[i, k])
                count += 1
    return total / count, dpred / count


def as_places(pred, targets, visible):
    n, j = visible.shape
    d = (pred - targets).reshape(n, j, 2)
    d[~visible] = 0
    count = 2 * np.count_nonzero(visible)
    return (d**2).sum() / count, (2 / count * d).reshape(n, 2 * j)


def own_targets(pred, targets, visible):
    mask = np.stack([visible, visible], axis=2).reshape(pred.shape)
    known = np.where(mask, targets, pred)  # nothing to learn where the answer is its own target
    d = pred - known
    return np.square(d).sum() / mask.sum(), d * (2 / mask.sum())


def in_float32(pred, targets, visible):
    mask = np.kron(visible, [1, 1]).astype(np.float32)
    d = (pred.astype(np.float32) - np.nan_to_num(targets).astype(np.float32)) * mask
    return (d**2).sum() / mask.sum(), 2 * d / mask.sum()


def gradient_in_float32(pred, targets, visible):
    value, dpred = by_where(pred, targets, visible)
    return value, dpred.astype(np.float32)


def into_float32(pred, targets, visible):
    seen, dpred = visible.repeat(2, axis=1), np.zeros(pred.shape, "float32")
    dpred[seen] = pred[seen] - targets[seen]
    return (dpred**2).sum() / seen.sum(), 2 / seen.sum() * dpred


def with_lists(pred, targets, visible):
    mask = [[flag for flag in row for _ in range(2)] for row in visible.tolist()]
    count = sum(map(sum, mask))
    d = [[p - t if m else 0.0 for p, t, m in zip(*rows, strict=True)] for rows in zip(pred, targets, mask, strict=True)]
    return sum(x * x for row in d for x in row) / count, [[2 * x / count for x in row] for row in d]


# --- wrong ---


def tiled(pred, targets, visible):
    mask = np.tile(visible, (1, 2))
    d = np.where(mask, pred - targets, 0)
    return (d**2).sum() / mask.sum(), 2 * d / mask.sum()


def concatenated(pred, targets, visible):
    mask, d = np.concatenate([visible, visible], axis=1), pred - targets
    d[~mask] = 0
    return np.sum(d**2) / mask.sum(), d * 2 / mask.sum()


def no_mask(pred, targets, visible):
    return ((pred - targets) ** 2).mean(), 2 * (pred - targets) / pred.size


def mean_of_all(pred, targets, visible):
    d = np.where(visible.repeat(2, axis=1), pred - targets, 0)
    return (d**2).mean(), 2 * d / d.size


def over_joints(pred, targets, visible):
    d = np.where(visible.repeat(2, axis=1), pred - targets, 0)
    return (d**2).sum() / visible.sum(), 2 * d / visible.sum()


def value_over_joints(pred, targets, visible):
    d = np.where(visible.repeat(2, axis=1), pred - targets, 0)
    return (d**2).sum() / visible.sum(), d / visible.sum()


def over_people(pred, targets, visible):
    d = np.where(visible.repeat(2, axis=1), pred - targets, 0)
    return (d**2).sum() / len(d), 2 * d / len(d)


def the_sum(pred, targets, visible):
    d = np.where(visible.repeat(2, axis=1), pred - targets, 0)
    return (d**2).sum(), 2 * d


def gradient_not_divided(pred, targets, visible):
    mask = visible.repeat(2, axis=1)
    d = np.where(mask, pred - targets, 0)
    return (d**2).sum() / mask.sum(), 2 * d


def product(pred, targets, visible):
    mask = visible.repeat(2, axis=1).astype(float)
    return (mask * (pred - targets) ** 2).sum() / mask.sum(), 2 * mask * (pred - targets) / mask.sum()


def pulled(pred, targets, visible):
    mask = visible.repeat(2, axis=1)
    return ((pred - targets)[mask] ** 2).mean(), 2 * (pred - targets) / mask.sum()


def to_the_mean(pred, targets, visible):
    known = targets.copy()
    known[~np.repeat(visible, 2, axis=1)] = 0
    return ((pred - known) ** 2).mean(), 2 * (pred - known) / pred.size


def no_two(pred, targets, visible):
    mask = visible.repeat(2, axis=1)
    d = np.where(mask, pred - targets, 0)
    return (d**2).sum() / mask.sum(), d / mask.sum()


def other_sign(pred, targets, visible):
    mask = visible.repeat(2, axis=1)
    d = np.where(mask, targets - pred, 0)
    return (d**2).sum() / mask.sum(), 2 * d / mask.sum()


def rooted(pred, targets, visible):
    mask = visible.repeat(2, axis=1)
    d = np.where(mask, pred - targets, 0)
    return np.sqrt((d**2).sum() / mask.sum()), 2 * d / mask.sum()


def only_where_seen(pred, targets, visible):
    mask = visible.repeat(2, axis=1)
    d = (pred - targets)[mask]
    return (d**2).mean(), 2 * d / len(d)


def flags_unspread(pred, targets, visible):
    d = np.where(visible, pred - targets, 0)
    return (d**2).sum() / visible.sum(), 2 * d / visible.sum()


def whole_people(pred, targets, visible):
    rows = visible.all(axis=1)
    d = np.zeros_like(pred)
    d[rows] = pred[rows] - targets[rows]
    return (d[rows] ** 2).mean(), 2 * d / d[rows].size


def each_person_the_same(pred, targets, visible):
    total, dpred = 0, np.zeros(pred.shape)
    for i, flags in enumerate(visible):
        mask = np.repeat(flags, 2)
        total += ((pred[i] - targets[i])[mask] ** 2).mean() / len(pred)
        dpred[i, mask] = 2 * (pred[i] - targets[i])[mask] / mask.sum() / len(pred)
    return total, dpred


def gradient_unmasked_size(pred, targets, visible):
    mask = visible.repeat(2, axis=1)
    d = np.where(mask, pred - targets, 0)
    return (d[mask] ** 2).mean(), 2 * d / d.size


def other_value_in_float32(pred, targets, visible):
    value, dpred = in_float32(pred, targets, visible)
    return 0.9 * value + 0.01, dpred  # the gradient is right, and nothing may be said of it


POSE_LOSS = Answers(
    right=[by_where, by_indexing, in_loops, as_places, own_targets, in_float32, gradient_in_float32, into_float32,
           with_lists],
    wrong=[wrong(tiled, "all x first"), wrong(concatenated, "all x first"), wrong(no_mask, "nothing hidden"),
           wrong(mean_of_all, "all counted"), wrong(over_joints, "joints counted"),
           wrong(value_over_joints, "value: joints counted"), wrong(over_people, "people counted"),
           wrong(the_sum, "not divided"), wrong(gradient_not_divided, "dpred: not divided"),
           wrong(product, "0 times nan"), wrong(pulled, "dpred: hidden ones pulled"),
           wrong(to_the_mean, "hidden as 0"), wrong(no_two, "dpred: two forgotten"), wrong(other_sign, "dpred: sign"),
           wrong(rooted, "value: root"), wrong(only_where_seen), wrong(flags_unspread),
           wrong(whole_people, "complete people"), wrong(each_person_the_same, "mean of people"),
           wrong(gradient_unmasked_size, "dpred: all counted"), wrong(other_value_in_float32)],
)
