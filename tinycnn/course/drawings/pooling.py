"""Drawings of lesson 07: what is chosen out of a window, who is blamed, borders, ties, and pictures that move."""

import numpy as np

from tinycnn.course.drawings.numbers import HUES, canvas, cell, frame, matrix, say
from tinycnn.plots.look import COLORS, FAINT, INK, new_figure, styled

GATE, BAD, PICTURE = COLORS["blue"], COLORS["vermilion"], COLORS["sky"]
MINUS_INFINITY = "−∞"


@styled
def gate(x, dy, y, dx):
    """ReLU forward and back: what passes is blue, what is stopped is gray. All four arrays: (rows, columns)."""
    rows, columns = x.shape
    width, height = 4 * columns + 6.2, rows + 1.7
    figure = new_figure(9.6, 9.6 * height / width)
    ax, left = canvas(figure, width, height), 0.2
    passed, stopped = dict.fromkeys(_where(x > 0), GATE), _where(x <= 0)
    for name, values, after in (("x", x, "→"), ("y = max(x, 0)", y, ""), ("dy comes back", dy, "→"),
                                ("dx", dx, "")):
        matrix(ax, values, (left, 1.2), passed, name=name, size=12, faint=stopped)
        left += columns + 1.4
        if after:
            say(ax, (left - 0.7, 1.2 + rows / 2), after, 18)
        else:
            left += 0.8
    return figure


@styled
def lines_and_a_bend(x, lines):
    """Functions of one number. x: (M,); lines: {name: y (M,)}."""
    figure = new_figure(7.2, 3.2)
    ax = figure.subplots()
    for (name, y), color, style in zip(lines.items(), ("blue", "orange", "green"), ("--", "-", "-."), strict=False):
        ax.plot(x, y, style, color=COLORS[color], label=name, linewidth=2.5)
    ax.set_xlabel("what goes in")
    ax.set_ylabel("what comes out")
    ax.legend()
    return figure


