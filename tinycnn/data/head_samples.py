"""Pictures with any number of answers each, by the name of the head that is to give them.

    HeadSamples(images, {"class": ["cat", "dog", ...], "box": boxes, "joints": joints}, names)

Classes are given by their names, so no order of classes can be mistaken for another. Boxes and points are in pixels of
the picture itself. What the answers must look like is for the heads to say (tinycnn.models.named_heads).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tinycnn.backend import ArrayLike
from tinycnn.data.dataset import Pictures, Samples, expect_pictures, sizes_of
from tinycnn.data.pose_samples import PoseSamples
from tinycnn.errors import DataError


@dataclass(repr=False)
class HeadSamples:
    """N pictures, each with one answer for every head.

    images: sequence; images[i] is uint8 (H, W, 3), RGB    names: N strings, to find a picture again
    answers: {head: N answers}: names of classes (N,); boxes (N, 4), xyxy in the picture's own pixels; points (N, P, 2),
        x and y there; numbers (N,) or (N, D). NaN where a point or a number is not known
    """

    images: Any
    answers: dict[str, np.ndarray]
    names: list[str]

    if TYPE_CHECKING:  # what it is made from; the fields above say what becomes of that

        def __init__(self, images: Pictures, answers: Mapping[str, ArrayLike | Sequence[str]],
                     names: Sequence[object]) -> None: ...

    def __post_init__(self) -> None:
        expect_pictures(self.images)
        self.names = [str(name) for name in self.names]
        if not isinstance(self.answers, Mapping) or not all(isinstance(name, str) for name in self.answers):
            raise DataError('answers are a dictionary, one entry for each head: {"class": names, "box": boxes, ...}')
        self.answers = {name: np.asarray(given) for name, given in self.answers.items()}
        lengths = {f"answers for {name!r}": len(given) if given.ndim else 0 for name, given in self.answers.items()}
        for what, length in (lengths | {"names": len(self.names)}).items():
            if length != len(self.images):
                raise DataError(f"there are {len(self.images)} images but {length} {what}: every image needs "
                                "exactly one")

    @classmethod
    def of(cls, samples: Samples | PoseSamples, **more: ArrayLike | Sequence[str]) -> "HeadSamples":
        """The answers of Samples as "class" and "box", or those of PoseSamples as "joints" and "box", and more by name.

            HeadSamples.of(people, activity=["jumps", "sits", ...])
        """
        if isinstance(samples, PoseSamples):
            found = {"joints": np.where(samples.visible[..., None], samples.joints, np.nan), "box": samples.boxes}
        else:
            found = {"class": np.array(samples.classes)[samples.labels], "box": samples.boxes}
        return cls(samples.images, found | more, samples.names)

    @property
    def sizes(self) -> np.ndarray:
        """Height and width of every image, (N, 2) int64."""
        return sizes_of(self.images)

    def subset(self, indices: Any) -> "HeadSamples":
        """The samples with these indices (integers, a slice, or N booleans), in the order given."""
        indices = np.arange(len(self))[indices]
        images = [self.images[i] for i in indices] if isinstance(self.images, list | tuple) else self.images[indices]
        return HeadSamples(images, {name: given[indices] for name, given in self.answers.items()},
                           [self.names[i] for i in indices])

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"HeadSamples({len(self)} pictures, answers for {', '.join(self.answers)})"


@dataclass
class HeadDataset:
    """Three parts that share no picture: `train`, `valid`, `test`. notes: what was left out when it was made, and why
    """

    name: str
    train: HeadSamples
    valid: HeadSamples
    test: HeadSamples
    notes: list[str] = field(default_factory=list)

    @property
    def parts(self) -> dict[str, HeadSamples]:
        """{"train": ..., "valid": ..., "test": ...}"""
        return {"train": self.train, "valid": self.valid, "test": self.test}
