"""Exercises of lesson 07: ReLU, the winners of windows and their blame, means, and a mistake to be found.

The right answers use tinycnn.reference and NumPy's view of all windows; both are tested against PyTorch.
"""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.layer07 import LAYER
from lessons.known.relu07 import RELU
from lessons.known.winners07 import MAX_POOL_BACKWARD, MEND, padded_with, windows

# --- max_pool ---


def max_pool(x, kernel_size, stride=None, padding=0):
    return windows(x, kernel_size, stride, padding).max(axis=4)


def _pool(reduce, fill=-np.inf):
    """A pooling that makes something else of each window (..., C, K * K)."""
    def function(x, kernel_size, stride=None, padding=0):
        return reduce(windows(x, kernel_size, stride, padding, fill)).astype(x.dtype)
    return function


def _largest_size(cells):
    cells = np.where(np.isinf(cells), 0, cells)
    return np.take_along_axis(cells, abs(cells).argmax(axis=4)[..., None], axis=4)[..., 0]


def _smallest(cells):
    return np.where(np.isinf(cells), np.inf, cells).min(axis=4)


def _all_channels(cells):
    return np.broadcast_to(cells.max(axis=(3, 4))[..., None], cells.shape[:4]).copy()


def _mean_of_pixels(cells):
    return np.where(np.isinf(cells), 0, cells).mean(axis=4)


def _without_stride(x, kernel_size, stride=None, padding=0):
    right = max_pool(x, kernel_size, stride, padding)
    return max_pool(x, kernel_size, 1, padding)[:, : right.shape[1], : right.shape[2]]


def _window_too_small(x, kernel_size, stride=None, padding=0):
    y = max_pool(x, kernel_size, stride, padding)
    small = windows(x, kernel_size - 1, stride or kernel_size, padding).max(axis=4)
    return small[:, : y.shape[1], : y.shape[2]]


def _one_too_many(x, kernel_size, stride=None, padding=0):
    """Rounded up: what is left over at the end gets a window of its own."""
    stride = stride or kernel_size
    padded = padded_with(x, padding, -np.inf)
    more = [(0, 0)] + [(0, -(size - kernel_size) % stride) for size in padded.shape[1:3]] + [(0, 0)]
    return windows(np.pad(padded, more, constant_values=-np.inf), kernel_size, stride, 0).max(axis=4)


def _padded_behind(x, kernel_size, stride=None, padding=0):
    behind = ((0, 0), (0, 2 * padding), (0, 2 * padding), (0, 0))
    return max_pool(np.pad(x, behind, constant_values=-np.inf), kernel_size, stride, 0)


def _first_image(x, kernel_size, stride=None, padding=0):
    y = max_pool(x, kernel_size, stride, padding)
    y[1:] = 0
    return y


def _pool_cases(rng):
    """Most numbers are negative, so that a border of zeros shows; sizes that do not come out even."""
    def case(x, *arguments):
        return Case(rng.standard_normal(x) - 1, *arguments)
    return [case((2, 6, 8, 3), 2), case((3, 6, 7, 2), 3, 2, 1), case((2, 5, 7, 4), 3, 1), case((2, 8, 6, 3), 2, 3, 1),
            case((2, 9, 8, 2), 3)]


PADDING_IGNORED = "The padding plays no part: there are as many windows as without it."
STRIDE_IS_ONE = ("Where no stride is given, the window moves on by one pixel. A pooling's usual stride is its kernel "
                 "size: windows lie side by side.")
STRIDE_IS_KERNEL = "The stride that was given plays no part: windows always lie side by side."

MAX_POOL = Exercise(
    title="the largest number of each window",
    solution=max_pool,
    cases=_pool_cases,
    mistakes={
        "border of zeros": Mistake(
            lambda x, *arguments: _pool(lambda cells: cells.max(axis=4), fill=0)(x, *arguments),
            "At the border some maxima are 0, though all pixels there are negative. The border has won. It must "
            "lose against every number."),
        "starts at 0": Mistake(
            _pool(lambda cells: np.maximum(cells.max(axis=4), 0)),
            "No maximum is below 0, even where all numbers of a window are. Does a running maximum begin at 0?"),
        "padding ignored": Mistake(
            lambda x, kernel_size, stride=None, padding=0: max_pool(x, kernel_size, stride), PADDING_IGNORED),
        "padding behind": Mistake(
            _padded_behind, "All of the padding is below and to the right. It belongs on both sides."),
        "stride 1": Mistake(
            lambda x, kernel_size, stride=None, padding=0: max_pool(x, kernel_size, stride or 1, padding),
            STRIDE_IS_ONE),
        "stride ignored": Mistake(
            lambda x, kernel_size, stride=None, padding=0: max_pool(x, kernel_size, None, padding), STRIDE_IS_KERNEL),
        "stride ignored in windows": Mistake(
            _without_stride,
            "There are as many windows as there should be, but each starts one pixel after the last one. The "
            "output's position is not yet the position in the picture."),
        "rounded up": Mistake(
            _one_too_many,
            "A window that would reach over the end is counted. Here the rest is dropped, as in lesson 06."),
        "window too small": Mistake(
            _window_too_small, "The last row and column of every window are not looked at. a:b ends before b."),
        "all channels": Mistake(
            _pool(_all_channels),
            "All channels have the same maximum. Unlike a convolution, a pooling looks at each channel by itself."),
        "mean": Mistake(
            lambda x, *arguments: _pool(_mean_of_pixels)(x, *arguments),
            "That is the mean of each window, with 0 at the border. The largest number was asked for."),
        "smallest": Mistake(_pool(_smallest), "That is the smallest number of each window."),
        "largest size": Mistake(
            _pool(_largest_size), "A large negative number wins. It is not sizes that compete, but numbers."),
        "first image only": Mistake(_first_image, "Only the first picture of the batch is done."),
    },
)

