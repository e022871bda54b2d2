"""Cross-entropy where classes count unequally, or where a picture belongs to several classes at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinycnn.backend import Array, ArrayLike, Labels, array_module, device_of, to_device
from tinycnn.errors import DataError, ShapeError
from tinycnn.losses import SoftmaxCrossEntropy


class WeightedCrossEntropy(SoftmaxCrossEntropy):
    """The sum over classes of -w_k * t_k * log p_k, a mean over the batch; for MultiTaskLoss(class_loss=...).

    scores: (N, K)    labels: (N,) class numbers, of which t is 1 there and 0 elsewhere; or t itself, (N, K), shares
    that add up to 1 in each row, such as .7 and .3 of two pictures that were mixed

    class_weights: w, K numbers, 0 or more; None for 1 each. As in PyTorch the mean over class numbers divides by the
    weights of the true classes, N of them, and not by N; that over shares divides by N.
    label_smoothing: a share e of t that is spread over all classes, t * (1 - e) + e / K
    """

    def __init__(self, class_weights: Sequence[float] | np.ndarray | None = None, label_smoothing: float = 0.0) -> None:
        super().__init__(label_smoothing)
        self.class_weights = None if class_weights is None else [float(w) for w in class_weights]
        if self.class_weights is not None and not all(0 <= w < np.inf for w in self.class_weights):
            raise ValueError(f"WeightedCrossEntropy: class_weights are numbers, 0 or more, got {self.class_weights}")

    def forward(self, scores: Array, labels: ArrayLike) -> Array:
        xp, dtype = array_module(scores), scores.dtype
        shares, hard = self._shares(scores, labels)  # (N, K) on the host, and the true classes
        (n, k), e = shares.shape, self.label_smoothing
        w = np.ones(k) if self.class_weights is None else np.array(self.class_weights)
        if len(w) != k:
            raise ShapeError(f"WeightedCrossEntropy: there are {len(w)} class_weights for {k} classes")
        count = w[hard].sum() if shares is not labels else n
        # A batch of classes that count nothing has loss 0, not 0 / 0.
        t = w * (shares * (1 - e) + e / k) / (count or 1)
        t = to_device(t.astype(dtype), device_of(scores))
        z = scores - scores.max(axis=1, keepdims=True)
        log_p = z - xp.log(xp.exp(z).sum(axis=1, keepdims=True))  # (N, K)
        rows, columns = xp.arange(n), to_device(hard, device_of(scores))
        self.remember(log_p, rows, columns, t)
        return 0 - (t * log_p).sum()

    def backward(self) -> Array:
        log_p, _, _, t = self.recall()
        return array_module(log_p).exp(log_p) * t.sum(axis=1, keepdims=True) - t

    def _shares(self, scores: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
        """((N, K) shares, (N,) the class with the largest); `labels` itself where it is shares already."""
        if np.ndim(labels) != 2:
            n, k = self._expect(scores, labels)
            return np.eye(k)[np.asarray(labels)], np.asarray(labels, np.int64)
        array_module(scores)  # refuses what is no array
        if not isinstance(labels, np.ndarray) or labels.shape != scores.shape or not len(labels):
            raise ShapeError(f"WeightedCrossEntropy expects shares of the shape of scores, {scores.shape}, in an array "
                             f"on the host, got {np.shape(labels)}")
        if not (labels >= 0).all() or not np.allclose(labels.sum(axis=1), 1, atol=1e-3):
            i = int(np.argmax(~(labels >= 0).all(axis=1) | ~(abs(labels.sum(axis=1) - 1) <= 1e-3)))
            raise DataError(f"shares of classes are 0 or more and add up to 1; row {i} is {labels[i].tolist()}"[:300])
        return labels, labels.argmax(axis=1)

    def __repr__(self) -> str:
        return f"WeightedCrossEntropy(class_weights={self.class_weights}, label_smoothing={self.label_smoothing})"


def shares_of_classes(labels: Labels, others: Labels, shares: np.ndarray, num_classes: int) -> np.ndarray:
    """(n, K) float64: `shares` of the classes `labels` (n,), and the rest of `others` (n,)."""
    one_hot = np.eye(num_classes)
    return shares[:, None] * one_hot[labels] + (1 - shares[:, None]) * one_hot[others]
