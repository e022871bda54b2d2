"""Answers to the three exercises of lesson 04 between codes, targets, boxes and shares explained."""

import numpy as np

from tests.course.answers import Answers, wrong


# --- standardize: right ---
def plain(train_codes, codes):
    mean = train_codes.mean(0)
    std = train_codes.std(0)
    std[std < 0.001] = 0.001
    return (codes - mean) / std, mean, std


def by_formula(train_codes, codes):
    m = train_codes.sum(axis=0) / len(train_codes)
    s = np.sqrt(((train_codes - m) ** 2).sum(axis=0) / len(train_codes))
    s = np.where(s < 1e-3, 1e-3, s)
    return np.divide(codes - m, s), m, s


def column_by_column(train_codes, codes):
    targets, means, stds = np.zeros(codes.shape), [], []
    for k in range(4):
        column = train_codes[:, k]
        means.append(np.mean(column))
        stds.append(max(np.std(column), 0.001))
        for i in range(len(codes)):
            targets[i, k] = (codes[i, k] - means[k]) / stds[k]
    return targets, means, stds


def with_epsilon(train_codes, codes):
    mean, std = np.mean(train_codes, axis=0), np.maximum(np.sqrt(np.var(train_codes, axis=0)), 0.001)
    return (codes - mean) / (std + 1e-9), mean, std


def clipped(train_codes, codes):
    mean, std = train_codes.mean(axis=0, keepdims=True), train_codes.std(axis=0, keepdims=True).clip(0.001)
    return [(codes - mean) / std, mean[0], std[0]]


def in_float32(train_codes, codes):
    mean = train_codes.mean(axis=0).astype(np.float64)
    std = np.maximum(train_codes.std(axis=0), np.float64(1e-3))
    return ((codes - mean) / std).astype(np.float32), mean.astype(np.float32), std.astype(np.float32)


# --- standardize: wrong ---
def statistics(mean=lambda t, c: t.mean(axis=0), std=lambda t, c: np.maximum(t.std(axis=0), 0.001),
               apply=lambda c, m, s: (c - m) / s, give=lambda t, m, s: (t, m, s)):
    """The three lines of a learner's answer, one of which can be another."""
    def standardize(train_codes, codes):
        m, s = mean(train_codes, codes), std(train_codes, codes)
        return give(apply(codes, m, s), m, s)
    return standardize


STANDARDIZE = Answers(
    right=[plain, by_formula, column_by_column, with_epsilon, clipped, in_float32],
    wrong=[
        wrong(statistics(std=lambda t, c: np.maximum(t.std(axis=0, ddof=1), 0.001)), "ddof"),
        wrong(statistics(std=lambda t, c: np.maximum(t.var(axis=0), 0.001)), "variance"),
        wrong(statistics(std=lambda t, c: t.std(axis=0)), "no floor"),
        wrong(statistics(std=lambda t, c: t.std(axis=0) + 1e-3), "floor added"),
        wrong(statistics(std=lambda t, c: np.where(t.std(axis=0) < 0.001, 1, t.std(axis=0))), "floor of 1"),
        wrong(statistics(lambda t, c: c.mean(axis=0), lambda t, c: np.maximum(c.std(axis=0), 0.001)),
              "own statistics"),
        wrong(statistics(lambda t, c: np.vstack([t, c]).mean(axis=0),
                         lambda t, c: np.maximum(np.vstack([t, c]).std(axis=0), 0.001)), "both parts"),
        wrong(statistics(lambda t, c: np.repeat(t.mean(), 4), lambda t, c: np.repeat(t.std(), 4)), "one for all"),
        wrong(statistics(lambda t, c: t.mean(), lambda t, c: t.std()), "one for all"),
        wrong(statistics(lambda t, c: t.mean(axis=1), lambda t, c: t.std(axis=1))),
        wrong(statistics(apply=lambda c, m, s: c - m), "not divided"),
        wrong(statistics(apply=lambda c, m, s: c - m / s), "order"),
        wrong(statistics(apply=lambda c, m, s: c * s + m), "undone"),
        wrong(statistics(apply=lambda c, m, s: (m - c) / s), "sign"),
        wrong(statistics(std=lambda t, c: np.maximum(t.std(axis=0), 0.01))),
        wrong(statistics(give=lambda t, m, s: t)),
        wrong(statistics(give=lambda t, m, s: None)),
        wrong(statistics(give=lambda t, m, s: (t, s, m))),
    ],
)


