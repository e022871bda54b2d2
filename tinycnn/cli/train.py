"""tinycnn train: from pictures to a trained model, its test metrics and the pictures that show them."""

import argparse
import os
import platform
import shlex
import time
from pathlib import Path

import numpy as np

from tinycnn.backend import pick_device
from tinycnn.cli import runs
from tinycnn.cli.failures import UsageError
from tinycnn.cli.options import DRAWN, SETTINGS, WITHOUT_EPOCHS, given, options, resolve
from tinycnn.errors import MissingExtra
from tinycnn.history import History
from tinycnn.models.transfer import initialize
from tinycnn.models.weights import load, save
from tinycnn.optim import SGD, Adam
from tinycnn.text import legible
from tinycnn.version import __version__

SHOWN = 24  # pictures in predictions.png
LARGE, FEW = 10**7, 10**4  # parameters of a network that needs much of everything, and pictures that are few for it


def add(commands):
    parser = commands.add_parser(
        "train", usage="tinycnn train [options]", parents=[options(*SETTINGS)],
        help="train a model, test it, and keep everything in one folder",
        description="Train the two-headed localizer. Without options it draws scenes and learns them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  tinycnn train\n  tinycnn train --data photos --epochs 50 --out runs/photos\n"
               "  tinycnn train --resume --out runs/photos\n  tinycnn train --config runs/photos/config.json --seed 1")
    parser.add_argument("--out", metavar="FOLDER", help="where everything goes (default runs/NAME-1, -2 ...)")
    parser.add_argument("--config", metavar="FILE", help="repeat a run: take the settings of its config.json")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out, with its own settings")
    parser.add_argument("--quiet", action="store_true", help="print nothing but the result")
    parser.set_defaults(run=run)


def run(arguments):
    settings, folder = _settings(arguments)
    device, _ = pick_device(settings["device"])
    say = (lambda *lines: None) if arguments.quiet else (lambda *lines: print(*lines, sep="\n", flush=True))
    data = runs.load_data(settings)
    say(data.describe(), "")
    if arguments.config and runs.read_config(arguments.config).get("model") != settings["model"]:
        say(f"{arguments.config} is of another model: its data and seed are taken, and {settings['model']} begins with "
            "settings of its own", "")
    model = runs.build_model(settings, getattr(data, "classes", None))
    if settings["init"] and folder is None:
        taken = initialize(model, settings["init"])
        say(f"{len(taken)} of {len(model.parameters())} arrays of weights begin as in {settings['init']}")
    say(*_what_it_needs(model, data, settings))
    if folder is None:
        folder = runs.new_folder(arguments.out, data.name)
        runs.write_json(folder / "config.json", _config(settings, data, model, folder))
    hint = " (tinycnn doctor says why not on a GPU)" if (device, settings["device"]) == ("cpu", "auto") else ""
    say(f"{_count(model):,} parameters, computed on {device}{hint}", f"everything goes to {folder}", "")
    new = not arguments.resume
    try:
        history = _fit(model.to(device), data, settings, folder, arguments)
        best = load(folder / "model.npz", device=device)
        metrics = _measure(best, history, data, settings, folder)
        problems = _draw(best, history, data, folder, settings["task"])
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_how_to_resume(folder)) from None
    finally:
        if new:
            _remove_if_empty(folder)
    _report(best, metrics, folder, problems)


def _remove_if_empty(folder):
    """A run that ended before its first epoch leaves its name free again."""
    if [file.name for file in folder.iterdir()] == ["config.json"]:
        (folder / "config.json").unlink()
        folder.rmdir()


def _what_it_needs(model, data, settings):
    """Sentences for those who freeze a part for good, or train a very large network on few pictures."""
    parameters, pictures = _count(model), len(data.train)
    if settings["freeze"] and settings["freeze"][1] >= settings["epochs"]:
        yield (f"{settings['freeze'][0]} is frozen for all {settings['epochs']} epochs: it stays as it is"
               + ("" if settings["init"] else ", and nothing was learned before (--init)"))
    if parameters < LARGE:
        return
    arrays = 4 if settings["optimizer"] == "adam" else 3  # values, gradients, and the optimizer's state
    yield (f"{parameters / 1e6:.0f} million parameters take {4 * arrays * parameters / 1e9:.1f} GB in training, and "
           f"a batch of {settings['batch_size']} images takes more.")
    if pictures < FEW and not settings["init"]:
        yield (f"{pictures:,} pictures are few for so many: it learns them by heart. Begin with weights learned "
               "before, --init FILE, or train a smaller network, --model resnet.")


def _settings(arguments):
    """(settings, folder of the run to resume or None)"""
    known = given(arguments)
    for name in ("data", "init"):
        if known.get(name) not in (None, *DRAWN.values()):
            known[name] = str(Path(known[name]).absolute())  # so that config.json works from any folder
    if not arguments.resume:
        earlier = runs.read_config(arguments.config) if arguments.config else None
        return resolve(known, earlier), None
    if arguments.out is None or arguments.config:
        raise UsageError("--resume continues the run in --out and takes its settings from there: "
                         "tinycnn train --resume --out runs/NAME")
    folder = Path(arguments.out)
    if not (folder / "config.json").exists():
        raise UsageError(f"{folder} holds no run to resume: there is no config.json in it")
    earlier = runs.read_config(folder)
    if (folder / "model.npz").exists() and not (folder / "checkpoint.npz").exists() and \
            earlier["model"] not in WITHOUT_EPOCHS:
        raise UsageError(f"{folder} holds a model and no checkpoint.npz, so there is nothing to continue from. Start "
                         f"anew with: tinycnn train --config {folder} --out ANOTHER")
    machine = {name: known.pop(name) for name in ("device", "workers") if name in known}  # may differ
    changed = [f"--{name.replace('_', '-')}" for name in known if known[name] != earlier.get(name)]
    if changed:
        raise UsageError(f"--resume continues with the settings of {folder}: leave {', '.join(changed)} away, "
                         "or start a new run with --config and another --out")
    return resolve(machine, earlier), folder


