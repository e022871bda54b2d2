"""Drawings of lesson 06: a window on its picture, the patch matrix, memory, and gradients put together by windows."""

import numpy as np

from tinycnn.course.drawings.numbers import HUES, canvas, cell, frame, matrix, say
from tinycnn.plots.look import COLORS, FAINT, INK, new_figure, styled

WINDOW, OUT, BAD = COLORS["orange"], COLORS["blue"], COLORS["vermilion"]


@styled
def window_on_picture(x, w, y, i, j):
    """The window at output position (i, j): picture x (H, W), kernel w (KH, KW), output y (OH, OW), and the sum."""
    (kh, kw), height = w.shape, max(x.shape[0], w.shape[0], y.shape[0])
    width = x.shape[1] + kw + y.shape[1] + 5.2
    figure = new_figure(9.6, 9.6 * (height + 2.9) / width)
    ax = canvas(figure, width, height + 2.9)
    window = {(i + p, j + q): WINDOW for p in range(kh) for q in range(kw)}
    matrix(ax, x, (0.2, 1.2), window, name="picture x", size=14)
    frame(ax, (0.2 + j, 1.2 + i), (kw, kh), WINDOW)
    left = x.shape[1] + 2.2
    top = 1.2 + (height - kh) / 2
    say(ax, (left - 1, 1.2 + height / 2), "∗", 20)
    matrix(ax, w, (left, top), dict.fromkeys(np.ndindex(kh, kw), COLORS["green"]), name="kernel w", size=14)
    left += kw + 2
    say(ax, (left - 1, 1.2 + height / 2), "=", 20)
    matrix(ax, y, (left, 1.2 + (height - y.shape[0]) / 2), {(i, j): OUT}, bold={(i, j)}, name="output y", size=14)
    products = [f"{_signed(x[i + p, j + q])}·{_signed(w[p, q])}" for p in range(kh) for q in range(kw) if w[p, q]]
    say(ax, (width / 2, height + 2.2), f"y[{i}, {j}]  =  {' + '.join(products)}  =  {_signed(y[i, j])}", 14)
    return figure


@styled
def how_many_fit(settings):
    """Windows along a row of pixels. settings: list of (size, kernel, stride, padding)."""
    longest = max(size + 2 * padding for size, _, _, padding in settings)
    heights = [1.9 + 0.42 * _count(*setting) for setting in settings]
    total = sum(heights)
    figure = new_figure(8.6, 8.6 * total / (longest + 7.2))
    ax, top = canvas(figure, longest + 7.2, total), 0.4
    for (size, kernel, stride, padding), height in zip(settings, heights, strict=True):
        for k in range(size + 2 * padding):
            border = k < padding or k >= size + padding
            cell(ax, (k + 0.2, top), None if border else COLORS["sky"])
            say(ax, (k + 0.7, top + 0.5), "0" if border else f"x{_lowered(k - padding)}", 11, FAINT if border else INK)
        count = _count(size, kernel, stride, padding)
        for k in range(count):
            y, start = top + 1.3 + 0.42 * k, 0.2 + k * stride
            ends = [start + 0.12, start + kernel - 0.12]
            ax.plot(ends, [y, y], color=HUES[k % 4], linewidth=5, solid_capstyle="butt")
        words = f"{size} pixels, kernel {kernel}\nstride {stride}, padding {padding}"
        say(ax, (longest + 0.9, top + 0.45), words, 11, ha="left")
        say(ax, (longest + 0.9, top + 1.55), f"{count} windows", 13, ha="left", fontweight="bold")
        top += height
    return figure


