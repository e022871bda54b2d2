"""The learning curves of several runs in one figure."""

from collections.abc import Mapping

from tinycnn.errors import DataError, require
from tinycnn.plots.given import History
from tinycnn.plots.labels import labels
from tinycnn.plots.learning import HEADLINES
from tinycnn.plots.look import COLORS, FAINT, Figure, new_figure, styled

LOOKS = [(COLORS[color], line) for line in ("-", "--") for color in ("blue", "orange", "green", "vermilion", "purple",
                                                                     "sky")]  # told apart without color, too
MARKERS = "os^Dvp"
MOST_MARKERS = 30  # epochs


@styled
def compare_curves(histories: Mapping[str, History], losses: bool = True) -> Figure:
    """Loss and headline metric of several runs, epoch by epoch. histories: {name of a run: its History}

    losses: False where the losses were computed in different ways; then accuracy and mean IoU are drawn in their place

    Of more than 12 runs the 12 that validate best have a color, and the others are gray. A ring is the best epoch.
    DataError where the histories have no column in common, or one has no epoch.
    """
    if not histories or not all(len(history.rows) for history in histories.values()):
        raise DataError("there is nothing to draw: a history has no epoch yet")
    panels = panels_of(histories, losses)
    headline = next((column for column, _ in panels if column in HEADLINES), None)
    if not panels:
        raise DataError("there is nothing to draw: the histories have no column in common that could be compared")
    order = sorted(histories, key=lambda name: -_best(histories[name], headline))
    colored = dict(zip(order, LOOKS, strict=False))
    called = dict(zip(histories, labels(list(histories), most=42), strict=True))
    lines = -(-min(len(order), len(LOOKS) + 1) // 3)
    figure = new_figure(4.8 * len(panels), 4.2 + 0.24 * lines)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, (column, words) in zip(axes, panels, strict=True):
        for name in reversed(order):  # the best ones on top
            color, line = colored.get(name, (FAINT, "-"))
            _line(ax, histories[name], column, color, line, name in colored, order.index(name), column == headline)
        ax.set_title(words)
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(require("matplotlib.ticker", extra="viz").MaxNLocator(integer=True, min_n_ticks=1))
        if column.endswith("loss"):
            ax.set_ylim(0, 1.05 * max(max(history.column(column)) for history in histories.values()) or 1)
        else:
            ax.set_ylim(0, 1.02)
            ax.tick_params(axis="x", pad=6)  # a ring at 0 covers no number
    line = require("matplotlib.lines", extra="viz").Line2D
    handles = [line([], [], color=color, linestyle=style, marker=MARKERS[k % len(MARKERS)], label=called[name])
               for k, (name, (color, style)) in enumerate(colored.items())]
    if len(order) > len(colored):
        handles.append(line([], [], color=FAINT, linewidth=1, label=f"{len(order) - len(colored)} that validate worse"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(3, len(panels) + 1, len(handles)),
                  handlelength=3)
    return figure


def panels_of(histories: Mapping[str, History], losses: bool = True) -> list[tuple[str, str]]:
    """[(column, title)] of what can be drawn of these histories together, as `compare_curves` draws it; [] for nothing.

    histories, losses: as in compare_curves; every history has an epoch
    """
    panels = [("loss", "Training loss"), ("valid_loss", "Validation loss")] if losses else \
        [("valid_accuracy", "Validation: class accuracy"), ("valid_mean_iou", "Validation: mean IoU")]
    panels += [(column, f"Validation: {words}") for column, words in HEADLINES.items()]
    return [panel for panel in panels if all(panel[0] in history.rows[0] for history in histories.values())]


def _best(history, headline):
    return max(history.column(headline)) if headline else -min(history.column("loss"))


def _line(ax, history, column, color, line, colored, place, ringed):
    epochs, values = history.column("epoch"), history.column(column)
    marker = MARKERS[place % len(MARKERS)] if colored and len(epochs) <= MOST_MARKERS else None
    ax.plot(epochs, values, line, color=color, marker=marker, linewidth=2 if colored else 0.9,
            zorder=3 if colored else 1, clip_on=column.endswith("loss"))  # a share of exactly 0 is seen whole
    if ringed and colored:
        best = history.best_epoch - 1  # among equals not always the first: see History.best_epoch
        ax.plot(epochs[best], values[best], "o", markersize=11, markerfacecolor="none", markeredgecolor=color,
                markeredgewidth=1.5, zorder=4, clip_on=False)
