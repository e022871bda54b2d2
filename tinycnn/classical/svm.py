"""The linear support vector machine (Cortes and Vapnik 1995), one class against all the rest, by our own optimizer.

    minimize  1/2 |w|^2 + C * sum over samples of max(0, 1 - t (w . x + b))^2

The first term wants a wide margin, the second one wants every sample on the right side of it; C says what a sample on
the wrong side costs. The bias is part of w, as scikit-learn's LinearSVC has it, so both minimize the same number. It is
a Linear, a HingeLoss and an SGD that walks down the whole sum at once: nothing that the networks do not use as well.
"""

import math

import numpy as np

from tinycnn.errors import DataError, ShapeError
from tinycnn.hinge_loss import HingeLoss
from tinycnn.layers import Linear
from tinycnn.optim import SGD


class LinearSVM(Linear):
    """y (N, K) = x (N, D) @ w + b: one score for each class, positive on its side. `fit` finds w and b."""

    def fit(self, x: np.ndarray, labels: np.ndarray, C: float = 0.01, steps: int = 500) -> list[float]:
        """Minimize the objective over x (N, D), in the dtype of the weights; labels (N,) in -1 .. K-1, -1 for none.

        C: what a sample on the wrong side costs (Dalal and Triggs: 0.01)    Returns the objective after each step.
        """
        if x.ndim != 2 or x.shape[1] != len(self.w.value) or not C > 0:
            raise ShapeError(f"LinearSVM.fit takes x (N, {len(self.w.value)}) and C > 0, got {x.shape} and C={C}")
        if not len(x) or not np.isfinite(x).all() or not math.isfinite(C):
            raise DataError("LinearSVM.fit needs samples of finite numbers and a finite C, got "
                            f"{len(x)} samples, {int((~np.isfinite(x)).sum())} numbers that are none, and C={C}")
        if float(abs(x).max()) > 1e6:
            raise DataError(f"LinearSVM.fit got numbers up to {abs(x).max():.1e}: bring features to a size around 1")
        x, loss, found = x.astype(self.w.value.dtype, copy=False), HingeLoss(squared=True), []
        # The slope changes by 1, that of 1/2 |w|^2, to `steepest`: from both follow a safe rate and the best momentum
        # (Nesterov 1983). And 1/2 |w|^2 itself is what weight_decay=1 subtracts.
        steepest = 1 + 2 * C * _largest_eigenvalue(x)
        momentum = (steepest**0.5 - 1) / (steepest**0.5 + 1)
        optimizer = SGD(self, lr=1 / steepest, momentum=momentum, weight_decay=1.0)
        for parameter in (self.w, self.b):
            parameter.value = np.zeros_like(parameter.value)
        for _ in range(steps):
            found.append(C * len(x) * float(loss.forward(self.forward(x), labels)) + self.penalty())
            self.backward(loss.backward() * (C * len(x)))
            optimizer.step()
        return found

    def penalty(self) -> float:
        """1/2 |w|^2, the bias included."""
        return 0.5 * sum(float(np.square(p.value, dtype=np.float64).sum()) for p in (self.w, self.b))

    def objective(self, x: np.ndarray, labels: np.ndarray, C: float = 0.01) -> float:
        """What `fit` minimizes."""
        return C * len(x) * float(HingeLoss(squared=True).forward(self.forward(x), labels)) + self.penalty()


def _largest_eigenvalue(x, turns=30):
    """Of x.T @ x, with a column of ones for the bias, by power iteration; a little more, to be safe."""
    v, bias, size = np.ones(x.shape[1], x.dtype), x.dtype.type(1), 1.0
    for _ in range(turns):
        y = x @ v + bias
        v, bias = x.T @ y, y.sum()
        size = float(np.sqrt((v.astype(np.float64) ** 2).sum() + float(bias) ** 2))
        v, bias = v / x.dtype.type(size), x.dtype.type(bias / size)
    return 1.05 * size
