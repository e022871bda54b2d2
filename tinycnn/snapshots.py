"""What a network says of a few pictures after each epoch, in a small file beside a run: out/epochs.npz.

Of POOL pictures, drawn once, class and box are predicted at the end of every epoch. At most SHOWN of them are kept as
pictures too: first those that are wrong in the newest epoch. So the file is rewritten after each epoch, and is complete
whenever the training stops. A prediction draws no random number and changes no weight: a run gives the same bits with
snapshots as without.
"""

import json
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tinycnn import boxes as box_codec
from tinycnn.backend import to_device, to_numpy
from tinycnn.data.batches import skipped
from tinycnn.data.dataset import Samples
from tinycnn.data.photographs import PictureError
from tinycnn.errors import DataError
from tinycnn.files import atomic_write
from tinycnn.metrics import HIT
from tinycnn.models.localizer import Localizer, softmax
from tinycnn.models.weights import DAMAGED
from tinycnn.resize import crop_resize

NAME = "epochs.npz"
FORMAT = "tinycnn-epochs-1"
POOL = 20  # pictures that are predicted after each epoch
SHOWN, WRONG = 6, 4  # of them, those that the file keeps as pictures, and how many of these may be wrong ones
SIDE = 64  # pixels of the longer side of a picture that is kept
TOP = 5  # most probable classes that are kept of an answer
KEPT = 100  # epochs; of a longer run every second one, every fourth ...
AT_ONCE = 8  # pictures that are predicted together
LIMIT = 2**24  # bytes that the arrays of such a file may claim


@dataclass
class Record:
    """The answers of E epochs to P pictures.

    part: the part of the data that they are from    names: P strings    classes: K names    labels: (P,) the truth
    truth: (P, 4) true boxes, (xmin, ymin, xmax, ymax) as fractions of width and height, like all boxes here
    sizes: (P, 2) heights and widths of the pictures in pixels    epochs: (E,), counted from 1
    top: (E, P, T) the most probable classes first    shares: (E, P, T) their probabilities
    true_shares: (E, P) the probability of the true class    boxes: (E, P, 4)
    pictures: {number in 0 .. P-1: uint8 (h, w, 3)} of those to be shown, in the order in which to show them
    """

    part: str
    names: list[str]
    classes: list[str]
    labels: np.ndarray
    truth: np.ndarray
    sizes: np.ndarray
    epochs: np.ndarray
    top: np.ndarray
    shares: np.ndarray
    true_shares: np.ndarray
    boxes: np.ndarray
    pictures: dict[int, np.ndarray] = field(default_factory=dict)

    def overlaps(self) -> np.ndarray:
        """IoU of each epoch's boxes with the true ones, in the pictures' own pixels: (E, P). 0 for a box of NaN."""
        scale = self.sizes[:, [1, 0, 1, 0]].astype(np.float64)  # (P, 4)
        found = [box_codec.iou(boxes * scale, self.truth * scale) for boxes in self.boxes]
        return np.array(found, np.float64).reshape(len(self.epochs), len(self.labels))

    def right(self) -> np.ndarray:
        """Whether class and box are both right: (E, P)."""
        return (self.top[:, :, 0] == self.labels) & (self.overlaps() >= HIT)

    def to_show(self) -> list[int]:
        """Numbers of at most SHOWN pictures: those that end wrong first, the most stubborn before the others.

        At most WRONG of them end wrong, as far as there are others.
        """
        right = self.right()
        stubborn = np.argsort(right.sum(axis=0), kind="stable").tolist()
        wrong, learned = ([i for i in stubborn if right[-1, i] == end] for end in (False, True))
        first = max(WRONG, SHOWN - len(learned))
        return [*wrong[:first], *learned][:SHOWN]

    def goes_on_with(self, other: "Record") -> bool:
        """Whether epochs of `other` are about the same pictures and classes as those of this one."""
        return (self.names, self.classes, self.labels.tolist(), self.top.shape[1:]) == \
            (other.names, other.classes, other.labels.tolist(), other.top.shape[1:])

    def save(self, path: str | Path) -> None:
        """Write everything to `path`, whole or not at all."""
        meta = {"format": FORMAT, "part": self.part, "names": self.names, "classes": self.classes,
                "pictures": list(self.pictures)}
        arrays: dict[str, Any] = {name: getattr(self, name) for name in DTYPES}
        arrays |= {f"picture{i}": picture for i, picture in self.pictures.items()}
        with atomic_write(path) as file:
            np.savez_compressed(file, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)


