"""Answers of learners to the exercises of lesson 02 about features: edges, votes, integral images, rectangles."""

import math

import numpy as np

from tests.course.answers import Answers, wrong

# --- edges ---


def edges_loop(gx, gy):
    size, angle = np.zeros(gx.shape), np.zeros(gx.shape)
    for i in range(gx.shape[0]):
        for j in range(gx.shape[1]):
            size[i, j] = math.hypot(gx[i, j], gy[i, j])
            a = math.degrees(math.atan2(gy[i, j], gx[i, j]))
            angle[i, j] = a + 180 if a < 0 else a
    return size, angle


def edges_hypot(gx, gy):
    return np.hypot(gx, gy), np.rad2deg(np.arctan2(gy, gx) % np.pi)


def edges_where(gx, gy):
    angle = np.arctan2(gy, gx) * 180 / np.pi
    return [np.sqrt(gx**2 + gy**2), np.where(angle < 0, angle + 180, angle)]


def edges_complex(gx, gy):
    z = gx + 1j * gy
    return abs(z), np.angle(z, deg=True) % 180


def edges_arctan(gx, gy):
    angle = np.degrees(np.arctan(gy / gx))
    angle[angle < 0] += 180
    return np.linalg.norm([gx, gy], axis=0), angle


def edges_float32(gx, gy):
    size, angle = edges_complex(gx, gy)
    return size.astype(np.float32), angle.astype(np.float32)


def found(angle=None, size=None):
    def function(gx, gy):
        return (size or np.hypot)(gx, gy), edges_where(gx, gy)[1] if angle is None else angle(gx, gy)
    return function


def changes_gx(gx, gy):
    right = edges_where(gx, gy)
    gx **= 2
    return right


EDGES = Answers(
    right=[edges_loop, edges_hypot, edges_where, edges_complex, edges_arctan, edges_float32],
    wrong=[wrong(found(lambda gx, gy: np.rad2deg(np.arctan2(gx, gy) % np.pi)), "exchanged"),
           wrong(found(lambda gx, gy: np.degrees(np.arctan2(gy, gx)) % 360), "signed"),
           wrong(found(lambda gx, gy: 180 / np.pi * np.arctan2(gy, gx)), "negative angles"),
           wrong(found(lambda gx, gy: abs(180 / np.pi * np.arctan2(gy, gx))), "absolute"),
           wrong(found(lambda gx, gy: np.arctan2(gy, gx) % np.pi), "radians"),
           wrong(found(lambda gx, gy: np.arctan2(gy, gx) % 180), "degrees of what"),
           wrong(found(lambda gx, gy: np.degrees(np.arctan(gy / gx))), "half a line"),
           wrong(found(lambda gx, gy: 180 - edges_where(gx, gy)[1]), "mirrored"),
           wrong(found(lambda gx, gy: (90 + edges_where(gx, gy)[1]) % 180), "along the edge"),
           wrong(found(lambda gx, gy: np.degrees(np.arctan(gx / gy)) % 180), "exchanged"),
           wrong(found(size=lambda gx, gy: gx**2 + gy**2), "squared"),
           wrong(found(size=lambda gx, gy: abs(gx) + abs(gy)), "sum of sizes"),
           wrong(found(size=lambda gx, gy: np.sqrt(gx + gy))), wrong(lambda gx, gy: np.hypot(gx, gy)),
           wrong(lambda gx, gy: edges_where(gx, gy)[::-1]), wrong(changes_gx),
           wrong(found(lambda gx, gy: np.degrees(np.arctan2(gx, gy)), lambda gx, gy: gx**2 + gy**2), "squared")])

# --- cell_histogram ---


def votes(size, angle, bins, split):
    """Loops; split(place in bins from 0) -> [(bin, share), ...]."""
    histogram = [0.0] * bins
    for s, a in zip(np.ravel(size), np.ravel(angle), strict=True):
        for bin, share in split(a / (180 / bins), bins):
            histogram[bin] += s * share
    return histogram


