"""Written in lesson 04."""

import numpy as np
from tinycnn.layers.base import Layer


def l2_loss(pred, target, mask=None):
    """pred, target: (N, K); mask: None, or 0 and 1, (N, K) or (N, 1) -> value, dpred (N, K)."""
    difference, count = pred - target, pred.size
    if mask is not None:
        mask = np.broadcast_to(mask, pred.shape)
        difference, count = np.where(mask != 0, difference, 0), int(mask.sum())
    return (difference**2).sum() / count, difference * (2 / count)


class MyL2Loss(Layer):
    def forward(self, pred, target, mask=None):
        value, dpred = l2_loss(pred, target, mask)
        self.remember(dpred)
        return value

    def backward(self):
        (dpred,) = self.recall()
        return dpred


def standardize(train_codes, codes):
    """train_codes: (M, 4), the training part's; codes: (N, 4) -> targets (N, 4), mean (4,), std (4,)."""
    mean, std = train_codes.mean(axis=0), np.maximum(train_codes.std(axis=0), 0.001)
    return (codes - mean) / std, mean, std


def decode(codes, sizes):
    """codes: (N, 4) (cx, cy, h, w); sizes: (N, 2), (height, width) -> boxes (N, 4) xyxy in pixels."""
    heights, widths = sizes.T  # (N,) each
    cx, cy, h, w = codes.T  # height comes third, width last
    return np.stack([(cx - w / 2) * widths, (cy - h / 2) * heights,
                     (cx + w / 2) * widths, (cy + h / 2) * heights], axis=1)


def predict_boxes(answers, mean, std, sizes):
    """answers: (N, 4), standardized; mean, std: (4,); sizes: (N, 2), (H, W) of each -> boxes (N, 4) xyxy, pixels."""
    return decode(answers * std + mean, sizes)


def r_squared(pred, truth):
    """pred, truth: (N, 4) -> for each of the four numbers the share that is explained, (4,)."""
    wrong, spread = ((truth - pred) ** 2).sum(axis=0), ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    return 1 - wrong / spread


def train_boxes(x, targets, orders, batch_size, lr):
    """x: (N, D); targets: (N, 4); orders: (E, N), an order of the N pictures for each epoch -> w, b, losses (E,)."""
    w, b, losses = np.zeros((x.shape[1], targets.shape[1])), np.zeros(targets.shape[1]), []
    for order in orders:
        pictures, answers = x[order], targets[order]  # both in the same order: each picture keeps its box
        total = 0.0
        for first in range(0, len(x), batch_size):
            few = slice(first, first + batch_size)
            difference = pictures[few] @ w + b - answers[few]
            dpred = 2 * difference / difference.size
            w -= lr * pictures[few].T @ dpred
            b -= lr * dpred.sum(axis=0)
            total += (difference**2).sum()
        losses.append(total / targets.size)  # the mean over the epoch
    return w, b, np.array(losses)
