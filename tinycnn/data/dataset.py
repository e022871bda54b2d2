"""What a data set is: pictures, one class label and one box each, in three parts.

`Samples` is one part: the pictures with their answers. `Dataset` holds the three parts that honest work needs: `train`
to learn from, `valid` to choose settings with, `test` to report once. Where the pictures come from (drawn, or read from
files) makes no difference to anything that uses them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tinycnn.backend import ArrayLike, Labels
from tinycnn.data.splits import divide
from tinycnn.errors import DataError
from tinycnn.text import aligned, count, kind, legible, shortened

LONGEST = 60  # columns of a class name in a table

UNBALANCED = 5  # times as many pictures of the most frequent class as of the rarest one


class Pictures(Protocol):
    """A sequence of pictures: one array, a list of arrays, a Photographs."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: Any, /) -> Any: ...


@dataclass(repr=False)
class Samples:
    """N pictures, each with the class and the box of its main subject.

    images: sequence; images[i] is uint8 (H, W, 3), RGB. One array (N, H, W, 3) where all have one size; a list of
        arrays or a `Photographs` where they differ.
    labels: (N,) int64, on the host, 0 to K - 1
    boxes: (N, 4) float32, (xmin, ymin, xmax, ymax) in pixels of the picture itself, half-open: the pixel columns inside
        are xmin to xmax - 1, so the width is xmax - xmin. The whole picture is (0, 0, W, H).
    names: N strings, to find a picture again
    classes: K names

    Labels and boxes are converted to these types and checked, pictures that are arrays too: DataError says which
    sample is wrong, and how.
    """

    images: Any
    labels: np.ndarray
    boxes: np.ndarray
    names: list[str]
    classes: tuple[str, ...]

    if TYPE_CHECKING:  # what it is made from; the fields above say what becomes of that

        def __init__(self, images: Pictures, labels: Labels, boxes: ArrayLike, names: Sequence[object],
                     classes: Sequence[object]) -> None: ...

    def __post_init__(self) -> None:
        self.names = [str(name) for name in self.names]
        self.classes = tuple(str(name) for name in self.classes)
        expect_pictures(self.images)
        count = len(self.images)
        self.labels = _integers(self.labels)
        self.boxes = np.asarray(self.boxes, dtype=np.float32).reshape(-1, 4) if count == 0 else _boxes(self.boxes)
        for what, length in (("labels", len(self.labels)), ("boxes", len(self.boxes)), ("names", len(self.names))):
            if length != count:
                raise DataError(f"there are {count} images but {length} {what}: every image needs exactly one of each")
        self._check_labels()
        self._check_boxes()

    def _check_labels(self):
        repeated = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if repeated:
            raise DataError(f"the class names {repeated} occur more than once: two classes could not be told apart")
        wrong = np.flatnonzero((self.labels < 0) | (self.labels >= len(self.classes)))
        if wrong.size:
            i = wrong[0]
            raise DataError(
                f"sample {i} ({self.names[i]}) has label {self.labels[i]}, but there are {len(self.classes)} classes "
                f"({_listing(self.classes)}), so labels run from 0 to {len(self.classes) - 1}. "
                "Subtract 1 from labels that count from 1"
            )

    def _check_boxes(self):
        xmin, ymin, xmax, ymax = self.boxes.T
        self._refuse_boxes(~np.isfinite(self.boxes).all(axis=1), "is not finite: every coordinate must be a number")
        self._refuse_boxes(
            (xmax <= xmin) | (ymax <= ymin),
            "has no area: the order is (xmin, ymin, xmax, ymax) with xmin < xmax and ymin < ymax, not (x, y, w, h)",
        )
        height, width = self.sizes.T
        self._refuse_boxes(
            (xmin < 0) | (ymin < 0) | (xmax > width) | (ymax > height),
            "reaches out of its image: boxes are in pixels of the image itself; clip them first",
        )

    def _refuse_boxes(self, wrong, why):
        if wrong.any():
            i = np.flatnonzero(wrong)[0]
            height, width = self.sizes[i]
            raise DataError(
                f"the box {self.boxes[i].tolist()} of sample {i} ({self.names[i]}, {width} x {height} pixels) {why}"
            )

    @property
    def sizes(self) -> np.ndarray:
        """Height and width of every image, (N, 2) int64; known without decoding one."""
        return sizes_of(self.images)

    def imbalance(self) -> tuple[tuple[str, int], tuple[str, int]] | None:
        """(The rarest class that occurs, its pictures), (the most frequent one, its pictures), or None.

        None where the most frequent class has no more than `UNBALANCED` times as many pictures.
        """
        numbers = np.bincount(self.labels, minlength=len(self.classes))
        used = np.flatnonzero(numbers)
        if not len(used) or numbers.max() <= UNBALANCED * numbers[used].min():
            return None
        rarest, most = int(used[numbers[used].argmin()]), int(numbers.argmax())
        return (self.classes[rarest], int(numbers[rarest])), (self.classes[most], int(numbers[most]))

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        classes = count(len(self.classes), "class", "classes")
        return f"Samples({len(self)} images of {classes}: {_listing(self.classes)})"

    def subset(self, indices: Any) -> "Samples":
        """The samples with these indices (integers, a slice, or N booleans), in the order given."""
        indices = np.arange(len(self))[indices]
        images = [self.images[i] for i in indices] if isinstance(self.images, list | tuple) else self.images[indices]
        names = [self.names[i] for i in indices]
        return Samples(images, self.labels[indices], self.boxes[indices], names, self.classes)

    def relabel(self, classes: Sequence[str]) -> "Samples":
        """The same pictures with labels that count in `classes`: others may list the same classes in another order.

        Raises DataError for a class of these pictures that is not among `classes`.
        """
        classes = tuple(classes)
        if self.classes == classes:
            return self
        used = np.unique(self.labels)
        unknown = [self.classes[label] for label in used if self.classes[label] not in classes]
        if unknown:
            raise DataError(f"the data have classes that the model does not know: {', '.join(unknown[:8])}. "
                            f"It knows: {', '.join(classes[:8])}{', ...' if len(classes) > 8 else ''}")
        table = np.array([classes.index(name) if name in classes else -1 for name in self.classes])
        return Samples(self.images, table[self.labels], self.boxes, self.names, classes)

    def split(self, fraction: float, seed: int = 0,
              groups: Sequence[str] | None = None) -> tuple["Samples", "Samples"]:
        """Two Samples that share no picture: (1 - fraction) of them and `fraction` of them, stratified by class.

        Every class gives its share, to within one picture, and the total is exact. A class of one picture stays in the
        first part. groups: N names; pictures of one name stay together (see tinycnn.data.splits).
        """
        rest, taken = divide(self.labels, fraction, seed, groups)
        return self.subset(rest), self.subset(taken)


