"""The loss of a pose: how far the joints are off, or how unlikely their places are, over those that are visible."""

from typing import Any

from tinycnn.backend import Array, array_module
from tinycnn.errors import ShapeError
from tinycnn.layers.base import Layer
from tinycnn.losses import L2Loss


class PoseLoss(Layer):
    """A loss of numbers, L2Loss() or SmoothL1Loss(), over the coordinates of visible joints (DeepPose, section 3.1); or
    JointMapLoss(), for a PoseNet that says maps.

    outputs: (N, 2 * J), or maps (N, R, R, J)    truth: (targets (N, 2 * J), mask (N, 2 * J)), on the same device; where
    the mask is 0, a joint is hidden, has no part in the loss, and gets no gradient, whatever its target holds
    """

    terms: dict[str, Any]

    def __init__(self, joint_loss: Layer | None = None) -> None:
        self.joint_loss: Any = L2Loss() if joint_loss is None else joint_loss
        if isinstance(joint_loss, type | str | PoseLoss) or not hasattr(self.joint_loss, "forward"):
            raise TypeError(f"PoseLoss: joint_loss is a loss of numbers, such as L2Loss(), got {joint_loss!r}")
        self.terms = {}

    def forward(self, outputs: Array, truth: tuple[Array, Array]) -> Array:
        return self.joint_loss.forward(outputs, *truth)

    def backward(self) -> Array:
        return self.joint_loss.backward()

    def __repr__(self) -> str:
        return f"PoseLoss({self.joint_loss!r})"


class JointMapLoss(Layer):
    """Cross-entropy between what softmax makes of a joint's map and a small hill around its true place, mean over the
    joints that count. A place is a class; but a neighbor of the right one is nearly right (Tompson et al. 2014).

    maps: (N, R, R, J) scores of R x R places that cover the window    targets: (N, 2 * J) x and y of each joint, in
    units of the window from its center    mask: (N, 2 * J), 0 where a joint is hidden, whatever its target is: its
    gradient is 0    sigma: of the hill, in units of the window. A joint outside the window counts as at its edge.
    """

    def __init__(self, sigma: float = 0.035) -> None:
        if not 1e-6 <= sigma <= 1e6:
            raise ValueError(f"JointMapLoss: sigma is the width of a hill, 1e-6 to 1e6, got {sigma!r}")
        self.sigma = float(sigma)

    def forward(self, maps: Array, targets: Array, mask: Array | None = None) -> Array:
        xp = array_module(maps, targets, *([] if mask is None else [mask]))
        n, rows, columns, j = self._expect(maps, targets)
        if mask is not None and mask.shape != targets.shape:
            raise ShapeError(f"{self} expects a mask of the targets' shape {targets.shape}, one number for x and one "
                             f"for y of each joint, got {mask.shape}")
        seen = xp.ones((n, j), bool) if mask is None else mask.reshape(n, j, 2)[:, :, 0] != 0
        places = xp.where(seen[:, :, None], targets.reshape(n, j, 2), 0).astype(maps.dtype)  # a hidden one may be NaN
        across, down = self._hill(places[:, :, 0], columns), self._hill(places[:, :, 1], rows)  # (N, R, J)
        hill = down[:, :, None] * across[:, None]  # (N, R, R, J)
        z = maps - maps.max(axis=(1, 2), keepdims=True)
        log_p = z - xp.log(xp.exp(z).sum(axis=(1, 2), keepdims=True))
        weight = (seen / xp.maximum(seen.sum(), 1)).astype(maps.dtype)  # (N, J)
        self.remember(log_p, hill, weight)
        return 0 - ((hill * log_p).sum(axis=(1, 2)) * weight).sum()

    def backward(self) -> Array:
        log_p, hill, weight = self.recall()
        return (array_module(log_p).exp(log_p) - hill) * weight[:, None, None]

    def _hill(self, places: Array, size: int) -> Array:
        """(N, J) coordinates -> (N, size, J): softmax of -distance ** 2 / (2 sigma ** 2) to the middle of each cell."""
        xp = array_module(places)
        middles = ((xp.arange(size) + 0.5) / size - 0.5).astype(places.dtype)
        z = ((middles[:, None] - places[:, None]) / self.sigma) ** 2 / -2
        hill = xp.exp(z - z.max(axis=1, keepdims=True))
        return hill / hill.sum(axis=1, keepdims=True)

    def _expect(self, maps, targets):
        if maps.ndim != 4 or targets.shape != (len(maps), 2 * maps.shape[3]):
            raise ShapeError(f"{self} expects maps (N, R, R, J) and targets (N, 2 * J), got {maps.shape} and "
                             f"{targets.shape}. Maps are what models.pose_maps() says; others take PoseLoss(L2Loss()).")
        return maps.shape

    def __repr__(self) -> str:
        return f"JointMapLoss(sigma={self.sigma:g})"
