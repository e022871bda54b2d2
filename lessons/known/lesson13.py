"""Exercises of lesson 13: what a unit sees, which pixels move a score, squares in the way, and dead units."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.fields13 import RECEPTIVE_FIELD, WINDOW_OF_UNIT
from lessons.known.saliency13 import SALIENCY

# --- occlusion: the bug to find ---


def _positions(image, size, stride):
    height, width, _ = image.shape
    return range(0, height - size + 1, stride), range(0, width - size + 1, stride)


def occlusion(score, image, size, stride):
    return _map_of(score, image, size, stride)


def _square(image, y, x, size):
    covered = image.copy()
    covered[y : y + size, x : x + size] = 0
    return covered


def _map_of(score, image, size, stride, cover=_square, compare=lambda whole, covered: whole - covered,
            positions=_positions):
    """The map, with one of its three steps exchanged for another."""
    whole, (rows, columns) = score(image), positions(image, size, stride)
    return np.array([[compare(whole, score(cover(image, y, x, size))) for x in columns] for y in rows])


def _piled_up(score, image, size, stride):
    whole, covered = score(image), image
    rows, columns = _positions(image, size, stride)
    drops = np.zeros((len(rows), len(columns)))
    for r, y in enumerate(rows):
        for c, x in enumerate(columns):
            covered[y : y + size, x : x + size] = 0
            drops[r, c] = whole - score(covered)
    return drops


def _row_by_row(score, image, size, stride):
    whole, (rows, columns) = score(image), _positions(image, size, stride)
    drops = np.zeros((len(rows), len(columns)))
    for r, y in enumerate(rows):
        covered = image.copy()
        for c, x in enumerate(columns):
            covered[y : y + size, x : x + size] = 0
            drops[r, c] = whole - score(covered)
    return drops


def _occluding(**exchanged):
    return lambda score, image, size, stride: _map_of(score, image, size, stride, **exchanged)


def _one_line(image, y, x, size):
    covered = image.copy()
    covered[y, x : x + size] = 0
    return covered


def _only_square(image, y, x, size):
    covered = np.zeros_like(image)
    covered[y : y + size, x : x + size] = image[y : y + size, x : x + size]
    return covered


def _one_channel(image, y, x, size):
    covered = image.copy()
    covered[y : y + size, x : x + size, 0] = 0
    return covered


def _mean_color(image, y, x, size):
    covered = image.copy()
    covered[y : y + size, x : x + size] = image.mean(axis=(0, 1))
    return covered


OCCLUSION = Exercise(
    title="what a score loses while a square covers a part of the picture",
    solution=occlusion,
    takes=("image", "weights of the score", "size", "stride"),
    cases=lambda rng: [Case(rng.standard_normal((6, 8, 3)), 0.2 * rng.standard_normal((6, 8, 3)), 3, 1),
                       Case(rng.standard_normal((9, 7, 2)), 0.2 * rng.standard_normal((9, 7, 2)), 2, 2),
                       Case(rng.standard_normal((5, 10, 3)), 0.2 * rng.standard_normal((5, 10, 3)), 2, 3)],
    returns=("drops",),
    stub=_piled_up,
    stub_says="squares pile up",
    mistakes={
        "squares pile up": Mistake(
            _piled_up,
            "The first number is right, and the others are not: no square is ever taken away again. What does the "
            "picture look like by the time the last place is asked about?"),
        "piles up in a row": Mistake(
            _row_by_row,
            "The first number of every row is right: within a row, no square is taken away before the next one."),
        "sign": Mistake(
            _occluding(compare=lambda whole, covered: covered - whole),
            "The sign is wrong: what the score loses should be positive."),
        "not compared": Mistake(
            _occluding(compare=lambda whole, covered: covered),
            "These are the scores with a square in the way. What is asked for is how much less than before that is."),
        "size lost": Mistake(
            _occluding(compare=lambda whole, covered: abs(whole - covered)),
            "Where covering helps, the loss is negative. That is worth knowing: keep the sign."),
        "relative": Mistake(
            _occluding(compare=lambda whole, covered: (whole - covered) / whole),
            "The loss is divided by the whole picture's score. A score may be 0 or negative: keep the difference."),
        "one line": Mistake(
            _occluding(cover=_one_line),
            "Only one row of pixels is covered at each place. A square is as high as it is wide."),
        "all but the square": Mistake(
            _occluding(cover=_only_square),
            "Everything is covered except the square. It is the other way round."),
        "one channel": Mistake(
            _occluding(cover=_one_channel),
            "Only the first channel is covered. Cover all of them."),
        "mean color": Mistake(
            _occluding(cover=_mean_color),
            "The square has the mean color of the picture; 0 was asked for, which is gray."),
        "last place missing": Mistake(
            _occluding(positions=lambda image, size, stride: (range(0, image.shape[0] - size, stride),
                                                              range(0, image.shape[1] - size, stride))),
            "The squares at the far edges are missing. Where may the last one begin?"),
        "stride forgotten": Mistake(
            _occluding(positions=lambda image, size, stride: _positions(image, size, 1)),
            "The square moves by one pixel at a time, whatever the stride."),
        "transposed": Mistake(
            lambda score, image, size, stride: _map_of(score, image, size, stride).T,
            "Rows and columns of the map are exchanged: the first index goes down the picture."),
    },
)

# --- dead_units ---


def dead_units(y):
    return (y == 0).reshape(-1, y.shape[-1]).all(axis=0)


def _before_units(y):
    return tuple(range(y.ndim - 1))


def _outputs(rng, shape, dead, nearly, rare):
    """Outputs of a ReLU. dead: units that are; nearly, rare: units with a single number in the last picture, a tiny one
    at the last position, or a plain one at the first.
    """
    y = np.maximum(rng.standard_normal(shape), 0)
    y[0, ..., : shape[-1] // 2] *= y[0, ..., : shape[-1] // 2] > 1.5  # sparse, as real ones are
    y[..., [*dead, *nearly, rare]] = 0
    y[(-1, *(0 for _ in shape[1:-1]), rare)] = 0.7
    for unit in nearly:
        y[(-1, *(-1 for _ in shape[1:-1]), unit)] = 1e-6
    y[0, ..., shape[-1] - 1] = 0  # silent for the first picture only
    y[-1, ..., shape[-1] - 1] += 0.1
    return y


DEAD_UNITS = Exercise(
    title="which units of a layer are 0 for all pictures, at all positions",
    solution=dead_units,
    lists=True,
    cases=lambda rng: [Case(_outputs(rng, (5, 3, 4, 8), (1, 4), (2, 6), 5)),
                       Case(_outputs(rng, (6, 9), (0, 5), (3,), 4)),
                       Case(_outputs(rng, (3, 2, 5, 7), (2,), (0, 4), 3)),
                       Case(_outputs(rng, (2, 11), (1, 2, 7), (8,), 4))],
    returns=("dead",),
    mistakes={
        "anywhere": Mistake(
            lambda y: (y == 0).any(axis=_before_units(y)),
            "A unit counts as dead as soon as it is 0 somewhere. A living unit is 0 most of the time: dead is who is 0 "
            "always."),
        "alive": Mistake(
            lambda y: ~dead_units(y),
            "These are the units that live. The others were asked for."),
        "one picture": Mistake(
            lambda y: (y[0] == 0).reshape(-1, y.shape[-1]).all(axis=0),
            "Only the first picture has been looked at. What another picture wakes up is not dead."),
        "some picture": Mistake(
            lambda y: (y == 0).all(axis=_before_units(y)[1:]).any(axis=0),
            "A unit counts as dead if a single picture leaves it silent. That is what selective units do."),
        "one position": Mistake(
            lambda y: (y.reshape(len(y), -1, y.shape[-1])[:, 0] == 0).all(axis=0),
            "Only one position of each map has been looked at."),
        "per picture": Mistake(
            lambda y: (y == 0).all(axis=_before_units(y)[1:]),
            "There is an answer for each picture and each unit. One for each unit was asked for: all pictures must "
            "agree."),
        "per position": Mistake(
            lambda y: (y == 0).all(axis=0),
            "There is an answer for each position of the map. A unit of a convolution is a whole map: all of its "
            "positions must agree."),
        "share of zeros": Mistake(
            lambda y: (y == 0).mean(axis=_before_units(y)),
            "This is the share of zeros of each unit. A unit with 99 % of zeros is alive: what makes it dead?"),
        "nearly zero": Mistake(
            lambda y: (y < 1e-3).all(axis=_before_units(y)),
            "Units with very small outputs count as dead. However small, they have a gradient and can recover. A ReLU "
            "that is off gives exactly 0."),
        "nearly always": Mistake(
            lambda y: (y == 0).mean(axis=_before_units(y)) > 0.95,
            "A unit counts as dead that is 0 nearly always. A single picture that wakes it brings a gradient back: "
            "dead is only who is 0 without exception."),
        "one number": Mistake(
            lambda y: dead_units(y).mean(),
            "That is the share of dead units. Which ones was the question: one answer for each unit."),
        "how many": Mistake(
            lambda y: dead_units(y).sum(),
            "That is how many are dead. Which ones was the question: one answer for each unit."),
        "numbers of the dead": Mistake(
            lambda y: np.flatnonzero(dead_units(y)),
            "These are the numbers of the dead units. Give True or False for every unit."),
    },
)

EXERCISES = {"receptive_field": RECEPTIVE_FIELD, "window_of_unit": WINDOW_OF_UNIT, "saliency": SALIENCY,
             "occlusion": OCCLUSION, "dead_units": DEAD_UNITS}
