"""Answers to lesson 03's cross-entropy, value and gradient."""

import numpy as np

from tests.course.answers import Answers, wrong

# --- right ---


def by_rows(scores, labels):
    total, dscores = 0.0, np.zeros(scores.shape)
    for n in range(len(scores)):
        z = scores[n] - scores[n].max()
        sum_exp = np.exp(z).sum()
        total += np.log(sum_exp) - z[labels[n]]
        for k in range(scores.shape[1]):
            dscores[n, k] = (np.exp(z[k]) / sum_exp - (k == labels[n])) / len(scores)
    return total / len(scores), dscores


def with_one_hot(scores, labels):
    truth = np.eye(scores.shape[1])[labels]
    z = scores - scores.max(axis=1, keepdims=True)
    log_sum = np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return -np.sum(truth * (z - log_sum)) / len(scores), (np.exp(z - log_sum) - truth) / len(scores)


def with_zeros_for_truth(scores, labels):
    truth = np.zeros_like(scores)
    truth[np.arange(scores.shape[0]), labels] = 1
    m = np.amax(scores, axis=1)
    lse = m + np.log(np.exp(scores - m[:, None]).sum(1))
    losses = lse - (scores * truth).sum(1)
    return np.mean(losses), (np.exp(scores - lse[:, None]) - truth) / scores.shape[0]


def softmax_apart(scores, labels):
    def soft(s):
        e = np.exp(s - s.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    n = len(scores)
    z = scores - scores.max(1, keepdims=True)
    picked = z[range(n), labels] - np.log(np.exp(z).sum(1))
    d = soft(scores)
    d[range(n), labels] = d[range(n), labels] - 1
    return [-picked.sum() / n, d / n]


def with_logaddexp(scores, labels):
    lse = np.logaddexp.reduce(scores, axis=1)
    picked = np.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
    p = np.exp(scores - lse[:, None])
    return np.average(lse - picked), (p - np.eye(p.shape[1])[labels]) / p.shape[0]


def in_float32(scores, labels):
    z = (scores - scores.max(axis=1, keepdims=True)).astype(np.float32)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    d = np.exp(log_p)
    d[np.arange(len(d)), labels] -= 1
    d /= len(d)
    return -log_p[np.arange(len(d)), labels].mean(), d


# --- and wrong ---


def probabilities(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def from_p(value=None, gradient=None):
    """As most begin: p from a softmax, the logarithm of p, p - truth."""
    def cross_entropy(scores, labels):
        n, p = len(scores), probabilities(scores)
        rows = np.arange(n)
        number = -np.log(p[rows, labels]).mean() if value is None else value(p, labels, n)
        dscores = p.copy()
        dscores[rows, labels] -= 1
        return number, dscores / n if gradient is None else gradient(p, labels, n)
    return cross_entropy


def from_log_p(value=None, gradient=None):
    """As it should be, but for one line."""
    def cross_entropy(scores, labels):
        n = len(scores)
        z = scores - scores.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        number = -log_p[np.arange(n), labels].mean() if value is None else value(log_p, labels, n)
        p = np.exp(log_p)
        d = p.copy()
        d[np.arange(n), labels] -= 1
        return number, d / n if gradient is None else gradient(p, labels, n)
    return cross_entropy


def subtracts_first(scores, labels):
    p = probabilities(scores)
    rows = np.arange(len(p))
    p[rows, labels] -= 1
    loss = -np.log(p[rows, labels]).mean()
    return loss, p / len(p)


def unshifted(scores, labels):
    e = np.exp(scores)
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(p)), labels]).mean()
    p[np.arange(len(p)), labels] -= 1
    return loss, p / len(p)


def unshifted_log_sum(scores, labels):
    rows = np.arange(len(scores))
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    d = np.exp(log_p)
    d[rows, labels] -= 1
    return -log_p[rows, labels].mean(), d / len(scores)