@dataclass(repr=False)
class Dataset:
    """Three parts that share no picture: `train`, `valid`, `test`, each Samples (possibly empty) of the same classes.

    notes: sentences about what was left out when the set was made, and why
    """

    name: str
    train: Samples
    valid: Samples
    test: Samples
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for part, samples in self.parts.items():
            if samples.classes != self.train.classes:
                raise DataError(
                    f"the {part} part has the classes {_listing(samples.classes)}, the train part "
                    f"{_listing(self.train.classes)}: a label must mean the same class in every part"
                )

    @property
    def classes(self) -> tuple[str, ...]:
        """The K class names; label k means classes[k]."""
        return self.train.classes

    @property
    def parts(self) -> dict[str, Samples]:
        """{"train": ..., "valid": ..., "test": ...}"""
        return {"train": self.train, "valid": self.valid, "test": self.test}

    def __repr__(self) -> str:
        counts = ", ".join(f"{part} {len(samples)}" for part, samples in self.parts.items())
        return f"Dataset({self.name!r}, {count(len(self.classes), 'class', 'classes')}, {counts})"

    def __str__(self) -> str:
        return self.describe()

    def describe(self, most_classes: int = 20) -> str:
        """A table in plain text: pictures of each class in each part, what the boxes are like, and the notes."""
        shown = self.classes[:most_classes]
        counts = [np.bincount(samples.labels, minlength=len(self.classes)) for samples in self.parts.values()]
        rows = [("", *self.parts), ("pictures", *(len(samples) for samples in self.parts.values()))]
        rows += [(f"  {shortened(legible(name), LONGEST)}", *(int(part[k]) for part in counts))
                 for k, name in enumerate(shown)]
        if len(self.classes) > len(shown):
            rest = [int(part[len(shown) :].sum()) for part in counts]
            rows.append((f"  and {len(self.classes) - len(shown)} classes more", *rest))
        statistics = [_box_statistics(samples) for samples in self.parts.values()]
        rows += [(what, *(column[what] for column in statistics)) for what in statistics[0]]
        lines = [f"{legible(self.name)}: {count(len(self.classes), 'class', 'classes')}", *aligned(rows, narrowest=9)]
        notes = [*self.notes, *([told] if (told := self.imbalance()) else [])]
        return "\n".join(lines + [f"note: {legible(note)}" for note in notes])

    def imbalance(self) -> str | None:
        """A sentence on how unequally frequent the classes of the training part are; None where they are not."""
        found = self.train.imbalance()
        if found is None:
            return None
        (rare, few), (frequent, many) = found
        return (f"unbalanced: {count(few, 'training picture')} of {rare}, {many:,} of {frequent}. Look at each class's "
                "accuracy; --balance, or fit(balance=True), shows all classes equally often")


