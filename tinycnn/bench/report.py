"""The measurements as text, and the line that says on which machine they were taken."""

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np

from tinycnn import doctor
from tinycnn.backend import pick_device
from tinycnn.bench.peers import twin
from tinycnn.engine import thread_count
from tinycnn.text import count, megabytes, percent, shortened, table
from tinycnn.version import __version__


def machine(device="cpu", against=None):
    """Whatever the numbers depend on: a dict of texts and counts."""
    found = {"tinycnn": __version__, "python": platform.python_version(), "numpy": np.__version__,
             "blas": doctor.blas().text, "forced_blas": doctor.forced_blas(),
             "processor": processor(), "threads": thread_count(),
             "system": f"{platform.system()} {platform.machine()}", "device": device}
    if device.startswith("cuda"):
        found["gpu"] = pick_device(device)[1]
    if against:
        found |= twin(against).versions()
    return found


def processor():
    """The processor's name as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    if sys.platform == "darwin":
        asked = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True)
        return asked.stdout.strip()
    return platform.processor() or "unknown processor"


def heading(found, peaks):
    """The machine and its fastest matrix product, as lines."""
    lines = [f"{found['processor']}, {count(found['threads'], 'thread')}, {found['system']}", f"BLAS: {found['blas']}",
             f"tinycnn {found['tinycnn']}, NumPy {found['numpy']}, Python {found['python']}"]
    for key, name in (("torch", "PyTorch"), ("onnxruntime", "ONNX Runtime")):
        if key in found:
            lines[-1] += f"; {name} {found[key]} with {count(found[f'{key}_threads'], 'thread')}"
    if found["forced_blas"]:
        lines.append(f"WARNING: {found['forced_blas']}")
    if "gpu" in found:
        lines.append(found["gpu"][0].upper() + found["gpu"][1:])
    lines.append("Fastest float32 matrix product: " +
                 ", ".join(f"{gflops:,.3g} GFLOP/s ({name})" for name, gflops in peaks.items()))
    if found["device"] == "simulated":
        lines.append("THE SIMULATED DEVICE OBEYS A GPU'S RULES AND NOT ITS SPEED: none of these times means anything.")
    return "\n".join(lines)


def text(result):
    """One workload: times and ratios, arithmetic, memory, and the layers."""
    workload = result["workload"]
    what = "pictures" if workload["kind"] == "epoch" else "batch"
    where = "" if result["device"] == "cpu" else f", on {result['device']}"
    title = f"{workload['key']}: {workload['title']}, {what} {result['images']:,}{where}"
    parts = [f"{title}\n{'=' * len(title)}", _times(result), *_sentences(result)]
    if "layers" in result:
        parts.append("\n" + _layers(result))
    if "device_layers" in result:
        parts += ["\n" + _device_layers(result), "\n" + _copies(result)]
    return "\n".join(parts)


def _times(result):
    rows = [("", "median", "fastest", "slowest", "images/s", "tinycnn takes", "from", "to")]
    for name, times in result["times"].items():
        ratio = result["ratios"].get(name)
        compared = [f"{ratio[key]:.2f} x" for key in ("median", "min", "max")] if ratio else ["", "", ""]
        mark = " *" if name == result["rival"] else ""
        rows.append((name + mark, *(_time(times[f"{key}_seconds"]) for key in ("median", "min", "max")),
                     f"{times['images_per_second']:,.4g}", *compared))
    return table(rows)


def _sentences(result):
    """What the tables do not say."""
    if len(result["times"]) > 1:
        rounds = count(len(result["times"]["tinycnn"]["seconds"]), "round")
        how = "each in a process of its own" if result["paired"] else "all in one process"
        yield f"{rounds} in which the sides take turns, {how}; each ratio is the median of the rounds, with its range."
        family = result["rival"].partition(",")[0]
        yield f"* {family} at its fastest: this is the ratio that counts."
    if "agreement" in result:
        agreed = ", ".join(f"{what} to {found:.0e}" for what, found in result["agreement"].items())
        yield f"From the same weights both compute the same: {agreed}."
    if "mean_losses" in result:
        losses = ", ".join(f"{name} {loss:.3f}" for name, loss in result["mean_losses"].items())
        yield f"Mean loss of the last epoch: {losses}."
    numbers = result["arithmetic"]
    line = f"Arithmetic: {numbers['gflop']:,.3g} GFLOP, so {numbers['gflops']:,.3g} GFLOP/s"
    if "peak_gflops" in numbers:
        line += (f"; at the machine's fastest it would take {_time(numbers['seconds_at_peak'])}, "
                 f"{percent(numbers['share_at_peak'])} of the time")
    yield line + "."
    if "memory" in result:
        yield "\n" + _memory(result)


def _memory(result):
    """Peak memory of each side; a GPU's pool only where there is one."""
    memory = result["memory"]
    keys = {"peak_bytes": "MB", "imported_bytes": "after imports", "gpu_pool_bytes": "GPU pool"}
    keys = {key: title for key, title in keys.items() if any(found[key] is not None for found in memory.values())}
    rows = [("peak memory, one process each", *keys.values(), *["tinycnn takes"] * (len(memory) > 1))]
    for name, found in memory.items():
        cells = [megabytes(found[key], digits=0) for key in keys]
        rows.append((name, *cells, *[_memory_ratio(memory["tinycnn"], found, name)] * (len(memory) > 1)))
    return table(rows)


