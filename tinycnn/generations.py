"""The two checkpoints of a run: the last one, and the one before, for the case that a disk has damaged the last.

    checkpoint.npz             what the next step depends on
    checkpoint.previous.npz    the same as it was when checkpoint.npz was written; together they take twice the space

Every checkpoint is read to its end and compared with its checksums before a run goes on with it.
"""

import functools
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tinycnn.data.contents import PREFIX, Contents, from_arrays
from tinycnn.errors import CheckpointError
from tinycnn.history import Row
from tinycnn.layers import Layer
from tinycnn.models.weights import DAMAGED, read_extra
from tinycnn.text import byte_size, count

LAST, PREVIOUS = "checkpoint.npz", "checkpoint.previous.npz"
FOREIGN = "checkpoint.other.npz"  # as what a whole checkpoint.npz is kept that is not the run's own
LARGE = 10**8  # bytes of a run's files that are worth a word


@dataclass(frozen=True)
class Kept:
    """What a checkpoint says of its run, without weights.

    settings: as `fit` keeps them    rows: of the history    samples: {part: Contents}, {} in those of earlier versions
    model: the fingerprint of model.npz, None in those of earlier versions    within: of the epoch that it was written
    in the middle of, as Meter.state gives it; {} between two epochs    why: a sentence where it is not the last one
    foreign: the last one is whole, but does not fit
    """

    path: Path
    settings: dict[str, Any]
    rows: list[Row]
    samples: dict[str, Contents]
    model: str | None
    within: dict[str, Any]
    why: str = ""
    foreign: bool = False

    @property
    def begun(self) -> int:
        """How many epochs have begun."""
        return len(self.rows) + bool(self.within)

    @property
    def behind(self) -> str:
        """What has been done, in words: 2 epochs and 5 batches."""
        epochs = count(len(self.rows), "epoch")
        if not self.within:
            return epochs
        batches = count(self.within["batches"], "batch", "batches")
        return f"{epochs} and {batches}" if self.rows else batches


def has_checkpoint(folder: Path) -> bool:
    """Whether a run can go on in `folder`."""
    return any((folder / name).exists() for name in (LAST, PREVIOUS))


def newest(folder: Path, expect_fit: Callable[[Kept], None] | None = None) -> Kept | None:
    """The last checkpoint that is whole, or None where there is none at all.

    expect_fit: raises a CheckpointError for one that is not of the run that is to go on: it is passed over too
    Raises CheckpointError where those that are there are damaged, or do not fit.
    """
    wrong, misfit = [], None
    for path in (folder / LAST, folder / PREVIOUS):
        if not path.exists():
            continue
        try:
            _expect_whole(path)
            kept = read_checkpoint(path)
        except CheckpointError as error:
            wrong.append(str(error))
            continue
        try:
            if expect_fit is not None:
                expect_fit(kept)
        except CheckpointError as error:
            misfit = misfit or error
            continue
        if path.name == LAST:
            return kept
        cause = wrong[0] if wrong else str(misfit or f"{folder / LAST} is gone")
        why = f"{cause}. The one before it, {path}, is whole: the run goes on from there, with {kept.behind} " \
              "behind it, and ends with the same bits" + (f". The other one is kept as {FOREIGN}" if misfit else "")
        return replace(kept, why=why, foreign=misfit is not None)
    if misfit is not None:
        raise misfit
    if wrong:
        raise CheckpointError("; and ".join(wrong) + ". Without a checkpoint a run cannot go on: start a new one")
    return None


def read_checkpoint(path: Path) -> Kept:
    """What a checkpoint.npz says of its run. Raises CheckpointError for a file that is damaged, or no checkpoint."""
    extra, arrays = read_extra(path, PREFIX)
    was = extra.get("settings")
    if was is None:
        raise CheckpointError(f"{path} is a model, not a checkpoint: it has no optimizer state to resume from")
    try:
        _expect_sense(extra)
        if isinstance(was.get("loss"), list):  # as earlier versions wrote it
            weights = "class_weight={}, box_weight={}".format(*map(float, was["loss"]))
            was["loss"] = f"MultiTaskLoss({weights}, box_loss=L2Loss())"
        was.setdefault("freeze", None)
        within = extra.get("within") or {}
        if within and not (isinstance(within["batches"], int) and within["batches"] > 0):
            raise ValueError(f"{within['batches']!r} batches of an epoch")
        return Kept(path, was, extra["rows"], from_arrays(arrays), extra.get("model"), within)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise CheckpointError(f"{path}: what it says of its run is damaged ({error})") from error


def _expect_sense(extra):
    """Raise a ValueError or a KeyError where what goes with the arrays is not as `Run.state` writes it."""
    rows, average = extra["rows"], extra.get("average") or 0
    if not isinstance(extra["settings"], dict) or not isinstance(extra["settings"].get("epochs"), int):
        raise ValueError("its settings name no number of epochs")
    if not isinstance(rows, list) or [row["epoch"] for row in rows] != list(range(1, len(rows) + 1)):
        raise ValueError("its history does not count the epochs from 1")
    if any(row.keys() != rows[0].keys() or not all(type(number) in (int, float) for number in row.values())
           for row in rows):
        raise ValueError("its history is not one of the same numbers for each epoch")
    counts = [extra["steps"], average, *(extra.get("turns") or {}).values()]
    if any(type(number) is not int or number < 0 for number in counts) or not isinstance(extra["rng"], dict):
        raise ValueError("steps are not counted in whole numbers, or nothing is said of random generators")


def expect_room(folder: Path, model: Layer, optimizer: Any, averaged: bool, samples: int) -> str:
    """Raise a CheckpointError where the disk is too small for the files of a run; "" or a sentence on large ones.

    samples: bytes that a checkpoint keeps of them
    """
    held = (model.parameters() | model.buffers()).values()
    weights = sum(each.value.size * each.value.dtype.itemsize for each in held)
    checkpoint = weights * (1 + len(getattr(optimizer, "moments", ())) + averaged) + samples
    files = weights + 2 * checkpoint
    here = sum(path.stat().st_size for path in folder.iterdir() if path.name in (LAST, PREVIOUS, "model.npz"))
    needed = max(0, files - here) + checkpoint  # a new one lies beside the two, for a moment
    try:
        free = shutil.disk_usage(folder).free
    except OSError:  # of some networks nobody knows
        return ""
    if free < needed:
        raise CheckpointError(f"{folder} needs about {byte_size(needed)} more for model.npz and two checkpoints, and "
                              f"{byte_size(free)} are free: make room, or choose another folder")
    return f"{folder} takes about {byte_size(files)}: the model, and the last two checkpoints" if files > LARGE else ""


def _expect_whole(path):
    stat = path.stat()
    wrong = _damage(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)
    if wrong:
        raise CheckpointError(f"{path} is damaged ({wrong})")


@functools.lru_cache(maxsize=8)
def _damage(path, *state):
    """What is wrong with an archive, all of it read; once for each state of a file."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.testzip()
            return f"{member} is not what was written" if member else ""
    except DAMAGED as error:
        return str(error)[:200] or type(error).__name__
