"""Arrays drawn as what they are: cells with their numbers, side by side like a formula."""

from tinycnn.errors import require
from tinycnn.plots.look import COLORS, INK

PAPER, LINE = "#f7f7f7", "#c8c8c8"
HUES = tuple(COLORS[name] for name in ("blue", "orange", "green", "purple", "sky", "vermilion", "yellow"))


def canvas(figure, width, height):
    """An empty axes of `width` x `height` cells, rows counted from the top, that fills the figure."""
    ax = figure.subplots()
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    ax.set_axis_off()
    return ax


def matrix(ax, values, corner, fills=None, bold=(), name=None, size=12, faint=(), form="{:g}"):
    """Draw values (rows, columns), a number a cell, with the upper left corner at (x, y).

    fills: {(row, column): color}, pale behind the number    bold, faint: cells to stress, cells to pass over
    name: written above    Returns (width, height) in cells.
    """
    (left, top), (rows, columns), fills = corner, values.shape, fills or {}
    for i in range(rows):
        for j in range(columns):
            cell(ax, (left + j, top + i), fills.get((i, j)))
            text = form.format(values[i, j] + 0.0).replace("-", "−") if values[i, j] == values[i, j] else ""
            ax.text(left + j + 0.5, top + i + 0.5, text, ha="center", va="center", fontsize=size,
                    color="#9a9a9a" if (i, j) in faint else INK, fontweight="bold" if (i, j) in bold else "normal")
    if name:
        ax.text(left + columns / 2, top - 0.2, name, ha="center", va="bottom", fontsize=size)
    return columns, rows


def cell(ax, corner, fill=None, alpha=0.38, edge=LINE, linewidth=0.8):
    """One cell of paper; `fill` lies pale on top."""
    patches = require("matplotlib.patches", extra="viz")
    ax.add_patch(patches.Rectangle(corner, 1, 1, facecolor=PAPER, edgecolor=edge, linewidth=linewidth))
    if fill is not None:
        ax.add_patch(patches.Rectangle(corner, 1, 1, facecolor=fill, alpha=alpha, edgecolor="none"))


def frame(ax, corner, size, color, linewidth=2.5, linestyle="-", shrink=0.0):
    """A colored frame of size = (width, height) cells; shrink: drawn so much further inside."""
    patches = require("matplotlib.patches", extra="viz")
    (x, y), (width, height) = corner, size
    ax.add_patch(patches.Rectangle((x + shrink, y + shrink), width - 2 * shrink, height - 2 * shrink, fill=False,
                                   edgecolor=color, linewidth=linewidth, linestyle=linestyle, zorder=4,
                                   joinstyle="miter"))


def say(ax, at, text, size=12, color=INK, **more):
    """A word or a sign between matrices."""
    ax.text(*at, text, ha=more.pop("ha", "center"), va=more.pop("va", "center"), fontsize=size, color=color, **more)
