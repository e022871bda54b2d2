"""From people to batches, as tinycnn.data.batches does it for boxes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinycnn.data.batches import Share, in_batches, passed_over, skipped, those_left
from tinycnn.data.pose_augment import PoseAugment
from tinycnn.data.pose_samples import PoseSamples
from tinycnn.errors import DataError
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

    def painted(i, rng, image=None):
        image = samples.images[i] if image is None else image
        return augment(image, samples.joints[i], samples.visible[i],  # type: ignore[misc]  # asked where there is one
                       shown[i], image_size, rng)

    def prepare(indices, rows, rng):
        passed_over(augment, rows.start, lambda row: painted(indices[row], rng), rng)
        indices = indices[rows.start : rows.stop]
        images = np.empty((len(indices), image_size, image_size, 3), np.uint8)
        joints, visible = samples.joints[indices], samples.visible[indices]
        codes = encode_joints(joints, shown[indices])
        kept = []
        for row, i in enumerate(indices):
            try:
                image = samples.images[i]
                kept.append(row)
                if augment is None:
                    images[row] = crop_resize(image, tuple(shown[i]), (image_size, image_size))
                else:
                    images[row], codes[row], visible[row] = painted(i, rng, image)
            except (DataError, OSError) as error:
                if skip_missing and skipped(samples, i, error):
                    passed_over(augment, 1, lambda row: None, rng)
                    continue
                raise DataError(f"sample {i} ({samples.names[i]}): {error}") from error
        if len(kept) < len(indices):
            left = those_left(kept, indices, samples)
            images, codes, visible, indices = (a[left] for a in (images, codes, visible, indices))
        return PoseBatch(images, codes.astype(np.float32), visible, indices)

    return in_batches(len(samples), batch_size, prepare, shuffle, seed, epoch, False, workers, share, first=first)