def _memory_ratio(ours, found, name):
    """On a GPU its own memory counts, else the process's."""
    key = "peak_bytes" if found["gpu_pool_bytes"] is None else "gpu_pool_bytes"
    return "" if name == "tinycnn" or not found[key] else f"{ours[key] / found[key]:.2f} x"


def _layers(result):
    both = result["workload"]["kind"] != "inference"
    total = sum((row["forward"] or 0) + (row["backward"] or 0) for row in result["layers"])
    rows = [("tinycnn, by layer", "what it is", "forward", "GFLOP/s", *["backward", "GFLOP/s"] * both, "share")]
    for row in result["layers"]:
        spent = (row["forward"] or 0) + (row["backward"] or 0)
        back = [_time(row["backward"]), _rate(row.get("backward_gflops"))] * both
        rows.append((row["name"], shortened(row["what"], 44), _time(row["forward"]), _rate(row.get("forward_gflops")),
                     *back, percent(spent / total)))
    return table(rows, left=2)


def _device_layers(result):
    """What the host asks for and what the device does, layer by layer, and the memory that stays."""
    ways = ("forward", "backward") if result["workload"]["kind"] != "inference" else ("forward",)
    counted = any("forward" in row and row["forward"]["launches"] is not None for row in result["device_layers"])
    titles = ("host", "device", "MB", *["launches"] * counted)
    rows = [("tinycnn, on the device", *(f"{way}: {title}" if title == "host" else title
                                         for way in ways for title in titles))]
    for row in result["device_layers"]:
        cells = [row["name"]]
        for way in ways:
            found = row.get(way)
            cells += ["-"] * len(titles) if found is None else [
                _time(found["host"]), _time(found["device"]), megabytes(found["bytes"], digits=2),
                *[found["launches"]] * counted]
        rows.append(tuple(cells))
    return table(rows)


def _copies(result):
    rows = [("copies", "MB", "time", "GB/s")]
    rows += [(row["what"], megabytes(row["bytes"], digits=3), _time(row["seconds"]),
              f"{row['bytes_per_second'] / 1e9:.3g}") for row in result["copies"]]
    return table(rows)


def scaling_text(measured):
    """Both tables of tinycnn.bench.scaling, with the slopes; in proportion means one number all the way down."""
    parts = []
    for what, part in measured.items():
        names, each = list(part["points"][0]["seconds"]), "per image" if what == "batch" else "per pixel"
        rows = [("batch", "image", *(cell for name in names for cell in (name, each)))]
        for point in part["points"]:
            pieces = point["batch"] * (1 if what == "batch" else point["image_size"] ** 2)
            seconds = [point["seconds"][name] for name in names]
            rows.append((point["batch"], f"{point['image_size']} x {point['image_size']}",
                         *(_time(value) for second in seconds for value in (second, second / pieces))))
        axis = "batch" if what == "batch" else "area"
        slopes = ", ".join(f"{name} {axis}^{slope:.2f}" for name, slope in part["slopes"].items())
        parts.append(f"{table(rows, left=0)}\nTime grows as: {slopes} (^1 is in proportion).")
    return "\n\n".join(parts)


def roofline_text(measured):
    """tinycnn.bench.roofline as a table: what each layer must take, and what it takes."""
    rows = [("", "way", "GFLOP", "MB", "operations a byte", "ideal", "bound by", "measured", "ideal is")]
    for point in measured["points"]:
        rows.append((point["name"], point["way"], f"{point['flop'] / 1e9:,.3g}", f"{point['bytes'] / 1e6:,.3g}",
                     f"{point['flop'] / point['bytes']:,.3g}", _time(point["ideal_seconds"]), point["bound"],
                     _time(point["seconds"]), percent(point["ideal_seconds"] / point["seconds"])))
    share = percent(measured["ideal_seconds"] / measured["step_seconds"])
    speeds = f"{measured['gflops']:,.3g} GFLOP/s and {measured['gigabytes_per_second']:,.3g} GB/s"
    return (f"{table(rows, left=2)}\nAt {speeds} the same arithmetic "
            f"takes {_time(measured['ideal_seconds'])} at best; the step takes {_time(measured['step_seconds'])}, of "
            f"which that is {share}.\n"
            "More than 100 %: fewer multiplications than the formula has, or an input that was still in the cache.")


def _time(seconds):
    if seconds is None:
        return "-"
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if seconds >= 0.9995 * size or unit == "ns":
            return f"{seconds / size:.3g} {unit}" if seconds < 999.5 * size else f"{seconds / size:,.0f} {unit}"


def _rate(gflops):
    return "-" if gflops is None else f"{gflops:,.3g}"
