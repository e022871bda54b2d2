"""tinycnn sweep: one training after the other, for every combination of a few settings, and one table at the end.

Each run has a folder of its own, as `tinycnn train` leaves it. The same command again goes on where the last one ended:
runs that have ended are kept, one that was broken off is continued, and what is missing is trained. What is best is
decided on the validation pictures. Test metrics are shown of that one alone: who chooses by test pictures has learned
from them, and no pictures are left to say how good the choice is.
"""

import argparse
import contextlib
import csv
import math
import statistics
from pathlib import Path

from tinycnn.claims import claimed
from tinycnn.cli import records, runs, train
from tinycnn.cli.combinations import combinations, folder_name, told, varied, varied_options, word
from tinycnn.cli.compare import draw, number, undrawn
from tinycnn.cli.failures import UsageError
from tinycnn.cli.option_types import place
from tinycnn.cli.options import DATA, SETTINGS, Parser, absolute, given, options, resolve
from tinycnn.errors import MissingExtra, TrainingError
from tinycnn.files import atomic_write, expect_own
from tinycnn.text import count, figure_of, first_line, legible, table

FIXED = "options of tinycnn train, the same for all runs"
FEW = 5  # seeds below which their standard deviation says little
OF_DATA = (*(setting.name for setting in DATA), "image_size")  # what decides which pictures there are
LAST_COLUMN = "folder_of_the_run"
MEASURED = {"localize": ("accuracy", "mean_iou", "joint"), "pose": ("pcp/total", "pck/total")}


def add(commands):
    parser = commands.add_parser(
        "sweep", usage="tinycnn sweep --SETTING A,B [--SETTING C,D ...] --out FOLDER [-- options of tinycnn train]",
        parents=[varied_options()], help="train with every combination of a few settings; one table at the end",
        description="Train once for every combination of the values given, one run after the other, and choose by the "
                    "validation pictures. Before the two dashes stands what is varied, each with its values separated "
                    "by commas (those of --channels by slashes); behind them stand options of tinycnn train that are "
                    "the same for all runs. With --seed 0,1,2 each combination is trained with three seeds, and the "
                    "table shows mean and standard deviation. The same command again goes on after an interruption, "
                    "and with more values it adds runs.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  tinycnn sweep --lr 0.001,0.003 --dropout 0,0.5 --out runs/sweep -- --size 400 --epochs 4\n"
               "  tinycnn sweep --box-loss l2,giou --seed 0,1,2 --out runs/losses -- --data photos --epochs 30")
    parser.add_argument("--out", type=place, metavar="FOLDER", help="where the runs go, each into a folder of its own")
    parser.add_argument("--dry-run", action="store_true", help="list the runs and train nothing")
    parser.add_argument("--quiet", action="store_true", help="print no epochs")
    parser.add_argument("fixed", nargs="*", metavar="-- OPTIONS", help=FIXED)
    parser.set_defaults(run=run)


def run(arguments):
    several, once = varied(arguments)
    common, out, earlier = _common(arguments, once)
    plan = [(combination, out / folder_name(combination), _resolved(combination, common, earlier))
            for combination in combinations(several)]  # all are checked before the first is trained
    states = [_state(folder, settings) for _, folder, settings in plan]
    print(f"{count(len(plan), 'run')} in {out}: {_counted(states)}", flush=True)
    if arguments.dry_run:
        print(table([("run", "")] + [(told(c), state) for (c, _, _), state in zip(plan, states, strict=True)], left=2))
        return
    failed = {}
    with claimed(out):
        try:
            load = _remembering()
            for k, ((combination, folder, settings), state) in enumerate(zip(plan, states, strict=True), start=1):
                print(f"\n[{k} of {len(plan)}] {told(combination)}: {state}", flush=True)
                if state != KEPT:
                    try:
                        _train(folder, settings, state, load, arguments)
                    except TrainingError as error:  # it diverged; the others may not
                        failed[folder] = first_line(error)
                        print(f"failed: {failed[folder]}", flush=True)
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt("the same command goes on where it stopped") from stop
        _report(plan, several, failed, out)
    if failed:
        return 1


KEPT, CONTINUED, NEW = "kept, it has ended before", "continued", "new"


