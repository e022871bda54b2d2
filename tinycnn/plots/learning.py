"""Learning curves: what the two losses and the validation metrics did from epoch to epoch."""

from tinycnn.errors import DataError, require
from tinycnn.plots.given import History
from tinycnn.plots.look import COLORS, INK, Figure, new_figure, styled

# Accuracy is a little wider than the others, since joint accuracy may lie exactly on it.
METRICS = {"valid_accuracy": ("class accuracy", COLORS["sky"], "s", 3.2),
           "valid_mean_iou": ("mean IoU", COLORS["green"], "^", 2.0),
           "valid_joint": ("joint: class and IoU ≥ 0.5", COLORS["vermilion"], "o", 2.0),
           "valid_pcp": ("PCP: limbs in place", COLORS["green"], "^", 2.0),
           "valid_pck": ("PCK: joints in place", COLORS["vermilion"], "o", 2.0)}
HEADLINES = {"valid_joint": "joint", "valid_pck": "PCK"}
MOST_MARKERS = 30  # beyond so many epochs the points run into each other


@styled
def curves(history: History) -> Figure:
    """The terms of the loss on training and validation pictures, and the validation metrics, epoch by epoch.

    history: what `tinycnn.fit` returns. Without validation there is no panel of metrics and no best epoch.
    """
    if not len(history.rows):
        raise DataError("there is nothing to draw: the history has no epoch yet")
    validated = any(name in history.rows[0] for name in HEADLINES)
    terms = [name for name in history.rows[0] if name.endswith("_loss") and not name.startswith("valid_")] or ["loss"]
    panels = len(terms) + validated
    figure = new_figure(4.6 * panels, 4.4)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for ax, term in zip(axes, terms, strict=False):
        _losses(ax, history, term, term.replace("_", " ").capitalize(), "mean over the pictures")
    if validated:
        _metrics(axes[-1], history)
    first, last = history.column("epoch")[0], history.column("epoch")[-1]
    room = max(0.5, 0.03 * (last - first))
    ticker = require("matplotlib.ticker", extra="viz")
    for ax in axes:
        if validated:
            ax.axvline(history.best_epoch, color=INK, linewidth=1.2, linestyle=":", zorder=1, label="best epoch")
        ax.set_xlabel("epoch")
        ax.set_xlim(first - room, last + room)
        ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, columnspacing=1.2)
    return figure


def _losses(ax, history, column, title, unit):
    _line(ax, history, column, "training", COLORS["blue"], "o")
    highest = max(history.column(column))
    if f"valid_{column}" in history.rows[0]:
        _line(ax, history, f"valid_{column}", "validation", COLORS["orange"], "s", "--")
        highest = max(highest, *history.column(f"valid_{column}"))
    ax.set_title(title)
    ax.set_ylabel(unit)
    ax.set_ylim(0, 1.05 * highest or 1)


def _metrics(ax, history):
    for column, (name, color, marker, width) in METRICS.items():
        if column in history.rows[0]:
            _line(ax, history, column, name, color, marker, width=width)
    best = history.best_epoch
    column, words = next((column, words) for column, words in HEADLINES.items() if column in history.rows[0])
    value = history.column(column)[best - 1]
    ax.plot(best, value, "o", markersize=10, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=1.5,
            clip_on=False)  # at a share of exactly 0 it is seen whole
    ax.set_title(f"Validation: {words} {value:.3f} in epoch {best}")
    ax.set_ylabel("share of pictures, mean IoU" if column == "valid_joint" else "share of joints, of limbs")
    ax.set_ylim(0, 1.02)
    ax.tick_params(axis="x", pad=6)  # a ring at 0 covers no number


def _line(ax, history, column, name, color, marker, line="-", width=2.0):
    marker = marker if len(history.rows) <= MOST_MARKERS else None
    ax.plot(history.column("epoch"), history.column(column), line, color=color, marker=marker, linewidth=width,
            markersize=width + 2, label=name)
