"""Drawings of lesson 12: joints and their boxes, skeletons in rows, what counts as near, every joint's score."""

import numpy as np

from tinycnn.errors import require
from tinycnn.plots.look import COLORS, FAINT, INK, TRUTH, new_figure, styled
from tinycnn.plots.skeletons import SIDES, ends_of, side_of
from tinycnn.poses import JOINTS, STICKS, TORSO_DIAGONAL

WRONG = COLORS["vermilion"]
WORDS = {"left": "their left", "right": "their right", "": "torso and head"}


def skeleton(ax, joints, width=2.8):
    """Draw the sticks of joints (14, 2); right limbs are thinner, so that sides are not told by color alone."""
    for stick in STICKS:
        side = side_of(stick)
        ax.plot(*ends_of(joints, stick).T, color=SIDES[side], solid_capstyle="round", zorder=3,
                linewidth=width * (0.65 if side == "right" else 1))


def _picture(ax, image, strength=0.7):
    """The picture in a few pale grays: beside its own colors those of the limbs would be lost."""
    height, width = image.shape[:2]
    gray = image.mean(axis=2)
    low, high = np.quantile(gray, (0.01, 0.99))
    pale = 255 * (1 - strength * (1 - np.clip((gray - low) / max(high - low, 1), 0, 1)))
    ax.imshow(np.round(pale / 30) * 30, extent=(0, width, height, 0), cmap="gray", vmin=0, vmax=255)
    ax.set(xticks=[], yticks=[], xlim=(0, width), ylim=(height, 0))
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _legend(figure, width=2.8):
    line = require("matplotlib.lines", extra="viz").Line2D
    handles = [line([], [], color=SIDES[side], label=words, linewidth=width * (0.65 if side == "right" else 1))
               for side, words in WORDS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)


@styled
def one_person(image, joints, visible, box):
    """A person with the numbers of the joints, and their names beside. Hidden joints are hollow. joints: (14, 2)"""
    figure = new_figure(9.6, 5.2)
    ax, names = figure.subplots(1, 2, width_ratios=(1, 1.05))
    _picture(ax, image)
    skeleton(ax, joints, 3.2)
    patch = require("matplotlib.patches", extra="viz").Rectangle
    ax.add_patch(patch(box[:2], *(box[2:] - box[:2]), fill=False, edgecolor=INK, linewidth=1.8, linestyle="--"))
    names.set_axis_off()
    names.set(xlim=(0, 10), ylim=(14.6, -1.3))
    for x, word, where in ((0.5, "joint", "center"), (7.1, "x", "right"), (9.3, "y", "right")):
        names.text(x, -0.75, word, ha=where, va="center", fontweight="bold")
    for j, (name, place) in enumerate(zip(JOINTS, joints, strict=True)):
        color = SIDES[side_of(name)]
        for at, spot in ((ax, place), (names, (0.5, j + 0.1))):
            at.plot(*spot, "o", markersize=15, markeredgecolor=color, zorder=4, markeredgewidth=2.2,
                    markerfacecolor="white", linestyle="none", alpha=1 if visible[j] else 0.75)
            at.text(*spot, str(j), ha="center", va="center", fontsize=9, zorder=5, color=INK if visible[j] else FAINT,
                    fontweight="bold" if visible[j] else "normal")
        seen = {"color": INK if visible[j] else FAINT, "va": "center"}
        names.text(1.2, j + 0.1, name + ("" if visible[j] else " (hidden)"), **seen)
        names.text(7.1, j + 0.1, f"{place[0]:.0f}", ha="right", **seen)
        names.text(9.3, j + 0.1, f"{place[1]:.0f}", ha="right", **seen)
    _legend(figure)
    return figure


