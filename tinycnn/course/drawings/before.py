"""Drawings of lesson 02: differences, votes, integral images, a line with its margin, windows and what they score."""

import numpy as np

from tinycnn.course.drawings.numbers import canvas, frame, matrix, say
from tinycnn.errors import require
from tinycnn.plots.grids import draw_box
from tinycnn.plots.look import COLORS, FAINT, INK, PREDICTION, TRUTH, new_figure, styled

ACROSS, DOWN = COLORS["blue"], COLORS["orange"]
GAMMA = 1.6  # strokes are drawn by this power of their strength, so that the strong ones stand out
BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.9}


@styled
def differences(picture, gx, gy, at):
    """A picture (H, W), its differences across and down; at: (row, column), a pixel whose four neighbors are framed."""
    (height, width), (i, j) = picture.shape, at
    figure = new_figure(9.6, 3.1)
    ax = canvas(figure, 3 * width + 4.4, height + 1.4)
    tops = 1.1
    for k, (values, name) in enumerate(((picture, "picture"), (gx, "gx: right − left"), (gy, "gy: below − above"))):
        left = 0.2 + k * (width + 2)
        matrix(ax, values, (left, tops), bold=(at,), name=name, size=13)
        if k != 2:
            for column in (j - 1, j + 1) if k == 0 else (j,):
                frame(ax, (left + column, tops + i), (1, 1), ACROSS, shrink=0.06)
        if k != 1:
            for row in (i - 1, i + 1) if k == 0 else (i,):
                frame(ax, (left + j, tops + row), (1, 1), DOWN, linestyle="--", shrink=0.06)
    return figure


@styled
def votes(size, angle, histogram):
    """A cell's pixels as strokes along their edges, and its histogram. size, angle: (H, W); histogram: (bins,)"""
    figure = new_figure(9.6, 3.5)
    cell, bars = figure.subplots(1, 2, width_ratios=(1, 1.9))
    height, width = size.shape
    for i, j in np.ndindex(size.shape):
        length, turn = 0.46 * size[i, j] / size.max(), np.radians(angle[i, j] + 90)  # an edge runs across its gradient
        dx, dy = length * np.cos(turn), length * np.sin(turn)
        cell.plot([j - dx, j + dx], [i - dy, i + dy], color=ACROSS, linewidth=3, solid_capstyle="round")
    cell.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal", xticks=np.arange(width + 1) - 0.5,
             yticks=np.arange(height + 1) - 0.5, xticklabels=[], yticklabels=[])
    cell.tick_params(length=0)
    cell.set_title("edges of the cell")
    bins = len(histogram)
    middles = (np.arange(bins) + 0.5) * 180 / bins
    bars.bar(middles, histogram, width=0.86 * 180 / bins, color=ACROSS, alpha=0.55)
    for middle, value in zip(middles, histogram, strict=True):
        if value > 0.005:
            bars.text(middle, value, f"{value:.1f}", ha="center", va="bottom", fontsize=10)
    bars.set(xticks=middles, xticklabels=[f"{middle:g}°" for middle in middles], xlim=(0, 180),
             ylim=(0, 1.12 * max(histogram.max(), 1e-9)), title="votes for each orientation",
             xlabel="middle of the bin", ylabel="sum of sizes")
    bars.grid(axis="x", visible=False)
    return figure


@styled
def pictures_and_glyphs(images, stars, names):
    """Pictures above, their HOG features as strokes below. images: list of (H, W, 3); stars: list of gray pictures"""
    figure = new_figure(1.85 * len(images), 4.0)
    for (above, below), image, star, name in zip(figure.subplots(2, len(images)).T, images, stars, names, strict=True):
        above.imshow(image)
        below.imshow(star**GAMMA, cmap="gray", vmin=0, vmax=0.7, interpolation="nearest")
        above.set_title(name)
        for ax in (above, below):
            ax.set_axis_off()
    return figure


