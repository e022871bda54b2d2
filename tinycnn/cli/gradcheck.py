"""tinycnn gradcheck: does every backward compute what its forward says?"""

from pathlib import Path

import numpy as np

from tinycnn.cli import runs
from tinycnn.cli.failures import UsageError
from tinycnn.layers import Layer
from tinycnn.models.cascade import PoseCascade
from tinycnn.models.weights import load
from tinycnn.text import count


def add(commands):
    parser = commands.add_parser(
        "gradcheck", help="compare every backward with differences of its forward",
        description="Check the gradients of all layers and losses, of those whose name contains NAME, or of a saved "
                    "model. The status is 0 if all are right.")
    parser.add_argument("what", nargs="?", metavar="NAME", help="a part of a name such as Conv2d, a model.npz, or the "
                                                                "folder of a run (default: all layers, losses, models)")
    parser.add_argument("--seed", type=int, default=0, metavar="X", help="of inputs and directions (default 0)")
    parser.add_argument("--verbose", action="store_true", help="the whole report of each")
    parser.set_defaults(run=run)


def run(arguments):
    """Prints one line for each, and the whole report where something is wrong."""
    verdicts = []
    for name, report in _reports(arguments.what, arguments.seed):
        if arguments.verbose or not report.ok:
            print(report, flush=True)
        else:
            worst = max(tensor.worst[0] for tensor in report.tensors)
            tensors = count(len(report.tensors), "tensor")
            print(f"ok  {name}: {tensors}, largest relative error {worst:.0e}", flush=True)
        verdicts.append(report.verdict)
    all_right = all(verdict == "ok" for verdict in verdicts)
    told = "all gradients are right" if all_right else \
        "GRADIENTS ARE WRONG, see above" if "wrong" in verdicts else "not all could be settled, see above"
    print(f"{len(verdicts)} checked: {told}")
    return 0 if all_right else 1


def _reports(what, seed):
    """Yield (name, Report)."""
    from tinycnn.gradient_check import gradcheck
    from tinycnn.gradient_check.catalog import cases

    if what is not None and Path(what).exists():
        path = runs.find_model(what)
        model = load(path)
        if type(model).backward is Layer.backward:
            raise UsageError(f"{path} is a {type(model).__name__}, which learns without going back through its "
                             "windows: it has no backward. Its parts have: tinycnn gradcheck hog, or linear, or hinge")
        stages = {"": model}
        if isinstance(model, PoseCascade):
            stages = {", stage 1": model.first, ", stage 2": model.second}
        for stage, network in stages.items():
            side, title = network.image_size, f"{path}{stage}"
            x = np.random.default_rng(seed).standard_normal((2, side, side, 3), dtype=np.float32)
            yield title, gradcheck(network, x, seed=seed, title=title)
        return
    everything = cases(seed)
    chosen = [case for case in everything if what is None or what.lower() in case[0].lower()]
    if not chosen:
        names = ", ".join(dict.fromkeys(name.partition("(")[0] for name, _, _ in everything))
        raise UsageError(f"{what!r} is neither a file nor part of a name; there are {names}")
    for name, obj, inputs in chosen:
        yield name, gradcheck(obj, *inputs, seed=seed, title=name)