# --- predict_boxes: right ---
def four_lines(answers, mean, std, sizes):
    codes = answers * std + mean
    h, w = codes[:, 2] * sizes[:, 0], codes[:, 3] * sizes[:, 1]
    cx, cy = codes[:, 0] * sizes[:, 1], codes[:, 1] * sizes[:, 0]
    return np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=-1)


def one_by_one(answers, mean, std, sizes):
    boxes = []
    for answer, (height, width) in zip(answers, sizes, strict=True):
        cx, cy, h, w = mean + std * answer
        half_h, half_w = h * 0.5, w * 0.5
        boxes.append([(cx - half_w) * width, (cy - half_h) * height, (cx + half_w) * width, (cy + half_h) * height])
    return boxes


def corner_and_side(answers, mean, std, sizes):
    codes = np.multiply(answers, std) + mean
    side = codes[:, [3, 2]] * sizes[:, ::-1]
    low = codes[:, :2] * sizes[:, ::-1] - side / 2
    return np.concatenate([low, low + side], axis=1)


def filled(answers, mean, std, sizes):
    boxes = np.zeros((len(answers), 4))
    cx, cy, h, w = (answers * std[None] + mean[None]).T
    boxes[:, 0::2] = np.stack([cx - w / 2, cx + w / 2], axis=1) * sizes[:, 1:]
    boxes[:, 1::2] = np.stack([cy - h / 2, cy + h / 2], axis=1) * sizes[:, :1]
    return boxes


def by_matrix(answers, mean, std, sizes):
    to_edges = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [0, -0.5, 0, 0.5], [-0.5, 0, 0.5, 0]])
    return (answers * std + mean) @ to_edges * np.tile(sizes[:, ::-1], 2)


def small(answers, mean, std, sizes):
    return four_lines(answers.astype(np.float32), mean, std, sizes).astype(np.float32)


# --- predict_boxes: wrong ---
def back(line=lambda a, m, s: a * s + m, edges=lambda cx, cy, h, w: (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2),
         scale=lambda H, W: (W, H, W, H)):
    """A learner's three steps, one of which can be another."""
    def predict_boxes(answers, mean, std, sizes):
        four = edges(*line(answers, mean, std).T)
        return np.stack(four, axis=1) * np.stack(scale(sizes[:, 0], sizes[:, 1]), axis=1)
    return predict_boxes


def halves_of_pixels(answers, mean, std, sizes):
    cx, cy, h, w = (answers * std + mean).T
    H, W = sizes.T
    return np.stack([cx * W - w / 2, cy * H - h / 2, cx * W + w / 2, cy * H + h / 2], axis=1)


def first_picture(answers, mean, std, sizes):
    return four_lines(answers, mean, std, np.tile(sizes[0], (len(sizes), 1)))


PREDICT = Answers(
    right=[four_lines, one_by_one, corner_and_side, filled, by_matrix, small],
    wrong=[
        wrong(back(edges=lambda cx, cy, h, w: (cx - h / 2, cy - w / 2, cx + h / 2, cy + w / 2)), "h and w exchanged"),
        wrong(back(edges=lambda cy, cx, h, w: (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)),
              "cx and cy exchanged"),
        wrong(back(edges=lambda cx, cy, h, w: (cx, cy, cx + w, cy + h)), "corner"),
        wrong(back(edges=lambda cx, cy, h, w: (cx - w, cy - h, cx + w, cy + h)), "whole sides"),
        wrong(back(edges=lambda cx, cy, h, w: (cx - w / 2, cy - h / 2, w, h)), "width as xmax"),
        wrong(back(edges=lambda cx, cy, h, w: (cx - w / 2, cx + w / 2, cy - h / 2, cy + h / 2))),
        wrong(back(edges=lambda cx, cy, h, w: (cy - h / 2, cx - w / 2, cy + h / 2, cx + w / 2),
                   scale=lambda H, W: (H, W, H, W)), "y first"),
        wrong(back(scale=lambda H, W: (H, W, H, W)), "sizes exchanged"),
        wrong(back(scale=lambda H, W: (H * 0 + 1,) * 4), "units of the picture"),
        wrong(back(scale=lambda H, W: (H, H, H, H))),
        wrong(back(line=lambda a, m, s: a), "answers as codes"),
        wrong(back(line=lambda a, m, s: a * s), "mean not added"),
        wrong(back(line=lambda a, m, s: a + m), "spread not undone"),
        wrong(back(line=lambda a, m, s: (a + m) * s), "order"),
        wrong(back(line=lambda a, m, s: (a - m) / s), "standardized again"),
        wrong(lambda answers, mean, std, sizes: answers * std + mean, "codes"),
        wrong(first_picture, "first size for all"), wrong(halves_of_pixels),
        wrong(lambda answers, mean, std, sizes: four_lines(answers, mean, std, sizes).round()),
    ],
)


