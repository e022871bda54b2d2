"""The tug of war of the two heads: over the layers, over the loss weight, over the epochs."""

import textwrap

import numpy as np

from tinycnn.errors import DataError, require
from tinycnn.plots.look import COLORS, FAINT, INK, new_figure, styled
from tinycnn.text import figure_of, percent, short

CLASS, BOX = COLORS["blue"], COLORS["orange"]
ROW = 0.27  # inches


@styled
def heads_figure(gradients):
    """Norms and cosines of HeadGradients over the layers, and the trunk's direction against the loss weight."""
    rows = len(gradients.outputs)
    figure = new_figure(13, max(4.6, rows * ROW + 1.9))
    norms, cosines, weights = figure.subplots(1, 3, width_ratios=[1.15, 1, 1.3])
    _norms(norms, gradients)
    _cosines(cosines, gradients)
    _weights(weights, gradients)
    cosines.sharey(norms)
    cosines.tick_params(axis="y", labelleft=False)
    for ax in (norms, cosines):
        ax.set_ylim(rows - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
    for ax in (norms, cosines, weights):
        if ax.get_legend_handles_labels()[0]:
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.6 / figure.get_figheight() - 0.04), ncols=2)
    figure.suptitle(textwrap.fill(gradients.verdict(), 120), fontsize=12)
    return figure


def _norms(ax, gradients):
    for row, pull in enumerate(gradients.outputs):
        if pull.class_norm and pull.box_norm:
            ax.plot([pull.class_norm, pull.box_norm], [row, row], color=FAINT, linewidth=1.2, zorder=1)
    for norm, color, marker, name in (("class_norm", CLASS, "s", "class head"), ("box_norm", BOX, "o", "box head")):
        found = [(getattr(pull, norm), row) for row, pull in enumerate(gradients.outputs) if getattr(pull, norm)]
        if found:
            ax.plot(*zip(*found, strict=True), marker, color=color, markersize=7, label=name)
    plain_log(ax, "x")
    ax.set_yticks(range(len(gradients.outputs)), [short(pull.name) for pull in gradients.outputs])
    ax.set_title("How hard each head pulls")
    ax.set_xlabel("norm of its gradient at the layer's output")


def _cosines(ax, gradients):
    row_of = {pull.name: row for row, pull in enumerate(gradients.outputs)}
    ax.axvline(0, color=INK, linewidth=1)
    outputs = [(pull.cosine, row_of[pull.name]) for pull in gradients.outputs if pull.cosine is not None]
    weights = [(pull.cosine, row_of[layer]) for pull in gradients.parameters
               for layer in [pull.name.rpartition(".")[0]]
               if pull.name.endswith(".w") and pull.cosine is not None and layer in row_of]
    for found, marker, filled, name in ((outputs, "o", True, "at outputs"), (weights, "D", False, "at weights")):
        if found:
            ax.plot(*zip(*found, strict=True), marker, color=COLORS["green"], markersize=7, label=name,
                    markerfacecolor=COLORS["green"] if filled else "white", markeredgewidth=1.5)
    ax.set_xlim(-1.05, 1.05)
    ax.set_xticks([-1, -0.5, 0, 0.5, 1], ["−1", "−½", "0", "½", "1"])
    ax.set_title("Do they pull the same way?")
    ax.set_xlabel("cosine: against each other ← → together")


def _weights(ax, gradients):
    """How far the joint gradient at the features points where each head wants, as box_weight varies. Exact."""
    pull, now = gradients.features, gradients.weights.get("box_weight", 1.0)
    ax.set_title("What the loss weight does")
    ax.set_xlabel("box_weight (log scale)")
    ax.set_ylabel("cosine of the joint gradient")
    balance = gradients.balanced_box_weight
    if balance is None or not now > 0:
        ax.text(0.5, 0.5, "one head sends nothing", transform=ax.transAxes, ha="center", color=FAINT)
        return
    exponents = np.log10([balance, now])
    box_weight = np.logspace(min(exponents) - 1.5, max(exponents) + 1.5, 200)
    a, b = pull.class_norm, pull.box_norm * box_weight / now
    joint = np.sqrt(np.maximum(a * a + b * b + 2 * a * b * pull.cosine, 1e-30))
    ax.plot(box_weight, (a + b * pull.cosine) / joint, color=CLASS, label="with the class head's")
    ax.plot(box_weight, (b + a * pull.cosine) / joint, color=BOX, linestyle=(0, (6, 2)),
            label="with the box head's")
    ax.axvline(now, color=INK, linewidth=1.2, linestyle=":", label=f"now: {figure_of(now)}")
    ax.axvline(balance, color=COLORS["green"], linewidth=1.2, label=f"balance: {figure_of(balance)}")
    plain_log(ax, "x")
    ax.set_ylim(min(-0.05, pull.cosine - 0.05), 1.05)


@styled
def epochs_figure(war):
    """What a TugOfWar has recorded: norms at the features over epochs; strength and cosine over layers and epochs."""
    if not war.epochs:
        raise DataError("there is nothing to draw: no epoch was recorded. Pass the recorder to fit as on_epoch")
    layers = [pull.name for pull in war.gradients[0].outputs]
    cosine = np.array([[_or_nan(pull.cosine) for pull in g.outputs] for g in war.gradients]).T  # (layers, epochs)
    with np.errstate(divide="ignore", invalid="ignore"):
        balance = np.log2([[pull.box_norm / pull.class_norm if pull.class_norm else np.nan for pull in g.outputs]
                           for g in war.gradients]).T
    figure = new_figure(13, max(5.0, len(layers) * ROW + 2.5))
    lines, strength, direction = figure.subplots(1, 3, width_ratios=[1.1, 1.2, 1])
    for norm, color, marker, name in (("class_norm", CLASS, "s", "class head"), ("box_norm", BOX, "o", "box head")):
        norms = [getattr(g.features, norm) for g in war.gradients]
        lines.plot(war.epochs, norms, color=color, marker=marker, label=name)
    plain_log(lines, "y")
    lines.set_title("At the features")
    lines.set_ylabel("norm of the gradient (log scale)")
    lines.legend(loc="best")
    # Purple to brown and brown to green: both stay apart for any color blindness, and are light in the middle.
    marks = _map(strength, war.epochs, balance, "PuOr_r", 0.5, "norm of the box head's / norm of the class head's")
    marks.set_ticks(marks.get_ticks(), labels=[_power_of_two(round(exponent)) for exponent in marks.get_ticks()])
    _map(direction, war.epochs, cosine, "BrBG", 0.1, "cosine: against each other ← → together")
    strength.set_title("Who pulls harder?")
    direction.set_title("Do they pull the same way?")
    strength.set_yticks(range(len(layers)), [short(name) for name in layers])
    direction.set_yticks([])
    ticker = require("matplotlib.ticker", extra="viz")
    for ax in (lines, strength, direction):
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
    return figure


@styled
def boxes_figure(predictions):
    """Predicted against true center, height and width. predictions: of a Diagnosis"""
    if not predictions:
        raise DataError("there are no predictions to draw: the checks ended before the network was run")
    figure = new_figure(13, 4.6)
    axes = figure.subplots(1, 4)
    for k, (ax, name) in enumerate(zip(axes, ("center x", "center y", "height", "width"), strict=True)):
        true, predicted, mean = (np.asarray(predictions[part])[..., k] for part in ("true", "predicted", "mean"))
        low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
        room = 0.05 * (high - low) + 0.01
        ax.plot([low, high], [low, high], color=INK, linewidth=1.2, label="as it should be")
        ax.axhline(mean, color=BOX, linewidth=1.5, linestyle="--", label="the mean box")
        ax.plot(true, predicted, "o", color=CLASS, markersize=4, alpha=0.5, markeredgewidth=0, label="a picture")
        ax.set_xlim(low - room, high + room)
        ax.set_ylim(low - room, high + room)
        ax.set_box_aspect(1)
        share = float(predicted.var() / max(true.var(), 1e-12))
        ax.set_title(f"{name}: variance {percent(share)}")
        ax.set_xlabel("true, share of the picture")
    axes[0].set_ylabel("predicted")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    figure.suptitle(f"Boxes of {len(predictions['true'])} {predictions['part']} pictures; variance is that of the "
                    "predicted numbers over that of the true ones", fontsize=12)
    return figure


def _map(ax, epochs, values, colors, step, name):
    """Values over layers and epochs in colors, one color for each `step`; returns the bar of colors below it."""
    first, last = epochs[0], epochs[-1]
    half = (last - first) / max(1, len(epochs) - 1) / 2 or 0.5
    # A whole number of marks on both sides of 0, two steps between marks.
    count = max(2, int(np.ceil(np.abs(values[np.isfinite(values)]).max(initial=0) / (2 * step) - 1e-9)))
    limit = 2 * step * count
    shown = ax.imshow(values, cmap=require("matplotlib", extra="viz").colormaps[colors].resampled(4 * count),
                      vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest",
                      extent=(first - half, last + half, len(values) - 0.5, -0.5))
    ax.grid(False)
    marks = np.arange(-count, count + 1)[count % -(-count // 4) :: -(-count // 4)]  # at most four on a side, and 0
    return ax.figure.colorbar(shown, ax=ax, label=name, location="bottom", ticks=2 * step * marks)


def _power_of_two(exponent):
    return f"1/{2**-exponent}" if exponent < 0 else str(2**exponent)


def plain_log(ax, axis):
    """A log scale whose marks are 1, 2, 5, 10 ... in plain numbers, as many as there is room for; call it last."""
    ticker = require("matplotlib.ticker", extra="viz")
    getattr(ax, f"set_{axis}scale")("log")
    part = getattr(ax, f"{axis}axis")
    low, high = getattr(ax, f"get_{axis}lim")()
    decades = np.log10(high / low)
    subs = (1, 2, 5) if decades < 1.5 else (1, 3) if decades < 3 else (1,)
    part.set_major_locator(ticker.LogLocator(subs=subs, numticks=12))
    part.set_major_formatter(lambda value, _: f"{value:.3g}")
    part.set_minor_formatter(ticker.NullFormatter())


def _or_nan(value):
    return np.nan if value is None else value
