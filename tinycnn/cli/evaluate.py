"""tinycnn evaluate: all metrics of a trained model, with the baselines beside them, and where its mistakes are."""

import json
import sys
from pathlib import Path

from tinycnn.cli import runs
from tinycnn.cli.failures import UsageError
from tinycnn.cli.option_types import place
from tinycnn.cli.options import DATA, DEVICE, given, options, resolve
from tinycnn.cli.pictures import expect_writable
from tinycnn.files import expect_own
from tinycnn.models.pose import PoseNet
from tinycnn.text import for_json, legible

FIGURES = ("confusion.png", "classes.png", "sizes.png", "worst.png")


def add(commands):
    parser = commands.add_parser(
        "evaluate", parents=[options(*DATA, DEVICE)], help="measure a trained model",
        description="Measure a model on the data it was trained with (the same division into parts) or on others: "
                    "each class, what is mistaken for what, IoU over the object's size and the worst answers.")
    parser.add_argument("trained", type=place, nargs="?", metavar="MODEL",
                        help="model.npz or the folder of a run (default: newest)")
    parser.add_argument("--part", choices=("test", "valid", "train"), default="test", help="default: test")
    parser.add_argument("--out", type=place, metavar="FOLDER",
                        help=f"also draw {', '.join(FIGURES)} there; without it nothing is drawn")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments):
    from tinycnn.tasks import task_of

    out = None if arguments.out is None else Path(arguments.out)
    if out is not None:
        _expect_free(out)
    model, path = runs.load_model(arguments.trained, resolve(given(arguments))["device"])
    if out is not None and isinstance(model, PoseNet):
        raise UsageError("--out draws the mistakes of classes, and a pose has none; tinycnn inspect draws a pose model")
    data, settings = runs.data_for_model(model, path, given(arguments))
    part = data.parts[arguments.part]
    runs.say_if_learned(path, settings, arguments.part, part)
    for note in data.notes:
        if note.startswith("left out "):  # what is missing is not measured
            print(f"tinycnn: note: {legible(note)}", file=sys.stderr)
    task = task_of(model)
    metrics, found = task.measure(part, data.train if len(data.train) else None, 64, 1)
    written = [] if out is None else _draw(found, out)
    if arguments.json:
        more = {} if found is None else {"breakdown": found.numbers()}
        told = {"model": str(path), "data": settings["data"], "part": arguments.part, **metrics, **more}
        print(json.dumps(for_json(told), indent=2))
        return
    print(f"{path} on {legible(data.name)}, {metrics['count']:,} {arguments.part} pictures:\n"
          f"{task.comparison_table(metrics)}")
    if found is not None:
        print(f"\n{found}")
    if written:
        print(f"\nDrawn: {', '.join(map(str, written))}")


def _expect_free(out):
    """Before anything is computed: the folder can be written, and nothing in it that is not ours would be replaced."""
    from tinycnn.plots.look import MARK

    expect_writable(out)
    for name in FIGURES:
        expect_own(out / name, MARK)


def _draw(found, out):
    from tinycnn import plots

    out.mkdir(parents=True, exist_ok=True)
    for name, draw in found.figures().items():
        plots.save(draw(), out / name)
    return [out / name for name in FIGURES]