def near_two(place, bins):
    low = math.floor(place - 0.5)
    return [(low % bins, low + 1.5 - place), ((low + 1) % bins, place - 0.5 - low)]


def by_loops(size, angle, bins=9):
    return votes(size, angle, bins, near_two)


def by_distance(size, angle, bins=9):
    middles = (np.arange(bins) + 0.5) * 180 / bins
    apart = abs(angle.reshape(-1, 1) - middles)
    apart = np.minimum(apart, 180 - apart)
    return (size.reshape(-1, 1) * np.maximum(1 - apart * bins / 180, 0)).sum(axis=0)


def by_bincount(size, angle, bins=9):
    place = (angle.ravel() / (180 / bins) - 0.5) % bins
    low = place.astype(int)
    share = place - low
    return (np.bincount(low, size.ravel() * (1 - share), bins)[:bins]
            + np.bincount((low + 1) % bins, size.ravel() * share, bins))


def by_roll(size, angle, bins=9):
    width = 180 / bins
    low, rest = np.divmod(angle - width / 2, width)
    one_hot = np.eye(bins)[low.astype(int) % bins]
    return np.einsum("ij,ijb->b", size * (1 - rest / width), one_hot) + np.roll(
        np.einsum("ij,ijb->b", size * rest / width, one_hot), 1)


def by_padding(size, angle, bins=9):
    padded, place = np.zeros(bins + 2), angle * bins / 180 + 0.5
    low = place.astype(int)
    np.add.at(padded, low, size * (1 - place + low))
    np.add.at(padded, low + 1, size * (place - low))
    padded[1] += padded[-1]
    padded[-2] += padded[0]
    return padded[1:-1]


def in_float32(size, angle, bins=9):
    return by_distance(size, angle, bins).astype(np.float32)


def looped(split, loud=lambda s: s, end=lambda h, size: h):
    def function(size, angle, bins=9):
        return end(np.array(votes(loud(size), angle, bins, split)), size)
    return function


def no_wrap(place, bins):
    return [(bin, share) for bin, share in near_two_plain(place) if 0 <= bin < bins]


def near_two_plain(place):
    low = math.floor(place - 0.5)
    return [(low, low + 1.5 - place), (low + 1, place - 0.5 - low)]


def fancy_add(size, angle, bins=9):
    place = angle * bins / 180 - 0.5
    low = np.floor(place).astype(int)
    histogram = np.zeros(bins)
    histogram[low % bins] += size * (1 - place + low)
    histogram[(low + 1) % bins] += size * (place - low)
    return histogram


def int_for_floor(place, bins):
    low = int(place - 0.5)
    return [(low % bins, low + 1.5 - place), ((low + 1) % bins, place - 0.5 - low)]


def out_of_range(size, angle, bins=9):
    place = angle * bins / 180 - 0.5
    low = np.floor(place).astype(int)
    histogram = np.zeros(bins)
    np.add.at(histogram, low, size * (1 - place + low))
    np.add.at(histogram, low + 1, size * (place - low))
    return histogram


