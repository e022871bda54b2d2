"""Answers to the L2 loss of lesson 04 as a function."""

import numpy as np

from tests.course.answers import Answers, wrong


# --- right ---
def with_where(pred, target, mask=None):
    if mask is None:
        mask = np.ones_like(pred)
    mask = np.broadcast_to(mask, pred.shape)
    d = np.where(mask == 1, pred - target, 0.0)
    return np.sum(d**2) / np.sum(mask), 2 * d / np.sum(mask)


def with_loops(pred, target, mask=None):
    rows, columns = pred.shape
    total, count, dpred = 0, 0, np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            if mask is None:
                counts = True
            elif mask.shape[1] == 1:
                counts = mask[i, 0]
            else:
                counts = mask[i, j]
            if counts:
                total += (pred[i, j] - target[i, j]) ** 2
                count += 1
    for i in range(rows):
        for j in range(columns):
            if mask is None or (mask[i, 0] if mask.shape[1] == 1 else mask[i, j]):
                dpred[i, j] = 2 * (pred[i, j] - target[i, j]) / count
    return total / count, dpred


def by_product(pred, target, mask=None):
    mask = np.ones(pred.shape) if mask is None else mask * np.ones(pred.shape)
    e = (pred - target) * mask
    return (e * e).sum() / mask.sum(), e * 2 / mask.sum()


def chosen_ones(pred, target, mask=None):
    keep = np.broadcast_to(np.ones((1, 1)) if mask is None else mask, pred.shape).astype(bool)
    value = np.mean((pred[keep] - target[keep]) ** 2)
    dpred = np.zeros_like(pred)
    dpred[keep] = 2 / keep.sum() * (pred[keep] - target[keep])
    return [value, dpred]


def in_float32(pred, target, mask=None):
    pred, target = pred.astype(np.float32), target.astype(np.float32)
    m = np.float32(1) if mask is None else mask.astype(np.float32)
    m = np.broadcast_to(m, pred.shape)
    d = m * (pred - target)
    return np.float32((d**2).sum() / m.sum()), d * np.float32(2) / m.sum()


def with_einsum(pred, target, mask=None):
    m = np.zeros(pred.shape) + (1 if mask is None else mask)
    d = m * (pred - target)
    n = m.sum() + 1e-12
    return np.einsum("nk,nk->", d, d) / n, 2 * d / n


# --- wrong ---
def from_parts(value=None, dpred=None):
    """One of the two as a learner wrote it: functions (pred, target, full mask, mask as it came) -> result."""
    def l2_loss(pred, target, mask=None):
        given = np.ones(pred.shape) if mask is None else mask
        full = np.zeros(pred.shape) + given
        d = full * (pred - target)
        v, g = (d**2).sum() / full.sum(), 2 * d / full.sum()
        v = value(pred, target, full, given) if value else v
        g = dpred(pred, target, full, given) if dpred else g
        return v, g
    return l2_loss


def gradient_only(pred, target, mask=None):
    return 2 * (pred - target) / pred.size


def mask_forgotten(pred, target, mask=None):
    d = pred - target
    return (d**2).mean(), 2 * d / d.size


def four_times_n(pred, target, mask=None):
    d = pred - target
    if mask is not None:
        d = d * mask
    return (d**2).sum() / (4 * len(pred)), 2 * d / (4 * len(pred))


def np_mean_of_masked(pred, target, mask=None):
    d = pred - target
    if mask is not None:
        d = d * mask
    return np.mean(d**2), 2 * d / d.size


def mask_as_index(pred, target, mask=None):
    if mask is not None:
        pred, target = pred[mask], target[mask]
    d = pred - target
    return (d**2).mean(), 2 * d / d.size


def column_not_spread(pred, target, mask=None):
    if mask is None:
        mask = np.ones(pred.shape)
    d = np.where(mask != 0, pred - target, 0)
    return (d**2).sum() / mask.sum(), 2 * d / mask.sum()


def exchanged(pred, target, mask=None):
    return by_product(pred, target, mask)[::-1]


L2_LOSS = Answers(
    right=[with_where, with_loops, by_product, chosen_ones, in_float32, with_einsum],
    wrong=[
        wrong(from_parts(value=lambda p, t, m, g: (m * (p - t) ** 2).sum()), "value: summed"),
        wrong(from_parts(value=lambda p, t, m, g: (m * (p - t) ** 2).sum() / m.sum() / 2), "value: half"),
        wrong(from_parts(value=lambda p, t, m, g: np.sqrt((m * (p - t) ** 2).sum() / m.sum())), "value: root"),
        wrong(from_parts(value=lambda p, t, m, g: (m * abs(p - t)).sum() / m.sum()), "value: absolute"),
        wrong(from_parts(value=lambda p, t, m, g: np.linalg.norm(m * (p - t))), "value: norm"),
        wrong(from_parts(value=lambda p, t, m, g: (m * (p - t)).sum() ** 2 / m.sum())),
        wrong(from_parts(dpred=lambda p, t, m, g: m * (p - t) / m.sum()), "dpred: two forgotten"),
        wrong(from_parts(dpred=lambda p, t, m, g: 2 * m * (t - p) / m.sum()), "dpred: sign"),
        wrong(from_parts(dpred=lambda p, t, m, g: 2 * m * (p - t)), "dpred: not divided"),
        wrong(from_parts(dpred=lambda p, t, m, g: 2 * (p - t) / m.sum()), "dpred: hidden ones pulled"),
        wrong(from_parts(dpred=lambda p, t, m, g: 2 * m * (p - t) ** 2 / m.sum()), "dpred: square kept"),
        wrong(from_parts(dpred=lambda p, t, m, g: (2 * m * (p - t) / m.sum()).sum(axis=0))),
        wrong(mask_forgotten, "value: mask ignored, dpred: mask ignored"),
        wrong(np_mean_of_masked, "value: all counted, dpred: all counted"),
        wrong(column_not_spread, "value: mask not spread, dpred: mask not spread"),
        wrong(four_times_n, "value: divided by 4, dpred: divided by 4"),
        wrong(gradient_only), wrong(mask_as_index), wrong(exchanged),
    ],
)
