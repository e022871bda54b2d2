"""Answers of learners to the exercises of lesson 00."""

import numpy as np

from tests.course.answers import Answers, wrong

# --- normalize ---


def normalize_float64(images):
    return (images.astype(float) - 127.5) / 64


def normalize_in_place(images):
    x = images.astype("float32")
    x -= 127.5
    x /= 64
    return x


def normalize_each(images):
    return np.array([(np.float32(image) - 127.5) * (1 / 64) for image in images])


def normalize_expanded(images):
    return images / 64 - 127.5 / 64


def normalize_signed(images):
    return (images.astype(np.int16) * 2 - 255) / 128


def normalize_list(images):
    return [(image - 127.5) / 64 for image in images.astype(np.float32)]


def wraps(images):
    return (images - np.uint8(127)) / np.float32(64)


def as_bytes(images):
    return ((images - 127.5) / 64).astype(np.uint8)


def to_one(images):
    return images.astype(np.float32) / 255


def minus_one_to_one(images):
    return (images.astype(np.float32) - 127.5) / 127.5


def own_spread(images):
    x = images.astype(np.float32)
    return (x - 127.5) / x.std()


def changes_its_input(images):
    images[...] = 0
    return images.astype(np.float32)


def first_only(images):
    return (images[0].astype(np.float32) - 127.5) / 64


def forgets_to_return(images):
    (images.astype(np.float32) - 127.5) / 64


NORMALIZE = Answers(
    right=[normalize_float64, normalize_in_place, normalize_each, normalize_expanded, normalize_signed, normalize_list],
    wrong=[wrong(wraps, "wrapped around"), wrong(as_bytes), wrong(to_one, "0 to 1"),
           wrong(minus_one_to_one, "-1 to 1"),
           wrong(own_spread), wrong(changes_its_input), wrong(first_only), wrong(forgets_to_return),
           wrong(lambda images: images.astype(np.float32) - 127.5, "not divided"),
           wrong(lambda images: np.float32(images) / 64, "not subtracted"),
           wrong(lambda images: images.astype(np.float32) - 127.5 / 64, "brackets"),
           wrong(lambda images: (images.astype(np.float32) - 128) / 64, "128"),
           wrong(lambda images: images.astype(np.float32) / 64 - 127.5, "order"),
           wrong(lambda images: (np.float32(images) - np.float32(images).mean()) / 64, "own mean")])

# --- best_guess ---


def guess_loop(probabilities):
    labels = []
    for row in probabilities:
        best = 0
        for k in range(len(row)):
            if row[k] > row[best]:
                best = k
        labels.append(best)
    return labels


def guess_floats(probabilities):
    return np.array([float(np.argmax(row)) for row in probabilities])


def guess_where(probabilities):
    return np.where(probabilities == probabilities.max(axis=1, keepdims=True))[1]


def one_hot(probabilities):
    return (probabilities == probabilities.max(axis=1, keepdims=True)).astype(int)


BEST_GUESS = Answers(
    right=[guess_loop, guess_floats, guess_where, lambda p: np.argmax(p, axis=-1), lambda p: p.argsort(axis=1)[:, -1],
           lambda p: p.T.argmax(axis=0)],
    wrong=[wrong(lambda p: p.argmax(axis=0), "down instead of across"), wrong(lambda p: p.argmax(), "one for all"),
           wrong(lambda p: p.max(axis=1), "probability"), wrong(lambda p: np.argmin(p, axis=1), "least probable"),
           wrong(lambda p: p.argsort(axis=1)[:, 0], "least probable"),
           wrong(lambda p: np.argmax(p, axis=1) + 1, "counted from 1"), wrong(one_hot),
           wrong(lambda p: p.argsort(axis=1)[:, -2], "second best"), wrong(lambda p: p[0].argmax()),
           wrong(lambda p: p.argmax(axis=2)), wrong(lambda p: [int(row.argmax()) for row in p.T],
                                                   "down instead of across"),
           wrong(lambda p: p > 0.5), wrong(lambda p: np.round(p).argmax(axis=1)), wrong(lambda p: None)])

# --- cut_out ---


def cut_ints(image, box):
    left, top, right, bottom = [int(round(float(v))) for v in box]
    return image[top:bottom, left:right, :]


def cut_rint(image, box):
    b = np.rint(box).astype(np.int64)
    return image[slice(b[1], b[3])][:, slice(b[0], b[2])]


def cut_take(image, box):
    x0, y0, x1, y1 = np.round(np.asarray(box)).astype("int32")
    return image.take(range(y0, y1), axis=0).take(range(x0, x1), axis=1)


def cut_loop(image, box):
    x0, y0, x1, y1 = (int(np.round(v)) for v in box)
    return np.array([[image[i, j] for j in range(x0, x1)] for i in range(y0, y1)])


def cut_half_up(image, box):
    x0, y0, x1, y1 = np.floor(np.array(box) + 0.5).astype(int)
    return image[y0:y1, x0:x1].copy()


def cut_floats(image, box):
    x0, y0, x1, y1 = np.round(box).astype(int)
    return image[y0:y1, x0:x1].astype(float)


def _whole(box):
    return [int(round(float(v))) for v in box]


def crossed(image, box):
    x0, y0, x1, y1 = _whole(box)
    return image[x0:x1, y0:y1]


def by_width(image, box):
    x0, y0, x1, y1 = _whole(box)
    return image[y0 : y1 - y0, x0 : x1 - x0]


def truncated(image, box):
    x0, y0, x1, y1 = box.astype(int)
    return image[y0:y1, x0:x1]


def not_whole(image, box):
    x0, y0, x1, y1 = box
    return image[y0:y1, x0:x1]


def inclusive(image, box):
    x0, y0, x1, y1 = _whole(box)
    return image[y0 : y1 + 1, x0 : x1 + 1]


def one_short(image, box):
    x0, y0, x1, y1 = _whole(box)
    return image[y0 : y1 - 1, x0 : x1 - 1]


def red(image, box):
    x0, y0, x1, y1 = _whole(box)
    return image[y0:y1, x0:x1, 0]


def outward(image, box):
    x0, y0 = np.floor(box[:2]).astype(int)
    x1, y1 = np.ceil(box[2:]).astype(int)
    return image[y0:y1, x0:x1]


def rows_only(image, box):
    _, y0, _, y1 = _whole(box)
    return image[y0:y1]


def blackened(image, box):
    x0, y0, x1, y1 = _whole(box)
    mask = np.zeros(image.shape, image.dtype)
    mask[y0:y1, x0:x1] = image[y0:y1, x0:x1]
    return mask


def as_xywh(image, box):
    x, y, w, h = _whole(box)
    return image[y : y + h, x : x + w]


def center(image, box):
    cx, cy, h, w = _whole(box)
    return image[cy - h // 2 : cy + h // 2, cx - w // 2 : cx + w // 2]


CUT_OUT = Answers(
    right=[cut_ints, cut_rint, cut_take, cut_loop, cut_half_up, cut_floats],
    wrong=[wrong(crossed, "x and y exchanged"), wrong(by_width, "width as end"), wrong(truncated, "cut off"),
           wrong(not_whole), wrong(inclusive, "one more"), wrong(one_short, "one less"), wrong(red, "gray"),
           wrong(outward, "outward"), wrong(rows_only), wrong(blackened), wrong(as_xywh, "xmax as width"),
           wrong(center)])

ANSWERS = {"00.normalize": NORMALIZE, "00.best_guess": BEST_GUESS, "00.cut_out": CUT_OUT}
