"""Answers of learners to the exercises of lesson 01 that turn boxes into other numbers."""

import numpy as np

from tests.course.answers import Answers, wrong

# --- convert ---


def by_case(numbers, form):
    a, b, c, d = numbers
    match form:
        case "voc":
            return a - 1, b - 1, c, d
        case "coco":
            return a, b, a + c, b + d
        case "tiny-imagenet":
            return a, b, c + 1, d + 1
    return a, b, c, d


def by_shift(numbers, form):
    shift = {"voc": [-1, -1, 0, 0], "csv": [0] * 4, "tiny-imagenet": [0, 0, 1, 1],
             "coco": [0, 0, numbers[0], numbers[1]]}
    return np.add(numbers, shift[form])


def in_place_on_a_copy(numbers, form):
    box = np.array(numbers, dtype=float)
    if form == "voc":
        box[:2] -= 1
    elif form == "coco":
        box[2:] += box[:2]
    elif form == "tiny-imagenet":
        box[2:] += 1
    return box


def as_list(numbers, form):
    return list(by_case(numbers, form))


def as_float32(numbers, form):
    return np.array(by_case(numbers, form), np.float32)


def by_tables(numbers, form):
    first = {"voc": 1}.get(form, 0)
    last = {"tiny-imagenet": 1}.get(form, 0)
    x, y = numbers[0] - first, numbers[1] - first
    return [x, y, *((x + numbers[2], y + numbers[3]) if form == "coco" else (numbers[2] + last, numbers[3] + last))]


def but(**wrong_ones):
    """Right for all formats but those given."""
    def function(numbers, form):
        a, b, c, d = numbers
        return wrong_ones[form](a, b, c, d) if form in wrong_ones else by_case(numbers, form)
    return function


def changes_its_input(numbers, form):
    if form == "voc":
        numbers[:2] -= 1
    elif form == "coco":
        numbers[2:] += numbers[:2]
    elif form == "tiny-imagenet":
        numbers[2:] += 1
    return numbers


def misspelled(numbers, form):
    return by_case(numbers, {"tiny-imagenet": "tiny_imagenet"}.get(form, form))


CONVERT = Answers(
    right=[by_case, by_shift, in_place_on_a_copy, as_list, as_float32, by_tables],
    wrong=[wrong(but(voc=lambda a, b, c, d: (a, b, c, d)), "voc as written"),
           wrong(but(voc=lambda a, b, c, d: (a - 1, b - 1, c - 1, d - 1)), "voc minus one"),
           wrong(but(voc=lambda a, b, c, d: (a - 1, b - 1, c + 1, d + 1))),
           wrong(but(coco=lambda a, b, c, d: (a, b, c, d)), "width as xmax"),
           wrong(but(coco=lambda a, b, c, d: (a, b, a + c - 1, b + d - 1)), "coco one too many"),
           wrong(but(coco=lambda a, b, c, d: (a - c / 2, b - d / 2, a + c / 2, b + d / 2)), "coco center"),
           wrong(but(coco=lambda a, b, c, d: (a, b, a + d, b + c)), "coco h and w exchanged"),
           wrong(misspelled, "last pixel lost"),
           wrong(lambda numbers, form: numbers, "voc as written, width as xmax, last pixel lost"),
           wrong(but(csv=lambda a, b, c, d: (a, b, c + 1, d + 1)), "csv shifted"), wrong(changes_its_input),
           wrong(but(**{"tiny-imagenet": lambda a, b, c, d: (a - 1, b - 1, c, d)}), "tiny minus one"),
           wrong(lambda numbers, form: {"voc": by_case(numbers, "voc")}[form])])

# --- encode ---


def stacked(boxes, sizes):
    h, w = np.asarray(sizes, float).T
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / (2 * w), (boxes[:, 1] + boxes[:, 3]) / (2 * h),
                     (boxes[:, 3] - boxes[:, 1]) / h, (boxes[:, 2] - boxes[:, 0]) / w], 1)


def looped(boxes, sizes):
    return [[(x0 + x1) / 2 / w, (y0 + y1) / 2 / h, (y1 - y0) / h, (x1 - x0) / w]
            for (x0, y0, x1, y1), (h, w) in zip(boxes, sizes, strict=True)]


def relative(boxes, sizes):
    x0, y0, x1, y1 = (boxes / np.hstack([sizes[:, ::-1], sizes[:, ::-1]])).T
    return np.array([(x0 + x1) * 0.5, (y0 + y1) * 0.5, y1 - y0, x1 - x0]).T


def filled(boxes, sizes):
    codes = np.zeros_like(boxes)
    codes[:, 0] = boxes[:, [0, 2]].mean(axis=1) / sizes[:, 1]
    codes[:, 1] = boxes[:, [1, 3]].mean(axis=1) / sizes[:, 0]
    codes[:, 2] = np.diff(boxes[:, [1, 3]])[:, 0] / sizes[:, 0]
    codes[:, 3] = np.diff(boxes[:, [0, 2]])[:, 0] / sizes[:, 1]
    return codes


