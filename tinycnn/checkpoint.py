"""The files of a training run, and how a run that was interrupted is taken up again.

After every epoch: model.npz if it is the best so far, history.csv, epochs.npz with what is said of a few pictures
(tinycnn/snapshots.py), and checkpoint.npz with all that the next epoch depends on: weights, the optimizer's state,
the state of every random generator, the history, the settings, and what the samples consist of, so that a run is
never continued with others by mistake. model.npz keeps its pictures' digests too: whoever measures it can count those
that it has learned from.
"""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np

from tinycnn import origin
from tinycnn.backend import Array, to_device
from tinycnn.claims import claimed
from tinycnn.continuation import expect_epochs, expect_own_model, expect_same_run, fingerprint_of, told
from tinycnn.data.contents import PREFIX, Contents, contents, from_arrays, to_arrays
from tinycnn.errors import CheckpointError
from tinycnn.history import History, Row
from tinycnn.models.base import PictureModel
from tinycnn.models.weights import load_with_extra, read_extra, save
from tinycnn.optim import Optimizer, Schedule
from tinycnn.snapshots import Snapshots
from tinycnn.updates import Average


class Run:
    """One training run. out: its folder, or None to keep nothing    settings: JSON-able, compared on resume
    parts: {"train": samples, "valid": samples}, whose contents are compared too
    average: whose weights model.npz has    keep_best: whether put_best() will be called
    """

    def __init__(self, model: PictureModel, optimizer: Optimizer, out: str | Path | None, settings: dict[str, Any],
                 parts: dict[str, Any], average: Average, keep_best: bool = False) -> None:
        self.model, self.optimizer, self.settings, self.history = model, optimizer, settings, History()
        self.out = Path(out) if out is not None else None
        self.parts, self.contents, self.samples = parts, dict[str, Contents](), dict[str, np.ndarray]()
        self.average, self.keep_best, self.best = average, keep_best, dict[str, Array]()
        self.snapshots = Snapshots(self.out, model, parts)
        self.fingerprint: str | None = None  # of model.npz
        self._claim = contextlib.ExitStack()

    def begin(self, resume: bool, schedule: Schedule) -> list[str]:
        """Claim the folder until `end`, and go on with what it holds, or see that it holds nothing.

        Returns sentences for people. Raises CheckpointError where another training has the folder, where a new run
        would be written over one that is there, and where what is to go on is not the same run.
        """
        if self.out is None:
            return []
        self._claim.enter_context(claimed(self.out))
        if not resume:
            self._expect_new(self.out)
        here = self.contents = {part: contents(samples) for part, samples in self.parts.items()}
        self.samples = to_arrays(here)
        path = self.out / "checkpoint.npz"
        told = self._resume(path, here, schedule) if resume and path.exists() else []
        return told + self.snapshots.begin(len(self.history))

    def end(self) -> None:
        """Give the folder free."""
        self._claim.close()

    def finish_epoch(self, row: Row) -> None:
        """Add the epoch's row to the history, and write what must survive."""
        self.history.rows.append(row)
        if self.history.best_epoch == len(self.history):
            with self.average.shown():
                self._keep()
        if self.out is None:
            return
        self.history.save(self.out / "history.csv")
        origin.write_once(self.out, self.settings, self.contents)
        with self.average.shown():
            self.snapshots.keep(len(self.history))
        # The checkpoint comes last: a run killed before this line repeats the epoch and writes the same files again.
        extra, arrays = self.state()
        save(self.model, self.out / "checkpoint.npz", extra | {"settings": self.settings, "model": self.fingerprint},
             arrays | self.samples)

    def state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """What the next epoch depends on besides the model's numbers: (as JSON has it, arrays where the model is)."""
        extra = {"rows": self.history.rows, "steps": self.optimizer.steps, "turns": self.optimizer.turns,
                 "average": self.average.steps,
                 "rng": {name: layer.rng.bit_generator.state for name, layer in self._random_layers()}}
        return extra, self.optimizer.state_arrays() | self.average.state_arrays()

    def take(self, extra: dict[str, Any], arrays: dict[str, Array]) -> None:
        """Go on from what `state` gave, here or elsewhere; arrays on the model's device."""
        arrays = dict(arrays)
        average = [name for name in arrays if name.startswith("average.")]
        self.average.arrays = {name.removeprefix("average."): arrays.pop(name) for name in average}
        self.average.steps = extra.get("average", 0)
        self.optimizer.load_state_arrays(arrays, extra["steps"], extra.get("turns"))
        self.history = History(extra["rows"])
        for name, layer in self._random_layers():
            layer.rng.bit_generator.state = extra["rng"][name]

    def put_best(self) -> None:
        """Give the model the weights and buffers of the best epoch, if it keeps them."""
        if not self.keep_best or not self.history.rows:
            return
        if self.out is not None:
            load_with_extra(self.out / "model.npz", into=self.model, device=self.model.device)
        for name, array in self.best.items():
            self._numbers()[name].value = array

    def _keep(self):
        """The model as it is now is the best so far."""
        if self.out is not None:
            save(self.model, self.out / "model.npz", {"epoch": len(self.history)}, pictures_in(self.contents))
            self.fingerprint = fingerprint_of(self.out / "model.npz")
        elif self.keep_best:
            self.best = {name: held.value.copy() for name, held in self._numbers().items()}

    def _numbers(self):
        return self.model.parameters() | self.model.buffers()

    def _expect_new(self, out):
        files = ("checkpoint.npz", "history.csv", "model.npz", "run.json")
        held = [name for name in files if (out / name).exists()]
        if held:
            raise CheckpointError(
                f"{out} already holds a run ({', '.join(held)}), which stays as it is. Continue it with "
                "resume=True, choose another folder, or remove it first."
            )

    def _resume(self, path, here, schedule):
        """Everything is compared before the model is changed."""
        was, rows, then = read_checkpoint(path)
        expect_same_run(path, was, self.settings, (then, here))
        expect_epochs(path.parent, len(rows), self.settings["epochs"])
        self.fingerprint = model_in(path)
        expect_own_model(path.with_name("model.npz"), self.fingerprint, History(rows), pictures_in(here))
        device = self.model.device
        _, extra, arrays = load_with_extra(path, into=self.model, device=device)
        state = {name: to_device(array, device) for name, array in arrays.items() if not name.startswith(PREFIX)}
        self.take(extra, state)
        unknown = [] if then else [f"{path} is of an earlier version: whether each picture and each answer is the same "
                                   "as before was not checked, only their number and the sums of the answers"]
        lr = self.optimizer.lr
        return unknown + list(told(was, self.settings, self.history, lambda progress: lr * schedule(progress)))

    def _random_layers(self) -> list[tuple[str, Any]]:
        return [(name, layer) for name, layer in self.model.layers()
                if isinstance(getattr(layer, "rng", None), np.random.Generator)]