@styled
def four_corners(table, sums, box):
    """A rectangle in a table (H, W), and the four numbers of the integral image (H + 1, W + 1) that its sum needs."""
    (height, width), (x0, y0, x1, y1) = table.shape, box
    figure = new_figure(9.6, 3.6)
    ax = canvas(figure, 2 * width + 12.6, height + 2.3)
    inside = {(i, j): ACROSS for i in range(y0, y1) for j in range(x0, x1)}
    matrix(ax, table, (0.3, 1.6), fills=inside, name="table", size=12)
    frame(ax, (0.3 + x0, 1.6 + y0), (x1 - x0, y1 - y0), ACROSS)
    left, signs = width + 1.6, {(y1, x1): "+", (y0, x1): "−", (y1, x0): "−", (y0, x0): "+"}
    fills = {place: ACROSS if sign == "+" else DOWN for place, sign in signs.items()}
    matrix(ax, sums, (left, 1.1), fills=fills, bold=tuple(signs), name="integral image", size=12)
    for (i, j), sign in signs.items():
        frame(ax, (left + j, 1.1 + i), (1, 1), fills[i, j], linestyle="-" if sign == "+" else "--", shrink=0.05)
    x, middle = left + width + 1.8, 1.6 + height / 2
    numbers = [f"{sums[y1, x1]:g}", f"− {sums[y0, x1]:g}", f"− {sums[y1, x0]:g}", f"+ {sums[y0, x0]:g}"]
    found = table[y0:y1, x0:x1]
    say(ax, (x, middle - 0.9), f"{' '.join(numbers)} = {sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]:g}",
        size=13, ha="left")
    say(ax, (x, middle), "one by one:", ha="left", color=FAINT)
    say(ax, (x, middle + 0.7), f"{' + '.join(f'{v:g}' for v in found.ravel())} = {found.sum():g}", ha="left")
    return figure


@styled
def light_and_dark(images, places, names):
    """Where a feature answers most: bright minus dark. places: ((y, x, h, w) of the + part, same of the − part) each"""
    figure = new_figure(2.1 * len(images), 2.4)
    patches = require("matplotlib.patches", extra="viz")
    for ax, image, parts, name in zip(np.atleast_1d(figure.subplots(1, len(images))), images, places, names,
                                      strict=True):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        for (y, x, h, w), sign, color in zip(parts, "+−", (ACROSS, DOWN), strict=True):
            ax.add_patch(patches.Rectangle((x - 0.5, y - 0.5), w, h, facecolor=color, edgecolor=color, alpha=0.35,
                                           linewidth=2))
            ax.text(x + w / 2 - 0.5, y + h / 2 - 0.5, sign, ha="center", va="center", fontsize=14, fontweight="bold",
                    bbox=BEHIND)
        ax.set_title(name)
        ax.set_axis_off()
    return figure


@styled
def hinge_curve():
    """What one sample costs, over how far its score is ahead: the hinge, and the mistake counted."""
    figure = new_figure(6.4, 3.3)
    ax, ahead = figure.subplots(), np.linspace(-2, 3, 101)
    ax.plot(ahead, np.maximum(1 - ahead, 0), color=ACROSS, linewidth=3, label="hinge")
    ax.plot([-2, 0, 0, 3], [1, 1, 0, 0], "--", color=DOWN, label="mistakes counted")
    ax.axvspan(0, 1, color="#eeeeee", zorder=0)
    ax.text(0.5, 2.75, "right, but\nby too little", ha="center", va="top", fontsize=10)
    ax.set(xlabel="t · s: how far the score is on the right side", ylabel="what it costs", ylim=(-0.08, 3),
           xlim=(-2, 3))
    ax.legend(loc="upper right")
    return figure


@styled
def lines_with_margin(points, signs, found):
    """Points (N, 2) of two sides, and lines w . x + b = 0 with their margins. found: {title: (w, b)}"""
    figure = new_figure(9.6, 4.4)
    for ax, (title, (w, b)) in zip(figure.subplots(1, len(found), sharey=True), found.items(), strict=True):
        low, high = points.min(axis=0) - 1, points.max(axis=0) + 1
        ends = np.array([low[0] - 9, high[0] + 9])
        for level, style, width in ((0, "-", 2.5), (1, "--", 1.3), (-1, "--", 1.3)):
            ax.plot(ends, (level - b - w[0] * ends) / w[1], style, color=INK, linewidth=width)
        short = 1 - signs * (points @ w + b)
        for side, color, mark in ((1, ACROSS, "o"), (-1, DOWN, "s")):
            at = points[signs == side]
            ax.plot(*at.T, mark, color=color, markersize=10)
        holds = short > -1e-2
        ax.plot(*points[holds].T, "o", color=INK, markersize=17, fillstyle="none", markeredgewidth=1.5)
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal", title=title, xlabel="first feature")
    figure.axes[0].set_ylabel("second feature")
    return figure


