"""Written in lesson 01."""

import numpy as np
import tinycnn as tc


def to_xyxy(numbers, form):
    """Four numbers of a file -> array (4,): (xmin, ymin, xmax, ymax), half open."""
    a, b, c, d = numbers
    if form == "voc":  # pixels counted from 1, the last one inside: pixel 3 begins at line 2, pixel 7 ends at line 7
        return np.array([a - 1, b - 1, c, d])
    if form == "coco":  # a corner, and how far it is to the other one
        return np.array([a, b, a + c, b + d])
    if form == "tiny-imagenet":  # pixels counted from 0, the last one inside: pixel 6 ends at line 7
        return np.array([a, b, c + 1, d + 1])
    return np.array([a, b, c, d])


def encode(boxes, sizes):
    """boxes: (N, 4) xyxy in pixels; sizes: (N, 2), (height, width) of each picture -> codes (N, 4): (cx, cy, h, w)."""
    xmin, ymin, xmax, ymax = boxes.T  # (N,) each
    heights, widths = sizes.T
    return np.stack([(xmin + xmax) / 2 / widths, (ymin + ymax) / 2 / heights,
                     (ymax - ymin) / heights, (xmax - xmin) / widths], axis=1)


def decode(codes, sizes):
    """codes: (N, 4) (cx, cy, h, w); sizes: (N, 2), (height, width) -> boxes (N, 4) xyxy in pixels."""
    heights, widths = sizes.T  # (N,) each
    cx, cy, h, w = codes.T  # height comes third, width last
    return np.stack([(cx - w / 2) * widths, (cy - h / 2) * heights,
                     (cx + w / 2) * widths, (cy + h / 2) * heights], axis=1)


def iou(a, b):
    """Intersection over union of a[i] and b[i]. a, b: (N, 4) xyxy -> (N,)."""
    top_left = np.maximum(a[:, :2], b[:, :2])  # (N, 2)
    bottom_right = np.minimum(a[:, 2:], b[:, 2:])
    shared = np.maximum(bottom_right - top_left, 0).prod(axis=1)  # (N,): each side clamped, then multiplied
    area_a, area_b = ((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b))
    union = area_a + area_b - shared
    return np.divide(shared, union, out=np.zeros(len(union)), where=union > 0)


def joint_accuracy(labels, boxes, true_labels, true_boxes):
    """Share of pictures with the right class and an IoU of at least 0.5. labels: (N,); boxes: (N, 4) xyxy."""
    return ((labels == true_labels) & (iou(boxes, true_boxes) >= 0.5)).mean()


def mean_box(boxes, sizes, new_sizes):
    """boxes: (N, 4) xyxy of the training set; sizes: (N, 2); new_sizes: (M, 2) -> one box for each, (M, 4) xyxy."""
    code = encode(boxes, sizes).mean(axis=0)  # (4,)
    return tc.boxes.decode(np.tile(code, (len(new_sizes), 1)), new_sizes)
