"""Where the mistakes are: by class, by what is taken for what, by the size of the object, and picture by picture.

`metrics` says how good a localizer is in one number; here the same answers are taken apart. Everything is counted from
predictions alone, so it works for every model that answers with classes and boxes, and for answers of your own.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinycnn.backend import ArrayLike, Labels
from tinycnn.boxes import clip, iou
from tinycnn.data.dataset import Samples
from tinycnn.errors import DataError, ShapeError
from tinycnn.metrics import HIT
from tinycnn.plots.look import Figure
from tinycnn.text import count, legible, shortened, table

SIZES = tuple(np.linspace(0, 1, 11).round(1).tolist())  # bounds of an object's side, as a share of the picture's
MOST_CLASSES, MOST_PAIRS, MOST_WORST = 20, 5, 5  # that are written out
LONGEST = 40  # columns of a name


def confusion_matrix(labels: Labels, truth: Labels, num_classes: int) -> np.ndarray:
    """How many pictures of each class were given each class: (K, K) int64; row: the true class, column: the answer.

    labels, truth: (N,) integers 0 .. K-1. Every picture is counted once; those on the diagonal are right.
    """
    labels, truth = np.asarray(labels), np.asarray(truth)
    if labels.shape != truth.shape or labels.ndim != 1:
        raise ShapeError(f"expected one label per image twice, (N,) and (N,), got {labels.shape} and {truth.shape}")
    for what, array in (("labels", labels), ("truth", truth)):
        if array.size and (array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= num_classes):
            raise DataError(f"{what} must be whole numbers from 0 to {num_classes - 1} for {num_classes} classes, got "
                            f"{array.dtype} from {array.min()} to {array.max()}")
    counts = np.bincount(truth.astype(np.int64) * num_classes + labels.astype(np.int64), minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def object_sizes(samples: Samples) -> np.ndarray:
    """How large each main subject is, (N,): the root of its box's share of the picture, 0 to 1.

    .5 is a box half as high and half as wide as its picture.
    """
    height, width = samples.sizes.T
    xmin, ymin, xmax, ymax = samples.boxes.astype(np.float64).T
    return np.sqrt((xmax - xmin) * (ymax - ymin) / (height * width))


@dataclass(frozen=True, repr=False)
class Breakdown:
    """Answers about N samples, taken apart.

    samples: the N Samples    labels: (N,) answered classes    probabilities: (N, K)
    boxes: (N, 4) answered, xyxy in each picture's own pixels, clipped to it    iou: (N,) with the true boxes
    """

    samples: Samples
    labels: np.ndarray
    probabilities: np.ndarray
    boxes: np.ndarray
    iou: np.ndarray

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the K classes."""
        return self.samples.classes

    @property
    def right(self) -> np.ndarray:
        """(N,) bool: whether the class is right."""
        return self.labels == self.samples.labels

    @property
    def confusion(self) -> np.ndarray:
        """(K, K): row: the true class, column: the answer."""
        return confusion_matrix(self.labels, self.samples.labels, len(self.classes))

    def by_class(self) -> list[dict[str, Any]]:
        """One dict for each class that occurs, in the order of the classes: {"class": its name, "count": its pictures,
        "accuracy": share that is called by it, "mean_iou", "joint", "answers": how many of all were called by it}.
        """
        found, answers = [], np.bincount(self.labels, minlength=len(self.classes))
        for label in np.unique(self.samples.labels):
            its = self.samples.labels == label
            found.append({"class": self.classes[label], **self._scores(its), "answers": int(answers[label])})
        return found

    def confused(self) -> list[tuple[str, str, int]]:
        """(true class, answer, pictures) for each pair that was taken one for the other, the most frequent first."""
        matrix = self.confusion - np.diag(np.diag(self.confusion))
        order = np.argsort(-matrix, axis=None, kind="stable")[: np.count_nonzero(matrix)]
        return [(self.classes[k // len(matrix)], self.classes[k % len(matrix)], int(matrix.flat[k])) for k in order]

    def by_size(self) -> list[dict[str, float]]:
        """One dict for each step of .1 of the object's size (see `object_sizes`) that occurs, the smallest first:
        {"from", "to", "count", "accuracy", "mean_iou", "joint"}.
        """
        sizes = object_sizes(self.samples)
        steps = np.clip(np.searchsorted(SIZES, sizes, side="right") - 1, 0, len(SIZES) - 2)
        return [{"from": SIZES[k], "to": SIZES[k + 1], **self._scores(steps == k)} for k in np.unique(steps).tolist()]

    @property
    def goodness(self) -> np.ndarray:
        """(N,): the probability given to the true class, times the IoU: 1 for a certain and exact answer, 0 for one
        whose class or box is altogether wrong.
        """
        rows = np.arange(len(self.labels))
        return self.probabilities[rows, self.samples.labels].astype(np.float64) * self.iou

    def worst(self, most: int = 12) -> np.ndarray:
        """Indices of the samples with the worst answers by `goodness`, at most so many, the worst first."""
        return np.argsort(self.goodness, kind="stable")[:most]

    def numbers(self) -> dict[str, Any]:
        """All of it in types that JSON knows; of the pictures the names of the worst."""
        return {"classes": self.by_class(), "confusion": self.confusion.tolist(), "sizes": self.by_size(),
                "worst": [self.samples.names[i] for i in self.worst()]}

    def plot(self) -> Figure:
        """The confusion matrix."""
        from tinycnn.plots.breakdown import confusion_figure

        return confusion_figure(self.confusion, self.classes)

    def plot_classes(self) -> Figure:
        """The accuracy and the mean IoU of each class, in the order in which they are written out."""
        from tinycnn.plots.breakdown import classes_figure

        return classes_figure(self._worst_first())

    def plot_sizes(self) -> Figure:
        """The IoU over the size of the object."""
        from tinycnn.plots.breakdown import sizes_figure

        return sizes_figure(object_sizes(self.samples), self.iou, self.by_size())

    def plot_worst(self, most: int = 12) -> Figure:
        """The pictures with the worst answers, the worst first."""
        from tinycnn.models.localizer import Prediction
        from tinycnn.plots import predictions

        i = self.worst(most)
        shown = Prediction(self.labels[i], self.probabilities[i], self.boxes[i], self.classes)
        return predictions(self.samples.subset(i), shown, title=f"The {count(len(i), 'worst answer')} of "
                           f"{len(self.labels):,}: least probability of the true class times IoU")

    def figures(self) -> dict[str, Any]:
        """{file name: function that draws it}"""
        return {"confusion.png": self.plot, "classes.png": self.plot_classes, "sizes.png": self.plot_sizes,
                "worst.png": self.plot_worst}

    def _worst_first(self):
        """by_class, sorted: the order of the table and of the figure."""
        return sorted(self.by_class(), key=lambda row: (row["joint"], row["accuracy"], row["mean_iou"]))

    def _scores(self, its):
        hit = self.right[its] & (self.iou[its] >= HIT)
        return {"count": int(its.sum()), "accuracy": float(self.right[its].mean()),
                "mean_iou": float(self.iou[its].mean()), "joint": float(hit.mean())}

    def __repr__(self) -> str:
        return f"Breakdown({count(len(self.labels), 'answer')}, {count(len(self.classes), 'class', 'classes')})"

    def __str__(self) -> str:
        classes = self._worst_first()
        title = "each class" if len(classes) <= MOST_CLASSES else \
            f"the {MOST_CLASSES} of {len(classes)} classes that do worst"
        rows = [(title, "pictures", "class right", "mean IoU", "joint")]
        rows += [(_short(row["class"]), f"{row['count']:,}", *_three(row)) for row in classes[:MOST_CLASSES]]
        parts = [table(rows)]
        pairs = self.confused()
        of = dict(zip(self.classes, self.confusion.sum(axis=1).tolist(), strict=True))
        if pairs:
            told = [f"{_short(true)} for {_short(answer)} ({n:,} of {of[true]:,})" for true, answer, n in
                    pairs[:MOST_PAIRS]]
            parts.append(f"Most often mistaken: {'; '.join(told)}.")
        rows = [("side of the object", "pictures", "class right", "mean IoU", "joint")]
        rows += [(f"{row['from']:.1f} to {row['to']:.1f}", f"{row['count']:,}", *_three(row)) for row in self.by_size()]
        parts.append(table(rows) + "\nA share of the picture's side: the root of the box's area over the picture's.")
        some = ", ".join(f"{_short(self.samples.names[i])} ({self.goodness[i]:.2f})" for i in self.worst(MOST_WORST))
        parts.append(f"Worst answers, by the probability of the true class times IoU: {some}.")
        return "\n\n".join(parts)


def breakdown(labels: Labels, boxes: ArrayLike, probabilities: ArrayLike, samples: Samples) -> Breakdown:
    """The Breakdown of answers about `samples`: labels (N,), boxes (N, 4) xyxy in pixels of each picture, probabilities
    (N, K). Boxes are clipped to their pictures, as in all metrics.
    """
    labels, boxes, probabilities = np.asarray(labels), np.asarray(boxes, np.float64), np.asarray(probabilities)
    n = len(samples)
    if n == 0:
        raise DataError("there is nothing to take apart: the samples are empty")
    for what, array, shape in (("labels", labels, (n,)), ("boxes", boxes, (n, 4)),
                               ("probabilities", probabilities, (n, len(samples.classes)))):
        if array.shape != shape:
            raise ShapeError(f"expected {what} of shape {shape} for {count(n, 'image')} of "
                             f"{count(len(samples.classes), 'class', 'classes')}, got {array.shape}")
    confusion_matrix(labels, samples.labels, len(samples.classes))  # the numbers are classes
    boxes = clip(boxes, samples.sizes)
    return Breakdown(samples, labels, probabilities, boxes, iou(boxes, samples.boxes))


def _short(name):
    return shortened(legible(name), LONGEST)


def _three(row):
    return tuple(f"{row[name]:.3f}" for name in ("accuracy", "mean_iou", "joint"))
