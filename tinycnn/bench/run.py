"""One workload from beginning to end: agreement first, then times, then where they go, then memory.

Two programs whose answers differ have no common speed. So both sides compute the same thing once, from the same
weights, and a difference beyond rounding ends the measurement before the first clock is read.
"""

import numpy as np

from tinycnn.bench import measure, on_device, peers
from tinycnn.bench.epoch import TinyCNNEpoch, training_pictures
from tinycnn.bench.process import BenchError, Remote, peak_memory
from tinycnn.bench.sides import TinyCNN
from tinycnn.bench.workloads import flop, work_by_layer

# Largest difference allowed: of losses and outputs against the largest of them, of each gradient's norm against itself.
# In float32, summed in another order, losses agree to about 1e-6. A small gradient changes more when one of a million
# maxima falls the other way: the bias of B's first layer by 5e-4. Wrong ones differ by more than 1e-2.
TOLERANCE = {"losses": 1e-4, "scores": 1e-4, "boxes": 1e-4, "gradients": 1e-2}


def sides_of(workload, device="cpu", against=None, paired=False):
    """tinycnn and its rivals, in this process or, paired, in one each.

    against: None, or one of peers.PEERS
    """
    return [maker() for maker in _makers(workload, device, against, paired)]


def _makers(workload, device, against, paired):
    """Functions that build one side each."""
    forms = peers.forms(workload, "torch" if against and workload.kind == "epoch" else against)
    if workload.kind == "epoch":
        samples = training_pictures(workload.data)
        makers = [lambda: TinyCNNEpoch(workload, samples, device)]
        if against:
            from tinycnn.bench.torch_epoch import TorchEpoch

            makers += [lambda form=form: TorchEpoch(workload, samples, device, **form)
                       for form in forms]  # fmt: skip
        return makers
    if paired:
        return [lambda: Remote(workload, device),
                *(lambda form=form: Remote(workload, device, against, form) for form in forms)]
    return [lambda: TinyCNN(workload, device),
            *(lambda form=form: peers.twin(against).side(workload, device, **form) for form in forms)]


def run(workload, device="cpu", against=None, peak=None, repeats=None, paired=False):
    """Measure one workload: a dict of plain values, which report.text prints and JSON keeps.

    against: None, or one of peers.PEERS    peak: GFLOP/s of the fastest matrix product, from measure.fastest_product
    """
    result = {"workload": workload.to_dict(), "device": device, "paired": paired and workload.kind != "epoch"}
    if against and workload.kind != "epoch":
        result["agreement"] = agreement(workload, device, against)
    result |= _compared(workload, device, against, repeats or workload.repeats, paired)
    result |= _arithmetic(workload, result, peak)
    if workload.kind != "epoch":
        result["layers"] = _layers(workload, device, repeats or workload.repeats)
        if device != "cpu":
            result["device_layers"], result["copies"] = _on_device(workload, device, repeats or workload.repeats)
        result["memory"] = {"tinycnn": peak_memory(workload, device)}
        if result["rival"]:
            names = {peers.twin(against).name_of(**form): form for form in peers.forms(workload, against)}
            result["memory"][result["rival"]] = peak_memory(workload, device, against, names[result["rival"]])
    return result


def _compared(workload, device, against, repeats, paired):
    """Times of all sides, and tinycnn's ratio to each of the others."""
    sides = []
    try:
        for make in _makers(workload, device, against, paired):
            sides.append(make())
        times = measure.alternate(sides, repeats, 1 if workload.kind == "epoch" else None)
    finally:
        for side in sides:
            side.close()
    rivals = [side.name for side in sides if side.name != "tinycnn" and side.counts]
    result = {"images": sides[0].images, "times": {name: measured.to_dict() for name, measured in times.items()},
              "ratios": {side.name: measure.ratio(times["tinycnn"], times[side.name]) for side in sides[1:]},
              "rival": min(rivals, key=lambda name: times[name].median, default=None)}
    if workload.kind == "epoch":
        result["mean_losses"] = {side.name: side.mean_loss for side in sides}
    return result


def agreement(workload, device="cpu", against="torch"):
    """What both sides compute from the same weights and batch; BenchError if it differs by more than rounding."""
    twin = peers.twin(against)
    ours, theirs = TinyCNN(workload, device).answers(), twin.side(workload, device).answers()
    differences = {what: difference(ours[what], theirs[what], each=what == "gradients") for what in ours}
    for what, found in differences.items():
        if not found <= TOLERANCE[what]:  # NaN, too, is a difference
            raise BenchError(
                f"workload {workload.key}: tinycnn and {twin.FAMILY} do not compute the same. From the same weights, "
                f"their {what} differ by {found:.1e}, {TOLERANCE[what]:.0e} is allowed; so their times mean nothing"
            )
    return differences


def difference(a, b, each=False):
    """Largest difference of two arrays, relative to the largest number in either; or, `each`, to the number itself."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    size = np.maximum(abs(a), abs(b))
    return float((abs(a - b) / np.maximum(size if each else size.max(), 1e-30)).max())


def _arithmetic(workload, result, peak):
    """How much of the step is arithmetic, and how fast it would be if the step were nothing else."""
    model = workload.model()
    per_step = flop(workload, model)
    if workload.kind == "epoch":
        per_step = per_step / workload.batch * result["images"]
    achieved = per_step / result["times"]["tinycnn"]["median_seconds"] / 1e9
    values = {"gflop": per_step / 1e9, "gflops": achieved}
    if peak:
        values |= {"peak_gflops": peak, "seconds_at_peak": per_step / 1e9 / peak, "share_at_peak": achieved / peak}
    return {"arithmetic": values}


def _on_device(workload, device, repeats):
    side = TinyCNN(workload, device)
    side.warm_up()
    return on_device.by_layer(side, repeats), on_device.copies(side, repeats)


def _layers(workload, device, repeats):
    side = TinyCNN(workload, device)
    side.warm_up()
    return measure.by_layer(side, work_by_layer(side.model), repeats)
