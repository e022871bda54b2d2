"""What finished and unfinished runs have left in their folders, read back; and in what they differ."""

import json
import math
from pathlib import Path
from typing import NamedTuple

from tinycnn.cli import runs
from tinycnn.cli.failures import UsageError
from tinycnn.cli.options import SECOND_STAGE, SETTINGS, WITHOUT_EPOCHS, meaningless, resolve
from tinycnn.errors import DataError
from tinycnn.history import HEADLINES, History, read_rows
from tinycnn.text import legible, shortened

OF_THE_MACHINE = ("device", "workers")  # they change no result but for rounding
OF_THE_LOSS = ("task", "class_weight", "box_weight", "box_loss", "beta", "label_smoothing")
SHOWN = {"accuracy": "class right", "mean_iou": "mean IoU", "joint": "joint", "pcp/total": "PCP",
         "pck/total": "PCK"}
LONGEST = 32  # columns of a name in a table


class Record(NamedTuple):
    """One run. settings: all of them    history: None where it learned without epochs, or before the first has ended
    metrics: as in metrics.json, {} where the run has not ended    data: as in config.json
    """

    folder: Path
    settings: dict
    history: History | None
    metrics: dict
    data: dict

    @property
    def by_epochs(self):
        """Whether it learns in epochs; as a HOG with an SVM does not."""
        return self.settings.get("model") not in WITHOUT_EPOCHS

    @property
    def best_epoch(self):
        """The epoch whose weights were kept, or None; None also where it learned without epochs."""
        if not self.by_epochs:
            return None
        return self.metrics.get("best_epoch") or (self.history.best_epoch if self.history else None)

    def score(self, part, name):
        """One number of metrics.json, or None. part: "test" or "valid" """
        return self.metrics.get(part, {}).get(name)

    @property
    def valid_loss(self):
        """The validation loss of the best epoch; infinity where there is none, so that it comes last among equals."""
        rows = self.history.rows if self.history else []
        row = next((row for row in rows if row["epoch"] == self.best_epoch), {})
        return row.get("valid_loss", math.inf)

    def setting(self, name):
        """A setting's value in a table; - where it has no meaning for what was trained."""
        task, model, stages = (self.settings[each] for each in ("task", "model", "stages"))
        unused = set().union(SECOND_STAGE if stages == 1 else (), *meaningless(task, model, stages).values())
        return "-" if name in unused else shown(self.settings[name])

    @property
    def headline(self):
        """(name of what the best epoch is chosen by, its value on the validation pictures or None)."""
        name = "pck/total" if self.settings["task"] == "pose" else "joint"
        value = self.score("valid", name)
        if value is None and self.history is not None:
            column = next((column for column in HEADLINES if column in self.history.rows[0]), None)
            value = max(self.history.column(column)) if column else None
        return name, value


def read(folder):
    """The Record of a run. UsageError for what is no run, DataError for one that is damaged."""
    folder = Path(folder)
    folder = folder.parent if folder.name in ("model.npz", "config.json") else folder
    if not (folder / "config.json").is_file():
        raise UsageError(f"{folder} is no run: there is no config.json in it")
    settings = resolve({}, runs.read_config(folder))  # an earlier version had fewer
    data = runs.config_of(folder).get("data")
    metrics = _json(folder / "metrics.json") if (folder / "metrics.json").is_file() else {}
    return Record(folder, settings, _history(folder), metrics, data if isinstance(data, dict) else {})


def inside(folder):
    """The folders of the runs directly in `folder`, by name; [folder] where it is a run itself."""
    folder = Path(folder)
    if (folder / "config.json").is_file() or not folder.is_dir():
        return [folder]
    return sorted(path.parent for path in folder.glob("*/config.json"))


def differing(records):
    """Names of the settings in which some of the runs differ, in the order of the settings."""
    return [s.name for s in SETTINGS if s.name not in OF_THE_MACHINE
            and len({repr(record.settings.get(s.name)) for record in records}) > 1
            and {record.setting(s.name) for record in records} != {"-"}]  # fmt: skip


def shown(value):
    """A setting's value in a table."""
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    text = legible(value)
    return text if len(text) <= LONGEST else f"…{text[-LONGEST + 1 :]}"  # the end of a path says more


def names(records):
    """What the runs are called, no two alike: as many of the last parts of their folders as tell them apart."""
    parts = [record.folder.absolute().parts for record in records]
    for depth in range(1, max(map(len, parts)) + 1):
        called = [shortened(legible("/".join(some[-depth:])), 2 * LONGEST) for some in parts]
        if len(set(called)) == len(called):
            return called
    return [f"{name} ({k})" for k, name in enumerate(called, start=1)]


def same_loss(records):
    """Whether the losses of these runs were computed in the same way, so that they can be compared."""
    return len({repr([record.settings.get(name) for name in OF_THE_LOSS]) for record in records}) <= 1


def same_test(records):
    """Whether all that have test metrics were tested on the same pictures, as far as that is known."""
    tested = [record.data for record in records if "test" in record.metrics]
    prints = {data.get("fingerprint", {}).get("test") for data in tested} - {None}
    counts = {(data.get("name"), data.get("test"), tuple(data.get("classes", ()))) for data in tested}
    return len(prints) <= 1 and len(counts) <= 1


def _json(path):
    try:
        content = json.loads(path.read_text("utf-8"))
        if not isinstance(content, dict):
            raise TypeError("it is no table")
        return content
    except (ValueError, TypeError) as error:
        raise DataError(f"{path} is damaged ({error})") from error


def _history(folder):
    rows = read_rows(folder / "history.csv")
    return History(rows) if rows else None
