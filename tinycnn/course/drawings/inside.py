"""Drawings of lesson 13: what a unit sees and what excites it, maps and checks of them, dead units, classes."""

import numpy as np

from tinycnn.course.drawings.numbers import HUES, canvas, cell, frame, say
from tinycnn.plots.grids import draw_box
from tinycnn.plots.look import COLORS, FAINT, INK, TRUTH, new_figure, styled
from tinycnn.plots.pixels import HEAT

SEES, EDGE = COLORS["orange"], "#6a6a6a"


@styled
def cone(pixels, layers, unit):
    """A row of pixels and the rows of units above it; one unit of the last row, and all that it sees, are colored.

    layers: [(name, kernel, stride, padding)] from the picture upwards; borders are drawn dashed and empty
    """
    rows, lies, names = [pixels], [(1, 0.0)], ["picture"]  # lies: (step, middle of unit 0) in pixels
    for name, kernel, stride, padding in layers:
        step, middle = lies[-1]
        rows.append((rows[-1] + 2 * padding - kernel) // stride + 1)
        lies.append((step * stride, middle + ((kernel - 1) / 2 - padding) * step))
        names.append(f"{name}\nkernel {kernel}, stride {stride}")
    seen, every = [{unit}], []
    for _, kernel, stride, padding in reversed(layers):
        seen.append({at * stride - padding + k for at in seen[-1] for k in range(kernel)})
    seen.reverse()
    figure = new_figure(9.6, 4.1)
    border, gap = 2, 1.9
    ax = canvas(figure, pixels + 2 * border + 4.6, gap * len(layers) + 1.9)
    top = {level: 0.2 + gap * (len(layers) - level) for level in range(len(rows))}

    def place(level, at):
        step, middle = lies[level]
        return border + 4.6 + middle + at * step, top[level]

    for level, count in enumerate(rows):
        say(ax, (4.0, top[level] + 0.5), names[level], ha="right", size=11)
        shown = set(range(count)) | seen[level]
        for at in sorted(shown):
            x, y = place(level, at)
            outside = not 0 <= at < count
            cell(ax, (x, y), HUES[1] if at in seen[level] else None, alpha=0.2 if outside else 0.75,
                 edge=EDGE if at in seen[level] else "#c8c8c8")
            if not outside:
                say(ax, (x + 0.5, y + 0.5), f"{at}", size=10)
        if level:
            _, kernel, stride, padding = layers[level - 1]
            for at in sorted(seen[level] & set(range(count))):
                for end in (0, kernel - 1):
                    (x0, y0), (x1, y1) = place(level, at), place(level - 1, at * stride - padding + end)
                    every.append(((x0 + 0.5, x1 + 0.5), (y0 + 1, y1)))
    for xs, ys in every:
        ax.plot(xs, ys, color=FAINT, linewidth=0.9, zorder=0)
    first, last = min(seen[0]), max(seen[0])
    left, right = place(0, first)[0], place(0, last)[0] + 1
    y = top[0] + 1.25
    ax.annotate("", (left, y), (right, y), arrowprops={"arrowstyle": "<->", "color": INK, "shrinkA": 0, "shrinkB": 0})
    say(ax, ((left + right) / 2, y + 0.28), f"{last - first + 1} pixels, from {first} to {last}".replace("-", "−"))
    return figure


@styled
def patches(images, field, rows, width=9.6):
    """What a unit sees where it is largest, in some pictures, each row with its name.

    images: (N, H, W, 3) uint8    field: (size, step, first) of the layer    rows: {name: (maps (N, R, C), pictures)}
    """
    size, step, first = field
    border = np.pad(images, ((0, 0), (size, size), (size, size), (0, 0)))  # black where a window reaches out
    most = max(len(pictures) for _, pictures in rows.values())
    figure = new_figure(width, 0.2 + len(rows) * (width - 1.0) / most)
    axes = figure.subplots(len(rows), most, squeeze=False)
    for line, (name, (maps, pictures)) in zip(axes, rows.items(), strict=True):
        for ax, number in zip(line, pictures, strict=True):
            row, column = np.unravel_index(maps[number].argmax(), maps.shape[1:])
            y, x = (size + first + int(at) * step for at in (row, column))
            ax.imshow(border[number, y : y + size, x : x + size], interpolation="nearest")
            _bare(ax)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", labelpad=8)
    return figure


def _bare(ax):
    """Only the picture: no ticks, no grid, a thin frame."""
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set(visible=True, color=FAINT, linewidth=0.5)


@styled
def map_table(images, boxes, columns):
    """Pictures with their true boxes, and beside each its maps. columns: {name: maps (N, H, W)}; bright is much."""
    side = min(1.92, 9.4 / (1 + len(columns)))
    figure = new_figure((1 + len(columns)) * side + 0.2, 0.4 + len(images) * side)
    axes = figure.subplots(len(images), 1 + len(columns), squeeze=False)
    for number, (line, image, box) in enumerate(zip(axes, images, boxes, strict=True)):
        line[0].imshow(image, extent=(0, image.shape[1], image.shape[0], 0), interpolation="nearest")
        draw_box(line[0], box, TRUTH)
        for ax, maps in zip(line[1:], columns.values(), strict=True):
            one = np.maximum(maps[number], 0)
            limit = max(float(np.quantile(one, 0.995)), 1e-30)  # a few single pixels must not darken all others
            ax.imshow(one, cmap=HEAT, vmin=0, vmax=limit, extent=(0, one.shape[1], one.shape[0], 0),
                      interpolation="nearest")
            frame(ax, box[:2], box[2:] - box[:2], "white", 1, (0, (4, 3)))
        for ax in line:
            ax.set(xlim=(0, image.shape[1]), ylim=(image.shape[0], 0))
            _bare(ax)
    for ax, name in zip(axes[0], ("picture", *columns), strict=True):
        ax.set_title(name, fontsize=11)
    return figure


@styled
def agreement(rows, above, below, title):
    """How well maps agree with the trained network's, over pictures: a dot a picture, a bar from the 10th to the 90th
    percentile and the mean.

    rows: {name: correlations (n,)}    above, below: names of those rows that are shown as ceiling and floor
    """
    figure = new_figure(9.6, 0.46 * len(rows) + 1.2)
    ax = figure.subplots()
    rng = np.random.default_rng(0)
    for y, (name, values) in enumerate(rows.items()):
        color = {above: COLORS["green"], below: COLORS["purple"]}.get(name, COLORS["blue"])
        ax.plot(values, y + rng.uniform(-0.22, 0.22, len(values)), "o", color=color, alpha=0.25, markersize=4,
                markeredgewidth=0)
        ax.plot(np.quantile(values, (0.1, 0.9)), [y, y], color=color, linewidth=3.5, solid_capstyle="butt")
        ax.plot(values.mean(), y, "D", color=color, markeredgecolor="white", markersize=9)
        ax.text(1.03, y, f"{values.mean():.2f}", va="center", color=color)
    for name, color in ((above, COLORS["green"]), (below, COLORS["purple"])):
        ax.axvline(rows[name].mean(), color=color, linestyle=":", linewidth=1.5, zorder=0)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set(xlim=(-0.2, 1), ylim=(len(rows) - 0.5, -0.5), title=title)
    ax.set_xlabel("rank correlation with the map of the trained network")
    ax.grid(axis="y", visible=False)
    return figure


@styled
def shares(rows, boxes):
    """How much of each kind of map lies in the true box: a dot a picture, and the mean with its standard error.

    rows: {name: maps (N, H, W)}, the first one being the baseline    boxes: (N, 4) xyxy
    """
    figure = new_figure(9.6, 0.5 * len(rows) + 0.6)
    ax, rng = figure.subplots(), np.random.default_rng(0)
    for y, maps in enumerate(rows.values()):
        values = np.array([_inside(one, box) for one, box in zip(maps, boxes, strict=True)])
        color = COLORS["purple"] if y == 0 else COLORS["blue"]
        ax.plot(values, y + rng.uniform(-0.2, 0.2, len(values)), "o", color=color, alpha=0.3, markersize=4,
                markeredgewidth=0)
        error = values.std(ddof=1) / len(values) ** 0.5
        ax.errorbar(values.mean(), y, xerr=error, fmt="D", color=color, markersize=9, capsize=5,
                    markeredgecolor="white", elinewidth=2.5)
        ax.text(1.03, y, f"{values.mean():.2f} ± {error:.2f}", va="center", color=color)
        if y == 0:
            ax.axvline(values.mean(), color=color, linestyle=":", linewidth=1.5, zorder=0)
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5), xlabel="share of the map inside the true box")
    ax.grid(axis="y", visible=False)
    return figure


