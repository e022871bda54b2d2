"""Exercises of lesson 02 about features made by hand: edges, the histogram of a cell, sums over rectangles."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from tinycnn.classical.haar import integral_image

# --- edges: how strong and which way, handed out with the two differences exchanged ---


def edges(gx, gy):
    return np.sqrt(gx * gx + gy * gy), np.degrees(np.arctan2(gy, gx)) % 180


def _edges_with(size=None, angle=None):
    """The right answer with one of its two results replaced by a function of gx and gy."""
    def function(gx, gy):
        right = edges(gx, gy)
        return right[0] if size is None else size(gx, gy), right[1] if angle is None else angle(gx, gy)
    return function


as_found = _edges_with(angle=lambda gx, gy: np.degrees(np.arctan2(gx, gy)) % 180)

EDGES = Exercise(
    title="how strong an edge is, and its orientation in degrees",
    solution=edges,
    cases=lambda rng: [Case(*rng.uniform(-9, 9, (2, *shape))) for shape in ((4, 5), (3, 7), (6, 2))],
    returns=("size", "angle"),
    stub=as_found,
    stub_says="exchanged",
    mistakes={
        "exchanged": Mistake(
            as_found,
            "A difference from left to right comes out as 90 degrees. Along which axis does an angle of 0 point? In "
            "which order does arctan2 take its two arguments?"),
        "signed": Mistake(
            _edges_with(angle=lambda gx, gy: np.degrees(np.arctan2(gy, gx)) % 360),
            "These are directions, 0 to 360 degrees. From dark to bright and from bright to dark is one orientation."),
        "negative angles": Mistake(
            _edges_with(angle=lambda gx, gy: np.degrees(np.arctan2(gy, gx))),
            "Some angles are negative. -30 degrees and 150 degrees are the same line."),
        "absolute": Mistake(
            _edges_with(angle=lambda gx, gy: abs(np.degrees(np.arctan2(gy, gx)))),
            "The sign of the angle is dropped, so that two lines that cross get one number: -30 degrees is not 30."),
        "radians": Mistake(
            _edges_with(angle=lambda gx, gy: np.arctan2(gy, gx) % np.pi),
            "The angles are in radians. Degrees are asked for."),
        "degrees of what": Mistake(
            _edges_with(angle=lambda gx, gy: np.arctan2(gy, gx) % 180),
            "Radians and degrees are mixed: what does arctan2 return, and in what is 180 measured?"),
        "a quarter": Mistake(
            _edges_with(angle=lambda gx, gy: np.degrees(np.arctan2(gy, gx)) % 90),
            "Lines at a right angle to each other get the same number. After how many degrees is a line itself again?"),
        "half a line": Mistake(
            _edges_with(angle=lambda gx, gy: np.degrees(np.arctan(gy / gx))),
            "The angles lie between -90 and 90 degrees; 0 to 180 is asked for. The lines are right, not their names."),
        "along the edge": Mistake(
            _edges_with(angle=lambda gx, gy: (np.degrees(np.arctan2(gy, gx)) + 90) % 180),
            "That is the way the edge runs. The way across it is asked for, from one side to the other."),
        "mirrored": Mistake(
            _edges_with(angle=lambda gx, gy: np.degrees(np.arctan2(-gy, gx)) % 180),
            "The angle turns the wrong way. In a picture y grows downwards, and so it does here."),
        "sum of sizes": Mistake(
            _edges_with(size=lambda gx, gy: abs(gx) + abs(gy)),
            "The size is the sum of the two differences. They stand at a right angle: what would Pythagoras say?"),
        "squared": Mistake(
            _edges_with(size=lambda gx, gy: gx * gx + gy * gy),
            "The size is squared. An edge of twice the height is twice as strong, not four times."),
        "larger one": Mistake(
            _edges_with(size=lambda gx, gy: np.maximum(abs(gx), abs(gy))),
            "Only the larger of the two differences counts."),
    },
)

# --- cell_histogram: votes for orientations ---


def _histogram_with(lower=np.floor, middle=0.5, share=None, vote=None, period=180.0, wrap=True, add=np.add.at):
    """A histogram with one step replaced. share: of the upper bin, from what lies beyond the lower; vote: of size"""
    def cell_histogram(size, angle, bins=9):
        place = angle.ravel() * bins / period - middle
        low = lower(place).astype(int)
        beyond = place - low
        upper = beyond if share is None else share(beyond)
        loud = size.ravel() if vote is None else vote(size.ravel())
        found = np.zeros(bins)
        for bin, votes in ((low, loud * (1 - upper)), (low + 1, loud * upper)):
            there = slice(None) if wrap else (bin >= 0) & (bin < bins)
            add(found, bin[there] % bins, votes[there])
        return found
    return cell_histogram


cell_histogram = _histogram_with()


def _clipped(size, angle, bins=9):
    place = angle.ravel() * bins / 180 - 0.5
    low, found = np.floor(place).astype(int), np.zeros(bins)
    np.add.at(found, low.clip(0, bins - 1), size.ravel() * (1 - place + low))
    np.add.at(found, (low + 1).clip(0, bins - 1), size.ravel() * (place - low))
    return found


def _assign(found, bins, votes):
    found[bins] += votes  # of several votes for one bin only the last counts


def _cells(rng):
    """Sizes and angles of cells; among the angles some below the middle of the first bin and above that of the last."""
    for shape, bins in (((4, 5), 9), ((3, 6), 9), ((5, 3), 6)):
        angle = rng.uniform(0, 180, shape)
        angle.flat[:4] = 2.5, 6.25, 176.5, 178.75
        yield Case(rng.uniform(0.5, 8, shape), rng.permuted(angle), bins)


CELL_HISTOGRAM = Exercise(
    title="the histogram of a cell: every pixel votes, shared between two bins",
    solution=cell_histogram,
    cases=lambda rng: list(_cells(rng)),
    returns=("histogram",),
    mistakes={
        "one bin": Mistake(
            _histogram_with(middle=0, share=np.zeros_like),
            "Each pixel votes for one bin alone. Its vote is to be shared between the two nearest."),
        "lower bin only": Mistake(
            _histogram_with(share=np.zeros_like),
            "Each whole vote goes to the lower of the two nearest bins. The upper one has a share as well."),
        "bins begin at their middle": Mistake(
            _histogram_with(middle=0),
            "The votes are shared as if the middle of bin 0 lay at 0 degrees. Bin 0 begins there: where is "
            "its middle?"),
        "shares exchanged": Mistake(
            _histogram_with(share=lambda beyond: 1 - beyond),
            "The two shares are exchanged: the nearer bin gets less."),
        "not shared": Mistake(
            _histogram_with(share=np.ones_like),
            "Each whole vote goes to the upper of the two nearest bins. The lower one has a share as well."),
        "whole votes twice": Mistake(
            lambda size, angle, bins=9: _histogram_with(share=np.zeros_like)(size, angle, bins)
            + _histogram_with(share=np.ones_like)(size, angle, bins),
            "Both bins get the whole vote. All bins together must have as much as all pixels together."),
        "halves": Mistake(
            _histogram_with(share=lambda beyond: np.full_like(beyond, 0.5)),
            "Each bin gets half of the vote. The nearer one should get more."),
        "counted": Mistake(
            _histogram_with(vote=np.ones_like),
            "Every pixel counts the same. A strong edge should speak louder than a faint one."),
        "squared votes": Mistake(
            _histogram_with(vote=np.square),
            "A vote is as loud as the square of the edge. Its size itself is asked for."),
        "ends lost": Mistake(
            _histogram_with(wrap=False),
            "Votes near 0 and near 180 degrees are lost in part. What is the neighbor of the last bin?"),
        "ends clipped": Mistake(
            _clipped,
            "Near 0 and near 180 degrees a vote stays in its own bin. 179 degrees is almost 0: who is the other "
            "neighbor?"),
        "truncated": Mistake(
            _histogram_with(lower=np.trunc),
            "Angles in the first half of bin 0 go astray. int() rounds towards 0: what does it make of -0.3?"),
        "overwritten": Mistake(
            _histogram_with(add=_assign),
            "Where several pixels vote for the same bin, only one of them counts. h[bins] += votes adds once for each "
            "bin that is named, however often it is named."),
        "full circle": Mistake(
            _histogram_with(period=360.0),
            "The bins cover 360 degrees, and half of them stay empty. Orientations end at 180."),
        "mean": Mistake(
            lambda size, angle, bins=9: cell_histogram(size, angle, bins) / size.size,
            "The votes are averaged over the pixels. Their sum is asked for."),
        "brought to a sum of 1": Mistake(
            lambda size, angle, bins=9: cell_histogram(size, angle, bins) / size.sum(),
            "The histogram is divided by its sum. How loud a cell is will matter in the next section."),
    },
)

# --- integral: sums over everything above and to the left ---


def integral(table):
    return integral_image(np.asarray(table)[None])[0]


def _bordered(sums):
    """function (table) -> sums (H, W), with a row and a column of zeros in front."""
    return lambda table: np.pad(sums(table), ((1, 0), (1, 0)))


INTEGRAL = Exercise(
    title="the integral image",
    solution=integral,
    cases=lambda rng: [Case(rng.integers(-9, 10, shape).astype(float)) for shape in ((4, 6), (5, 3), (2, 7))],
    returns=("sums",),
    mistakes={
        "down only": Mistake(
            _bordered(lambda t: t.cumsum(axis=0)),
            "The sums run down the columns only. Everything to the left belongs to them, too."),
        "across only": Mistake(
            _bordered(lambda t: t.cumsum(axis=1)),
            "The sums run along the rows only. Everything above belongs to them, too."),
        "both added": Mistake(
            _bordered(lambda t: t.cumsum(axis=0) + t.cumsum(axis=1)),
            "A column's sum and a row's sum are added: that is a cross, not a rectangle."),
        "all in a row": Mistake(
            _bordered(lambda t: t.cumsum().reshape(t.shape)),
            "The sum runs on from the end of a row to the next. What stands to the right does not belong to it."),
        "border behind": Mistake(
            lambda table: np.pad(table.cumsum(axis=0).cumsum(axis=1), ((0, 1), (0, 1))),
            "The zeros stand at the end. sums[0, 0] is the sum of nothing, and the last number is that of all."),
        "no border": Mistake(
            lambda table: table.cumsum(axis=0).cumsum(axis=1),
            "The row and the column of zeros are missing. sums[y, x] is the sum above line y and left of line x; lines "
            "are one more than pixels."),
        "from below": Mistake(
            _bordered(lambda t: t[::-1].cumsum(axis=0)[::-1].cumsum(axis=1)),
            "The sums begin at the lowest row. What lies above is to be added up."),
        "from the far corner": Mistake(
            _bordered(lambda t: t[::-1, ::-1].cumsum(axis=0).cumsum(axis=1)[::-1, ::-1]),
            "What lies below and to the right is added up. Above and to the left is asked for."),
        "a copy": Mistake(
            _bordered(lambda t: t + 0),
            "These are the numbers of the table itself: nothing has been added up."),
        "mean": Mistake(
            _bordered(lambda t: t.cumsum(axis=0).cumsum(axis=1)
                      / np.outer(np.arange(1, t.shape[0] + 1), np.arange(1, t.shape[1] + 1))),
            "These are means over what lies above and to the left. Sums are asked for."),
        "itself left out": Mistake(
            _bordered(lambda t: t.cumsum(axis=0).cumsum(axis=1) - t),
            "The pixel at the corner itself is missing from its sum."),
    },
)

# --- rectangles: any sum from four numbers ---


def rectangle_sums(sums, boxes):
    x0, y0, x1, y1 = boxes.T
    return sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]


def _corners(formula):
    """formula(at, x0, y0, x1, y1), where at(y, x) looks up as many sums; indices beyond the table end at its edge."""
    def function(sums, boxes):
        height, width = sums.shape
        return formula(lambda y, x: sums[y.clip(0, height - 1), x.clip(0, width - 1)], *boxes.T)
    return function


def _sums_and_boxes(rng, shape, count):
    low = rng.integers(0, np.array(shape[::-1]) - 1, (count, 2))
    high = low + 1 + rng.integers(0, 9, (count, 2)) % (shape[::-1] - low)
    return integral(rng.integers(1, 10, shape).astype(float)), np.concatenate([low, high], axis=1)


RECTANGLES = Exercise(
    title="the sums over rectangles, from an integral image",
    solution=rectangle_sums,
    cases=lambda rng: [Case(*_sums_and_boxes(rng, shape, count))
                       for shape, count in (((6, 9), 7), ((8, 5), 6), ((7, 10), 9))],
    returns=("sums over the boxes",),
    mistakes={
        "corner alone": Mistake(
            _corners(lambda at, x0, y0, x1, y1: at(y1, x1)),
            "That is the sum from the picture's corner on. What lies above and to the left of the box is in it."),
        "added twice": Mistake(
            _corners(lambda at, x0, y0, x1, y1: at(y1, x1) - at(y0, x1) - at(y1, x0)),
            "What lies above and to the left at once has been taken away twice."),
        "signs": Mistake(
            _corners(lambda at, x0, y0, x1, y1: at(y1, x1) + at(y0, x1) - at(y1, x0) - at(y0, x0)),
            "The signs of two corners are exchanged. Which two pieces have to go, and which one comes back?"),
        "all taken away": Mistake(
            _corners(lambda at, x0, y0, x1, y1: at(y1, x1) - at(y0, x1) - at(y1, x0) - at(y0, x0)),
            "Three corners are taken away. Look at the piece above and to the left: how often is it gone now?"),
        "two corners": Mistake(
            _corners(lambda at, x0, y0, x1, y1: at(y1, x1) - at(y0, x0)),
            "Only two corners are looked up. What is left is an L around the box and the box itself."),
        "one too small": Mistake(
            _corners(lambda at, x0, y0, x1, y1: at(y1 - 1, x1 - 1) - at(y0, x1 - 1) - at(y1 - 1, x0) + at(y0, x0)),
            "The last row and the last column of each box are missing. sums[y, x] already ends in front of line y."),
        "one too large": Mistake(
            _corners(lambda at, x0, y0, x1, y1: at(y1 + 1, x1 + 1) - at(y0, x1 + 1) - at(y1 + 1, x0) + at(y0, x0)),
            "A row and a column too many are in each sum. A box is half open, and so are the sums."),
        "began before": Mistake(
            _corners(lambda at, x0, y0, x1, y1: at(y1, x1) - at(y0 - 1, x1) - at(y1, x0 - 1) + at(y0 - 1, x0 - 1)),
            "Each box begins one row and one column too early. With a border of zeros no - 1 is needed."),
        "x and y": Mistake(
            _corners(lambda at, x0, y0, x1, y1: at(x1, y1) - at(x0, y1) - at(x1, y0) + at(x0, y0)),
            "Rows and columns are exchanged. In an array the row comes first, which is y."),
        "mean": Mistake(
            lambda sums, boxes: rectangle_sums(sums, boxes) / np.prod(boxes[:, 2:] - boxes[:, :2], axis=1),
            "These are means over the rectangles. Sums are asked for."),
        "width and height": Mistake(
            _corners(lambda at, x0, y0, x1, y1: at(y0 + y1, x0 + x1) - at(y0, x0 + x1) - at(y0 + y1, x0) + at(y0, x0)),
            "The third and fourth number of a box are taken for its width and height. They are xmax and ymax."),
    },
)