def _common(arguments, once):
    """(settings of all runs, the sweep's folder, settings of --config or None)"""
    parser = Parser(prog="tinycnn sweep ... --", parents=[options(*SETTINGS)], add_help=False)
    parser.add_argument("--out", type=place)
    parser.add_argument("--config", type=place)
    fixed = parser.parse_args(arguments.fixed)
    common = given(fixed)
    twice = sorted(common.keys() & vars(arguments).keys())
    if twice or arguments.out and fixed.out:
        name = twice[0].replace("_", "-") if twice else "out"
        raise UsageError(f"--{name} stands before and behind the two dashes: what is varied stands before them, what "
                         "is the same for all runs behind")
    out = arguments.out or fixed.out
    if out is None:
        raise UsageError("say where the runs go, with --out runs/sweep; the same command then goes on there")
    _expect_free(Path(out))
    return common | once, Path(out), None if fixed.config is None else runs.read_config(fixed.config)


def _expect_free(out):
    """What lies there must be a sweep's own."""
    if (out / "config.json").exists():
        raise UsageError(f"{out} is the folder of a run: choose another for the sweep")
    with contextlib.suppress(MissingExtra):
        from tinycnn.plots.look import MARK

        expect_own(out / "compare.png", MARK)
    expect_own(out / "sweep.csv", LAST_COLUMN.encode())


def _resolved(combination, common, earlier):
    settings = resolve(absolute(common | combination), earlier)
    if settings["valid_fraction"] == 0:
        raise UsageError("a sweep chooses by the validation pictures, so --valid-fraction must be more than 0")
    return settings


def _state(folder, settings):
    """What is to be done in a folder. UsageError where it holds a run with other settings."""
    if not (folder / "config.json").exists():
        runs.expect_new(folder)
        return NEW
    was = resolve({}, runs.read_config(folder))
    other = [name for name in settings if name not in records.OF_THE_MACHINE and was.get(name) != settings[name]]
    if other:
        raise UsageError(f"{folder} was trained with {other[0].replace('_', '-')} {word(was.get(other[0]))}, and this "
                         f"sweep says {word(settings[other[0]])}: choose another --out, or give what it was")
    return KEPT if (folder / "metrics.json").exists() else CONTINUED


def _counted(states):
    words = {NEW: "to train", CONTINUED: "to continue", KEPT: "ended before"}
    return ", ".join(f"{states.count(state)} {words[state]}" for state in words if state in states)


def _remembering():
    """A function that loads the data of a run, and keeps them for the next one, which mostly has the same."""
    kept = {}

    def load(settings):
        key = repr([(name, settings.get(name)) for name in OF_DATA])
        if key not in kept:
            kept.clear()
            data = runs.load_data(settings)
            if not len(data.valid):
                raise UsageError(f"a sweep chooses by validation pictures, and {data.name} has none: give a larger "
                                 "--valid-fraction")
            kept[key] = data
        return kept[key]

    return load


def _train(folder, settings, state, load, arguments):
    known = {name: settings[name] for name in records.OF_THE_MACHINE} if state == CONTINUED else settings
    call = argparse.Namespace(**known, out=str(folder), config=None, resume=state == CONTINUED, quiet=True,
                              progress=not arguments.quiet, argv=getattr(arguments, "argv", None))
    train.train_one(call, load)
    record = records.read(folder)
    name, value = record.headline
    epoch = "" if record.best_epoch is None else f" in epoch {record.best_epoch}"
    print(f"validation {records.SHOWN[name]} {number(value)}{epoch}", flush=True)


def _report(plan, several, failed, out):
    ended = [(combination, records.read(folder)) for combination, folder, _ in plan if folder not in failed]
    _write_table(out / "sweep.csv", ended, several)
    groups = _groups(ended)
    lost = [(told(combination), failed[folder]) for combination, folder, _ in plan if folder in failed]
    if groups:
        print(f"\n{in_words(groups, several)}")
        found, lines = [record for _, record in ended], [f"Every run in a line: {out / 'sweep.csv'}"]
        with contextlib.suppress(MissingExtra):  # the table counts without its figure
            curves = [f"Their curves: {out / 'compare.png'}"] if draw(found, out / "compare.png") else []
            lines += curves + undrawn(found)
        print("\n" + "\n".join(lines))
    for combination, why in lost:
        print(f"Failed: {combination}: {why}")


