"""From people to the squares of a second stage: one around each joint that is seen, off by chance as stage 1 is off."""

from collections.abc import Iterator

import numpy as np

from tinycnn.data.batches import Share, in_batches, passed_over, skipped
from tinycnn.data.pose_augment import PoseAugment
from tinycnn.data.pose_batches import PoseBatch
from tinycnn.data.pose_samples import PoseSamples
from tinycnn.errors import DataError
from tinycnn.poses import encode_joints, squares, windows
from tinycnn.resize import crop_resize


def crop_batches(samples: PoseSamples, batch_size: int, image_size: int, margin: float, zoom: float,
                 spread: np.ndarray, *, shuffle: bool, augment: PoseAugment | None = None, seed: int = 0,
                 epoch: int = 0, workers: int = 1, skip_missing: bool = False, first: int = 0,
                 share: Share = (0, 1)) -> Iterator[PoseBatch]:
    """One pass over `samples`: an iterator of `PoseBatch`, in which a row is a joint and not a person.

    batch_size: people; each gives as many rows as joints of his are seen, and in a row only that joint is visible
    zoom: side of a square, as a share of the person's window (see `windows`)    spread: (J, 2), standard deviation of
    the normal offsets of its center from the true joint, as shares of that window too
    The other arguments are those of pose_batches; a batch is not shared by processes.
    """
    if share != (0, 1):
        raise DataError("the second stage of a pose is trained by one process: a batch of people has as many rows as "
                        "joints of theirs are seen")
    shown = windows(samples.boxes, margin)
    size = (image_size, image_size)

    def prepare(indices, _, rng):
        images, codes, visible, rows = [], [], [], []
        for i in indices:
            side = shown[i, 2] - shown[i, 0]
            seen = np.flatnonzero(samples.visible[i])
            centers = samples.joints[i, seen] + rng.normal(0, 1, (len(seen), 2)) * spread[seen] * side
            try:
                image = samples.images[i]
                for j, square in zip(seen, squares(centers, zoom * side), strict=True):
                    asked, joints = np.arange(samples.joints.shape[1]) == j, samples.joints[i]
                    if augment is None:
                        crop = crop_resize(image, tuple(square), size)
                        (places,) = encode_joints(joints[None], square[None])
                    else:
                        crop, places, asked = augment(image, joints, asked, square, image_size, rng)
                    images.append(crop)
                    codes.append(places)
                    visible.append(asked)
                    rows.append(i)
            except (DataError, OSError) as error:
                if skip_missing and skipped(samples, i, error):
                    passed_over(augment, len(seen), None, rng)
                    continue
                raise DataError(f"sample {i} ({samples.names[i]}): {error}") from error
        if not images:
            raise DataError(f"nothing is left of a batch of {len(indices)}, {samples.names[indices[0]]} first: the "
                            "pictures are gone, or no joint of these people is seen")
        return PoseBatch(np.stack(images), np.stack(codes).astype(np.float32), np.stack(visible), np.array(rows))

    return in_batches(len(samples), batch_size, prepare, shuffle, seed, epoch, False, workers, first=first)
