"""tinycnn compare: several runs in one table and one figure."""

import json
from pathlib import Path

from tinycnn.cli import records
from tinycnn.cli.failures import UsageError
from tinycnn.cli.option_types import place
from tinycnn.files import expect_own
from tinycnn.text import table

MOST_COLUMNS = 4  # settings beside the results; more have a table of their own


def add(commands):
    parser = commands.add_parser(
        "compare", help="several runs in one table and one figure",
        description="Put runs side by side: the settings in which they differ, the best epoch, validation and test "
                    "metrics; and draw their curves.")
    parser.add_argument("runs", type=place, nargs="+", metavar="RUN",
                        help="the folder of a run, or of several runs, as a sweep leaves one")
    parser.add_argument("--out", type=place, metavar="FILE", default="compare.png", help="default: compare.png")
    parser.add_argument("--no-figure", action="store_true", help="draw nothing")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments):
    from tinycnn.plots.look import MARK

    folders = list(dict.fromkeys(folder for given in arguments.runs for folder in records.inside(given)))
    found = [records.read(folder) for folder in folders]
    if len(found) < 2:
        raise UsageError(f"compare takes two runs or more, or a folder with several in it; got "
                         f"{found[0].folder if found else f'{arguments.runs[0]}, in which there is none'}")
    out = Path(arguments.out)
    if not arguments.no_figure:
        expect_own(out, MARK)
    print(json.dumps([as_json(record) for record in found], indent=2) if arguments.json else told(found))
    if arguments.no_figure:
        return
    drawn = draw(found, out)  # the table counts without it
    if not arguments.json:
        print("\n" + "\n".join(([f"Their curves: {out}"] if drawn else []) + undrawn(found)))


def as_json(record):
    """A run as JSON: its folder, settings, best epoch and metrics."""
    return {"run": str(record.folder), "settings": record.settings, "best_epoch": record.best_epoch,
            **{part: record.metrics[part] for part in ("valid", "test") if part in record.metrics}}


def told(found):
    """The comparison in words: a table of results, one of settings where many differ, and what to beware of."""
    differ, called = records.differing(found), records.names(found)
    beside = differ if len(differ) <= MOST_COLUMNS else []
    chosen_by = list(dict.fromkeys(record.headline[0] for record in found))  # one for each task
    measured = [key for key in records.SHOWN if any(record.score("test", key) is not None for record in found)]
    rows = [("run", *(setting.replace("_", "-") for setting in beside), "best epoch",
             *(f"valid {records.SHOWN[name]}" for name in chosen_by),
             *(f"test {records.SHOWN[key]}" for key in measured))]
    for record, words in zip(found, called, strict=True):
        rows.append((words, *(record.setting(setting) for setting in beside), _epochs(record),
                     *(number(record.headline[1] if name == record.headline[0] else None) for name in chosen_by),
                     *(number(record.score("test", key)) for key in measured)))
    parts = [table(rows, left=1 + len(beside))]
    if len(differ) > MOST_COLUMNS:
        parts.append(table([("setting", *called)] + [
            (setting.replace("_", "-"), *(record.setting(setting) for record in found))
            for setting in differ], left=1 + len(found)))
    if not differ:
        parts.append("All settings are the same.")
    unfinished = [words for record, words in zip(found, called, strict=True) if not record.metrics]
    if unfinished:
        parts.append(f"Not ended yet, so without test metrics: {', '.join(unfinished)}.")
    if not records.same_test(found):
        parts.append("They were tested on different pictures, so their test metrics cannot be compared.")
    return "\n\n".join(parts)


def draw(found, out):
    """Write the curves of the runs that have some to `out`; returns whether there was anything to draw together."""
    from tinycnn import plots

    curves, losses, together = _curves(found)
    if not together:
        return False
    plots.save(plots.compare_curves(curves, losses=losses), out)
    return True


def undrawn(found):
    """Sentences on what `draw` leaves out: runs without curves, and curves that nothing can be drawn of together."""
    (curves, _, together), called = _curves(found), records.names(found)
    told = []
    if curves and not together:
        tasks = len({record.settings["task"] for record in found if record.history}) > 1
        told.append("Nothing can be drawn together: they " + (
            "learned different tasks." if tasks else "learned by different losses, and not all were validated."))
    for by_epochs, why in ((False, "learned without epochs"), (True, "no history.csv")):
        without = [name for name, record in zip(called, found, strict=True)
                   if not record.history and record.by_epochs is by_epochs]
        if without:
            told.append(f"No curves ({why}): {', '.join(without)}.")
    return told


def _curves(found):
    """({name of a run: its History} of those that have one, whether their losses were computed in the same way, whether
    there is anything to draw of them together).
    """
    from tinycnn.plots.comparison import panels_of

    curves = {name: record.history for name, record in zip(records.names(found), found, strict=True) if record.history}
    losses = records.same_loss([record for record in found if record.history])
    return curves, losses, bool(curves and panels_of(curves, losses))


def number(value, spread=None):
    """A metric in a table: .412, or .412 ± .013."""
    if value is None:
        return "-"
    return f"{value:.3f}" if spread is None else f"{value:.3f} ± {spread:.3f}"


def _epochs(record):
    if record.best_epoch is None or not record.history:
        return "-"
    return f"{record.best_epoch} of {len(record.history)}"
