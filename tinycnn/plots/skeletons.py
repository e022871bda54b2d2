"""People with their skeletons: what was marked, what a network says, left and right told apart."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinycnn.errors import DataError, require
from tinycnn.plots.annotate import enlarged
from tinycnn.plots.look import COLORS, FAINT, INK, Figure, new_figure, styled
from tinycnn.poses import JOINTS, MIRRORED, STICKS, pck
from tinycnn.resize import crop_resize

if TYPE_CHECKING:
    from PIL.Image import Image

# Left and right differ in color and in lightness, and right limbs are drawn thinner: nothing is said by color alone.
SIDES = {"left": COLORS["orange"], "right": COLORS["blue"], "": COLORS["green"]}
CELL, MOST_PIXELS = 1.75, 360


def side_of(stick: str) -> str:
    """"left", "right", or "" for torso and head."""
    first = stick.partition(" ")[0]
    return first if first in ("left", "right") else ""


def ends_of(joints: np.ndarray, stick: str) -> np.ndarray:
    """The two ends (2, 2) of a stick in joints (14, 2); each is the mean of the joints named."""
    return np.array([joints[list(end)].mean(axis=0) for end in STICKS[stick]])


@styled
def poses(samples: Any, joints: np.ndarray, columns: int = 6, title: str | None = None) -> Figure:
    """Each person with the predicted skeleton; crosses are the true joints that are visible.

    samples: N PoseSamples    joints: (N, 14, 2) predicted, in pixels of each picture
    """
    if len(samples) != len(joints) or not len(samples):
        raise DataError(f"expected one pose for each sample, got {len(joints)} for {len(samples)}")
    columns = min(columns, len(samples))
    rows = -(-len(samples) // columns)
    figure = new_figure(CELL * columns, (CELL + 0.3) * rows + 0.9)
    axes = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for i, ax in enumerate(axes):
        ax.set_axis_off()
        if i >= len(samples):
            continue
        image, shift, scale = _around(samples.images[i], samples.boxes[i], joints[i])
        ax.imshow(image)
        for stick in STICKS:
            side = side_of(stick)
            ax.plot(*((ends_of(joints[i], stick) - shift) * scale).T, color=SIDES[side], solid_capstyle="round",
                    linewidth=1.8 if side == "right" else 2.8)  # fmt: skip
        shown = (samples.joints[i][samples.visible[i]] - shift) * scale
        ax.plot(*shown.T, "x", color="white", markersize=4.5, markeredgewidth=2.2)
        ax.plot(*shown.T, "x", color=INK, markersize=4, markeredgewidth=1)
        ax.set_xlim(0, image.shape[1])
        ax.set_ylim(image.shape[0], 0)
        ax.set_title(_score(samples, joints, i), fontsize=9, pad=4)
    figure.suptitle(title or f"{len(samples)} people")
    line = require("matplotlib.lines", extra="viz").Line2D
    handles = [line([], [], color=SIDES["left"], linewidth=2.8, label="their left"),
               line([], [], color=SIDES["right"], linewidth=1.8, label="their right"),
               line([], [], color=SIDES[""], linewidth=2.8, label="torso and head"),
               line([], [], color=INK, marker="x", linestyle="", label="true joint")]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _score(samples, joints, i):
    """How many of the visible joints lie within .2 torso diagonals; in words where the torso cannot be measured."""
    one = slice(i, i + 1)
    try:
        share = pck(joints[one], samples.joints[one], samples.visible[one])["total"]
    except DataError:
        return "torso hidden"
    count = int(samples.visible[i].sum())
    return f"{round(share * count)} of {count} joints"


def _around(image, box, joints):
    """The part of a picture around a person, not too large: (image, what is taken off x and y, factor)."""
    low = np.minimum(np.asarray(box)[:2], joints.min(axis=0)) - 4
    high = np.maximum(np.asarray(box)[2:], joints.max(axis=0)) + 4
    half = (high - low).max() / 2
    center = (low + high) / 2
    window = *(center - half), *(center + half)
    side = int(min(MOST_PIXELS, max(64, round(2 * half * 3))))
    return crop_resize(image, window, (side, side)), center - half, side / (2 * half)


def annotate_pose(image: np.ndarray, joints: Sequence[Any] | np.ndarray) -> "Image":
    """A Pillow image: a copy of `image` (H, W, 3) uint8 with the skeleton of joints (14, 2) on it.

    Pictures with a side under 240 pixels come out 2, 3 ... times as large; all others keep their size.
    """
    draw_on = require("PIL.ImageDraw", extra="images")
    copy, times = enlarged(image)
    unit = max(2, round(min(copy.size) / 110))
    draw, places = draw_on.Draw(copy), np.asarray(joints, float) * times
    for rim in (True, False):  # the dark rim keeps the lines visible on any picture
        for stick in STICKS:
            side = side_of(stick)
            width = unit + (side != "right") * max(1, unit // 2) + 2 * rim
            (x0, y0), (x1, y1) = ends_of(places, stick)
            draw.line((x0, y0, x1, y1), fill="black" if rim else SIDES[side], width=width)
    for x, y in places:
        draw.ellipse((x - unit, y - unit, x + unit, y + unit), fill="white", outline="black")
    return copy


@styled
def pose_report(errors: np.ndarray, baseline: np.ndarray, pulls: dict[str, float], picture: np.ndarray,
                saliency: np.ndarray, joint: str, place: np.ndarray) -> Figure:
    """Three looks at a PoseNet: how far off each joint is, which limb pulls the trunk, which pixels one joint follows.

    errors, baseline: (14,) median distance of the model and of the mean pose, in torso diagonals    pulls: {stick: norm
    of the gradient of its loss at the features}    picture: (S, S, 3) uint8    saliency: (S, S)    place: (2,) of joint
    """
    figure = new_figure(14, 5.2)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.15, 1.0, 0.95))
    order = [JOINTS.index(name) for name in JOINTS if not name.startswith("right")]
    for row, i in enumerate(order):
        left.plot([baseline[i]], [row], "|", color=FAINT, markersize=14, markeredgewidth=2,
                  label=None if row else "the mean pose")  # fmt: skip
        left.plot([errors[i]], [row], "o", color=SIDES[side_of(JOINTS[i])], markersize=9)
        if MIRRORED[i] != i:
            left.plot([errors[MIRRORED[i]]], [row], "s", color=SIDES["right"], markersize=6)
    left.set_yticks(range(len(order)), [JOINTS[i].removeprefix("left ") for i in order])
    left.axvline(0.2, color=INK, linestyle=":", linewidth=1.2, label="PCK's limit, 0.2")
    left.set_xlim(0)
    left.set_xlabel("median distance, torso diagonals")
    left.set_title("How far off each joint is\n(circle: left or middle, square: right)")
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    names = sorted(pulls, key=lambda name: pulls[name])
    middle.barh(range(len(names)), [pulls[name] for name in names], color=[SIDES[side_of(name)] for name in names])
    middle.set_yticks(range(len(names)), names)
    middle.set_xlabel("norm of the gradient at the features")
    middle.set_title("Which limb pulls the trunk")
    strength = np.clip(saliency / max(np.quantile(saliency, 0.995), 1e-12), 0, 1)[..., None]
    gray = np.repeat(picture.mean(axis=2, keepdims=True) / 255 * 0.75 + 0.2, 3, axis=2)
    warm = np.array([0xD5, 0x5E, 0x00]) / 255
    right.imshow(np.clip(gray * (1 - strength) + warm * strength, 0, 1))
    right.plot(*place, "o", markersize=11, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=2)
    right.set_axis_off()
    right.set_title(f"Which pixels move the {joint}\n(circle: where it is said to be)")
    return figure
