"""Drawings of lesson 05: slopes measured with a step h, errors over h, kinks, and which dy catches which mistake."""

import numpy as np

from tinycnn.errors import require
from tinycnn.plots.look import COLORS, INK, new_figure, styled

ONE, BOTH, TRUE = COLORS["orange"], COLORS["blue"], COLORS["green"]
LOOKS = ((COLORS["blue"], "o", "-"), (COLORS["orange"], "s", "--"), (COLORS["green"], "^", "-."),
         (COLORS["purple"], "D", ":"))


@styled
def two_ways_to_measure(f, slope, x, h):
    """A curve, its tangent at x, and the lines through points h to the right, and h to both sides."""
    figure = new_figure(9.6, 4.0)
    left, right = figure.subplots(1, 2, sharey=True)
    at = np.linspace(x - 1.6 * h, x + 1.6 * h, 200)
    for ax, (a, b), color, name in ((left, (x, x + h), ONE, "one side"), (right, (x - h, x + h), BOTH, "both sides")):
        measured = (f(b) - f(a)) / (b - a)
        ax.plot(at, f(at), color=INK, linewidth=2.5, label="the function")
        ax.plot(at, f(x) + slope * (at - x), color=TRUE, linestyle="--", label=f"its tangent: slope {slope:g}")
        ax.plot(at, f(a) + measured * (at - a), color=color, label=f"measured: slope {measured:g}")
        ax.plot([a, b], [f(a), f(b)], "o", color=color, markersize=8)
        ax.plot(x, f(x), "o", color=INK, markersize=6)
        ax.set_xticks([x - h, x, x + h], ["x − h", "x", "x + h"])
        ax.set_title(name)
        ax.legend(loc="upper left")
        ax.set_xlabel("input")
    left.set_ylabel("output f(x)")
    return figure


@styled
def errors_over_h(steps, curves, title=None, width=7.8):
    """Relative errors of slopes against the step. steps: (M,); curves: {name: errors (M,)}; zeros are left out."""
    figure = new_figure(width, 4.3)
    ax = figure.subplots()
    _errors(ax, steps, curves)
    if title:
        ax.set_title(title)
    ax.legend(loc="best")
    return figure


@styled
def signatures(steps, panels):
    """The error over h as a signature, one panel for each state of affairs. panels: {title: errors (M,)}."""
    figure = new_figure(9.6, 3.6)
    axes = figure.subplots(1, len(panels), sharey=True)
    for ax, (title, errors), look in zip(axes, panels.items(), LOOKS, strict=False):
        _errors(ax, steps, {title: errors}, [look])
        ax.set_title(title)
    for ax in axes[1:]:
        ax.set_ylabel("")
    return figure


def _errors(ax, steps, curves, looks=LOOKS):
    for (name, errors), (color, marker, line) in zip(curves.items(), looks, strict=False):
        shown = np.where(np.asarray(errors) > 0, errors, np.nan)
        ax.loglog(steps, shown, color=color, marker=marker, linestyle=line, markersize=5, label=name)
    ax.invert_xaxis()  # smaller steps to the right, as one takes them
    ax.set_xlabel("step h, smaller to the right")
    ax.set_ylabel("relative error")
    ticker = require("matplotlib.ticker", extra="viz")
    ax.xaxis.set_major_locator(ticker.LogLocator(numticks=8))
    ax.yaxis.set_major_locator(ticker.LogLocator(numticks=9))


@styled
def at_a_kink(xs, h):
    """ReLU, and the slopes measured at some points with one and the same h: right, except across the kink."""
    figure = new_figure(8.2, 3.8)
    ax, relu = figure.subplots(), lambda x: np.maximum(x, 0)
    at = np.linspace(-1.5, 1.5, 300)
    ax.plot(at, relu(at), color=INK, linewidth=2.5, label="max(x, 0)")
    for x in xs:
        measured = (relu(x + h) - relu(x - h)) / (2 * h)
        true = float(x > 0)
        color = TRUE if abs(measured - true) < 1e-9 else COLORS["vermilion"]
        ax.plot([x - h, x + h], [relu(x - h), relu(x + h)], color=color, marker="o", markersize=6, linewidth=3)
        ax.annotate(f"measured {measured:.2g}\ntrue {true:g}", (x, relu(x)), (0, 24), textcoords="offset points",
                    ha="center", color=color, fontsize=10)
    ax.set_xlabel("x")
    ax.set_ylabel("y")
    ax.set_ylim(-0.15, 2.2)
    ax.set_title(f"Slopes measured with h = {h:g}")
    return figure


@styled
def who_is_caught(errors, threshold=1e-5):
    """Errors that a check finds, backwards in rows, kinds of dy in columns. errors: {backward: {kind of dy: error}}.

    The backward called "right" should pass and all others should be caught; green is as it should be.
    """
    kinds = list(next(iter(errors.values())))
    figure = new_figure(8.6, 0.56 * len(errors) + 1.0)
    ax, patches = figure.subplots(), require("matplotlib.patches", extra="viz")
    for row, (name, found) in enumerate(errors.items()):
        ax.text(-0.08, row + 0.5, name, ha="right", va="center")
        for column, kind in enumerate(kinds):
            caught = found[kind] > threshold
            color = COLORS["green"] if caught != (name == "right") else COLORS["vermilion"]
            ax.add_patch(patches.Rectangle((column + 0.03, row + 0.06), 0.94, 0.88, facecolor=color, alpha=0.25))
            ax.text(column + 0.5, row + 0.5, f"{'caught' if caught else 'passes'}   {found[kind]:.0e}", ha="center",
                    va="center", fontweight="bold" if caught else "normal")
    for column, kind in enumerate(kinds):
        ax.text(column + 0.5, -0.12, kind, ha="center", va="bottom", fontsize=12)
    ax.set(xlim=(-1.5, len(kinds)), ylim=(len(errors), -0.5))
    ax.set_axis_off()
    return figure
