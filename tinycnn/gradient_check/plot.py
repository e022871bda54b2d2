"""Two pictures of a gradient check: the error over the step size, whose shape is the verdict, and the map of errors."""

import numpy as np

from tinycnn.errors import require
from tinycnn.gradient_check.permutations import axis_names
from tinycnn.gradient_check.step_sizes import KINK, NOTHING, OK, UNCLEAR, WRONG
from tinycnn.plots import COLORS, new_figure
from tinycnn.plots.look import FAINT, styled

MOST_MAPS, MOST_CURVES, MOST_TILES = 2, 6, 6
LOOKS = [("blue", "o"), ("vermilion", "s"), ("green", "^"), ("purple", "D"), ("orange", "v"), ("sky", "P")]
FLOOR = 1e-17  # exact agreement has no place on a logarithmic axis; it is drawn here
SHAPES = {OK: "falls to rounding: ok", WRONG: "flat: ", KINK: "step: at a kink, not checked",
          UNCLEAR: "1/h from the start: unclear", NOTHING: "nothing to compare"}


@styled
def draw(report):
    """A Figure: error against h for the tensors of `report`, and a map of each wrong one."""
    maps = [t for t in report.tensors if t.verdict == WRONG and t.elements is not None][:MOST_MAPS]
    lines = (min(sum(1 for t in report.tensors if t.sweeps), MOST_CURVES) + 3) // 2  # of the legend, two entries each
    height = 4.2 + 0.24 * lines
    figure = new_figure(6.4 + 3.4 * len(maps), height)
    grid = figure.add_gridspec(2, 1 + len(maps), width_ratios=[1.9] + [1] * len(maps),
                               height_ratios=[height - 0.24 * lines, 0.24 * lines])
    curves, legend = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    _curves(curves, report)
    legend.axis("off")
    handles, labels = curves.get_legend_handles_labels()
    legend.legend(handles, labels, loc="upper left", ncols=2, borderaxespad=0, columnspacing=1.2, fontsize=9)
    for column, tensor in enumerate(maps, start=1):
        _map(figure, figure.add_subplot(grid[:, column]), tensor)
    figure.suptitle(f"{report.title}: {'ok' if report.ok else 'not ok'}")
    return figure


def _curves(ax, report):
    with_sweep = sorted((t for t in report.tensors if t.sweeps), key=lambda t: t.verdict != WRONG)
    drawn = with_sweep[:MOST_CURVES]
    for tensor, (color, marker) in zip(drawn, LOOKS, strict=False):
        sweep = tensor.sweeps[-1]
        error = np.maximum(np.nan_to_num(sweep.errors, nan=FLOOR, posinf=FLOOR), FLOOR)
        said = SHAPES[sweep.verdict] + ((tensor.family or "no known pattern") if sweep.verdict == WRONG else "")
        look = {"color": COLORS[color], "marker": marker, "markersize": 6}
        ax.loglog(sweep.h, error, "-" if tensor.verdict == WRONG else "--", label=f"{tensor.name}, {said}", **look)
        crossed = np.array([bool(f) for f in sweep.crossings])
        ax.loglog(sweep.h[crossed], error[crossed], linestyle="none", markerfacecolor="white", **look)
    if len(with_sweep) > MOST_CURVES:
        ax.plot([], [], " ", label=f"and {len(with_sweep) - MOST_CURVES} more, not drawn")
    if any(any(t.sweeps[-1].crossings) for t in drawn):
        ax.plot([], [], "o", color=FAINT, markersize=6, markerfacecolor="white", label="open: the step crosses a kink")
    h = np.array([1e-9, 1e-1])
    ax.loglog(h, 1e-16 / h, ":", color=FAINT, linewidth=1.2)
    ax.loglog(h, 0.1 * h**2, ":", color=FAINT, linewidth=1.2)
    ax.text(1e-9, 4e-6, "rounding, 1/h", color=FAINT, fontsize=9)
    ax.text(6e-5, 4e-6, "truncation, h²", color=FAINT, fontsize=9, ha="right")
    ax.set_xlim(5e-10, 2e-1)
    ax.set_ylim(3e-18, 3e1)
    ax.set_xlabel("step h, in units of the tensor's size")
    ax.set_ylabel("|analytic − numeric|, relative")
    ax.set_title("Error over step size: flat means wrong")


def _map(figure, ax, tensor):
    e = tensor.elements
    error = np.full(tensor.shape, -1.0)  # below the color scale: gray, not looked at or left out
    for index, a, n, state in zip(e.indices, e.analytic, e.numeric, e.states, strict=True):
        if state in (OK, WRONG) and np.isfinite(a):
            error[index] = abs(a - n) / e.scale
    picture, rows, columns = _tiles(error, tensor.role)
    colors = require("matplotlib", extra="viz").colormaps["YlOrBr"].with_extremes(under="#c8ccd0", bad="white")
    image = ax.imshow(picture, cmap=colors, vmin=0, vmax=max(error.max(), 1e-300), interpolation="nearest")
    ax.spines[:].set_visible(False)
    ax.grid(False)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlabel(columns)
    ax.set_ylabel(rows)
    ax.set_title(f"{tensor.name} {tensor.shape}\n{tensor.family or 'no known pattern'}")
    bar = figure.colorbar(image, ax=ax, orientation="horizontal", shrink=0.9, pad=0.03)
    bar.set_label("|analytic − numeric| / largest gradient" + ("\ngray: not looked at" if (error < 0).any() else ""),
                  fontsize=9)
    bar.outline.set_visible(False)


def _tiles(a, role):
    """(picture, what its rows are, what its columns are): 4 axes become tiles with gaps, fewer stay as they are."""
    names = axis_names(role, a.ndim)
    if a.ndim != 4:
        flat = a.reshape(-1, a.shape[-1]) if a.ndim else a.reshape(1, 1)
        return flat, " × ".join(names[:-1]), names[-1] if names else ""
    if role != "parameter":  # (N, H, W, C) -> (H, W, N, C), like a kernel (KH, KW, C, F)
        a, names = a.transpose(1, 2, 0, 3), (names[1], names[2], names[0], names[3])
    height, width, *outer = a.shape
    down, across = (min(n, MOST_TILES) for n in outer)
    picture = np.ma.masked_all((down * (height + 1) - 1, across * (width + 1) - 1))
    for i in range(down):
        for j in range(across):
            tile = slice(i * (height + 1), i * (height + 1) + height), slice(j * (width + 1), j * (width + 1) + width)
            picture[tile] = a[:, :, i, j]
    first = [f" (first {n} of {total})" if n < total else "" for n, total in zip((down, across), outer, strict=True)]
    return picture, f"{names[2]} × {names[0]}{first[0]}", f"{names[3]} × {names[1]}{first[1]}"