# --- r_squared: right ---
def by_means(pred, truth):
    return 1 - np.mean((pred - truth) ** 2, axis=0) / np.var(truth, axis=0)


def share_gained(pred, truth):
    blind = ((truth.mean(0) - truth) ** 2).sum(0)
    return (blind - ((pred - truth) ** 2).sum(0)) / blind


def number_by_number(pred, truth):
    shares = []
    for k in range(truth.shape[1]):
        p, t = pred[:, k], truth[:, k]
        average = sum(t) / len(t)
        shares.append(1 - sum((t - p) ** 2) / sum((t - average) ** 2))
    return shares


def with_transposes(pred, truth):
    errors = (pred - truth).T
    apart = truth.T - truth.T.mean(axis=1, keepdims=True)
    return 1 - np.einsum("kn,kn->k", errors, errors) / (np.einsum("kn,kn->k", apart, apart) + 1e-12)


def from_norms(pred, truth):
    return 1 - (np.linalg.norm(pred - truth, axis=0) / np.linalg.norm(truth - truth.mean(axis=0), axis=0)) ** 2


def in_small(pred, truth):
    p, t = pred.astype(np.float32), truth.astype(np.float32)
    return 1 - np.square(t - p).sum(axis=0) / np.square(t - np.average(t, axis=0)).sum(axis=0)


R_SQUARED = Answers(
    right=[by_means, share_gained, number_by_number, with_transposes, from_norms, in_small],
    wrong=[
        wrong(lambda p, t: ((p - t) ** 2).sum(0) / ((t - t.mean(0)) ** 2).sum(0), "not from 1"),
        wrong(lambda p, t: 1 - ((p - t) ** 2).sum() / ((t - t.mean(0)) ** 2).sum()),
        wrong(lambda p, t: np.ones(4) * (1 - ((p - t) ** 2).sum() / ((t - t.mean(0)) ** 2).sum()), "all at once"),
        wrong(lambda p, t: 1 - ((p - t) ** 2).sum(0) / ((p - p.mean(0)) ** 2).sum(0), "predictions' spread"),
        wrong(lambda p, t: 1 - ((p - t) ** 2).sum(0) / ((t - p.mean(0)) ** 2).sum(0), "predictions' mean"),
        wrong(lambda p, t: np.array([np.corrcoef(p[:, k], t[:, k])[0, 1] ** 2 for k in range(4)]), "correlation"),
        wrong(lambda p, t: np.array([np.corrcoef(p[:, k], t[:, k])[0, 1] for k in range(4)]),
              "correlation, not squared"),
        wrong(lambda p, t: 1 - np.var(p - t, axis=0) / np.var(t, axis=0), "offset forgiven"),
        wrong(lambda p, t: np.var(p, axis=0) / np.var(t, axis=0), "spread of the answers"),
        wrong(lambda p, t: ((p - t.mean(0)) ** 2).sum(0) / ((t - t.mean(0)) ** 2).sum(0)),
        wrong(lambda p, t: 1 - ((p - t) ** 2).sum(0) / (t**2).sum(0), "no mean"),
        wrong(lambda p, t: 1 - abs(p - t).sum(0) / abs(t - t.mean(0)).sum(0), "not squared"),
        wrong(lambda p, t: 1 - np.sqrt(((p - t) ** 2).mean(0)) / t.std(0), "root"),
        wrong(lambda p, t: 1 - ((p - t) ** 2).mean(0) / t.var(0, ddof=1), "ddof"),
        wrong(lambda p, t: 1 - ((p - t) ** 2).sum(0) / ((t - t.mean()) ** 2).sum(0), "one mean for all"),
        wrong(lambda p, t: 1 - ((p - t) ** 2).sum(1) / ((t - t.mean(1, keepdims=True)) ** 2).sum(1)),
        wrong(lambda p, t: 1 - ((p - t) ** 2).sum(0) / ((t - t.mean(1)) ** 2).sum(0)),
        wrong(lambda p, t: (1 - ((p - t) ** 2).sum(0) / ((t - t.mean(0)) ** 2).sum(0)).mean()),
    ],
)