def clipped(scores, labels):
    p = probabilities(scores)
    loss = -np.log(np.clip(p[np.arange(len(p)), labels], 1e-12, 1)).mean()
    p[np.arange(len(p)), labels] -= 1
    return loss, p / len(p)


def along_the_batch(scores, labels):
    e = np.exp(scores - scores.max(axis=0))
    p = e / e.sum(axis=0)
    loss = -np.log(p[np.arange(len(p)), labels]).mean()
    p[np.arange(len(p)), labels] -= 1
    return loss, p / len(p)


def one_gradient_for_all(scores, labels):
    value, d = from_log_p()(scores, labels)
    return value, d.sum(axis=0)


def into_every_row(p, labels, n):
    p[:, labels] -= 1
    return p / n


CROSS_ENTROPY = Answers(
    right=[by_rows, with_one_hot, with_zeros_for_truth, softmax_apart, with_logaddexp, in_float32],
    wrong=[
        wrong(from_p(), "value: logarithm of 0"),
        wrong(from_p(value=lambda p, labels, n: -np.log(p[np.arange(n), labels] + 1e-12).mean()),
              "value: log(p + 1e-12)"),
        wrong(from_p(value=lambda p, labels, n: -np.log(p[np.arange(n), labels] + 1e-8).mean()),
              "value: log(p + 1e-08)"),
        wrong(clipped, "value: log(p + 1e-12)"),
        wrong(subtracts_first, "value: truth subtracted first"),
        wrong(unshifted, "value: overflow, dscores: overflow"),
        wrong(unshifted_log_sum, "value: overflow in the sum"),
        wrong(along_the_batch),
        wrong(from_log_p(value=lambda log_p, labels, n: -log_p[np.arange(n), labels].sum()), "value: summed"),
        wrong(from_log_p(value=lambda log_p, labels, n: -log_p[:, labels].mean()), "value: every label in every row"),
        wrong(from_log_p(value=lambda log_p, labels, n: -(np.eye(log_p.shape[1])[labels] * log_p).mean()),
              "value: mean over everything"),
        wrong(from_log_p(value=lambda log_p, labels, n: log_p[np.arange(n), labels].mean()), "value: sign"),
        wrong(from_log_p(value=lambda log_p, labels, n: -(labels[:, None] * log_p).sum() / n),
              "value: labels as factors"),
        wrong(from_log_p(value=lambda log_p, labels, n: -log_p[np.arange(n), labels])),
        wrong(from_log_p(value=lambda log_p, labels, n: -(labels * log_p).sum())),
        wrong(from_log_p(value=lambda log_p, labels, n: -log_p[np.arange(n), labels - 1].mean())),
        wrong(from_log_p(gradient=lambda p, labels, n: p - np.eye(p.shape[1])[labels]), "dscores: not divided"),
        wrong(from_log_p(gradient=lambda p, labels, n: (p - np.eye(p.shape[1])[labels]) / n / n),
              "dscores: divided twice"),
        wrong(from_log_p(gradient=lambda p, labels, n: (p - np.eye(p.shape[1])[labels]) / p.size),
              "dscores: mean over everything"),
        wrong(from_log_p(gradient=lambda p, labels, n: p / n), "dscores: truth not subtracted"),
        wrong(from_log_p(gradient=lambda p, labels, n: (np.eye(p.shape[1])[labels] - p) / n), "dscores: sign"),
        wrong(from_log_p(gradient=into_every_row), "dscores: every label in every row"),
        wrong(from_log_p(gradient=lambda p, labels, n: (p - labels[:, None]) / n), "dscores: labels subtracted"),
        wrong(from_log_p(gradient=lambda p, labels, n: p - np.eye(p.shape[1])[labels] / n),
              "dscores: only the truth divided"),
        wrong(from_log_p(gradient=lambda p, labels, n: (p - labels) / n)),
        wrong(one_gradient_for_all),
        wrong(lambda scores, labels: from_log_p()(scores, labels)[0]),
    ])
