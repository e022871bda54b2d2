"""One training step as a figure: a row for each layer, a column for each question."""

import textwrap

import numpy as np

from tinycnn.errors import require
from tinycnn.inspection.taps import short
from tinycnn.inspection.unusual import FAST, FAST_HEAD, SLOW
from tinycnn.plots.look import COLORS, FAINT, INK, WRONG, new_figure, styled
from tinycnn.text import percent

BAND = "#e9f3ef"  # where a healthy step lies
ROW = 0.27  # inches


@styled
def trace_figure(trace):
    """Outputs, gradients, zeros, updates and time of a Trace, layer by layer from the image (top) to the heads."""
    rows = len(trace.layers)
    findings = [textwrap.fill(finding, 150, subsequent_indent="   ") for finding in trace.findings_or_none()]
    lines = sum(text.count("\n") + 1 for text in findings)
    figure = new_figure(14, rows * ROW + 1.9 + 0.22 * lines)
    head, body, foot = figure.subfigures(3, 1, height_ratios=[0.55, rows * ROW + 1.25, 0.2 + 0.22 * lines])
    head.text(0.008, 0.5, trace.title, fontsize=13, va="center")
    panels = body.subplots(1, 5, sharey=True, width_ratios=[1.25, 1.25, 0.8, 1.1, 0.9])
    _spread(panels[0], [a.output.quantiles for a in trace.layers], COLORS["blue"])
    _sizes(panels[1], [a.gradient.sizes if a.gradient else None for a in trace.layers], COLORS["purple"])
    _zeros(panels[2], trace.layers)
    _updates(panels[3], trace)
    _times(panels[4], trace.layers)
    panels[0].set_yticks(range(rows), [short(a.name) for a in trace.layers])
    panels[0].set_ylim(rows - 0.4, -0.6)
    for ax in panels:
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="y", visible=False)
    for i, text in enumerate(findings):
        above = sum(earlier.count("\n") + 1 for earlier in findings[:i])
        usual = not trace.findings
        foot.text(0.008, 1 - (above + 0.2) / (lines + 0.6), f"{'✓' if usual else '⚠'}  {text}", fontsize=11, va="top",
                  color=INK if usual else WRONG)
    return figure


def _spread(ax, quantiles, color):
    """Values at the quantiles 1, 5, 25, 50, 75, 95, 99 %: a thin line, a thick one, and a dot at the median."""
    for row, q in enumerate(quantiles):
        ax.plot([q[0], q[-1]], [row, row], color=color, linewidth=1, alpha=0.6, solid_capstyle="butt")
        ax.plot([q[2], q[-3]], [row, row], color=color, linewidth=6, alpha=0.45, solid_capstyle="butt")
        ax.plot(q[3], row, "o", color=color, markersize=4)
    ax.axvline(0, color=FAINT, linewidth=0.8, zorder=0)
    ax.set_title("Outputs y")
    ax.set_xlabel("value: median, middle half,\n98 % (thin line)")
    if max(abs(q[i]) for q in quantiles for i in (0, -1)) > 20:
        ax.set_xscale("symlog", linthresh=1)  # one loud layer must not press the others flat


def _sizes(ax, sizes, color):
    ax.set_xscale("log")
    for row, q in enumerate(sizes):
        if q is None or not q[-1] > 0 or not np.isfinite(q[-1]):
            ax.text(0.03, row, "no gradient", transform=ax.get_yaxis_transform(), va="center", fontsize=9, color=FAINT)
            continue
        ax.plot([q[0], q[-1]], [row, row], color=color, linewidth=1, alpha=0.7, solid_capstyle="butt")
        ax.plot([q[2], q[-3]], [row, row], color=color, linewidth=6, alpha=0.55, solid_capstyle="butt")
        ax.plot(q[3], row, "o", color=color, markersize=4)
    ax.set_title("Gradients |dy|")
    ax.set_xlabel("size of those that are not 0\n(log scale)")


def _zeros(ax, layers):
    for row, a in enumerate(layers):
        ax.barh(row, 100 * a.output.zeros, height=0.62, color=COLORS["sky"])
        if a.dead:
            dead = 100 * a.dead / a.units
            ax.barh(row, dead, height=0.3, color=COLORS["vermilion"])
            ax.text(max(dead, 100 * a.output.zeros) + 3, row, percent(a.dead / a.units), va="center", fontsize=9,
                    color=WRONG)
    patches = require("matplotlib.patches", extra="viz")
    handles = [patches.Patch(color=COLORS["sky"], label="zeros in y"),
               patches.Patch(color=COLORS["vermilion"], label="dead units")]
    ax.set_xlim(0, 119)
    ax.set_xticks([0, 50, 100])
    ax.set_title("Zeros")
    ax.set_xlabel("% of y, % of units")
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.01), bbox_transform=_below(ax), ncols=1)


def _below(ax):
    """Axes coordinates, moved to under the axis label: there constrained layout leaves room for a legend."""
    transforms = require("matplotlib.transforms", extra="viz")
    return ax.transAxes + transforms.ScaledTranslation(0, -0.55, ax.figure.get_figure(root=True).dpi_scale_trans)


def _updates(ax, trace):
    row_of = {a.name: row for row, a in enumerate(trace.layers)}
    ax.set_xscale("log")
    ax.axvspan(SLOW, FAST, color=BAND, zorder=0)
    ax.axvline(1e-3, color=INK, linewidth=1.2, linestyle="--", zorder=1)
    for p in trace.parameters:
        layer, _, leaf = p.name.rpartition(".")
        if layer not in row_of or not p.ratio:
            continue
        weight = len(p.shape) > 1
        usual = SLOW <= p.ratio <= (FAST if layer.startswith("trunk") else FAST_HEAD)
        color = WRONG if weight and not usual else COLORS["green"]
        ax.plot(p.ratio, row_of[layer], "o" if weight else "|", color=color, markersize=8 if weight else 9,
                markeredgewidth=1.5, zorder=3)
    low, high = ax.get_xlim()
    ax.set_xlim(max(min(low, 1e-5), 1e-9), min(max(high, 1e-1), 1e4))
    ax.set_title("Update : weight")
    ax.set_xlabel("norm of step / norm of value")
    lines = require("matplotlib.lines", extra="viz")
    handles = [lines.Line2D([], [], color=COLORS["green"], marker=marker, linestyle="none", markersize=8, label=label,
                            markeredgewidth=1.5) for marker, label in (("o", "weights"), ("|", "biases"))]
    handles.append(lines.Line2D([], [], color=INK, linewidth=1.2, linestyle="--", label="usual: 0.001"))
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.01), bbox_transform=_below(ax), ncols=2,
              columnspacing=1.2)


def _times(ax, layers):
    forward = [1000 * a.forward_seconds for a in layers]
    backward = [1000 * a.backward_seconds for a in layers]
    ax.barh(range(len(layers)), forward, height=0.62, color=COLORS["blue"], label="forward")
    ax.barh(range(len(layers)), backward, left=forward, height=0.62, color=COLORS["orange"], label="backward")
    total = sum(forward) + sum(backward)
    ax.set_title("Time")
    ax.set_xlabel(f"ms, {total:.0f} in all")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), bbox_transform=_below(ax), ncols=1)
