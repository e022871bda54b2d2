"""Calls of lesson 03."""

import numpy as np

from tinycnn.course.calls.weighted import two_layers
from tinycnn.gradient_check import gradcheck
from tinycnn.losses import SoftmaxCrossEntropy


def _gradcheck_backward(function):
    rng = np.random.default_rng(1)
    x, w, b = rng.standard_normal((4, 3)), rng.standard_normal((3, 2)), rng.standard_normal(2)
    return gradcheck((lambda x, w, b: x @ w + b, lambda dy, x, w, b: function(dy, x, w)), x, w, b)


def _gradcheck_cross_entropy(function):
    scores, labels = np.random.default_rng(1).standard_normal((4, 3)), np.array([0, 2, 1, 2])

    def forward(scores):
        return np.asarray(SoftmaxCrossEntropy().forward(scores, labels))

    return gradcheck((forward, lambda dy, scores: dy * np.asarray(function(scores, labels)[1])), scores,
                     invariants=False)


def _gradcheck_layer(cls):
    layer = cls(3, 2)
    layer.w.value = np.random.default_rng(1).standard_normal(layer.w.value.shape)
    return gradcheck(layer.astype("float64"), np.random.default_rng(2).standard_normal((4, 3)))


def _two_losses(cls, args, kwargs):
    """Two losses, forward both and then backward both, and the first one a second time."""
    scores, labels, others, other_labels = args
    first, second = cls(), cls()
    values = [first.forward(scores, labels), second.forward(others, other_labels)]
    if any(value is None for value in values):
        return [None] * 6
    gradients = [first.backward(), second.backward()]
    again = first.forward(others, other_labels)
    return values[0], gradients[0], values[1], gradients[1], again, first.backward()


def _gradcheck_loss(cls):
    labels, loss = np.array([0, 2, 1, 2]), cls()

    def backward(dy, scores):
        loss.forward(scores, labels)
        return dy * loss.backward()

    return gradcheck((lambda scores: np.asarray(SoftmaxCrossEntropy().forward(scores, labels)), backward),
                     np.random.default_rng(1).standard_normal((4, 3)), invariants=False)


def somebodys_loop(x, labels, w, b, steps, lr):
    """The loop in which a bug is to be found: word for word the code in the lesson."""
    loss, losses = SoftmaxCrossEntropy(), []
    dw, db = np.zeros_like(w), np.zeros_like(b)
    for _ in range(steps):
        losses.append(loss.forward(x @ w + b, labels))
        dscores = loss.backward()
        dw += x.T @ dscores
        db += dscores.sum(axis=0)
        w = w - lr * dw
        b = b - lr * db
    return np.array(losses), w, b


CALLS = {"layer": two_layers(lambda cls, w: cls(*w.shape)), "loss": _two_losses}
GRADIENTS = {"backward": _gradcheck_backward, "cross_entropy": _gradcheck_cross_entropy, "layer": _gradcheck_layer,
             "loss": _gradcheck_loss}
