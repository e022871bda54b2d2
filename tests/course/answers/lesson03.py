"""Answers to lesson 03 as learners write them: the layer's formulas and softmax; the loss and the classes follow."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.layer03 import LAYER
from tests.course.answers.loss03 import CROSS_ENTROPY
from tests.course.answers.loss_class03 import LOSS_CLASS
from tests.course.answers.training03 import TRAINING

# --- forward, right ---


def forward_three_loops(x, w, b):
    y = np.zeros((x.shape[0], w.shape[1]))
    for n in range(x.shape[0]):
        for f in range(w.shape[1]):
            for d in range(x.shape[1]):
                y[n, f] += x[n, d] * w[d, f]
            y[n, f] += b[f]
    return y


def forward_rows(x, w, b):
    return [list(row @ w + b) for row in x]


def forward_begins_with_bias(x, w, b):
    y = np.empty((len(x), len(b)), np.float32)
    y[:] = b
    for d in range(len(w)):
        y += np.outer(x[:, d], w[d])
    return y


def forward_columns(x, w, b):
    return np.column_stack([(x * w[:, f]).sum(axis=1) + b[f] for f in range(w.shape[1])])


FORWARD = Answers(
    right=[forward_three_loops, forward_rows, forward_begins_with_bias, forward_columns,
           lambda x, w, b: np.einsum("nd,df->nf", x, w) + b,
           lambda inputs, weights, bias: np.dot(inputs, weights) + bias, lambda x, w, b: (w.T @ x.T).T + b[None, :],
           lambda x, w, b: np.c_[x, np.ones(len(x))] @ np.r_[w, b[None]]],
    wrong=[])


def forward_bias_inside(x, w, b):
    y = np.zeros((x.shape[0], w.shape[1]))
    for n in range(x.shape[0]):
        for f in range(w.shape[1]):
            for d in range(x.shape[1]):
                y[n, f] += x[n, d] * w[d, f] + b[f]
    return y


def forward_assigned(x, w, b):
    y = np.zeros((x.shape[0], w.shape[1]))
    for n in range(x.shape[0]):
        for f in range(w.shape[1]):
            for d in range(x.shape[1]):
                y[n, f] = x[n, d] * w[d, f]
            y[n, f] += b[f]
    return y


def forward_assigned_with_bias(x, w, b):
    y = np.zeros((x.shape[0], w.shape[1]))
    for n in range(x.shape[0]):
        for f in range(w.shape[1]):
            for d in range(x.shape[1]):
                y[n, f] = x[n, d] * w[d, f] + b[f]
    return y


def forward_loop_too_short(x, w, b):
    y = np.zeros((x.shape[0], w.shape[1]))
    for n in range(x.shape[0]):
        for f in range(w.shape[1]):
            for d in range(x.shape[1] - 1):
                y[n, f] += x[n, d] * w[d, f]
            y[n, f] += b[f]
    return y


def forward_returns_early(x, w, b):
    y = np.zeros((x.shape[0], w.shape[1]))
    for n in range(x.shape[0]):
        y[n] = x[n] @ w + b
        return y


def forward_indices_exchanged(x, w, b):
    y = np.zeros((x.shape[0], w.shape[1]))
    for n in range(x.shape[0]):
        for f in range(w.shape[1]):
            for d in range(x.shape[1]):
                y[n, f] += x[n, d] * w[f, d]
            y[n, f] += b[f]
    return y


def forward_bias_of_the_row(x, w, b):
    y = x @ w
    for n in range(len(y)):
        y[n] += b[n]
    return y


def forward_no_return(x, w, b):
    y = x @ w + b  # noqa: F841


FORWARD.wrong.extend([
    wrong(lambda x, w, b: x @ w, "bias forgotten"), wrong(forward_bias_inside, "bias too often"),
    wrong(forward_assigned, "overwritten"), wrong(forward_assigned_with_bias, "overwritten"),
    wrong(forward_loop_too_short, "last input left out"), wrong(forward_returns_early, "first row only"),
    wrong(forward_indices_exchanged), wrong(forward_bias_of_the_row), wrong(forward_no_return),
    wrong(lambda x, w, b: x @ (w + b), "bias in the weights"), wrong(lambda x, w, b: x * w + b),
    wrong(lambda x, w, b: x @ w.T + b), wrong(lambda x, w, b: w @ x + b),
    wrong(lambda x, w, b: x @ w + b[0], "one bias for all"), wrong(lambda x, w, b: x @ w + b[:, None]),
    wrong(lambda x, w, b: np.mean([x[:, d : d + 1] * w[d] for d in range(len(w))], axis=0) + b, "mean"),
    wrong(lambda x, w, b: x @ w - b, "bias subtracted"), wrong(lambda x, w, b: x @ w + np.sum(b), "biases added up"),
    wrong(lambda x, w, b: np.maximum(x @ w + b, 0)),
])

# --- backward ---


def backward_loops(dy, x, w):
    (n_rows, d_in), f_out = x.shape, w.shape[1]
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros(f_out)
    for n in range(n_rows):
        for f in range(f_out):
            for d in range(d_in):
                dx[n, d] += dy[n, f] * w[d, f]
                dw[d, f] += dy[n, f] * x[n, d]
            db[f] += dy[n, f]
    return dx, dw, db


def backward_outer(dy, x, w):
    dw = sum(np.outer(a, d) for a, d in zip(x, dy, strict=True))
    return [np.array([w @ d for d in dy]), dw, np.ones(len(dy)) @ dy]


def backward_keywords(dy, x, w):
    return np.matmul(dy, np.transpose(w)), np.dot(x.T, dy), np.sum(dy, axis=0, keepdims=False)


def backward_float32(dy, x, w):
    dy, x, w = (a.astype(np.float32) for a in (dy, x, w))
    return dy @ w.T, x.T @ dy, dy.sum(0)


def loops_with(dx_is_sum=True, dw_is_sum=True, db_is_sum=True, divide=1):
    """The loops, with = in one place or another."""
    def backward(dy, x, w):
        dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros(w.shape[1])
        for n in range(len(x)):
            for f in range(w.shape[1]):
                for d in range(len(w)):
                    dx[n, d] = dx[n, d] * dx_is_sum + dy[n, f] * w[d, f]
                    dw[d, f] = dw[d, f] * dw_is_sum + dy[n, f] * x[n, d]
                db[f] = db[f] * db_is_sum + dy[n, f]
        return dx, dw, db
    return backward


BACKWARD = Answers(
    right=[backward_loops, backward_outer, backward_keywords, backward_float32,
           lambda dy, x, w: (np.einsum("nf,df->nd", dy, w), np.einsum("nd,nf->df", x, dy), np.einsum("nf->f", dy)),
           lambda dy, x, w: (dy.dot(w.T), (dy.T @ x).T, dy.mean(axis=0) * len(dy)),
           lambda dy, x, w: ((w @ dy.T).T, (x[:, :, None] * dy[:, None]).sum(0), dy.T.sum(1))],
    wrong=[wrong(loops_with(dx_is_sum=False), "dx: overwritten"), wrong(loops_with(dw_is_sum=False), "dw: overwritten"),
           wrong(loops_with(db_is_sum=False), "db: overwritten"),
           wrong(loops_with(dw_is_sum=False, db_is_sum=False), "dw: overwritten, db: overwritten"),
           wrong(lambda dy, x, w: (dy @ w.T, x.T @ dy / len(x), dy.sum(axis=0)), "dw: batch mean"),
           wrong(lambda dy, x, w: (dy @ w.T, x.T @ dy / len(x), dy.mean(axis=0)), "dw: batch mean, db: mean"),
           wrong(lambda dy, x, w: (dy @ w.T, x.T @ dy, dy.sum(axis=1)), "db: wrong axis"),
           wrong(lambda dy, x, w: (dy @ w.T, x.T @ dy, dy), "db: not summed"),
           wrong(lambda dy, x, w: (dy @ w.T, x.T @ dy, np.sum(dy)), "db: one number"),
           wrong(lambda dy, x, w: (dy @ w.T, dy.T @ x, dy.sum(axis=0)), "dw: turned"),
           wrong(lambda dy, x, w: (dy @ w, x.T @ dy, dy.sum(axis=0))),
           wrong(lambda dy, x, w: (dy @ w.T, x @ dy, dy.sum(axis=0))),
           wrong(lambda dy, x, w: (dy @ w.reshape(w.shape[1], -1), x.T @ dy, dy.sum(axis=0)), "dx: w reshaped"),
           wrong(lambda dy, x, w: (dy @ w.T, x.reshape(-1, len(x)) @ dy, dy.sum(axis=0))),
           wrong(lambda dy, x, w: (-dy @ w.T, -x.T @ dy, -dy.sum(axis=0)), "dx: sign, dw: sign, db: sign"),
           wrong(lambda dy, x, w: (x.T @ dy, dy @ w.T, dy.sum(axis=0))),
           wrong(lambda dy, x, w: (dy @ w.T, x.T @ dy)),
           wrong(lambda dy, x, w: (dy @ w.T, x.T @ dy, np.full(w.shape[1], len(x))), "db: dy ignored"),
           wrong(lambda dy, x, w: (dy @ w.T * (x > 0), x.T @ dy, dy.sum(axis=0)))])

# --- softmax ---


def softmax_rows(scores):
    rows = []
    for row in scores:
        e = np.exp(row - max(row))
        rows.append(e / sum(e))
    return rows


def softmax_by_logarithm(scores):
    z = scores - scores.max(1)[:, None]
    return np.exp(z - np.log(np.exp(z).sum(1))[:, None])


def softmax_epsilon(scores):
    e = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    return e / (np.sum(e, axis=-1, keepdims=True) + 1e-8)


def softmax_loops(scores):
    p = np.zeros(scores.shape)
    for n in range(scores.shape[0]):
        largest = scores[n].max()
        total = 0
        for k in range(scores.shape[1]):
            p[n, k] = np.exp(scores[n, k] - largest)
            total += p[n, k]
        p[n] /= total
    return p


def softmax_changes_scores(scores):
    scores -= scores.max(axis=1, keepdims=True)
    e = np.exp(scores)
    return e / e.sum(axis=1, keepdims=True)


def softmax_total_not_reset(scores):
    p, total = np.zeros(scores.shape), 0
    for n in range(scores.shape[0]):
        for k in range(scores.shape[1]):
            p[n, k] = np.exp(scores[n, k] - scores[n].max())
            total += p[n, k]
        p[n] /= total
    return p


SOFTMAX = Answers(
    right=[softmax_rows, softmax_by_logarithm, softmax_epsilon, softmax_loops,
           lambda s: 1 / np.exp(s[:, None, :] - s[:, :, None]).clip(0, 1e300).sum(axis=2),
           lambda scores: np.exp((scores.T - scores.max(1)).T) / np.exp((scores.T - scores.max(1)).T).sum(1)[:, None],
           lambda s: np.exp(s - s.max(1, keepdims=True)).astype(np.float32)
           / np.exp(s - s.max(1, keepdims=True)).sum(1, keepdims=True)],
    wrong=[wrong(lambda s: np.exp(s) / np.exp(s).sum(axis=1, keepdims=True), "no shift"),
           wrong(lambda s: np.exp(s - s.max()) / np.exp(s - s.max()).sum(axis=1, keepdims=True), "one maximum for all"),
           wrong(lambda s: np.exp(s - s.max(axis=0)) / np.exp(s - s.max(axis=0)).sum(axis=0), "along the batch"),
           wrong(lambda s: np.exp(s - s.max(axis=0)) / np.exp(s - s.max(axis=0)).sum(axis=1, keepdims=True),
                 "shifted by column"),
           wrong(lambda s: np.exp(s - s.max(axis=1)) / np.exp(s - s.max(axis=1)).sum(axis=1)),
           wrong(lambda s: np.exp(s - s.max(axis=1, keepdims=True)), "not divided"),
           wrong(lambda s: np.exp(s - s.max(axis=1, keepdims=True)) / np.exp(s - s.max(axis=1, keepdims=True)).sum(),
                 "sum over everything"),
           wrong(lambda s: s / s.sum(axis=1, keepdims=True), "exp forgotten"),
           wrong(lambda s: np.exp(s - s.max(axis=1, keepdims=True)) / np.exp(s).sum(axis=1, keepdims=True),
                 "shifted above the line only"),
           wrong(lambda s: 1 / (1 + np.exp(-s)), "each by itself"),
           wrong(lambda s: np.exp(s.max(axis=1, keepdims=True) - s)
                 / np.exp(s.max(axis=1, keepdims=True) - s).sum(axis=1, keepdims=True), "upside down"),
           wrong(lambda s: np.exp(-(s - s.min(axis=1, keepdims=True)))
                 / np.exp(-(s - s.min(axis=1, keepdims=True))).sum(axis=1, keepdims=True), "upside down"),
           wrong(softmax_changes_scores), wrong(softmax_total_not_reset),
           wrong(lambda s: (s - s.max(axis=1, keepdims=True))
                 / (s - s.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)),
           wrong(lambda s: np.log(np.exp(s - s.max(1, keepdims=True)) / np.exp(s - s.max(1, keepdims=True)).sum(
               1, keepdims=True)), "logarithm")])

ANSWERS = {"03.forward": FORWARD, "03.backward": BACKWARD, "03.softmax": SOFTMAX, "03.cross_entropy": CROSS_ENTROPY,
           "03.training": TRAINING, "03.layer": LAYER, "03.loss": LOSS_CLASS}
