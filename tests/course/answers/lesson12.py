"""Answers of learners to the exercises of lesson 12."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.loss12 import POSE_LOSS
from tests.course.answers.mirror12 import MIRROR
from tests.course.answers.pck12 import PCK

# --- to_box ---


def in_loops(joints, boxes):
    rows = []
    for person, (xmin, ymin, xmax, ymax) in zip(joints, boxes, strict=True):
        row = []
        for x, y in person:
            row += [(x - (xmin + xmax) / 2) / (xmax - xmin), (y - (ymin + ymax) / 2) / (ymax - ymin)]
        rows.append(row)
    return rows


def by_columns(joints, boxes):
    a, b, c, d = boxes.T
    codes = np.zeros((len(joints), 2 * joints.shape[1]))
    codes[:, 0::2] = (joints[:, :, 0] - ((a + c) / 2)[:, None]) / (c - a)[:, None]
    codes[:, 1::2] = (joints[:, :, 1] - ((b + d) / 2)[:, None]) / (d - b)[:, None]
    return codes


def from_the_corner(joints, boxes):
    low, sides = boxes[:, :2].reshape(-1, 1, 2), (boxes[:, 2:] - boxes[:, :2]).reshape(-1, 1, 2)
    return ((joints - low) / sides - 0.5).reshape(joints.shape[0], -1)


def in_float32(joints, boxes):
    joints, boxes = joints.astype(np.float32), boxes.astype(np.float32)
    center, size = 0.5 * (boxes[:, :2] + boxes[:, 2:]), boxes[:, 2:] - boxes[:, :2]
    return ((joints - center[:, np.newaxis]) / size[:, np.newaxis]).reshape(len(joints), -1)


def by_tiling(joints, boxes):
    n, j, _ = joints.shape
    center, size = (boxes[:, [0, 1]] + boxes[:, [2, 3]]) / 2, boxes[:, [2, 3]] - boxes[:, [0, 1]]
    return (joints.reshape(n, 2 * j) - np.tile(center, j)) / np.tile(size, j)


def with_a_comprehension(joints, boxes):
    return np.array([((p - (b[:2] + b[2:]) / 2) / (b[2:] - b[:2])).ravel() for p, b in zip(joints, boxes, strict=True)])


def by_einsum(joints, boxes):
    moved = joints - np.einsum("nkc->nc", boxes.reshape(-1, 2, 2))[:, None] / 2
    return np.einsum("njc,nc->njc", moved, 1 / np.diff(boxes.reshape(-1, 2, 2), axis=1)[:, 0]).reshape(len(boxes), -1)


def corner_is_zero(joints, boxes):
    low = boxes[:, None, :2]
    return ((joints - low) / (boxes[:, None, 2:] - low)).reshape(len(joints), -1)


def minus_one_to_one(joints, boxes):
    return 2 * from_the_corner(joints, boxes)


def still_pixels(joints, boxes):
    a, b, c, d = boxes.T
    center = np.stack([(a + c) / 2, (b + d) / 2], axis=1)
    return (joints - center[:, None]).reshape(len(joints), -1)


def one_side(joints, boxes):
    center = ((boxes[:, :2] + boxes[:, 2:]) / 2)[:, None]
    side = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    return ((joints - center) / side[:, None, None]).reshape(len(joints), -1)


def only_width(joints, boxes):
    center = ((boxes[:, :2] + boxes[:, 2:]) / 2)[:, None]
    return ((joints - center) / (boxes[:, 2] - boxes[:, 0])[:, None, None]).reshape(len(joints), -1)


def xs_and_ys(joints, boxes):
    a, b, c, d = (column[:, None] for column in boxes.T)
    x = (joints[:, :, 0] - (a + c) / 2) / (c - a)
    y = (joints[:, :, 1] - (b + d) / 2) / (d - b)
    return np.concatenate([x, y], axis=1)


def xywh(joints, boxes):
    x, y, w, h = (column[:, None] for column in boxes.T)
    return np.stack([(joints[..., 0] - x - w / 2) / w, (joints[..., 1] - y - h / 2) / h], axis=2).reshape(len(x), -1)


def not_flat(joints, boxes):
    return np.asarray(in_loops(joints, boxes)).reshape(joints.shape)


def no_parentheses(joints, boxes):
    center, size = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2, boxes[:, None, 2:] - boxes[:, None, :2]
    return (joints - center / size).reshape(len(joints), -1)


def center_no_parentheses(joints, boxes):
    center, size = boxes[:, None, :2] + boxes[:, None, 2:] / 2, boxes[:, None, 2:] - boxes[:, None, :2]
    return ((joints - center) / size).reshape(len(joints), -1)


def not_broadcast(joints, boxes):
    center, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return ((joints - center) / size).reshape(len(joints), -1)


def yx(joints, boxes):
    codes = by_columns(joints, boxes)
    flipped = np.empty_like(codes)
    flipped[:, ::2], flipped[:, 1::2] = codes[:, 1::2], codes[:, ::2]
    return flipped


def half_width(joints, boxes):
    size = boxes[:, 2:] - boxes[:, :2]
    return ((joints - size[:, None] / 2) / size[:, None]).reshape(len(joints), -1)


def turned(joints, boxes):
    return np.array(in_loops(joints, boxes)).T


def only_divided(joints, boxes):
    size = np.stack([boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]], axis=-1)
    return (joints / size[:, None]).reshape(len(joints), -1)


def of_box_zero(joints, boxes):
    a, b, c, d = boxes[0]
    return ((joints - [(a + c) / 2, (b + d) / 2]) / [c - a, d - b]).reshape(len(joints), -1)


TO_BOX = Answers(
    right=[in_loops, by_columns, from_the_corner, in_float32, by_tiling, with_a_comprehension, by_einsum],
    wrong=[wrong(corner_is_zero, "corner"), wrong(minus_one_to_one, "half sides"), wrong(still_pixels, "not scaled"),
           wrong(one_side, "longer side"), wrong(only_width, "width for both"), wrong(xs_and_ys, "all x first"),
           wrong(xywh, "width and height"), wrong(not_flat), wrong(no_parentheses, "precedence"),
           wrong(center_no_parentheses), wrong(not_broadcast), wrong(yx, "y before x"),
           wrong(half_width, "half the side as center"), wrong(turned), wrong(only_divided, "not moved"),
           wrong(of_box_zero, "first box")],
)

# --- mean_pose ---


def joint_by_joint(codes, visible):
    pose = np.zeros((codes.shape[1], 2))
    for j in range(codes.shape[1]):
        pose[j] = codes[visible[:, j], j].mean(axis=0)
    return pose


def by_nanmean(codes, visible):
    known = codes.copy()
    known[~visible] = np.nan
    return np.nanmean(known, axis=0)


def by_where(codes, visible):
    return np.mean(codes, axis=0, where=visible[:, :, None])


def by_masked_array(codes, visible):
    hidden = np.repeat(~visible[..., None], 2, axis=2)
    return np.ma.masked_array(codes, hidden).mean(axis=0).data


def counted_by_hand(codes, visible):
    n, j, _ = codes.shape
    sums, counts = [[0.0, 0.0] for _ in range(j)], [0] * j
    for i in range(n):
        for k in range(j):
            if visible[i, k]:
                counts[k] += 1
                sums[k][0] += codes[i, k, 0]
                sums[k][1] += codes[i, k, 1]
    return [[x / c, y / c] for (x, y), c in zip(sums, counts, strict=True)]


def by_weights(codes, visible):
    weight = visible.astype(np.float32)
    return (np.nan_to_num(codes) * weight[..., None]).sum(0) / weight.sum(0)[:, None]


def with_average(codes, visible):
    seen = np.where(visible[..., None], codes, 0)
    return np.stack([np.average(seen[:, j], axis=0, weights=visible[:, j]) for j in range(codes.shape[1])])


def everything(codes, visible):
    return np.mean(codes, axis=0)


def zeros_count(codes, visible):
    return np.where(visible[..., None], codes, 0).mean(axis=0)


def times_flags(codes, visible):
    flags = visible[:, :, None]
    return (codes * flags).sum(axis=0) / flags.sum(axis=0)


def all_flags(codes, visible):
    return np.where(visible[..., None], codes, 0).sum(axis=0) / visible.sum()


def one_place(codes, visible):
    return codes[visible].mean(axis=0)


def of_each_person(codes, visible):
    return np.where(visible[..., None], codes, 0).sum(axis=1) / visible.sum(axis=1)[:, None]


def only_whole_people(codes, visible):
    whole = [i for i in range(len(codes)) if all(visible[i])]
    return codes[whole].mean(axis=0)


def the_sum(codes, visible):
    return np.nansum(np.where(visible[..., None], codes, np.nan), axis=0)


def the_median(codes, visible):
    return [np.median(codes[visible[:, j], j], axis=0) for j in range(codes.shape[1])]


def flag_repeated(codes, visible):
    both = np.repeat(visible, 2, axis=1).reshape(codes.shape)
    return np.where(both, codes, 0).sum(axis=0) / both.sum(axis=(0, 2))[:, None]


def the_others(codes, visible):
    return np.array([codes[~visible[:, j], j].mean(axis=0) for j in range(codes.shape[1])])


def count_not_broadcast(codes, visible):
    return np.where(visible[..., None], codes, 0).sum(axis=0) / visible.sum(axis=0)


def fills_the_callers(codes, visible):
    codes[~visible] = 0
    return codes.sum(axis=0) / visible.sum(axis=0)[:, None]


def flat(codes, visible):
    return by_where(codes, visible).reshape(-1)


def divided_by_joints(codes, visible):
    return np.where(visible[..., None], codes, 0).sum(axis=0) / codes.shape[1]


def skips_nan_only(codes, visible):
    return np.nanmean(codes, axis=0)


MEAN_POSE = Answers(
    right=[joint_by_joint, by_nanmean, by_where, by_masked_array, counted_by_hand, by_weights, with_average],
    wrong=[wrong(everything, "all counted"), wrong(zeros_count, "hidden as 0"), wrong(times_flags, "0 times nan"),
           wrong(all_flags, "one count for all"), wrong(one_place), wrong(of_each_person),
           wrong(only_whole_people, "complete people"), wrong(the_sum, "summed"), wrong(the_median, "median"),
           wrong(flag_repeated, "count of coordinates"), wrong(the_others, "hidden alone"), wrong(count_not_broadcast),
           wrong(fills_the_callers), wrong(flat), wrong(divided_by_joints, "count of joints"), wrong(skips_nan_only)],
)

ANSWERS = {"12.to_box": TO_BOX, "12.mean_pose": MEAN_POSE, "12.pck": PCK, "12.pose_loss": POSE_LOSS,
           "12.mirror": MIRROR}