def expect_pictures(images: Any) -> None:
    """Raise a DataError unless pictures, as of Samples, are uint8 (H, W, 3). Those of files are not looked at."""
    whole = isinstance(images, np.ndarray) and images.dtype != object  # one array, of which a look at one tells all
    if not whole and not isinstance(images, list | tuple | np.ndarray):
        return
    for i, picture in enumerate(images[:1] if whole else images):
        shape, dtype = getattr(picture, "shape", None), getattr(picture, "dtype", None)
        if shape is None or dtype is None:
            raise DataError(f"picture {i} is no array, got {kind(picture)}: pictures are arrays of uint8 (H, W, 3); "
                            "those in files are read by tinycnn.data.read")
        if len(shape) != 3 or shape[2] != 3:
            grey = ": gray ones get three channels by np.repeat(gray[..., None], 3, axis=-1)" \
                if len(shape) == 2 or shape[2:] == (1,) else ""
            raise DataError(f"picture {i} is of shape {tuple(shape)}, expected (H, W, 3), RGB, channels last{grey}")
        if dtype != np.uint8:
            raise DataError(f"picture {i} is of {dtype}, expected uint8, 0 to 255; numbers within 0 to 1 become that "
                            "by (pictures * 255).round().astype('uint8')")


def sizes_of(images: Any) -> np.ndarray:
    """Height and width of every picture, (N, 2) int64; known without decoding one."""
    if hasattr(images, "sizes"):
        return np.asarray(images.sizes, dtype=np.int64).reshape(-1, 2)
    if isinstance(images, np.ndarray):
        return np.tile(np.array(images.shape[1:3], dtype=np.int64), (len(images), 1))
    return np.array([image.shape[:2] for image in images], dtype=np.int64).reshape(-1, 2)


def _box_statistics(samples):
    """What the boxes of one part are like, as text; areas and centers relative to the picture."""
    rows = {"smallest picture": "-", "largest picture": "-", "box area, mean": "-", "  smallest": "-", "  largest": "-"}
    rows |= {"box center, spread": "-"}
    if len(samples) == 0:
        return rows
    height, width = samples.sizes.T
    small, large = np.argmin(height * width), np.argmax(height * width)
    relative = samples.boxes / np.stack([width, height, width, height], axis=1)  # (N, 4)
    area = (relative[:, 2] - relative[:, 0]) * (relative[:, 3] - relative[:, 1])
    center = (relative[:, :2] + relative[:, 2:]) / 2  # (N, 2)
    rows["smallest picture"] = f"{width[small]} x {height[small]}"
    rows["largest picture"] = f"{width[large]} x {height[large]}"
    rows["box area, mean"] = f"{area.mean():.1%}"
    rows["  smallest"], rows["  largest"] = f"{area.min():.1%}", f"{area.max():.1%}"
    rows["box center, spread"] = f"{center.std(axis=0).mean():.1%}"
    return rows


def _integers(labels):
    array = np.asarray(labels)
    if array.ndim != 1:
        raise DataError(f"labels must be one integer per image, shape (N,), but came with shape {array.shape}")
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise DataError(f"labels must be integers (a class number each), but came as {array.dtype}")
    return array.astype(np.int64)


def _boxes(boxes):
    array = np.asarray(boxes, dtype=np.float32)
    if array.ndim != 2 or array.shape[1] != 4:
        raise DataError(f"boxes must have shape (N, 4), one (xmin, ymin, xmax, ymax) per image, not {array.shape}")
    return array


def _listing(names, most=8):
    return ", ".join(map(legible, names[:most])) + (f", ... ({len(names)} in all)" if len(names) > most else "")
