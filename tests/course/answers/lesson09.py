"""Answers of learners to the exercises of lesson 09: targets of boxes, and the way back through two heads."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.loss09 import LOSS
from tests.course.answers.losses09 import SLOW_NAMES, TWO_LOSSES

# --- box_targets ---


def by_two_lines(codes, train_codes):
    mean = train_codes.mean(0)
    std = np.sqrt(((train_codes - mean) ** 2).mean(0))
    return (codes - mean) / std


def by_columns(codes, train_codes):
    targets = np.zeros(codes.shape)
    for i in range(4):
        column = train_codes[:, i]
        targets[:, i] = (codes[:, i] - np.mean(column)) / np.std(column)
    return targets


def by_boxes(codes, train_codes):
    mean, std = np.mean(train_codes, axis=0), np.std(train_codes, axis=0)
    return [[(code[i] - mean[i]) / std[i] for i in range(4)] for code in codes]


def with_epsilon(codes, train_codes):
    return (codes - train_codes.mean(axis=0)) / (train_codes.std(axis=0) + 1e-8)


def with_keepdims(codes, train_codes):
    m, s = train_codes.mean(axis=0, keepdims=True), train_codes.std(axis=0, keepdims=True)
    return np.divide(np.subtract(codes, m), s)


def from_squares(codes, train_codes):
    mean, square = train_codes.mean(axis=0), (train_codes**2).mean(axis=0)
    return (codes - mean) * (square - mean**2) ** -0.5


def in_place(codes, train_codes):
    codes -= train_codes.mean(axis=0)
    codes /= train_codes.std(axis=0)
    return codes


def scaled(mean, std):
    """A wrong answer: codes less a mean, divided by a spread, each of the two worked out by a function."""
    return lambda codes, train_codes: (codes - mean(codes, train_codes)) / std(codes, train_codes)


def mean0(codes, train):
    return train.mean(axis=0)


def std0(codes, train):
    return train.std(axis=0)


BOX_TARGETS = Answers(
    right=[by_two_lines, by_columns, by_boxes, with_epsilon, with_keepdims, from_squares],
    wrong=[wrong(scaled(lambda c, t: c.mean(0), lambda c, t: c.std(0)), "own statistics"),
           wrong(scaled(lambda c, t: c.mean(0), std0), "own mean"),
           wrong(scaled(mean0, lambda c, t: c.std(0)), "own spread"),
           wrong(scaled(lambda c, t: np.vstack([c, t]).mean(0), lambda c, t: np.vstack([c, t]).std(0)),
                 "statistics of all boxes"),
           wrong(scaled(mean0, lambda c, t: np.std(t, axis=0, ddof=1)), "ddof"),
           wrong(scaled(lambda c, t: t.mean(), lambda c, t: t.std()), "one mean for all"),
           wrong(scaled(mean0, lambda c, t: t.std()), "one spread for all"),
           wrong(scaled(mean0, lambda c, t: 1), "not divided"),
           wrong(scaled(lambda c, t: 0, std0), "mean kept"),
           wrong(scaled(mean0, lambda c, t: t.var(axis=0)), "variance"),
           wrong(lambda codes, train_codes: codes - train_codes.mean(axis=0) / train_codes.std(axis=0), "parentheses"),
           wrong(lambda codes, train_codes: codes / np.std(train_codes, 0) - np.mean(train_codes, 0), "order"),
           wrong(lambda codes, train_codes: np.std(train_codes, 0) * codes + np.mean(train_codes, 0), "undone"),
           wrong(scaled(lambda c, t: t.mean(axis=1), lambda c, t: t.std(axis=1))),
           wrong(scaled(lambda c, t: t.min(axis=0), lambda c, t: t.max(axis=0) - t.min(axis=0))),
           wrong(lambda codes, train_codes: (train_codes - train_codes.mean(axis=0)) / train_codes.std(axis=0)),
           wrong(in_place)])

# --- heads_backward ---


def plain(dscores, dboxes, features, w_class, w_box):
    return dscores @ w_class.T + dboxes @ w_box.T, features.T @ dscores, features.T @ dboxes


def by_einsum(dscores, dboxes, features, w_class, w_box):
    dfeatures = np.einsum("nk,dk->nd", dscores, w_class) + np.einsum("nb,db->nd", dboxes, w_box)
    return dfeatures, np.einsum("nd,nk->dk", features, dscores), np.einsum("nd,nb->db", features, dboxes)


def stacked(dscores, dboxes, features, w_class, w_box):
    """Both heads as one layer with K + 4 outputs."""
    dy, w = np.hstack([dscores, dboxes]), np.hstack([w_class, w_box])
    dw, k = features.T @ dy, w_class.shape[1]
    return dy @ w.T, dw[:, :k], dw[:, k:]


def in_steps(dscores, dboxes, features, w_class, w_box):
    dfeatures = np.zeros_like(features)
    dfeatures += dscores @ w_class.T
    dfeatures += dboxes @ w_box.T
    return [dfeatures, features.T @ dscores, features.T @ dboxes]


def by_loops(dscores, dboxes, features, w_class, w_box):
    dfeatures = np.zeros(features.shape)
    dw_class, dw_box = np.zeros(w_class.shape), np.zeros(w_box.shape)
    for x, dx, ds, db in zip(features, dfeatures, dscores, dboxes, strict=True):
        for d in range(len(x)):
            dx[d] = sum(ds * w_class[d]) + sum(db * w_box[d])
            dw_class[d] += x[d] * ds
            dw_box[d] += x[d] * db
    return dfeatures, dw_class, dw_box


def by_tensordot(dscores, dboxes, features, w_class, w_box):
    def linear(dy, x, w):
        return np.tensordot(dy, w, axes=([1], [1])), np.tensordot(x, dy, axes=([0], [0]))
    (one, dw_class), (other, dw_box) = linear(dscores, features, w_class), linear(dboxes, features, w_box)
    return np.add(one, other), dw_class, dw_box


def turned(dscores, dboxes, features, w_class, w_box):
    return (w_class @ dscores.T + w_box @ dboxes.T).T, (dscores.T @ features).T, (dboxes.T @ features).T


def but(dfeatures=None, dw_class=None, dw_box=None):
    """Right but for one part, which is a function of all arguments."""
    def heads_backward(*arguments):
        parts = zip(by_einsum(*arguments), (dfeatures, dw_class, dw_box), strict=True)
        return tuple(part if change is None else change(*arguments) for part, change in parts)
    return heads_backward


def overwritten(dscores, dboxes, features, w_class, w_box):
    dfeatures = dscores @ w_class.T
    dfeatures = dboxes @ w_box.T
    return dfeatures, features.T @ dscores, features.T @ dboxes


def other_order(dscores, dboxes, features, w_class, w_box):
    return features.T @ dscores, features.T @ dboxes, dscores @ w_class.T + dboxes @ w_box.T


def last_picture(dscores, dboxes, features, w_class, w_box):
    for n in range(len(features)):
        dw_class, dw_box = np.outer(features[n], dscores[n]), np.outer(features[n], dboxes[n])
    return dscores @ w_class.T + dboxes @ w_box.T, dw_class, dw_box


def means(dscores, dboxes, features, w_class, w_box):
    n = len(features)
    return dscores @ w_class.T + dboxes @ w_box.T, features.T @ dscores / n, features.T @ dboxes / n


HEADS_BACKWARD = Answers(
    right=[plain, by_einsum, stacked, in_steps, by_loops, by_tensordot, turned],
    wrong=[wrong(overwritten, "dfeatures: boxes only"),
           wrong(but(dfeatures=lambda ds, db, x, wc, wb: ds.dot(wc.T)), "dfeatures: class only"),
           wrong(but(dfeatures=lambda ds, db, x, wc, wb: 0.5 * (ds.dot(wc.T) + db.dot(wb.T))), "dfeatures: mean"),
           wrong(but(dfeatures=lambda ds, db, x, wc, wb: ds.dot(wc.T) - db.dot(wb.T)), "dfeatures: difference"),
           wrong(but(dfeatures=lambda ds, db, x, wc, wb: np.hstack([ds.dot(wc.T), db.dot(wb.T)])),
                 "dfeatures: side by side"),
           wrong(but(dfeatures=lambda ds, db, x, wc, wb: np.stack([ds.dot(wc.T), db.dot(wb.T)]))),
           wrong(but(dfeatures=lambda ds, db, x, wc, wb: ds.dot(wc.T) * db.dot(wb.T)), "dfeatures: product"),
           wrong(but(dfeatures=lambda ds, db, x, wc, wb: np.maximum(ds.dot(wc.T), db.dot(wb.T)))),
           wrong(but(dfeatures=lambda ds, db, x, wc, wb: x * (ds.dot(wc.T) + db.dot(wb.T)))),
           wrong(but(dfeatures=lambda ds, db, x, wc, wb: ds @ wc + db @ wb)),
           wrong(but(dw_class=lambda ds, db, x, wc, wb: ds.T @ x, dw_box=lambda ds, db, x, wc, wb: db.T @ x),
                 "dw_class: turned, dw_box: turned"),
           wrong(but(dw_class=lambda ds, db, x, wc, wb: x @ ds.T)),
           wrong(means, "dw_class: mean, dw_box: mean"), wrong(other_order), wrong(last_picture),
           wrong(lambda *arguments: by_einsum(*arguments)[0])])

ANSWERS = {"09.box_targets": BOX_TARGETS, "09.two_losses": TWO_LOSSES, "09.heads_backward": HEADS_BACKWARD,
           "09.loss": LOSS, "09.slow_names": SLOW_NAMES}
