"""Answers of learners to the exercise of lesson 12 on correct keypoints."""

import numpy as np

from tests.course.answers import Answers, wrong


def in_loops(pred, joints, visible, limit=0.2):
    shares = []
    for j in range(14):
        right = counted = 0
        for i in range(len(joints)):
            if not (visible[i, j] and visible[i, 9] and visible[i, 2]):
                continue
            torso = np.hypot(joints[i, 9, 0] - joints[i, 2, 0], joints[i, 9, 1] - joints[i, 2, 1])
            counted += 1
            right += np.hypot(pred[i, j, 0] - joints[i, j, 0], pred[i, j, 1] - joints[i, j, 1]) <= limit * torso
        shares.append(right / counted)
    return shares


def with_norm(pred, joints, visible, limit=0.2):
    torso = np.linalg.norm(joints[:, 9] - joints[:, 2], axis=1)
    near = np.linalg.norm(pred - joints, axis=2) / torso[:, None] <= limit
    seen = visible & visible[:, 9:10] & visible[:, 2:3]
    return np.array([near[seen[:, j], j].mean() for j in range(14)])


def people_first(pred, joints, visible, limit=0.2):
    whole = visible[:, 2] & visible[:, 9]
    pred, joints, visible = pred[whole], joints[whole], visible[whole]
    unit = np.sqrt(((joints[:, 9] - joints[:, 2]) ** 2).sum(axis=1, keepdims=True))
    right = np.sqrt(((pred - joints) ** 2).sum(axis=2)) < limit * unit
    return (right * visible).sum(axis=0) / visible.sum(axis=0)


def with_squares(pred, joints, visible, limit=0.2):
    torso = ((joints[:, 2] - joints[:, 9]) ** 2).sum(-1)
    right = ((pred - joints) ** 2).sum(-1) <= limit**2 * torso[:, None]
    return np.mean(right, axis=0, where=visible & (visible[:, 2] & visible[:, 9])[:, None])


def with_nan(pred, joints, visible, limit=0.2):
    torso = np.hypot(*(joints[:, 9] - joints[:, 2]).T)
    right = (np.hypot(*np.moveaxis(pred - joints, 2, 0)) <= limit * torso[:, None]).astype(float)
    right[~visible | ~visible[:, [9]] | ~visible[:, [2]]] = np.nan
    return np.nanmean(right, axis=0)


def complex_numbers(pred, joints, visible, limit=0.2):
    p, q = pred[..., 0] + 1j * pred[..., 1], joints[..., 0] + 1j * joints[..., 1]
    counts = visible * visible[:, [2]] * visible[:, [9]]
    near = abs(p - q) <= limit * abs(q[:, [9]] - q[:, [2]])
    return ((near * counts).sum(axis=0) / counts.sum(axis=0)).astype(np.float32)


def by_lists(pred, joints, visible, limit=0.2):
    answer = []
    for j in range(joints.shape[1]):
        rows = np.flatnonzero(visible[:, j] & visible[:, 9] & visible[:, 2])
        far = np.sqrt(np.square(pred[rows, j] - joints[rows, j]).sum(axis=1))
        answer.append(float(np.mean(far <= limit * np.linalg.norm(joints[rows, 9] - joints[rows, 2], axis=1))))
    return answer


# --- wrong ---


def _near(pred, joints, limit, torso):
    return np.linalg.norm(pred - joints, axis=2) <= limit * torso[:, None]


def _length(a):
    return np.linalg.norm(a, axis=1)


def visible_forgotten(pred, joints, visible, limit=0.2):
    return _near(pred, joints, limit, _length(joints[:, 9] - joints[:, 2])).mean(axis=0)


def torso_may_be_hidden(pred, joints, visible, limit=0.2):
    near = _near(pred, joints, limit, _length(joints[:, 9] - joints[:, 2]))
    return (near & visible).sum(axis=0) / visible.sum(axis=0)


def mean_over_people(pred, joints, visible, limit=0.2):
    near = _near(pred, joints, limit, _length(joints[:, 9] - joints[:, 2]))
    return (near & visible & visible[:, [9]] & visible[:, [2]]).mean(axis=0)


def divided_by_visible(pred, joints, visible, limit=0.2):
    near = _near(pred, joints, limit, _length(joints[:, 9] - joints[:, 2]))
    return (near & visible & visible[:, [9]] & visible[:, [2]]).sum(axis=0) / visible.sum(axis=0)


def in_pixels(pred, joints, visible, limit=0.2):
    seen = visible & visible[:, [9, 2]].all(axis=1, keepdims=True)
    return ((np.linalg.norm(pred - joints, axis=2) <= limit) & seen).sum(axis=0) / seen.sum(axis=0)


