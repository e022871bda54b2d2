"""Drawings of lessons 00 and 09: the network with its two heads, predictions as they grow, what each loss asks for."""

import numpy as np

from tinycnn import boxes as box_math
from tinycnn.errors import require
from tinycnn.plots.grids import DASHES, draw_box
from tinycnn.plots.labels import labels
from tinycnn.plots.look import COLORS, FAINT, INK, PREDICTION, TRUTH, new_figure, styled

CLASS, BOX = COLORS["blue"], COLORS["orange"]


@styled
def two_heads(image, shapes, losses=True):
    """The network as a drawing: image, trunk, features, two heads, and where the two gradients meet.

    image: (H, W, 3) uint8    shapes: {"trunk": ..., "features": ..., "class": ..., "box": ...} as they are printed
    """
    bottom, top = (0.2, 5.0) if losses else (0.6, 4.3)
    figure = new_figure(9.6, 9.6 * (top - bottom) / 13.4)
    ax = figure.subplots()
    ax.set_axis_off()
    ax.imshow(image, extent=(0.1, 2.1, 1.5, 3.5), zorder=3)
    ax.set(xlim=(0, 13.4), ylim=(bottom, top), aspect="equal")
    ax.text(1.1, 1.3, "picture", ha="center", va="top")
    _block(ax, (2.9, 1.5), (2.4, 2.0), "trunk\nconvolutions", INK, f"maps {shapes['trunk']}")
    _block(ax, (6.0, 1.5), (1.3, 2.0), "features", COLORS["green"], f"{shapes['features']}")
    _block(ax, (8.3, 3.0), (1.7, 1.1), "class\nhead", CLASS)
    _block(ax, (8.3, 0.9), (1.7, 1.1), "box\nhead", BOX)
    for start, end in (((2.15, 2.5), (2.85, 2.5)), ((5.35, 2.5), (5.95, 2.5)), ((7.35, 2.8), (8.25, 3.5)),
                       ((7.35, 2.2), (8.25, 1.5))):
        _arrow(ax, start, end, INK)
    for y, color, words in ((3.55, CLASS, f"{shapes['class']} scores\nwhat is it?"),
                            (1.45, BOX, f"{shapes['box']} numbers\nwhere is it?")):
        _arrow(ax, (10.05, y), (10.6, y), INK)
        ax.text(10.75, y, words, va="center", color=INK)
        ax.plot([10.65, 10.65], [y - 0.4, y + 0.4], color=color, linewidth=3)
    if losses:
        _arrow(ax, (8.3, 4.55), (7.0, 3.6), CLASS, "--")
        _arrow(ax, (8.3, 0.55), (6.75, 1.0), BOX, "--")
        ax.text(8.4, 4.6, "gradient of the class loss", va="center")
        ax.text(8.4, 0.5, "gradient of the box loss", va="center")
        ax.text(6.3, 4.15, "added up here", ha="center", va="center", fontweight="bold")
    return figure


def _block(ax, corner, size, words, color, below=None):
    patches = require("matplotlib.patches", extra="viz")
    (x, y), (width, height) = corner, size
    ax.add_patch(patches.FancyBboxPatch(corner, width, height, boxstyle="round,pad=0,rounding_size=0.12",
                                        facecolor=color, alpha=0.16, edgecolor="none"))
    ax.add_patch(patches.FancyBboxPatch(corner, width, height, boxstyle="round,pad=0,rounding_size=0.12", fill=False,
                                        edgecolor=color, linewidth=1.8))
    ax.text(x + width / 2, y + height / 2, words, ha="center", va="center", fontsize=12)
    if below:
        ax.text(x + width / 2, y - 0.2, below, ha="center", va="top")


def _arrow(ax, start, end, color, line="-"):
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": color, "linestyle": line, "linewidth": 1.8,
                                            "shrinkA": 0, "shrinkB": 0})


@styled
def over_epochs(samples, snapshots):
    """The same pictures, row by row as training goes on. samples: N Samples; snapshots: {row's name: Prediction}."""
    rows, columns = len(snapshots), len(samples)
    figure = new_figure(9.6, 1.66 * rows + 0.55)
    figure.get_layout_engine().set(h_pad=0.03, w_pad=0.02, hspace=0.02, wspace=0.02)
    axes = figure.subplots(rows, columns, squeeze=False)
    for row, (name, prediction) in zip(axes, snapshots.items(), strict=True):
        names = labels(prediction.classes)
        ious = box_math.iou(prediction.boxes, samples.boxes)
        for i, ax in enumerate(row):
            image = samples.images[i]
            ax.imshow(image, extent=(0, image.shape[1], image.shape[0], 0))
            for box, look in ((samples.boxes[i], (TRUTH,)), (prediction.boxes[i], (PREDICTION, DASHES))):
                draw_box(ax, _inside(box, image), *look)
            answer = int(prediction.labels[i])
            right = answer == samples.labels[i]
            ax.set_title(f"{'✓' if right else '✗'} {names[answer]}  {ious[i]:.2f}", fontsize=9, pad=5,
                         color=INK if right else COLORS["vermilion"])
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        row[0].set_ylabel(name)
    lines = require("matplotlib.lines", extra="viz")
    handles = [lines.Line2D([], [], color=TRUTH, linewidth=2, label="truth"),
               lines.Line2D([], [], color=PREDICTION, linewidth=2, linestyle="--", label="prediction, with its IoU")]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _inside(box, image):
    """A box whose line, drawn around it, stays within the picture."""
    height, width = image.shape[:2]
    room = 0.017 * width  # half a line
    return np.clip(box, room, np.array([width, height, width, height]) - room)