def _inside(values, box):
    """The share of a map (H, W) that lies in a box; pixels by their middle."""
    y, x = np.mgrid[: values.shape[0], : values.shape[1]] + 0.5
    return values[(x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3])].sum() / values.sum()


@styled
def dead_by_rate(rates, dead, right, layers, chance):
    """Shares of dead units over the learning rate, a panel for each layer, and how many classes come out right.

    dead: (rates, seeds, layers)    right: (rates, seeds)    The dots are seeds, the line is their mean.
    """
    figure = new_figure(9.6, 3.7)
    axes = figure.subplots(1, len(layers) + 1)
    panels = [*((name, dead[:, :, k], COLORS["vermilion"]) for k, name in enumerate(layers)),
              ("class right, unseen", right, COLORS["blue"])]
    places = np.arange(len(rates))
    for ax, (name, values, color) in zip(axes, panels, strict=True):
        ax.plot(places, values.mean(axis=1), color=color)
        for seed in range(values.shape[1]):
            ax.plot(places, values[:, seed], "o", color=color, alpha=0.55, markersize=6, markeredgewidth=0)
        ax.set_xticks(places, [f"{rate:g}" for rate in rates], fontsize=9)
        ax.set(title=name, xlabel="learning rate", ylim=(-0.04, 1.04) if values is not right else (0, 0.5))
    axes[0].set_ylabel("share of units that are dead")
    axes[-1].axhline(chance, color=COLORS["purple"], linestyle=":", linewidth=1.5)
    axes[-1].text(0, chance - 0.015, "guessing", color=COLORS["purple"], va="top", fontsize=10)
    return figure


@styled
def selectivity_curves(layers):
    """Selectivity of each layer's units, sorted: with the true labels, and with shuffled ones.

    layers: {name: (real (C,), shuffled (times, C))}
    """
    figure = new_figure(9.6, 3.5)
    axes = figure.subplots(1, len(layers), sharey=True)
    for ax, (name, (real, shuffled)) in zip(axes, layers.items(), strict=True):
        place = np.linspace(0, 1, len(real))
        for number, row in enumerate(shuffled):
            ax.plot(place, np.sort(row), color=COLORS["purple"], linestyle="--", linewidth=1, alpha=0.7,
                    label="labels shuffled" if number == 0 else None)
        ax.plot(place, np.sort(real), color=COLORS["blue"], linewidth=2.5, label="true labels")
        ax.set(title=name, xlim=(0, 1), ylim=(0, 1))
        ax.set_xticks([0, 0.5, 1], ["least", "", "most"])
    axes[0].set_ylabel("selectivity")
    axes[0].legend(loc="upper left")
    axes[len(axes) // 2].set_xlabel("units, sorted by selectivity")
    return figure
