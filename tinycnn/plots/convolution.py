"""Convolutions by the number: one output taken apart, and one weight's gradient traced back to the pictures."""

import textwrap

import numpy as np

from tinycnn.errors import require
from tinycnn.plots.labels import labels
from tinycnn.plots.look import COLORS, FAINT, INK, new_figure, styled
from tinycnn.text import figure_of, short

SIGNED = "PuOr"  # orange below 0, white at 0, purple above: apart for any color blindness
UP, DOWN = "#5e3c99", "#c05708"  # its two ends, for bars and letters
MOST_NUMBERS = 7 * 7  # cells of a patch into which numbers are written


@styled
def explain_figure(explanation):
    """patch x kernel = products of a ConvExplanation, for the three channels that matter most, and the sum."""
    sums = explanation.products.sum(axis=(0, 1), dtype=np.float64)  # (C,)
    chosen = np.sort(np.argsort(-np.abs(sums), kind="stable")[:3])
    kh, kw = explanation.kernel.shape[:2]
    figure = new_figure(12.5, 1.1 + 2.25 * len(chosen))
    grid = figure.add_gridspec(len(chosen), 7, width_ratios=[2.1, 1, 0.16, 1, 0.16, 1, 0.75])
    _input(figure.add_subplot(grid[:, 0]), explanation, chosen)
    limits = [_limit(part[..., chosen]) for part in (explanation.patch, explanation.kernel, explanation.products)]
    for row, k in enumerate(chosen):
        parts = (explanation.patch[..., k], explanation.kernel[..., k], explanation.products[..., k])
        for column, (name, part, limit) in enumerate(zip(("patch", "kernel", "products"), parts, limits, strict=True)):
            ax = figure.add_subplot(grid[row, 1 + 2 * column])
            _numbers(ax, part, limit, digits=kh * kw <= MOST_NUMBERS)
            if row == 0:
                ax.set_title(name)
            if column == 0:
                ax.set_ylabel(_channel(explanation, k), fontsize=10)
        for column, sign in ((2, "×"), (4, "=")):
            _write(figure.add_subplot(grid[row, column]), sign, 18)
        _write(figure.add_subplot(grid[row, 6]), _minus(f"sum\n{figure_of(float(sums[k]), 3)}"), 13,
               color=UP if sums[k] >= 0 else DOWN)
    figure.suptitle(_sentence(explanation, sums, chosen), fontsize=13)
    return figure


def _sentence(explanation, sums, chosen):
    row, column = explanation.position
    rest = np.delete(sums, chosen)
    terms = [figure_of(float(sums[k]), 3) for k in chosen]
    if len(rest):
        terms.append(f"{figure_of(float(rest.sum()), 3)} ({len(rest)} other channels)")
    terms.append(f"{figure_of(explanation.bias, 3)} (bias)")
    text = terms[0] + "".join(f" - {t[1:]}" if t.startswith("-") else f" + {t}" for t in terms[1:])
    return _minus(f"y[{row}, {column}, filter {explanation.filter}] = {text} = {figure_of(explanation.value, 3)}")


def _minus(text):
    """With the sign for minus in place of the hyphen."""
    return text.replace("-", "−")


def _channel(explanation, k):
    return ("red", "green", "blue")[k] if explanation.x.shape[2] == 3 else f"channel {explanation.channels[k]}"


def _input(ax, explanation, chosen):
    """The layer's input with the patch framed: in color where it is a picture, else its most important channel."""
    patches = require("matplotlib.patches", extra="viz")
    x, (height, width) = explanation.x, explanation.x.shape[:2]
    if x.shape[2] == 3:
        low, high = float(x.min()), float(x.max())
        ax.imshow((x - low) / max(high - low, 1e-12), extent=(0, width, height, 0), interpolation="nearest")
        ax.set_title("input")
    else:
        sums = np.abs(explanation.products.sum(axis=(0, 1)))
        k = explanation.channels[chosen[int(np.argmax(sums[chosen]))]]
        shown = x[..., k]
        ax.imshow(shown, extent=(0, width, height, 0), cmap="gray", interpolation="nearest")
        ax.set_title(f"input, channel {k}")
    xmin, ymin, xmax, ymax = explanation.window
    for line, color in ((4, "black"), (2, COLORS["yellow"])):
        ax.add_patch(patches.Rectangle((xmin, ymin), xmax - xmin, ymax - ymin, fill=False, edgecolor=color,
                                       linewidth=line, zorder=5, clip_on=False))
    ax.set_xlim(min(0, xmin), max(width, xmax))
    ax.set_ylim(max(height, ymax), min(0, ymin))
    ax.set_xlabel("column")
    ax.set_ylabel("row")
    ax.grid(False)


def _limit(array):
    return max(float(np.abs(array).max()), 1e-12)


