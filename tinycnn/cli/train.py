"""tinycnn train: from pictures to a trained model, its test metrics and the pictures that show them."""

import argparse
import contextlib
import shlex
import warnings
from pathlib import Path

import numpy as np

from tinycnn.backend import pick_device
from tinycnn.claims import NAME, claimed
from tinycnn.cli import fitting, ingredients, launch, resume, runs
from tinycnn.cli.failures import UsageError
from tinycnn.cli.option_types import place
from tinycnn.cli.options import DATA, DRAWN, SETTINGS, absolute, given, options, resolve
from tinycnn.engine.threads import sharing_machine
from tinycnn.errors import CheckpointError, DataError, MissingExtra
from tinycnn.generations import newest
from tinycnn.models.transfer import begin
from tinycnn.models.weights import load
from tinycnn.origin import origin, other_than, versions
from tinycnn.text import legible
from tinycnn.updates import ALONE

SHOWN = 24  # pictures in predictions.png
LARGE, FEW = 10**7, 10**4  # parameters of a network that needs much of everything, and pictures that are few for it


def add(commands):
    parser = commands.add_parser(
        "train", usage="tinycnn train [options]", parents=[options(*SETTINGS)],
        help="train a model, test it, and keep everything in one folder",
        description="Train the two-headed localizer. Without options it draws scenes and learns them. What is kept, "
                    "measured and drawn is the model of the best epoch.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  tinycnn train\n  tinycnn train --data photos --epochs 50 --out runs/photos\n"
               "  tinycnn train --resume --out runs/photos\n  tinycnn train --resume --out runs/photos --epochs 80\n"
               "  tinycnn train --config runs/photos/config.json --seed 1")
    parser.add_argument("--out", type=place, metavar="FOLDER",
                        help="where everything goes (default runs/NAME-1, -2 ...)")
    parser.add_argument("--config", type=place, metavar="FILE",
                        help="repeat a run: take the settings of its config.json")
    parser.add_argument("--resume", action="store_true",
                        help="continue the run in --out, with its own settings. --epochs X makes it longer: from "
                             "there on the learning rate follows the schedule over X epochs (it jumps where a shorter "
                             "one had ended). --patience may be given anew, and --data where the same pictures were "
                             "moved to")
    parser.add_argument("--quiet", action="store_true", help="print nothing but the result")
    parser.set_defaults(run=run)


def run(arguments):
    processes = launch.processes()
    if processes.size == 1:
        return _report(*train_one(arguments))
    with sharing_machine(processes.threads):
        if processes.rank:
            _take_part(arguments, processes)
        else:
            _report(*train_one(arguments, processes=processes))
        processes.wait()  # while the first one measures


def train_one(arguments, load_data=runs.load_data, processes=ALONE):
    """Train one model, or go on with one: (the model of the best epoch, its metrics, its folder, what failed to be
    drawn). load_data: a function of the settings    processes: that train it together, of which this is the first
    """
    settings, folder = _settings(arguments)
    with contextlib.ExitStack() as claim:
        if folder is not None:
            claim.enter_context(claimed(folder))
        return _run(arguments, settings, folder, claim, load_data, processes)


