"""Drawings of lesson 01: boxes on pixels, four ways to count, overlaps, where boxes lie, what scores are made of."""

import numpy as np

from tinycnn import boxes as box_math
from tinycnn.errors import require
from tinycnn.plots.look import COLORS, FAINT, INK, new_figure, styled

A, B, BOTH = COLORS["blue"], COLORS["orange"], COLORS["green"]
PAPER, LINE = "#f7f7f7", "#d0d0d0"


@styled
def box_on_pixels(box, size):
    """One box in the two ways of writing it: its edges in pixels; its center, height and width in units of the picture.

    box: (4,) xyxy, whole numbers    size: (H, W)
    """
    figure = new_figure(9.6, 4.0)
    edges, parts = figure.subplots(1, 2)
    for ax in (edges, parts):
        _pixels(ax, size)
        _fill(ax, box, A, alpha=0.25)
        _outline(ax, box, A)
    xmin, ymin, xmax, ymax = box
    for name, value in (("xmin", xmin), ("xmax", xmax)):
        edges.plot([value, value], [0, ymin], color=A, linewidth=1, linestyle=":")
        edges.text(value, -0.25, f"{name} = {value:g}", ha="center", va="bottom", color=A)
    for name, value in (("ymin", ymin), ("ymax", ymax)):
        edges.plot([0, xmin], [value, value], color=A, linewidth=1, linestyle=":")
        edges.text(0.1, value - 0.08, f"{name} = {value:g}", ha="left", va="bottom", color=A)
    edges.set_title("(xmin, ymin, xmax, ymax), in pixels", pad=30)
    cx, cy, h, w = box_math.encode(box, size)
    parts.plot(cx * size[1], cy * size[0], "o", color=INK, markersize=6)
    parts.annotate(f"({cx:.2f}, {cy:.2f})", (cx * size[1], cy * size[0]), (0, -16), textcoords="offset points",
                   ha="center")
    _measure(parts, (xmin, ymax + 0.35), (xmax, ymax + 0.35), f"w = {w:.2f}", (0, -15))
    _measure(parts, (xmax + 0.35, ymin), (xmax + 0.35, ymax), f"h = {h:.2f}", (25, 0))
    parts.set_title("(cx, cy, h, w), in units of the picture", pad=30)
    for ax, (across, down) in ((edges, ("pixels across", "pixels down")), (parts, ("across", "down"))):
        ax.set_xlabel(across)
        ax.set_ylabel(down)
    # In units of the picture both sides are 1 long, whatever the number of pixels.
    parts.set_xticks(np.linspace(0, size[1], 5), ["0", "¼", "½", "¾", "1"])
    parts.set_yticks(np.linspace(0, size[0], 5), ["0", "¼", "½", "¾", "1"])
    return figure


@styled
def rulers(first, last, count=10):
    """The same pixels `first` to `last` of a row (both inside, counted from 0) as four formats write them down."""
    rows = [
        ("voc", [str(i + 1) for i in range(count)], None, f"xmin {first + 1}, xmax {last + 1}"),
        ("tiny-imagenet", [str(i) for i in range(count)], None, f"x0 {first}, x1 {last}"),
        ("coco", None, "width", f"x {first}, width {last + 1 - first}"),
        ("csv", None, "edges", f"xmin {first}, xmax {last + 1}"),
    ]
    figure = new_figure(9.6, 4.0)
    ax = figure.subplots()
    for row, (name, labels, edges, written) in enumerate(rows):
        y = 1.6 * row
        for i in range(count):
            inside = first <= i <= last
            _rectangle(ax, (i, y, i + 1, y + 0.8), A if inside else PAPER, alpha=0.28 if inside else 1, edge=LINE)
            if labels:
                named = i in (first, last)
                ax.text(i + 0.5, y + 0.4, labels[i], ha="center", va="center", color=A if named else FAINT,
                        fontweight="bold" if named else "normal", fontsize=13 if named else 10)
        if edges:
            marks = [first] if edges == "width" else [first, last + 1]
            for i in range(count + 1):
                ax.plot([i, i], [y + 0.8, y + 0.92], color=A if i in marks else LINE, linewidth=1.5)
                ax.text(i, y + 0.95, str(i), ha="center", va="top", color=A if i in marks else FAINT,
                        fontweight="bold" if i in marks else "normal", fontsize=12 if i in marks else 9)
        if edges == "width":
            _measure(ax, (first, y + 0.4), (last + 1, y + 0.4), str(last + 1 - first), (0, 8))
        ax.text(-0.35, y + 0.4, name, ha="right", va="center", fontweight="bold")
        ax.text(count + 0.4, y + 0.4, written, ha="left", va="center", color=A)
    ax.set_xlim(-2.6, count + 3.6)
    ax.set_ylim(1.6 * 3 + 1.6, -0.5)
    ax.set_axis_off()
    ax.set_title("The same pixels, written down in four ways")
    return figure


