"""Pictures of what a network sees: saliency, occlusion, activation maps, first filters, receptive fields."""

import math

import numpy as np

from tinycnn.errors import require
from tinycnn.plots.labels import label
from tinycnn.plots.look import FAINT, INK, PREDICTION, new_figure, styled
from tinycnn.text import short

HEAT = "magma"  # dark to light, so it reads without color
SIDES = {"left": (0, 1, 0, 3), "top": (0, 1, 2, 1), "right": (2, 1, 2, 3), "bottom": (0, 3, 2, 3)}  # x, y, x, y of xyxy


@styled
def saliency_figure(seen):
    """The picture with its box, and for the score and each edge the pixels that move it."""
    figure, name = new_figure(13, 5.9), label(seen.name, "its class")
    axes = figure.subplots(2, 3)
    _picture(axes[0, 0], seen.shown, seen.box)
    axes[0, 0].set_title(f"{name}, {seen.probability:.0%}")
    order = ("score", "left", "right", "top", "bottom")
    for ax, target in zip(axes.ravel()[1:], order, strict=True):
        strength = seen.strength(target)
        limit = max(float(np.quantile(strength, 0.995)), 1e-30)  # a few single pixels must not darken all others
        side = len(strength)
        image = ax.imshow(strength, cmap=HEAT, vmin=0, vmax=limit, extent=(0, side, side, 0), interpolation="nearest")
        _box(ax, seen.box, color="white", width=1, dashes=(0, (4, 3)))
        if target == "score":
            ax.set_title(f"moves the score of {name}")
            unit = "score per gray level"
        else:
            xs = [seen.box[SIDES[target][k]] for k in (0, 2)]
            ys = [seen.box[SIDES[target][k]] for k in (1, 3)]
            for width, ink in ((6, "black"), (3.5, PREDICTION)):
                ax.plot(xs, ys, color=ink, linewidth=width, solid_capstyle="butt", clip_on=False, zorder=5)
            ax.set_title(f"moves the {target} edge")
            unit = "pixels per gray level"
        _frame(ax, side)
        bar = figure.colorbar(image, ax=ax, label=unit)
        bar.formatter.set_powerlimits((-2, 3))
        if target == "score":
            figure.colorbar(image, ax=axes[0, 0]).ax.set_visible(False)  # keeps the room, so that all columns agree
    return figure


@styled
def occlusion_figure(seen):
    """The picture, and what is lost where a gray square covers it: probability of the class, overlap of the box."""
    figure, name = new_figure(12, 4.3), label(seen.name, "its class")
    axes = figure.subplots(1, 3)
    _picture(axes[0], seen.shown, seen.box)
    xmin, ymin, xmax, ymax = (int(v) for v in seen.windows[0, 0])
    patches = require("matplotlib.patches", extra="viz")
    axes[0].add_patch(patches.Rectangle((xmin, ymin), xmax - xmin, ymax - ymin, facecolor="#808080", edgecolor="white"))
    axes[0].set_title(f"{name}, {seen.whole:.0%}, and the gray square")
    lost = 100 * (seen.whole - seen.per_pixel(seen.probability))
    _loss(axes[1], seen, lost, f"probability of {name}", "lost, percentage points")
    _loss(axes[2], seen, 1 - seen.per_pixel(seen.iou), "overlap with its box", "lost, 1 − IoU")
    return figure


def _loss(ax, seen, lost, title, label):
    """A map of what is lost over the picture in gray; a gain, where something misleading is covered, counts as 0."""
    side = len(lost)
    image = ax.imshow(np.maximum(lost, 0), cmap=HEAT, vmin=0, vmax=max(float(lost.max()), 1e-6),
                      extent=(0, side, side, 0), interpolation="bilinear")
    edges = np.abs(np.gradient(seen.shown.mean(axis=2))).sum(axis=0)  # outlines, so that one sees what is where
    ax.imshow(np.ones_like(edges), cmap="gray", vmin=0, vmax=1, extent=(0, side, side, 0),
              alpha=np.clip(edges / max(float(np.quantile(edges, 0.98)), 1e-6), 0, 1) * 0.35)
    _box(ax, seen.box, color="white", width=1.2, dashes=(0, (4, 3)))
    ax.set_title(title)
    _frame(ax, side)
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.85)


