"""tinycnn evaluate: all metrics of a trained model, with the baselines beside them."""

import json

from tinycnn.cli import runs
from tinycnn.cli.options import DATA, DEVICE, given, options, place, resolve
from tinycnn.models.weights import load
from tinycnn.text import for_json, legible


def add(commands):
    parser = commands.add_parser(
        "evaluate", parents=[options(*DATA, DEVICE)], help="measure a trained model",
        description="Measure a model on the data it was trained with (the same division into parts) or on others.")
    parser.add_argument("trained", type=place, nargs="?", metavar="MODEL",
                        help="model.npz or the folder of a run (default: newest)")
    parser.add_argument("--part", choices=("test", "valid", "train"), default="test", help="default: test")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments):
    from tinycnn.tasks import task_of
    from tinycnn.training import evaluate

    path = runs.find_model(arguments.trained)
    model = load(path, device=resolve(given(arguments))["device"])
    data, settings = runs.data_for_model(model, path, given(arguments))
    part = data.parts[arguments.part]
    runs.say_if_learned(path, settings, arguments.part, part)
    metrics = evaluate(model, part, data.train if len(data.train) else None)
    if arguments.json:
        told = {"model": str(path), "data": settings["data"], "part": arguments.part, **metrics}
        print(json.dumps(for_json(told), indent=2))
    else:
        table = task_of(model).comparison_table(metrics)
        print(f"{path} on {legible(data.name)}, {metrics['count']:,} {arguments.part} pictures:\n{table}")