@styled
def overlap(a, b, size):
    """Two boxes on pixels, the pixels of each and of both counted. a, b: (4,) xyxy, whole numbers; size: (H, W)."""
    figure = new_figure(9.6, 4.4)
    ax, words = figure.subplots(1, 2, width_ratios=[1.25, 1])
    _pixels(ax, size)
    shared = box_math.intersection(a, b)
    inner, area_a, area_b = (float(box_math.area(box)) for box in (shared, a, b))
    union = area_a + area_b - inner
    _fill(ax, a, A, alpha=0.22)
    _fill(ax, b, B, alpha=0.30)
    if inner:
        _fill(ax, shared, BOTH, alpha=0.55, hatch="///")
    for box, color, name in ((a, A, "a"), (b, B, "b")):
        _outline(ax, box, color)
        ax.text(box[0] + 0.15, box[1] + 0.2, name, color=INK, fontsize=15, fontweight="bold", va="top")
    ax.set_xlabel("pixels across")
    ax.set_ylabel("pixels down")
    words.set_axis_off()
    lines = [
        ("area of a", f"{a[2] - a[0]:g} × {a[3] - a[1]:g} = {area_a:g}", A),
        ("area of b", f"{b[2] - b[0]:g} × {b[3] - b[1]:g} = {area_b:g}", B),
        ("both (hatched)", f"{shared[2] - shared[0]:g} × {shared[3] - shared[1]:g} = {inner:g}", BOTH),
        ("either", f"{area_a:g} + {area_b:g} − {inner:g} = {union:g}", INK),
        ("IoU", f"{inner:g} / {union:g} = {inner / union:.3f}", INK),
    ]
    for i, (name, value, color) in enumerate(lines):
        last = i == len(lines) - 1
        words.text(0.0, 0.82 - 0.16 * i, name, color=color, fontsize=13, fontweight="bold" if last else "normal")
        words.text(0.48, 0.82 - 0.16 * i, value, color=INK, fontsize=13, fontweight="bold" if last else "normal")
    words.set_xlim(0, 1.1)
    words.set_ylim(0, 1)
    return figure


@styled
def apart(a, b, size):
    """Two boxes that share nothing, and the "intersection" that the formula makes of them without a clamp."""
    figure = new_figure(9.6, 4.4)
    ax, words = figure.subplots(1, 2, width_ratios=[1.25, 1])
    _pixels(ax, size)
    xmin, ymin, xmax, ymax = box_math.intersection(a, b)
    for box, color, name in ((a, A, "a"), (b, B, "b")):
        _fill(ax, box, color, alpha=0.25)
        _outline(ax, box, color)
        ax.text(box[0] + 0.15, box[1] + 0.2, name, fontsize=15, fontweight="bold", va="top")
    ghost = (xmax, ymax, xmin, ymin)
    _outline(ax, ghost, COLORS["vermilion"], linestyle="--")
    _fill(ax, ghost, COLORS["vermilion"], alpha=0.10)
    ax.set_xlabel("pixels across")
    ax.set_ylabel("pixels down")
    words.set_axis_off()
    width, height = xmax - xmin, ymax - ymin
    text = [f"width   {xmax:g} − {xmin:g} = {width:g}", f"height  {ymax:g} − {ymin:g} = {height:g}",
            f"{width:g} × ({height:g}) = {width * height:g}   pixels of nothing", "",
            "clamped at 0, each side on its own:", f"max({width:g}, 0) × max({height:g}, 0) = 0"]
    for i, line in enumerate(text):
        color = COLORS["vermilion"] if i == 2 else INK
        words.text(0, 0.84 - 0.14 * i, line.replace("-", "−"), fontsize=13, color=color)
    words.set_xlim(0, 1.1)
    words.set_ylim(0, 1)
    return figure