def corner_plus_half(boxes, sizes):
    h, w = (boxes[:, 3] - boxes[:, 1]) / sizes[:, 0], (boxes[:, 2] - boxes[:, 0]) / sizes[:, 1]
    return np.column_stack([boxes[:, 0] / sizes[:, 1] + w / 2, boxes[:, 1] / sizes[:, 0] + h / 2, h, w])


def in_float32(boxes, sizes):
    return stacked(boxes, sizes).astype(np.float32)


def made(formula):
    def function(boxes, sizes):
        return np.stack(formula(*boxes.T, *sizes.T.astype(float)), axis=-1)
    return function


ENCODE = Answers(
    right=[stacked, looped, relative, filled, corner_plus_half, in_float32],
    wrong=[wrong(made(lambda a, b, c, d, h, w: ((a + c) / 2 / w, (b + d) / 2 / h, (c - a) / w, (d - b) / h)),
          "h and w exchanged"),
           wrong(made(lambda a, b, c, d, h, w: ((a + c) / 2 / h, (b + d) / 2 / w, (d - b) / w, (c - a) / h)),
                 "sizes exchanged"),
           wrong(made(lambda a, b, c, d, h, w: ((a + c) / 2 * w, (b + d) / 2 * h, (d - b) * h, (c - a) * w)),
                 "multiplied"),
           wrong(made(lambda a, b, c, d, h, w: ((a + c) / 2 / w, (b + d) / 2 * h, (d - b) / h, (c - a) / w))),
           wrong(made(lambda a, b, c, d, h, w: ((a + c) / w, (b + d) / h, (d - b) / h, (c - a) / w)), "not halved"),
           wrong(made(lambda a, b, c, d, h, w: (a / w, b / h, (d - b) / h, (c - a) / w)), "corner"),
           wrong(made(lambda a, b, c, d, h, w: ((a + c) / 2, (b + d) / 2, d - b, c - a)), "pixels"),
           wrong(made(lambda a, b, c, d, h, w: (a / w, b / h, c / w, d / h))),
           wrong(made(lambda a, b, c, d, h, w: (a + c / 2 / w, b + d / 2 / h, (d - b) / h, (c - a) / w))),
           wrong(made(lambda a, b, c, d, h, w: ((b + d) / 2 / h, (a + c) / 2 / w, (d - b) / h, (c - a) / w)),
                 "cx and cy exchanged"),
           wrong(made(lambda a, b, c, d, h, w: ((c - a) / 2 / w, (d - b) / 2 / h, (d - b) / h, (c - a) / w))),
           wrong(lambda boxes, sizes: stacked(boxes, sizes).T), wrong(lambda boxes, sizes: stacked(boxes, sizes)[0]),
           wrong(made(lambda a, b, c, d, h, w: ((a + c) // 2 / w, (b + d) // 2 / h, (d - b) / h, (c - a) / w))),
           wrong(lambda boxes, sizes: boxes / sizes), wrong(lambda boxes, sizes: looped(boxes, sizes[0]))])

# --- decode ---


def unpacked(codes, sizes):
    h, w = sizes[:, 0], sizes[:, 1]
    cy, cx = codes[:, 1] * h, codes[:, 0] * w
    half_h, half_w = codes[:, 2] * h / 2, codes[:, 3] * w / 2
    return np.array([cx - half_w, cy - half_h, cx + half_w, cy + half_h]).T


def one_by_one(codes, sizes):
    boxes = []
    for (cx, cy, h, w), (height, width) in zip(codes, sizes, strict=True):
        boxes.append([width * (cx - w / 2), height * (cy - h / 2), width * (cx + w / 2), height * (cy + h / 2)])
    return boxes


def from_corner(codes, sizes):
    wh = sizes[:, ::-1]
    low = (codes[:, :2] - codes[:, :1:-1] / 2) * wh
    return np.hstack([low, low + codes[:, :1:-1] * wh])


def in_single(codes, sizes):
    return np.float32(unpacked(codes, sizes))


def one_matrix(codes, sizes):
    matrix = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [0, -0.5, 0, 0.5], [-0.5, 0, 0.5, 0]])
    return codes @ matrix * np.tile(sizes[:, ::-1], 2)


def renamed(codes, sizes):
    heights, widths = sizes.T
    x, y, dy, dx = codes.T
    return np.stack([x * widths - dx * widths / 2, y * heights - dy * heights / 2, x * widths + dx * widths / 2,
                     y * heights + dy * heights / 2], axis=-1)


def back(formula):
    def function(codes, sizes):
        return np.stack(formula(*codes.T, *sizes.T.astype(float)), axis=1)
    return function


DECODE = Answers(
    right=[unpacked, one_by_one, from_corner, in_single, one_matrix, renamed],
    wrong=[wrong(back(lambda x, y, w, h, H, W: ((x - w / 2) * W, (y - h / 2) * H, (x + w / 2) * W, (y + h / 2) * H)),
                 "h and w exchanged"),
           wrong(back(lambda x, y, h, w, H, W: ((x - w / 2) * H, (y - h / 2) * W, (x + w / 2) * H, (y + h / 2) * W)),
                 "units exchanged"),
           wrong(back(lambda x, y, w, h, H, W: ((x - w / 2) * H, (y - h / 2) * W, (x + w / 2) * H, (y + h / 2) * W))),
           wrong(back(lambda x, y, h, w, H, W: ((x - h / 2) * W, (y - w / 2) * H, (x + h / 2) * W, (y + w / 2) * H)),
                 "h and w exchanged"),
           wrong(back(lambda x, y, h, w, H, W: (x - w / 2 * W, y - h / 2 * H, x + w / 2 * W, y + h / 2 * H))),
           wrong(back(lambda x, y, h, w, H, W: ((x - w) * W, (y - h) * H, (x + w) * W, (y + h) * H)), "whole sides"),
           wrong(back(lambda x, y, h, w, H, W: (x * W, y * H, (x + w) * W, (y + h) * H)), "corner"),
           wrong(back(lambda x, y, h, w, H, W: (x - w / 2, y - h / 2, x + w / 2, y + h / 2)), "units"),
           wrong(back(lambda x, y, h, w, H, W: ((x - w / 2) / W, (y - h / 2) / H, (x + w / 2) / W, (y + h / 2) / H))),
           wrong(back(lambda x, y, h, w, H, W: ((x - w) / 2 * W, (y - h) / 2 * H, (x + w) / 2 * W, (y + h) / 2 * H)),
                 "divided by twice"),
           wrong(back(lambda x, y, h, w, H, W: ((y - h / 2) * H, (x - w / 2) * W, (y + h / 2) * H, (x + w / 2) * W))),
           wrong(lambda codes, sizes: np.round(unpacked(codes, sizes))), wrong(lambda codes, sizes: codes),
           wrong(lambda codes, sizes: unpacked(codes, sizes).T),
           wrong(lambda codes, sizes: unpacked(codes, sizes[0]))])

# --- mean_box ---


def two_steps(boxes, sizes, new_sizes):
    mean = stacked(boxes, sizes).mean(axis=0)
    return unpacked(np.tile(mean, (len(new_sizes), 1)), new_sizes)


def corners(boxes, sizes, new_sizes):
    wh, new = np.tile(sizes[:, ::-1], 2), np.tile(new_sizes[:, ::-1], 2)
    return (boxes / wh).mean(0) * new


def listed(boxes, sizes, new_sizes):
    total = np.zeros(4)
    for box, (h, w) in zip(boxes, sizes, strict=True):
        total += box / np.array([w, h, w, h])
    return [list(total / len(boxes) * [w, h, w, h]) for h, w in new_sizes]


def outer(boxes, sizes, new_sizes):
    code = np.average(stacked(boxes, sizes), axis=0)
    return np.array([unpacked(code[None], size[None])[0] for size in new_sizes])


def repeated(boxes, sizes, new_sizes):
    return unpacked(np.repeat(stacked(boxes, sizes).mean(0)[None], len(new_sizes), 0), np.array(new_sizes))


def single(boxes, sizes, new_sizes):
    return two_steps(boxes, sizes, new_sizes).astype(np.float32)


def first_size(boxes, sizes, new_sizes):
    mean = stacked(boxes, sizes).mean(axis=0)
    return unpacked(mean[None], new_sizes[:1])[0]


def scaled_by_mean_size(boxes, sizes, new_sizes):
    mean = boxes.mean(axis=0) / np.tile(sizes.mean(axis=0)[::-1], 2)
    return mean * np.tile(new_sizes[:, ::-1], 2)


def square_only(boxes, sizes, new_sizes):
    return (boxes / sizes[:, :1]).mean(0) * new_sizes[:, :1]


MEAN_BOX = Answers(
    right=[two_steps, corners, listed, outer, repeated, single],
    wrong=[wrong(lambda b, s, n: np.repeat(b.mean(0)[None], len(n), axis=0), "pixels"),
           wrong(lambda b, s, n: b.mean(axis=0)),
           wrong(scaled_by_mean_size, "mean size"), wrong(square_only), wrong(first_size, "one box"),
           wrong(lambda b, s, n: np.tile(stacked(b, s).mean(axis=0), (len(n), 1)), "codes"),
           wrong(lambda b, s, n: two_steps(b, s, n[:, ::-1]), "new sizes exchanged"),
           wrong(lambda b, s, n: two_steps(b, s[:, ::-1], n), "sizes exchanged"),
           wrong(lambda b, s, n: two_steps(b, s, s), "sizes of the training set"),
           wrong(lambda b, s, n: unpacked(np.tile(np.median(stacked(b, s), axis=0), (len(n), 1)), n), "median"),
           wrong(lambda b, s, n: unpacked(np.full((len(n), 4), stacked(b, s).mean()), n), "one number"),
           wrong(lambda b, s, n: two_steps(b, s, n).mean(axis=0)), wrong(lambda b, s, n: two_steps(b[:1], s[:1], n)),
           wrong(lambda b, s, n: np.tile(stacked(b, s).mean(axis=0), (len(n), 1)) * np.tile(n[:, ::-1], 2)),
           wrong(lambda b, s, n: unpacked(stacked(b, s).mean(axis=1), n))])
