"""Softmax with cross-entropy, hinges, and the squared error."""

import math
from collections.abc import Sequence

import numpy as np

from tinycnn.backend import Array, Labels


def softmax(scores: Array) -> Array:
    """p[n, k] = exp(scores[n, k]) / sum over all classes of exp(scores[n, :]).    scores, p: (N, K)

    The row's largest score is subtracted first: the fraction stays the same, and exp cannot overflow.
    """
    p = np.zeros_like(scores)
    for n, k in np.ndindex(scores.shape):
        largest = max(scores[n])
        p[n, k] = math.exp(scores[n, k] - largest) / sum(math.exp(score - largest) for score in scores[n])
    return p


def softmax_cross_entropy(scores: Array, labels: Labels, smoothing: float = 0.0) -> float:
    """Mean over the batch of -log(probability of the true class).    scores: (N, K)    labels: (N,) of 0 .. K-1

    log p is written out, score - largest - log(sum), because p itself may be too small for a floating-point number.
    smoothing: this share of the truth goes to all K classes alike.
    """
    total = 0.0
    for row, label in zip(scores, labels, strict=True):
        largest = max(row)
        for k, score in enumerate(row):
            log_p = score - largest - math.log(sum(math.exp(other - largest) for other in row))
            total -= _truth(k == label, len(row), smoothing) * log_p
    return total / len(scores)


def softmax_cross_entropy_backward(scores: Array, labels: Labels, smoothing: float = 0.0) -> Array:
    """dscores (N, K) = (p - truth) / N; the truth is 1 at the true class and 0 elsewhere, unless it is smoothed."""
    dscores = softmax(scores)
    for n, k in np.ndindex(scores.shape):
        dscores[n, k] -= _truth(k == labels[n], scores.shape[1], smoothing)
        dscores[n, k] /= len(scores)
    return dscores


def _truth(is_true_class, classes, smoothing):
    return (1 - smoothing if is_true_class else 0) + smoothing / classes


def weighted_cross_entropy(scores: Array, truth: Labels, weights: Sequence[float], smoothing: float = 0.0) -> float:
    """Sum over pictures and classes of -w_k * t_nk * log p_nk, divided by what the pictures count together.

    truth: (N,) class numbers, and each picture counts the weight of its class; or (N, K) shares t of the classes, which
    add up to 1 in each row, and each picture counts 1. Where nothing counts, the value is 0.
    """
    total = 0.0
    for n, row in enumerate(scores):
        largest = max(row)
        for k, score in enumerate(row):
            log_p = score - largest - math.log(sum(math.exp(other - largest) for other in row))
            total -= weights[k] * _share(truth, n, k, len(row), smoothing) * log_p
    return total / (_counted(truth, weights) or 1.0)


def weighted_cross_entropy_backward(scores: Array, truth: Labels, weights: Sequence[float],
                                    smoothing: float = 0.0) -> Array:
    """dscores (N, K): each term of a picture, -w_j * t_j * log p_j, gives w_j * t_j times p_k, and p_k - 1 at k = j.
    """
    p, dscores = softmax(scores), np.zeros_like(scores)
    counted = _counted(truth, weights) or 1.0
    for n, k in np.ndindex(scores.shape):
        for j in range(scores.shape[1]):
            part = weights[j] * _share(truth, n, j, scores.shape[1], smoothing) / counted
            dscores[n, k] += part * (p[n, k] - (1 if j == k else 0))
    return dscores


def _share(truth, n, k, classes, smoothing):
    """Which share of picture n belongs to class k."""
    share = truth[n][k] if np.ndim(truth) == 2 else 1 if truth[n] == k else 0
    return (1 - smoothing) * share + smoothing / classes


def _counted(truth, weights):
    """What the pictures count together."""
    total = 0.0
    for one in truth:
        total += 1 if np.ndim(truth) == 2 else weights[one]
    return total


def hinge_loss(scores: Array, labels: Labels, squared: bool = False) -> float:
    """Mean over the batch of the sum over classes of max(0, 1 - t * s); t is 1 for the true class, -1 for others."""
    total = 0.0
    for n, k in np.ndindex(scores.shape):
        short = _short(scores[n, k], k == labels[n])
        total += short**2 if squared else short
    return total / len(scores)


def hinge_loss_backward(scores: Array, labels: Labels, squared: bool = False) -> Array:
    """dscores (N, K): -t / N where the margin is not reached, 0 elsewhere; for squared hinges -2 t short / N."""
    dscores = np.zeros_like(scores)
    for n, k in np.ndindex(scores.shape):
        short, sign = _short(scores[n, k], k == labels[n]), 1 if k == labels[n] else -1
        if short > 0:
            dscores[n, k] = -sign * (2 * short if squared else 1) / len(scores)
    return dscores


def _short(score, is_true_class):
    """By how much a score falls short of its margin."""
    return max(0.0, 1 - (1 if is_true_class else -1) * score)


def multiclass_hinge_loss(scores: Array, labels: Labels) -> float:
    """Mean over the batch of max(0, 1 + largest other score - score of the true class)."""
    total = 0.0
    for row, label in zip(scores, labels, strict=True):
        total += max(0.0, 1 + row[_rival(row, label)] - row[label])
    return total / len(scores)


def multiclass_hinge_loss_backward(scores: Array, labels: Labels) -> Array:
    """dscores (N, K): where the margin is not reached, -1 / N for the true class and 1 / N for the best other one."""
    dscores = np.zeros_like(scores)
    for n, (row, label) in enumerate(zip(scores, labels, strict=True)):
        rival = _rival(row, label)
        if 1 + row[rival] - row[label] > 0:
            dscores[n, label], dscores[n, rival] = -1 / len(scores), 1 / len(scores)
    return dscores


def _rival(row, label):
    """The class with the largest score, the true one left out."""
    best = -1
    for k in range(len(row)):
        if k != label and (best < 0 or row[k] > row[best]):
            best = k
    return best


def l2_loss(pred: Array, target: Array, mask: Array | None = None) -> float:
    """Mean of (pred - target) ** 2 over the elements that count: all, or those where mask (same shape) is not 0."""
    total, count = 0.0, 0
    for at in np.ndindex(pred.shape):
        if mask is None or mask[at]:
            total += (pred[at] - target[at]) ** 2
            count += 1
    return total / max(1, count)


def l2_loss_backward(pred: Array, target: Array, mask: Array | None = None) -> Array:
    """dpred = 2 * (pred - target) / count where an element counts, 0 elsewhere; shape of pred."""
    count = pred.size if mask is None else np.count_nonzero(mask)
    dpred = np.zeros_like(pred)
    for at in np.ndindex(pred.shape):
        if mask is None or mask[at]:
            dpred[at] = 2 * (pred[at] - target[at]) / count
    return dpred
