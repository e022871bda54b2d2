"""The physical limit of each layer, beside the time that it takes: a roofline (Williams, Waterman and Patterson 2009).

A processor multiplies so fast, and memory delivers so much; no layer can be done before both have done their part:

    ideal seconds = max(operations / fastest matrix product, bytes / fastest copy)

Operations are those of the plain formula. Bytes are what has to be read and written once, if every layer's input comes
from main memory and its output goes there: images in and out, weights, gradients. Both limits are measured in the same
run. A layer that multiplies less than its formula (Winograd), or finds its input in the cache, may be faster than this.
"""

import math
from dataclasses import dataclass

import numpy as np

from tinycnn.bench.measure import by_layer, products_per_second
from tinycnn.bench.sides import TinyCNN
from tinycnn.bench.workloads import work_by_layer
from tinycnn.engine import thread_count
from tinycnn.engine.threads import run
from tinycnn.engine.workers import Worker
from tinycnn.errors import require
from tinycnn.inspection.summary import walk
from tinycnn.layers import Flatten
from tinycnn.plots.look import COLORS, FAINT, new_figure, styled

COPIED = 64 * 2**20  # bytes that a thread copies: more than a cache holds
WAYS = ("forward", "backward")


def fastest_copy():
    """GB/s that all threads together copy in main memory: bytes read and bytes written."""
    threads = thread_count()
    pairs = [(np.ones(COPIED // 8), np.empty(COPIED // 8)) for _ in range(threads)]
    workers = [Worker(i, i + 1) for i in range(threads)]

    def copy():
        run(lambda worker: np.copyto(pairs[worker.start][1], pairs[worker.start][0]), workers)

    return products_per_second(copy, lambda: None) * threads * 2 * COPIED / 1e9


@dataclass(frozen=True)
class Point:
    """A layer, or several computed as one, in one direction: operations, bytes, and the seconds it took."""

    name: str
    way: str
    flop: float
    bytes: float
    seconds: float

    def ideal(self, gflops, gigabytes):
        """Seconds, and which of both limits they are: "arithmetic" or "memory"."""
        limits = {"arithmetic": self.flop / gflops / 1e9, "memory": self.bytes / gigabytes / 1e9}
        bound = max(limits, key=limits.get)
        return limits[bound], bound


def roofline(workload, gflops, repeats=None):
    """Plain values for `text` and `figure`: both limits, and every layer each way. gflops: of the fastest product"""
    side = TinyCNN(workload)
    side.warm_up()
    rows = by_layer(side, work_by_layer(side.model), repeats or workload.repeats)
    found = points(workload, side.model, rows)
    if side.training:
        numbers = sum(parameter.value.size for parameter in side.model.parameters().values())
        update = next(row["backward"] for row in rows if row["name"] == "optimizer")
        # SGD reads weights, gradients and velocities, and writes weights and velocities.
        found.append(Point("optimizer", "backward", 6.0 * numbers, 5 * side.x.itemsize * numbers, update))
    step = sum((row["forward"] or 0) + (row["backward"] or 0) for row in rows)
    gigabytes = fastest_copy()
    listed = []
    for point in found:
        ideal, bound = point.ideal(gflops, gigabytes)
        listed.append(vars(point) | {"ideal_seconds": ideal, "bound": bound})
    return {"gflops": gflops, "gigabytes_per_second": gigabytes, "step_seconds": step, "points": listed,
            "ideal_seconds": sum(one["ideal_seconds"] for one in listed)}


def points(workload, model, rows):
    """A Point for every layer that takes time, each way. rows: of measure.by_layer"""
    size, n, itemsize = model.image_size, workload.batch, 4
    measured, work, groups = {row["name"]: row for row in rows}, work_by_layer(model), []
    for name, layer, shape in walk(model, (size, size, 3), ""):
        if isinstance(layer, Flatten):
            continue
        if measured[name]["forward"] is None and groups:  # done within the one before it
            groups[-1].append((name, layer, shape))
        else:
            groups.append([(name, layer, shape)])
    found = []
    for number, group in enumerate(groups):
        (name, _, before), (_, last, inner) = group[0], group[-1]
        x, y = n * math.prod(before), n * math.prod(last.output_shape(inner))
        w = sum(parameter.value.size for _, layer, _ in group for parameter in layer.parameters().values())
        title = " + ".join(name.rpartition(".")[2] for name, _, _ in group)
        back = y + (x if w or len(group) > 1 else y) + 2 * w + (x if number else 0)  # dy, what was kept, w, dw, dx
        for way, numbers in (("forward", x + w + y), ("backward", back)):
            if measured[name][way]:
                flop = sum(work[name].flop(n, forward=way == "forward", backward=way == "backward")
                           for name, _, _ in group if name in work)  # fmt: skip
                found.append(Point(title, way, flop, itemsize * numbers, measured[name][way]))
    return found


@styled
def figure(measured, title):
    """Operations a second against operations for each byte, both logarithmic, under the roof of both limits."""
    drawing = new_figure(9, 6)
    ax = drawing.subplots()
    gflops, gigabytes = measured["gflops"], measured["gigabytes_per_second"]
    reach = np.array([0.05, gflops / gigabytes, 5000.0])
    ax.plot(reach, np.minimum(gflops, gigabytes * reach), color=FAINT, linewidth=2, zorder=1)
    ax.annotate(f"{gflops:,.0f} GFLOP/s,\nthe fastest matrix product", (0.06, gflops), va="center")
    ax.annotate(f"{gigabytes:.0f} GB/s,\nthe fastest copy", (0.7, 0.7 * gigabytes), (-10, 4), ha="right",
                textcoords="offset points")
    for way, color, marker in (("forward", COLORS["blue"], "o"), ("backward", COLORS["vermilion"], "s")):
        places = [_place(point) for point in measured["points"] if point["way"] == way and point["flop"]]
        ax.plot(*zip(*places, strict=True), marker, color=color, markersize=7, label=way, linestyle="none")
    names = {point["name"]: _place(point) for point in measured["points"] if point["flop"]}  # its last point
    for name, place in names.items():
        ax.annotate(name.partition(" + ")[0], place, (-8, 0), textcoords="offset points", fontsize=9, ha="right",
                    va="center")
    ax.set_xscale("log")
    ax.set_yscale("log")
    plain = require("matplotlib.ticker", extra="viz").StrMethodFormatter("{x:,g}")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(plain)
    ax.minorticks_off()
    ax.set_xlabel("operations for each byte that must move")
    ax.set_ylabel("GFLOP/s")
    ax.set_title(title)
    ax.legend(loc="lower right")
    return drawing


def _place(point):
    """(operations for each byte, GFLOP/s)"""
    return point["flop"] / point["bytes"], point["flop"] / point["seconds"] / 1e9