@styled
def winners(x, kernel_size, stride, dy=None, wrong=None):
    """Every window of x (H, W) with its winner, and y; with dy (OH, OW) the blame as well.

    wrong: dx (H, W) as a mistake makes it, drawn beside the right one, bold where it differs
    """
    k, s = kernel_size, stride
    oh, ow = ((size - k) // s + 1 for size in x.shape)
    y, dx, won = np.zeros((oh, ow)), np.zeros(x.shape), {}
    for number, (i, j) in enumerate(np.ndindex(oh, ow)):
        window = x[i * s : i * s + k, j * s : j * s + k]
        row, column = (int(a) for a in np.unravel_index(window.argmax(), window.shape))
        y[i, j] = window[row, column]
        place = i * s + row, j * s + column
        won.setdefault(place, []).append(number)
        dx[place] += 0 if dy is None else dy[i, j]
    hues = {place: HUES[numbers[0] % len(HUES)] if len(numbers) == 1 else FAINT for place, numbers in won.items()}
    small = {(i, j): HUES[n % len(HUES)] for n, (i, j) in enumerate(np.ndindex(oh, ow))}
    parts = [("x and its winners", x, hues, set(won)), ("y", y, small, set())]
    if dy is not None:
        parts += [("dy", dy, small, set()), ("dx", dx, hues, set(won))]
    if wrong is not None:
        apart = set(_where(wrong != dx))
        parts.append(("dx with = for +=", wrong, dict.fromkeys(apart, BAD), apart))
    width = sum(values.shape[1] for _, values, _, _ in parts) + 1.5 * len(parts)
    across = 9.6 if dy is not None else 4.8
    figure = new_figure(across, across * (len(x) + 1.5) / width)
    ax, left, middle = canvas(figure, width, len(x) + 1.5), 0.7, 1.2 + len(x) / 2
    for index, (name, values, fills, bold) in enumerate(parts):
        top = middle - len(values) / 2
        matrix(ax, values, (left, top), fills, bold=bold, name=name, size=12)
        if index == 0:
            for n, (i, j) in enumerate(np.ndindex(oh, ow)):
                frame(ax, (left + j * s, top + i * s), (k, k), HUES[n % len(HUES)], linewidth=2.2,
                      shrink=0.05 + (0.05 * (n % 4) if s < k else 0))
        left += values.shape[1] + 1.5
        if index in (0, 2) and index + 1 < len(parts):
            say(ax, (left - 0.75, middle), "→", 18)
    return figure


@styled
def borders(x, kernel_size, padding):
    """One map x (H, W) with a border of zeros and one of -inf, and what max pooling makes of both."""
    rows, columns = (size + 2 * padding for size in x.shape)
    oh, ow = rows // kernel_size, columns // kernel_size
    width, height = 2 * (columns + ow + 3.4), max(rows, 2) + 2.2
    figure = new_figure(9.6, 9.6 * height / width)
    ax, left = canvas(figure, width, height), 0.6
    for name, fill in (("a border of 0", 0.0), ("a border of −∞", -np.inf)):
        padded = np.pad(x, padding, constant_values=fill)
        y = np.array([[padded[i * kernel_size : (i + 1) * kernel_size, j * kernel_size : (j + 1) * kernel_size].max()
                       for j in range(ow)] for i in range(oh)])
        top = 1.3
        for i, j in np.ndindex(rows, columns):
            border = not (padding <= i < rows - padding and padding <= j < columns - padding)
            cell(ax, (left + j, top + i), None if border else PICTURE)
            text = f"{padded[i, j]:g}".replace("-", "−") if np.isfinite(padded[i, j]) else MINUS_INFINITY
            say(ax, (left + j + 0.5, top + i + 0.5), text, 12, FAINT if border else INK)
        for i, j in np.ndindex(oh, ow):
            frame(ax, (left + j * kernel_size, top + i * kernel_size), (kernel_size,) * 2, INK, linewidth=1.8)
        say(ax, (left + columns / 2, top - 0.5), name, 13)
        say(ax, (left + columns + 0.8, top + rows / 2), "→", 18)
        lost = set(_where(~np.isin(y, x)))
        fills = {place: BAD if place in lost else PICTURE for place in np.ndindex(oh, ow)}
        matrix(ax, y, (left + columns + 1.6, top + (rows - oh) / 2), fills, bold=lost, name="y", size=13)
        if lost:
            say(ax, (left + columns + 1.6 + ow / 2, top + (rows + oh) / 2 + 0.5), "bold: no pixel has won", 11, BAD)
        left += columns + ow + 3.4
    return figure


@styled
def side_by_side(parts, wrong=None):
    """Small arrays in a row under their names. parts: {name: (rows, columns)}; wrong: name of one that is not so."""
    width = sum(max(values.shape[1], 0.21 * len(name)) + 1.2 for name, values in parts.items())
    tallest = max(len(values) for values in parts.values())
    height = tallest + 1.6
    figure = new_figure(9.6, min(9.6 * height / width, 3.6))
    ax, left = canvas(figure, width, height), 0.6
    for name, values in parts.items():
        room = max(values.shape[1], 0.21 * len(name))
        inside = left + (room - values.shape[1]) / 2
        fills = dict.fromkeys(np.ndindex(values.shape), BAD) if name == wrong else {}
        matrix(ax, values, (inside, 1.2 + (tallest - len(values)) / 2), fills, size=12)
        say(ax, (left + room / 2, 0.6 + (tallest - len(values)) / 2), name, 12, BAD if name == wrong else INK)
        left += room + 1.2
    return figure


@styled
def through_the_layers(picture, stages):
    """One picture, and one of its channels behind each layer. picture: (H, W, 3) uint8; stages: {name: (h, w)}."""
    figure = new_figure(9.6, 2.5)
    axes = figure.subplots(1, 1 + len(stages))
    axes[0].imshow(picture)
    axes[0].set_title(f"the picture\n{picture.shape[0]} x {picture.shape[1]}", fontsize=11)
    limit = max(abs(stage).max() for stage in stages.values())
    for ax, (name, stage) in zip(axes[1:], stages.items(), strict=True):
        shown = ax.imshow(stage, cmap="PuOr_r", vmin=-limit, vmax=limit, interpolation="nearest")
        ax.set_title(f"{name}\n{stage.shape[0]} x {stage.shape[1]}", fontsize=11)
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    figure.colorbar(shown, ax=axes[1:], fraction=0.02)
    return figure


@styled
def what_is_left(shifts, curves):
    """How much of a change is left behind pooling. shifts: (S,) in pixels; curves: {name: % (S, pictures)}.

    A point is the median over the pictures, its bar holds the middle half of them.
    """
    figure = new_figure(8.4, 4.2)
    ax = figure.subplots()
    looks = (("#888888", "s", "-"), (COLORS["orange"], "o", "-"), (COLORS["vermilion"], "D", "--"),
             (COLORS["sky"], "^", "-"), (COLORS["blue"], "v", "--"))
    for index, ((name, values), (color, marker, line)) in enumerate(zip(curves.items(), looks, strict=False)):
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], axis=1)
        at = np.asarray(shifts) + 0.09 * (index - (len(curves) - 1) / 2)
        ax.errorbar(at, middle, [middle - low, high - middle], color=color, marker=marker, linestyle=line,
                    markersize=7, linewidth=2, elinewidth=1.5, label=name)
    ax.axhline(100, color=INK, linewidth=1)
    ax.set_xticks(list(shifts))
    ax.set_ylim(0, None)
    ax.set_xlabel("the picture moves by so many pixels")
    ax.set_ylabel("% of the change without pooling")
    ax.legend(loc="lower right")
    return figure


@styled
def points_with_spread(rows, baseline, label):
    """A point for each seed, and their mean. rows: {name: numbers in %}; baseline: (name, %); label: of the axis."""
    figure = new_figure(7.6, 0.62 * len(rows) + 1.0)
    ax = figure.subplots()
    for place, values in enumerate(rows.values()):
        ax.plot(values, [place] * len(values), "o", color=COLORS["blue"], markersize=8, alpha=0.6,
                label="one seed" if place == 0 else None)
        ax.plot([np.mean(values)] * 2, [place - 0.28, place + 0.28], color=INK, linewidth=2.5,
                label="mean" if place == 0 else None)
    ax.axvline(baseline[1], color=FAINT, linestyle="--", label=baseline[0])
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(0, 100)
    ax.set_xlabel(label)
    ax.grid(axis="y", visible=False)
    figure.legend(loc="outside right upper")
    return figure


def _where(condition):
    return [(int(i), int(j)) for i, j in np.argwhere(condition)]