@styled
def activations_figure(seen, most):
    """The picture and the strongest maps of a layer, strongest first."""
    channels = seen.strongest(most)
    columns = min(8, 1 + len(channels))
    rows = math.ceil((1 + len(channels)) / columns)
    figure = new_figure(1.55 * columns, 1.58 * rows + 0.6)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    _picture(axes[0], seen.shown)
    axes[0].set_title("input", fontsize=9, pad=3)
    signed = bool((seen.maps < 0).any())
    limit = max(float(np.abs(seen.maps[..., channels]).max()), 1e-12)
    for ax, k in zip(axes[1:], channels, strict=False):
        image = ax.imshow(seen.maps[..., k], cmap="PuOr" if signed else HEAT, vmin=-limit if signed else 0, vmax=limit,
                          interpolation="nearest")
        ax.set_title(f"channel {k}", fontsize=9, pad=3)
        _bare(ax)
    for ax in axes[1 + len(channels) :]:
        ax.set_axis_off()
    figure.colorbar(image, ax=axes, label="output", fraction=0.02)
    h, w, c = seen.maps.shape
    silent = int((seen.maps == 0).all(axis=(0, 1)).sum())
    rest = f", {silent} of them 0 everywhere here" if silent else ""
    figure.suptitle(f"{short(seen.layer)}: {len(channels)} strongest of {c} maps of {h} x {w}{rest}")
    return figure


@styled
def filters_figure(w, most):
    """The kernels w (KH, KW, 1 or 3, F) of a first layer as pictures, each with its own contrast."""
    count = min(most, w.shape[3])
    columns = min(8 if count <= 32 else 16, count)
    rows = math.ceil(count / columns)
    cell = 1.1 if columns <= 8 else 0.7
    figure = new_figure(max(5, cell * columns), (cell + 0.1) * rows + 0.6)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for k, ax in enumerate(axes[:count]):
        kernel = w[..., k] / max(float(np.abs(w[..., k]).max()), 1e-12)
        ax.imshow(np.repeat(kernel, 3 // w.shape[2], axis=2) / 2 + 0.5, interpolation="nearest")
        ax.set_title(str(k), fontsize=8, pad=2)
        _bare(ax)
    for ax in axes[count:]:
        ax.set_axis_off()
    some = f"{count} of {w.shape[3]}" if count < w.shape[3] else f"the {count}"
    figure.suptitle(f"{some} first-layer filters, {w.shape[0]} x {w.shape[1]} pixels; gray is 0".capitalize())
    return figure


@styled
def fields_figure(fields, windows, shown):
    """How far the middle unit of each layer sees, as frames on the picture `shown` (S, S, 3) uint8.

    fields: one Field a layer    windows: what the middle unit of each sees, (xmin, ymin, xmax, ymax)
    """
    patches = require("matplotlib.patches", extra="viz")
    figure = new_figure(9.5, 4.9)
    picture, bars = figure.subplots(1, 2, width_ratios=[1, 0.9])
    side = shown.shape[0]
    _picture(picture, shown)
    colors = require("matplotlib", extra="viz").colormaps["viridis"](np.linspace(0.95, 0.1, len(fields)))
    for (xmin, ymin, xmax, ymax), color in zip(windows, colors, strict=True):
        for width, ink in ((3.6, "black"), (2, color)):
            picture.add_patch(patches.Rectangle((xmin, ymin), xmax - xmin, ymax - ymin, fill=False, edgecolor=ink,
                                                linewidth=width, clip_on=False, zorder=4))
    picture.set_title("what the middle unit sees")
    sizes = [f.size[0] for f in fields]
    bars.barh(range(len(fields)), sizes, color=colors, edgecolor=INK, linewidth=0.6)
    for row, f in enumerate(fields):
        bars.text(f.size[0], row, f" {f.size[0]} x {f.size[1]}", va="center", fontsize=9)
    bars.axvline(side, color=INK, linestyle=":", linewidth=1.2)
    bars.text(side, -0.75, "image ", ha="right", va="center", fontsize=9, color=INK)
    bars.set_yticks(range(len(fields)), [short(f.name) for f in fields])
    bars.set_ylim(len(fields) - 0.4, -1.1)
    bars.set_xlim(0, 1.25 * max(*sizes, side))
    bars.set_xlabel("pixels that a unit sees, border included")
    bars.grid(axis="y", visible=False)
    return figure


def _picture(ax, shown, box=None):
    side = shown.shape[0]
    ax.imshow(shown, extent=(0, side, side, 0), interpolation="nearest" if side > 200 else "bicubic")
    if box is not None:
        _box(ax, box, color=PREDICTION, width=2)
    _frame(ax, side)


def _box(ax, box, color, width, dashes="-"):
    patches = require("matplotlib.patches", extra="viz")
    xmin, ymin, xmax, ymax = (float(v) for v in box)
    for line, ink in ((width + 1.5, "black"), (width, color)):
        ax.add_patch(patches.Rectangle((xmin, ymin), xmax - xmin, ymax - ymin, fill=False, edgecolor=ink, zorder=4,
                                       linewidth=line, linestyle=dashes if ink != "black" else "-", clip_on=False))


def _frame(ax, side):
    ax.set_xlim(0, side)
    ax.set_ylim(side, 0)
    _bare(ax)


def _bare(ax):
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set(visible=True, color=FAINT, linewidth=0.5)


