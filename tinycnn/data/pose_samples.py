"""People with their joints: what `Samples` is to boxes, `PoseSamples` is to poses.

A picture may be of any size; each shows one person, whose box is given. Joints are (x, y) in the picture's own pixels,
in the order of tinycnn.poses.JOINTS, left and right being the person's own. A joint that is hidden has no truth: it is
never learned from and never counted, and may hold any number, NaN included.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tinycnn.backend import ArrayLike
from tinycnn.data.dataset import Pictures, expect_pictures
from tinycnn.errors import DataError
from tinycnn.poses import JOINTS, windows
from tinycnn.resize import crop_resize
from tinycnn.text import aligned, legible


@dataclass(repr=False)
class PoseSamples:
    """N pictures, each of one person.

    images: sequence; images[i] is uint8 (H, W, 3), RGB    joints: (N, J, 2) float64, J = 14
    visible: (N, J) bool    boxes: (N, 4) float64, the person's (xmin, ymin, xmax, ymax), which may reach out of the
    picture    names: N strings, to find a picture again

    DataError says which sample is wrong, and how: no visible joint, a visible joint that is no number, a box without
    area. A visible joint outside its picture is allowed: a foot may be cut off.
    """

    images: Any
    joints: np.ndarray
    visible: np.ndarray
    boxes: np.ndarray
    names: list[str]

    if TYPE_CHECKING:  # what it is made from; the fields above say what becomes of that

        def __init__(self, images: Pictures, joints: ArrayLike, visible: ArrayLike | None, boxes: ArrayLike,
                     names: Sequence[object]) -> None: ...

    def __post_init__(self) -> None:
        expect_pictures(self.images)
        n, j = len(self.images), len(JOINTS)
        self.names = [str(name) for name in self.names]
        self.visible = np.ones((n, j), bool) if self.visible is None else np.asarray(self.visible)
        for what, shape, dtype in (("joints", (n, j, 2), float), ("visible", (n, j), bool), ("boxes", (n, 4), float)):
            array = np.asarray(getattr(self, what)).astype(dtype)
            if array.shape != shape and array.size + n:  # an empty list has no shape of its own
                raise DataError(f"{n} pictures of people need {what} of shape {shape}, got {array.shape}"
                                + (": a box is (xmin, ymin, xmax, ymax) around each person" if what == "boxes" else ""))
            setattr(self, what, array.reshape(shape))
        if len(self.names) != n:
            raise DataError(f"there are {n} images but {len(self.names)} names: every image needs exactly one")
        low, high = self.boxes[:, :2], self.boxes[:, 2:]
        self._refuse(~(np.isfinite(self.boxes).all(axis=1) & (high > low).all(axis=1)), "has a person box without area")
        self._refuse(~self.visible.any(axis=1), "shows no joint: with all hidden there is nothing to learn")
        broken = (~np.isfinite(self.joints).all(axis=2) & self.visible).any(axis=1)
        self._refuse(broken, "has a visible joint whose place is not a number: mark it as hidden")

    def _refuse(self, wrong, why):
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            raise DataError(f"sample {i} ({self.names[i]}) {why}")

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"PoseSamples({len(self)} people)"

    def subset(self, indices: Any) -> "PoseSamples":
        """The samples with these indices (integers, a slice, or N booleans), in the order given."""
        indices = np.arange(len(self))[indices]
        images = [self.images[i] for i in indices] if isinstance(self.images, list | tuple) else self.images[indices]
        return PoseSamples(images, self.joints[indices], self.visible[indices], self.boxes[indices],
                           [self.names[i] for i in indices])

    def split(self, fraction: float, seed: int = 0) -> tuple["PoseSamples", "PoseSamples"]:
        """Two PoseSamples that share no picture: (1 - fraction) of them and `fraction` of them."""
        if not 0 <= fraction < 1:
            raise DataError(f"a fraction to split off lies between 0 and 1 (1 excluded), not {fraction!r}")
        order = np.random.default_rng(seed).permutation(len(self))
        taken = max(1, round(fraction * len(self))) if fraction > 0 and len(self) > 1 else 0
        return self.subset(np.sort(order[taken:])), self.subset(np.sort(order[:taken]))


@dataclass(repr=False)
class PoseDataset:
    """Three parts that share no picture: `train`, `valid`, `test`. notes: what was left out when it was made, and why
    """

    name: str
    train: PoseSamples
    valid: PoseSamples
    test: PoseSamples
    notes: list[str] = field(default_factory=list)

    @property
    def parts(self) -> dict[str, PoseSamples]:
        """{"train": ..., "valid": ..., "test": ...}"""
        return {"train": self.train, "valid": self.valid, "test": self.test}

    def __repr__(self) -> str:
        return f"PoseDataset({self.name!r}, {', '.join(f'{part} {len(some)}' for part, some in self.parts.items())})"

    def __str__(self) -> str:
        return self.describe()

    def describe(self) -> str:
        """A table in plain text: people in each part, how many joints are seen, how large they are, and the notes."""
        rows: list[Iterable[object]] = [("", *self.parts), ("people", *map(len, self.parts.values()))]
        seen = [f"{part.visible.mean():.1%}" if len(part) else "-" for part in self.parts.values()]
        sides = [f"{_sides(part).mean():.0f} pixels" if len(part) else "-" for part in self.parts.values()]
        rows += [("joints that are seen", *seen), ("side of a person's box, mean", *sides)]
        lines = [f"{legible(self.name)}: {len(JOINTS)} joints", *aligned(rows, narrowest=9)]
        return "\n".join(lines + [f"note: {legible(note)}" for note in self.notes])


def _sides(samples):
    return (samples.boxes[:, 2:] - samples.boxes[:, :2]).max(axis=1)


def cut_out(samples: PoseSamples, side: int, margin: float) -> PoseSamples:
    """Every person by himself: pictures of side x side pixels that show margin times the longer side of his box.

    Decoding and shrinking a photograph takes longer than a training step, so it is done once; joints and boxes follow.
    """
    images = np.empty((len(samples), side, side, 3), np.uint8)
    shown = windows(samples.boxes, margin)
    for i, window in enumerate(shown):
        try:
            images[i] = crop_resize(samples.images[i], tuple(window), (side, side))
        except (DataError, OSError) as error:
            raise DataError(f"sample {i} ({samples.names[i]}): {error}") from error
    scale = side / (shown[:, 2:3] - shown[:, :1])  # (N, 1)
    joints = (samples.joints - shown[:, None, :2]) * scale[..., None]
    boxes = (samples.boxes - np.tile(shown[:, :2], 2)) * scale
    return PoseSamples(images, joints, samples.visible, boxes, samples.names)
