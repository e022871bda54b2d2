"""The task of a PoseNet: the joints of one person, whose box is given."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinycnn import poses
from tinycnn.backend import Array, to_device
from tinycnn.box_losses import SmoothL1Loss
from tinycnn.data.pose_augment import PoseAugment
from tinycnn.data.pose_batches import PoseBatch, pose_batches
from tinycnn.data.pose_samples import PoseDataset, PoseSamples, cut_out
from tinycnn.errors import DataError
from tinycnn.history import Row
from tinycnn.losses import L2Loss
from tinycnn.models.pose import PoseNet
from tinycnn.pose_loss import JointMapLoss, PoseLoss
from tinycnn.tasks.parts import expect_part, expect_something, say_if_exploded, two_parts
from tinycnn.text import kind
from tinycnn.updates import ALONE

AROUND = 1.5  # of a window, and of its resolution: what a cut-out holds, so that a turned window finds pixels


class PoseEstimation:
    """See tinycnn/tasks."""

    class_heads = 0
    dataset, samples, taken = PoseDataset, PoseSamples, "PoseSamples for a PoseNet"
    made_by, fields = "tinycnn.data.draw_people makes", "PoseSamples(images, joints, visible, boxes, names)"
    augmented_by = 6, "picture, joints, visible, window, side and generator, such as tinycnn.data.PoseAugment()"

    def __init__(self, model: PoseNet) -> None:
        self.model = self.whole = model
        self.side = round(AROUND * model.image_size)  # of a cut-out

    def fitting(self, train: PoseSamples | PoseDataset,
                valid: PoseSamples | None) -> tuple[PoseSamples, PoseSamples | None]:
        """The samples, each person cut out of his photograph once."""
        samples, valid = two_parts(self, train, valid)
        if valid is not None and len(valid) and not valid.visible[:, poses.TORSO_DIAGONAL].all(axis=1).any():
            raise DataError("nobody among the validation samples shows both ends of the torso's diagonal, the left "
                            "shoulder and the right hip: PCK, which chooses the best epoch, could not be measured")
        return self.cut_out(samples), None if valid is None else self.cut_out(valid)

    def cut_out(self, samples: PoseSamples) -> PoseSamples:
        """Pictures that are small already stay as they are."""
        small = isinstance(samples.images, np.ndarray) and max(samples.images.shape[1:3]) <= self.side
        return samples if small else cut_out(samples, self.side, AROUND * self.whole.margin)

    def usual_loss(self, mix: None) -> PoseLoss:
        """L2 over the joints that are visible; of maps, their cross-entropy."""
        return PoseLoss(JointMapLoss() if self.model.map_size else None)

    def check_loss(self, loss: Any, name: str, mix: None) -> None:
        """A loss of something else is refused with the line that is meant."""
        if not isinstance(loss, PoseLoss) and type(loss).__module__.startswith("tinycnn."):
            raise TypeError(f"{name}: {loss!r} is no loss of a pose: PoseLoss(joint_loss=...)")
        given, maps = getattr(loss, "joint_loss", None), bool(self.model.map_size)
        if isinstance(given, JointMapLoss | L2Loss | SmoothL1Loss) and isinstance(given, JointMapLoss) != maps:
            says, wanted = ("a map of each joint", "JointMapLoss()") if maps else ("28 numbers", "L2Loss()")
            raise TypeError(f"{name}: this PoseNet says {says}, which {given!r} does not compare: "
                            f"PoseLoss({wanted})")

    def fingerprint(self, train: PoseSamples) -> list[float]:
        """What tells one set of training samples from another, for a run that is resumed."""
        return [len(train), int(train.visible.sum()), float(train.joints[train.visible].sum())]

    def prepare(self, train: PoseSamples, augment: PoseAugment | None, seed: int, loss: Any) -> None:
        """Measure the statistics of the joints that training will show, once."""
        if not self.model.has_statistics:
            shown = list(self.batches(train, 512, shuffle=False, augment=augment, seed=seed, epoch=0, workers=0))
            self.model.set_joint_statistics(np.concatenate([batch.codes for batch in shown]),
                                            np.concatenate([batch.visible for batch in shown]))

    def batches(self, samples: PoseSamples, batch_size: int, **how: Any) -> Iterator[PoseBatch]:
        """One pass over samples; how: as of tinycnn.data.pose_batches."""
        return pose_batches(samples, batch_size, self.model.image_size, self.model.margin, **how)

    def truth(self, batch: PoseBatch) -> tuple[Array, Array]:
        """(standardized targets, mask) on the model's device"""
        mask = np.repeat(batch.visible, 2, axis=1).astype(np.float32)
        return self.model.standardize(batch.codes), to_device(mask, self.model.device)

    def forward(self, images: np.ndarray) -> Array:
        """What the network says of pictures on the host."""
        return self.model.forward(self.model.normalize(to_device(images, self.model.device)))

    def backward(self, gradient: Any, name: str) -> None:
        """dloss/doutputs down into the model. name: of the loss that gave it"""
        if getattr(getattr(gradient, "dtype", None), "kind", "") != "f":
            raise TypeError(f"{name}.backward must return one gradient, an array of floating-point numbers, got "
                            f"{kind(gradient)}")
        self.model.backward(gradient, input_gradient=False)

    def validate(self, valid: PoseSamples, loss: Any, batch_size: int, workers: int, processes: Any = ALONE) -> Row:
        """The loss of what is predicted, PCK and PCP, on the validation samples."""
        model, mask = self.whole, np.repeat(valid.visible, 2, axis=1)
        joints = processes.over(valid, lambda part: self._joints(part, batch_size, workers))
        shown = poses.windows(valid.boxes, model.margin)
        if self.model.map_size:  # the loss of maps, not of the places that are read from them
            value = self._mean_loss(valid, loss, batch_size, workers)
        else:
            there, truth = (model.standardize(poses.encode_joints(some, shown)) for some in (joints, valid.joints))
            value = loss.forward(there, (truth, to_device(mask.astype(np.float32), model.device)))
        return {"valid_loss": float(value), "valid_pcp": poses.pcp(joints, valid.joints, valid.visible)["total"],
                "valid_pck": poses.pck(joints, valid.joints, valid.visible)["total"]}

    def say_if_exploded(self, row: Row, loss: Any) -> None:
        """Warn of a loss that is far above that of the mean pose."""
        if isinstance(loss, PoseLoss):
            guess = math.log(self.model.map_size**2) if self.model.map_size else 1.0  # all places alike; the mean pose
            say_if_exploded(row, {"loss": guess}, "look at the people (plots.poses)")

    comparison_table = staticmethod(poses.comparison_table)

    def evaluate(self, samples: PoseSamples, train_samples: PoseSamples | None, batch_size: int,
                 workers: int) -> dict[str, float]:
        """All measures of tinycnn.poses, with those of the mean pose of `train_samples` beside them."""
        expect_part(self, samples, "evaluate")
        expect_something(samples)
        margin = self.whole.margin
        with np.errstate(over="ignore", invalid="ignore"):  # finite() says it once
            (joints,) = self.whole.finite(self._joints(samples, batch_size, workers))
        measured = {"count": len(samples), **poses.evaluate_pose(joints, samples.joints, samples.visible)}
        if train_samples is not None:
            there, here = (poses.windows(some.boxes, margin) for some in (train_samples, samples))
            mean = poses.mean_pose(train_samples.joints, there, train_samples.visible)
            constant = poses.decode_joints(np.broadcast_to(mean, (len(here), *mean.shape)), here)
            baseline = poses.evaluate_pose(constant, samples.joints, samples.visible)
            measured |= {f"mean_pose/{name}": share for name, share in baseline.items()}
        return measured

    def measure(self, samples: PoseSamples, train_samples: PoseSamples | None, batch_size: int,
                workers: int) -> tuple[dict[str, float], None]:
        """What `evaluate` gives; there are no classes to take apart."""
        return self.evaluate(samples, train_samples, batch_size, workers), None

    def _mean_loss(self, samples, loss, batch_size, workers):
        """The mean over all samples, each batch as much as it has joints that are seen."""
        total, seen = 0.0, 0
        with self.model.predicting():
            for batch in self.batches(samples, batch_size, shuffle=False, workers=workers):
                count = int(batch.visible.sum())
                total += count * float(loss.forward(self.forward(batch.images), self.truth(batch)))
                seen += count
        return total / max(1, seen)

    def _joints(self, samples, batch_size, workers):
        """Joints of all samples in their pixels, after all stages, (n, J, 2)."""
        shown = poses.windows(samples.boxes, self.whole.margin)
        joints = poses.decode_joints(self._codes(samples, batch_size, workers), shown)
        with self.whole.predicting():
            return self.whole.refined(joints, samples.images, shown)

    def _codes(self, samples, batch_size, workers):
        """What the first stage says of all samples, in units of their windows, (n, J, 2)."""
        model = self.whole
        with model.predicting():
            shown = pose_batches(samples, batch_size, model.image_size, model.margin, shuffle=False, workers=workers)
            return np.concatenate([model.answer(model.normalize(to_device(b.images, model.device))) for b in shown])