def _numbers(ax, part, limit, digits):
    ax.imshow(part, cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
    if digits:
        size = {1: 14, 2: 12, 3: 11, 4: 9, 5: 7.5}.get(max(part.shape), 6)
        places = 3 if limit < 0.1 else 2 if limit < 10 else 1
        size *= 0.8 if places == 3 else 1
        for (i, j), value in np.ndenumerate(part):
            ax.text(j, i, _minus(f"{round(float(value), places) + 0.0:.{places}f}"), ha="center", va="center",
                    fontsize=size, color="white" if abs(value) > 0.6 * limit else INK)
    _bare(ax)


def _write(ax, text, size, color=INK):
    ax.text(0.5, 0.5, text, ha="center", va="center", fontsize=size, color=color, transform=ax.transAxes)
    ax.set_axis_off()


def _bare(ax):
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    for side in ax.spines.values():
        side.set(visible=True, color=FAINT, linewidth=0.5)


@styled
def provenance_figure(origin, most=6):
    """Of a Provenance: the weight in its kernel, what each image adds, and where in the pictures that add most."""
    per_image = origin.per_image
    best = np.argsort(-np.abs(per_image), kind="stable")[: min(most, len(per_image))]
    figure = new_figure(13, 5.9)
    left, right = figure.subfigures(1, 2, width_ratios=[1, 2])
    kernel, bars = left.subplots(2, 1, height_ratios=[1, 1.5])
    _weight(kernel, origin)
    _bars(bars, origin, per_image, best)
    rows = 2 if len(best) > 3 else 1
    axes = right.subplots(rows, -(-len(best) // rows), squeeze=False).ravel()
    limit = _limit(origin.contributions[best])
    for ax, n in zip(axes, best, strict=False):
        _picture(ax, origin, n, per_image[n], limit)
    for ax in axes[len(best) :]:
        ax.set_axis_off()
    right.supxlabel("color: what each position adds (purple +, orange −)    frames: its three strongest windows",
                    fontsize=10)
    figure.suptitle(_minus(textwrap.fill(origin.title.replace(" %", "\u00a0%"), 125)), fontsize=12)
    return figure


def _weight(ax, origin):
    patches = require("matplotlib.patches", extra="viz")
    row, column, channel, filter_ = origin.weight
    _numbers(ax, origin.kernel, _limit(origin.kernel), digits=origin.kernel.size <= 25)
    for line, color in ((5, "black"), (2.5, COLORS["yellow"])):
        ax.add_patch(patches.Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=color, linewidth=line,
                                       zorder=5, clip_on=False))
    ax.set_title(f"{short(origin.layer)}: filter {filter_}, channel {channel}")


def _bars(ax, origin, per_image, best):
    order = np.argsort(-per_image, kind="stable")
    values = per_image[order]
    ax.bar(range(len(values)), values, color=[UP if v >= 0 else DOWN for v in values], width=0.85)
    ax.axhline(0, color=INK, linewidth=0.8)
    if len(values) <= 24:
        ax.set_xticks(range(len(values)), order, fontsize=8)
        for place, n in enumerate(order):
            if n in best:
                ax.get_xticklabels()[place].set_fontweight("bold")
    else:
        ax.set_xticks([])
    ax.set_xlabel("image, from most positive to most negative")
    ax.set_ylabel("adds to the gradient")
    up, down = float(values[values > 0].sum()), float(-values[values < 0].sum())
    ax.set_title(_minus(f"{figure_of(up)} - {figure_of(down)} = {figure_of(float(values.sum()))}"))


def _picture(ax, origin, n, total, limit):
    """One image in gray under what each position adds, its strongest windows framed."""
    patches = require("matplotlib.patches", extra="viz")
    side = origin.shown.shape[1]
    ax.imshow(origin.shown[n].mean(axis=2), cmap="gray", vmin=-120, vmax=280, extent=(0, side, side, 0))
    terms = origin.contributions[n]
    (x0, y0), (down, right) = origin.field.center(0, 0), origin.field.jump
    oh, ow = terms.shape
    extent = (x0 - right / 2, x0 + (ow - 0.5) * right, y0 + (oh - 0.5) * down, y0 - down / 2)
    strength = np.sqrt(np.abs(terms) / limit)  # the root, so that weak terms are seen beside strong ones
    ax.imshow(np.sign(terms) * strength, cmap=SIGNED, vmin=-1, vmax=1, extent=extent, interpolation="nearest",
              alpha=np.clip(1.4 * strength, 0, 0.9))
    for c in origin.strongest(3, image=n):
        xmin, ymin, xmax, ymax = c.window
        ax.add_patch(patches.Rectangle((xmin, ymin), xmax - xmin, ymax - ymin, fill=False, linewidth=1.6,
                                       edgecolor=UP if c.value >= 0 else DOWN, zorder=5))
    ax.set_xlim(0, side)
    ax.set_ylim(side, 0)
    _bare(ax)
    sign = "+" if total >= 0 else "−"
    ax.set_title(f"{n}: {labels(origin.classes)[origin.labels[n]]}, {sign}{figure_of(abs(float(total)))}", fontsize=10,
                 color=UP if total >= 0 else DOWN)
