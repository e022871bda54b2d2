"""Human pose: the names of the joints, their coordinates in the network, and how good a predicted pose is.

A pose is the (x, y) of J = 14 joints, (N, 14, 2) in pixels. Each person comes with a box, and inside the network a
joint is measured from the box's center in box widths and heights: -0.5 is its left or upper edge, 0.5 the other one
(DeepPose, Toshev and Szegedy 2014, section 3.1). State where the box came from: a box made from the true joints is a
hint.

Three measures, each over the joints that are visible:

    PCP     percentage of correct parts: a stick (limb) counts if its two ends lie within half the stick's true length;
            strict: each of them; relaxed: their mean does. Short sticks are the hard ones
    PCK     percentage of correct keypoints: a joint counts within 0.2 of the torso's diagonal, left shoulder to right
            hip
    PCKh    the same within half the length of the head

The **mean pose** of the training set, the same for every picture, stands beside them: with upright people it scores far
above zero.
"""

from typing import Any

import numpy as np

from tinycnn.backend import ArrayLike
from tinycnn.errors import DataError, ShapeError
from tinycnn.text import aligned

JOINTS = (  # in the order of the Leeds Sports Pose data sets; left and right are the person's own
    "right ankle", "right knee", "right hip", "left hip", "left knee", "left ankle",
    "right wrist", "right elbow", "right shoulder", "left shoulder", "left elbow", "left wrist",
    "neck", "head top",
)  # fmt: skip
MIRRORED = (5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13)  # joints[:, MIRRORED] swaps left and right; a flip needs it

STICKS = {  # each end is the mean of the joints named
    "torso": ((8, 9), (2, 3)),  # the middle of the shoulders to the middle of the hips
    "right upper leg": ((2,), (1,)),
    "left upper leg": ((3,), (4,)),
    "right lower leg": ((1,), (0,)),
    "left lower leg": ((4,), (5,)),
    "right upper arm": ((8,), (7,)),
    "left upper arm": ((9,), (10,)),
    "right lower arm": ((7,), (6,)),
    "left lower arm": ((10,), (11,)),
    "head": ((12,), (13,)),
}
TORSO_DIAGONAL, HEAD = (9, 2), (12, 13)


def encode_joints(joints: ArrayLike, boxes: ArrayLike) -> np.ndarray:
    """Joints (N, J, 2) in pixels -> float64 (N, J, 2) in units of each person's box (N, 4) xyxy, from its center."""
    center, extent = _frames(boxes)
    return (np.asarray(joints, np.float64) - center) / extent


def decode_joints(codes: ArrayLike, boxes: ArrayLike) -> np.ndarray:
    """The inverse of encode_joints: (N, J, 2) in box units -> float64 (N, J, 2) in pixels."""
    center, extent = _frames(boxes)
    return np.asarray(codes, np.float64) * extent + center


def places_in_maps(maps: ArrayLike, reach: int = 1) -> np.ndarray:
    """The place that each map means, (N, J, 2) float64 in units of the window, from its center; maps: (N, R, R, J).

    It is the mean of the places around the highest score, up to `reach` cells away, each as likely as softmax says. So
    it lies between cells, and a second hill elsewhere, the other hand say, has no part in it.
    """
    maps = np.asarray(maps, np.float64)
    n, rows, columns, j = maps.shape
    best = maps.reshape(n, rows * columns, j).argmax(axis=1)  # (N, J)
    y, x = best // columns, best % columns
    total, sums = np.zeros((n, j)), np.zeros((n, j, 2))
    person, joint = np.arange(n)[:, None], np.arange(j)
    highest = maps[person, y, x, joint]
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            row, column = y + dy, x + dx
            inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
            there = maps[person, np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1), joint]
            share = np.where(inside, np.exp(there - highest), 0)
            total += share
            sums += share[..., None] * np.stack([(column + 0.5) / columns - 0.5, (row + 0.5) / rows - 0.5], axis=2)
    return sums / total[..., None]


