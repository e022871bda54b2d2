"""Drawings of lesson 08: steps on a parabola and in a valley, noise of batches, numbers through layers, rates."""

import numpy as np

from tinycnn.plots.look import COLORS, FAINT, INK, new_figure, styled

LOOKS = ((COLORS["blue"], "o", "-"), (COLORS["orange"], "s", "--"), (COLORS["green"], "^", "-."),
         (COLORS["purple"], "D", ":"))


@styled
def on_a_parabola(loss, paths):
    """Steps of one weight, a panel for each rate, at a scale of its own. loss: function of w; paths: {title: w}."""
    figure = new_figure(8.6, 3.1)
    for ax, (title, path), (color, *_) in zip(figure.subplots(1, len(paths)), paths.items(), LOOKS, strict=False):
        path = np.asarray(path)
        widest = 1.12 * np.abs(path).max()
        at = np.linspace(-widest, widest, 200)
        ax.plot(at, loss(at), color=FAINT, linewidth=1.5)
        ax.plot(path, loss(path), color=color, marker="o", markersize=5, linewidth=1.4)
        ax.plot(path[0], loss(path[0]), "o", color=INK, markersize=8)
        ax.set_title(title.replace("-", "−"))
        ax.set(xlabel="weight w (black: the start)", xlim=(-widest, widest))
    figure.axes[0].set_ylabel("loss L(w)")
    return figure


@styled
def in_a_valley(loss, paths, reach=((-1.2, 11), (-1.5, 1.5))):
    """Steps of two weights on contour lines, a panel for each. loss: of (a, b); paths: {title: (steps + 1, 2)}."""
    figure = new_figure(8.6, 1.7 * len(paths) + 0.3)
    a, b = np.meshgrid(np.linspace(*reach[0], 160), np.linspace(*reach[1], 120))
    axes = figure.subplots(len(paths), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (title, path), (color, *_) in zip(axes, paths.items(), LOOKS, strict=False):
        path, heights = np.asarray(path), loss(a, b)
        ax.contour(a, b, heights, levels=heights.max() * np.linspace(0.05, 1, 7) ** 2, colors=FAINT, linewidths=0.7)
        ax.plot(path[:, 0], path[:, 1], color=color, marker="o", markersize=3.5, linewidth=1.3, clip_on=True)
        ax.plot(*path[0], "o", color=INK, markersize=8)
        ax.plot(0, 0, "*", color=INK, markersize=13)
        ax.set(xlim=reach[0], ylim=reach[1], ylabel="weight b", title=title)
        ax.grid(False)
    axes[-1].set_xlabel("weight a (the star is the lowest point)")
    return figure


@styled
def noise_of_batches(distances):
    """How far batch gradients lie from the gradient of all. distances: {batch size: (draws,), of its own length}."""
    figure = new_figure(7.8, 4.2)
    ax, sizes = figure.subplots(), np.array(list(distances))
    for size, found in distances.items():
        ax.plot(np.full(len(found), size) * np.linspace(0.94, 1.06, len(found)), found, "o", color=COLORS["sky"],
                markersize=3, alpha=0.6, label="one batch" if size == sizes[0] else None)
    typical = np.array([np.sqrt(np.mean(np.square(found))) for found in distances.values()])
    ax.plot(sizes, typical, "o-", color=COLORS["blue"], markersize=7, label="typical (root of the mean square)")
    ax.plot(sizes, typical[0] / np.sqrt(sizes / sizes[0]), "--", color=INK, linewidth=1.2, label="1/√(batch size)")
    ax.set(xscale="log", yscale="log", xlabel="pictures in the batch (log scale)",
           ylabel="distance from the gradient of all,\nin lengths of that gradient (log scale)")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.legend()
    return figure


@styled
def through_layers(forward, backward):
    """The spread of numbers at every layer, forward and backward. Each: {name: (seeds, layers)}, in layer order."""
    figure = new_figure(9.6, 4.0)
    axes = figure.subplots(1, 2)
    for ax, found, title, unit in ((axes[0], forward, "forward: outputs y", "standard deviation of y (log scale)"),
                                   (axes[1], backward, "backward: gradients dy",
                                    "standard deviation of dy (log scale)")):
        for (name, spreads), (color, marker, line) in zip(found.items(), LOOKS, strict=False):
            layers = np.arange(1, spreads.shape[1] + 1)
            ax.semilogy(layers, spreads.T, color=color, linewidth=0.8, alpha=0.5)
            ax.semilogy(layers, np.exp(np.log(spreads).mean(axis=0)), color=color, marker=marker, linestyle=line,
                        markersize=6, label=name)
        ax.set(title=title, xlabel="layer", ylabel=unit, xticks=layers)
        ax.grid(axis="x", visible=False)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(forward))
    return figure


