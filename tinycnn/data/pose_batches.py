"""From people to batches, as tinycnn.data.batches does it for boxes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinycnn.data.batches import Share, in_batches, painted, passed_over
from tinycnn.data.pose_augment import PoseAugment
from tinycnn.data.pose_samples import PoseSamples
from tinycnn.poses import encode_joints, windows
from tinycnn.resize import crop_resize


@dataclass(frozen=True)
class PoseBatch:
    """n people ready for the network, with their joints, all on the host."""

    images: np.ndarray  # (n, S, S, 3) uint8
    codes: np.ndarray  # (n, J, 2) float32: x, y in units of the window, from its center; of no meaning where hidden
    visible: np.ndarray  # (n, J) bool
    indices: np.ndarray  # (n,) int64: which samples these are

    def first(self, n: int) -> "PoseBatch":
        """The first n of them."""
        return PoseBatch(self.images[:n], self.codes[:n], self.visible[:n], self.indices[:n])


def pose_batches(samples: PoseSamples, batch_size: int, image_size: int, margin: float, *, shuffle: bool,
                 augment: PoseAugment | None = None, seed: int = 0, epoch: int = 0,
                 workers: int = 1, skip_missing: bool = False, first: int = 0,
                 share: Share = (0, 1)) -> Iterator[PoseBatch]:
    """One pass over `samples`: an iterator of `PoseBatch`. margin: how much around a person is seen (see `windows`)

    augment: a `PoseAugment`, or any function (image, joints, visible, window, size, rng) -> (image, codes, visible)
    The other arguments are those of tinycnn.data.batches.
    """
    shown = windows(samples.boxes, margin)

    def augmented(i, image, rng):
        return augment(image, samples.joints[i], samples.visible[i],  # type: ignore[misc]  # asked where there is one
                       shown[i], image_size, rng)

    def prepare(indices, rows, rng):
        passed_over(augment, rows.start, lambda row: augmented(indices[row], samples.images[indices[row]], rng), rng)
        whole, indices = len(rows) == len(indices), indices[rows.start : rows.stop]
        joints, visible = samples.joints[indices], samples.visible[indices]
        codes, windowed = encode_joints(joints, shown[indices]), shown[indices]

        def paint(row, image):
            if augment is None:
                return crop_resize(image, tuple(windowed[row]), (image_size, image_size))
            picture, codes[row], visible[row] = augmented(indices[row], image, rng)
            return picture

        images, kept = painted(samples, indices, image_size, paint, skip_missing,
                               lambda: passed_over(augment, 1, None, rng), whole)
        return PoseBatch(images, codes[kept].astype(np.float32), visible[kept], indices[kept])

    return in_batches(len(samples), batch_size, prepare, shuffle, seed, epoch, False, workers, share, first=first)