def _fit(model, data, settings, folder, arguments):
    """Train; returns the History, with the epochs before an interruption."""
    from tinycnn.training import fit

    if settings["model"] in WITHOUT_EPOCHS:
        return _fit_without_epochs(model, data, settings, folder)
    rates = {"trunk": settings["trunk_rate"]} if settings["trunk_rate"] != 1 else None
    common = {"lr": settings["lr"], "weight_decay": settings["weight_decay"], "rates": rates}
    sgd = settings["optimizer"] == "sgd"
    optimizer = SGD(model, momentum=settings["momentum"], **common) if sgd else Adam(model, **common)
    return fit(
        model, data.train, data.valid, epochs=settings["epochs"], batch_size=settings["batch_size"],
        optimizer=optimizer, loss=runs.loss_of(settings),
        schedule=runs.schedule_of(settings), augment=runs.augment_of(settings), seed=settings["seed"], out=folder,
        resume=arguments.resume, patience=settings["patience"], clip_norm=settings["clip_norm"],
        progress=not arguments.quiet, workers=settings["workers"], freeze=settings["freeze"])


def _fit_without_epochs(model, data, settings, folder):
    """Train what learns in one go; returns a History without epochs, whose only row says how long it took."""
    start = time.perf_counter()
    model.fit(data.train, C=settings["svm_cost"], seed=settings["seed"])
    save(model, folder / "model.npz")
    return History([{"epoch": 1, "seconds": time.perf_counter() - start}])


def _measure(model, history, data, settings, folder):
    """Metrics of the kept model on the test and validation parts, also written to metrics.json."""
    from tinycnn.training import evaluate

    parts = {name: part for name, part in (("test", data.test), ("valid", data.valid)) if len(part)}
    measured = {name: evaluate(model, part, data.train, settings["batch_size"]) for name, part in parts.items()}
    metrics = {"data": data.name, "seed": settings["seed"], "epochs": len(history), "best_epoch": history.best_epoch,
               "seconds": round(sum(history.column("seconds")), 1), **measured}
    runs.write_json(folder / "metrics.json", metrics)
    return metrics


def _draw(model, history, data, folder, task):
    """Write both pictures; returns sentences about what could not be drawn, since the results count without them."""
    problems = []
    for name, figure in (("curves.png", _curves), ("predictions.png", _predictions)):
        try:
            drawn = figure(model, history, data, task)
            if drawn is not None:
                from tinycnn import plots

                plots.save(drawn, folder / name)
        except MissingExtra as error:
            return [f"curves.png and predictions.png were not drawn: {error}"]
        except Exception as error:
            problems.append(f"{name} was not drawn ({type(error).__name__}: {legible(error)}); all else is complete")
    return problems


def _curves(model, history, data, task):
    from tinycnn import plots

    return plots.curves(history) if "loss" in history.rows[0] else None


def _predictions(model, history, data, task):
    from tinycnn import plots
    from tinycnn.plots.labels import title as named

    part = data.test if len(data.test) else data.valid
    if not len(part):
        return None
    chosen = part.subset(np.sort(np.random.default_rng(0).permutation(len(part))[:SHOWN]))
    images = [chosen.images[i] for i in range(len(chosen))]
    title = f"{named(data.name, 'the data set')}: {len(chosen)} of {len(part):,} pictures that were not " \
            "learned from, at random"
    if task == "pose":
        return plots.poses(chosen, model.predict(images, chosen.boxes).joints, title=title)
    return plots.predictions(chosen, model.predict(images), title=title)


def _report(model, metrics, folder, problems):
    from tinycnn.tasks import task_of

    part = next((name for name in ("test", "valid") if name in metrics), None)
    if part is None:
        print("Nothing to measure on: there are neither test nor validation pictures.")
    else:
        table = task_of(model).comparison_table(metrics[part])
        print(f"\n{legible(metrics['data'])}, {metrics[part]['count']:,} {part} pictures:\n{table}\n")
    for sentence in problems:
        print(sentence)
    files = [name for name in ("model.npz", "metrics.json", "history.csv", "curves.png", "predictions.png")
             if (folder / name).exists()]
    print(f"{folder}: {', '.join(files)}")
    print(f"Try it: tinycnn predict --model {shlex.quote(str(folder))} PICTURE.jpg")


def _config(settings, data, model, folder):
    parts = {name: len(part) for name, part in data.parts.items()}
    repeat = shlex.join(["tinycnn", "train", "--config", str(folder / "config.json")])
    return {"settings": settings, "repeat": repeat, "tinycnn": __version__,
            "python": platform.python_version(), "numpy": np.__version__, "processors": os.cpu_count(),
            "data": {"name": data.name, "classes": list(getattr(data, "classes", ())), **parts, "notes": data.notes},
            "parameters": _count(model)}


def _count(model):
    return sum(parameter.value.size for parameter in model.parameters().values())


def _how_to_resume(folder):
    if (folder / "checkpoint.npz").exists():
        return f"continue with: tinycnn train --resume --out {shlex.quote(str(folder))}"
    return f"no epoch was finished, so {folder} holds nothing to continue"
