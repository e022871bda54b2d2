"""Drawings of lesson 04: boxes as four numbers, a loss in cells, how training goes, and what a box head explains."""

import numpy as np

from tinycnn import boxes as box_math
from tinycnn.course.drawings.numbers import HUES, canvas, cell, frame, matrix, say
from tinycnn.errors import require
from tinycnn.plots.grids import DASHES, draw_box
from tinycnn.plots.look import COLORS, FAINT, INK, PREDICTION, TRUTH, WRONG, new_figure, styled

NUMBERS = ("cx", "cy", "h", "w")
LOOKS = ((COLORS["purple"], "D", ":"), (COLORS["orange"], "s", "--"), (COLORS["green"], "^", "-."),
         (COLORS["blue"], "o", "-"))


@styled
def tiny_pictures(pictures, boxes, features, codes):
    """Pictures of a few pixels, each with its box, what is measured in it, and the code that is to be predicted.

    pictures: (N, H, W) of 0 and 1    boxes: (N, 4) xyxy    features: (N, 2)    codes: (N, 4)
    """
    n, height, width = pictures.shape
    figure = new_figure(9.6, 3.9)
    ax = canvas(figure, n * (width + 2.2) - 2.2, height + 3.1)
    ax.set_xlim(-0.1, n * (width + 2.2) - 2.1)  # room for the frames
    for i in range(n):
        left = i * (width + 2.2)
        say(ax, (left + width / 2, 0.25), f"picture {i}", weight="bold")
        for row, column in np.ndindex(height, width):
            cell(ax, (left + column, row + 0.7), HUES[6] if pictures[i, row, column] else None, alpha=0.8)
        xmin, ymin, xmax, ymax = boxes[i]
        frame(ax, (left + xmin, ymin + 0.7), (xmax - xmin, ymax - ymin), TRUTH, 4)
        ax.plot([left + width / 2] * 2, [0.7, height + 0.7], color=INK, linestyle=":", linewidth=1.5, zorder=5)
        say(ax, (left + width / 2, height + 1.4), f"bright: left {features[i, 0]:g}, right {features[i, 1]:g}")
        say(ax, (left + width / 2, height + 2.3), "(" + ", ".join(f"{v:g}" for v in codes[i]) + ")", color=HUES[0],
            size=13)
    return figure


@styled
def loss_in_cells(x, w, b, target):
    """x @ w + b, less the target, squared, and their mean, every number in a cell. x: (N, D); w: (D, 4); b: (4,)."""
    pred = x @ w + b
    difference = pred - target
    figure = new_figure(9.6, 4.8)
    n, k = len(x), w.shape[1]
    ax = canvas(figure, 17.9, 2 * n + 3.2)
    ax.set_xlim(-0.05, 17.9)
    form, top = "{:.3g}", 1.0
    at = 0.0
    for sign, values, name in ((None, x, "x"), ("@", w, "w"), ("+", b[None], "b"), ("=", pred, "pred")):
        if sign:
            say(ax, (at + 0.45, top + n / 2), sign, 16)
            at += 0.9
        start = top + (n - len(values)) / 2
        matrix(ax, values, (at, start), name=f"{name} {values.shape if name != 'b' else (k,)}", form=form, size=11,
               fills={index: HUES[1] for index in np.ndindex(values.shape)} if name == "pred" else {})
        at += values.shape[1]
    top, at = n + 3.0, 0.0
    fills = {index: HUES[1] for index in np.ndindex(pred.shape)}
    goal = {index: HUES[4] for index in np.ndindex(pred.shape)}
    for sign, values, name, fill in ((None, pred, "pred", fills), ("−", target, "target", goal),
                                     ("=", difference, "difference", {})):
        if sign:
            say(ax, (at + 0.45, top + n / 2), sign, 16)
            at += 0.9
        matrix(ax, values, (at, top), name=name, form=form, size=11, fills=fill)
        at += k
    say(ax, (at + 0.6, top + n / 2 - 0.75), f"sum of the {n * k} squares: {(difference**2).sum():.4f}", ha="left")
    say(ax, (at + 0.6, top + n / 2 + 0.05), f"their mean: {(difference**2).mean():.4f}", ha="left", weight="bold")
    say(ax, (at + 0.6, top + n / 2 + 0.85), "that is the loss", ha="left")
    return figure


