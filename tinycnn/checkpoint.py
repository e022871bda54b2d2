"""The files of a training run, and how a run that was interrupted is taken up again.

After every epoch: model.npz if it is the best so far, history.csv, epochs.npz with what is said of a few pictures
(tinycnn/snapshots.py), and checkpoint.npz with all that the next step depends on: weights, the optimizer's state,
the state of every random generator, the history, the settings, and what the samples consist of, so that a run is
never continued with others by mistake. One that Ctrl-C has stopped within an epoch also keeps how many batches of it
are done, and their losses: order and augmentation of the others follow from seed, epoch and number. The checkpoint
before is kept (tinycnn/generations.py). model.npz keeps its pictures' digests too: whoever measures it can count those
that it has learned from.
"""

import contextlib
import copy
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from tinycnn import origin
from tinycnn.backend import Array, to_device
from tinycnn.claims import claimed
from tinycnn.continuation import expect_epochs, expect_own_model, expect_same_run, fingerprint_of, told
from tinycnn.data.contents import PREFIX, Contents, contents, to_arrays
from tinycnn.errors import CheckpointError
from tinycnn.generations import FOREIGN, LAST, PREVIOUS, expect_room, newest
from tinycnn.history import WITHIN, History, Meter, Row
from tinycnn.interruption import KEPT, LOST, Interruption
from tinycnn.models.base import PictureModel
from tinycnn.models.weights import load_with_extra, read_extra, save, shapes
from tinycnn.optim import Optimizer, Schedule
from tinycnn.snapshots import Snapshots
from tinycnn.text import count
from tinycnn.updates import Average


