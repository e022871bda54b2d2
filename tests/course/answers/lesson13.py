"""Answers of learners to the exercises of lesson 13."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.fields13 import RECEPTIVE_FIELD, WINDOW_OF_UNIT
from tests.course.answers.saliency13 import SALIENCY

# --- occlusion ---


def copies(score, image, size, stride):
    h, w, _ = image.shape
    result = []
    for y in range(0, h - size + 1, stride):
        result.append([])
        for x in range(0, w - size + 1, stride):
            z = np.array(image)
            z[y : y + size, x : x + size, :] = 0
            result[-1].append(score(image) - score(z))
    return result


def puts_back(score, image, size, stride):
    image, whole = image.copy(), score(image)
    rows, columns = (np.arange(0, n - size + 1, stride) for n in image.shape[:2])
    drops = np.empty((rows.size, columns.size))
    for r, y in enumerate(rows):
        for c, x in enumerate(columns):
            kept = image[y : y + size, x : x + size].copy()
            image[y : y + size, x : x + size] = 0
            drops[r, c] = whole - score(image)
            image[y : y + size, x : x + size] = kept
    return drops


def by_mask(score, image, size, stride):
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width]
    return np.array([[score(image) - score(np.where(((y >= r) & (y < r + size) & (x >= c) & (x < c + size))[..., None],
                                                    0.0, image))
                      for c in range(0, width - size + 1, stride)] for r in range(0, height - size + 1, stride)])


def by_while(score, image, size, stride):
    lines, y = [], 0
    while y + size <= len(image):
        line, x = [], 0
        while x + size <= image.shape[1]:
            mask = np.ones(image.shape)
            mask[y : y + size, x : x + size] = 0
            line.append(score(image * mask))
            x += stride
        lines.append(line)
        y += stride
    return score(image) - np.array(lines)


def by_shape(score, image, size, stride):
    shape = [(n - size) // stride + 1 for n in image.shape[:2]]
    drops = np.full(shape, float(score(image)))
    for r, c in np.ndindex(*shape):
        z = image.copy()
        z[r * stride : r * stride + size, c * stride : c * stride + size] *= 0
        drops[r, c] -= score(z)
    return drops


def copy_inside(score, image, size, stride):
    whole = score(image)
    rows = range(0, image.shape[0] - size + 1, stride)
    columns = range(0, image.shape[1] - size + 1, stride)
    drops = np.zeros((len(rows), len(columns)))
    for r, y in enumerate(rows):
        for c, x in enumerate(columns):
            covered = image * 1
            covered[y : y + size, x : x + size] = 0
            drops[r, c] = whole - score(covered)
    return drops.astype(np.float32)


def _changed(prepare=lambda image, covered: image.copy(), lose=lambda whole, s: whole - s, row_copy=False, extra=1,
             cover=None, fill=0.0):
    def function(score, image, size, stride):
        whole, covered = score(image), image.copy()
        rows = range(0, image.shape[0] - size + extra, stride)
        columns = range(0, image.shape[1] - size + extra, stride)
        drops = np.zeros((len(rows), len(columns)))
        for r, y in enumerate(rows):
            if row_copy:
                covered = image.copy()
            for c, x in enumerate(columns):
                covered = prepare(image, covered)
                if cover is None:
                    covered[y : y + size, x : x + size] = fill
                else:
                    cover(covered, y, x, size)
                drops[r, c] = lose(whole, score(covered))
        return drops
    return function


def as_found(score, image, size, stride):
    whole, covered = score(image), image
    rows = range(0, image.shape[0] - size + 1, stride)
    columns = range(0, image.shape[1] - size + 1, stride)
    drops = np.zeros((len(rows), len(columns)))
    for r, y in enumerate(rows):
        for c, x in enumerate(columns):
            covered[y : y + size, x : x + size] = 0
            drops[r, c] = whole - score(covered)
    return drops


def whole_too_late(score, image, size, stride):
    covered = image
    rows = range(0, image.shape[0] - size + 1, stride)
    columns = range(0, image.shape[1] - size + 1, stride)
    drops = np.zeros((len(rows), len(columns)))
    for r, y in enumerate(rows):
        for c, x in enumerate(columns):
            covered[y : y + size, x : x + size] = 0
            drops[r, c] = score(image) - score(covered)
    return drops


def a_line(covered, y, x, size):
    covered[y, x : x + size] = 0


def exchanged(covered, y, x, size):
    covered[x : x + size, y : y + size] = 0


def red_only(covered, y, x, size):
    covered[y : y + size, x : x + size, 0] = 0


OCCLUSION = Answers(
    right=[copies, puts_back, by_mask, by_while, by_shape, copy_inside],
    wrong=[wrong(as_found, "squares pile up"),
           wrong(_changed(prepare=lambda image, covered: covered), "squares pile up"),
           wrong(_changed(prepare=lambda image, covered: covered, row_copy=True), "piles up in a row"),
           wrong(whole_too_late), wrong(_changed(lose=lambda whole, s: s - whole), "sign"),
           wrong(_changed(lose=lambda whole, s: s), "not compared"),
           wrong(_changed(lose=lambda whole, s: abs(whole - s)), "size lost"),
           wrong(_changed(lose=lambda whole, s: max(whole - s, 0))), wrong(_changed(extra=0), "last place missing"),
           wrong(_changed(cover=a_line), "one line"), wrong(_changed(cover=exchanged)),
           wrong(_changed(cover=red_only), "one channel"), wrong(_changed(fill=0.5)),
           wrong(lambda score, image, size, stride: np.array(copies(score, image, size, stride)).T, "transposed"),
           wrong(lambda score, image, size, stride: copies(score, image, size, 1), "stride forgotten"),
           wrong(lambda score, image, size, stride: np.ravel(copies(score, image, size, stride)))])

# --- dead_units ---


def by_max(y):
    return y.reshape(-1, y.shape[-1]).max(axis=0) == 0


def by_sum(y):
    return y.sum(axis=tuple(range(y.ndim - 1))) == 0


def by_any(y):
    return np.logical_not(np.any(y > 0, axis=tuple(range(y.ndim - 1))))


def by_loop(y):
    return [bool((y[..., k] == 0).all()) for k in range(y.shape[-1])]


def by_count(y):
    return (np.count_nonzero(y.reshape(-1, y.shape[-1]), axis=0) == 0).astype(int)


def by_cases(y):
    if y.ndim == 4:
        return (y == 0).all(axis=(0, 1, 2))
    return (y == 0).all(axis=0)


def one_by_one(y):
    dead = np.ones(y.shape[-1], bool)
    for picture in y:
        dead &= (picture == 0).reshape(-1, y.shape[-1]).all(axis=0)
    return dead.astype(float)


def not_last(y):
    return tuple(range(y.ndim - 1))


DEAD_UNITS = Answers(
    right=[by_max, by_sum, by_any, by_loop, by_count, by_cases, one_by_one],
    wrong=[wrong(lambda y: np.any(y == 0, axis=not_last(y)), "anywhere"),
           wrong(lambda y: y.max(axis=not_last(y)) > 0, "alive"),
           wrong(lambda y: (y == 0).all(axis=0), "per position"), wrong(lambda y: (y == 0).all(axis=(0, 1, 2))),
           wrong(lambda y: (y == 0).mean(axis=not_last(y)), "share of zeros"),
           wrong(lambda y: y.mean(axis=not_last(y)) < 1e-4, "nearly zero"),
           wrong(lambda y: y.max(axis=not_last(y)) < 1e-4, "nearly zero"),
           wrong(lambda y: by_max(y).mean(), "one number"), wrong(lambda y: by_max(y).sum(), "how many"),
           wrong(lambda y: np.where(by_max(y))[0], "numbers of the dead"),
           wrong(lambda y: by_max(y[:1]), "one picture"), wrong(lambda y: by_max(y[-1:])),
           wrong(lambda y: np.array([by_max(p[None]) for p in y]), "per picture"),
           wrong(lambda y: np.array([by_max(p[None]) for p in y]).any(axis=0), "some picture"),
           wrong(lambda y: (y == 0).mean(axis=not_last(y)) > 0.95, "nearly always"), wrong(lambda y: y == 0),
           wrong(lambda y: (y < 0).all(axis=not_last(y)))])

ANSWERS = {"13.receptive_field": RECEPTIVE_FIELD, "13.window_of_unit": WINDOW_OF_UNIT, "13.saliency": SALIENCY,
           "13.occlusion": OCCLUSION, "13.dead_units": DEAD_UNITS}