@styled
def one_number_moves(values, losses, at, loss, slope, name):
    """The loss while one number of pred moves and all others stay: a parabola, and its slope where pred is.

    values, losses: (M,)    at, loss: where pred is    slope: its dpred    name: such as "pred[1, 2]"
    """
    figure = new_figure(7.2, 3.9)
    ax = figure.subplots()
    losses = np.asarray(losses)
    ax.plot(values, losses, color=INK, linewidth=2.5, label="the loss")
    reach = np.array([-0.3, 0.3])
    ax.plot(at + reach, loss + slope * reach, "--", color=COLORS["orange"], linewidth=2.5,
            label=f"its slope here: dpred = {slope:.4f}".replace("-", "−"))
    ax.plot(at, loss, "o", color=COLORS["orange"], markersize=9)
    lowest = values[np.argmin(losses)]
    ax.axvline(lowest, color=TRUTH, linestyle=":", linewidth=2, label=f"the target, {lowest:g}")
    ax.set_xlabel(f"{name}, all other numbers as they are")
    ax.set_ylabel("loss")
    ax.set_ylim(None, losses.max() + 0.45 * np.ptp(losses))  # room for the legend
    ax.legend(loc="upper right")
    return figure


@styled
def edges_in_cells(images, edges, cells, boxes):
    """From pictures to features: how much changes from pixel to pixel, and its mean in every cell of a grid.

    images: (N, S, S, 3) uint8    edges: (N, S, S)    cells: (N, G, G)    boxes: (N, 4) xyxy pixels
    """
    n, size = len(images), images.shape[1]
    figure = new_figure(9.6, 6.2)
    axes = figure.subplots(3, n)
    titles = (f"picture, {size} x {size} x 3", f"change, {size} x {size}", f"in cells, {cells.shape[1]} x "
              f"{cells.shape[2]}")
    for row, (arrays, name) in enumerate(zip((images, edges, cells), titles, strict=True)):
        for i, ax in enumerate(axes[row]):
            more = {} if row == 0 else {"cmap": "gray", "vmin": 0, "vmax": float(arrays.max())}
            ax.imshow(arrays[i], extent=(0, size, size, 0), interpolation="nearest", **more)
            draw_box(ax, boxes[i], TRUTH)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        axes[row, 0].set_ylabel(name)
    return figure