def _groups(ended):
    """[(combination without its seed, its records)], the best on the validation pictures first.

    Among equals the one with the lowest validation loss is first, as among epochs, where all losses are computed in the
    same way; then the name decides.
    """
    groups = {}
    for combination, record in ended:
        key = {name: value for name, value in combination.items() if name != "seed"}
        groups.setdefault(repr(key), (key, []))[1].append(record)
    found = list(groups.values())
    return sorted(found, key=lambda group: (-_mean([record.headline[1] for record in group[1]]),
                                            _loss(group[1], found), told(group[0])))


def in_words(groups, several):
    """The table of all combinations, the best first, and a paragraph on the one that was chosen."""
    (chosen, best), names = groups[0], [name for name in several if name != "seed"]
    headline, seeds = best[0].headline[0], len(several.get("seed", [0]))
    measured = MEASURED[best[0].settings["task"]]
    rows = [(*(name.replace("_", "-") for name in names), *(["runs"] if seeds > 1 else []), "best epoch",
             *(f"valid {records.SHOWN[name]}" for name in measured))]
    for combination, found in groups:
        epochs = [record.best_epoch for record in found]
        rows.append((*(records.shown(combination[name]) for name in names), *([str(len(found))] if seeds > 1 else []),
                     "-" if None in epochs else str(epochs[0]) if len(found) == 1 else figure_of(_mean(epochs)),
                     *(spread([record.score("valid", name) for record in found]) for name in measured)))
    parts = [table(rows, left=len(names))]
    if seeds > 1:
        rough = ": of so few it is a rough guess" if seeds < FEW else ""
        parts.append(f"± is the standard deviation over the seeds{rough}.")
    parts.append(_choice(groups, chosen, best, headline, measured))
    return "\n\n".join(parts)


def _choice(groups, chosen, best, headline, measured):
    lines = []
    if chosen:  # else the runs differ in their seeds alone, and there is nothing to choose
        lines = [f"Chosen by the validation pictures ({records.SHOWN[headline]}): {legible(told(chosen))}."]
    if len(groups) > 1:
        first, second = ([record.headline[1] for record in group] for _, group in groups[:2])
        between, noise = _mean(first) - _mean(second), max(_deviation(first), _deviation(second))
        if between == 0:
            one, other = (_loss(found, groups) for _, found in groups[:2])
            by_loss = ", with a higher validation loss" if one < other < math.inf else ""
            lines.append(f"Another combination does as well{by_loss}.")
        elif min(len(first), len(second)) > 1 and between < noise:
            lines.append(f"The next one is {between:.3f} behind, less than one standard deviation of the seeds: by "
                         "these runs the two cannot be told apart.")
    tested = [record for record in best if "test" in record.metrics]
    if tested:
        results = ", ".join(f"{records.SHOWN[key]} {spread([record.score('test', key) for record in tested])}"
                            for key in measured)
        lines.append(f"On {count(int(tested[0].score('test', 'count')), 'test picture')} that nothing was chosen by: "
                     f"{results}.")
    where = min(best, key=lambda record: (-record.headline[1], record.valid_loss)).folder  # their losses are alike
    which = "Its model" if len(best) == 1 else "The model of the seed that validates best"
    return "\n".join([*lines, f"{which}: {where / 'model.npz'}"])


def spread(values):
    """.412, or .412 ± .013 of several; - where one is missing."""
    if not values or None in values:
        return "-"
    return number(_mean(values), _deviation(values) if len(values) > 1 else None)


def _loss(found, groups):
    """The mean validation loss of one group's records; 0 for every one where the losses cannot be compared."""
    alike = records.same_loss([record for _, others in groups for record in others])
    return _mean([record.valid_loss for record in found]) if alike else 0.0


def _mean(values):
    return statistics.fmean(values)


def _deviation(values):
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _write_table(path, ended, several):
    """One line for each run, without test metrics: nobody shall choose by them."""
    with atomic_write(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        measured = MEASURED[ended[0][1].settings["task"]] if ended else ()
        columns = [f"valid_{name.partition('/')[0]}" for name in measured]
        writer.writerow([*several, "best_epoch", *columns, LAST_COLUMN])
        for combination, record in ended:
            scores = [record.score("valid", name) for name in measured]
            writer.writerow([*(word(combination[name]) for name in several), record.best_epoch,
                             *("" if score is None else f"{score:.6g}" for score in scores), record.folder])
