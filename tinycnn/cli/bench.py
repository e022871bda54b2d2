"""tinycnn bench: how fast this machine computes, where the time goes, and how it compares with its peers."""

import json
from pathlib import Path

from tinycnn.cli.failures import UsageError
from tinycnn.cli.option_types import number
from tinycnn.cli.options import count


def add(commands):
    parser = commands.add_parser(
        "bench", help="measure speed and memory, also against PyTorch or ONNX Runtime",
        description="Measure training steps and predictions: A a small localizer, B the default one, C AlexNet, D "
                    "predictions of B's network (batches of 1 and 256), E one epoch from picture files. Without names: "
                    "A to D, and E if there is --data.")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="A, B, C, D (D1, D256), E")
    parser.add_argument("--against", choices=("torch", "compile", "onnxruntime"),
                        help="compare with PyTorch, with its compiler, or, predictions only, with ONNX Runtime, if it "
                             "is installed (on a GPU the first is done unasked where PyTorch can use it)")
    parser.add_argument("--device", default="auto", metavar="X", help="auto (default), cpu, cuda, cuda:1, simulated")
    parser.add_argument("--repeats", type=count, metavar="X", help="turns of each side (default 9 to 25, 3 for E)")
    parser.add_argument("--paired", action="store_true", help="each side in a process of its own (not E)")
    parser.add_argument("--data", metavar="FOLDER", help="the annotated pictures of workload E")
    parser.add_argument("--workers", type=number(int, least=0), default=1, metavar="X",
                        help="background workers that prepare E's batches, on both sides (default 1)")
    parser.add_argument("--scaling", action="store_true",
                        help="instead: the cost against batch (1 to 512) and image size (default: of B; of D256 "
                             "against onnxruntime)")
    parser.add_argument("--roofline", action="store_true",
                        help="instead: the least time that each layer could take on this processor, from its "
                             "operations and bytes, beside the time it takes (default: of B)")
    parser.add_argument("--out", metavar="FILE", help="the figure (default: scaling.png or roofline.png)")
    parser.add_argument("--force", action="store_true", help="replace --out if it exists")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments):
    from tinycnn.backend import pick_device
    from tinycnn.bench import measure, report, workloads
    from tinycnn.bench.peers import expect_able, twin

    onnx = arguments.against == "onnxruntime"
    default = "D256" if onnx else "B"
    names = arguments.workloads or ([default] if arguments.scaling or arguments.roofline else ["D"] if onnx else [])
    chosen = workloads.choose(names, arguments.data, arguments.workers)
    if arguments.scaling or arguments.roofline:
        _check(arguments, chosen)
    for workload in chosen:
        expect_able(workload, arguments.against)
    device, _ = pick_device(arguments.device)
    against, why_not = _against(arguments.against, device)
    say = (lambda *lines: None) if arguments.json else (lambda *lines: print(*lines, sep="\n", flush=True))
    found = report.machine(device, against)
    peaks = {"tinycnn": measure.fastest_product(device)}
    if against and not onnx:  # ONNX Runtime does not multiply two matrices for the asking
        peaks["PyTorch"] = twin(against).fastest_product(device)
    say(report.heading(found, peaks), *why_not, "")
    everything = {"machine": found, "peak_gflops": peaks}
    if arguments.roofline:
        everything["roofline"] = _roofline(arguments, chosen[0], peaks["tinycnn"], found, say)
    elif arguments.scaling:
        everything["scaling"] = _scaling(arguments, chosen[0], device, against, found, say)
    else:
        everything["workloads"] = {workload.key: _measured(arguments, workload, device, against, peaks, say)
                                   for workload in chosen}
    if arguments.json:
        print(json.dumps(everything, indent=2))


def _measured(arguments, workload, device, against, peaks, say):
    from tinycnn.bench import report
    from tinycnn.bench.run import run as measured

    result = measured(workload, device, against, peaks["tinycnn"], arguments.repeats, arguments.paired)
    say(report.text(result), "")
    return result


def _scaling(arguments, workload, device, against, found, say):
    from tinycnn.bench import report
    from tinycnn.bench.run import sides_of
    from tinycnn.bench.scaling import REPEATS, figure, scaling

    def sides(one):
        return [side for side in sides_of(one, device, against) if side.counts]

    measured = scaling(workload, sides, arguments.repeats or REPEATS, say=say)
    say("", report.scaling_text(measured), "")
    what = "training step" if workload.kind == "training" else "prediction"
    title = f"{workload.key}: what a {what} costs ({found['processor']}, {found['threads']} threads)"
    _drawn(lambda: figure(measured, title), arguments.out, say)
    return measured


def _roofline(arguments, workload, gflops, found, say):
    from tinycnn.bench import report
    from tinycnn.bench.roofline import figure, roofline

    measured = roofline(workload, gflops, arguments.repeats)
    say(report.roofline_text(measured), "")
    title = f"{workload.key}, batch {workload.batch}: {found['processor']}, {found['threads']} threads"
    _drawn(lambda: figure(measured, title), arguments.out, say)
    return measured


def _drawn(draw, out, say):
    """Write a figure, where matplotlib can draw one."""
    from tinycnn.errors import MissingExtra

    try:
        from tinycnn import plots

        plots.save(draw(), out)
        say(f"The same as a figure: {out}")
    except MissingExtra as error:
        say(f"{out} was not drawn: {error}")


def _check(arguments, chosen):
    """Wrong combinations are refused before anything is measured."""
    what = "--scaling" if arguments.scaling else "--roofline"
    if arguments.scaling and arguments.roofline:
        raise UsageError("--scaling and --roofline measure different things: give one of them")
    arguments.out = arguments.out or f"{what[2:]}.png"
    if arguments.roofline and (len(chosen) != 1 or chosen[0].kind == "epoch"):
        raise UsageError("--roofline takes one workload: A, B (default), C, D1 or D256")
    if arguments.roofline and (arguments.against or arguments.device not in ("auto", "cpu")):
        raise UsageError("--roofline measures tinycnn on the processor alone: leave --against and --device away")
    if arguments.scaling and (len(chosen) != 1 or chosen[0].kind == "epoch"
                              or chosen[0].network["architecture"] != "localizer"):
        raise UsageError("--scaling takes one workload whose image size can change: A, B (default), D1 or D256")
    if arguments.paired:
        raise UsageError(f"{what} measures in one process: leave --paired away")
    if Path(arguments.out).exists() and not arguments.force:
        raise UsageError(f"{arguments.out} exists already and stays as it is: choose another name with --out, or "
                         "give --force")


def _against(asked, device):
    """(the peer or None, sentences): on a GPU PyTorch is taken unasked, where it is installed and can use it."""
    if asked or not device.startswith("cuda"):
        return asked, []
    from tinycnn.errors import TinyCNNError

    try:
        from tinycnn.bench.torch_twin import torch_device

        torch_device(device)
        return "torch", []
    except TinyCNNError as error:
        return None, [f"Not compared with PyTorch: {error}"]
