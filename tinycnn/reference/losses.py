"""Softmax with cross-entropy, and the squared error."""

import math

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