CELL_HISTOGRAM = Answers(
    right=[by_loops, by_distance, by_bincount, by_roll, by_padding, in_float32],
    wrong=[wrong(looped(lambda p, n: [(int(p) % n, 1)]), "one bin"),
           wrong(lambda size, angle, bins=9: np.histogram(angle, bins, (0, 180), weights=size)[0], "one bin"),
           wrong(looped(lambda p, n: [(math.floor(p - 0.5) % n, 1)]), "lower bin only"),
           wrong(looped(lambda p, n: [(int(p) % n, 1 - p % 1), ((int(p) + 1) % n, p % 1)]),
                 "bins begin at their middle"),
           wrong(looped(lambda p, n: [(b, 1 - s) for b, s in near_two(p, n)]), "shares exchanged"),
           wrong(looped(lambda p, n: [(b, 0.5) for b, _ in near_two(p, n)]), "halves"),
           wrong(looped(lambda p, n: [(b, 1) for b, _ in near_two(p, n)]), "whole votes twice"),
           wrong(looped(near_two, np.ones_like), "counted"), wrong(looped(no_wrap), "ends lost"),
           wrong(looped(lambda p, n: [(min(max(b, 0), n - 1), s) for b, s in near_two_plain(p)]), "ends clipped"),
           wrong(fancy_add, "overwritten"), wrong(looped(int_for_floor), "truncated"), wrong(out_of_range),
           wrong(looped(lambda p, n: near_two(p / 2, n)), "full circle"),
           wrong(looped(near_two, end=lambda h, size: h / size.size), "mean"),
           wrong(looped(near_two, end=lambda h, size: h / np.linalg.norm(h))),
           wrong(looped(near_two, np.square), "squared votes"), wrong(lambda size, angle, bins=9: [0] * (bins + 1)),
           wrong(looped(near_two, end=lambda h, size: h / h.sum()), "brought to a sum of 1")])

# --- integral ---


def by_definition(table):
    h, w = table.shape
    return [[table[:y, :x].sum() for x in range(w + 1)] for y in range(h + 1)]


def step_by_step(table):
    h, w = table.shape
    sums = np.zeros((h + 1, w + 1))
    for y in range(h):
        for x in range(w):
            sums[y + 1, x + 1] = table[y, x] + sums[y, x + 1] + sums[y + 1, x] - sums[y, x]
    return sums


def bordered(table):
    return np.cumsum(np.cumsum(np.pad(table, ((1, 0), (1, 0))), 0), 1)


def stacked(table):
    sums = np.cumsum(np.cumsum(table, axis=1), axis=0)
    return np.vstack([np.zeros(table.shape[1] + 1), np.hstack([np.zeros((len(table), 1)), sums])])


def triangles(table):
    h, w = table.shape
    return np.tri(h + 1, h, -1) @ table @ np.tri(w + 1, w, -1).T


def rows_then_columns(table):
    sums = np.zeros(np.add(table.shape, 1), np.float32)
    for i, row in enumerate(table):
        sums[i + 1, 1:] = sums[i, 1:] + np.add.accumulate(row)
    return sums


def with_border(sums):
    return lambda table: np.pad(sums(table), ((1, 0), (1, 0)))


def changes_table(table):
    for i in range(1, len(table)):
        table[i] += table[i - 1]
    return np.pad(table.cumsum(1), ((1, 0), (1, 0)))


def forgot_the_corner(table):
    h, w = table.shape
    sums = np.zeros((h + 1, w + 1))
    for y in range(h):
        for x in range(w):
            sums[y + 1, x + 1] = table[y, x] + sums[y, x + 1] + sums[y + 1, x]
    return sums


INTEGRAL = Answers(
    right=[by_definition, step_by_step, bordered, stacked, triangles, rows_then_columns],
    wrong=[wrong(with_border(lambda t: np.cumsum(t, 0)), "down only"),
           wrong(with_border(lambda t: np.cumsum(t, 1)), "across only"),
           wrong(with_border(lambda t: np.cumsum(t).reshape(t.shape)), "all in a row"),
           wrong(with_border(lambda t: np.cumsum(t, 0) + np.cumsum(t, 1)), "both added"),
           wrong(lambda t: np.cumsum(np.cumsum(t, 1), 0), "no border"), wrong(lambda t: np.cumsum(t)),
           wrong(lambda t: np.pad(np.cumsum(np.cumsum(t, 1), 0), ((0, 1), (0, 1))), "border behind"),
           wrong(lambda t: np.pad(np.cumsum(np.cumsum(t, 1), 0), 1)), wrong(changes_table), wrong(forgot_the_corner),
           wrong(with_border(lambda t: np.cumsum(np.cumsum(t[::-1, ::-1], 1), 0)[::-1, ::-1]), "from the far corner"),
           wrong(with_border(lambda t: t), "a copy"), wrong(lambda t: t.sum()),
           wrong(lambda t: bordered(t).T), wrong(lambda t: np.cumsum(t, 2)),
           wrong(with_border(lambda t: np.cumsum(np.cumsum(t, 0), 0)))])