@styled
def rates_and_noise(rates, distances):
    """Rates over the steps, and how far from the lowest point they lead. Both: {name: (steps,)}."""
    figure = new_figure(9.6, 3.9)
    left, right = figure.subplots(1, 2)
    for (name, values), (color, _, line) in zip(rates.items(), LOOKS, strict=False):
        left.plot(values, line, color=color, label=name)
        if name in distances:
            right.semilogy(distances[name], line, color=color)
    left.set(title="learning rate", xlabel="step", ylabel="rate", ylim=(0, None))
    right.set(title="noisy steps on a parabola", xlabel="step", ylabel="typical distance from the\nlowest point "
              "(log scale)")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=len(rates))
    return figure


@styled
def epochs_against_floor(curves, floor):
    """Losses after every epoch of several loops, and the lowest that there is. curves: {name: losses from 0 on}."""
    figure = new_figure(7.6, 3.4)
    ax = figure.subplots()
    for (name, losses), (color, marker, line) in zip(curves.items(), (LOOKS[1], LOOKS[0]), strict=False):
        ax.semilogy(losses, color=color, marker=marker, linestyle=line, markersize=6, label=name)
    ax.axhline(floor, color=INK, linewidth=1.2, linestyle=":", label="the lowest there is")
    ax.set(xlabel="epochs", ylabel="loss (log scale)")
    ax.legend()
    return figure


@styled
def rates_compared(results, untrained):
    """Validation losses of several kinds of training over their rates, each seed a dot.

    results: {kind: {rate: losses (seeds,)}}, infinite where a run broke    untrained: the loss before the first step
    """
    figure = new_figure(9.6, 4.0)
    axes = figure.subplots(1, 2, sharey=True)
    for (kind, found), (color, marker, line) in zip(results.items(), LOOKS, strict=False):
        rates = np.array(list(found))
        losses = np.array(list(found.values()))  # (rates, seeds)
        whole = np.isfinite(losses).all(axis=1)
        for ax, factor in ((axes[0], 1), (axes[1], 10 if kind == list(results)[-1] else 1)):
            ax.plot(np.repeat(rates * factor, losses.shape[1]), np.where(np.isfinite(losses), losses, np.nan).ravel(),
                    marker, color=color, markersize=4, alpha=0.45)
            ax.plot(rates[whole] * factor, losses[whole].mean(axis=1), color=color, marker=marker, linestyle=line,
                    markersize=8, label=kind)
    for ax, unit in ((axes[0], "rate (log scale)"), (axes[1], "rate / (1 − momentum) (log scale)")):
        ax.axhline(untrained, color=INK, linewidth=1.2, linestyle=":", label="untrained")
        ax.set(xscale="log", xlabel=unit)
    first, last = (np.array(list(found)) for found in (results[list(results)[0]], results[list(results)[-1]]))
    for ax, ticks in ((axes[0], [*last[:-1:2], *first[::2]]), (axes[1], first)):
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
    axes[0].set_ylabel("validation loss")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


LAYERS = ((COLORS["blue"], "-"), (COLORS["orange"], "--"), (COLORS["green"], "-."), (COLORS["purple"], ":"))
USUAL = (3e-4, 1e-2)  # update:weight of a healthy step, with room on both sides of 1e-3


MOST_DOTS = 150  # pictures whose boxes are drawn


@styled
def four_pictures(runs, guess):
    """Four pictures of each run, a run a row: losses, update:weight, the layers' outputs, predictions against truth.

    runs: {name: Run}, with the attributes train, valid (losses of each epoch), ratios {weight: (epochs,)}, stds
    {layer: (before, after)}, dead {layer: share of its units after training}, centers (predicted, true), joint
    guess: the loss of a network that only guesses
    """
    figure = new_figure(9.6, 1.85 * len(runs) + 0.9)
    axes = figure.subplots(len(runs), 4, squeeze=False)
    lowest = min(min(run.train) for run in runs.values())
    for row, (name, run) in zip(axes, runs.items(), strict=True):
        _losses(row[0], run, guess, lowest)
        _ratios(row[1], run)
        _outputs(row[2], run)
        _predictions(row[3], run)
        row[0].set_ylabel(f"{name}\n", fontsize=12, fontweight="bold")
        for column, ax in enumerate(row):
            ax.tick_params(labelsize=8)
            if name != list(runs)[-1] and column != 2:
                ax.set_xticklabels([])
    titles = ("1  loss", "2  update : weight", "3  spread of outputs,\ndead units",
              "4  box center cx:\npredicted, true")
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=11)
    for ax, label in zip(axes[-1], ("epoch", "epoch", "layer, dead units", "true"), strict=True):
        ax.set_xlabel(label, fontsize=10)
    for ax, columns in zip(axes[-1, :3], (1, 2, 1), strict=True):
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.42), ncols=columns, fontsize=9, columnspacing=1.0,
                  handlelength=1.8, handletextpad=0.5)
    return figure


def _losses(ax, run, guess, lowest):
    epochs = np.arange(1, len(run.train) + 1)
    ax.plot(epochs, run.train, color=COLORS["blue"], label="training")
    ax.plot(epochs, run.valid, "--", color=COLORS["orange"], label="validation")
    ax.axhline(guess, color=INK, linewidth=1, linestyle=":", label="a guess")
    ax.set_ylim(0.9 * lowest, 1.1 * guess)


def _ratios(ax, run):
    ax.axhspan(*USUAL, color=COLORS["green"], alpha=0.13, linewidth=0)
    for (name, ratios), (color, line) in zip(run.ratios.items(), LAYERS, strict=False):
        ax.semilogy(np.arange(1, len(ratios) + 1), ratios, line, color=color, linewidth=1.6, label=name)
    ax.set_ylim(3e-6, 0.5)
    ax.set_yticks([1e-5, 1e-4, 1e-3, 1e-2, 1e-1])


def _outputs(ax, run):
    at = np.arange(len(run.stds))
    before, after = np.array(list(run.stds.values())).T
    ax.semilogy(at, before, "o--", color=FAINT, markersize=5, label="before training")
    ax.semilogy(at, after, "o-", color=INK, markersize=5, label="after it")
    ax.set_ylim(1e-5, 30)
    ax.set_xlim(-0.4, len(at) - 0.6)
    ax.set_xticks(at, [f"{i + 1}\n{100 * share:.0f} %" for i, share in enumerate(run.dead.values())])
    ax.grid(axis="x", visible=False)


def _predictions(ax, run):
    predicted, true = (numbers[:MOST_DOTS] for numbers in run.centers)
    ax.plot([0, 1], [0, 1], color=FAINT, linewidth=1)
    ax.plot(true, predicted, "o", color=COLORS["vermilion"], markersize=2.2, alpha=0.5)
    ax.set(xlim=(0.1, 0.9), ylim=(0.1, 0.9), xticks=[0.2, 0.5, 0.8], yticks=[0.2, 0.5, 0.8])
    ax.text(0.13, 0.86, f"joint {run.joint:.2f}", fontsize=9, va="top",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