# --- avg_pool ---


def avg_pool(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    total = windows(x, kernel_size, stride, padding, 0).sum(axis=4)
    inside = windows(np.ones_like(x), kernel_size, stride, padding, 0).sum(axis=4)
    return total / (kernel_size * kernel_size if count_include_pad else inside)


def _means(count):
    """A mean that divides by another number. count: function (cells (..., K * K), which are pixels, k) -> numbers."""
    def function(x, kernel_size, stride=None, padding=0, count_include_pad=True):
        cells = windows(x, kernel_size, stride, padding, 0)
        pixels = windows(np.ones_like(x), kernel_size, stride, padding, 0)
        divisor = count(cells, pixels, kernel_size, count_include_pad)
        return (cells.sum(axis=4) / np.maximum(divisor, 1)).astype(x.dtype)
    return function


def _of_infinity(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    return windows(x, kernel_size, stride, padding).mean(axis=4)


def _largest(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    return max_pool(x, kernel_size, stride, padding)


def _over_channels(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    y = avg_pool(x, kernel_size, stride, padding, count_include_pad)
    return np.repeat(y.mean(axis=3, keepdims=True), x.shape[3], axis=3)


def _avg_cases(rng):
    """Some pixels are exactly 0, as behind a ReLU: they count all the same."""
    def case(x, *arguments, **named):
        return Case(np.maximum(rng.uniform(-1, 2, x), 0), *arguments, **named)
    return [case((2, 6, 8, 3), 2), case((3, 6, 7, 2), 3, 2, 1), case((2, 7, 6, 2), 3, 2, 1, count_include_pad=False),
            case((2, 5, 7, 4), 3, 1), case((2, 6, 9, 3), 2, 3, 1, count_include_pad=False)]


AVG_POOL = Exercise(
    title="the mean of each window",
    solution=avg_pool,
    cases=_avg_cases,
    mistakes={
        "border always counts": Mistake(
            _means(lambda cells, pixels, k, include: k * k),
            "With count_include_pad=False the border still counts: means at the rim are too small."),
        "border never counts": Mistake(
            _means(lambda cells, pixels, k, include: pixels.sum(axis=4)),
            "The border never counts. With count_include_pad=True, which is the default, its zeros do."),
        "the wrong way round": Mistake(
            _means(lambda cells, pixels, k, include: pixels.sum(axis=4) if include else k * k),
            "count_include_pad does the opposite of what its name says."),
        "zeros not counted": Mistake(
            _means(lambda cells, pixels, k, include: k * k if include else (cells != 0).sum(axis=4)),
            "With count_include_pad=False, pixels that happen to be 0 are not counted either. What tells a black "
            "pixel from the border?"),
        "sum": Mistake(
            _means(lambda cells, pixels, k, include: 1), "That is the sum of each window. Nothing was divided."),
        "divided by the side": Mistake(
            _means(lambda cells, pixels, k, include: k),
            "The sum is divided by the window's side, not by how many numbers lie in it."),
        "infinite border": Mistake(
            _of_infinity, "Means at the border are infinite. A border of -inf is made to lose, not to be added."),
        "largest": Mistake(_largest, "That is the largest number of each window, not the mean."),
        "padding ignored": Mistake(
            lambda x, kernel_size, stride=None, padding=0, count_include_pad=True: avg_pool(x, kernel_size, stride),
            PADDING_IGNORED),
        "stride 1": Mistake(
            lambda x, kernel_size, stride=None, *more, **named: avg_pool(x, kernel_size, stride or 1, *more, **named),
            STRIDE_IS_ONE),
        "stride ignored": Mistake(
            lambda x, kernel_size, stride=None, *more, **named: avg_pool(x, kernel_size, None, *more, **named),
            STRIDE_IS_KERNEL),
        "mean over channels": Mistake(
            _over_channels, "All channels have the same mean. A pooling looks at each channel by itself."),
    },
)

EXERCISES = {"relu": RELU, "max_pool": MAX_POOL, "max_pool_backward": MAX_POOL_BACKWARD, "avg_pool": AVG_POOL,
             "fast_backward": MEND, "layer": LAYER}
