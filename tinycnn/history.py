"""The record of a training run: the losses of an epoch, collected, and one row of numbers per epoch, kept as a CSV."""

import csv
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tinycnn.backend import array_module, to_numpy
from tinycnn.errors import CheckpointError, DataError, TrainingError
from tinycnn.files import atomic_write
from tinycnn.losses import Loss
from tinycnn.text import kind

Row = dict[str, float]
HEADLINES = ("valid_joint", "valid_pck")  # what the best epoch is chosen by
SHOWN = {"valid_accuracy": "accuracy", "valid_mean_iou": "IoU", "valid_joint": "joint", "valid_pcp": "PCP",
         "valid_pck": "PCK"}
WITHIN = "epoch/"  # how the arrays of a checkpoint begin that is written in the middle of an epoch
LOOK_EVERY = 50  # steps between two looks at the losses on a GPU; each look waits for it to finish


@dataclass
class History:
    """rows: one dict per epoch, with the same keys: epoch, seconds, lr, loss, and each term of the loss under its name
    (class_loss, box_loss). Where there are validation samples, also valid_loss, valid_class_loss, valid_box_loss,
    valid_accuracy, valid_mean_iou, valid_iou50, valid_joint; for poses valid_pck and valid_pcp; for a MultiHead the
    measures of each head, such as valid_box/mean_iou.
    """

    rows: list[Row] = field(default_factory=list)

    def column(self, name: str) -> list[float]:
        """One number per epoch: history.column("valid_joint")."""
        return [row[name] for row in self.rows]

    @property
    def best_epoch(self) -> int:
        """The epoch (counted from 1) with the highest valid_joint, for poses valid_pck, the first among equals; while
        that is 0, or where there is none, as of a MultiHead, the one with the lowest valid_loss; the last where nothing
        was validated.
        """
        columns = self.rows[0] if self.rows else {}
        headline = next((name for name in HEADLINES if name in columns), None)
        if headline is None and "valid_loss" not in columns:
            return len(self.rows)
        values = [0.0] if headline is None else self.column(headline)
        if max(values) == 0 and "valid_loss" in columns:
            values = [-loss for loss in self.column("valid_loss")]
        return values.index(max(values)) + 1

    @property
    def waited(self) -> int:
        """How many epochs have come after the best one."""
        return len(self) - self.best_epoch

    def save(self, path: str | Path) -> None:
        """Write the rows as CSV."""
        with atomic_write(path, "w") as file:
            writer = csv.DictWriter(file, fieldnames=list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            for row in self.rows:
                writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return "\n".join(describe(row) for row in self.rows)


def describe(row: Row) -> str:
    """One epoch as a line for people."""
    terms = [name.removesuffix("_loss") for name in row if name.endswith("_loss") and not name.startswith("valid_")]
    told = ", ".join(f"{name} {row[f'{name}_loss']:.4f}" for name in terms)
    line = f"epoch {row['epoch']:>3}  {row['seconds']:5.1f} s  loss {row['loss']:.4f}" + (f" ({told})" if told else "")
    if "valid_loss" in row:
        valid = ", ".join(f"{name} {row[f'valid_{name}_loss']:.4f}" for name in terms if f"valid_{name}_loss" in row)
        words = SHOWN | {name: name.removeprefix("valid_") for name in row if "/" in name}
        shown = [f"{told} {row[name]:.3f}" for name, told in words.items() if name in row]
        line += "   valid: " + ", ".join([valid or f"loss {row['valid_loss']:.4f}", *shown])
    return line


def read_rows(path: Path) -> list[Row]:
    """The rows of a history.csv; none where there is no such file.

    DataError, one sentence, where it is damaged: what is no number, no column of epochs or losses, or no row, which no
    run leaves, since the file is written after the first epoch.
    """
    if not path.is_file():
        return []
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [{name: float(text) for name, text in row.items()} for row in csv.DictReader(file)]
        if not rows:
            raise ValueError("it has no row, so no epoch")
        if missing := [name for name in ("epoch", "loss") if name not in rows[0]]:
            raise ValueError(f"it has no column {missing[0]}")
        return [row | {"epoch": int(row["epoch"])} for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, csv.Error) as error:
        raise DataError(f"{path} is damaged, or was written by something else ({error})") from error


def losses_of(loss: Loss, value: Any) -> dict[str, Any]:
    """{"loss": value, "class_loss": ..., ...}: a loss and its terms, as columns of the history; each is one number."""
    name, terms = type(loss).__name__, getattr(loss, "terms", None)
    if not isinstance(terms, dict):
        raise TypeError(f"{name} needs an attribute `terms` after forward: a dictionary of what the loss is made of, "
                        f"which history shows, such as {{'box': box_loss}}; {{}} will do. Got {kind(terms)}")
    if taken := [term for term in terms if str(term).startswith("valid")]:
        raise TypeError(f"{name}: a term may not be called {taken[0]!r}: history puts valid_ before validation's own")
    found = {"loss": value, **{f"{term}_loss": number for term, number in terms.items()}}
    for column, number in found.items():
        if not isinstance(number, float | int) and getattr(number, "shape", None) != ():
            raise TypeError(f"{name}: {column} must be one number for the whole batch, its mean for instance, "
                            f"got {kind(number)}")
    return found


class Meter:
    """Collects the losses of an epoch where they are computed, and stops the run when one is not a number."""

    def __init__(self, epoch: int, batches: int) -> None:
        """epoch: counted from 1    batches: that it has"""
        self.epoch, self.batches, self.start = epoch, batches, time.perf_counter()
        self.lr = 0.0  # of the last step
        self.names: tuple[str, ...] = ()
        self.waiting: list[Any] = []
        self.seen: list[np.ndarray] = []
        self.counts: list[int] = []
        self.steps: list[int] = []

    def add(self, loss: Loss, value: Any, count: int, step: int) -> None:
        """loss: whose forward has just returned value    count: images of the batch    step: that it is part of"""
        found = losses_of(loss, value)
        if self.counts and self.names != tuple(found):
            raise TypeError(f"{type(loss).__name__}.terms has other names than in the step before: "
                            f"{', '.join(found)} after {', '.join(self.names)}")
        self.names = tuple(found)
        xp = array_module(*(number for number in found.values() if not isinstance(number, float | int)))
        self.waiting.append(xp.stack([xp.asarray(number) for number in found.values()]))
        self.counts.append(count)
        self.steps.append(step)
        # On the host a look is free, and it comes before backward, so the weights are still good.
        if xp is np or len(self.waiting) >= LOOK_EVERY:
            self.look()

    def look(self) -> None:
        """Bring down what has been computed since the last look."""
        if not self.waiting:
            return
        values = to_numpy(array_module(self.waiting[0]).stack(self.waiting)).astype(np.float64)
        for losses in values:
            total, *terms = zip(self.names, losses, strict=True)
            for name, value in (*terms, total):  # a term says more
                if not math.isfinite(value):
                    step = self.steps[len(self.seen)]
                    cause = "The usual cause is a learning rate that is too high: try a tenth of it, a longer " \
                            "warm-up, or clip_norm=5. What was saved before is intact."
                    if step == 1:
                        cause = "No weight has moved yet, so the learning rate is not to blame: look at the weights " \
                                "that it began with, at the boxes, and at the loss itself."
                    title = name.replace("_", " ")
                    raise TrainingError(f"the {title} became {value} at step {step} (epoch {self.epoch}). {cause}")
            self.seen.append(losses)
        self.waiting = []

    def means(self) -> Row:
        """Mean losses over the images of the epoch, as columns of the history."""
        self.look()
        means = np.average(self.seen, axis=0, weights=self.counts).tolist()
        return dict(zip(self.names, means, strict=True))

    def seconds(self) -> float:
        """How long the epoch has taken so far; an interruption does not count."""
        return time.perf_counter() - self.start

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What a checkpoint within the epoch keeps: (as JSON, arrays by name)."""
        self.look()
        return {"names": self.names, "batches": len(self.counts), "lr": self.lr, "seconds": self.seconds()}, \
            {f"{WITHIN}losses": np.array(self.seen), f"{WITHIN}counts": np.array(self.counts, np.int64),
             f"{WITHIN}steps": np.array(self.steps, np.int64)}

    @classmethod
    def of(cls, epoch: int, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> "Meter":
        """One that goes on behind the last batch of a checkpoint, from what `state` gave."""
        meter = cls(epoch, 0)
        losses, counts, steps = (arrays[f"{WITHIN}{name}"] for name in ("losses", "counts", "steps"))
        fits = counts.shape == steps.shape == losses.shape[:1]
        if not fits or losses.shape != (state["batches"], len(state["names"])):
            raise CheckpointError(f"the checkpoint is of {state['batches']} batches of an epoch, and its losses are "
                                  f"{losses.shape}: they are damaged")
        meter.names, meter.lr, meter.start = tuple(state["names"]), state["lr"], meter.start - float(state["seconds"])
        meter.seen, meter.counts, meter.steps = list(losses.astype(np.float64)), counts.tolist(), steps.tolist()
        return meter