@styled
def explained_over_steps(panels, lowest=-0.6):
    """What is gained over training steps: the mean over S seeds, and their range.

    panels: {title: {name: (steps (T,), shares of the mean box's loss that are gone (S, T))}}; below `lowest` is cut off
    """
    figure = new_figure(9.6, 4.3)
    axes = figure.subplots(1, len(panels), sharey=True)
    for ax, (title, runs) in zip(axes, panels.items(), strict=True):
        for (name, (steps, shares)), (color, marker, line) in zip(runs.items(), LOOKS, strict=False):
            # Where two curves lie on top of each other, the wider one below stays visible.
            width = 3.8 if marker in "D^" else 1.8
            shares = np.asarray(shares)
            ax.plot(steps, shares.mean(axis=0), line, color=color, linewidth=width, marker=marker, markevery=4,
                    markersize=7, label=name)
            ax.fill_between(steps, shares.min(axis=0), shares.max(axis=0), color=color, alpha=0.18, linewidth=0)
        ax.axhline(0, color=INK, linewidth=1.2)
        ax.set_title(title)
        ax.set_xlabel("training step")
        ax.set_ylim(lowest, 0.8)
    axes[0].text(axes[0].get_xlim()[1], 0.015, "the mean box", ha="right", va="bottom")
    axes[0].set_ylabel("share of the mean box's loss\nthat is gone (validation)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, handlelength=3)
    return figure


@styled
def predicted_against_true(pred, truth, shares, names=NUMBERS):
    """One panel for each of the numbers: what is, across, and what is said, upwards. pred, truth: (N, K)."""
    figure = new_figure(9.6, 3.0)
    for k, ax in enumerate(figure.subplots(1, len(names), sharey=True)):
        _scatter(ax, pred[:, k], truth[:, k], f"{names[k]}:  R² = {_signed(shares[k])}")
    figure.axes[0].set_ylabel("predicted")
    figure.supxlabel("true", fontsize=11)
    return figure


@styled
def asleep_or_awake(losses, answers, truth, constant, name="cx"):
    """Two trainings whose losses fall, and what each of the two nets says.

    losses: {name of the training: (E + 1,)}, before training and after each epoch    answers: {the same name: (N,)}
    truth: (N,)    constant: the loss of the mean box
    """
    figure = new_figure(9.6, 3.5)
    axes = figure.subplots(1, 1 + len(answers), width_ratios=[1.25] + [1] * len(answers))
    looks = (COLORS["vermilion"], "s", "--"), (COLORS["blue"], "o", "-")
    for (title, values), (color, marker, line) in zip(losses.items(), looks, strict=True):
        axes[0].plot(range(len(values)), values, line, color=color, marker=marker, markersize=5,
                     label=f"{title}: −{100 * (1 - values[-1] / values[0]):.0f} %")
    axes[0].axhline(constant, color=INK, linewidth=1.2, linestyle=":", label="the mean box")
    axes[0].set(xlabel="epoch", ylabel="training loss", title="Both losses fall", ylim=(0, None))
    axes[0].legend(loc="upper right")
    for ax, (title, values), (color, *_) in zip(axes[1:], answers.items(), looks, strict=True):
        _scatter(ax, values, truth, f"what {title} says of {name}", color)
        ax.set_xlabel(f"true {name}")
    axes[1].set_ylabel(f"predicted {name}")
    return figure


def _scatter(ax, pred, truth, title, color=COLORS["blue"]):
    low, high = min(0.1, truth.min()), max(0.9, truth.max())
    ax.plot([low, high], [low, high], color=INK, linewidth=1.2, label="right")
    ax.axhline(truth.mean(), color=INK, linewidth=1.2, linestyle=":")
    ax.plot(truth, pred, "o", color=color, markersize=3, alpha=0.5, markeredgewidth=0)
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal", xticks=[0.25, 0.5, 0.75], yticks=[0.25, 0.5, 0.75])
    ax.set_title(title, fontsize=11)


def _signed(value):
    return f"{value:.2f}".replace("-", "−")


@styled
def one_wrong_label(values, curves, xs):
    """Labels on a line, one of them wrong, and the mean loss of every constant answer, each with its lowest point.

    values: (N,)    curves: {name: (M,)} over xs (M,)
    """
    figure = new_figure(9.6, 3.6)
    for ax, (name, losses), color in zip(figure.subplots(1, len(curves)), curves.items(),
                                         (COLORS["vermilion"], COLORS["blue"]), strict=True):
        best = xs[np.argmin(losses)]
        ax.plot(xs, losses, color=color, linewidth=2.5)
        ax.plot(best, losses.min(), "v", color=color, markersize=11)
        ax.annotate(f"lowest at {best:.2f}", (best, losses.min()), (0, -24), textcoords="offset points", color=color,
                    ha="center")
        ax.plot(values, np.zeros(len(values)), "o", color=INK, markersize=8, clip_on=False, zorder=5)
        ax.set(title=name, xlabel="the constant answer; dots are the labels", ylim=(0, losses.max() * 1.05))
    figure.axes[0].set_ylabel("mean loss")
    return figure


@styled
def boxes_found(images, truth, boxes, constant):
    """Pictures with the true box, the predicted one, and the mean box that never looks. (N, 4) xyxy pixels each."""
    scores, columns = box_math.iou(boxes, truth), 6
    rows = -(-len(images) // columns)
    figure = new_figure(9.6, 1.75 * rows + 0.5)
    for i, ax in enumerate(figure.subplots(rows, columns, squeeze=False).ravel()):
        height, width = images[i].shape[:2]
        ax.imshow(images[i], extent=(0, width, height, 0))
        xmin, ymin, xmax, ymax = constant[i]
        ax.plot([xmin, xmax, xmax, xmin, xmin], [ymin, ymin, ymax, ymax, ymin], ":", color="white", linewidth=1.8)
        draw_box(ax, truth[i], TRUTH)
        draw_box(ax, boxes[i], PREDICTION, DASHES)
        found = scores[i] >= 0.5
        ax.set_title(f"{'✓' if found else '✗'} IoU {scores[i]:.2f}", fontsize=10, pad=3, color=INK if found else WRONG)
        ax.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
        ax.grid(False)
    lines = require("matplotlib.lines", extra="viz")
    handles = [lines.Line2D([], [], color=color, linewidth=2, linestyle=line, label=name) for color, line, name in (
        (TRUTH, "-", "truth"), (PREDICTION, "--", "prediction"), (FAINT, ":", "mean box (white)"))]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure
