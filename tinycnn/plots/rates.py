"""The learning-rate range test as a figure: the loss against the rate."""

import numpy as np

from tinycnn.plots.heads import plain_log
from tinycnn.plots.look import COLORS, FAINT, Figure, new_figure, styled
from tinycnn.text import figure_of

TALL = 50  # times the smallest loss: beyond that it is shown on a log scale


@styled
def range_figure(rates: np.ndarray, losses: np.ndarray, smoothed: np.ndarray, suggestion: float | None) -> Figure:
    """Losses (n,) at rates (n,), one by one and smoothed, with the suggested rate where there is one."""
    figure = new_figure(7.5, 4.6)
    ax = figure.subplots()
    ax.plot(rates, losses, ".", color=FAINT, markersize=5, label="one batch")
    ax.plot(rates, smoothed, color=COLORS["blue"], label="smoothed")
    title = "Learning-rate range test: no rate to suggest"
    if suggestion is not None:
        at = int(np.abs(np.log(rates / suggestion)).argmin())
        ax.axvline(suggestion, color=COLORS["vermilion"], linestyle="--", linewidth=1.5)
        ax.plot(suggestion, smoothed[at], "o", color=COLORS["vermilion"], markersize=9,
                label=f"suggested: {figure_of(suggestion)}")
        title = f"Learning-rate range test: {figure_of(suggestion)} is suggested, before the loss turns"
    ax.set_title(title)
    ax.set_xlabel("learning rate (log scale), growing from step to step")
    ax.set_ylabel("loss of the batch")
    low, begun = float(smoothed.min()), float(smoothed[0])
    room = max(begun - low, 0.05 * abs(begun), 1e-12)
    if suggestion is None and losses.min() > 0 and losses.max() > TALL * losses.min():  # it blew up, and that is it
        ax.set_yscale("log")
    else:
        ax.set_ylim(low - 0.25 * room, begun + 0.6 * room)  # the jump at the end would press all else flat
    plain_log(ax, "x")
    ax.legend(loc="lower left")
    return figure
