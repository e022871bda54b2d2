"""Drawings of lesson 15: where boxes lie, near twins, splits and settings with their spread, how sure a test is."""

import numpy as np

from tinycnn.errors import require
from tinycnn.plots.grids import DASHES, draw_box
from tinycnn.plots.look import COLORS, FAINT, INK, PREDICTION, TRUTH, new_figure, styled

HUES = tuple(COLORS[name] for name in ("vermilion", "blue", "green", "purple", "orange"))
MARKS = "osD^v"


@styled
def boxes_at_a_glance(samples, names_shown=8):
    """How often each place is inside a box, how wide and high boxes are, and how many pictures each class has."""
    figure = new_figure(9.6, 3.1)
    places, shapes, bars = figure.subplots(1, 3, width_ratios=[1.15, 1, 1.1])
    height, width = samples.sizes.T
    shares = samples.boxes / np.stack([width, height, width, height], axis=1)
    grid, matplotlib = (np.arange(40) + 0.5) / 40, require("matplotlib", extra="viz")
    inside = np.mean([((grid >= y0) & (grid < y1))[:, None] & ((grid >= x0) & (grid < x1))
                      for x0, y0, x1, y1 in shares], axis=0)
    drawn = places.imshow(inside, extent=(0, 1, 1, 0), cmap=matplotlib.colormaps["cividis"].resampled(10), vmin=0,
                          vmax=1, aspect=height[0] / width[0])
    figure.colorbar(drawn, ax=places, ticks=[0, 0.5, 1], shrink=0.8)
    places.set(title="share of boxes that cover it", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    places.grid(False)
    shapes.plot(shares[:, 2] - shares[:, 0], shares[:, 3] - shares[:, 1], "o", color=COLORS["blue"], markersize=3,
                alpha=0.35, markeredgewidth=0)
    shapes.set(title="width and height of boxes", xlim=(0, 1), ylim=(0, 1), xlabel="of the picture's width",
               ylabel="of its height")
    counts = np.bincount(samples.labels, minlength=len(samples.classes))
    order = np.argsort(-counts)[:names_shown]
    bars.barh(range(len(order)), counts[order], color=COLORS["sky"], height=0.6)
    for row, k in enumerate(order):
        bars.text(counts[k] + 0.02 * counts.max(), row, f"{counts[k]}", va="center")
    bars.set(title="pictures of each class", yticks=range(len(order)), xlim=(0, 1.18 * counts.max()), xticks=[],
             yticklabels=[samples.classes[k] for k in order])
    bars.invert_yaxis()
    bars.grid(False)
    return figure


@styled
def nearest_pairs(panels, columns=3):
    """Test pictures above the training pictures that are nearest to them.

    panels: {title: (test Samples, train Samples, numbers of the nearest (n,), bits between them (n,))}
    """
    figure = new_figure(3.6 * len(panels), 2.5)
    for part, (title, (test, train, nearest, bits)) in zip(
            np.atleast_1d(figure.subfigures(1, len(panels))), panels.items(), strict=True):
        chosen = np.linspace(0, len(test) - 1, columns).astype(int)
        axes = part.subplots(2, len(chosen), squeeze=False)
        for column, i in enumerate(chosen):
            for row, (samples, number) in enumerate(((test, int(i)), (train, int(nearest[i])))):
                ax, image = axes[row, column], samples.images[number]
                ax.imshow(image, extent=(0, image.shape[1], image.shape[0], 0))
                draw_box(ax, samples.boxes[number], TRUTH)
                ax.set(xticks=[], yticks=[])
                ax.grid(False)
            axes[1, column].set_xlabel(f"{bits[i]} bits differ", fontsize=9)
        axes[0, 0].set_ylabel("test", fontsize=10)
        axes[1, 0].set_ylabel("nearest\nin training", fontsize=10)
        part.suptitle(title, fontsize=12)
    return figure


@styled
def dots(results, ylabel, lines=None, height=3.4):
    """One column of dots for each thing that was tried, a dot for each repetition, and a bar at their mean.

    results: {name: values}    lines: {name of a baseline: its value}
    """
    figure = new_figure(7.6, height)
    ax = figure.subplots()
    for k, (values, color, mark) in enumerate(zip(results.values(), HUES, MARKS, strict=False)):
        ax.plot([k - 0.22, k + 0.22], [np.mean(values)] * 2, color=INK, linewidth=2)
        ax.plot(k + np.linspace(-0.12, 0.12, len(values)), values, mark, color=color, markersize=9, alpha=0.85)
        ax.annotate(f"{np.mean(values):.2f}", (k + 0.22, np.mean(values)), (8, 0), textcoords="offset points",
                    va="center")
    for name, value in (lines or {}).items():
        ax.axhline(value, color=FAINT, linestyle="--", linewidth=1.4, zorder=1)
        ax.annotate(f"{name} {value:.2f}", (len(results) - 0.42, value), (0, 3), textcoords="offset points",
                    va="bottom", ha="right", fontsize=10)
    top = max([0.1, *(max(values) for values in results.values()), *(lines or {}).values()])
    ax.set(xticks=range(len(results)), xticklabels=list(results), xlim=(-0.5, len(results) - 0.4),
           ylim=(0, min(1.04, 1.2 * top)), ylabel=ylabel)
    ax.grid(False, axis="x")
    return figure


@styled
def best_of(single, best, truth, n):
    """Histograms of test scores: of one run, and of the best of five, all equally good. single, best: (M,)"""
    figure = new_figure(7.6, 3.4)
    ax = figure.subplots()
    edges = (np.arange(n + 2) - 0.5) / n
    for values, name, color, hatch in ((single, "one run", COLORS["blue"], None),
                                       (best, "the best of five by its test score", COLORS["orange"], "//")):
        ax.hist(values, edges, color=color, alpha=0.6, label=f"{name}: {np.mean(values):.3f} on average", hatch=hatch,
                edgecolor="white", linewidth=0.3)
    top = ax.get_ylim()[1]
    ax.plot([truth, truth], [0, 1.03 * top], color=INK, linewidth=2, label=f"how good each of them is: {truth:g}")
    ax.set(xlabel=f"score on {n} test pictures", yticks=[], xlim=(truth - 0.27, truth + 0.32))
    ax.set_ylim(0, 1.5 * top)
    ax.legend(loc="upper right")
    ax.grid(False)
    return figure


@styled
def how_sure(share, sizes, low, high):
    """The interval around one share for tests of several sizes. sizes, low, high: (M,)"""
    figure = new_figure(7.6, 3.4)
    ax = figure.subplots()
    for row, (a, b) in enumerate(zip(low, high, strict=True)):
        ax.plot([a, b], [row, row], color=COLORS["blue"], linewidth=5, solid_capstyle="butt")
        ax.annotate(f"± {100 * (b - a) / 2:.0f} points", (b, row), (12, 0), textcoords="offset points", va="center")
    ax.axvline(share, color=INK, linewidth=1.5, linestyle=":")
    ax.set(yticks=range(len(sizes)), yticklabels=[f"{n:,} pictures" for n in sizes], xlabel="share that is right",
           xlim=(min(0.3, share - 0.4), max(1.0, share + 0.3)), ylim=(len(sizes) - 0.4, -0.6))
    ax.grid(False, axis="y")
    return figure


@styled
def answers(images, prediction):
    """What the network says of a few pictures. images: (H, W, 3) each; prediction: as model.predict returns it"""
    figure = new_figure(1.5 * len(images), 1.65)
    for i, ax in enumerate(figure.subplots(1, len(images), squeeze=False)[0]):
        name, probability, box = prediction[i]
        ax.imshow(images[i], extent=(0, images[i].shape[1], images[i].shape[0], 0))
        draw_box(ax, box, PREDICTION, DASHES)
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"{name} {probability:.0%}", fontsize=10)
        ax.grid(False)
    return figure
