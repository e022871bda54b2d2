"""Whether a run may be continued, and what has to be said when it is.

A run goes on with the samples and the settings that it began with: another picture, another label or another dropout
would give something that neither the old settings nor the new ones describe. What only says when a run ends, its epochs
and its patience, may change. Another machine may go on with it too, and a sentence says that its last digits differ.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinycnn.data.contents import PREFIX, Contents, difference
from tinycnn.errors import CheckpointError
from tinycnn.generations import Kept
from tinycnn.history import History
from tinycnn.models.weights import read_extra
from tinycnn.text import count

Settings = dict[str, Any]
MAY_CHANGE = ("epochs", "patience", "machine")
# What earlier versions did not write.
UNCHOSEN = {"freeze": None, "balance": False, "mix": "None", "accumulate": 1, "average": None, "mixed_precision": False}
MOST = 3  # differences in a sentence


def expect_same_run(path: Path, was: Settings, now: Settings, samples: tuple[dict[str, Contents], ...]) -> None:
    """Raise a CheckpointError that names what is other than it was. was, now: settings as `fit` keeps them

    samples: those that were, {} where the checkpoint does not say, and those that are
    """
    then, here = samples
    other = difference(then, here) if then else ""
    if other:
        raise CheckpointError(f"{path} has learned from other samples: {other}. It goes on only with those that it "
                              "began with; start a new run in another folder for these")
    was = UNCHOSEN | was
    different = list(dict.fromkeys(_different(was, now, {"train"} if then else set())))
    if different:
        more = "; ..." if len(different) > MOST else ""
        raise CheckpointError(f"cannot resume {path} with other settings: {'; '.join(different[:MOST])}{more}")


def _different(was, now, left_out):
    for name, value in now.items():
        old = was.get(name)
        # An earlier version did not keep all of them. Layers differ wherever the arguments do that they were made by.
        if name not in was or old == value or name in MAY_CHANGE or name in left_out or \
                name == "layers" and was.get("model") != now["model"]:
            continue
        if name == "code":
            comparable = (old or value).get("python") == (value or old).get("python")
            yield from (f"{key} is written otherwise than it was, or was made with other arguments"
                        for key in old | value if comparable and key != "python" and old.get(key) != value.get(key))
        elif isinstance(old, dict) and isinstance(value, dict):
            # An argument that one version alone knows is no difference; a layer that one network alone has is.
            keys = [key for key in old if key in value] if name in ("model", "notes") else old | value
            yield from (f"{key} was {old.get(key)}, is {value.get(key)}" for key in keys
                        if old.get(key) != value.get(key))
        elif name == "schedule":
            yield "the learning rate followed another schedule"
        else:
            yield f"{name} was {old}, is {value}"


def expect_same_notes(path: Path, was: Settings, notes: Settings) -> None:
    """Raise a CheckpointError that names where notes are others than those in `was`, settings as `fit` keeps them."""
    expect_same_run(path, {"notes": was.get("notes", {})}, {"notes": json.loads(json.dumps(notes))}, ({}, {}))


def expect_own_model(path: Path, kept: Kept, pictures: dict[str, np.ndarray]) -> None:
    """Raise a CheckpointError where model.npz is not the one that the run has written.

    kept: the checkpoint that it goes on from    pictures: those that the run learns from

    A run that was killed between its two files has written the model of one epoch more, which it now repeats; two more
    where it goes on from the checkpoint before the last.
    """
    history, fingerprint = History(kept.rows), kept.model
    best = f"the weights of epoch {history.best_epoch}, the best so far"
    if not path.exists():
        if not kept.rows:  # stopped within its first epoch
            return
        raise CheckpointError(f"{path} is gone, with {best}: put it back, or start a new run in another folder")
    if kept.rows and (fingerprint is None or fingerprint_of(path) == fingerprint):
        return
    extra, arrays = read_extra(path, PREFIX)
    same = arrays.keys() == pictures.keys() and all(np.array_equal(arrays[name], pictures[name]) for name in arrays)
    if not same or extra.get("epoch") not in range(len(history) + 1, len(history) + (3 if kept.why else 2)):
        raise CheckpointError(f"{path} is not the file that this run wrote ({best}): put that back, or move this one "
                              "away and start a new run in another folder")


def fingerprint_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def expect_epochs(kept: Kept, epochs: int) -> None:
    """Raise a CheckpointError where more epochs have begun than are wanted."""
    if epochs < kept.begun:
        raise CheckpointError(f"{kept.path.parent} has {kept.behind} behind it, and {epochs} would be fewer: give "
                              f"{kept.begun} or more, or start a new run in another folder")


def told(kept: Kept, now: Settings, rate: Callable[[float], float]) -> Iterator[str]:
    """Sentences for people about a run that goes on. rate: learning rate at a progress, 0 to 1, of the new length"""
    was, history = kept.settings, History(kept.rows)
    done, epochs, patience = len(history), now["epochs"], now["patience"]
    for name, here in now["machine"].items():
        before = was.get("machine", {}).get(name, here)
        if before != here:
            yield (f"{name} was {before}, and is {here} now: numbers may differ in their last digits from those of a "
                   "run that was left alone")
    if "patience" in was and was["patience"] != patience:
        yield f"patience was {_word(was['patience'])}, and is {_word(patience)} from here on"
    if done >= epochs:
        yield f"the run is complete: {count(done, 'epoch')} of {epochs} are done. A larger number of epochs goes on"
    elif patience is not None and history.waited >= patience and not kept.within:
        yield (f"the run has ended by its patience: {count(history.waited, 'epoch')} after epoch {history.best_epoch}, "
               "the best, and none better. A larger patience, or none, goes on")
    elif kept.begun and was["epochs"] != epochs:
        yield f"the run was one of {was['epochs']} epochs and is one of {epochs} now: {_rates(now, kept, rate)}"


def _rates(now, kept, rate):
    done, epochs = len(kept.rows), now["epochs"]
    if len(set(now["schedule"])) == 1:
        return "the learning rate is the same throughout, so it stays as it was"
    if kept.within:
        return (f"behind batch {kept.within['batches']} of epoch {done + 1} the learning rate follows the schedule "
                f"over {epochs} epochs")
    begins, ended = rate(done / epochs), kept.rows[-1]["lr"]
    return (f"from epoch {done + 1} on the learning rate follows the schedule over {epochs} epochs, which begins there "
            f"with {begins:.2g}; epoch {done} ended with {ended:.2g}")


def _word(patience):
    return "none" if patience is None else patience
