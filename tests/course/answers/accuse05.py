"""Checkers that learners write in lesson 05."""

import numpy as np

from tests.course.answers import Answers, wrong


def measured(forward, x, dy, h=1e-5):
    gradient = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[i] = h
        gradient[i] = ((forward(x + step) - forward(x - step)) * dy).sum() / (2 * h)
    return gradient


def checker(threshold=1e-5, dy=None, error=None, h=1e-5, answer=lambda e, threshold: e > threshold):
    """A checker with one thing done differently."""
    def accuse(forward, backward, x):
        up = np.random.default_rng(3).standard_normal(forward(x).shape) if dy is None else dy(forward(x))
        a, b = backward(up, x), measured(forward, x, up, h)
        return answer((error or relative)(a, b), threshold)
    return accuse


def relative(a, b):
    return (abs(a - b) / np.maximum(np.maximum(abs(a), abs(b)), 1e-30)).max()


def by_allclose(forward, backward, x):
    dy = np.random.default_rng(1).normal(size=forward(x).shape)
    return not np.allclose(backward(dy, x), measured(forward, x, dy), rtol=1e-5, atol=0)


def by_elements(forward, backward, x):
    dy = np.random.default_rng(2).uniform(-1, 1, forward(x).shape)
    pairs = zip(backward(dy, x).ravel(), measured(forward, x, dy).ravel(), strict=True)
    return any(abs(p - q) > 1e-5 * max(abs(p), abs(q)) for p, q in pairs)


def by_three_dys(forward, backward, x):
    def random(seed):
        return lambda y: np.random.default_rng(seed).standard_normal(y.shape)
    return any(checker(dy=random(seed))(forward, backward, x) for seed in range(3))


def as_number(forward, backward, x):
    return int(checker()(forward, backward, x))


def relative_with_floor(a, b):
    return abs(a - b).max() / abs(b).max()


def one_direction(forward, backward, x, threshold=1e-5):
    rng = np.random.default_rng(0)
    dy, r = rng.standard_normal(forward(x).shape), rng.standard_normal(x.shape)
    slope = ((forward(x + 1e-5 * r) - forward(x - 1e-5 * r)) * dy).sum() / 2e-5
    claimed = (backward(dy, x) * r).sum()
    return abs(slope - claimed) / max(abs(slope), abs(claimed)) > threshold


def other_dy(forward, backward, x):
    rng = np.random.default_rng(0)
    y = forward(x)
    dx = backward(rng.standard_normal(y.shape), x)
    return relative(dx, measured(forward, x, rng.standard_normal(y.shape))) > 1e-5


def one_sided(forward, backward, x):
    dy = np.random.default_rng(0).standard_normal(forward(x).shape)
    gradient, h = np.zeros(x.shape), 1e-5
    for i in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[i] = h
        gradient[i] = ((forward(x + step) - forward(x)) * dy).sum() / h
    return relative(backward(dy, x), gradient) > 1e-7


def first_element(forward, backward, x):
    dy = np.random.default_rng(0).standard_normal(forward(x).shape)
    a, b = backward(dy, x), measured(forward, x, dy)
    return abs(a - b).flat[0] > 1e-5 * max(abs(a.flat[0]), abs(b.flat[0]))


ACCUSE = Answers(
    right=[checker(), checker(1e-4), checker(1e-6, h=1e-4), by_allclose, by_elements, by_three_dys, as_number],
    wrong=[wrong(checker(dy=np.ones_like), "symmetry"), wrong(checker(error=lambda a, b: abs(a - b).max()),
                                                              "small walks free"),
           wrong(checker(0.01), "a thousandth walks free"), wrong(checker(0.5), "a thousandth walks free"),
           wrong(checker(1e-12), "everybody"),
           wrong(checker(error=lambda a, b: (abs(a - b) / np.maximum(np.maximum(abs(a), abs(b)), 1e-30)).mean()),
                 "a thousandth walks free"),
           wrong(checker(answer=lambda e, threshold: e < threshold), "inverted"),
           wrong(other_dy, "everybody"),
           wrong(checker(h=0.3), "bent"), wrong(checker(h=1e-14), "everybody"),
           wrong(first_element, "one wrong element"),
           wrong(checker(error=lambda a, b: (a - b).max() / abs(b).max())), wrong(checker(1e-9)),
           wrong(one_sided), wrong(lambda forward, backward, x: True, "everybody"),
           wrong(lambda forward, backward, x: False, "nobody"), wrong(lambda forward, backward, x: None)])
