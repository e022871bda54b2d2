"""Drawings of lesson 03: a matrix product with its numbers, three gradients, softmax step by step, and templates."""

import numpy as np

from tinycnn.course.drawings.numbers import HUES, canvas, frame, matrix, say
from tinycnn.plots.look import COLORS, FAINT, INK, new_figure, styled

INPUT, WEIGHT, BIAS, OUTPUT = COLORS["sky"], COLORS["green"], COLORS["yellow"], COLORS["orange"]


@styled
def one_output(x, w, b, y, n, f):
    """Where y[n, f] comes from: row n of x, column f of w, entry f of b, and the sum. x (N, D), w (D, F), b (F,)."""
    (rows, d), columns = x.shape, w.shape[1]
    height, width = max(rows, d) + 3.2, d + 3 * columns + 7.2
    figure = new_figure(9.6, 9.6 * height / width)
    ax, middle = canvas(figure, width, height), 1.3 + max(rows, d) / 2
    parts = (("x", x, dict.fromkeys(((n, j) for j in range(d)), INPUT), "@"),
             ("w", w, dict.fromkeys(((i, f) for i in range(d)), WEIGHT), "+"),
             ("b", b[None], {(0, f): BIAS}, "="),
             ("y", y, {(n, f): OUTPUT}, ""))
    left = 0.6
    for name, values, fills, sign in parts:
        matrix(ax, values, (left, middle - len(values) / 2), fills, size=14, name=f"{name}  {_shape(values, name)}",
               bold={(n, f)} if name == "y" else ())
        left += values.shape[1] + 1.9
        say(ax, (left - 0.95, middle), sign, 18)
    products = [f"{_signed(x[n, i])}·{_signed(w[i, f])}" for i in range(d)]
    say(ax, (width / 2, height - 0.85),
        f"y[{n}, {f}]  =  {' + '.join(products)} + {_signed(b[f])}  =  {_signed(y[n, f])}", 14)
    return figure


@styled
def weight_gradient(x, dy):
    """dw put together row by row: each row of the batch gives every weight its x times its dy. x (N, D), dy (N, F)."""
    (rows, d), f = x.shape, dy.shape[1]
    width, height = rows * (f + 2.7) + f + 1.4, d + 2.7
    figure = new_figure(9.6, 9.6 * height / width)
    ax, left, total = canvas(figure, width, height), 1.5, np.zeros((d, f))
    for n in range(rows):
        matrix(ax, dy[n : n + 1], (left, 1.1), dict.fromkeys(np.ndindex(1, f), HUES[n]), size=12, name=f"dy[{n}]")
        matrix(ax, x[n][:, None], (left - 1.2, 2.3), dict.fromkeys(np.ndindex(d, 1), HUES[n]), size=12,
               name=f"x[{n}]")
        matrix(ax, np.outer(x[n], dy[n]), (left, 2.3), size=13)
        frame(ax, (left, 2.3), (f, d), HUES[n])
        total += np.outer(x[n], dy[n])
        left += f + 2.7
        say(ax, (left - 1.95, 2.3 + d / 2), "+" if n < rows - 1 else "=", 16)
    matrix(ax, total, (left - 1.2, 2.3), dict.fromkeys(np.ndindex(d, f), WEIGHT), size=13, name="dw")
    return figure


@styled
def three_gradients(x, w, dy):
    """The three formulas with their numbers, each matrix over its shape. x (N, D), w (D, F), dy (N, F)."""
    n = len(x)
    rows = ((("dy", dy, OUTPUT, "(N, F)"), ("wᵀ", w.T, WEIGHT, "(F, D)"), ("dx", dy @ w.T, INPUT, "(N, D)")),
            (("xᵀ", x.T, INPUT, "(D, N)"), ("dy", dy, OUTPUT, "(N, F)"), ("dw", x.T @ dy, WEIGHT, "(D, F)")),
            (("ones", np.ones((1, n)), None, "(1, N)"), ("dy", dy, OUTPUT, "(N, F)"),
             ("db", dy.sum(axis=0)[None], BIAS, "(F,)")))
    heights = [max(len(part[1]) for part in row) + 2.1 for row in rows]
    wide = [max(row[k][1].shape[1] for row in rows) for k in range(3)]
    width, height = sum(wide) + 8.2, sum(heights) + 0.2
    figure = new_figure(7.6, 7.6 * height / width)
    ax, top = canvas(figure, width, height), 0.2
    for row, tall in zip(rows, heights, strict=True):
        left, middle = 0.8, top + 0.75 + (tall - 2.1) / 2
        for k, (part, sign) in enumerate(zip(row, ("@", "=", ""), strict=True)):
            name, values, color, shape = part
            fills = None if color is None else dict.fromkeys(np.ndindex(values.shape), color)
            corner = left + (wide[k] - values.shape[1]) / 2, middle - len(values) / 2
            matrix(ax, values, corner, fills, size=12, name=name, bold=set(np.ndindex(values.shape)) if k == 2 else ())
            say(ax, (left + wide[k] / 2, middle + len(values) / 2 + 0.4), shape, 10, FAINT)
            left += wide[k] + 2.5
            say(ax, (left - 1.25, middle), sign, 17)
        top += tall
    return figure


