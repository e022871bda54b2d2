"""Drawings of lesson 10: pictures and boxes mirrored and cut, curves of learning by heart, settings side by side."""

import numpy as np

from tinycnn.course.drawings.numbers import HUES, canvas, cell, frame, say
from tinycnn.errors import require
from tinycnn.plots.grids import draw_box
from tinycnn.plots.look import COLORS, FAINT, INK, PREDICTION, TRUTH, WRONG, new_figure, styled

LEARNED, VALID = COLORS["blue"], COLORS["orange"]
LOOKS = {"learned from": (LEARNED, "s", "--"), "validation": (VALID, "o", "-")}


@styled
def mirrored_pixels(picture, box, mirrored, moved):
    """A tiny picture and its mirror image, the edges between pixels numbered. pictures: (H, W); boxes: (4,) xyxy"""
    height, width = picture.shape
    figure = new_figure(9.6, 3.6)
    ax = canvas(figure, 2 * width + 3.6, height + 2.6)
    ax.set_xlim(-0.3, 2 * width + 3.3)
    for left, values, (xmin, ymin, xmax, ymax), name in ((0, picture, box, "picture"),
                                                         (width + 3, mirrored, moved, "mirrored")):
        say(ax, (left + width / 2, 0.2), name, weight="bold")
        for row, column in np.ndindex(height, width):
            cell(ax, (left + column, row + 0.6), HUES[6] if values[row, column] else None, alpha=0.8)
            say(ax, (left + column + 0.5, row + 1.1), f"{values[row, column]:g}", 11)
        frame(ax, (left + xmin, ymin + 0.6), (xmax - xmin, ymax - ymin), TRUTH, 4)
        for x in range(width + 1):
            stressed = x in (xmin, xmax)
            say(ax, (left + x, height + 0.95), str(x), 12 if stressed else 10, color=INK if stressed else FAINT,
                weight="bold" if stressed else "normal")
        say(ax, (left + width / 2, height + 1.9), f"xmin = {xmin:g}, xmax = {xmax:g}", 13)
    ax.annotate("", (width + 2.4, 0.6 + height / 2), (width + 0.6, 0.6 + height / 2),
                arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.8})
    return figure


@styled
def signs(pairs):
    """Signs before and after a change. pairs: [(title, (H, W) of 0 and 1, the changed one, what it says then)]"""
    figure = new_figure(9.6, 2.9)
    for ax, (title, before, after, says) in zip(figure.subplots(1, len(pairs)), pairs, strict=True):
        height, width = before.shape
        ax.set(xlim=(-0.2, 2 * width + 2.2), ylim=(height + 0.2, -0.2), aspect="equal")
        ax.set_axis_off()
        for left, values in ((0, before), (width + 2, after)):
            for row, column in np.ndindex(values.shape):
                cell(ax, (left + column, row), INK if values[row, column] else None, alpha=0.85)
        ax.annotate("", (width + 1.8, height / 2), (width + 0.2, height / 2),
                    arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.5})
        ax.set_title(f"{title}\n{says}", fontsize=11)
    return figure


@styled
def windows(picture, box, cuts):
    """One picture with a window in it, and below what becomes of it.

    cuts: [(title, (4,) window in pixels, new picture (H, W, 3), new box)]
    """
    figure = new_figure(9.6, 5.2)
    height, width = picture.shape[:2]
    axes = figure.subplots(2, len(cuts))
    patches = require("matplotlib.patches", extra="viz")
    for (above, below), (title, window, new, moved) in zip(axes.T, cuts, strict=True):
        above.imshow(picture, extent=(0, width, height, 0))
        draw_box(above, box, TRUTH)
        left, top, right, bottom = window
        above.add_patch(patches.Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=INK,
                                          linewidth=2.5, linestyle="--", clip_on=False))
        above.set(xlim=(-5, width + 5), ylim=(height + 5, -5))
        above.set_title(title, fontsize=11)
        below.imshow(new, extent=(0, new.shape[1], new.shape[0], 0))
        draw_box(below, moved, TRUTH)
    for ax in axes.ravel():
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        for side in ("left", "bottom"):
            ax.spines[side].set_visible(False)
    return figure


@styled
def versions(rows):
    """Pictures with their boxes, a row for each name. rows: {name: [(picture (H, W, 3), box (4,)), ...]}"""
    columns = max(len(row) for row in rows.values())
    figure = new_figure(9.6, 1.45 * len(rows) + 0.1)
    for axes, (name, row) in zip(figure.subplots(len(rows), columns, squeeze=False), rows.items(), strict=True):
        for ax, (picture, box) in zip(axes, row, strict=True):
            ax.imshow(picture, extent=(0, picture.shape[1], picture.shape[0], 0))
            draw_box(ax, box, TRUTH)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        axes[0].set_ylabel(name)
    return figure


@styled
def by_heart(losses, shares):
    """Loss and share of right answers over the epochs, mean over seeds and their range.

    losses, shares: {"learned from" or "validation": (seeds, epochs)}
    """
    figure = new_figure(9.6, 3.9)
    names = "loss", "class and box right, %"
    for ax, curves, name in zip(figure.subplots(1, 2), (losses, shares), names, strict=True):
        for part, values in curves.items():
            values, (color, marker, line) = np.asarray(values), LOOKS[part]
            epochs = np.arange(1, values.shape[1] + 1)
            ax.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=color, alpha=0.2, linewidth=0)
            ax.plot(epochs, values.mean(axis=0), color=color, linestyle=line, marker=marker, markevery=5, label=part)
        ax.set_xlabel("epoch")
        ax.set_ylabel(name)
        ax.set_ylim(0)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


@styled
def compared(results, panels, unit="%"):
    """Settings side by side: a dot for each seed, a bar for mean and standard deviation.

    results: {setting: {panel: [number of each seed]}}    panels: names of the panels, left to right
    """
    figure = new_figure(9.6, 0.5 * len(results) + 1.2)
    for ax, panel in zip(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], panels, strict=True):
        for y, found in enumerate(results.values()):
            values = np.asarray(found[panel], float)
            ax.plot(values, np.full(len(values), y), "o", color=FAINT, markersize=5, alpha=0.7)
            ax.errorbar(values.mean(), y + 0.22, xerr=values.std(ddof=1) if len(values) > 1 else 0, fmt="s",
                        color=LEARNED, capsize=4, markersize=6, linewidth=2)
        ax.set_xlabel(f"{panel}, {unit}")
        ax.set_yticks(range(len(results)), list(results))
        ax.set_ylim(len(results) - 0.4, -0.5)
    return figure


@styled
def against_truth(panels):
    """Predicted over true centers, a panel for each network. panels: {title: (true (n,), predicted (n,))}, shares"""
    figure = new_figure(9.6, 3.6)
    axes = figure.subplots(1, len(panels), sharey=True)
    for ax, (title, (true, predicted)) in zip(axes, panels.items(), strict=True):
        ax.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=":")
        ax.plot(true, predicted, "o", color=WRONG if "not" in title else PREDICTION, markersize=3, alpha=0.5)
        ax.set_title(title)
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="true center cx")
    figure.axes[0].set_ylabel("predicted center cx")
    return figure