def windows(boxes: ArrayLike, margin: float) -> np.ndarray:
    """The square around each person that a network is shown, (N, 4): its side is margin times the box's longer one."""
    boxes = np.asarray(boxes, np.float64)
    center = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = margin * (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.concatenate([center - half, center + half], axis=1)


def squares(centers: ArrayLike, side: float) -> np.ndarray:
    """Squares (n, 4) of one size around points (n, 2)."""
    centers = np.asarray(centers, np.float64)
    return np.concatenate([centers - side / 2, centers + side / 2], axis=1)


def mean_pose(joints: ArrayLike, boxes: ArrayLike, visible: ArrayLike | None = None) -> np.ndarray:
    """The mean of each joint over a training set in box units, (J, 2); decode_joints puts it into any box.

    joints: (N, J, 2) pixels; boxes: (N, 4); visible: (N, J) bool, the joints to count (default all).
    """
    joints, visible = _joints(joints, visible)
    counts = visible.sum(axis=0)  # (J,)
    if (counts == 0).any():
        raise DataError(f"no visible joint number {int(np.argmin(counts))} in {len(joints)} poses: it has no mean")
    codes = np.where(visible[..., None], encode_joints(joints, boxes), 0)  # a hidden joint may hold NaN
    return codes.sum(axis=0) / counts[:, None]


def pcp(predicted: ArrayLike, joints: ArrayLike, visible: ArrayLike | None = None, strict: bool = True,
        threshold: float = 0.5) -> dict[str, float]:
    """Percentage of correct parts, as shares 0..1: {"total": ..., "torso": ..., "right upper leg": ..., ...}.

    predicted, joints: (N, 14, 2) in the same pixels; visible: (N, 14) bool. A stick with a hidden joint is not counted;
    "total" is the share among all sticks counted; the name of a stick that was never counted is absent.
    """
    predicted, joints, visible = _pair(predicted, joints, visible)
    right, counted = {}, {}
    for name, ends in STICKS.items():
        true_ends = [joints[:, end].mean(axis=1) for end in ends]  # 2 x (N, 2)
        errors = [_distance(predicted[:, end].mean(axis=1), true) for end, true in zip(ends, true_ends, strict=True)]
        error = np.maximum(*errors) if strict else (errors[0] + errors[1]) / 2  # (N,)
        right[name] = error <= threshold * _distance(*true_ends)
        counted[name] = visible[:, ends[0] + ends[1]].all(axis=1)
    return _shares(right, counted)


def pck(predicted: ArrayLike, joints: ArrayLike, visible: ArrayLike | None = None, threshold: float = 0.2,
        reference: tuple[int, int] = TORSO_DIAGONAL) -> dict[str, float]:
    """Percentage of correct keypoints, as shares 0..1: {"total": ..., "right ankle": ..., ...}.

    reference: the two joints whose true distance is the unit of `threshold`; a person with one of them hidden is not
    counted. Otherwise as `pcp`.
    """
    predicted, joints, visible = _pair(predicted, joints, visible)
    unit = _distance(joints[:, reference[0]], joints[:, reference[1]])  # (N,)
    right = _distance(predicted, joints) <= threshold * unit[:, None]  # (N, 14)
    counted = visible & visible[:, list(reference)].all(axis=1, keepdims=True)  # (N, 14)
    return _shares(dict(zip(JOINTS, right.T, strict=True)), dict(zip(JOINTS, counted.T, strict=True)))


def pckh(predicted: ArrayLike, joints: ArrayLike, visible: ArrayLike | None = None,
         threshold: float = 0.5) -> dict[str, float]:
    """PCK with the head, neck to head top, as the unit (Andriluka et al. 2014)."""
    return pck(predicted, joints, visible, threshold, reference=HEAD)


def evaluate_pose(predicted: ArrayLike, joints: ArrayLike, visible: ArrayLike | None = None) -> dict[str, float]:
    """All measures in one flat dict of numbers: "pcp/total", "pcp/torso", "pcp_relaxed/...", "pck/...", "pckh/..."."""
    measured = {
        "pcp": pcp(predicted, joints, visible),
        "pcp_relaxed": pcp(predicted, joints, visible, strict=False),
        "pck": pck(predicted, joints, visible),
        "pckh": pckh(predicted, joints, visible),
    }
    return {f"{name}/{part}": share for name, shares in measured.items() for part, share in shares.items()}


def comparison_table(measured: dict[str, float]) -> str:
    """What evaluating a PoseNet gives as a text table, in percent: each measure and part; beside it, where it was
    measured, what its first stage said, and the mean pose.
    """
    beside = {"stage_1": "stage 1", "mean_pose": "mean pose"}
    columns = ["", *(f"{name}/" for name in beside if f"{name}/pcp/total" in measured)]
    rows = [("", "model", *(beside[column[:-1]] for column in columns[1:]))]
    measures = {"pcp": "PCP, strict", "pcp_relaxed": "PCP, relaxed", "pck": "PCK@.2", "pckh": "PCKh@.5"}
    for name, words in measures.items():
        parts = [part for part in measured if part.startswith(f"{name}/")]
        for part in parts if name in ("pcp", "pck") else parts[:1]:
            label = words if part.endswith("/total") else f"  {part.partition('/')[2]}"
            shown = [measured.get(f"{column}{part}", float("nan")) for column in columns]
            rows.append((label, *(f"{100 * share:.1f}" for share in shown)))
    return "\n".join(aligned(rows))


def _shares(right: dict[str, Any], counted: dict[str, Any]) -> dict[str, float]:
    """right, counted: {name: (N,) bool} -> the share of right among counted, over all names and for each."""
    total = sum(int(which.sum()) for which in counted.values())
    if total == 0:
        raise DataError("there is nothing to measure: no pose has the visible joints that this measure needs")
    shares = {"total": sum(int((right[name] & counted[name]).sum()) for name in right) / total}
    for name, which in counted.items():
        if which.any():
            shares[name] = float(right[name][which].mean())
    return shares


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sqrt(((a - b) ** 2).sum(axis=-1))


def _frames(boxes: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, 4) xyxy -> centers (N, 1, 2) and extents (N, 1, 2) as (x, y)."""
    boxes = np.asarray(boxes, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ShapeError(f"expected one box (xmin, ymin, xmax, ymax) per person, (N, 4), got shape {boxes.shape}")
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    if not (high > low).all():
        raise DataError("the box of a person has no area: joints cannot be measured in it")
    return (low + high) / 2, high - low


def _joints(joints: ArrayLike, visible: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    joints = np.asarray(joints, np.float64)
    if joints.ndim != 3 or joints.shape[2] != 2:
        raise ShapeError(f"expected joints (N, J, 2) as (x, y) in pixels, got shape {joints.shape}")
    visible = np.ones(joints.shape[:2], bool) if visible is None else np.asarray(visible, bool)
    if visible.shape != joints.shape[:2]:
        raise ShapeError(f"expected visible {joints.shape[:2]}, one flag per joint, got shape {visible.shape}")
    return joints, visible


def _pair(predicted: ArrayLike, joints: ArrayLike,
          visible: ArrayLike | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    joints, visible = _joints(joints, visible)
    predicted = np.asarray(predicted, np.float64)
    if predicted.shape != joints.shape or joints.shape[1] != len(JOINTS):
        raise ShapeError(f"expected poses (N, {len(JOINTS)}, 2) twice, got {predicted.shape} and {joints.shape}")
    return predicted, joints, visible
