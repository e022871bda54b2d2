"""Heads that say what their numbers mean: a class, a box, points, or numbers of any kind.

A head is a chain of layers on the features of a trunk. Besides, it knows its answers: what they look like in a data
set, how they follow a picture that is augmented, what the loss compares with, how good they are. Numbers are
standardized as those of the Localizer's box: 0 means "as in the average training picture", so a head that has learned
nothing says just that.

    answers of samples -> taken -> follow, picture by picture -> encode -> truth, for the loss
    outputs of the network -> decode -> answers in pixels -> measures
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn.backend import Array, device_of, to_device, to_numpy
from tinycnn.class_losses import WeightedCrossEntropy, shares_of_classes
from tinycnn.errors import DataError, ShapeError
from tinycnn.layers import Buffer, Layer, Sequential
from tinycnn.losses import L2Loss, SoftmaxCrossEntropy
from tinycnn.models.localizer import softmax
from tinycnn.views import View, follow, follow_points

NEAR = 0.05  # a point is near its true place within this share of the picture's diagonal


class Head(Sequential):
    """Base of the heads. outputs: how many numbers its last layer gives"""

    outputs: int
    guess = 1.0  # the loss of a head that has learned nothing, by its usual loss

    def expect(self, name: str, features: Any) -> None:
        """Raise ShapeError unless the layers turn the features of the trunk into `outputs` numbers."""
        if self.output_shape(features) != (self.outputs,):
            raise ShapeError(f"the head {name!r} must give {self.outputs} numbers, gives {self.output_shape(features)}")

    def extent(self, answer: Any) -> Sequence[float] | None:
        """The box (xmin, ymin, xmax, ymax) in which one answer lies, in pixels; None where it has no place."""
        return None

    def follow(self, answer: Any, view: View) -> Any:
        """One picture's answer after it was augmented."""
        return answer

    def learn(self, name: str, codes: np.ndarray) -> None:
        """Take the statistics of the training set's codes, where there are any to take."""


class Classified(NamedTuple):
    """What a class head says of N pictures. labels: (N,)    probabilities: (N, K)    classes: K names"""

    labels: np.ndarray
    probabilities: np.ndarray
    classes: tuple[str, ...]


