"""How the settings of a command become a training: by epochs, in one stage or two, or in one go.

A run of two stages keeps the first one in its folder stage-1, a run of its own with the same files. What is interrupted
goes on where it was: in the first stage, or in the second, for which the first stays as it is.
"""

import time

from tinycnn.cli import ingredients, resume, runs
from tinycnn.cli.options import WITHOUT_EPOCHS
from tinycnn.data.contents import pictures_of
from tinycnn.generations import has_checkpoint
from tinycnn.history import History
from tinycnn.models.cascade import PoseCascade
from tinycnn.models.pose import pose_plain
from tinycnn.models.weights import load, save
from tinycnn.optim import SGD, Adam
from tinycnn.text import count
from tinycnn.updates import ALONE


def fit(model, data, settings, folder, arguments, say, weights=None, processes=ALONE):
    """Train; returns a History for each stage, with the epochs before an interruption. say: print, or nothing"""
    if settings["model"] in WITHOUT_EPOCHS:
        return [_without_epochs(model, data, settings, folder)]
    if settings["stages"] == 1:
        return [by_epochs(model, data, settings, folder, arguments, resume.notes(settings), weights,
                          processes)]
    first = folder / runs.FIRST
    if has_checkpoint(folder):
        histories = [runs.read_history(first)]
    else:
        say(f"stage 1, {count(settings['epochs'], 'epoch')}, in {first}")
        histories = [by_epochs(model, data, settings, first, arguments, resume.notes(settings))]
    second = pose_plain(settings["second_size"], settings["second_channels"], settings["second_hidden"],
                        seed=settings["seed"])
    cascade = PoseCascade(load(first / "model.npz"), second, settings["zoom"]).to(model.device)
    say(f"stage 2, {count(settings['second_epochs'], 'epoch')}, on squares around what stage 1 says of each joint")
    history = by_epochs(cascade, data, runs.of_second(settings), folder, arguments, resume.notes(settings))
    return [*histories, history]


def by_epochs(model, data, settings, folder, arguments, notes, weights=None, processes=ALONE):
    """One training; returns its History. folder: None for another than the first of several processes

    weights: of the classes, where they have some    notes: see tinycnn.fit
    """
    from tinycnn.training import fit

    rates = {"trunk": settings["trunk_rate"]} if settings["trunk_rate"] != 1 else None
    common = {"lr": settings["lr"], "weight_decay": settings["weight_decay"], "rates": rates}
    sgd = settings["optimizer"] == "sgd"
    optimizer = SGD(model, momentum=settings["momentum"], **common) if sgd else Adam(model, **common)
    return fit(
        model, data, epochs=settings["epochs"], batch_size=settings["batch_size"],
        optimizer=optimizer, loss=ingredients.loss_of(settings, weights), mix=ingredients.mix_of(settings),
        schedule=ingredients.schedule_of(settings), augment=ingredients.augment_of(settings), seed=settings["seed"],
        out=folder,
        resume=arguments.resume, patience=settings["patience"], clip_norm=settings["clip_norm"],
        progress=getattr(arguments, "progress", not arguments.quiet), workers=settings["workers"],
        freeze=settings["freeze"], balance=settings["balance"], notes=notes,
        accumulate=settings["accumulate"], average=settings["average"], processes=processes)


def _without_epochs(model, data, settings, folder):
    """Train what learns in one go; returns a History without epochs, whose only row says how long it took."""
    start = time.perf_counter()
    model.fit(data.train, C=settings["svm_cost"], seed=settings["seed"])
    save(model, folder / "model.npz", arrays=pictures_of(data.parts))
    return History([{"epoch": 1, "seconds": time.perf_counter() - start}])
