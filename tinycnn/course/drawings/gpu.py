"""Drawings of lesson 14: two memories, who waits for whom, launches, where a GPU pays, a thread, noise of shares."""

import numpy as np

from tinycnn.course.drawings.numbers import HUES, canvas, frame, matrix, say
from tinycnn.errors import require
from tinycnn.plots.look import COLORS, FAINT, INK, new_figure, styled

HOST, DEVICE, WAIT = COLORS["blue"], COLORS["orange"], COLORS["vermilion"]


@styled
def two_memories(x, y, rates):
    """An array x in the host's memory and what becomes of it on the device, y; between them the ways, as bars.

    rates: {"host": bytes a second of the host's memory, "bus": of the way between, "device": of the device's memory}
    """
    figure, columns = new_figure(9.6, 3.9), x.shape[1]
    ax, top = canvas(figure, 24, 9.4), 3.2
    for left, color, name, memory in ((0.2, HOST, "host: the processor", "host"),
                                      (14.8, DEVICE, "device: the GPU", "device")):
        frame(ax, (left, 1.4), (9.0, 6.2), color, linewidth=2)
        say(ax, (left + 4.5, 0.8), name, 13, fontweight="bold")
        say(ax, (left + 4.5, 6.9), f"its memory: {rates[memory] / 1e9:g} GB/s", 11)
    matrix(ax, x, (0.2 + (9 - columns) / 2, top), dict.fromkeys(np.ndindex(x.shape), HOST), name="x, of NumPy")
    matrix(ax, y, (14.8 + (9 - columns) / 2, top), dict.fromkeys(np.ndindex(y.shape), DEVICE), name="y = 2 x, of CuPy")
    for height, words, ends in ((3.3, "to_device(x, ...)", ((9.5, 3.3), (14.5, 3.3))),
                                (5.2, "to_numpy(y)", ((14.5, 5.2), (9.5, 5.2)))):
        ax.annotate("", xy=ends[1], xytext=ends[0], arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 2})
        say(ax, (12, height - 0.5), words, 10.5)
    say(ax, (12, 6.9), f"the bus: {rates['bus'] / 1e9:g} GB/s", 11)
    for left, memory, color in ((4.7, "host", HOST), (12, "bus", WAIT), (19.3, "device", DEVICE)):
        width = 8.6 * rates[memory] / max(rates.values())
        ax.plot([left - width / 2, left + width / 2], [8.6, 8.6], color=color, linewidth=9, solid_capstyle="butt")
    say(ax, (12, 8.0), "bytes a second, to scale", 10)
    return figure


@styled
def timelines(runs):
    """What host and device do over time. runs: {title: (host, device)}, each a list of (start, end, what), seconds.

    what: "prepare", "launch" or "wait" of the host; the number of the step, from 0, for the device's work
    """
    figure = new_figure(9.6, 1.35 * len(runs) + 0.9)
    axes = figure.subplots(len(runs), 1, sharex=True, squeeze=False)[:, 0]
    looks = {"prepare": COLORS["sky"], "launch": HOST, "wait": WAIT}
    last = max(end for host, device in runs.values() for _, end, _ in (*host, *device))
    for ax, (title, (host, device)) in zip(axes, runs.items(), strict=True):
        for row, spans in ((1, host), (0, device)):
            for start, end, what in spans:
                color = looks[what] if what in looks else HUES[1:4][what % 3]
                ax.barh(row, 1e6 * (end - start), left=1e6 * start, height=0.62, color=color, edgecolor="white",
                        linewidth=0.7, alpha=0.45 if what == "wait" else 0.9, hatch="///" if what == "wait" else None)
        busy = sum(end - start for start, end, _ in device)
        ax.set_title(f"{title}: the device works {100 * busy / max(end for _, end, _ in device):.0f} % of the time")
        ax.set_yticks([0, 1], ["device", "host"])
        ax.set_xlim(0, 1.02e6 * last)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="y", visible=False)
    axes[-1].set_xlabel("microseconds (by formula)")
    patches = require("matplotlib.patches", extra="viz")
    figure.legend(handles=[patches.Patch(color=looks["prepare"], alpha=0.9, label="host prepares"),
                           patches.Patch(color=HOST, alpha=0.9, label="host launches"),
                           patches.Patch(facecolor=WAIT, edgecolor="white", alpha=0.45, hatch="///",
                                         label="host waits"),
                           *(patches.Patch(color=HUES[1 + k], label=f"device, step {k + 1}") for k in range(3))],
                  loc="outside lower center", ncols=6, columnspacing=1.2)
    return figure


