"""Many pictures on one page: a data set at a glance, and predictions beside the truth."""

import math
from collections.abc import Sequence

import numpy as np

from tinycnn import boxes as box_math
from tinycnn.errors import DataError, require
from tinycnn.plots.given import Prediction, Samples
from tinycnn.plots.labels import label, labels
from tinycnn.plots.look import FAINT, INK, PREDICTION, TRUTH, WRONG, Figure, new_figure, styled
from tinycnn.resize import crop_resize

CELL = 1.75  # inches
DASHES = (9, 4)  # points drawn, points left out
MOST_PIXELS = 360  # sides of a picture are reduced to this before drawing: a cell has no more dots than that


@styled
def contact_sheet(samples: Samples, count: int = 40, columns: int = 8, title: str | None = None,
                  in_turn: bool = True, mixed: Sequence[tuple[int, float]] | None = None) -> Figure:
    """Pictures of every class in turn, each with its box and class name, at most `count` of them.

    in_turn: False for the first `count` in their own order    mixed: where each is two in one, the class of the second
    picture and the share of the first, 0 to 1
    """
    order = _taking_turns(samples.labels, count) if in_turn else range(min(count, len(samples)))
    chosen = samples.subset(list(order))
    if mixed is not None and len(mixed) != len(samples):
        raise DataError(f"mixed has what each sample was mixed with: expected {len(samples)} pairs, got {len(mixed)}")
    if not len(chosen):
        raise DataError("there is nothing to show: the samples are empty")
    figure, axes = _grid(len(chosen), columns, line_count=1 if mixed is None else 2)
    names = labels(chosen.classes, most=20)
    for i, ax in enumerate(axes):
        image, (box,) = _reduced(chosen.images[i], chosen.boxes[i])
        _show(ax, image)
        draw_box(ax, box, TRUTH)
        name = names[chosen.labels[i]]
        other, share = mixed[order[i]] if mixed is not None else (chosen.labels[i], 1.0)
        if share < 1 and other != chosen.labels[i]:
            name = f"{round(100 * share)}% {name}\n{100 - round(100 * share)}% {names[other]}"
        ax.set_title(name, fontsize=9, pad=5)
    figure.suptitle(title or f"{len(chosen)} of {len(samples):,} pictures, all classes in turn")
    return figure


@styled
def predictions(samples: Samples, prediction: Prediction, columns: int = 6, title: str | None = None) -> Figure:
    """Truth and prediction of each sample, with class, probability and IoU; a framed picture with ✗ is wrong.

    samples: N Samples    prediction: what model.predict(samples.images) returns
    Right means what joint accuracy counts: the class is right and IoU is at least 0.5.
    """
    if len(samples) != len(prediction) or not len(samples):
        raise DataError(f"expected one prediction for each sample, got {len(prediction)} for {len(samples)}")
    ious = box_math.iou(prediction.boxes, samples.boxes)
    figure, axes = _grid(len(samples), columns, line_count=2)
    right_count = 0
    shown = dict(zip(samples.classes, labels(samples.classes, most=12), strict=True))
    for i, ax in enumerate(axes):
        name, probability, box = prediction[i]
        truth = samples.classes[samples.labels[i]]
        right = name == truth and ious[i] >= 0.5
        right_count += right
        image, (true_box, box) = _reduced(samples.images[i], samples.boxes[i], box)
        _show(ax, image, frame=None if right else WRONG)
        draw_box(ax, true_box, TRUTH)
        draw_box(ax, box, PREDICTION, DASHES)
        correction = "" if name == truth else f"is {shown[truth]}, "
        answer = shown.get(name) or label(name, "another class", most=12)
        ax.set_title(f"{'✓' if right else '✗'} {answer} {probability:.0%}\n{correction}IoU {ious[i]:.2f}",
                     fontsize=9, pad=5, color=INK if right else WRONG)
    figure.suptitle(title or f"{right_count} of {len(samples)} right: right class and IoU ≥ 0.5")
    _legend(figure)
    return figure


def _taking_turns(labels, count):
    """Indices of at most `count` samples: the first of every class, then the second, ...; class by class at the end."""
    rank = np.empty(len(labels), int)
    for k in np.unique(labels):
        rank[labels == k] = np.arange(np.sum(labels == k))
    turns = np.lexsort((labels, rank))[:count]
    return turns[np.lexsort((rank[turns], labels[turns]))]


def _grid(count, columns, line_count):
    """A figure with `count` axes in rows of `columns`; line_count: lines of title above each picture."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    height = rows * (CELL + 0.17 * line_count + 0.07) + (0.5 if line_count == 1 else 0.9)  # title and legend
    figure = new_figure(max(columns * CELL, 5.6), height)
    figure.get_layout_engine().set(h_pad=0.045, w_pad=0.03, hspace=0, wspace=0)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[count:]:
        ax.set_axis_off()
    return figure, axes[:count]


def _reduced(image, *boxes):
    """image no larger than a cell can show, and its boxes in the pixels of the new image."""
    height, width = image.shape[:2]
    factor = min(1.0, MOST_PIXELS / max(height, width))
    if factor < 1:
        size = max(1, round(height * factor)), max(1, round(width * factor))
        image = crop_resize(image, (0, 0, width, height), size)
        boxes = [np.asarray(box) * (np.array([*size, *size])[[1, 0, 1, 0]] / (width, height, width, height))
                 for box in boxes]
    return image, boxes


def _show(ax, image, frame=None):
    height, width = image.shape[:2]
    # Half-open pixels: the left edge is 0 and the right edge the width, as in the boxes.
    ax.imshow(image, extent=(0, width, height, 0), interpolation="nearest" if max(height, width) > 200 else "bicubic")
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    for side in ax.spines.values():
        side.set(visible=True, color=frame or FAINT, linewidth=3.5 if frame else 0.5, zorder=5)


def draw_box(ax, box, color, dashes=None):
    """A box with a dark rim, so that it is seen on any picture; what lies below shows between the dashes."""
    patches = require("matplotlib.patches", extra="viz")
    xmin, ymin, xmax, ymax = (float(v) for v in box)
    for width, ink in ((3.8, "black"), (2.2, color)):
        # matplotlib counts dashes in line widths; both lines must break at the same points.
        line = "-" if dashes is None else (0, tuple(length / width for length in dashes))
        ax.add_patch(patches.Rectangle((xmin, ymin), xmax - xmin, ymax - ymin, fill=False, edgecolor=ink, zorder=6,
                                       linewidth=width, linestyle=line, joinstyle="miter", clip_on=False))


def _legend(figure):
    lines = require("matplotlib.lines", extra="viz")
    patches = require("matplotlib.patches", extra="viz")
    handles = [
        lines.Line2D([], [], color=TRUTH, linewidth=2.5, label="truth"),
        lines.Line2D([], [], color=PREDICTION, linewidth=2.5, linestyle=(0, (3.2, 1.6)), label="prediction"),
        patches.Patch(fill=False, edgecolor=WRONG, linewidth=2.5, label="✗ wrong class or IoU < 0.5"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, handlelength=2.6)
