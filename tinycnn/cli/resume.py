"""tinycnn train --resume: what may be given anew, where the pictures lie now, and what config.json then says.

A run keeps its settings. What says when it ends may be given anew, --epochs and --patience; where it is computed,
--device and --workers; and where its pictures have been moved to, --data, as long as they are the same by content.
"""

import shlex
import sys
from pathlib import Path

from tinycnn.checkpoint import pictures_in
from tinycnn.cli import runs
from tinycnn.cli.failures import UsageError
from tinycnn.cli.options import WITHOUT_EPOCHS, resolve
from tinycnn.continuation import expect_epochs, expect_own_model, expect_same_notes
from tinycnn.data.contents import contents, difference
from tinycnn.errors import CheckpointError
from tinycnn.generations import has_checkpoint, newest
from tinycnn.history import History
from tinycnn.text import count

NOT_KEPT = ("device", "workers")  # of this call alone
GIVEN_ANEW = (*NOT_KEPT, "data", "epochs", "patience")


def settings_of(out, known):
    """(settings, folder) of the run to go on with. known: what stands on the command line

    Raises UsageError for what is no run, and for what may not be given anew.
    """
    folder = Path(out)
    if not (folder / "config.json").exists():
        raise UsageError(f"{folder} holds no run to resume: there is no config.json in it")
    earlier = runs.read_config(folder)
    if (folder / "model.npz").exists() and not has_checkpoint(folder) and \
            earlier["model"] not in WITHOUT_EPOCHS:
        raise UsageError(f"{folder} holds a model and no checkpoint.npz, so there is nothing to continue from. Start "
                         f"anew with: tinycnn train --config {folder} --out ANOTHER")
    changed = [f"--{name.replace('_', '-')}" for name in known
               if known[name] != earlier.get(name) and name not in GIVEN_ANEW]
    if changed:
        raise UsageError(f"--resume continues with the settings of {folder}: leave {', '.join(changed)} away, "
                         "or start a new run with --config and another --out")
    settings = resolve({name: known[name] for name in GIVEN_ANEW if name in known}, earlier)
    if settings["stages"] > 1 and settings["epochs"] != earlier.get("epochs", settings["epochs"]):
        raise UsageError(f"{folder} is a run of {settings['stages']} stages, each of which was planned with its "
                         "epochs: leave --epochs away, or start a new run with --config and another --out")
    if has_checkpoint(folder):
        _expect_more(folder, settings, known)
    return settings, folder


def notes(settings):
    """The settings that the checkpoint keeps: all that may not be given anew."""
    return {name: value for name, value in settings.items() if name not in GIVEN_ANEW}


def _expect_more(folder, settings, known):
    """Epochs that nobody could add, and settings that were edited, are refused before the data are read."""
    try:
        kept = newest(folder, lambda kept: expect_same_notes(folder, kept.settings, notes(settings)))
        expect_epochs(kept, runs.last_epochs(settings))
    except CheckpointError as error:
        raise UsageError(str(error)) from None
    rows = kept.rows
    history, patience = History(rows), settings["patience"]
    if "epochs" in known and len(rows) < known["epochs"] and patience is not None and history.waited >= patience:
        raise UsageError(f"{folder} has ended by its patience: {count(history.waited, 'epoch')} after epoch "
                         f"{history.best_epoch}, the best, and none better. More epochs alone add nothing: give "
                         "--patience none too, or a larger number")


def accept(folder, settings, data):
    """Before the run goes on: the pictures must be those that it learned from, and config.json says what is true now.

    Raises UsageError, and changes nothing, where --data holds other pictures than the run began with, or where
    model.npz is not the file that the run has written.
    """
    config = runs.config_of(folder)
    here = {part: contents(samples) for part, samples in data.parts.items() if len(samples)}

    def expect_fit(kept):
        if kept.path.parent == folder:
            expect_same_notes(folder, kept.settings, notes(settings))
        other = difference(kept.samples, here) if kept.samples else ""
        if other:
            raise CheckpointError(f"{settings['data']} does not hold what {folder} has learned from: {other}. Give the "
                                  "place that the same files were moved to, or start a new run with another --out")

    went_on, place = config.get("went_on", []), folder
    try:
        kept = newest(folder, expect_fit)
        if kept is None:  # of two stages the first one may be all that there is
            kept, place = newest(folder / runs.FIRST, expect_fit), folder / runs.FIRST
    except CheckpointError as error:
        raise UsageError(str(error)) from None
    moved = settings["data"] != config["settings"].get("data")
    if kept is not None:
        rows, then = kept.rows, kept.samples
        if "test" in then and difference(then, here, ("test",)):
            print("tinycnn: note: the run began with other test pictures, or with other answers to them: "
                  f"{difference(then, here, ('test',))}. Its metrics will be of those that are there now",
                  file=sys.stderr)
        try:
            expect_own_model(place / "model.npz", kept, pictures_in(here))
        except CheckpointError as error:
            raise UsageError(str(error)) from None
        went_on = [stage for stage in went_on if stage["after"] < len(rows) or "batch" in stage]
        if place == folder and kept.settings["epochs"] != runs.last_epochs(settings) and kept.begun:
            within = {"batch": kept.within["batches"]} if kept.within else {}
            went_on.append({"after": len(rows), **within, "of": kept.settings["epochs"]})
    to_keep = {name: value for name, value in settings.items() if name not in NOT_KEPT}
    if moved or went_on != config.get("went_on", []) or \
            any(config["settings"].get(name) != value for name, value in to_keep.items() if name in GIVEN_ANEW):
        config["settings"] |= {name: to_keep[name] for name in GIVEN_ANEW if name in to_keep}
        config["data"] = runs.describe_data(data)
        config |= {"went_on": went_on} if went_on else {}
        config["repeat"] = repeat(folder, settings, went_on)
        runs.write_json(folder / "config.json", config)


def repeat(folder, settings, went_on=()):
    """The command that repeats a run. went_on: [{"after": 30, "of": 30}]: epochs done when it became a longer one

    A run whose rate has followed schedules over two lengths is repeated in two steps where it had ended before.
    """
    whole = shlex.join(["tinycnn", "train", "--config", str(folder / "config.json")])
    if not went_on or settings["schedule"] == "constant":
        return whole
    if all(stage["after"] == stage["of"] and "batch" not in stage for stage in went_on):
        later = [stage["of"] for stage in went_on[1:]] + [settings["epochs"]]
        return " && ".join([f"{whole} --epochs {went_on[0]['of']} --out ANOTHER",
                            *(f"tinycnn train --resume --out ANOTHER --epochs {epochs}" for epochs in later)])
    told = ", ".join(f"that over {stage['of']} until " + (f"batch {stage['batch']} of epoch {stage['after'] + 1}"
                     if "batch" in stage else f"epoch {stage['after']}") for stage in went_on)  # fmt: skip
    return f"{whole}  # but this run's rate has followed another schedule than that over {settings['epochs']}: {told}"


def say_if_it_went_on(path, settings):
    """A sentence for --config where the run was made longer, and one of that length takes other steps; or None."""
    config = runs.config_of(path)
    went_on = config.get("went_on")
    same = all(settings[name] == config["settings"].get(name) for name in ("epochs", "schedule"))
    if not went_on or not same or settings["schedule"] == "constant":
        return None
    return (f"{path} was a run of {went_on[0]['of']} epochs that went on to {settings['epochs']}. This one follows the "
            f"schedule over {settings['epochs']} from the start, so it is another; \"repeat\" in config.json says how "
            "that one was")
