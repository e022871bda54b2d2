"""Other losses for the box head: SmoothL1Loss forgives outliers, GIoULoss looks at the boxes and not at their numbers.

    MultiTaskLoss(box_loss=SmoothL1Loss())      MultiTaskLoss(box_loss=GIoULoss())
"""

import numpy as np

from tinycnn.backend import Array, array_module
from tinycnn.errors import ShapeError
from tinycnn.layers.base import Buffer, Layer
from tinycnn.losses import L2Loss, differences

SMALLEST = 1e-3  # sides of boxes, in units of the network's input: a smaller one counts as this


class SmoothL1Loss(Layer):
    """Mean of d ** 2 / (2 beta) where |d| < beta, else |d| - beta / 2, with d = pred - target (Girshick 2015).

    A square near 0 and a straight line further out: a box that is far off pulls no harder than others. The shapes and
    the mask are those of L2Loss.
    """

    def __init__(self, beta: float = 1.0) -> None:
        if not 0 < beta < float("inf"):
            raise ValueError(f"SmoothL1Loss: beta is where the square becomes a line, above 0, got {beta}")
        self.beta = float(beta)

    def forward(self, pred: Array, target: Array, mask: Array | None = None) -> Array:
        d, count = differences(self, pred, target, mask)
        self.remember(d, count)
        size = abs(d)
        square, line = size * size / (2 * self.beta), size - self.beta / 2
        return array_module(d).where(size < self.beta, square, line).sum() / count

    def backward(self) -> Array:
        d, count = self.recall()
        xp = array_module(d)
        return xp.where(abs(d) < self.beta, d / self.beta, xp.sign(d)) / count

    def __repr__(self) -> str:
        return f"SmoothL1Loss(beta={self.beta})"


class GIoULoss(Layer):
    """Mean over the batch of 1 - GIoU of the predicted and the true box (Rezatofighi et al. 2019, algorithm 1).

    GIoU = I / U - (C - U) / C: intersection I over union U of the two boxes, less the part of the smallest box around
    both, C, that neither fills; so 1 - GIoU = 2 - I / U - U / C. Boxes that do not meet have an IoU of 0, and no slope;
    GIoU still says which way. A side below 0.001 of the picture counts as that, and then has no slope of its own.

    pred, target: (N, 4), standardized codes (cx, cy, h, w), as the box head gives them. `fit` tells the loss with which
    statistics they were standardized (use_box_statistics).
    """

    def __init__(self) -> None:
        self.statistics = Buffer(np.array([[0.0] * 4, [1.0] * 4]))  # mean and standard deviation of the codes

    def use_box_statistics(self, statistics: Buffer) -> None:
        """statistics: the localizer's own Buffer (2, 4), which moves from device to device with it."""
        self.statistics = statistics

    def forward(self, pred: Array, target: Array) -> Array:
        xp = array_module(pred, target)
        if pred.shape != target.shape or pred.ndim != 2 or pred.shape[1] != 4:
            raise ShapeError(f"GIoULoss compares boxes (N, 4), got {pred.shape} and {target.shape}")
        low, high, side, std, floored = self._corners(pred)
        true_low, true_high, true_side, _, _ = self._corners(target.astype(pred.dtype, copy=False))
        shared = xp.maximum(xp.minimum(high, true_high) - xp.maximum(low, true_low), 0)  # (N, 2): width and height
        around = xp.maximum(high, true_high) - xp.minimum(low, true_low)  # (N, 2)
        i, c = shared[:, 0] * shared[:, 1], around[:, 0] * around[:, 1]  # (N,)
        u = side[:, 0] * side[:, 1] + true_side[:, 0] * true_side[:, 1] - i
        self.remember((low, high, side), (true_low, true_high), (shared, around), (i, u, c), std, floored)
        return (2 - i / u - u / c).mean()

    def backward(self) -> Array:
        (low, high, side), (true_low, true_high), (shared, around), (i, u, c), std, floored = self.recall()
        di, darea, dc = -1 / u - i / u**2 + 1 / c, i / u**2 - 1 / c, u / c**2  # of 2 - I/U - U/C, through U as well
        dshared = di[:, None] * shared[:, ::-1] * (shared > 0)  # the slope of width * height by one is the other
        daround = dc[:, None] * around[:, ::-1]
        dhigh = dshared * (high < true_high) + daround * (high > true_high)
        dlow = -dshared * (low > true_low) - daround * (low < true_low)
        dside = (darea[:, None] * side[:, ::-1] + (dhigh - dlow) / 2) * ~floored  # low, high = center -+ side / 2
        dcodes = array_module(low).concatenate([dhigh + dlow, dside[:, ::-1]], axis=1)  # (cx, cy, h, w)
        return dcodes * std / len(low)

    def _corners(self, standardized: Array) -> tuple[Array, Array, Array, Array, Array]:
        """low, high, side (N, 2) in x and y, the codes' standard deviation (4,), and where a side was raised."""
        mean, std = (self.statistics.value[row].astype(standardized.dtype, copy=False) for row in (0, 1))
        codes = standardized * std + mean
        floored = codes[:, :1:-1] < SMALLEST  # (cx, cy, h, w) -> (w, h)
        side = array_module(codes).maximum(codes[:, :1:-1], SMALLEST)
        return codes[:, :2] - side / 2, codes[:, :2] + side / 2, side, std, floored


BOX_LOSSES = {"l2": L2Loss, "smooth-l1": SmoothL1Loss, "giou": GIoULoss}