class ClassHead(Head):
    """Which of K classes. classes: K names    answers of samples: N names    codes: labels (n,)"""

    def __init__(self, *layers: Layer, classes: Sequence[str]) -> None:
        super().__init__(*layers)
        self.classes = tuple(str(name) for name in classes)
        self.outputs, self.guess = len(self.classes), math.log(max(1, len(self.classes))) + 0.1
        if not self.classes or isinstance(classes, str) or len(set(self.classes)) < self.outputs:
            raise ValueError(f"ClassHead: classes are at least one name, each another one, in a list, got {classes!r}")

    def taken(self, name: str, answers: np.ndarray, samples: Any) -> np.ndarray:
        """Labels (N,) int64 of names (N,)."""
        if answers.ndim != 1 or answers.dtype.kind not in "UO":
            raise DataError(f"the head {name!r} takes names of classes (N,), got {answers.dtype} of shape "
                            f"{answers.shape}; numbers become names by np.array(classes)[labels]")
        number = {known: k for k, known in enumerate(self.classes)}
        labels = np.array([number.get(str(given), -1) for given in answers], np.int64)
        if (labels < 0).any():
            i = int(np.argmax(labels < 0))
            raise DataError(f"sample {i} ({samples.names[i]}) is of the class {str(answers[i])!r}, and the head "
                            f"{name!r} knows {', '.join(self.classes[:8])}{', ...' if self.outputs > 8 else ''}")
        return labels

    def encode(self, answers: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """The labels as they are."""
        return answers.astype(np.int64)

    def truth(self, codes: np.ndarray, others: np.ndarray | None, mixed: Any) -> tuple[Any, ...]:
        """What follows the outputs in loss.forward: labels (n,) on the host, or shares (n, K) of mixed pictures."""
        if mixed is None or others is None:
            return (codes,)
        return (shares_of_classes(codes, others, mixed.shares, self.outputs),)

    def usual_loss(self, mix: Any) -> Any:
        """Cross-entropy; the one that takes shares where pictures are mixed."""
        return SoftmaxCrossEntropy() if mix is None else WeightedCrossEntropy()

    def decode(self, outputs: np.ndarray, sizes: np.ndarray) -> Classified:
        """Scores (n, K) on the host -> the answers."""
        probabilities = softmax(outputs)
        return Classified(probabilities.argmax(axis=1), probabilities, self.classes)

    def constant(self, codes: np.ndarray, n: int) -> np.ndarray:
        """Outputs (n, K) of an answer that never looks at a picture: the shares of the training set's classes."""
        shares = np.bincount(codes, minlength=self.outputs) / len(codes)
        return np.tile(np.log(np.maximum(shares, 1e-12)), (n, 1))

    def measures(self, found: Classified, answers: np.ndarray, sizes: np.ndarray) -> dict[str, float]:
        """accuracy, and balanced_accuracy: the mean of the accuracies of the classes that occur"""
        right = found.labels == answers
        by_class = [right[answers == k].mean() for k in np.unique(answers)]
        return {"accuracy": float(right.mean()), "balanced_accuracy": float(np.mean(by_class))}


class Standardized(Head):
    """Base of the heads that answer with numbers. statistics: Buffer (2, D), mean and standard deviation of the codes
    """

    may_lack = True  # whether NaN, an answer that is not known, is taken
    smallest = 1e-3  # numbers that never vary must not divide by 0

    def __init__(self, layers: tuple[Layer, ...], outputs: int, mean: float, std: float) -> None:
        super().__init__(*layers)
        self.outputs, self.statistics = outputs, Buffer(np.array([[mean] * outputs, [std] * outputs]))

    def learn(self, name: str, codes: np.ndarray) -> None:
        codes = np.asarray(codes, np.float64).reshape(len(codes), -1)
        known = ~np.isnan(codes)
        if not known.any(axis=0).all():
            raise DataError(f"the training samples never have number {int((~known.any(axis=0)).argmax()) + 1} of "
                            f"{self.outputs} for the head {name!r}: it cannot be learned")
        std = np.maximum(np.nanstd(codes, axis=0), self.smallest)
        was = self.statistics.value
        new = np.stack([np.nanmean(codes, axis=0), std]).astype(was.dtype)
        self.statistics.value = to_device(new, device_of(was))

    def truth(self, codes: np.ndarray, others: Any, mixed: Any) -> tuple[Array, ...]:
        """Standardized targets (n, D), float32, and where some may lack a mask like them, both where the model is."""
        mean, std = self.statistics.value[0], self.statistics.value[1]
        device, codes = device_of(mean), codes.reshape(len(codes), -1)
        targets = ((to_device(np.nan_to_num(codes), device) - mean) / std).astype(np.float32)
        return (targets, to_device((~np.isnan(codes)).astype(np.float32), device)) if self.may_lack else (targets,)

    def usual_loss(self, mix: Any) -> Any:
        """The squared error of standardized numbers."""
        return L2Loss()

    def codes_of(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs (n, D) on the host -> codes (n, D), float64."""
        mean, std = to_numpy(self.statistics.value).astype(np.float64)
        return outputs.astype(np.float64) * std + mean

    def constant(self, codes: np.ndarray, n: int) -> np.ndarray:
        """Outputs (n, D) of an answer that never looks at a picture: the mean of the training set."""
        mean, std = to_numpy(self.statistics.value).astype(np.float64)
        return np.tile((np.nanmean(codes.reshape(len(codes), -1).astype(np.float64), axis=0) - mean) / std, (n, 1))

    def _numbers(self, name, answers, shape, samples):
        """answers (N, *shape) as float64; DataError where they are something else."""
        if answers.dtype.kind not in "fiub" or answers.shape[1:] != shape:
            raise DataError(f"the head {name!r} takes numbers {('N', *shape)}, got {answers.dtype} {answers.shape}")
        answers = answers.astype(np.float64)
        wrong = np.isinf(answers) | np.isnan(answers) & (not self.may_lack)
        if wrong.any():
            i = int(np.argwhere(wrong)[0][0])
            raise DataError(f"sample {i} ({samples.names[i]}) has {answers[i].tolist()} for the head {name!r}")
        return answers


class BoxHead(Standardized):
    """One box. answers of samples: (N, 4) xyxy in pixels    codes: (n, 4) as of tinycnn.boxes"""

    may_lack = False

    def __init__(self, *layers: Layer) -> None:
        super().__init__(layers, 4, 0.5, 0.25)

    def taken(self, name: str, answers: np.ndarray, samples: Any) -> np.ndarray:
        """(N, 4) float32, as Samples has boxes; each must have an area within its picture."""
        boxes = self._numbers(name, answers, (4,), samples).astype(np.float32)
        inside = box_codec.area(box_codec.clip(boxes, samples.sizes)) > 0 if len(boxes) else np.ones(0, bool)
        wrong = ~(inside & (boxes[:, 2:] > boxes[:, :2]).all(axis=1))
        if wrong.any():
            i = int(np.argmax(wrong))
            raise DataError(f"sample {i} ({samples.names[i]}): the box {boxes[i].tolist()} for the head {name!r} "
                            "has no area in its picture: boxes are (xmin, ymin, xmax, ymax) in pixels")
        return boxes

    def extent(self, answer: Any) -> Sequence[float]:
        return [float(number) for number in answer]

    def follow(self, answer: Any, view: View) -> np.ndarray:
        return follow(answer, view.window, view.size, view.mirrored)

    def encode(self, answers: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """(cx, cy, h, w) in shares of the picture."""
        return box_codec.encode(answers, sizes)

    def decode(self, outputs: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Boxes (n, 4) in pixels, clipped to their pictures."""
        return box_codec.clip(box_codec.decode(self.codes_of(outputs), sizes), sizes)

    def measures(self, found: np.ndarray, answers: np.ndarray, sizes: np.ndarray) -> dict[str, float]:
        """mean_iou, and iou50: the share of boxes with an IoU of at least .5"""
        iou = box_codec.iou(found, answers)
        return {"mean_iou": float(iou.mean()), "iou50": float((iou >= 0.5).mean())}


class PointsHead(Standardized):
    """P points, such as joints. names: P    answers of samples: (N, P, 2), x and y in pixels, NaN where one is hidden
    codes: (n, P, 2) in shares of width and height

    mirrored: (P,) which point is which in a mirror: left and right hands change places; None: all stay
    """

    def __init__(self, *layers: Layer, names: Sequence[str], mirrored: Sequence[int] | None = None) -> None:
        super().__init__(layers, 2 * len(names), 0.5, 0.25)
        self.names = tuple(map(str, names))
        self.mirrored = tuple(range(len(names)) if mirrored is None else mirrored)
        if sorted(self.mirrored) != list(range(len(names))):
            raise ValueError(f"PointsHead: mirrored names each of {len(names)} points once, got {mirrored!r}")

    def taken(self, name: str, answers: np.ndarray, samples: Any) -> np.ndarray:
        """(N, P, 2) float64; a point is known in both coordinates or in none."""
        points = self._numbers(name, answers, (len(self.names), 2), samples)
        return np.where(np.isnan(points).any(axis=2, keepdims=True), np.nan, points)

    def extent(self, answer: Any) -> Sequence[float] | None:
        seen = answer[~np.isnan(answer).any(axis=1)]
        return [*(seen.min(axis=0) - 0.5).tolist(), *(seen.max(axis=0) + 0.5).tolist()] if len(seen) else None

    def follow(self, answer: Any, view: View) -> np.ndarray:
        new = follow_points(answer, view)
        return new[list(self.mirrored)] if view.mirrored else new

    def encode(self, answers: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Shares of width and height."""
        return answers.astype(np.float64) / np.asarray(sizes)[:, None, ::-1]

    def decode(self, outputs: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Points (n, P, 2) in pixels."""
        return self.codes_of(outputs).reshape(len(outputs), -1, 2) * np.asarray(sizes)[:, None, ::-1]

    def measures(self, found: np.ndarray, answers: np.ndarray, sizes: np.ndarray) -> dict[str, float]:
        """distance: the mean from the true place, as a share of the picture's diagonal; near: the share of points
        within NEAR of that. Of known points alone; NaN where there is none
        """
        far = np.linalg.norm(found - answers, axis=2) / np.linalg.norm(sizes, axis=1)[:, None]
        far = far[~np.isnan(far)]
        return {"distance": float(far.mean()), "near": float((far <= NEAR).mean())} if far.size else \
            {"distance": math.nan, "near": math.nan}


class NumbersHead(Standardized):
    """D numbers without a place, such as an age. names: D    answers of samples: (N, D), or (N,) of one; NaN where one
    is not known    codes: as they are
    """

    smallest = 1e-12

    def __init__(self, *layers: Layer, names: Sequence[str]) -> None:
        super().__init__(layers, len(names), 0.0, 1.0)
        self.names = tuple(map(str, names))

    def taken(self, name: str, answers: np.ndarray, samples: Any) -> np.ndarray:
        """(N, D) float64."""
        answers = answers[:, None] if answers.ndim == 1 else answers
        return self._numbers(name, answers, (len(self.names),), samples)

    def encode(self, answers: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """As they are."""
        return answers.astype(np.float64)

    def decode(self, outputs: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Numbers (n, D)."""
        return self.codes_of(outputs)

    def measures(self, found: np.ndarray, answers: np.ndarray, sizes: np.ndarray) -> dict[str, float]:
        """error: the mean absolute difference of those that are known"""
        off = abs(found - answers)
        off = off[~np.isnan(off)]
        return {"error": float(off.mean()) if off.size else math.nan}
