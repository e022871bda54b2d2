"""Written in lesson 12."""

import numpy as np


def to_box(joints, boxes):
    """joints: (N, J, 2), pixels; boxes: (N, 4) xyxy -> (N, 2 * J): x0, y0, x1, y1 ... in units of each box."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]  # (N, 1, 2)
    return ((joints - (low + high) / 2) / (high - low)).reshape(len(joints), -1)


def mean_pose(codes, visible):
    """codes: (N, J, 2), of no meaning where hidden, even nan; visible: (N, J) bool -> (J, 2)."""
    return np.where(visible[..., None], codes, 0).sum(axis=0) / visible.sum(axis=0)[:, None]


def pck(pred, joints, visible, limit=0.2):
    """pred, joints: (N, 14, 2) in the same pixels; visible: (N, 14) bool -> shares from 0 to 1, (14,)."""
    torso = np.sqrt(((joints[:, 9] - joints[:, 2]) ** 2).sum(axis=-1))  # (N,)
    right = np.sqrt(((pred - joints) ** 2).sum(axis=-1)) <= limit * torso[:, None]  # (N, 14)
    counted = visible & (visible[:, 9] & visible[:, 2])[:, None]
    return (right & counted).sum(axis=0) / counted.sum(axis=0)


def pose_loss(pred, targets, visible):
    """pred, targets: (N, 2 * J), targets of no meaning where hidden; visible: (N, J) -> value, dpred (N, 2 * J)."""
    mask = np.repeat(visible, 2, axis=1)  # a flag for x and one for y
    difference, count = np.where(mask, pred - targets, 0), mask.sum()
    return (difference**2).sum() / count, difference * (2 / count)


def mirror(images, codes, visible, partner):
    """images: (N, H, W, C); codes: (N, J, 2) from the middle; visible: (N, J); partner: (J,) -> the three, mirrored."""
    x, y = codes[:, partner, 0], codes[:, partner, 1]  # what was left is right
    return images[:, :, ::-1], np.stack([-x, y], axis=2), visible[:, partner]
