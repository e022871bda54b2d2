"""Calls of lesson 04."""

import numpy as np

from tinycnn.gradient_check import gradcheck
from tinycnn.losses import L2Loss


def _gradcheck(function):
    rng = np.random.default_rng(1)
    target, mask = rng.standard_normal((4, 3)), (rng.random((4, 3)) < 0.7).astype(float)
    return gradcheck((lambda pred: np.asarray(L2Loss().forward(pred, target, mask)),
                      lambda dy, pred: dy * function(pred, target, mask)[1]),
                     rng.standard_normal((4, 3)), invariants=False, constants=("target", "mask"))


def _two_losses(cls, args, kwargs):
    """Two losses, forward both and then backward both; then the first a second time, without a mask."""
    pred, target, mask, other, other_target = args
    first, second = cls(), cls()
    values = [first.forward(pred, target, mask), second.forward(other, other_target)]
    if any(value is None for value in values):
        return [None] * 6
    gradients = [first.backward(), second.backward()]
    again = first.forward(pred + 1, target)
    return values[0], gradients[0], values[1], gradients[1], again, first.backward()


def _gradcheck_layer(cls):
    rng, loss = np.random.default_rng(1), cls()
    target = rng.standard_normal((3, 4))

    def backward(dy, pred):
        loss.forward(pred, target)
        return dy * loss.backward()

    return gradcheck((lambda pred: np.asarray(L2Loss().forward(pred, target)), backward), rng.standard_normal((3, 4)),
                     invariants=False, constants=("target",))


CALLS = {"layer": _two_losses}
GRADIENTS = {"l2_loss": _gradcheck, "layer": _gradcheck_layer}
