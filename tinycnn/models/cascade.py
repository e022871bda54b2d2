"""Two stages: a second network looks at a crop around each joint that the first one said, and corrects it.

    person's window -> stage 1 -> 14 joints -> a square around each -> stage 2 -> the joint's place in its square

The squares show less at once, so the same number of pixels shows more detail, and the joint that is meant stands near
the middle: what is left to find is how far the first stage was off (DeepPose, Toshev and Szegedy 2014, section 3.2).
Stage 2 is a PoseNet as stage 1 is, whose person is a square: it says 28 numbers of any square, and two of them are
asked for, those of the joint that the square was made for. So all joints share what it knows of hands and knees.

    first = tc.models.pose_resnet();  tc.fit(first, data, ...)
    model = tc.models.PoseCascade(first, tc.models.pose_plain(32));  tc.fit(model, data, ...)     trains stage 2 alone
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinycnn.backend import Shape, to_device
from tinycnn.errors import DataError
from tinycnn.layers import Buffer
from tinycnn.models.base import structure
from tinycnn.models.pose import PoseNet
from tinycnn.poses import JOINTS, decode_joints, squares
from tinycnn.resize import crop_resize

TOGETHER = 16  # people whose squares are looked at in one forward


class PoseCascade(PoseNet):
    """A PoseNet that has learned, and what corrects it. It predicts, is saved and is loaded as any PoseNet.

    first: stage 1, which stays as it is: its layers are frozen    second: stage 2    zoom: side of a joint's square, as
    a share of the window that stage 1 sees

    Before stage 2 has learned anything the answers are those of stage 1.
    """

    second: PoseNet

    def __init__(self, first: PoseNet, second: PoseNet, zoom: float = 0.5,
                 config: dict[str, Any] | None = None) -> None:
        if isinstance(first, PoseCascade) or isinstance(second, PoseCascade) or first is second:
            raise TypeError("PoseCascade: two networks, each a PoseNet of one stage, are put one behind the other")
        if not 0 < zoom <= 1:
            raise DataError(f"zoom is a share of the person's window, above 0 and at most 1, got {zoom!r}")
        super().__init__(first.trunk, first.head, first.image_size, first.margin, None, first.mirror)
        self.joint_statistics = Buffer(first.joint_statistics.value)
        self.pixel_mean, self.pixel_scale = first.pixel_mean, first.pixel_scale
        self.second, self.zoom = second, zoom
        # Standard deviation of stage 1's errors (J, 2), in units of its window. fit() measures it.
        self.spread = Buffer(np.zeros((len(JOINTS), 2)))
        if config is None and first.config is not None and second.config is not None:
            config = {"architecture": "pose-cascade", "stage_1": first.config, "stage_2": second.config, "zoom": zoom,
                      "mirror": first.mirror}
        for part in (self.trunk, self.head):
            part.freeze()
        self.config, self.built = config, structure(self)

    @property
    def first(self) -> PoseNet:
        """Stage 1 by itself; its layers are this one's."""
        first = PoseNet(self.trunk, self.head, self.image_size, self.margin, None, self.mirror)
        first.joint_statistics, first.has_statistics = self.joint_statistics, True
        first.pixel_mean, first.pixel_scale = self.pixel_mean, self.pixel_scale
        first.config = (self.config or {}).get("stage_1")
        return first

    def refined(self, joints: np.ndarray, images: Sequence[np.ndarray], shown: np.ndarray) -> np.ndarray:
        """What stage 2 makes of the joints (N, J, 2) that stage 1 said, in pixels. shown: its windows (N, 4)"""
        if not self.has_statistics:
            return joints
        (n, j), size, result = joints.shape[:2], self.second.image_size, np.empty(joints.shape)
        for start in range(0, n, TOGETHER):
            people = range(start, min(start + TOGETHER, n))
            around = np.stack([squares(joints[i], self.zoom * (shown[i, 2] - shown[i, 0])) for i in people])
            crops = np.stack([crop_resize(images[i], tuple(square), (size, size))
                              for i, own in zip(people, around, strict=True) for square in own])  # (n * J, S, S, 3)
            codes = self.second.answer(self.second.normalize(to_device(crops, self.device))).reshape(-1, j, j, 2)
            asked = codes[:, range(j), range(j)].reshape(-1, 1, 2)  # of each square, the joint that it was made for
            result[people] = decode_joints(asked, around.reshape(-1, 4)).reshape(-1, j, 2)
        return result

    def multiply_adds(self, shape: Shape) -> int:
        size = self.second.image_size
        return super().multiply_adds(shape) + len(JOINTS) * self.second.multiply_adds((size, size, 3))

    def __repr__(self) -> str:
        return (f"PoseCascade({len(JOINTS)} joints, {self.image_size} x {self.image_size}, then "
                f"{self.second.image_size} x {self.second.image_size} around each)")
