"""A classifier of windows, slid over a picture at every size: the class and the box of its main subject.

    every level of a pyramid -> every window in it -> K scores -> the best of all places, sizes and classes

Which part of a window its subject fills is the mean of its class. Windows that score high and show nothing are what the
classifier has to learn next (hard negatives: Dalal and Triggs 2005, section 6.6). How a window is judged is said in
hog_svm.py and haar.py; everything else is here.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn.backend import Shape
from tinycnn.callers import trains
from tinycnn.data.dataset import Pictures, Samples
from tinycnn.errors import DataError
from tinycnn.layers import Buffer
from tinycnn.models.base import Images, PictureModel
from tinycnn.models.localizer import Prediction, softmax
from tinycnn.resize import crop_resize

SHARES = (1.0, 0.8, 0.64, 0.5, 0.4, 0.32)  # of a picture's side that a window covers, level by level
MARGIN, LEAST = 1.25, SHARES[-1]  # a window is this much larger than its subject, and never smaller than LEAST
EMPTY, SAME = 0.3, 0.5  # IoU below which a window shows nothing of the subject, and from which two windows are one


class WindowDetector(PictureModel):
    """Base of the detectors. image_size: the side of a window, pixels    step: between two windows    classes: K names

    relative: (K, 4), where in its window a subject of each class lies on average: center x, y, width and height, in
    sides of the window, from its center    sizes: (6,), 1 for each of SHARES that subjects of the training set have

    A detector defines forward(x): scores (N, OH, OW, K) of all windows in pictures x (N, H, W, 3) from normalize();
    features(pictures): what it judges windows (n, S, S, 3) by, (n, D); and learn(x, labels, C).
    """

    def __init__(self, classes: Sequence[str], image_size: int, step: int,
                 config: dict[str, Any] | None = None) -> None:
        self.classes, self.image_size, self.step = tuple(classes), image_size, step
        self.config, self.mirror = config, False
        self.relative = Buffer(np.tile([0.0, 0.0, 1 / MARGIN, 1 / MARGIN], (len(self.classes), 1)))
        self.sizes = Buffer(np.ones(len(SHARES)))

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """Features (n, D) of uint8 pictures of windows (n, S, S, 3)."""
        raise NotImplementedError(f"{type(self).__name__} must define features(self, pictures)")

    def learn(self, x: np.ndarray, labels: np.ndarray, C: float) -> None:
        """Learn to judge windows of features x (n, D); labels (n,) in -1 .. K-1, -1 for none of the classes."""
        raise NotImplementedError(f"{type(self).__name__} must define learn(self, x, labels, C)")

    @trains
    def fit(self, samples: Samples, C: float = 0.01, seed: int = 0, mined: int = 1000, rounds: int = 1) -> None:
        """Learn from the subjects, from windows beside them, and `rounds` times from the worst mistakes.

        C: what a window on the wrong side costs, for an SVM    mined: pictures that mistakes are looked for in
        """
        if not len(samples):
            raise DataError("the training samples are empty: was everything left out when the data were read?")
        if mined < 1 or rounds < 0:
            raise ValueError(f"fit: mined is at least 1, rounds at least 0, got mined={mined}, rounds={rounds}")
        if not (C > 0 and math.isfinite(C)):
            raise ValueError(f"fit: C is what a window on the wrong side costs, a number above 0, got {C!r}")
        samples = self._in_own_order(samples)
        rng, subjects = np.random.default_rng(seed), _unit_boxes(samples)
        windows = _around(subjects)
        parts = [(self._features(samples, windows, flip), samples.labels) for flip in (False, True)]
        for _ in range(2):
            beside = _random_windows(rng, len(samples))
            empty = _iou(beside, subjects) < EMPTY
            if empty.any():
                parts.append((self._features(samples.subset(empty), beside[empty]), np.full(int(empty.sum()), -1)))
        center = (windows[:, :2] + windows[:, 2:]) / 2
        side = windows[:, 2:3] - windows[:, :1]
        inside = np.concatenate([((subjects[:, :2] + subjects[:, 2:]) / 2 - center) / side,
                                 (subjects[:, 2:] - subjects[:, :2]) / side], axis=1)  # fmt: skip
        self.sizes.value = _usual_sizes(side[:, 0])
        of_class = [inside[samples.labels == k] for k in range(len(self.classes))]
        self.relative.value = np.array([(some if len(some) else inside).mean(axis=0) for some in of_class])
        self._learn(parts, C)
        for _ in range(rounds):
            chosen = rng.permutation(len(samples))[:mined]
            parts += self._mistakes(samples.subset(chosen), subjects[chosen])
            self._learn(parts, C)

    def _in_own_order(self, samples):
        """The samples with labels that count as `classes` do; classes without names of their own take theirs."""
        if self.classes == tuple(map(str, range(len(samples.classes)))):
            self.classes = samples.classes
        if len(samples.classes) > len(self.classes):
            raise DataError(f"the training samples have {len(samples.classes)} classes, and the detector "
                            f"{len(self.classes)}: {', '.join(self.classes)}")
        return samples.relabel(self.classes)

    def detections(self, image: np.ndarray, most: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The best windows of one uint8 picture (H, W, 3): windows (n, 4), scores (n,), classes (n,).

        Windows are (xmin, ymin, xmax, ymax) in shares of the picture's width and height, best first (non-maximum
        suppression: one that covers a better one's place is left out).
        """
        windows, scores = self._all_windows(image)
        best = scores.max(axis=1)
        kept = suppress(windows, best, most)
        return windows[kept], best[kept], scores[kept].argmax(axis=1)

    def predict(self, images: Pictures) -> Prediction:
        """Class, probabilities and box of each picture; the arguments and the answer are those of Localizer.predict.

        Probabilities are the softmax of each class's best score: an order, not a measured frequency.
        """
        images = Images(images)
        answers = [self._answer(images[i]) for i in range(len(images))]
        best, boxes, sizes = (np.stack(part) for part in zip(*answers, strict=True))
        return Prediction(best.argmax(axis=1), softmax(2 * best), box_codec.clip(boxes, sizes), self.classes)

    def _answer(self, image):
        """The best score of each class (K,), the box (4,) of the best class, and (H, W) of one picture."""
        windows, scores = self._all_windows(image)
        (best,) = self.finite(scores.max(axis=0).astype(np.float64))
        label = int(best.argmax())
        box = self._subject(windows[scores[:, label].argmax()], label) * np.tile(image.shape[1::-1], 2)
        return best, box, np.array(image.shape[:2])

    def heat(self, image: np.ndarray, label: int, size: int = 64) -> np.ndarray:
        """The score of the best window around each place for a class, (size, size); -inf where none is centered."""
        windows, scores = self._all_windows(image)
        found = np.full((size, size), -np.inf)
        x, y = (((windows[:, i] + windows[:, i + 2]) / 2 * size).astype(int).clip(0, size - 1) for i in (0, 1))
        np.maximum.at(found, (y, x), scores[:, label])
        return found

    def _all_windows(self, image):
        """Windows (n, 4) of all levels in shares of the picture, and their scores (n, K)."""
        height, width = image.shape[:2]
        windows, scores = [], []
        with self.predicting():
            for share in np.array(SHARES)[self.sizes.value > 0]:
                side = round(self.image_size / share)
                level = crop_resize(image, (0, 0, width, height), (side, side))
                found = self.forward(self.normalize(level[None]))[0]  # (OH, OW, K)
                rows, columns = np.mgrid[: found.shape[0], : found.shape[1]] * (self.step / side)
                corner = np.stack([columns, rows], axis=2).reshape(-1, 2)
                windows.append(np.concatenate([corner, corner + self.image_size / side], axis=1))
                scores.append(found.reshape(-1, found.shape[2]))
        return np.concatenate(windows), np.concatenate(scores)

    def _subject(self, window, label):
        """The box of what a window shows, in the window's own units."""
        center, side = (window[:2] + window[2:]) / 2, window[2] - window[0]
        x, y, w, h = self.relative.value[label]
        middle = center + side * np.array([x, y])
        return np.concatenate([middle - side * np.array([w, h]) / 2, middle + side * np.array([w, h]) / 2])

    def _features(self, samples, windows, flip=False):
        """Features (n, D) of one window (n, 4) of each picture."""
        size = (self.image_size, self.image_size)
        parts, sizes = [], samples.sizes
        with self.predicting():
            for start in range(0, len(windows), 256):
                some = range(start, min(start + 256, len(windows)))
                images = [samples.images[i] for i in some]
                places = [tuple(windows[i] * np.tile(sizes[i, ::-1], 2)) for i in some]
                cut = [crop_resize(image, place, size, flip) for image, place in zip(images, places, strict=True)]
                parts.append(self.features(np.stack(cut)))
        return np.concatenate(parts)

    def _mistakes(self, samples, subjects):
        """[features of the highest windows that show nothing of the subject, with the label -1 for each], or []."""
        found = []
        for i in range(len(samples)):
            windows, scores, _ = self.detections(samples.images[i], most=6)
            wrong = (_iou(windows, subjects[i]) < EMPTY) & (scores > -1)
            found += [(i, window) for window in windows[wrong][:3]]
        if not found:
            return []
        chosen = samples.subset([i for i, _ in found])
        return [(self._features(chosen, np.array([window for _, window in found])), np.full(len(found), -1))]

    def _learn(self, parts, C):
        x, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
        self.learn(x, labels.astype(np.int64), C)
        self.has_statistics = True

    def output_shape(self, shape: Shape) -> Shape:
        return (len(self.classes),)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.classes)} classes, windows of {self.image_size} x {self.image_size})"


