"""The two checkpoints of a run: the last one, and the one before, for the case that a disk has damaged the last.

    checkpoint.npz             what the next step depends on
    checkpoint.previous.npz    the same as it was when checkpoint.npz was written; together they take twice the space

Every checkpoint is read to its end and compared with its checksums before a run goes on with it.
"""

import functools
import shutil
import zipfile
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
LARGE = 10**8  # bytes of a run's files that are worth a word


@dataclass(frozen=True)
class Kept:
    """What a checkpoint says of its run, without weights.

    settings: as `fit` keeps them    rows: of the history    samples: {part: Contents}, {} in those of earlier versions
    model: the fingerprint of model.npz, None in those of earlier versions    within: of the epoch that it was written
    in the middle of, as Meter.state gives it; {} between two epochs    why: a sentence where it is not the last one
    """

    path: Path
    settings: dict[str, Any]
    rows: list[Row]
    samples: dict[str, Contents]
    model: str | None
    within: dict[str, Any]
    why: str = ""

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


def newest(folder: Path) -> Kept | None:
    """The last checkpoint that is whole, or None where there is none at all.

    Raises CheckpointError where those that are there are damaged.
    """
    wrong = []
    for path in (folder / LAST, folder / PREVIOUS):
        if not path.exists():
            continue
        try:
            _expect_whole(path)
            kept = read_checkpoint(path)
        except CheckpointError as error:
            wrong.append(str(error))
            continue
        if path.name == LAST:
            return kept
        cause = wrong[0] if wrong else f"{folder / LAST} is gone"
        return replace(kept, why=f"{cause}. The one before it, {path}, is whole: the run goes on from there, "
                                 f"with {kept.behind} behind it, and ends with the same bits")
    if wrong:
        raise CheckpointError("; and ".join(wrong) + ". Without a checkpoint a run cannot go on: start a new one")
    return None


def read_checkpoint(path: Path) -> Kept:
    """What a checkpoint.npz says of its run. Raises CheckpointError for a file that is damaged, or no checkpoint."""
    extra, arrays = read_extra(path, PREFIX)
    was = extra.get("settings")
    if was is None:
        raise CheckpointError(f"{path} is a model, not a checkpoint: it has no optimizer state to resume from")
    if isinstance(was.get("loss"), list):  # as earlier versions wrote it
        weights = "class_weight={}, box_weight={}".format(*map(float, was["loss"]))
        was["loss"] = f"MultiTaskLoss({weights}, box_loss=L2Loss())"
    was.setdefault("freeze", None)
    try:
        within = extra.get("within") or {}
        if within and not (isinstance(within["batches"], int) and within["batches"] > 0):
            raise ValueError(f"{within['batches']!r} batches of an epoch")
        return Kept(path, was, extra["rows"], from_arrays(arrays), extra.get("model"), within)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path}: what it says of its run is damaged ({error})") from error


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
