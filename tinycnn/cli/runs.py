"""The folder of a run: where it is, what is in it, and what is needed to repeat it.

    model.npz       the best epoch            metrics.json      test and validation metrics, with baselines
    history.csv     one row per epoch         curves.png        the learning curves
    checkpoint.npz  what --resume needs       predictions.png   truth and prediction of some test pictures
    epochs.npz      some answers of each epoch
    checkpoint.previous.npz   the one before, in case the last one is damaged
    config.json     every setting, the command, the versions, the commit, the data: what it takes to repeat the run
    stage-1         of a run of two stages: the first one, with files of its own
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

from tinycnn.cli.failures import UsageError
from tinycnn.cli.options import DRAWN, TASKS, WITHOUT_EPOCHS, read_settings, resolve
from tinycnn.data.contents import PREFIX, learned_pictures, picture_digests, pictures_of
from tinycnn.errors import DataError
from tinycnn.files import atomic_write
from tinycnn.generations import LAST, PREVIOUS, has_checkpoint
from tinycnn.history import History, read_rows
from tinycnn.models.architectures import build, defaults
from tinycnn.models.multi_head import MultiHead
from tinycnn.models.weights import load, read_extra
from tinycnn.origin import of_data

RUNS = Path("runs")
FILES = ("model.npz", LAST, PREVIOUS, "config.json", "history.csv", "metrics.json")
FIRST = "stage-1"
SECOND_BATCH = 4  # times fewer people in a step of the second stage, since each of them gives a square for every joint
DRAWINGS = ("curves.png", "predictions.png")


def new_folder(out, name):
    """The folder for a new run: `out`, or the next free runs/NAME-1, -2 ..., which is made."""
    if out is not None:
        return Path(out)
    number = 1
    while True:
        folder = RUNS / f"{name}-{number}"
        try:
            folder.mkdir(parents=True)  # two runs that start at once get two folders
            return folder
        except FileExistsError:
            number += 1


def has_begun(folder):
    """Whether a run has a checkpoint, so that it can be continued."""
    return has_checkpoint(folder) or has_checkpoint(folder / FIRST)


def of_second(settings):
    """The settings of a run's second stage, as those of a run of one."""
    return settings | {"model": "pose-plain", "epochs": settings["second_epochs"], "trunk_rate": 1.0, "freeze": None,
                       "batch_size": max(1, settings["batch_size"] // SECOND_BATCH)}


def last_epochs(settings):
    """How many epochs the checkpoint in a run's own folder ends with: those of its only stage, or of the second."""
    return settings["epochs" if settings["stages"] == 1 else "second_epochs"]


def read_history(folder):
    """The History of a run's folder."""
    return History(read_rows(folder / "history.csv"))


def expect_new(folder):
    """Raise UsageError where the folder holds a run: a new one would be written over it; or where it is a file."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: choose another folder for the run, or leave --out away to get a new "
                         "numbered one under runs/")
    held = [file for file in FILES if (folder / file).exists()]
    if held:
        raise UsageError(
            f"{folder} already holds a run ({', '.join(held)}), which stays as it is. Continue it with --resume, "
            "choose another folder, or leave --out away to get a new numbered one under runs/"
        )
    others = [file for file in DRAWINGS if (folder / file).exists()]
    if others:
        raise UsageError(f"{folder} holds no run, but {' and '.join(others)}, which this one would write over: "
                         "choose another folder, or leave --out away to get a new numbered one under runs/")


def expect_apart(folder, data):
    """Raise UsageError where a run's files would come among those of a data set. data: as the settings have it"""
    if data in DRAWN.values():
        return
    folder, data = Path(folder).resolve(), Path(os.path.expanduser(data)).resolve()
    root = data if data.is_dir() else data.parent
    if folder == root or root in folder.parents and folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"--out {folder} holds the data: a run there would put its own pictures and tables among "
                         "them. Choose another folder, or leave --out away to get a new numbered one under runs/")


def find_model(given):
    """The path of a model file: given as such, as the folder of a run, or None for the newest run under runs/."""
    if given is None:
        models = sorted(RUNS.glob("*/model.npz"), key=lambda path: path.stat().st_mtime)
        if not models:
            raise UsageError(f"no trained model under {RUNS}/: give one as a path, or train one with: tinycnn train")
        return models[-1]
    path = Path(given)
    return path / "model.npz" if path.is_dir() else path


def load_model(given, device):
    """The model at a path, the folder of a run or None, as find_model has it, on `device`; one that commands know."""
    path = find_model(given)
    first = Path(path).parent / FIRST
    if not Path(path).exists() and first.is_dir():
        raise UsageError(f"{path} is not there yet: this run of two stages was interrupted. Go on with it, "
                         f"tinycnn train --resume --out {Path(path).parent}, or give its first stage, {first}")
    model = load(path, device=device)
    if isinstance(model, MultiHead):
        raise UsageError(f"{path} holds a network of the heads {', '.join(model.heads)}, and commands know those of a "
                         "class and a box, or of a pose. In Python: model = tinycnn.load(...), model.predict(images), "
                         "tinycnn.evaluate(model, samples), tinycnn.inspection.head_pulls(model, samples)")
    return model, path


def config_of(path):
    """All that a config.json says, as a table. path: of it, or of the folder of a run

    DataError if it is damaged or something else, UsageError if it is not there.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "config.json"
    if not path.is_file():
        raise UsageError(f"{path} is not there: give the folder of a run, or the config.json in it")
    try:
        config = json.loads(path.read_text("utf-8"))
        if not isinstance(config["settings"], dict):
            raise TypeError("its settings are not a table")
        return config
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path} is not the config.json of a run ({type(error).__name__}: {error})") from error


def read_config(path):
    """The settings in a config.json, as `config_of` finds it; UsageError if one of them is not possible."""
    settings = config_of(path)["settings"]
    try:
        return {"stages": 1} | read_settings(settings)  # earlier versions had no second stage
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def write_json(path, content):
    """Write `content` as readable JSON, whole or not at all."""
    with atomic_write(path, "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")


def load_data(settings):
    """The Dataset, or PoseDataset, that the settings describe."""
    from tinycnn.data import draw_people, read, read_people, scenes

    size = settings["size"]
    if settings["data"] == "people":
        n = size or 4000
        return draw_people(n, settings["image_size"], settings["data_seed"], round(n * settings["valid_fraction"]),
                           max(1, n // 8))
    if settings["data"] == "scenes":
        n = size or 8000
        return scenes(n=n, image_size=settings["image_size"], seed=settings["data_seed"],
                              valid=round(n * settings["valid_fraction"]), test=max(1, n // 8))
    if settings["task"] == "pose":
        data = read_people(settings["data"], settings["valid_fraction"], settings["data_seed"])
    else:
        data = read(settings["data"], format=settings["format"], valid_fraction=settings["valid_fraction"],
                    test_fraction=settings["test_fraction"], seed=settings["data_seed"],
                    units=settings.get("units"), orientation=settings.get("orientation"),
                    difficult=settings.get("difficult", False), group_by=settings.get("group_by"))
    if size is not None and size < len(data.train):
        _, data.train = data.train.split(size / len(data.train), settings["data_seed"])
    return data


def data_for_model(model, path, known):
    """(Dataset with the model's labels, settings): the data given, or those of the run that the model lies in.

    The division into parts is then the same too, so no picture that was learned from is tested on.
    """
    config = path.parent / "config.json"
    earlier = read_config(config) if config.exists() else {}
    if not earlier and "data" not in known:
        raise UsageError(f"what {path} has learned from is not known, since no config.json lies beside it: say what to "
                         "measure it on, with --data FOLDER or --data scenes")
    if "data" in known and _resolved(known["data"]) != _resolved(earlier.get("data")):
        earlier = {}  # the same folder counts as the same, however it is written
    config = model.config or {}
    architecture = config.get("stage_1", config).get("architecture", "localizer")
    if architecture not in TASKS["localize"]:
        known = {"model": architecture} | known
    size = {} if architecture in WITHOUT_EPOCHS else {"image_size": model.image_size}
    settings = resolve(size | known, earlier)
    data = load_data(settings)
    if hasattr(model, "classes"):
        data.train, data.valid, data.test = (part.relabel(model.classes) for part in data.parts.values())
    return data, settings


def _resolved(data):
    return data if data is None or data in DRAWN.values() else str(Path(data).resolve())


def say_if_learned(path, settings, name, samples):
    """Say on stderr how many of these pictures the model at `path` has learned from. name: of their part"""
    seen = _seen(path, settings, samples)
    learned, chosen = (seen.get(part, 0) for part in ("train", "valid"))
    if learned and name != "train":
        further = f", and {chosen} more chose its best epoch" if chosen and name != "valid" else ""
        print(f"tinycnn: note: {learned} of these {len(samples)} {name} pictures were learned from{further}: the data, "
              "or their division into parts, are others than in the training, and the numbers say little about new "
              "pictures", file=sys.stderr)


def _seen(path, settings, samples):
    """{"train": n, "valid": m}: how many of these pictures each part of the training had, by content."""
    here = picture_digests(samples.images)
    kept = learned_pictures(read_extra(path, PREFIX)[1]) or _read_again(path, settings)
    return {} if here is None else {part: int(np.isin(here, digests).sum()) for part, digests in kept.items()}


def _read_again(path, settings):
    """What an earlier version did not keep is looked up where it was, unless the division is the run's own."""
    config = path.parent / "config.json"
    earlier = resolve({}, read_config(config)) if config.exists() else None  # an older one lacks newer settings
    divided = ("data", "format", "valid_fraction", "test_fraction", "data_seed", "size", "units", "orientation",
               "difficult", "group_by")
    if earlier is None or earlier["data"] in DRAWN.values() or \
            all(_resolved(earlier[name]) == _resolved(settings[name]) if name == "data" else
                earlier.get(name) == settings.get(name) for name in divided):
        return {}
    try:
        data = load_data(earlier)
    except DataError:  # the pictures it learned from are no longer there
        return {}
    return learned_pictures(pictures_of({"train": data.train, "valid": data.valid}))


def describe_data(data):
    """What config.json says of the data: names, counts, notes, and what tells them from others."""
    return {"name": data.name, "classes": list(getattr(data, "classes", ())),
            **{name: len(part) for name, part in data.parts.items()}, "notes": data.notes,
            "fingerprint": of_data(data.parts)}


def build_model(settings, classes=None):
    """The network that the settings describe, untrained. classes: names, for a localizer"""
    # What an architecture does not take as an argument is fixed in it.
    chosen = {name: settings[name] for name in defaults(settings["model"]) if name in settings}
    if classes is not None:
        chosen |= {"num_classes": len(classes), "classes": classes}
    return build({"architecture": settings["model"], **chosen})