DTYPES = {"labels": np.int64, "truth": np.float32, "sizes": np.int64, "epochs": np.int64, "top": np.uint16,
          "shares": np.float32, "true_shares": np.float32, "boxes": np.float32}
PER_EPOCH = ("epochs", "top", "shares", "true_shares", "boxes")


def read_record(path: str | Path) -> Record:
    """The Record in an epochs.npz. Raises DataError, one sentence, for a file that is damaged or something else."""
    try:
        with zipfile.ZipFile(path) as archive:
            claimed = sum(info.file_size for info in archive.infolist())
        if claimed > LIMIT:
            raise ValueError(f"it claims {claimed} bytes")
        with np.load(path, allow_pickle=False) as members:
            arrays = {name: members[name] for name in members.files}
        meta = json.loads(bytes(arrays["meta"].astype(np.uint8)))
        if meta["format"] != FORMAT:
            raise ValueError(f"its format is {meta['format']!r}")
        record = Record(str(meta["part"]), [str(name) for name in meta["names"]], [str(c) for c in meta["classes"]],
                        **{name: arrays[name].astype(dtype) for name, dtype in DTYPES.items()},
                        pictures={int(i): arrays[f"picture{int(i)}"] for i in meta["pictures"]})
        _expect_shapes(record)
    except (*DAMAGED, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged, or was written by something else ({error}): what the epochs of this run "
                        "said is not known") from error
    return record


def _expect_shapes(record):
    e, p, t, k = len(record.epochs), len(record.names), record.top.shape[-1], len(record.classes)
    wanted = {"labels": (p,), "truth": (p, 4), "sizes": (p, 2), "epochs": (e,), "top": (e, p, t), "shares": (e, p, t),
              "true_shares": (e, p), "boxes": (e, p, 4)}
    wrong = [name for name, shape in wanted.items() if getattr(record, name).shape != shape]
    numbered = max(record.top.max(initial=0), record.labels.max(initial=0)) < k and record.labels.min(initial=0) >= 0
    images = all(i in range(p) and picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8
                 for i, picture in record.pictures.items())
    if wrong or not (e and p and t and numbered and images):
        raise ValueError(f"{wrong[0] if wrong else 'a class or a picture'} does not fit the rest")


