"""Answers of learners to the exercises of lesson 05."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.accuse05 import ACCUSE

# --- numeric_gradient ---


def by_flat_index(f, x, h=1e-5):
    flat, slopes = x.ravel(), []
    for i in range(x.size):
        up, down = flat.copy(), flat.copy()
        up[i] += h
        down[i] -= h
        slopes.append((f(up.reshape(x.shape)) - f(down.reshape(x.shape))) / (2 * h))
    return np.array(slopes).reshape(x.shape)


def by_unit_steps(f, x, h=1e-5):
    result = np.zeros(x.shape)
    for i in np.ndindex(*x.shape):
        e = np.zeros(x.shape)
        e[i] = h
        result[i] = f(x + e) - f(x - e)
    return result / (2.0 * h)


def by_nditer(f, x, h=1e-5):
    x, gradient = np.array(x), np.empty_like(x)
    it = np.nditer(x, flags=["multi_index"])
    while not it.finished:
        i = it.multi_index
        x[i] += h
        up = f(x)
        x[i] -= 2 * h
        down = f(x)
        x[i] += h
        gradient[i] = (up - down) / h / 2
        it.iternext()
    return gradient


def in_lists(f, x, h=1e-5):
    def slope(i):
        e = np.zeros_like(x)
        e[i] = 1
        return (f(x + h * e) - f(x - h * e)) * 0.5 / h
    return np.reshape([slope(i) for i in np.ndindex(x.shape)], x.shape).tolist()


def by_enumerate(f, x, h=1e-5):
    g = x * 0
    for i, value in np.ndenumerate(x):
        z = x.copy()
        z[i] = value + h
        a = f(z)
        z[i] = value - h
        g[i] = (a - f(z)) / (2 * h)
    return g


def by_identity(f, x, h=1e-5):
    eye = np.eye(x.size).reshape(x.size, *x.shape) * h
    return np.array([f(x + e) - f(x - e) for e in eye]).reshape(x.shape) / 2 / h


def forward_only(f, x, h=1e-5):
    gradient, start = np.zeros_like(x), f(x)
    for i in np.ndindex(x.shape):
        z = x.copy()
        z[i] += h
        gradient[i] = (f(z) - start) / h
    return gradient


def divided_by_h(f, x, h=1e-5):
    return 2 * by_unit_steps(f, x, h)


def wrong_brackets(f, x, h=1e-5):
    result = np.zeros(x.shape)
    for i in np.ndindex(*x.shape):
        e = np.zeros(x.shape)
        e[i] = h
        result[i] = f(x + e) - f(x - e) / (2 * h)
    return result


def half_h(f, x, h=1e-5):
    return by_unit_steps(f, x, h) * h * h


def backwards(f, x, h=1e-5):
    return -by_unit_steps(f, x, h)


def forgets_to_restore(f, x, h=1e-5):
    x, gradient = x.copy(), np.zeros_like(x)
    for i in np.ndindex(x.shape):
        x[i] += h
        a = f(x)
        x[i] -= 2 * h
        gradient[i] = (a - f(x)) / (2 * h)
    return gradient


def restores_halfway(f, x, h=1e-5):
    x, gradient = x.copy(), np.zeros_like(x)
    for i in np.ndindex(x.shape):
        x[i] += h
        a = f(x)
        x[i] -= h
        gradient[i] = (a - f(x)) / (2 * h)
    return gradient


def on_the_callers_x(f, x, h=1e-5):
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        x[i] += h
        a = f(x)
        x[i] -= 2 * h
        gradient[i] = (a - f(x)) / (2 * h)
    return gradient


def everything_at_once(f, x, h=1e-5):
    return np.ones_like(x) * (f(x + h) - f(x - h)) / (2 * h)


def first_axis_only(f, x, h=1e-5):
    return np.array([(f(x + h * (np.arange(len(x)) == i)[(..., *[None] * (x.ndim - 1))])
                      - f(x - h * (np.arange(len(x)) == i)[(..., *[None] * (x.ndim - 1))])) / (2 * h)
                     for i in range(len(x))])


def flat_only(f, x, h=1e-5):
    return by_flat_index(f, x, h).ravel()


def fixed_h(f, x, h=1e-5):
    return by_unit_steps(f, x, 1e-5)


def one_number(f, x, h=1e-5):
    return (f(x + h) - f(x - h)) / (2 * h)


NUMERIC_GRADIENT = Answers(
    right=[by_flat_index, by_unit_steps, by_nditer, in_lists, by_enumerate, by_identity],
    wrong=[wrong(forward_only, "one-sided"), wrong(divided_by_h, "not halved"), wrong(wrong_brackets, "brackets"),
           wrong(half_h), wrong(backwards, "exchanged"), wrong(forgets_to_restore, "not put back"),
           wrong(restores_halfway, "half the way"), wrong(on_the_callers_x, "not put back"),
           wrong(everything_at_once, "all at once"), wrong(first_axis_only), wrong(flat_only), wrong(one_number),
           wrong(fixed_h, "own step"), wrong(lambda f, x, h=1e-5: f(x))])

# --- relative_error ---


def worst(a, b):
    worst_so_far = 0.0
    for p, q in zip(np.ravel(a), np.ravel(b), strict=True):
        if p != q:
            worst_so_far = max(worst_so_far, abs(p - q) / max(abs(p), abs(q)))
    return worst_so_far


def with_epsilon(a, b):
    return np.max(np.abs(a - b) / (np.maximum(np.abs(a), np.abs(b)) + 1e-30))


def with_floor(a, b):
    return (abs(a - b) / np.maximum(np.maximum(abs(a), abs(b)), 1e-20)).max()


def with_nan_to_num(a, b):
    with np.errstate(all="ignore"):
        return np.nan_to_num(abs(a - b) / np.maximum(abs(a), abs(b))).max()


def with_where(a, b):
    size = np.where(abs(a) > abs(b), abs(a), abs(b))
    return np.where(size == 0, 0, abs(a - b) / np.where(size == 0, 1, size)).max()


def masked(a, b):
    some = (a != 0) | (b != 0)
    p, q = a[some], b[some]
    return float(np.max(np.abs(p - q) / np.max([np.abs(p), np.abs(q)], axis=0)))


def over_smaller_floor(a, b):
    return (abs(a - b) / np.maximum(np.minimum(abs(a), abs(b)), 1e-30)).max()


def skip_zeros(a, b):
    some = (a != 0) & (b != 0)
    return (abs(a[some] - b[some]) / np.maximum(abs(a[some]), abs(b[some]))).max() if some.any() else 0.0


def large_epsilon(a, b):
    return (abs(a - b) / (np.maximum(abs(a), abs(b)) + 1e-7)).max()


def norm_ratio(a, b):
    return np.linalg.norm(a - b) / max(np.linalg.norm(a), np.linalg.norm(b))


RELATIVE_ERROR = Answers(
    right=[worst, with_epsilon, with_floor, with_nan_to_num, with_where, masked],
    wrong=[wrong(lambda a, b: abs(a - b).max(), "absolute"), wrong(skip_zeros, "zero is perfect"),
           wrong(lambda a, b: (abs(a - b) / np.maximum(abs(a), abs(b))).max(), "nan"), wrong(over_smaller_floor),
           wrong(lambda a, b: (abs(a - b) / np.maximum(np.maximum(abs(a), abs(b)), 1e-30)).mean(), "mean"),
           wrong(lambda a, b: (abs(a - b) / np.maximum(abs(a) + abs(b), 1e-30)).max(), "sum below"),
           wrong(lambda a, b: np.nan_to_num(abs(a - b) / abs(a), posinf=0).max(), "only a below"),
           wrong(large_epsilon),
           wrong(norm_ratio, "norms"),
           wrong(lambda a, b: ((a - b) / np.maximum(np.maximum(abs(a), abs(b)), 1e-30)).max(), "signed"),
           wrong(lambda a, b: abs(a - b).max() / max(abs(a).max(), abs(b).max()), "largest below"),
           wrong(lambda a, b: abs(a - b) / np.maximum(np.maximum(abs(a), abs(b)), 1e-30)),
           wrong(lambda a, b: abs((a - b).max() / np.maximum(abs(a), abs(b)).max())),
           wrong(lambda a, b: np.allclose(a, b))])

# --- slope ---


def copies(forward, x, dy, r, h=1e-5):
    return np.sum((forward(x + h * r) - forward(x - h * r)) / (2 * h) * dy)


def stays(forward, x, dy, r, h=1e-5):
    start = x.copy()
    x += h * r
    above = np.vdot(forward(x), dy)
    x[...] = start - h * r
    below = np.vdot(forward(x), dy)
    x[...] = start
    return (above - below) / h / 2


def three_moves(forward, x, dy, r, h=1e-5):
    x += h * r
    above = (forward(x) * dy).sum()
    x -= h * r
    x -= h * r
    below = (forward(x) * dy).sum()
    x += h * r
    return (above - below) / (2 * h)


def down_first(forward, x, dy, r, h=1e-5):
    low = np.einsum("ij,ij->", forward(x - h * r), dy)
    high = np.einsum("ij,ij->", forward(x + h * r), dy)
    return (high - low) * (1 / (2 * h))


def in_a_loop(forward, x, dy, r, h=1e-5):
    loss = [float((forward(x + sign * h * r) * dy).sum()) for sign in (1, -1)]
    return (loss[0] - loss[1]) / (2 * h)


def averaged(forward, x, dy, r, h=1e-5):
    middle = (forward(x) * dy).sum()
    right = ((forward(x + h * r) * dy).sum() - middle) / h
    left = (middle - (forward(x - h * r) * dy).sum()) / h
    return (left + right) / 2


def as_found(forward, x, dy, r, h=1e-5):
    x += h * r
    above = (forward(x) * dy).sum()
    x -= h * r
    below = (forward(x) * dy).sum()
    return (above - below) / (2 * h)


def divided_by_one(forward, x, dy, r, h=1e-5):
    x += h * r
    above = (forward(x) * dy).sum()
    x -= h * r
    below = (forward(x) * dy).sum()
    return (above - below) / h


def left_below(forward, x, dy, r, h=1e-5):
    x += h * r
    above = (forward(x) * dy).sum()
    x -= 2 * h * r
    below = (forward(x) * dy).sum()
    return (above - below) / (2 * h)


def forgot_dy(forward, x, dy, r, h=1e-5):
    return (forward(x + h * r) - forward(x - h * r)).sum() / (2 * h)


def forgot_r(forward, x, dy, r, h=1e-5):
    return ((forward(x + h) - forward(x - h)) * dy).sum() / (2 * h)


def twice(forward, x, dy, r, h=1e-5):
    return ((forward(x + h * r) - forward(x - h * r)) * dy).sum() / h


def no_division(forward, x, dy, r, h=1e-5):
    return ((forward(x + h * r) - forward(x - h * r)) * dy).sum()


def below_first(forward, x, dy, r, h=1e-5):
    return ((forward(x - h * r) - forward(x + h * r)) * dy).sum() / (2 * h)


def per_element(forward, x, dy, r, h=1e-5):
    return (forward(x + h * r) - forward(x - h * r)) * dy / (2 * h)


def mean(forward, x, dy, r, h=1e-5):
    return ((forward(x + h * r) - forward(x - h * r)) * dy).mean() / (2 * h)


def too_far(forward, x, dy, r, h=1e-5):
    x += 2 * h * r
    above = (forward(x) * dy).sum()
    x -= 2 * h * r
    return (above - (forward(x) * dy).sum()) / (2 * h)


def at_the_end(forward, x, dy, r, h=1e-5):
    x += h * r
    above = (forward(x) * dy).sum()
    x -= 2 * h * r
    return (above - (forward(x) * dy).sum()) / 2 * h


SLOPE = Answers(
    right=[copies, stays, three_moves, down_first, in_a_loop, averaged],
    wrong=[wrong(as_found, "half the way"), wrong(divided_by_one, "one side"), wrong(left_below, "not put back"),
           wrong(forgot_dy, "dy forgotten"), wrong(forgot_r, "all alike"), wrong(twice, "not halved"),
           wrong(no_division, "not divided"), wrong(below_first, "exchanged"), wrong(per_element), wrong(mean),
           wrong(too_far), wrong(at_the_end, "not put back"), wrong(lambda forward, x, dy, r, h=1e-5: None)])

# --- away_from_kinks ---


def by_mask(x, margin):
    x = x.copy()
    small = abs(x) < margin
    x[small & (x < 0)] = -margin
    x[small & (x >= 0)] = margin
    return x


def by_loop(x, margin):
    out = np.array(x)
    for i in np.ndindex(x.shape):
        if -margin < x[i] < 0:
            out[i] = -margin
        elif 0 <= x[i] < margin:
            out[i] = margin
    return out


def by_select(x, margin):
    return np.select([x <= -margin, x < 0, x < margin], [x, -margin + 0 * x, margin + 0 * x], x)


def by_sign(x, margin):
    sign = np.sign(x)
    sign[sign == 0] = 1
    return sign * np.maximum(abs(x), margin)


def by_max(x, margin):
    return np.where(x >= 0, np.maximum(x, margin), np.minimum(x, -margin))


def by_copysign(x, margin):
    return np.copysign(np.fmax(np.abs(x), margin), np.where(x < 0, -1.0, 1.0))


AWAY_FROM_KINKS = Answers(
    right=[by_mask, by_loop, by_select, by_sign, by_max, by_copysign],
    wrong=[wrong(lambda x, margin: np.sign(x) * np.maximum(abs(x), margin), "zeros stay"),
           wrong(lambda x, margin: np.where(abs(x) < margin, np.sign(x) * margin, x), "zeros stay"),
           wrong(lambda x, margin: np.where(abs(x) < margin, margin, x), "all positive"),
           wrong(lambda x, margin: np.maximum(x, margin), "negative lost"),
           wrong(lambda x, margin: x + np.where(x < 0, -margin, margin), "all moved"),
           wrong(lambda x, margin: np.where(abs(x) < margin, 0, x), "dropped"),
           wrong(lambda x, margin: np.clip(x, -margin, margin), "clipped"),
           wrong(lambda x, margin: np.where(abs(x) < margin, x + margin, x)),
           wrong(lambda x, margin: np.where(abs(x) < margin, np.where(x < 0, -margin, margin), 0), "the others lost"),
           wrong(lambda x, margin: x[abs(x) >= margin]), wrong(lambda x, margin: abs(x) < margin),
           wrong(lambda x, margin: np.where(abs(x) < margin, -margin, x), "all negative"),
           wrong(lambda x, margin: np.where(abs(x) < margin, np.where(x <= 0, -margin, margin), x), "zeros down"),
           wrong(lambda x, margin: max(x, margin))])

ANSWERS = {"05.numeric_gradient": NUMERIC_GRADIENT, "05.relative_error": RELATIVE_ERROR, "05.slope": SLOPE,
           "05.away_from_kinks": AWAY_FROM_KINKS, "05.accuse": ACCUSE}
