"""Calls of lesson 09."""

import numpy as np

from tinycnn.errors import TinyCNNError
from tinycnn.gradient_check import gradcheck
from tinycnn.losses import MultiTaskLoss


def _gradcheck_heads(function):
    rng = np.random.default_rng(1)
    features, w_class, w_box = (rng.standard_normal(shape) for shape in ((4, 5), (5, 3), (5, 4)))

    def forward(features, w_class, w_box):
        return np.concatenate([features @ w_class, features @ w_box], axis=1)

    def backward(dy, features, w_class, w_box):
        return function(dy[:, :3], dy[:, 3:], features, w_class, w_box)

    return gradcheck((forward, backward), features, w_class, w_box, invariants=False)


def _two_batches(cls, args, kwargs):
    """Two losses in turns, two batches each: value, terms and both gradients of the first loss."""
    scores, boxes, labels, targets, *weights = args
    loss, other = cls(*weights), cls(1.3, 0.6)
    batches = [((scores, boxes), (labels, targets)), ((scores[::-1] + 1, 2 * boxes), (labels, targets[::-1]))]
    found = []
    for mine, theirs in (batches, batches[::-1]):
        value = loss.forward(*mine)
        if value is None and not found:
            return [None] * 8
        terms = _numbers(loss.terms)
        other.forward(*theirs)
        gradients = loss.backward()
        dscores, dboxes = (None, None) if gradients is None else gradients
        found += [value, terms, dscores, dboxes]
    return found


def _numbers(terms):
    """The class loss and the box loss, in this order."""
    if not isinstance(terms, dict) or set(terms) != {"class", "box"}:
        said = sorted(map(str, terms)) if isinstance(terms, dict) else type(terms).__name__
        raise TinyCNNError(f"self.terms should be a dictionary with 'class' and 'box' after forward, got {said}")
    return None if terms["class"] is None or terms["box"] is None else [terms["class"], terms["box"]]


def _gradcheck_loss(cls):
    rng = np.random.default_rng(1)
    scores, boxes, targets = rng.standard_normal((4, 3)), rng.standard_normal((4, 4)), rng.standard_normal((4, 4))
    _truth, loss = (np.array([0, 2, 1, 2]), targets), cls(0.7, 3.0)

    def forward(scores, boxes):
        return MultiTaskLoss(0.7, 3.0).forward((scores, boxes), _truth) * np.ones(())

    def backward(dy, scores, boxes):
        loss.forward((scores, boxes), _truth)
        dscores, dboxes = loss.backward()
        return dy * dscores, dy * dboxes

    return gradcheck((forward, backward), scores, boxes, invariants=False)


def _gradcheck_losses(function):
    rng = np.random.default_rng(1)
    scores, boxes, _targets = rng.standard_normal((4, 3)), rng.standard_normal((4, 4)), rng.standard_normal((4, 4))
    labels = np.array([0, 2, 1, 2])

    def forward(scores, boxes):
        return MultiTaskLoss(0.7, 3.0).forward((scores, boxes), (labels, _targets)) * np.ones(())

    def backward(dy, scores, boxes):
        _, dscores, dboxes = function(scores, boxes, labels, _targets, 0.7, 3.0)
        return dy * dscores, dy * dboxes

    return gradcheck((forward, backward), scores, boxes, invariants=False)


CALLS = {"loss": _two_batches}
GRADIENTS = {"heads_backward": _gradcheck_heads, "two_losses": _gradcheck_losses, "slow_names": _gradcheck_losses,
             "loss": _gradcheck_loss}
