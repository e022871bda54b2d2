"""The hinge: a loss that is content once the right answer is ahead by a margin of 1, and looks at the others no more.

    HingeLoss            every class by itself, against all the rest: what a linear SVM is trained by
    MulticlassHingeLoss  the true class against the best of the others (Crammer and Singer 2001)
"""

from typing import Any

import numpy as np

from tinycnn.backend import Array, Labels, array_module, device_of, to_device
from tinycnn.errors import DataError, ShapeError
from tinycnn.layers.base import Layer


class HingeLoss(Layer):
    """Mean over the batch of the sum over classes of max(0, 1 - t * s), with t = 1 for the true class, -1 for others.

    scores: (N, K)    labels: (N,) integers 0 .. K-1 on the host, or -1 for none of the classes    value: 0-d

    squared: of the square of each hinge instead, which has a slope everywhere (L2-SVM). Where a score lies just at the
    margin, the slope of the flat side, 0, is taken.
    """

    def __init__(self, squared: bool = False) -> None:
        self.squared = bool(squared)

    def forward(self, scores: Array, labels: Labels) -> Array:
        xp = array_module(scores)
        known = checked_labels(self, scores, labels, least=-1)
        signs = to_device(np.where(known[:, None] == np.arange(scores.shape[1]), 1, -1), device_of(scores))
        signs = signs.astype(scores.dtype)  # (N, K)
        short = xp.maximum(1 - signs * scores, 0)  # by how much each score falls short of its margin
        self.remember(signs, short)
        return (short * short if self.squared else short).sum() / len(scores)

    def backward(self) -> Array:
        signs, short = self.recall()
        slope = 2 * short if self.squared else (short > 0).astype(short.dtype)
        return -signs * slope / len(signs)

    def __repr__(self) -> str:
        return f"HingeLoss({'squared=True' if self.squared else ''})"


class MulticlassHingeLoss(Layer):
    """Mean over the batch of max(0, 1 + largest other score - score of the true class); shapes as in HingeLoss."""

    def forward(self, scores: Array, labels: Labels) -> Array:
        xp = array_module(scores)
        if scores.ndim == 2 and scores.shape[1] < 2:
            raise ShapeError(f"MulticlassHingeLoss compares classes: it needs two scores or more, got {scores.shape}")
        n, k = scores.shape if scores.ndim == 2 else (0, 0)
        true = to_device(checked_labels(self, scores, labels), device_of(scores))
        rows = xp.arange(n)
        others = xp.where(xp.arange(k) == true[:, None], -xp.inf, scores)
        rival = others.argmax(axis=1)  # (N,)
        short = xp.maximum(1 + scores[rows, rival] - scores[rows, true], 0)
        self.remember(scores.shape, rows, true, rival, short)
        return short.mean()

    def backward(self) -> Array:
        shape, rows, true, rival, short = self.recall()
        slope = (short > 0).astype(short.dtype) / shape[0]
        dscores = array_module(short).zeros(shape, short.dtype)
        dscores[rows, rival] = slope
        dscores[rows, true] = -slope
        return dscores


def checked_labels(loss: Any, scores: Array, labels: Labels, least: int = 0) -> np.ndarray:
    """Labels as int64 on the host; raises an error that teaches unless there is one in least .. K-1 for each row."""
    found, name = np.asarray(labels), type(loss).__name__
    if scores.ndim != 2 or found.shape != scores.shape[:1]:
        raise ShapeError(f"{name} expects scores (N, K) and labels (N,), got {scores.shape} and {found.shape}")
    if len(found) == 0:
        raise ShapeError(f"{name}: the mean over an empty batch is undefined")
    if not np.issubdtype(found.dtype, np.integer):
        raise DataError(f"{name}: labels are class numbers, integers; got dtype {found.dtype}")
    wrong = (found < least) | (found >= scores.shape[1])
    if wrong.any():
        i = int(wrong.argmax())
        raise DataError(f"{name}: label {found[i]} at position {i} is outside {least} .. {scores.shape[1] - 1}. "
                        "Do labels start at 1?")
    return found.astype(np.int64)