@styled
def patch_matrix(x, w, cols, y):
    """A convolution as one matrix product, every number shown.

    x: (H, W) picture    w: (KH, KW)    cols: (OH * OW, KH * KW), a window a row    y: (OH, OW)
    """
    (kh, kw), (oh, ow) = w.shape, y.shape
    long, count = kh * kw, oh * ow
    height = max(long, x.shape[0] + 1, 2 * count - 0.2) + 1.6
    width = x.shape[1] + long + 9.6
    figure = new_figure(9.6, 9.6 * height / width)
    ax, middle = canvas(figure, width, height), height / 2 + 0.3
    top = middle - x.shape[0] / 2
    matrix(ax, x, (0.5, top), size=13, name="picture")
    for k in range(count):
        frame(ax, (0.5 + k % ow, top + k // ow), (kw, kh), HUES[k], shrink=0.06 + 0.07 * (k % 4), linewidth=2.2)
    left, gap = x.shape[1] + 2.0, (middle - (2 * count - 1) / 2)
    say(ax, (left - 0.85, middle), "→", 18)
    for k in range(count):
        row = gap + 2 * k
        matrix(ax, cols[k : k + 1], (left, row), {(0, q): HUES[k] for q in range(long)}, size=12)
        say(ax, (left - 0.15, row + 0.5), f"({k // ow}, {k % ow})", 9, FAINT, ha="right")
    say(ax, (left + long / 2, gap - 0.2), "patches: one row for each window", 12, va="bottom")
    left += long + 1.4
    say(ax, (left - 0.7, middle), "@", 18)
    matrix(ax, w.reshape(-1, 1), (left, middle - long / 2), {(p, 0): COLORS["green"] for p in range(long)}, size=12,
           name="w")
    left += 2.4
    say(ax, (left - 0.7, middle), "=", 18)
    for k in range(count):
        matrix(ax, y.reshape(-1, 1)[k : k + 1], (left, gap + 2 * k), {(0, 0): HUES[k]}, size=13, bold={(0, 0)},
               name="y" if k == 0 else None)
    return figure


@styled
def memory_order(shape, kernel):
    """Where the numbers of one window lie in memory: channels last against channels first.

    shape: (H, W, C) of a small picture    kernel: (KH, KW) of a window in its upper left corner
    """
    (h, w, c), (kh, kw) = shape, kernel
    count = h * w * c
    figure = new_figure(9.6, 9.6 * 8.3 / (count + 1))
    ax, colors = canvas(figure, count + 1, 8.3), (COLORS["vermilion"], COLORS["green"], COLORS["blue"])
    orders = (("channels last (H, W, C): what this library does", list(np.ndindex(h, w, c)), lambda i: i),
              ("channels first (C, H, W)", list(np.ndindex(c, h, w)), lambda i: (i[1], i[2], i[0])))
    for row, (name, places, turned) in enumerate(orders):
        top = 1.7 + 4.4 * row
        say(ax, (0.5, top - 0.75), name, 13, ha="left", fontweight="bold")
        inside = []
        for k, place in enumerate(places):
            i, j, channel = turned(place)
            within = i < kh and j < kw
            inside.append(within)
            cell(ax, (0.5 + k, top), colors[channel % 3], alpha=0.75 if within else 0.12)
            say(ax, (1 + k, top + 0.5), "RGB"[channel % 3], 9, "white" if within else FAINT,
                fontweight="bold" if within else "normal")
        runs = _runs(inside)
        for start, stop in runs:
            frame(ax, (0.5 + start, top), (stop - start, 1), INK, linewidth=2.2)
        say(ax, (0.5, top + 1.75), f"a window of {kh} x {kw} pixels and {c} channels: {len(runs)} runs of "
            f"{runs[0][1] - runs[0][0]} numbers", 12, ha="left")
    return figure


@styled
def input_gradient(dy, w, x_shape):
    """dx put together window by window, and what is left when each window is assigned instead of added.

    dy: (OH, OW)    w: (KH, KW)    x_shape: (H, W); stride 1, no padding
    """
    (oh, ow), (kh, kw), (h, wide) = dy.shape, w.shape, x_shape
    count, dx, assigned = oh * ow, np.zeros(x_shape), np.zeros(x_shape)
    columns = (count + 2) // 2
    width, height = columns * (wide + 1.3) + 0.4, 2 * (h + 2.2)
    figure = new_figure(9.6, 9.6 * height / width)
    ax = canvas(figure, width, height)

    def place(k):
        return 0.8 + (k % columns) * (wide + 1.3), 1.6 + (k // columns) * (h + 2.2)

    for k, (i, j) in enumerate(np.ndindex(oh, ow)):
        dx[i : i + kh, j : j + kw] += dy[i, j] * w
        assigned[i : i + kh, j : j + kw] = dy[i, j] * w
        fills = {(i + p, j + q): HUES[k] for p in range(kh) for q in range(kw)}
        corner = place(k)
        matrix(ax, dx, corner, fills, size=12)
        frame(ax, (corner[0] + j, corner[1] + i), (kw, kh), HUES[k])
        start = "dx  =  " if k == 0 else "dx  +=  "
        say(ax, (corner[0] + wide / 2, corner[1] - 0.5), f"{start}{_signed(dy[i, j])} · w  at ({i}, {j})", 13)
    corner = place(count)
    matrix(ax, dx, corner, {p: COLORS["sky"] for p in np.ndindex(h, wide)}, size=12)
    say(ax, (corner[0] + wide / 2, corner[1] - 0.5), "dx, all windows added", 13)
    corner = place(count + 1)
    wrong = {p: BAD for p in np.ndindex(h, wide) if assigned[p] != dx[p]}
    matrix(ax, assigned, corner, wrong, size=12, bold=set(wrong))
    say(ax, (corner[0] + wide / 2, corner[1] - 0.5), "with = for +=: bold is wrong", 13, BAD)
    return figure


@styled
def weight_gradient(cols, dy, kernel):
    """dw as a sum of patches, each times the dy of its window. cols: (OH * OW, KH * KW); dy: (OH, OW)."""
    (kh, kw), flat = kernel, dy.reshape(-1)
    width, height = (len(flat) + 1) * (kw + 3.4) - 1.5, kh + 2.2
    figure = new_figure(9.6, 9.6 * height / width)
    ax, left = canvas(figure, width, height), 1.5
    for k, d in enumerate(flat):
        say(ax, (left - 0.25, 1.2 + kh / 2), f"{_signed(d)} ·", 14, ha="right")
        fills = {(p, q): HUES[k] for p in range(kh) for q in range(kw)}
        name = f"patch ({k // dy.shape[1]}, {k % dy.shape[1]})"
        matrix(ax, cols[k].reshape(kh, kw), (left, 1.2), fills, size=13, name=name)
        say(ax, (left + kw + 0.55, 1.2 + kh / 2), "+" if k < len(flat) - 1 else "=", 14)
        left += kw + 3.4
    dw = (flat @ cols).reshape(kh, kw)
    matrix(ax, dw, (left - 1.7, 1.2), {p: COLORS["sky"] for p in np.ndindex(kh, kw)}, size=13, name="dw")
    return figure


@styled
def responses(picture, answers):
    """A picture and what kernels answer to it. picture: (H, W, 3) uint8; answers: {name: (OH, OW)}."""
    figure = new_figure(9.6, 3.0)
    axes = figure.subplots(1, 1 + len(answers))
    axes[0].imshow(picture)
    axes[0].set_title("the picture")
    limit = np.quantile(np.abs(np.concatenate([answer.ravel() for answer in answers.values()])), 0.99)
    for ax, (name, answer) in zip(axes[1:], answers.items(), strict=True):
        shown = ax.imshow(answer, cmap="PuOr_r", vmin=-limit, vmax=limit)
        ax.set_title(name)
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    figure.colorbar(shown, ax=axes[1:], label="answer y", fraction=0.02)
    return figure


@styled
def feature_maps(picture, maps, columns=6):
    """A picture and what filters make of it, each map in its own gray. picture: (H, W, 3) uint8; maps: (OH, OW, F)."""
    rows = -(-(1 + maps.shape[2]) // columns)
    figure = new_figure(9.6, 1.85 * rows)
    axes = figure.subplots(rows, columns).ravel()
    axes[0].imshow(picture)
    axes[0].set_title("the picture")
    for f in range(maps.shape[2]):
        axes[1 + f].imshow(maps[..., f], cmap="gray")
        axes[1 + f].set_title(f"filter {f}", fontsize=10)
    for k, ax in enumerate(axes):
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.set_visible(k <= maps.shape[2])
    return figure


@styled
def loss_curves(curves, along="training step"):
    """Losses of several runs over steps or epochs. curves: {name: losses}; equal ones are drawn into each other."""
    figure = new_figure(7.6, 3.6)
    ax = figure.subplots()
    looks = ((COLORS["orange"], "-", 6), (COLORS["blue"], "-", 1.8))
    for (name, losses), (color, line, width) in zip(curves.items(), looks, strict=False):
        ax.plot(range(1, len(losses) + 1), losses, line, color=color, linewidth=width, label=name)
    ax.set_xlabel(along)
    ax.set_ylabel("loss")
    ax.legend()
    return figure


def _count(size, kernel, stride, padding):
    return (size + 2 * padding - kernel) // stride + 1


def _runs(inside):
    """(start, stop) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.array(inside, int), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _signed(value):
    text = f"{value:g}".replace("-", "−")
    return f"({text})" if value < 0 else text


def _lowered(number):
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(number))
