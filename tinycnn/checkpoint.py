"""The files of a training run, and how a run that was interrupted is taken up again.

After every epoch: model.npz if it is the best so far, history.csv, and checkpoint.npz with all that the next epoch
depends on: weights, the optimizer's state, the state of every random generator, the history, and the settings, so that
a run is never continued with others by mistake.
"""

from pathlib import Path
from typing import Any

import numpy as np

from tinycnn.backend import to_device
from tinycnn.errors import CheckpointError
from tinycnn.history import History, Row
from tinycnn.models.base import PictureModel
from tinycnn.models.weights import load_with_extra, save
from tinycnn.optim import Optimizer


class Run:
    """One training run. out: its folder, or None to keep nothing    settings: JSON-able, compared on resume"""

    def __init__(self, model: PictureModel, optimizer: Optimizer, out: str | Path | None,
                 settings: dict[str, Any]) -> None:
        self.model, self.optimizer, self.settings, self.history = model, optimizer, settings, History()
        self.out = Path(out) if out is not None else None

    def finish_epoch(self, row: Row) -> None:
        """Add the epoch's row to the history, and write what must survive."""
        self.history.rows.append(row)
        if self.out is None:
            return
        if self.history.best_epoch == len(self.history):
            save(self.model, self.out / "model.npz", extra={"epoch": len(self.history)})
        self.history.save(self.out / "history.csv")
        # The checkpoint comes last: a run killed before this line repeats the epoch and writes the same files again.
        extra = {"settings": self.settings, "rows": self.history.rows, "steps": self.optimizer.steps,
                 "turns": self.optimizer.turns,
                 "rng": {name: layer.rng.bit_generator.state for name, layer in self._random_layers()}}
        save(self.model, self.out / "checkpoint.npz", extra, self.optimizer.state_arrays())

    def expect_new(self) -> None:
        """Raise a CheckpointError where the folder holds a run already: a new one would be written over it."""
        files = ("checkpoint.npz", "history.csv", "model.npz")
        held = [name for name in files if self.out is not None and (self.out / name).exists()]
        if held:
            raise CheckpointError(
                f"{self.out} already holds a run ({', '.join(held)}), which stays as it is. Continue it with "
                "resume=True, choose another folder, or remove it first."
            )

    def resume(self) -> None:
        path = self.out / "checkpoint.npz" if self.out is not None else None
        if path is None or not path.exists():
            return  # nothing was saved yet: start from the beginning
        device = self.model.device
        _, extra, arrays = load_with_extra(path, into=self.model, device=device)
        was = extra.get("settings")
        if was is None:
            raise CheckpointError(f"{path} is a model, not a checkpoint: it has no optimizer state to resume from")
        if isinstance(was.get("loss"), list):  # as earlier versions wrote it
            weights = "class_weight={}, box_weight={}".format(*map(float, was["loss"]))
            was["loss"] = f"MultiTaskLoss({weights}, box_loss=L2Loss())"
        was = {"freeze": None, "balance": False} | was  # earlier versions wrote no choice where there was none
        different = [f"{k} was {was.get(k)}, is {v}" for k, v in self.settings.items() if was.get(k) != v]
        if different:
            raise CheckpointError(f"cannot resume {path} with other settings: {'; '.join(different)}")
        self.optimizer.load_state_arrays({k: to_device(a, device) for k, a in arrays.items()}, extra["steps"],
                                         extra.get("turns"))
        self.history = History(extra["rows"])
        for name, layer in self._random_layers():
            layer.rng.bit_generator.state = extra["rng"][name]

    def _random_layers(self) -> list[tuple[str, Any]]:
        return [(name, layer) for name, layer in self.model.layers()
                if isinstance(getattr(layer, "rng", None), np.random.Generator)]