@styled
def in_boxes(people, codes):
    """The same pose in two boxes, in pixels, and once more in units of the box.

    people: {title: (joints (J, 2), box (4,))}, the joints connected in their order    codes: (J, 2)
    """
    figure = new_figure(9.6, 3.5)
    axes = figure.subplots(1, len(people) + 1)
    patch = require("matplotlib.patches", extra="viz").Rectangle
    far, unit = max(box.max() for _, box in people.values()) + 2, np.array([-0.5, -0.5, 0.5, 0.5])
    for ax, (title, (joints, box)) in zip(axes, [*people.items(), ("in box units", (codes, unit))], strict=True):
        ax.add_patch(patch(box[:2], *(box[2:] - box[:2]), fill=False, edgecolor=INK, linewidth=2, linestyle="--"))
        ax.plot(*joints.T, "-o", color=SIDES[""], markersize=9, linewidth=3, zorder=3)
        ax.plot(*(box[:2] + box[2:]) / 2, "+", color=INK, markersize=12, markeredgewidth=1.8)
        for x, y in joints:
            above, below = y == box[1], y == box[3]  # beside the box, so that its line crosses no number
            shift = (0, 12) if above else (6, -14) if below else (8, 0)
            ax.annotate(f"({x:g}, {y:g})".replace("-", "−"), (x, y), shift, textcoords="offset points", va="center",
                        ha="center" if above else "left", fontsize=10, zorder=4,
                        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
        low, high, ticks = (-0.75, 0.8, (-0.5, 0, 0.5)) if box is unit else (0, far, range(0, int(far), 4))
        ax.set(xlim=(low, high), ylim=(high, low), aspect="equal", title=title, xticks=ticks, yticks=ticks)
        ax.set_xlabel("widths and heights, from the center" if box is unit else "pixels")
    return figure


@styled
def skeletons(rows, size=1.55):
    """Pictures with skeletons, a row for each name. rows: {name: [(image (H, W, 3), joints (14, 2), title), ...]}"""
    columns = max(len(row) for row in rows.values())
    titled = any(title for row in rows.values() for *_, title in row)
    figure = new_figure(9.6, (size + 0.1 + 0.25 * titled) * len(rows) + 0.4)
    figure.get_layout_engine().set(h_pad=0.06, w_pad=0.02, hspace=0.02, wspace=0.02)
    for axes, (name, row) in zip(figure.subplots(len(rows), columns, squeeze=False), rows.items(), strict=True):
        for ax, (image, joints, title) in zip(axes, row, strict=True):
            _picture(ax, image)
            skeleton(ax, joints)
            if title:
                ax.set_title(title, fontsize=10, pad=4)
        axes[0].set_ylabel(name)
    _legend(figure)
    return figure


@styled
def near_enough(image, joints, visible, pred, limit=0.2):
    """What PCK and PCP ask of one answer: circles around joints, and around the ends of limbs. joints, pred: (14, 2)"""
    figure = new_figure(9.6, 5.4)
    figure.get_layout_engine().set(h_pad=0.1)
    circle = require("matplotlib.patches", extra="viz").Circle
    a, b = (joints[k] for k in TORSO_DIAGONAL)
    reach = limit * np.hypot(*(a - b))
    pick, parts = figure.subplots(1, 2)
    for ax in (pick, parts):
        _picture(ax, image, 0.4)
    pick.plot(*np.array([a, b]).T, color=INK, linewidth=1.6, linestyle="--", zorder=3)
    right = 0
    for j in np.flatnonzero(visible):
        near = np.hypot(*(pred[j] - joints[j])) <= reach
        right += near
        pick.add_patch(circle(joints[j], reach, fill=False, edgecolor=INK, linewidth=1.3, zorder=3))
        pick.plot(*np.array([joints[j], pred[j]]).T, color=FAINT, linewidth=1.2, zorder=4)
        _answer(pick, pred[j], near)
    pick.set_title(f"PCK: {right} of {visible.sum()} joints within {limit:g} torso diagonals (dashed)", fontsize=11)
    limbs = {stick: (ends_of(joints, stick), ends_of(pred, stick)) for stick, ends in STICKS.items()
             if visible[list(ends[0] + ends[1])].all()}
    halves = {stick: np.hypot(*(true[0] - true[1])) / 2 for stick, (true, _) in limbs.items()}
    near = {stick: np.hypot(*(true - said).T) <= halves[stick] for stick, (true, said) in limbs.items()}
    for stick, (true, said) in limbs.items():
        parts.plot(*true.T, color=SIDES[side_of(stick)], linewidth=2.8, solid_capstyle="round", zorder=3)
        parts.plot(*said.T, color=INK if near[stick].all() else WRONG, linewidth=1.6, zorder=4,
                   linestyle="-" if near[stick].all() else "--")
    for stick in _one_right_one_wrong(near, halves):
        for true, said, close in zip(*limbs[stick], near[stick], strict=True):
            parts.add_patch(circle(true, halves[stick], fill=False, edgecolor=INK, linewidth=1.3, linestyle=":",
                                   zorder=3))
            parts.plot(*np.array([true, said]).T, color=FAINT, linewidth=1.2, zorder=4)
            _answer(parts, said, close)
    right = sum(ends.all() for ends in near.values())
    parts.set_title(f"PCP: {right} of {len(near)} limbs with both ends within half their length", fontsize=11)
    line = require("matplotlib.lines", extra="viz").Line2D
    figure.legend(handles=[line([], [], color=TRUTH, marker="o", linestyle="", markersize=8, markeredgecolor=INK,
                                label="near enough"),
                           line([], [], color=WRONG, marker="X", linestyle="", markersize=8, markeredgecolor=INK,
                                label="too far off"),
                           line([], [], color=INK, linewidth=1.6, label="the answer, a limb that is right"),
                           line([], [], color=WRONG, linewidth=1.6, linestyle="--", label="one that is wrong")],
                  loc="outside lower center", ncols=4)
    return figure


def _one_right_one_wrong(near, halves):
    """Names of a limb that is right and one that is wrong, if there are such.

    near: {stick: (2,) bool}    halves: {stick: half its length}

    Arms and legs come before head and torso, and of the wrong ones the shortest, whose circles are smallest. They do
    not meet, if that can be, since circles around one joint are hard to tell apart.
    """
    right = sorted((stick for stick in near if near[stick].all()), key=lambda stick: side_of(stick) == "")[:1]
    taken = {joint for stick in right for end in STICKS[stick] for joint in end}

    def last(stick):
        return side_of(stick) == "", bool(taken & set(STICKS[stick][0] + STICKS[stick][1])), halves[stick]

    return right + sorted((stick for stick in near if not near[stick].all()), key=last)[:1]


def _answer(ax, place, near):
    ax.plot(*place, "o" if near else "X", color=TRUTH if near else WRONG, markersize=8,
            markeredgecolor=INK, markeredgewidth=0.8, zorder=5)


@styled
def per_joint(results, baseline):
    """The score of every joint, head to ankles: a mark for each seed, and the mean pose's as a gray line.

    results: {name: (seeds, 14) shares}    baseline: (14,)
    """
    figure = new_figure(9.6, 5.0)
    ax = figure.subplots()
    order = [13, 12, 9, 8, 10, 7, 11, 6, 3, 2, 4, 1, 5, 0]
    looks = ((COLORS["blue"], "o"), (COLORS["vermilion"], "X"), (COLORS["green"], "^"))
    aside = 0.2 * np.linspace(-1, 1, len(results)) if len(results) > 1 else [0.0]
    for (name, shares), (color, marker), off in zip(results.items(), looks, aside, strict=False):
        for seed, found in enumerate(np.asarray(shares)):
            ax.plot(100 * found[order], np.arange(14) + off, marker, color=color, markersize=7, alpha=0.75,
                    markeredgewidth=0, label=None if seed else f"{name}, each seed")
    ax.plot(100 * baseline[order], np.arange(14), "|", color=FAINT, markersize=15, markeredgewidth=2.5,
            label="the mean pose")
    ax.set_yticks(range(14), [JOINTS[j] for j in order])
    ax.set_ylim(13.6, -0.6)
    ax.set_xlim(-2, 102)
    ax.set_xlabel("near enough (PCK), % of validation people")
    figure.legend(loc="outside upper center", ncols=len(results) + 1)
    return figure