@styled
def how_good_is(pairs):
    """What different scores look like. pairs: list of (true box, predicted box), each (4,) in a picture of 10 x 10."""
    figure = new_figure(9.6, 2.5)
    for ax, (truth, guess) in zip(figure.subplots(1, len(pairs)), pairs, strict=True):
        _fill(ax, truth, COLORS["sky"], alpha=0.25)
        _outline(ax, truth, COLORS["sky"], linewidth=3)
        _outline(ax, guess, COLORS["orange"], linewidth=3, linestyle="--")
        ax.set_title(f"IoU {float(box_math.iou(truth, guess)):.2f}", fontsize=14)
        ax.set(xlim=(0, 10), ylim=(10, 0), xticks=[], yticks=[], aspect="equal")
        for side in ax.spines.values():
            side.set(visible=True, color=LINE)
    figure.supxlabel("truth: solid    guess: dashed", fontsize=11)
    return figure


@styled
def what_errors_cost(errors, curves):
    """IoU against the size of an error. errors: (M,) as a share of the box's side; curves: {name: IoU (M,)}."""
    figure = new_figure(7.2, 4.2)
    ax = figure.subplots()
    lines, colors = ("-", "--", "-.", ":"), ("blue", "orange", "green", "purple")
    for (name, values), line, color in zip(curves.items(), lines, colors, strict=False):
        ax.plot(100 * errors, values, line, color=COLORS[color], label=name, linewidth=2.5)
    ax.axhline(0.5, color=INK, linewidth=1.2)
    ax.text(100 * errors[-1], 0.51, "counts as found", ha="right", va="bottom")
    ax.set_xlabel("error, % of the box's side")
    ax.set_ylabel("IoU")
    ax.set_ylim(0, 1.02)
    ax.set_xlim(0, 100 * errors[-1])
    ax.legend(loc="lower left")
    return figure


@styled
def where_boxes_are(sets, means):
    """How often each place of the picture lies inside the box, and the mean box.

    sets: {name: Samples}    means: a box (4,) for each, in units of the picture
    """
    figure = new_figure(4.4 * len(sets), 4.3)
    axes = np.atleast_1d(figure.subplots(1, len(sets)))
    for ax, (name, samples), mean in zip(axes, sets.items(), means, strict=True):
        side, relative = 64, samples.boxes / np.tile(samples.sizes[:, ::-1], 2)
        at = (np.arange(side) + 0.5) / side
        across = (at >= relative[:, :1]) & (at < relative[:, 2:3])  # (N, side)
        down = (at >= relative[:, 1:2]) & (at < relative[:, 3:])
        share = np.einsum("ni,nj->ij", down.astype(float), across.astype(float)) / len(samples)
        shown = ax.imshow(share, vmin=0, vmax=1, cmap="cividis", extent=(0, 1, 1, 0))
        xmin, ymin, xmax, ymax = mean
        ax.plot([xmin, xmax, xmax, xmin, xmin], [ymin, ymin, ymax, ymax, ymin], color="white", linewidth=3)
        ax.set_title(name)
        ax.set_xlabel("across")
        ax.grid(False)
    axes[0].set_ylabel("down")
    figure.colorbar(shown, ax=axes, label="share of pictures with the box here", fraction=0.04)
    return figure


@styled
def score_histograms(panels):
    """How the IoUs of several answers are spread. panels: {title: {name of the answer: IoU (N,)}}."""
    figure = new_figure(9.6, 3.9)
    axes, bins = figure.subplots(1, len(panels), sharey=True), np.linspace(0, 1, 21)
    for ax, (title, answers) in zip(np.atleast_1d(axes), panels.items(), strict=True):
        for (name, values), color, line in zip(answers.items(), ("#888888", COLORS["blue"]), ("--", "-"), strict=False):
            share = np.histogram(values, bins)[0] / len(values)
            ax.stairs(100 * share, bins, color=color, linewidth=2.5, linestyle=line, label=name,
                      fill=False)
        ax.axvline(0.5, color=INK, linewidth=1.2)
        ax.set_title(title)
        ax.set_xlabel("IoU with the truth")
        ax.set_xlim(0, 1)
    np.atleast_1d(axes)[0].set_ylabel("% of pictures")
    np.atleast_1d(axes)[0].yaxis.set_major_locator(require("matplotlib.ticker", extra="viz").MultipleLocator(5))
    np.atleast_1d(axes)[0].legend(loc="upper left")
    return figure


