"""Exercises of lesson 04 about what the box head says: targets, the way back to pixels, and how much it explains."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from tinycnn import boxes as box_math

SMALLEST = 1e-3  # a spread below this counts as this, as in Localizer.set_box_statistics

# --- standardize ---


def standardize(train_codes, codes):
    mean, std = train_codes.mean(axis=0), np.maximum(train_codes.std(axis=0), SMALLEST)
    return (codes - mean) / std, mean, std


def _statistics(mean=lambda train, codes: train.mean(axis=0), std=lambda train, codes: train.std(axis=0),
                floor=lambda std: np.maximum(std, SMALLEST), targets=lambda codes, mean, std: (codes - mean) / std):
    """standardize, right unless told otherwise; each argument is one part that can be wrong."""
    def function(train_codes, codes):
        with np.errstate(all="ignore"):
            m, s = mean(train_codes, codes), floor(std(train_codes, codes))
            return targets(codes, m, s), m, s
    return function


def _four(number):
    return np.full(4, number)


def _code_cases(rng):
    """Two everyday ones, and two sets in which one of the four numbers never varies."""
    def codes(n):
        return rng.uniform(0.1, 0.9, (n, 4)) * [1.0, 0.8, 0.5, 0.7]
    constant, other = (codes(6), codes(3)), (codes(9), codes(4))
    for column, parts, apart in ((3, constant, 0.0), (2, other, 1e-4)):
        parts[0][:, column], parts[1][:, column] = 0.5, 0.5 + apart
    return [Case(codes(7), codes(3)), Case(codes(5), codes(6)), Case(*constant), Case(*other)]


STANDARDIZE = Exercise(
    title="from codes to targets",
    solution=standardize,
    cases=_code_cases,
    returns=("targets", "mean", "std"),
    mistakes={
        "own statistics": Mistake(
            _statistics(mean=lambda train, codes: codes.mean(axis=0), std=lambda train, codes: codes.std(axis=0)),
            "Mean and spread are those of the boxes at hand. Then the same box has another target in every batch, "
            "and the way back does not fit. Take them from the training part."),
        "both parts": Mistake(
            _statistics(mean=lambda train, codes: np.concatenate([train, codes]).mean(axis=0),
                        std=lambda train, codes: np.concatenate([train, codes]).std(axis=0)),
            "Mean and spread are those of all boxes together. What is measured may not come from pictures that the "
            "model is tested on: use the training part alone."),
        "one for all": Mistake(
            _statistics(mean=lambda train, codes: _four(train.mean()), std=lambda train, codes: _four(train.std())),
            "One mean and one spread for all four numbers. A center and a height are of different kinds. Which axis "
            "holds the boxes?"),
        "ddof": Mistake(
            _statistics(std=lambda train, codes: train.std(axis=0, ddof=1)),
            "The spread is a little too large: it is divided by N - 1, as statisticians estimate it. Here the "
            "targets of the training part are to have a spread of exactly 1."),
        "variance": Mistake(
            _statistics(std=lambda train, codes: train.var(axis=0)),
            "That is the variance. The standard deviation is its square root, and has the unit of the codes."),
        "range": Mistake(
            _statistics(mean=lambda train, codes: train.min(axis=0), std=lambda train, codes: np.ptp(train, axis=0)),
            "The targets run from 0 to 1, from the smallest code to the largest. Mean and standard deviation are "
            "asked for: two unusual boxes would decide about all others."),
        "median": Mistake(
            _statistics(mean=lambda train, codes: np.median(train, axis=0)), "The median is subtracted here, not the "
            "mean: two statistics that differ."),
        "no floor": Mistake(
            _statistics(floor=lambda std: std),
            "A number that never varies has the spread 0, and dividing by it gives NaN or infinity. What was a "
            "spread below 0.001 to count as?"),
        "floor of 1": Mistake(
            _statistics(floor=lambda std: np.where(std < SMALLEST, 1.0, std)),
            "Where a number never varies, the spread is set to 1. Let it count as 0.001, as the library does."),
        "floor added": Mistake(
            _statistics(floor=lambda std: std + SMALLEST),
            "0.001 is added to every spread, and all targets come out a little small. Only a smaller spread is to "
            "count as 0.001."),
        "not divided": Mistake(
            _statistics(targets=lambda codes, mean, std: codes - mean),
            "The mean is subtracted, but the spread is still there. Divide by it, and 1 means the same for all "
            "four."),
        "mean kept": Mistake(
            _statistics(targets=lambda codes, mean, std: codes / std),
            "It is divided by the spread, but the mean is still in there. 0 should mean: as in the mean box."),
        "order": Mistake(
            _statistics(targets=lambda codes, mean, std: codes - mean / std),
            "Only the mean is divided by the spread. Mind the parentheses: first subtract, then divide."),
        "sign": Mistake(
            _statistics(targets=lambda codes, mean, std: (mean - codes) / std),
            "The code is subtracted from the mean, so a box on the right gets a target below 0. Which from which?"),
        "undone": Mistake(
            _statistics(targets=lambda codes, mean, std: codes * std + mean),
            "That is the way back, from targets to codes."),
    },
)

# --- predict_boxes: the way back ---


def predict_boxes(answers, mean, std, sizes):
    return box_math.decode(answers * std + mean, sizes)


def _way_back(codes=lambda a, mean, std: a * std + mean, edges=None):
    """codes: (answers, mean, std) -> codes    edges: (cx, cy, h, w, H, W) -> four arrays. Right where not given."""
    def function(answers, mean, std, sizes):
        if edges is None:
            return box_math.decode(codes(answers, mean, std), sizes)
        return np.stack(edges(*codes(answers, mean, std).T, *np.asarray(sizes, float).T), axis=1)
    return function


def _edges(cx, cy, h, w, height, width):
    return (cx - w / 2) * width, (cy - h / 2) * height, (cx + w / 2) * width, (cy + h / 2) * height


def _answer_cases(rng):
    """Boxes well inside pictures that are higher than wide, or wider than high; no negative sides."""
    def case(n):
        sizes = np.stack([rng.integers(40, 90, n), rng.integers(100, 200, n)], axis=1)
        sizes = np.where(rng.random((n, 1)) < 0.5, sizes, sizes[:, ::-1])
        mean, std = rng.uniform(0.42, 0.58, 4), rng.uniform(0.05, 0.15, 4)
        return Case(rng.uniform(-1.5, 1.5, (n, 4)), mean, std, sizes)
    return [case(5), case(3), case(2)]


PREDICT = Exercise(
    title="from answers to boxes in pixels",
    solution=predict_boxes,
    cases=_answer_cases,
    returns=("boxes",),
    mistakes={
        "answers as codes": Mistake(
            _way_back(codes=lambda a, mean, std: np.clip(a, -9, 9), edges=_edges),
            "The answers are taken for codes. They say how many spreads a box is away from the mean box: undo that "
            "first."),
        "mean not added": Mistake(
            _way_back(codes=lambda a, mean, std: a * std, edges=_edges),
            "The mean is not added. An answer of 0 should become the mean box."),
        "spread not undone": Mistake(
            _way_back(codes=lambda a, mean, std: a + mean, edges=_edges),
            "The answers are not multiplied by the spread. An answer of 1 is one spread away from the mean."),
        "order": Mistake(
            _way_back(codes=lambda a, mean, std: (a + mean) * std, edges=_edges),
            "First the mean was subtracted, then it was divided. The way back begins with the last step."),
        "standardized again": Mistake(
            _way_back(codes=lambda a, mean, std: (a - mean) / std, edges=_edges),
            "The answers are standardized once more. They are to be brought back: the other way round."),
        "codes": Mistake(
            _way_back(edges=lambda cx, cy, h, w, height, width: (cx, cy, h, w)),
            "These are codes (cx, cy, h, w). Boxes in pixels are asked for: four edges."),
        "units of the picture": Mistake(
            _way_back(edges=lambda cx, cy, h, w, height, width: _edges(cx, cy, h, w, 1, 1)),
            "The edges are in units of the picture, between 0 and 1. How many pixels are that in each picture?"),
        "h and w exchanged": Mistake(
            _way_back(edges=lambda cx, cy, h, w, height, width: _edges(cx, cy, w, h, height, width)),
            "Height and width are in each other's place. A code is (cx, cy, h, w): height third, width last; files "
            "such as COCO's have them the other way round."),
        "cx and cy exchanged": Mistake(
            _way_back(edges=lambda cx, cy, h, w, height, width: _edges(cy, cx, h, w, height, width)),
            "The two centers are in each other's place. A code is (cx, cy, h, w): across first."),
        "sizes exchanged": Mistake(
            _way_back(edges=lambda cx, cy, h, w, height, width: _edges(cx, cy, h, w, width, height)),
            "Across is multiplied by the height and down by the width. sizes holds (H, W). On square pictures nobody "
            "would ever notice."),
        "corner": Mistake(
            _way_back(edges=lambda cx, cy, h, w, height, width: (cx * width, cy * height, (cx + w) * width,
                                                                 (cy + h) * height)),
            "The center is taken for the upper left corner. From the center, how far is it to the left edge?"),
        "whole sides": Mistake(
            _way_back(edges=lambda cx, cy, h, w, height, width: _edges(cx, cy, 2 * h, 2 * w, height, width)),
            "The box is twice as large as it should be each way. From the center to an edge it is half a side."),
        "y first": Mistake(
            _way_back(edges=lambda cx, cy, h, w, height, width: tuple(
                _edges(cx, cy, h, w, height, width)[i] for i in (1, 0, 3, 2))),
            "y comes before x. A box is (xmin, ymin, xmax, ymax)."),
        "width as xmax": Mistake(
            _way_back(edges=lambda cx, cy, h, w, height, width: (*_edges(cx, cy, h, w, height, width)[:2], w * width,
                                                                 h * height)),
            "The last two numbers are width and height. In this course a box ends with xmax and ymax."),
        "first size for all": Mistake(
            lambda answers, mean, std, sizes: predict_boxes(answers, mean, std, sizes[:1]),
            "All boxes are in the pixels of the first picture. Each picture has a size of its own."),
    },
)

# --- r_squared: how much is explained ---


def _squares(a):
    return (a**2).sum(axis=0)


def r_squared(pred, truth):
    return 1 - _squares(truth - pred) / _squares(truth - truth.mean(axis=0))


def _answers_and_truth(rng):
    """Answers that are shifted and squeezed, each number in another way, so that no two formulas agree."""
    def case(n):
        truth = rng.uniform(0.2, 0.8, (n, 4)) * [1.0, 0.7, 0.5, 0.9]
        return Case(truth * [0.8, 0.5, 0.3, 1.2] + rng.uniform(-0.1, 0.1, (n, 4)) + [0.1, 0.15, 0.2, 0.0], truth)
    return [case(9), case(5), case(14)]


def _correlation(pred, truth):
    p, t = pred - pred.mean(axis=0), truth - truth.mean(axis=0)
    return (p * t).sum(axis=0) ** 2 / (_squares(p) * _squares(t))


R_SQUARED = Exercise(
    title="how much of each number is explained",
    solution=r_squared,
    cases=_answers_and_truth,
    returns=("shares",),
    mistakes={
        "not from 1": Mistake(
            lambda pred, truth: 1 - r_squared(pred, truth),
            "That is the share that is left unexplained. A perfect answer should score 1."),
        "all at once": Mistake(
            lambda pred, truth: _four(1 - ((truth - pred) ** 2).sum() / ((truth - truth.mean(axis=0)) ** 2).sum()),
            "One share for all four numbers. A net may know where a thing is and not how large: each number has its "
            "own."),
        "one mean for all": Mistake(
            lambda pred, truth: 1 - _squares(truth - pred) / _squares(truth - truth.mean()),
            "The four numbers share one mean. Each has a mean of its own; which axis holds the boxes?"),
        "predictions' spread": Mistake(
            lambda pred, truth: 1 - _squares(truth - pred) / _squares(pred - pred.mean(axis=0)),
            "It is divided by the spread of the predictions. What has to be explained is the spread of the truth."),
        "predictions' mean": Mistake(
            lambda pred, truth: 1 - _squares(truth - pred) / _squares(truth - pred.mean(axis=0)),
            "The constant to compare with is the mean of the predictions. The best constant is the mean of the "
            "truth."),
        "correlation": Mistake(
            _correlation,
            "That is the correlation, squared. It does not see that all answers are too large, or all squeezed; a "
            "box that is wrong in that way is wrong."),
        "correlation, not squared": Mistake(
            lambda pred, truth: np.sqrt(_correlation(pred, truth)),
            "That is the correlation. It asks whether answers and truth rise together, not whether they agree."),
        "offset forgiven": Mistake(
            lambda pred, truth: 1 - (truth - pred).var(axis=0) / truth.var(axis=0),
            "A shift of all answers goes unnoticed: the mean of the errors is subtracted before they are squared."),
        "spread of the answers": Mistake(
            lambda pred, truth: pred.var(axis=0) / truth.var(axis=0),
            "The spread of the answers is divided by that of the truth. Answers may vary and still be wrong: compare "
            "them with the truth, picture by picture."),
        "no mean": Mistake(
            lambda pred, truth: 1 - _squares(truth - pred) / _squares(truth),
            "It is compared with an answer of 0. The answer to beat is the mean."),
        "not squared": Mistake(
            lambda pred, truth: 1 - abs(truth - pred).sum(axis=0) / abs(truth - truth.mean(axis=0)).sum(axis=0),
            "These are absolute values. The errors are squared, as in the loss."),
        "root": Mistake(
            lambda pred, truth: 1 - np.sqrt(1 - r_squared(pred, truth)),
            "The errors' square roots are compared. R-squared compares the squares themselves."),
        "ddof": Mistake(
            lambda pred, truth: 1 - ((truth - pred) ** 2).mean(axis=0) / truth.var(axis=0, ddof=1),
            "One sum is divided by N and the other by N - 1. The same divisor on both sides cancels out."),
    },
)

BOXES = {"standardize": STANDARDIZE, "predict_boxes": PREDICT, "r_squared": R_SQUARED}
