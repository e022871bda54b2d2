"""Written in lesson 08."""

import numpy as np


def sgd_step(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    """w, dw, v: arrays of one shape -> w, v after the step, in their dtype."""
    g = dw + weight_decay * w
    v = momentum * v + g
    return w - lr * v, v


def batches(images, labels, batch_size, rng):
    """images: (N, ...); labels: (N,) -> list of (images, labels), one pair for each batch of this epoch."""
    order, pairs = rng.permutation(len(images)), []
    for start in range(0, len(images), batch_size):
        few = order[start : start + batch_size]
        pairs.append((images[few], labels[few]))
    return pairs


def he_std(shape):
    """shape of the weights, outputs last -> their standard deviation at the start."""
    return (2 / np.prod(shape[:-1])) ** 0.5


def cosine_rates(steps, lr, warmup=0, final=0.0):
    """steps, warmup: numbers of steps, warmup < steps -> rates (steps,)."""
    k = np.arange(steps)
    p = np.maximum(k - warmup, 0) / (steps - warmup)
    falling = final + (lr - final) * (1 + np.cos(np.pi * p)) / 2
    return np.where(k < warmup, lr * (k + 1) / max(warmup, 1), falling)


def train(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    """x: (N, D), t: (N, F) -> w (D, F), b (F,) after some epochs of SGD with momentum on the mean squared error.

    The first epoch has the rate lr; from epoch to epoch the rate is multiplied by `factor`.
    """
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
        lr = lr * factor  # behind the loop over batches, not in it
    return w, b


class MySGD:
    """SGD with momentum and weight decay. lr may be changed from outside between two steps."""

    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        self.model, self.lr, self.momentum, self.weight_decay = model, lr, momentum, weight_decay
        self.v = {name: np.zeros_like(p.value) for name, p in model.parameters().items()}

    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                p.value, self.v[name] = sgd_step(p.value, p.grad, self.v[name], self.lr, self.momentum,
                                                 self.weight_decay)
