"""Calls of lesson 02."""

import numpy as np

from tinycnn.gradient_check import gradcheck


def _several_hinges(function, args, kwargs):
    """The values of one call as an array of the loss of all and of its halves, so that it is not a lone number."""
    scores, signs = args
    whole = function(scores.copy(), signs.copy())
    if not isinstance(whole, tuple | list) or len(whole) != 2 or any(part is None for part in whole):
        return list(whole) if isinstance(whole, tuple | list) else [whole]
    cut = len(scores) // 2
    parts = [function(scores[part], signs[part])[0] for part in (slice(cut), slice(cut, None))]
    return [[whole[0], *parts], whole[1]]


def _gradcheck_hinge(function):
    rng = np.random.default_rng(1)
    scores, signs = np.array([2.5, -0.7, 0.4, 1.6]), rng.choice([-1.0, 1.0], 4)  # none at the kink, 1 and -1

    def backward(dy, s):
        return (dy * function(s, signs)[1],)

    return gradcheck((lambda s: np.maximum(1 - signs * s, 0).mean() * np.ones(()), backward), scores, invariants=False,
                     constants=("signs",))


def _positions(function, args, kwargs):
    """The kept indices in a row as long as the boxes, with -1 behind them: so a few too many or too few compare."""
    kept = function(*args, **kwargs)
    if kept is None or kept is Ellipsis:
        return [None]
    kept = np.asarray(kept)
    if kept.ndim == 1 and kept.dtype.kind in "iuf" and len(kept) <= len(args[0]):
        return [np.concatenate([kept, np.full(len(args[0]) - len(kept), -1)])]
    return [kept]


CALLS = {"hinge": _several_hinges, "nms": _positions}
GRADIENTS = {"hinge": _gradcheck_hinge}