@styled
def softmax_steps(scores, labels):
    """From scores to the loss and back, a table for each step. scores: (N, K); labels: (N,)."""
    n, k = scores.shape
    e = np.exp(scores)
    p = e / e.sum(axis=1, keepdims=True)
    truth = np.eye(k)[labels]
    loss = -np.log(p[np.arange(n), labels])[:, None]
    width, height = 4 * k + 9.5, n + 2.4
    figure = new_figure(9.6, 9.6 * height / width)
    ax, left, middle = canvas(figure, width, height), 0.4, 1.5 + n / 2
    true = {(i, int(c)): OUTPUT for i, c in enumerate(labels)}
    steps = (("scores", scores, "{:g}", true, "exp"), ("exp(scores)", e, "{:.2f}", true, "÷ sum"),
             ("probabilities p", p, "{:.2f}", true, "−log"), ("loss", loss, "{:.2f}", {}, ""),
             ("p − truth", p - truth, "{:.2f}", true, ""))
    for name, values, form, fills, arrow in steps:
        if name == "p − truth":
            left += 0.6
        matrix(ax, values, (left, 1.5), fills, size=9.5, name=name, form=form,
               bold=set(np.ndindex(values.shape)) if name == "loss" else ())
        left += values.shape[1] + 1.7
        if arrow:
            say(ax, (left - 0.85, middle - 0.45), arrow, 10)
            say(ax, (left - 0.85, middle + 0.1), "→", 17)
    return figure


@styled
def precautions(gaps, losses):
    """The same loss by several programs, as the true class falls behind. losses: {name: (len(gaps),)}, NaN and all."""
    figure = new_figure(8.4, 4.4)
    ax = figure.subplots()
    looks = ((COLORS["sky"], "-", 9.0), (COLORS["orange"], "-", 5.5), (COLORS["vermilion"], "--", 2.4),
             (COLORS["blue"], ":", 2.2))
    for (name, values), (color, line, width) in zip(losses.items(), looks, strict=True):
        fine = np.isfinite(values)
        ax.plot(gaps[fine], values[fine], line, color=color, linewidth=width, label=name)
        if not fine.all():
            last, lost = np.flatnonzero(fine)[-1], values[np.flatnonzero(~fine)[0]]
            word = "not a number" if np.isnan(lost) else "infinite"
            ax.plot(gaps[last], values[last], "x", color=INK, markersize=10, markeredgewidth=2.2, zorder=5)
            ax.annotate(f"{word} from here on", (gaps[last], values[last]), (-12, 7), textcoords="offset points",
                        ha="right", va="bottom")
    ax.set_xlabel("how far the true class's score lies below the largest")
    ax.set_ylabel("loss")
    ax.set_xlim(0, gaps[-1])
    ax.set_ylim(0, gaps[-1] * 1.08)
    ax.legend(loc="upper left")
    return figure


@styled
def templates(rows, names):
    """Columns of w drawn as pictures. rows: {name of the row: (H, W, 3, K), any real numbers}; names: K classes.

    Gray is 0: what is brighter speaks for the class, what is darker against it, in red, green and blue by itself.
    """
    count = len(names)
    figure = new_figure(9.6, 1.0 * len(rows) + 0.25)
    figure.get_layout_engine().set(h_pad=0.02, w_pad=0.02, hspace=0.02, wspace=0.02)
    for i, (axes, (row, w)) in enumerate(zip(figure.subplots(len(rows), count, squeeze=False), rows.items(),
                                             strict=True)):
        for k, ax in enumerate(axes):
            ax.imshow(as_picture(w[..., k]), interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            if i == 0:
                ax.set_title(names[k], fontsize=10)
        axes[0].set_ylabel(row, fontsize=10)
    return figure


def as_picture(w):
    """Numbers around 0 as colors around gray, two and a half standard deviations to either end. w: (H, W, 3)."""
    return np.clip(0.5 + w / (5 * w.std() + 1e-12), 0, 1)


@styled
def accuracies(results, baseline):
    """Accuracy of several networks, a dot for each seed and a line at their mean. results: {name: shares}."""
    figure = new_figure(8.4, 0.62 * len(results) + 1.5)
    ax = figure.subplots()
    for row, shares in enumerate(results.values()):
        values = 100 * np.asarray(shares)
        color = HUES[row % len(HUES)]
        ax.plot(values, np.full(len(values), row), "o", color=color, markersize=8, alpha=0.6, markeredgewidth=0)
        ax.plot([values.mean()] * 2, [row - 0.3, row + 0.3], color=INK, linewidth=2)
        ax.annotate(f"{values.mean():.1f}", (values.mean(), row - 0.3), (0, 2), textcoords="offset points",
                    ha="center", va="bottom", fontsize=10)
    ax.axvline(100 * baseline, color=FAINT, linestyle="--", linewidth=1.5)
    ax.text(100 * baseline + 0.4, len(results) - 0.45, "majority class", va="center", fontsize=10, color=FAINT)
    ax.set_yticks(range(len(results)), list(results))
    ax.set_ylim(len(results) - 0.2, -0.75)
    ax.set_xlim(0, None)
    ax.set_xlabel("% of unseen pictures named rightly")
    ax.grid(axis="y", visible=False)
    return figure


def _shape(values, name):
    return f"({values.shape[1]},)" if name == "b" else str(values.shape)


def _signed(value):
    text = f"{value:g}".replace("-", "−")
    return f"({text})" if value < 0 else text
