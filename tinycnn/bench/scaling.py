"""How the cost grows with the batch and with the image: it should be a straight line, and no steeper.

A convolution does the same work at every pixel of every image, so twice the batch or twice the area should take twice
the time. Drawn with logarithms on both axes, time against size is then a line of slope 1. A slope above 1 means that
something no longer fits (a cache, the memory); below 1, that a fixed cost per step still counts.
"""

import numpy as np

from tinycnn.bench.measure import alternate
from tinycnn.errors import require
from tinycnn.plots.look import COLORS, FAINT, new_figure, styled

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
SIDES, BATCH_FOR_SIDES = (32, 48, 64, 96, 128, 192), 16
REPEATS = 5


def scaling(workload, make_sides, repeats=REPEATS, say=lambda line: None):
    """Measure the workload at every batch of BATCHES, and with one batch at every image side of SIDES.

    make_sides: workload -> list of Sides    say: is told of each point as it is done
    Returns {"batch": {"points": [...], "slopes": {name: ...}}, "area": {...}}; a point is {"batch", "image_size",
    "size" (what stands on the axis), "seconds": {name: median of one step}}.
    """
    by_batch = [_point(workload.with_batch(batch), make_sides, repeats, say) for batch in BATCHES]
    small = workload.with_batch(BATCH_FOR_SIDES)
    by_area = [_point(small.with_image_size(side), make_sides, repeats, say) for side in SIDES]
    for point in by_batch:
        point["size"] = point["batch"]
    for point in by_area:
        point["size"] = point["image_size"] ** 2
    return {"batch": _with_slopes(by_batch), "area": _with_slopes(by_area)}


def _point(workload, make_sides, repeats, say):
    sides = make_sides(workload)
    image_size = sides[0].image_size
    try:
        times = alternate(sides, repeats)
    finally:
        for side in sides:
            side.close()
    say(f"batch {workload.batch}, {image_size} x {image_size}: {1e3 * times[sides[0].name].median:.4g} ms a step")
    return {"batch": workload.batch, "image_size": image_size,
            "seconds": {name: measured.median for name, measured in times.items()}}


def _with_slopes(points):
    names = points[0]["seconds"]
    return {"points": points, "slopes": {name: slope([point["size"] for point in points],
                                                     [point["seconds"][name] for point in points]) for name in names}}


def slope(sizes, seconds):
    """The exponent p of the power law seconds = c * size ** p that fits best, least squares on the logarithms.

    >>> round(slope([1, 10, 100], [5, 50, 500]), 6)
    1.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


LOOKS = {"tinycnn": (COLORS["blue"], "o", "-"), "PyTorch, default": (COLORS["orange"], "s", "--"),
         "PyTorch, channels_last": (COLORS["vermilion"], "^", ":"),
         "PyTorch, torch.compile": (COLORS["vermilion"], "^", ":"), "ONNX Runtime": (COLORS["orange"], "s", "--")}


@styled
def figure(measured, title):
    """Time of a step against batch and image side, both axes logarithmic, beside a thin line of slope 1."""
    drawing = new_figure(11, 5.2)
    drawing.suptitle(title)
    panels = drawing.subplots(1, 2)
    batch = measured["area"]["points"][0]["batch"]
    image_size = measured["batch"]["points"][0]["image_size"]
    _panel(panels[0], measured["batch"], "batch (images)", f"Cost of the batch, {image_size} x {image_size} pixels")
    _panel(panels[1], measured["area"], "image side (pixels), spaced by area", f"Cost of the image area, batch {batch}")
    return drawing


def _panel(ax, part, label, title):
    points = part["points"]
    sizes = np.array([point["size"] for point in points], float)
    for name, (color, marker, line) in LOOKS.items():
        if name in points[0]["seconds"]:
            milliseconds = [1e3 * point["seconds"][name] for point in points]
            ax.plot(sizes, milliseconds, line, color=color, marker=marker, markersize=6,
                    label=f"{name}: slope {part['slopes'][name]:.2f}")
    own = np.array([1e3 * point["seconds"]["tinycnn"] for point in points])
    # In proportion to the size, through the largest point, where fixed costs matter least.
    ax.plot(sizes, own[-1] * sizes / sizes[-1], color=FAINT, linewidth=1, zorder=1, label="in proportion: slope 1")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ticker = require("matplotlib.ticker", extra="viz")
    ax.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,g}"))
    names = [str(point["batch"] if "batch" in label else point["image_size"]) for point in points]
    ax.set_xticks(sizes, names)
    ax.minorticks_off()
    ax.set_xlabel(label)
    ax.set_ylabel("milliseconds per step")
    ax.set_title(title)
    ax.legend(loc="upper left")
