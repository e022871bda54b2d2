"""The loss of a pose: how far the joints are off, over those that are visible."""

from typing import Any

from tinycnn.backend import Array
from tinycnn.layers.base import Layer
from tinycnn.losses import L2Loss


class PoseLoss(Layer):
    """A loss of numbers, L2Loss() or SmoothL1Loss(), over the coordinates of visible joints (DeepPose, section 3.1).

    outputs: (N, 2 * J)    truth: (targets (N, 2 * J), mask (N, 2 * J)), on the same device; where the mask is 0, a
    joint is hidden, has no part in the loss, and gets no gradient, whatever its target holds
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