@styled
def gains(found):
    """What a score is made of, and how much of what was left looking has found; a dot for every draw.

    found: {name: (seeds, 2)}, the shares found by a constant box and by the model
    """
    figure = new_figure(9.6, 0.85 * len(found) + 1.5)
    (left, right), places = figure.subplots(1, 2, width_ratios=(3, 2), sharey=True), range(len(found))
    for i, shares in enumerate(found.values()):
        blind, model = 100 * np.asarray(shares).T  # (seeds,) each
        blind_mean, added = blind.mean(), (model - blind).mean()
        left.barh(i, blind_mean, color="#bbbbbb", height=0.56, label="mean box, which never looks")
        left.barh(i, added, left=blind_mean, color=COLORS["blue"], height=0.56, hatch="//", edgecolor="white",
                  label="added by looking")
        left.text(blind_mean / 2, i, f"{blind_mean:.0f}", va="center", ha="center")
        left.text(blind_mean + added + 2, i, f"{added:+.1f}", va="center", color=COLORS["blue"], fontweight="bold",
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
        rest = 100 * (model - blind) / (100 - blind)
        right.plot(rest, np.full(len(rest), i) + np.linspace(-0.15, 0.15, len(rest)), "o", color=COLORS["blue"],
                   markersize=6, alpha=0.7)
        right.plot([rest.mean()] * 2, [i - 0.28, i + 0.28], color=INK, linewidth=2.5)
    left.set(yticks=places, yticklabels=list(found), ylim=(len(found) - 0.5, -0.5), xlim=(0, 100),
             xlabel="% of test pictures with IoU ≥ 0.5", title="what was found")
    right.set(xlabel="% of what the mean box had left", title="what looking found of the rest")
    right.set_xlim(min(0, right.get_xlim()[0]), max(30, right.get_xlim()[1]))
    for ax in (left, right):
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
    left.legend(*(part[:2] for part in left.get_legend_handles_labels()), loc="upper center",
                bbox_to_anchor=(0.5, -0.36), ncols=2)
    return figure


def _pixels(ax, size):
    height, width = size
    for i in range(height):
        for j in range(width):
            _rectangle(ax, (j, i, j + 1, i + 1), PAPER, edge=LINE)
    ax.set(xlim=(-0.05, width + 0.05), ylim=(height + 0.05, -0.05), aspect="equal", xticks=range(width + 1),
           yticks=range(height + 1))
    ax.grid(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def _rectangle(ax, box, color, alpha=1.0, edge="none", **more):
    patches = require("matplotlib.patches", extra="viz")
    xmin, ymin, xmax, ymax = box
    ax.add_patch(patches.Rectangle((xmin, ymin), xmax - xmin, ymax - ymin, facecolor=color, edgecolor=edge, alpha=alpha,
                                   linewidth=0.8, **more))


def _fill(ax, box, color, alpha, hatch=None):
    _rectangle(ax, box, color, alpha, edge=color if hatch else "none", hatch=hatch, zorder=2)


def _outline(ax, box, color, linestyle="-", linewidth=2.5):
    xmin, ymin, xmax, ymax = box
    ax.plot([xmin, xmax, xmax, xmin, xmin], [ymin, ymin, ymax, ymax, ymin], color=color, linewidth=linewidth,
            linestyle=linestyle, zorder=3, solid_joinstyle="miter", clip_on=False)


def _measure(ax, start, end, text, offset):
    """An arrow with two heads, and what it measures."""
    ax.annotate("", start, end, arrowprops={"arrowstyle": "<->", "color": INK, "shrinkA": 0, "shrinkB": 0})
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    ax.annotate(text, middle, offset, textcoords="offset points", ha="center", va="center")
