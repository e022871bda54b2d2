"""Drawings of lesson 11: AlexNet as blocks, where its parameters and its multiplications are, a normalized channel."""

import numpy as np

from tinycnn.course.drawings.numbers import canvas, frame, matrix, say
from tinycnn.errors import require
from tinycnn.plots.look import COLORS, new_figure, styled

CONVOLUTION, CONNECTED = COLORS["blue"], COLORS["orange"]
DEPTH = 0.45  # how far a block reaches to the back, per unit of its side


@styled
def blocks(shapes):
    """Every shape as a block: rows x columns x channels. shapes: {name: (H, W, C) or (F,)}, the picture first.

    Sides are drawn as the square root of their numbers: a picture of 227 pixels beside 6 pixels would hide the rest.
    """
    figure = new_figure(11.0, 3.6)
    ax = figure.subplots()
    ax.set_axis_off()
    left, tallest = 0.0, max(shape[0] for shape in shapes.values() if len(shape) == 3) ** 0.5
    for name, shape in shapes.items():
        if len(shape) == 3:
            side, thick, color = shape[0] ** 0.5, shape[2] ** 0.5 * 0.16, CONVOLUTION
            words = f"{shape[0]} × {shape[1]}\n× {shape[2]}"
        else:
            side, thick, color, words = shape[0] ** 0.5 * 0.17, 0.45, CONNECTED, f"{shape[0]}"
        back = side * DEPTH if len(shape) == 3 else 0.45
        room = max(thick + back, 6.4)
        middle, start = left + room / 2, left + (room - thick - back) / 2
        _block(ax, start, -side / 2 - back / 4, thick, side, back, color if name != "picture" else COLORS["green"])
        ax.text(middle, -tallest * 0.72, words, ha="center", va="top", fontsize=10)
        ax.text(middle, tallest * 0.78, name, ha="center", va="bottom", fontsize=11, fontweight="bold")
        left += room + 0.5
    ax.set(xlim=(-0.6, left - 0.4), ylim=(-tallest * 1.02, tallest * 0.95), aspect="equal")
    return figure


def _block(ax, x, y, thick, side, back, color):
    """A block seen from the front and the right; x, y: its lower left corner in front."""
    patches = require("matplotlib.patches", extra="viz")
    up = back / 2
    faces = ([(x, y), (x + thick, y), (x + thick, y + side), (x, y + side)],
             [(x, y + side), (x + thick, y + side), (x + thick + back, y + side + up), (x + back, y + side + up)],
             [(x + thick, y), (x + thick + back, y + up), (x + thick + back, y + side + up), (x + thick, y + side)])
    for corners, alpha in zip(faces, (0.55, 0.35, 0.2), strict=True):
        ax.add_patch(patches.Polygon(corners, facecolor=color, alpha=alpha, edgecolor="none"))
        ax.add_patch(patches.Polygon(corners, fill=False, edgecolor=color, linewidth=1.1, joinstyle="round"))


@styled
def where_it_is(names, parameters, multiplications):
    """Shares of two totals, layer by layer. names: those of the layers that learn; the others: their numbers."""
    figure = new_figure(9.6, 3.9)
    for ax, numbers, title in zip(figure.subplots(1, 2, sharey=True), (parameters, multiplications),
                                  ("parameters", "multiplications for one picture"), strict=True):
        share = 100 * np.array(numbers) / sum(numbers)
        colors = [CONVOLUTION if name.startswith("conv") else CONNECTED for name in names]
        ax.barh(range(len(names)), share, color=colors, height=0.7)
        for i, (part, number) in enumerate(zip(share, numbers, strict=True)):
            ax.text(part + 1.2, i, f"{number / 1e6:.1f} M" if number >= 1e5 else f"{number / 1e3:.0f} K", va="center",
                    fontsize=10)
        ax.set_yticks(range(len(names)), names)
        ax.set_xlim(0, 80)
        ax.set_xlabel("% of all")
        ax.set_title(f"{title}: {sum(numbers) / 1e6:.1f} M")
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
    figure.axes[0].invert_yaxis()
    patches = require("matplotlib.patches", extra="viz")
    figure.legend(handles=[patches.Patch(color=CONVOLUTION, label="convolution"),
                           patches.Patch(color=CONNECTED, label="fully connected")],
                  loc="outside lower center", ncols=2)
    return figure


@styled
def normalized(x, s, y, size, channel):
    """One pixel's channels, their squares, s and y; the window of one channel is framed. x, s, y: (C,)."""
    count, half = len(x), size // 2
    first, last = max(0, channel - half), min(count, channel + half + 1)
    width, left = count + 9.4, 3.2
    figure = new_figure(8.4, 8.4 * 6.6 / width)
    ax = canvas(figure, width, 6.6)
    rows = (("x", x, "{:g}"), ("x²", x * x, "{:g}"), ("s", s, "{:.2f}"), ("y", y, "{:.2f}"))
    for k, (name, values, form) in enumerate(rows):
        top = 0.8 + 1.5 * k
        fills = {(0, c): COLORS["sky"] for c in range(first, last)} if name == "x²" else {}
        fills |= {(0, channel): COLORS["orange"]} if name != "x²" else {}
        matrix(ax, values[None], (left, top), fills, bold={(0, channel)}, size=11, form=form)
        say(ax, (left - 0.5, top + 0.5), name, 13, ha="right")
    frame(ax, (left + first, 2.3), (last - first, 1), COLORS["blue"])
    frame(ax, (left + channel, 3.8), (1, 1), COLORS["orange"])
    for c in range(count):
        say(ax, (left + c + 0.5, 0.45), f"c = {c}", 10)
    right = left + count + 0.5
    say(ax, (right, 1.3), "one pixel, its channels", 11, ha="left")
    say(ax, (right, 2.8), f"window of {size}, cut at the ends", 11, ha="left")
    say(ax, (right, 4.3), "k + alpha · (sum in the frame)", 11, ha="left")
    say(ax, (right, 5.8), "x divided by s to the power of beta", 11, ha="left")
    return figure


@styled
def learning(curves):
    """Losses over steps of several runs each, and their range. curves: {name: (runs, steps)}, nan once a run broke."""
    figure = new_figure(8.2, 3.9)
    ax = figure.subplots()
    for (name, runs), (color, line) in zip(curves.items(), ((COLORS["blue"], "-"), (COLORS["orange"], "--"),
                                                            (COLORS["green"], "-."), (COLORS["purple"], ":")),
                                           strict=False):
        runs = np.ma.masked_invalid(runs)
        steps = range(1, runs.shape[1] + 1)
        ax.fill_between(steps, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.18, linewidth=0)
        ax.plot(steps, runs.mean(axis=0), line, color=color, label=name)
    ax.set_ylabel("loss")
    ax.set_xlabel("training step")
    highest = max(max(losses[0] for losses in runs) for runs in curves.values())
    ax.set_ylim(0, 2 * highest)  # a run that breaks leaves the picture
    ax.legend()
    return figure