# --- rectangles ---


def one_by_one(sums, boxes):
    return [sums[d, c] - sums[b, c] - sums[d, a] + sums[b, a] for a, b, c, d in boxes]


def from_columns(sums, boxes):
    x0, y0, x1, y1 = (boxes[:, i] for i in range(4))
    return (sums[y1, x1] + sums[y0, x0]) - (sums[y0, x1] + sums[y1, x0])


def by_strips(sums, boxes):
    strips = sums[boxes[:, 3]] - sums[boxes[:, 1]]  # (M, W + 1)
    rows = np.arange(len(boxes))
    return strips[rows, boxes[:, 2]] - strips[rows, boxes[:, 0]]


def by_differences(sums, boxes):
    table = np.diff(np.diff(sums, axis=0), axis=1)
    return np.array([table[b:d, a:c].sum() for a, b, c, d in boxes])


def flat(sums, boxes):
    at = sums.ravel()
    x0, y0, x1, y1 = boxes.T
    w = sums.shape[1]
    return at[y1 * w + x1] - at[y0 * w + x1] - at[y1 * w + x0] + at[y0 * w + x0]


def signed(sums, boxes):
    total = np.zeros(len(boxes), np.float32)
    for x, y, sign in ((2, 3, 1), (2, 1, -1), (0, 3, -1), (0, 1, 1)):
        total += sign * sums[boxes[:, y], boxes[:, x]]
    return total


def corners(formula):
    def function(sums, boxes):
        a, b, c, d = boxes.T
        return formula(sums, a, b, c, d)
    return function


def pixels_of_sums(sums, boxes):
    return [sums[b:d, a:c].sum() for a, b, c, d in boxes]


RECTANGLES = Answers(
    right=[one_by_one, from_columns, by_strips, by_differences, flat, signed],
    wrong=[wrong(corners(lambda s, a, b, c, d: s[d, c]), "corner alone"),
           wrong(corners(lambda s, a, b, c, d: s[d, c] - s[b, c] - s[d, a]), "added twice"),
           wrong(corners(lambda s, a, b, c, d: s[d, c] - s[b, a]), "two corners"),
           wrong(corners(lambda s, a, b, c, d: s[d, c] + s[b, c] - s[d, a] - s[b, a]), "signs"),
           wrong(corners(lambda s, a, b, c, d: s[d, c] - s[b, c] - s[d, a] - s[b, a]), "all taken away"),
           wrong(corners(lambda s, a, b, c, d: s[d - 1, c - 1] - s[b, c - 1] - s[d - 1, a] + s[b, a]),
                 "one too small"),
           wrong(corners(lambda s, a, b, c, d: s[c, d] - s[a, d] - s[c, b] + s[a, b])),
           wrong(corners(lambda s, a, b, c, d: (s[d, c] - s[b, c] - s[d, a] + s[b, a]) / (c - a) / (d - b)), "mean"),
           wrong(corners(lambda s, a, b, c, d: s[b + d, a + c] - s[b, a + c] - s[b + d, a] + s[b, a])),
           wrong(corners(lambda s, a, b, c, d: s[b, a] - s[d, c] + s[b, c] + s[d, a])),
           wrong(corners(lambda s, a, b, c, d: (s[d, c] - s[b, c] - s[d, a] + s[b, a]).sum())),
           wrong(pixels_of_sums), wrong(lambda s, boxes: by_strips(s, boxes.T)),
           wrong(corners(lambda s, a, b, c, d: s[d + 1, c + 1] - s[b, c + 1] - s[d + 1, a] + s[b, a])),
           wrong(lambda s, boxes: [s[b:d, a:c] for a, b, c, d in boxes]),
           wrong(corners(lambda s, a, b, c, d: None))])