def their_own_torso(pred, joints, visible, limit=0.2):
    seen = visible & visible[:, [9, 2]].all(axis=1, keepdims=True)
    return (_near(pred, joints, limit, _length(pred[:, 9] - pred[:, 2])) & seen).sum(axis=0) / seen.sum(axis=0)


def same_side(pred, joints, visible, limit=0.2):
    seen = visible & visible[:, [9]] & visible[:, [3]]
    return (_near(pred, joints, limit, _length(joints[:, 9] - joints[:, 3])) & seen).sum(axis=0) / seen.sum(axis=0)


def mixed_up_sides(pred, joints, visible, limit=0.2):
    seen = visible & visible[:, [8]] & visible[:, [3]]
    return (_near(pred, joints, limit, _length(joints[:, 8] - joints[:, 3])) & seen).sum(axis=0) / seen.sum(axis=0)


def by_the_head(pred, joints, visible, limit=0.2):
    seen = visible & visible[:, [12]] & visible[:, [13]]
    return (_near(pred, joints, limit, _length(joints[:, 12] - joints[:, 13])) & seen).sum(axis=0) / seen.sum(axis=0)


def fixed_limit(pred, joints, visible, limit=0.2):
    return with_norm(pred, joints, visible, 0.2)


def no_root(pred, joints, visible, limit=0.2):
    seen = visible & visible[:, [9, 2]].all(axis=1, keepdims=True)
    near = ((pred - joints) ** 2).sum(axis=2) <= limit * _length(joints[:, 9] - joints[:, 2])[:, None]
    return (near & seen).sum(axis=0) / seen.sum(axis=0)


def no_root_anywhere(pred, joints, visible, limit=0.2):
    seen = visible & visible[:, [9, 2]].all(axis=1, keepdims=True)
    near = ((pred - joints) ** 2).sum(axis=2) <= limit * ((joints[:, 9] - joints[:, 2]) ** 2).sum(axis=1)[:, None]
    return (near & seen).sum(axis=0) / seen.sum(axis=0)


def a_square(pred, joints, visible, limit=0.2):
    seen = visible & visible[:, [9, 2]].all(axis=1, keepdims=True)
    reach = limit * _length(joints[:, 9] - joints[:, 2])[:, None, None]
    return ((abs(pred - joints) <= reach).all(axis=2) & seen).sum(axis=0) / seen.sum(axis=0)


def per_person(pred, joints, visible, limit=0.2):
    near = _near(pred, joints, limit, _length(joints[:, 9] - joints[:, 2]))
    return (near & visible).sum(axis=1) / visible.sum(axis=1)


def one_number(pred, joints, visible, limit=0.2):
    seen = visible & visible[:, [9, 2]].all(axis=1, keepdims=True)
    return _near(pred, joints, limit, _length(joints[:, 9] - joints[:, 2]))[seen].mean()


def in_percent(pred, joints, visible, limit=0.2):
    return with_norm(pred, joints, visible, limit) * 100


def flags_unbroadcast(pred, joints, visible, limit=0.2):
    near = np.linalg.norm(pred - joints, axis=2) <= limit * _length(joints[:, 9] - joints[:, 2])
    return near[visible].mean()


def too_far(pred, joints, visible, limit=0.2):
    seen = visible & visible[:, [9, 2]].all(axis=1, keepdims=True)
    return (~_near(pred, joints, limit, _length(joints[:, 9] - joints[:, 2])) & seen).sum(axis=0) / seen.sum(axis=0)


def whole_people_only(pred, joints, visible, limit=0.2):
    whole = visible.all(axis=1)
    return _near(pred[whole], joints[whole], limit, _length(joints[whole, 9] - joints[whole, 2])).mean(axis=0)


PCK = Answers(
    right=[in_loops, with_norm, people_first, with_squares, with_nan, complex_numbers, by_lists],
    wrong=[wrong(visible_forgotten, "neither rule"), wrong(torso_may_be_hidden, "hidden torso"),
           wrong(mean_over_people, "of all people"), wrong(divided_by_visible, "of the seen"),
           wrong(in_pixels, "pixels"), wrong(their_own_torso, "predicted torso"), wrong(same_side, "one side"),
           wrong(mixed_up_sides, "other diagonal"), wrong(by_the_head, "head"), wrong(fixed_limit, "limit ignored"),
           wrong(no_root, "not rooted"), wrong(no_root_anywhere), wrong(a_square, "each axis"), wrong(per_person),
           wrong(one_number), wrong(in_percent, "percent"), wrong(flags_unbroadcast), wrong(too_far, "the wrong ones"),
           wrong(whole_people_only, "complete people")],
)