def suppress(windows: np.ndarray, scores: np.ndarray, most: int, overlap: float = SAME) -> list[int]:
    """Indices of at most `most` windows (n, 4), best first; none overlaps a better one by an IoU of `overlap`."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order) and len(kept) < most:
        kept.append(int(order[0]))
        order = order[_iou(windows[order], windows[order[0]]) < overlap]
    return kept


def _iou(a, b):
    return box_codec.iou(a, np.broadcast_to(b, a.shape)) if len(a) else np.empty(0)


def _unit_boxes(samples):
    """Boxes in shares of each picture's width and height."""
    return samples.boxes / np.tile(samples.sizes[:, ::-1], 2)


def _around(subjects):
    """The square window of each subject, (n, 4): a little larger, not too small, and inside the picture."""
    width, height = (subjects[:, 2:] - subjects[:, :2]).T
    side = np.clip(MARGIN * np.sqrt(width * height), LEAST, 1)[:, None]
    corner = np.clip((subjects[:, :2] + subjects[:, 2:]) / 2 - side / 2, 0, 1 - side)
    return np.concatenate([corner, corner + side], axis=1)


def _usual_sizes(sides):
    """Which of SHARES nine in ten windows (n,) of the training set come near to, (6,): 1 or 0, at least one 1.

    Every size more is a chance more to take something else for a subject.
    """
    low, high = np.quantile(sides, [0.05, 0.95])
    shares = np.array(SHARES)
    usual = (shares >= low / 1.15) & (shares <= high * 1.15)
    usual[abs(shares - np.median(sides)).argmin()] = True
    return usual.astype(np.float64)


def _random_windows(rng, n):
    side = rng.choice(SHARES, (n, 1))
    corner = rng.random((n, 2)) * (1 - side)
    return np.concatenate([corner, corner + side], axis=1)
