"""Written in lesson 10."""

import numpy as np


def early_stopping(scores, patience):
    """scores: (T,), one after each epoch -> (best epoch, epoch after which training ends), both counted from 1."""
    best = 0
    for epoch in range(len(scores)):
        if scores[epoch] > scores[best]:
            best = epoch
        if epoch - best == patience:
            return best + 1, epoch + 1
    return best + 1, len(scores)


def mirror(images, boxes):
    """images: (N, H, W, C); boxes: (N, 4) xyxy in their pixels -> both mirrored left and right."""
    width = images.shape[2]
    xmin, ymin, xmax, ymax = boxes.T
    return images[:, :, ::-1], np.stack([width - xmax, ymin, width - xmin, ymax], axis=1)


def follow(boxes, window, size):
    """boxes: (N, 4) xyxy; window: (left, top, right, bottom); size: (H, W) of the new picture.

    Returns the boxes in the new picture (N, 4), cut to it, and the share of each area that is left (N,).
    """
    left, top, right, bottom = window
    height, width = size
    across, down = width / (right - left), height / (bottom - top)
    moved = (boxes - [left, top, left, top]) * [across, down, across, down]
    inside = np.clip(moved, 0, [width, height, width, height])
    areas = [(b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) for b in (inside, moved)]
    return inside, areas[0] / areas[1]


def mirrored_batch(images, boxes, few, luck, share=0.5):
    """images: (N, H, W, C); boxes: (N, 4); few: (B,) indices; luck: (B,) -> pictures of the batch, their boxes."""
    x, answers = images[few], boxes[few]
    width = images.shape[2]
    for i in range(len(few)):
        if luck[i] < share:
            xmin, ymin, xmax, ymax = answers[i].copy()  # i counts within the batch
            x[i] = x[i, :, ::-1]
            answers[i] = width - xmax, ymin, width - xmin, ymax
    return x, answers
