"""The task of a PoseCascade: its second stage learns from squares around joints, and the whole is measured."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinycnn import poses
from tinycnn.backend import to_device, to_numpy
from tinycnn.data.pose_augment import PoseAugment
from tinycnn.data.pose_batches import PoseBatch
from tinycnn.data.pose_crops import crop_batches
from tinycnn.data.pose_samples import PoseDataset, PoseSamples
from tinycnn.models.cascade import PoseCascade
from tinycnn.tasks.pose import AROUND, PoseEstimation

ENOUGH = 512  # people whose joints say how far off a square is in the mean
SMALLEST = 0.005  # of the window: a first stage that knows its training pictures by heart is not that good elsewhere


class PoseRefinement(PoseEstimation):
    """See tinycnn/tasks. `model` is what learns, the second stage; `whole` is what is measured."""

    def __init__(self, model: PoseCascade) -> None:
        super().__init__(model)
        self.cascade, self.model = model, model.second
        self.side = round(AROUND * max(model.image_size, model.second.image_size / model.zoom))

    def fitting(self, train: PoseSamples | PoseDataset,
                valid: PoseSamples | None) -> tuple[PoseSamples, PoseSamples | None]:
        """As for one stage; whose errors are measured on people that it did not learn from, where there are some."""
        train, valid = super().fitting(train, valid)
        train = train.subset(np.flatnonzero(train.visible.any(axis=1)))  # others have no joint to look around
        self.judges = valid if valid is not None and len(valid) else train
        return train, valid

    def prepare(self, train: PoseSamples, augment: PoseAugment | None, seed: int, loss: Any) -> None:
        """Measure how far off stage 1 is, and what numbers stage 2 will have to say, once."""
        if self.cascade.has_statistics:
            return
        spread = np.maximum(self.errors(self.judges.subset(slice(ENOUGH))), SMALLEST)
        self.cascade.spread.value = to_device(spread, self.cascade.device)
        shown = list(self.batches(train.subset(slice(ENOUGH)), 64, shuffle=False, augment=augment, seed=seed, epoch=0,
                                  workers=0))
        self.model.set_joint_statistics(np.concatenate([batch.codes for batch in shown]),
                                        np.concatenate([batch.visible for batch in shown]))
        self.cascade.has_statistics = True

    def errors(self, samples: PoseSamples) -> np.ndarray:
        """Root mean square of stage 1's errors in x and y of joints that are seen, (J, 2), in units of its window."""
        shown = poses.windows(samples.boxes, self.cascade.margin)
        codes = self._codes(samples, 64, 1) - poses.encode_joints(samples.joints, shown)
        seen = samples.visible[..., None]
        return np.sqrt((np.where(seen, codes, 0) ** 2).sum(axis=0) / np.maximum(seen.sum(axis=0), 1))

    def batches(self, samples: PoseSamples, batch_size: int, **how: Any) -> Iterator[PoseBatch]:
        """One pass over samples; how: as of tinycnn.data.pose_crops."""
        return crop_batches(samples, batch_size, self.model.image_size, self.cascade.margin, self.cascade.zoom,
                            to_numpy(self.cascade.spread.value), **how)

    def evaluate(self, samples: PoseSamples, train_samples: PoseSamples | None, batch_size: int,
                 workers: int) -> dict[str, float]:
        """As for one stage, and what stage 1 said alone: stage_1/pcp/total ..."""
        measured = super().evaluate(samples, train_samples, batch_size, workers)
        shown = poses.windows(samples.boxes, self.cascade.margin)
        joints = poses.decode_joints(self._codes(samples, batch_size, workers), shown)
        alone = poses.evaluate_pose(joints, samples.joints, samples.visible)
        return measured | {f"stage_1/{name}": share for name, share in alone.items()}
