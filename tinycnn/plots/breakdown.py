"""Where the mistakes are, as figures: what is taken for what, class by class, and over the size of the object."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinycnn.errors import DataError, require
from tinycnn.plots.labels import labels
from tinycnn.plots.look import COLORS, FAINT, INK, Figure, new_figure, styled
from tinycnn.text import count

NUMBERED = 25  # classes up to which the numbers stand in the cells
NAMED = 60  # classes up to which each row and column has its name
MARKER = 7  # points across
FEW = 10  # pictures below which a mean says little: its mark is hollow


@styled
def confusion_figure(matrix: np.ndarray, classes: Sequence[str]) -> Figure:
    """A confusion matrix (K, K), rows the true classes: each cell is colored by its share of the row.

    The diagonal is green, since it is right; what is off it is orange. In the cells stand numbers of pictures.
    """
    k = len(classes)
    if matrix.shape != (k, k) or not matrix.sum():
        raise DataError(f"expected a matrix of {k} x {k} counts, not all 0, for {count(k, 'class', 'classes')}, got "
                        f"{matrix.shape}")
    cell = 0.62 if k <= 6 else 0.42 if k <= NUMBERED else max(0.09, 0.24 - 0.002 * k)
    side = max(2.4, cell * k)
    figure = new_figure(side + 2.6, side + 1.9)
    ax = figure.subplots()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ax.imshow(_colors(share), aspect="equal", interpolation="nearest")
    if k <= NUMBERED:
        for row, column in zip(*np.nonzero(matrix), strict=True):
            ax.text(column, row, _brief(int(matrix[row, column])), ha="center", va="center", fontsize=9,
                    color="white" if share[row, column] > 0.55 else INK)
    names, of = labels(classes), matrix.sum(axis=1)
    size = 10 if k <= 12 else 8.5 if k <= NUMBERED else 6.5
    places = range(k) if k <= NAMED else range(0, k, -(-k // NAMED))
    counted = [f"{name}  {n:,}" for name, n in zip(names, of, strict=True)] if k <= NUMBERED else names
    ax.set_yticks(places, [counted[i] for i in places], fontsize=size)
    lying = k <= 6 and max(map(len, names)) < 8
    ax.set_xticks(places, [names[i] for i in places], fontsize=size, rotation=0 if lying else 90)
    ax.set_xlabel("answered class")
    ax.set_ylabel("true class" + (", its pictures" if k <= NUMBERED else ""))
    ax.grid(False)
    if k <= NAMED:  # lines of more cells would hide what is in them
        ax.set_xticks(np.arange(k + 1) - 0.5, minor=True)
        ax.set_yticks(np.arange(k + 1) - 0.5, minor=True)
        ax.grid(which="minor", color="#e4e4e4", linewidth=0.6)
    ax.tick_params(which="both", length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    right, total = int(np.trace(matrix)), int(matrix.sum())
    ax.set_title(f"{right:,} of {count(total, 'picture')} right" + ("" if k == 1 else "\n(on the diagonal)"))
    return figure


def _colors(share):
    """(K, K, 3): white for none of the row's pictures, green on the diagonal and orange off it for all of them."""
    colors = require("matplotlib.colors", extra="viz")
    right, wrong = (np.array(colors.to_rgb(COLORS[name])) for name in ("green", "vermilion"))
    full = np.where(np.eye(len(share), dtype=bool)[..., None], right, wrong)
    depth = np.where(share > 0, 0.12 + 0.88 * share, 0)[..., None]  # a single picture is seen, too
    return 1 - depth * (1 - full)


def _brief(n):
    return str(n) if n < 10_000 else f"{n / 1000:.0f}k"


@styled
def classes_figure(rows: Sequence[Mapping[str, Any]], most: int = 40) -> Figure:
    """Accuracy and mean IoU of each class, in the order given; of many classes the first `most`.

    rows: of Breakdown.by_class, the worst first
    """
    if not rows:
        raise DataError("there is nothing to draw: there is no class")
    shown = rows[:most]
    names = labels([row["class"] for row in shown], most=24)
    figure = new_figure(7.5, 0.27 * len(shown) + 1.9)
    ax = figure.subplots()
    for y in range(len(shown)):
        ax.plot([0, 1], [y, y], color="#eeeeee", linewidth=1, zorder=1)
    for key, name, color, marker in (("accuracy", "class right", COLORS["blue"], "s"),
                                     ("mean_iou", "mean IoU", COLORS["green"], "^"),
                                     ("joint", "joint: class and IoU ≥ 0.5", COLORS["vermilion"], "o")):
        ax.plot([row[key] for row in shown], range(len(shown)), marker, color=color, markersize=MARKER, label=name,
                clip_on=False, markerfacecolor="none" if key == "joint" else color, markeredgewidth=1.6, zorder=3)
    ax.set_yticks(range(len(shown)), [f"{name}  {row['count']:,}" for name, row in zip(names, shown, strict=True)])
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.set_xlim(0, 1)
    ax.tick_params(axis="y", length=0, pad=MARKER)  # a marker at 0 covers no count
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("share of the class's pictures; mean IoU")
    ax.set_ylabel("class, pictures")
    ax.set_title("Each class, the worst on top" if len(shown) == len(rows) else
                 f"The {len(shown)} of {len(rows)} classes that do worst")
    figure.legend(loc="outside lower center", ncols=3, columnspacing=1.2)
    return figure


@styled
def sizes_figure(sizes: np.ndarray, overlap: np.ndarray, steps: Sequence[Mapping[str, Any]]) -> Figure:
    """IoU (N,) over the side of the object (N,), picture by picture, and the mean of each step.

    steps: of Breakdown.by_size; a mean of fewer than 10 pictures is hollow
    """
    if not len(sizes):
        raise DataError("there is nothing to draw: there are no pictures")
    figure = new_figure(7.5, 4.8)
    ax = figure.subplots()
    ax.plot(sizes, overlap, ".", color=FAINT, alpha=min(0.7, max(0.12, 60 / len(sizes))), markersize=6,
            markeredgewidth=0, label="one picture")
    centers, means = ([(step["from"] + step["to"]) / 2 for step in steps], [step["mean_iou"] for step in steps])
    ax.plot(centers, means, "-", color=COLORS["green"], zorder=3)
    for few, name in ((False, "mean of a step"), (True, f"mean of fewer than {FEW}")):
        at = [k for k, step in enumerate(steps) if (step["count"] < FEW) is few]
        if at:
            ax.plot([centers[k] for k in at], [means[k] for k in at], "^", color=COLORS["green"], markersize=9,
                    markerfacecolor="white" if few else COLORS["green"], markeredgewidth=1.6, label=name, zorder=4)
    ax.axhline(0.5, color=INK, linewidth=1, linestyle=":", label="IoU 0.5: a hit")
    for center, step in zip(centers, steps, strict=True):
        ax.text(center, 1.03, f"{step['count']:,}", ha="center", fontsize=9, color=INK)
    ax.set_ylim(-0.03, 1.1)
    ax.set_yticks(np.linspace(0, 1, 6))
    low, high = steps[0]["from"], steps[-1]["to"]
    ax.set_xlim(low - 0.02, high + 0.02)
    ax.set_xlabel("side of the object, as a share of the picture's")
    ax.set_ylabel("IoU of predicted and true box")
    ax.set_title("IoU over the size of the object (above: pictures of each step)")
    figure.legend(loc="outside lower center", ncols=4, columnspacing=1.2)
    return figure