def _take_part(arguments, processes):
    """Train with the first process, which writes and prints, and whose weights this one takes."""
    settings, folder = _settings(arguments)
    launch.expect_epochs(settings)
    device = launch.device_for(processes, pick_device(settings["device"])[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the first one says what is odd in the data
        data = _load(settings, folder, runs.load_data)
    model = runs.build_model(settings, getattr(data, "classes", None))
    if settings["init"] and (folder is None or not runs.has_begun(folder)):
        begin(model, settings["init"])
    weights = ingredients.class_weights(settings, data.train)
    fitting.by_epochs(model.to(device), data, settings, None, arguments, resume.notes(settings), weights, processes)


def _run(arguments, settings, folder, claim, load_data, processes):
    """folder: of the run to resume, claimed already, or None"""
    if processes.size > 1:
        launch.expect_epochs(settings)
    device = launch.device_for(processes, pick_device(settings["device"])[0])
    say = (lambda *lines: None) if arguments.quiet else (lambda *lines: lines and print(*lines, sep="\n", flush=True))
    if folder is None and arguments.out is not None:
        runs.expect_new(Path(arguments.out))  # before anything is drawn or read
        runs.expect_apart(arguments.out, settings["data"])
    begins = settings["init"] and (folder is None or not runs.has_begun(folder))
    if begins and not Path(settings["init"]).exists():
        raise UsageError(f"--init: there is no file or folder {settings['init']}")
    data = _load(settings, folder, load_data)
    say(data.describe(), "")
    if arguments.config is not None:
        say(*_of_another_run(arguments.config, settings, data))
    model = runs.build_model(settings, getattr(data, "classes", None))
    weights = ingredients.class_weights(settings, data.train)
    if begins:
        say(begin(model, settings["init"]).told())
    say(*_what_it_needs(model, data, settings))
    new = folder is None
    if new:
        folder = runs.new_folder(arguments.out, data.name)
        claim.enter_context(claimed(folder, new=arguments.out is None))
        runs.expect_new(folder)
        argv = getattr(arguments, "argv", None)
        runs.write_json(folder / "config.json", _config(settings, data, model, folder, argv, weights))
    else:
        resume.accept(folder, settings, data)
    hint = " (tinycnn doctor says why not on a GPU)" if (device, settings["device"]) == ("cpu", "auto") else ""
    many = f" by {processes.size} processes" if processes.size > 1 else ""
    say(f"{_count(model):,} parameters, computed on {device}{many}{hint}", f"everything goes to {folder}", "")
    try:
        histories = fitting.fit(model.to(device), data, settings, folder, arguments, say, weights, processes)
        best = load(folder / "model.npz", device=device)
        metrics = _measure(best, histories, data, settings, folder)
        problems = _draw(best, histories[-1], data, folder, settings["task"])
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_how_to_resume(folder)) from None
    finally:
        if new and {file.name for file in folder.iterdir()} - {NAME} == {"config.json"}:
            (folder / "config.json").unlink()  # no epoch was finished, so the name is free again
    return best, metrics, folder, problems


def _load(settings, folder, load_data):
    """The data; where those of a run to resume are gone, the error says what to do if they were moved."""
    try:
        return load_data(settings)
    except (DataError, FileNotFoundError) as error:
        if folder is None or settings["data"] in DRAWN.values() or Path(settings["data"]).exists():
            raise
        raise DataError(f"{error}. If the pictures were moved, say where to: tinycnn train --resume --out {folder} "
                        "--data FOLDER") from error


def _of_another_run(config, settings, data):
    """Sentences on what --config does not repeat."""
    was = resolve({}, runs.read_config(config))
    if all(was[name] == settings[name] for name in ("image_size", *(setting.name for setting in DATA))):
        here = {"data": runs.describe_data(data), "versions": versions()}
        yield from (f"note: of {config}: {sentence}" for sentence in other_than(runs.config_of(config), here))
    if was["model"] != settings["model"]:
        yield (f"{config} is of another model: its data and seed are taken, and {settings['model']} begins with "
               "settings of its own\n")
    told = resume.say_if_it_went_on(config, settings)
    if told:
        yield f"{told}\n"


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
    known = absolute(given(arguments))
    if not arguments.resume:
        earlier = runs.read_config(arguments.config) if arguments.config is not None else None
        return resolve(known, earlier), None
    if arguments.out is None or arguments.config is not None:
        raise UsageError("--resume continues the run in --out and takes its settings from there: "
                         "tinycnn train --resume --out runs/NAME")
    return resume.settings_of(arguments.out, known)


def _measure(model, histories, data, settings, folder):
    """Metrics of the kept model on the test and validation parts, also written to metrics.json."""
    from tinycnn.training import evaluate

    parts = {name: part for name, part in (("test", data.test), ("valid", data.valid)) if len(part)}
    measured = {name: evaluate(model, part, data.train, settings["batch_size"]) for name, part in parts.items()}
    history, seconds = histories[-1], sum(sum(each.column("seconds")) for each in histories)
    metrics = {"data": data.name, "seed": settings["seed"], "epochs": len(history), "best_epoch": history.best_epoch,
               "seconds": round(seconds, 1), **measured}
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


def _config(settings, data, model, folder, argv, weights):
    return {"settings": settings, "repeat": resume.repeat(folder, settings), **origin(argv),
            "data": runs.describe_data(data), "parameters": _count(model),
            **({} if weights is None else {"class_weights": weights})}


def _count(model):
    return sum(parameter.value.size for parameter in model.parameters().values())


def _how_to_resume(folder):
    try:
        kept = newest(folder) or newest(folder / runs.FIRST)
    except CheckpointError as error:
        return f"{folder} holds nothing to continue: {error}"
    if kept is None:
        return f"no epoch was finished, so {folder} holds nothing to continue"
    return f"kept: {kept.behind}; continue with: tinycnn train --resume --out {shlex.quote(str(folder))}"