@styled
def weights_compared(results, baselines):
    """What the weights do to each head: mean and standard deviation over several trainings, and every one as a dot.

    results: {box weight / class weight: {"class accuracy": shares, one for each training, ...}}
    baselines: {"class accuracy": (share, what reaches it), ...}, each a dotted line
    """
    figure = new_figure(8.6, 4.8)
    ax, weights = figure.subplots(), np.array(list(results), float)
    looks = ((CLASS, "s", "-", 1.0), (BOX, "o", "--", 0.9), (COLORS["green"], "^", "-.", 1 / 0.9))
    for name, (color, marker, line, aside) in zip(results[weights[0]], looks, strict=False):
        shares = 100 * np.array([results[weight][name] for weight in results])  # (weights, trainings)
        for column in shares.T:
            ax.plot(weights * aside, column, ".", color=color, markersize=5, alpha=0.6, markeredgewidth=0)
        ax.errorbar(weights * aside, shares.mean(axis=1), shares.std(axis=1, ddof=1), color=color, marker=marker,
                    linestyle=line, markersize=7, capsize=4, label=name)
        if name in baselines:
            share, words = baselines[name]
            ax.axhline(100 * share, color=color, linestyle=":", linewidth=1.5)
            ax.annotate(words, (1, 100 * share), (-4, -3), xycoords=("axes fraction", "data"),
                        textcoords="offset points", ha="right", va="top", fontsize=9)
    ax.set_xscale("log")
    ax.set_xticks(weights, [f"{weight:g}" for weight in weights])
    ax.minorticks_off()
    ax.set_xlabel("weight of the box loss / weight of the class loss (log scale)")
    ax.set_ylabel("% of validation pictures")
    ax.set_ylim(0, 100)
    figure.legend(loc="outside upper center", ncols=3)
    return figure


@styled
def pulls(probabilities, labels):
    """What the class loss asks for, an arrow for each probability. probabilities: (N, K); labels: (N,)."""
    n, k = probabilities.shape
    figure = new_figure(4.0 * n, 3.4)
    for i, ax in enumerate(figure.subplots(1, n, sharey=True, squeeze=False)[0]):
        truth = np.arange(k) == labels[i]
        ax.bar(range(k), probabilities[i], width=0.5, color=CLASS, alpha=0.35, label="probability")
        ax.bar(range(k), truth, width=0.5, fill=False, edgecolor=INK, linestyle="--", label="truth")
        for j, p in enumerate(probabilities[i]):
            ax.annotate("", (j, truth[j]), (j, p), arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.8,
                                                               "shrinkA": 0, "shrinkB": 0})
            ax.text(j + 0.29, (p + truth[j]) / 2, f"{truth[j] - p:+.2f}".replace("-", "−"), va="center", fontsize=10)
        ax.set_xticks(range(k), [f"class {j}" for j in range(k)])
        ax.set_xlim(-0.5, k - 0.2)
        ax.set_ylim(0, 1.05)
        ax.set_title(f"picture {i}, which is class {labels[i]}")
        ax.grid(axis="x", visible=False)
    figure.axes[0].set_ylabel("probability")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@styled
def cuts(pieces, names, columns=6):
    """Pieces of pictures in rows, all at the same scale: how many pixels a box held. pieces: (h, w, 3) uint8 each."""
    rows, side = -(-len(pieces) // columns), max(max(piece.shape[:2]) for piece in pieces)
    figure = new_figure(9.6, 1.75 * rows)
    for ax, piece, name in zip(figure.subplots(rows, columns, squeeze=False).ravel(), pieces, names, strict=True):
        height, width = piece.shape[:2]
        left, top = (side - width) / 2, (side - height) / 2
        ax.imshow(piece, extent=(left, left + width, top + height, top))
        ax.set(xlim=(0, side), ylim=(side, 0))
        ax.set_axis_off()
        ax.set_title(name, fontsize=10)
    return figure


@styled
def following(pictures, boxes, titles):
    """One picture changed in several ways, and the box predicted for each. pictures: (H, W, 3) each; boxes: (N, 4)."""
    figure = new_figure(9.6, 2.4)
    for ax, picture, box, title in zip(figure.subplots(1, len(pictures)), pictures, boxes, titles, strict=True):
        height, width = picture.shape[:2]
        ax.imshow(picture, extent=(0, width, height, 0))
        draw_box(ax, box, PREDICTION, DASHES)
        ax.set_title(title, fontsize=10)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    return figure


@styled
def bars(image, names, probabilities):
    """A picture and the probabilities of its class, largest on top. image: (H, W, 3) uint8; probabilities: (K,)."""
    order, names = np.argsort(probabilities), labels(names)
    figure = new_figure(8.4, 0.27 * len(names) + 0.9)
    picture, ax = figure.subplots(1, 2, width_ratios=[1, 1.6])
    picture.imshow(image)
    picture.set_axis_off()
    ax.barh(range(len(names)), 100 * np.asarray(probabilities)[order], color=[FAINT] * (len(names) - 1) + [CLASS])
    ax.set_yticks(range(len(names)), [names[k] for k in order])
    ax.set_xlabel("probability, %")
    ax.set_xlim(0, 100)
    ax.grid(axis="y", visible=False)
    return figure