@styled
def launches(counts):
    """How many launches each part of a step makes. counts: {part: {"forward": n, "backward": n, "update": n}}"""
    figure = new_figure(8.6, 0.36 * len(counts) + 1.3)
    ax, left = figure.subplots(), np.zeros(len(counts))
    for (kind, color, hatch) in (("forward", COLORS["blue"], None), ("backward", COLORS["orange"], "//"),
                                 ("update", COLORS["green"], "..")):
        numbers = np.array([part.get(kind, 0) for part in counts.values()])
        ax.barh(range(len(counts)), numbers, left=left, height=0.7, color=color, label=kind, hatch=hatch,
                edgecolor="white", linewidth=0.6)
        left += numbers
    for i, total in enumerate(left):
        ax.text(total + 0.3, i, f"{total:.0f}", va="center", fontsize=10)
    ax.set_yticks(range(len(counts)), list(counts))
    ax.set_xlabel("launches in the first training step, whatever the batch")
    ax.set_xlim(0, 1.08 * left.max())
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    ax.legend(loc="upper right" if left[0] < left.max() / 2 else "center right")
    return figure


@styled
def where_it_pays(panels):
    """Seconds for a batch, over the batch's size. panels: {title: Panel}

    Panel: a dictionary with batches (B,), here, card, moved (B,): by formula, on this machine, on the card, and on the
    card with x going up and y coming down; measured: {batch: seconds} on this machine; pays: a batch, or None
    """
    figure = new_figure(10.2, 4.3)
    axes = figure.subplots(1, len(panels), sharex=True)
    for ax, (title, panel) in zip(axes, panels.items(), strict=True):
        batches = panel["batches"]
        ax.loglog(batches, 1e3 * panel["here"], color=HOST, label="this machine, by formula")
        ax.loglog(list(panel["measured"]), 1e3 * np.array(list(panel["measured"].values())), "o", color=HOST,
                  markersize=6, label="this machine, measured")
        ax.loglog(batches, 1e3 * panel["card"], color=DEVICE, linestyle="--", label="the card, by formula")
        ax.loglog(batches, 1e3 * panel["moved"], color=COLORS["purple"], linestyle="-.",
                  label="the card, x going up, y coming down")
        if panel["pays"]:
            ax.axvline(panel["pays"], color=FAINT, linewidth=1, label="from here on the card is faster")
        words = f"the card is faster from {panel['pays']} on" if panel["pays"] else "the card is never faster"
        ax.set_title(f"{title}\n{words}", fontsize=11)
        ax.set_xlabel("batch (log scale)")
    axes[0].set_ylabel("milliseconds (log scale)")
    handles = {label: line for ax in axes for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=3)
    return figure


@styled
def one_thread(cols, shape, at, number):
    """A pixel and the numbers that its thread reads. cols: (OH, OW, KH, KW), stride 1; shape: (H, W); at: the pixel."""
    (oh, ow, kh, kw), (height, width) = cols.shape, shape
    total = width + 2.2 + ow * (kw + 1)
    figure = new_figure(7.6, 7.6 * (oh * (kh + 1) + 0.6) / total)
    ax = canvas(figure, total, oh * (kh + 1) + 0.6)
    image, taken = np.full(shape, np.nan), []
    image[at] = number
    top = 1.2 + (oh * (kh + 1) - 1 - height) / 2
    matrix(ax, image, (0.3, top), {at: "#9a9a9a"}, bold={at}, name="dx, one thread a pixel", size=13)
    say(ax, (width + 1.4, top + height / 2), "←", 20)
    for i, j in np.ndindex(oh, ow):
        place = at[0] - i, at[1] - j
        inside = 0 <= place[0] < kh and 0 <= place[1] < kw
        corner = width + 2.6 + j * (kw + 1), 1.2 + i * (kh + 1)
        others = set(np.ndindex(kh, kw)) - {place}
        matrix(ax, cols[i, j], corner, {place: HUES[(i * ow + j) % 5]} if inside else {}, bold={place}, faint=others,
               size=12)
        say(ax, (corner[0] + kw / 2, corner[1] - 0.28), f"window ({i}, {j})", 10)
        if inside:
            taken.append(f"{cols[(i, j, *place)]:g}")
    say(ax, (0.3 + width / 2, top + height + 0.6), f"{' + '.join(taken)} = {number:g}", 13)
    return figure


@styled
def noise_of_ways(far):
    """How far gradients lie from that of all pictures, each batch a dot. far: {name: (batches,)}, relative."""
    figure = new_figure(8.6, 4.0)
    ax, rng = figure.subplots(), np.random.default_rng(0)
    for k, distances in enumerate(map(np.asarray, far.values())):
        typical = np.sqrt(np.mean(distances**2))
        ax.plot(k + rng.uniform(-0.2, 0.2, len(distances)), distances, "o", color=HUES[k], markersize=3, alpha=0.4)
        ax.plot([k - 0.32, k + 0.32], [typical, typical], color=INK, linewidth=2,
                label="typical (root of the mean square)" if k == 0 else None)
        ax.text(k + 0.36, typical, f"{typical:.2f}", va="center", fontsize=11)
    ax.set_xticks(range(len(far)), list(far))
    ax.set(xlim=(-0.5, len(far) - 0.3), ylim=(0, None),
           ylabel="distance from the gradient of all,\nin lengths of that gradient")
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper left")
    return figure