def model_in(path: Path) -> str | None:
    """The fingerprint of model.npz that a checkpoint.npz has noted; None in those of earlier versions."""
    return read_extra(path, None)[0].get("model")


def pictures_in(here: dict[str, Contents]) -> dict[str, np.ndarray]:
    """The arrays that model.npz keeps of its run's samples: what tells each picture from any other."""
    return {name: array for name, array in to_arrays(here).items() if name.endswith("/pictures")}


def read_checkpoint(path: Path) -> tuple[dict[str, Any], list[Row], dict[str, Any]]:
    """(settings, rows of the history, {part: Contents}) of a checkpoint.npz; no Contents where it is an earlier one's.

    Raises CheckpointError for a file that is damaged, or no checkpoint.
    """
    extra, arrays = read_extra(path, PREFIX)
    was = extra.get("settings")
    if was is None:
        raise CheckpointError(f"{path} is a model, not a checkpoint: it has no optimizer state to resume from")
    if isinstance(was.get("loss"), list):  # as earlier versions wrote it
        weights = "class_weight={}, box_weight={}".format(*map(float, was["loss"]))
        was["loss"] = f"MultiTaskLoss({weights}, box_loss=L2Loss())"
    was.setdefault("freeze", None)
    try:
        return was, extra["rows"], from_arrays(arrays)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path}: what it says of its samples is damaged ({error})") from error