class Run:
    """One training run. out: its folder, or None to keep nothing    settings: JSON-able, compared on resume
    parts: {"train": samples, "valid": samples}, whose contents are compared too
    average: whose weights model.npz has    keep_best: whether put_best() will be called
    rank: of this process among several, of which the first, 0, is the one that Ctrl-C stops
    """

    def __init__(self, model: PictureModel, optimizer: Optimizer, out: str | Path | None, settings: dict[str, Any],
                 parts: dict[str, Any], average: Average, keep_best: bool = False, rank: int = 0) -> None:
        self.model, self.optimizer, self.settings, self.history = model, optimizer, settings, History()
        self.out = Path(out) if out is not None else None
        self.parts, self.contents, self.samples = parts, dict[str, Contents](), dict[str, np.ndarray]()
        self.average, self.keep_best, self.best, self.rank = average, keep_best, dict[str, Array](), rank
        self.snapshots = Snapshots(self.out, model, parts)
        self.fingerprint: str | None = None  # of model.npz
        self.interruption = Interruption("" if rank else LOST if out is None else KEPT)
        self.damaged = False
        self.meter: Meter | None = None  # of the epoch that was stopped within
        self._claim = contextlib.ExitStack()

    def begin(self, resume: bool, schedule: Schedule) -> list[str]:
        """Claim the folder until `end`, and go on with what it holds, or see that it holds nothing.

        Returns sentences for people. Raises CheckpointError where another training has the folder, where a new run
        would be written over one that is there, and where what is to go on is not the same run.
        """
        told = [] if self.out is None else self._begin(self.out, resume, schedule)
        self.interruption.begin()
        return told

    def _begin(self, out, resume, schedule):
        self._claim.enter_context(claimed(out))
        if not resume:
            self._expect_new(out)
        here = self.contents = {part: contents(samples) for part, samples in self.parts.items()}
        self.samples = to_arrays(here)
        kept = newest(out, self._expect_fit) if resume else None
        told = [] if kept is None else self._resume(kept, here, schedule)
        samples = sum(array.nbytes for array in self.samples.values())
        room = expect_room(out, self.model, self.optimizer, self.average.decay is not None, samples)
        return [*told, *([room] if room and kept is None else []), *self.snapshots.begin(len(self.history))]

    def end(self) -> None:
        """Give the folder free, and Ctrl-C."""
        self.interruption.end()
        self._claim.close()

    def begin_epoch(self, epoch: int, batches: int) -> tuple[Meter, int]:
        """(What collects the losses of an epoch, how many batches of it are done): 0, but in one that was stopped."""
        meter, self.meter = self.meter or Meter(epoch, batches), None
        meter.batches = batches
        return meter, len(meter.counts)

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
        self._write(self.out)

    def stop_if_asked(self, meter: Meter | None = None) -> None:
        """Raise KeyboardInterrupt where Ctrl-C has come. meter: of the epoch whose step has just been completed"""
        if not self.interruption.asked or self.rank:
            return
        what = count(len(self.history), "epoch")
        if meter is not None:
            what = f"{len(meter.counts)} of {meter.batches} batches of epoch {meter.epoch}"
        if self.out is None:
            raise KeyboardInterrupt(f"stopped behind {what}; nothing is kept, since there is no folder, out=...")
        if meter is not None:
            self._write(self.out, meter)
        raise KeyboardInterrupt(f"stopped behind {what}. The same call with resume=True goes on from there, and ends "
                                f"with the same bits: fit(..., out={str(self.out)!r}, resume=True)")

    def _write(self, out, meter=None):
        """The checkpoint, between two epochs or behind a step of this one. A damaged one is not worth keeping."""
        extra, arrays = self.state(meter)
        previous = None if self.damaged else out / PREVIOUS
        save(self.model, out / LAST, extra | {"settings": self.settings, "model": self.fingerprint},
             arrays | self.samples, previous)
        self.damaged = False

    def state(self, meter: Meter | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the next step depends on besides the model's numbers: (as JSON has it, arrays).

        meter: of the epoch that goes on; without it, of the one that was stopped within and is resumed, if there is one
        """
        meter = meter or self.meter
        within, losses = ({}, {}) if meter is None else meter.state()
        extra = {"rows": self.history.rows, "steps": self.optimizer.steps, "turns": self.optimizer.turns,
                 "average": self.average.steps, "within": within,
                 "rng": {name: layer.rng.bit_generator.state for name, layer in self._random_layers()}}
        return extra, self.optimizer.state_arrays() | self.average.state_arrays() | losses

    def take(self, extra: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Go on from what `state` gave, here or elsewhere; arrays on the host."""
        state = {name: to_device(array, self.model.device) for name, array in arrays.items()
                 if not name.startswith(WITHIN)}  # fmt: skip
        average = [name for name in state if name.startswith("average.")]
        self.average.arrays = {name.removeprefix("average."): state.pop(name) for name in average}
        self.average.steps = extra.get("average", 0)
        self.optimizer.load_state_arrays(state, extra["steps"], extra.get("turns"))
        self.history = History(extra["rows"])
        self.meter = Meter.of(len(extra["rows"]) + 1, extra["within"], arrays) if extra.get("within") else None
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
        files = (LAST, PREVIOUS, "history.csv", "model.npz", "run.json")
        held = [name for name in files if (out / name).exists()]
        if held:
            raise CheckpointError(
                f"{out} already holds a run ({', '.join(held)}), which stays as it is. Continue it with "
                "resume=True, choose another folder, or remove it first."
            )

    def _expect_fit(self, kept):
        """Raise a CheckpointError where a checkpoint is not one of this run."""
        expect_same_run(kept.path, kept.settings, self.settings, (kept.samples, self.contents))
        self._expect_state(kept)

    def _resume(self, kept, here, schedule):
        """Everything is compared before the model is changed. kept: fits"""
        expect_epochs(kept, self.settings["epochs"])
        expect_own_model(kept.path.with_name("model.npz"), kept, pictures_in(here))
        device, self.fingerprint = self.model.device, kept.model
        _, extra, arrays = load_with_extra(kept.path, into=self.model, device=device)
        self.take(extra, {name: array for name, array in arrays.items() if not name.startswith(PREFIX)})
        if kept.why:
            if kept.foreign:
                os.replace(kept.path.with_name(LAST), kept.path.with_name(FOREIGN))
            self.damaged = kept.path.with_name(LAST).exists()
            warnings.warn(kept.why, stacklevel=2)
        unknown = [] if kept.samples else [
            f"{kept.path} is of an earlier version: whether each picture and each answer is the same as before was not "
            "checked, only their number and the sums of the answers"]
        lr = self.optimizer.lr
        return unknown + list(told(kept, self.settings, lambda progress: lr * schedule(progress)))

    def _expect_state(self, kept):
        """Of each parameter that has taken a step the optimizer's arrays are there; of an average all of it; the
        losses of an epoch that was stopped within; what random generators go on from. Arrays have their shapes.
        """
        (extra, arrays), moments = read_extra(kept.path, WITHIN), getattr(self.optimizer, "moments", ())
        there, numbers = shapes(kept.path), self._numbers()
        wanted = {f"{moment}.{name}" for name in extra.get("turns") or () for moment in moments}
        if extra.get("average"):
            wanted |= {f"average.{name}" for name in self.model.parameters()}
        wanted |= {f"{WITHIN}{name}" for name in ("losses", "counts", "steps") if kept.within}
        lost = sorted(wanted - {name.removeprefix("more/") for name in there})
        if lost:
            raise CheckpointError(f"{kept.path} is damaged: {lost[0]} is lost, without which a run takes other steps")
        owners = [f"{owner}." for owner in (*moments, "average")]
        for name, shape in there.items():
            of = name.partition("/")[2]
            of = next((of.removeprefix(owner) for owner in owners if name.startswith(f"more/{owner}")), of)
            if of in numbers and shape != numbers[of].value.shape:
                raise CheckpointError(f"{kept.path} does not fit the model: {name} is {shape}, and {of} of the model "
                                      f"{numbers[of].value.shape}")
        for name, layer in self._random_layers():
            try:
                copy.deepcopy(layer.rng).bit_generator.state = extra["rng"][name]
            except (KeyError, TypeError, ValueError) as error:
                raise CheckpointError(f"{kept.path} is damaged: what it says of the random generator of {name} is no "
                                      "state of one") from error
        if kept.within:
            Meter.of(len(kept.rows) + 1, kept.within, arrays)  # says what is wrong with them

    def _random_layers(self) -> list[tuple[str, Any]]:
        return [(name, layer) for name, layer in self.model.layers()
                if isinstance(getattr(layer, "rng", None), np.random.Generator)]


def pictures_in(here: dict[str, Contents]) -> dict[str, np.ndarray]:
    """The arrays that model.npz keeps of its run's samples: what tells each picture from any other."""
    return {name: array for name, array in to_arrays(here).items() if name.endswith("/pictures")}
