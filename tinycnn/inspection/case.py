"""What the checks of a diagnosis look at: one network with its data, and what several of them need, measured once."""

import functools
import math
from dataclasses import dataclass

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn.backend import to_numpy
from tinycnn.data.dataset import Samples
from tinycnn.inspection.heads import head_gradients
from tinycnn.inspection.taps import batch_of, frames, network_input, tap, twin
from tinycnn.inspection.trace import trace
from tinycnn.losses import MultiTaskLoss, SoftmaxCrossEntropy
from tinycnn.models.localizer import Localizer
from tinycnn.optim import Optimizer


@dataclass
class Looked:
    """Predictions on some pictures of one part.

    labels: (n,)    codes: (n, 4) in 0..1    class_loss: the mean    variation: of the features from picture to picture,
    relative to their size
    """

    part: str
    samples: Samples
    labels: np.ndarray
    codes: np.ndarray
    class_loss: float
    variation: float

    @property
    def accuracy(self):
        return float((self.labels == self.samples.labels).mean())

    @property
    def majority(self):
        """Share of the most frequent class: what always giving the same answer would score."""
        return float(np.bincount(self.samples.labels).max() / len(self.samples))


@dataclass
class Case:
    """One network and its data.

    train, unseen: Samples; unseen may be None    loss, optimizer, seed: as for trace    batch_size: training pictures
    whose gradients are looked at    enough: pictures of each part that are predicted
    """

    model: Localizer
    train: Samples
    unseen: Samples | None
    loss: MultiTaskLoss
    optimizer: Optimizer | None
    seed: int
    batch_size: int
    enough: int

    @property
    def trained(self):
        return self.model.has_statistics

    @functools.cached_property
    def batch(self):
        """A few training pictures, all classes in turn."""
        return self.train.subset(in_turn(self.train.labels, self.batch_size))

    @functools.cached_property
    def trace(self):
        few = self.batch
        return trace(self.model, few.images, few.labels, few.boxes, self.loss, self.optimizer, self.seed)

    @functools.cached_property
    def heads(self):
        calm = twin(self.model).eval()
        return head_gradients(calm, *batch_of(calm, self.batch.images, self.batch.labels, self.batch.boxes), self.loss)

    @functools.cached_property
    def on_train(self):
        return self._look("training", self.train)

    @functools.cached_property
    def looked(self):
        """Predictions on pictures that were not trained with, where there are any."""
        return self._look("unseen", self.unseen) if self.unseen is not None else self.on_train

    def _look(self, part, samples):
        some = samples.subset(in_turn(samples.labels, self.enough))
        calm = twin(self.model).eval()
        parts, entrance = [], next(a for name, a in tap(calm).items() if name.startswith("class_head"))
        for i in range(0, len(some), self.batch_size):
            few = slice(i, i + self.batch_size)
            shown, _ = frames(self.model, some.images[few])
            s, outputs = (to_numpy(a).astype(np.float64) for a in calm.answer(network_input(calm, shown)))
            features = to_numpy(entrance.x).reshape(len(s), -1).astype(np.float64)
            parts.append((s, calm.box_codes(outputs, s.argmax(axis=1)), features))
        scores, codes, features = (np.concatenate(a) for a in zip(*parts, strict=True))
        size = math.sqrt(float((features**2).mean())) or 1.0
        variation = math.sqrt(float(features.var(axis=0).mean())) / size
        loss = float(SoftmaxCrossEntropy().forward(scores, some.labels))
        return Looked(part, some, scores.argmax(axis=1), codes, loss, variation)

    @staticmethod
    def codes(samples):
        """True box codes (n, 4) of Samples."""
        return box_codec.encode(samples.boxes, samples.sizes)


def in_turn(labels, most):
    """Indices of at most `most` samples: the first of every class, then the second of every class, and so on."""
    rank = np.empty(len(labels), int)
    for label in np.unique(labels):
        rank[labels == label] = np.arange((labels == label).sum())
    return np.sort(np.lexsort((labels, rank))[:most])