@styled
def pyramid(levels, window, at):
    """One picture at several sizes, and the same window on each. levels: list of (S, S, 3); at: (x, y) on each"""
    gap, sides = 12, [len(level) for level in levels]
    width, height = sum(sides) + gap * (len(levels) - 1), max(sides)
    figure = new_figure(6.4, 6.2 * (height + 14) / width)
    ax, left = figure.subplots(), 0
    for level, side, (x, y) in zip(levels, sides, at, strict=True):
        top = height - side  # all stand on one line, and one pixel is as large everywhere
        ax.imshow(level, extent=(left, left + side, height, top), interpolation="nearest")
        draw_box(ax, (left + x, top + y, left + x + window, top + y + window), PREDICTION)
        ax.text(left + side / 2, top - 3, f"{side} x {side}", ha="center", va="bottom")
        left += side + gap
    ax.set(xlim=(-1, width + 1), ylim=(height + 1, -13), aspect="equal")
    ax.set_axis_off()
    return figure


@styled
def suppressed(image, before, after, truth):
    """Windows that score high, and those that are kept. before, after: (n, 4) in pixels of the image; truth: (4,)"""
    figure = new_figure(7.6, 2.9)
    shown = (np.empty((0, 4)), before, after)
    names = "picture and truth", f"the {len(before)} highest", f"{len(after)} kept"
    for ax, boxes, name in zip(figure.subplots(1, 3), shown, names, strict=True):
        ax.imshow(image, extent=(0, image.shape[1], image.shape[0], 0))
        if not len(boxes):
            draw_box(ax, truth, TRUTH)
        for box in boxes:
            draw_box(ax, box, PREDICTION, (9, 4))
        ax.set(title=name, xlim=(0, image.shape[1]), ylim=(image.shape[0], 0))
        ax.set_axis_off()
    return figure


@styled
def story(image, stars, wanted, heat, box, truth, name):
    """From picture to answer: the picture, its HOG, what speaks for a class, and where windows score high for it.

    image: (H, W, 3)    stars, wanted: gray pictures    heat: (S, S), -inf where no window is centered
    box, truth: (4,) in pixels
    """
    figure = new_figure(9.6, 2.6)
    picture, features, weights, answer = figure.subplots(1, 4)
    picture.imshow(image)
    features.imshow(stars**GAMMA, cmap="gray", vmin=0, vmax=0.7, interpolation="nearest")
    weights.imshow(wanted**GAMMA, cmap="gray", vmin=0, vmax=0.8, interpolation="nearest")
    finite = np.isfinite(heat)
    extent = (0, image.shape[1], image.shape[0], 0)
    answer.imshow(image.mean(axis=2), cmap="gray", extent=extent)
    shade = answer.imshow(np.where(finite, heat, heat[finite].min()), cmap="cividis", extent=extent,
                          alpha=np.where(finite, 0.85, 0.0))
    draw_box(answer, truth, TRUTH)
    draw_box(answer, box, PREDICTION, (9, 4))
    titles = "a picture", "its edges, cell by cell", f"what speaks for {name}", "score around each place"
    for ax, title in zip((picture, features, weights, answer), titles, strict=True):
        ax.set_title(title, fontsize=11)
        ax.set_axis_off()
    figure.colorbar(shade, ax=answer, shrink=0.7)
    return figure


@styled
def weights_for_and_against(wanted, names):
    """What speaks for each class, above, and against it, below. wanted: list of two gray pictures for each name"""
    figure = new_figure(6.8, 3.8)
    for pair, axes, name in zip(wanted, figure.subplots(2, len(names)).T, names, strict=True):
        for ax, pattern, words in zip(axes, pair, (f"for {name}", "against it"), strict=True):
            ax.imshow(pattern**GAMMA, cmap="gray", vmin=0, vmax=0.8, interpolation="nearest")
            ax.set_title(words, fontsize=11)
            ax.set_axis_off()
    return figure


@styled
def changes(found, baseline):
    """Joint accuracy on changed pictures, a dot for every draw. found: {change: (draws,)}; baseline: its mean"""
    figure = new_figure(8.2, 0.62 * len(found) + 1.3)
    ax = figure.subplots()
    for i, values in enumerate(found.values()):
        percent = 100 * np.asarray(values)
        ax.plot(percent, i + np.linspace(-0.16, 0.16, len(percent)), "o", color=ACROSS, markersize=7, alpha=0.75)
        ax.plot([percent.mean()] * 2, [i - 0.3, i + 0.3], color=INK, linewidth=2.5)
    ax.axvline(100 * baseline, color=DOWN, linestyle="--")
    ax.text(100 * baseline + 1, len(found) - 0.55, "mean box", ha="left", va="bottom", fontsize=10)
    ax.set(yticks=range(len(found)), yticklabels=list(found), ylim=(len(found) - 0.4, -0.6), xlim=(0, 100),
           xlabel="joint accuracy, % of test pictures")
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    return figure