class Snapshots:
    """The epochs.npz of a run, written epoch by epoch.

    out: the folder, or None to keep nothing    parts: {"train": samples, "valid": samples}, of which the validation
    samples are predicted, or the training samples where there are none. A model that is no Localizer has none.
    """

    def __init__(self, out: Path | None, model: Any, parts: dict[str, Any]) -> None:
        part = "valid" if "valid" in parts else "train"
        samples = parts.get(part)
        fits = out is not None and isinstance(model, Localizer) and isinstance(samples, Samples) and len(samples)
        self.path = out / NAME if out is not None and fits else None
        self.model, self.part = model, part
        self.samples: Any = samples
        self.record: Record | None = None  # what is known of the epochs so far
        self.frames: Any = None  # (P, S, S, 3) the pool as the network is shown it
        self.small: list[np.ndarray] = []  # and as it is kept

    def begin(self, done: int) -> list[str]:
        """Go on behind epoch `done`, with what the file says of the epochs before. Returns sentences for people."""
        if self.path is None or not done:
            return []
        try:
            record = read_record(self.path) if self.path.exists() else None
        except DataError as error:
            return [f"{error}. Those from epoch {done + 1} on will be kept"]
        if record is not None and (record.epochs <= done).any():
            self.record = _only(record, record.epochs <= done)
        return []

    def keep(self, epoch: int) -> None:
        """Predict, and write the file. epoch: the one that has just ended, counted from 1"""
        if self.path is None:
            return
        if self.frames is None:
            self._look_at_pool()
        if self.record is None:  # all pictures of the pool are gone
            return
        answers = {name: value[None] for name, value in self._answers(self.record.labels).items()}
        new = answers | {"epochs": np.array([epoch])}
        for name in PER_EPOCH:
            setattr(self.record, name, np.concatenate([getattr(self.record, name), new[name]]).astype(DTYPES[name]))
        epochs, apart = self.record.epochs, 1
        while (epoch - 1) // apart >= KEPT:  # by the number of the epoch alone, so that a resumed run keeps the same
            apart *= 2
        self.record = _only(self.record, ((epochs - 1) % apart == 0) | (epochs == epoch))
        self.record.pictures = {i: self.small[i] for i in self.record.to_show()}
        self.record.save(self.path)

    def _look_at_pool(self):
        """Draw the pool, and decode its pictures once."""
        pool = np.sort(np.random.default_rng(0).permutation(len(self.samples))[:POOL])
        seen = {int(i): image for i in pool if (image := self._picture(int(i))) is not None}
        if not seen:
            self.path = self.record = None
            return
        chosen, images = self.samples.subset(list(seen)).relabel(self.model.classes), list(seen.values())
        self.frames = np.stack([self.model.fit_frame(image) for image in images])
        self.small = [_small(image) for image in images]
        truth = (chosen.boxes / chosen.sizes[:, [1, 0, 1, 0]]).astype(np.float32)
        p, t = len(chosen), min(TOP, len(self.model.classes))
        new = Record(
            self.part, chosen.names, list(self.model.classes), chosen.labels, truth, chosen.sizes,
            epochs=np.empty(0, np.int64), top=np.empty((0, p, t), np.uint16), shares=np.empty((0, p, t), np.float32),
            true_shares=np.empty((0, p), np.float32), boxes=np.empty((0, p, 4), np.float32))
        if self.record is None or not self.record.goes_on_with(new):
            self.record = new  # an earlier file of other pictures says nothing of these

    def _picture(self, i):
        """Picture i, or None where its file is gone, as the training may go on without it."""
        try:
            return self.samples.images[i]
        except PictureError as error:
            if skipped(self.samples, i, error):
                return None
            raise

    def _answers(self, labels):
        """What the network says of the pool: top, shares, true_shares, boxes, of one epoch."""
        model, scores, outputs = self.model, [], []
        with model.predicting(), np.errstate(over="ignore", invalid="ignore"):  # the training says what went wrong
            for start in range(0, len(self.frames), AT_ONCE):
                x = model.normalize(to_device(self.frames[start : start + AT_ONCE], model.device))
                answer = model.answer(x)
                scores.append(to_numpy(softmax(answer[0])))
                outputs.append(to_numpy(answer[1]))
            shares = np.concatenate(scores)  # (P, K)
            top = np.argsort(-shares, axis=1, kind="stable")[:, :TOP]  # (P, T)
            codes = model.box_codes(np.concatenate(outputs), top[:, 0])  # (P, 4)
            whole = np.ones((len(codes), 2))  # pictures of height and width 1
            boxes = box_codec.clip(box_codec.decode(codes, whole), whole)
        return {"top": top, "shares": np.take_along_axis(shares, top, axis=1),
                "true_shares": shares[np.arange(len(labels)), labels], "boxes": boxes}


def _only(record, epochs):
    """The record with these epochs alone; (E,) booleans."""
    return replace(record, **{name: getattr(record, name)[epochs] for name in PER_EPOCH})


def _small(image):
    """A picture (H, W, 3) whose longer side has SIDE pixels at most."""
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return crop_resize(image, (0, 0, width, height), size)
