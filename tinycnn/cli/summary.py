"""tinycnn summary: what a network is made of, without running it."""

from pathlib import Path

from tinycnn.cli import runs
from tinycnn.cli.failures import UsageError
from tinycnn.cli.options import MODEL, MODELS, count, given, options, resolve
from tinycnn.models.architectures import defaults
from tinycnn.models.cascade import PoseCascade
from tinycnn.models.weights import load


def add(commands):
    shown = [setting for setting in MODEL if setting.name != "model"]
    parser = commands.add_parser(
        "summary", parents=[options(*shown)], help="shapes, parameters, memory and work of each layer",
        description="One line per layer: shape, parameters, memory and multiply-adds, without running the network.")
    parser.add_argument("what", nargs="?", metavar="MODEL", default="localizer",
                        help=f"{', '.join(MODELS)}, a model.npz or the folder of a run (default: localizer)")
    parser.add_argument("--num-classes", type=count, metavar="X", help="default 10, and 1000 for alexnet")
    parser.add_argument("--batch", type=count, default=64, metavar="X", help="pictures in a batch (default 64)")
    parser.set_defaults(run=run)


def run(arguments):
    from tinycnn.inspection.summary import summary

    known = given(arguments)
    if arguments.what in MODELS:
        if arguments.num_classes and "num_classes" not in defaults(arguments.what):
            raise UsageError(f"--num-classes has no meaning for {arguments.what}, which knows no classes")
        classes = arguments.num_classes or defaults(arguments.what).get("num_classes")
        settings = resolve(known | {"model": arguments.what, "data": "pictures"})  # the sizes used for photographs
        model = runs.build_model(settings, classes and tuple(map(str, range(classes))))
    else:
        if known or arguments.num_classes:
            raise UsageError("a saved model has its sizes already: give no settings with it")
        path = runs.find_model(arguments.what)
        if not Path(path).exists():
            raise UsageError(f"{arguments.what!r} is neither {' nor '.join(MODELS)} nor a file that exists")
        model = load(path)
    stages = (model.first, model.second) if isinstance(model, PoseCascade) else (model,)
    for number, network in enumerate(stages, 1):
        print(*[f"stage {number}"] * (len(stages) > 1), summary(network, batch_size=arguments.batch), sep="\n")
