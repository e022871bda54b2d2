"""Exercises of lesson 06: a convolution as loops, its patches, the way back, and a layer made of them.

The right answers use tinycnn.patches, which is tested against PyTorch and against the loops of tinycnn/reference.
"""

import numpy as np

from lessons.known.backward06 import BACKWARD
from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.layer06 import LAYER
from tinycnn import patches

# --- output_size ---


def output_size(size, kernel, stride=1, padding=0):
    return (size + 2 * padding - kernel) // stride + 1


OUTPUT_SIZE = Exercise(
    title="how many windows fit",
    solution=output_size,
    takes=("settings",),
    cases=lambda rng: [Case(settings) for settings in (
        ((5, 3, 1, 0), (5, 3, 1, 1), (8, 3, 2, 1), (7, 2, 2, 0)),
        ((9, 4, 3, 2), (227, 11, 4, 0), (3, 3, 2, 0), (11, 3, 3, 0)),
        ((55, 3, 2, 0), (6, 5, 1, 2), (12, 5, 4, 0), (8, 2, 3, 2)))],
    returns=("numbers", "are they whole numbers"),
    mistakes={
        "off by one": Mistake(
            lambda size, kernel, stride=1, padding=0: (size + 2 * padding - kernel) // stride,
            "One window is missing: the very first one needs no step. Count the windows of 3 in 5 pixels by hand."),
        "padding once": Mistake(
            lambda size, kernel, stride=1, padding=0: (size + padding - kernel) // stride + 1,
            "The padding is counted once, but there is a border on both sides."),
        "padding ignored": Mistake(
            lambda size, kernel, stride=1, padding=0: (size - kernel) // stride + 1,
            "The padding plays no part. The window may also stand on the border."),
        "stride ignored": Mistake(
            lambda size, kernel, stride=1, padding=0: size + 2 * padding - kernel + 1,
            "The stride plays no part: the window does not stop everywhere."),
        "rounded up": Mistake(
            lambda size, kernel, stride=1, padding=0: -(-(size + 2 * padding - kernel) // stride) + 1,
            "A window that would reach over the end is counted. The last step is only taken if the whole window fits."),
        "not whole": Mistake(
            lambda size, kernel, stride=1, padding=0: (size + 2 * padding - kernel) / stride + 1,
            "That is not a whole number when the steps do not come out even. What happens to the rest?"),
        "brackets": Mistake(
            lambda size, kernel, stride=1, padding=0: size + 2 * padding - kernel // stride + 1,
            "Only the kernel is divided by the stride: // comes before - unless brackets say otherwise."),
        "a float": Mistake(
            lambda size, kernel, stride=1, padding=0: float(output_size(size, kernel, stride, padding)),
            "The numbers are right, but they are floats, such as 5.0. Shapes and loops need whole numbers."),
        "rounded to the nearest": Mistake(
            lambda size, kernel, stride=1, padding=0: round((size + 2 * padding - kernel) / stride) + 1,
            "The steps are rounded to the nearest whole number. A window of which only half fits does not count."),
        "divided last": Mistake(
            lambda size, kernel, stride=1, padding=0: (size + 2 * padding - kernel + 1) // stride,
            "The 1 is added before dividing. It stands for the first window, which no step leads to."),
    },
)

# --- conv_forward ---


def im2col(x, kernel, stride=1, padding=0):
    return patches.im2col(x, tuple(kernel), (stride, stride), (padding, padding))


def conv_forward(x, w, b, stride=1, padding=0):
    return im2col(x, w.shape[:2], stride, padding) @ w.reshape(-1, w.shape[3]) + b


def _pad(x, before, after):
    return np.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))


def _starts_without_stride(x, kernel, stride, padding):
    """As many windows as there should be, but each one pixel after the last."""
    (kh, kw), (_, h, w, _) = kernel, x.shape
    oh, ow = output_size(h, kh, stride, padding), output_size(w, kw, stride, padding)
    return im2col(x, kernel, 1, padding)[:, :oh, :ow]


def _forward_from(cols):
    """A convolution from wrong patches. cols: function (x, kernel, stride, padding) -> patches."""
    def function(x, w, b, stride=1, padding=0):
        return cols(x, w.shape[:2], stride, padding) @ w.reshape(-1, w.shape[3]) + b
    return function


def _forward_times(kernel=lambda w: w, bias=lambda b, w: b):
    """A convolution with a wrong kernel or a wrong bias."""
    def function(x, w, b, stride=1, padding=0):
        return conv_forward(x, kernel(w), bias(b, w), stride, padding)
    return function


def _only(w, *index):
    kept = np.zeros_like(w)
    kept[index] = w[index]
    return kept


def _first_image_only(x, w, b, stride=1, padding=0):
    y = conv_forward(x, w, b, stride, padding)
    y[1:] = 0
    return y


def _forward_cases(rng):
    """Rectangular and square kernels; stride and padding apart and together; a bias that is never 0."""
    def case(x, w, stride, padding):
        return Case(rng.standard_normal(x), rng.standard_normal(w), rng.uniform(0.5, 1.5, w[3]), stride, padding)
    return [case((2, 5, 6, 3), (3, 2, 3, 4), 1, 0), case((2, 6, 7, 2), (3, 3, 2, 3), 2, 0),
            case((2, 5, 4, 2), (2, 3, 2, 3), 1, 1), case((3, 7, 8, 2), (3, 3, 2, 2), 2, 1)]


SAYS = {
    "kernel flipped":
        "The kernel is turned by 180 degrees. That is what mathematics calls a convolution; here the kernel lies on "
        "the window as it is. Which number of w meets the pixel in the window's upper left corner?",
    "stride ignored in windows":
        "There are as many windows as there should be, but each starts one pixel after the last one. The output's "
        "position is not yet the position in the picture.",
    "stride ignored":
        "The stride plays no part: the output is as large as for stride 1.",
    "padding after":
        "All of the padding is below and to the right. It belongs on both sides, so that the picture stays in the "
        "middle.",
    "padding before":
        "All of the padding is above and to the left. It belongs on both sides, so that the picture stays in the "
        "middle.",
    "padding ignored":
        "The padding plays no part: the output is as small as without it.",
}

CONV_FORWARD = Exercise(
    title="a convolution, as loops or otherwise",
    solution=conv_forward,
    cases=_forward_cases,
    keeps_dtype=True,
    mistakes={
        "kernel flipped": Mistake(_forward_times(kernel=lambda w: w[::-1, ::-1]), SAYS["kernel flipped"]),
        "stride ignored in windows": Mistake(
            _forward_from(_starts_without_stride), SAYS["stride ignored in windows"]),
        "stride ignored": Mistake(
            _forward_from(lambda x, kernel, stride, padding: im2col(x, kernel, 1, padding)), SAYS["stride ignored"]),
        "padding after": Mistake(
            _forward_from(lambda x, kernel, stride, padding: im2col(_pad(x, 0, 2 * padding), kernel, stride)),
            SAYS["padding after"]),
        "padding before": Mistake(
            _forward_from(lambda x, kernel, stride, padding: im2col(_pad(x, 2 * padding, 0), kernel, stride)),
            SAYS["padding before"]),
        "padding ignored": Mistake(
            _forward_from(lambda x, kernel, stride, padding: im2col(x, kernel, stride)), SAYS["padding ignored"]),
        "bias forgotten": Mistake(
            _forward_times(bias=lambda b, w: 0 * b), "The bias b is missing. Every output number gets its filter's b."),
        "bias too often": Mistake(
            _forward_times(bias=lambda b, w: b * w[..., 0].size),
            "The bias is added once for every product, not once for every output number. Look at how far in that line "
            "is indented."),
        "first channel only": Mistake(
            _forward_times(kernel=lambda w: _only(w, slice(None), slice(None), 0)),
            "Only the first channel is looked at. A window has KH x KW x C numbers, and the sum runs over all of "
            "them."),
        "mean": Mistake(
            _forward_times(kernel=lambda w: w / w[..., 0].size),
            "The mean over the window is taken. A convolution adds up."),
        "overwritten": Mistake(
            _forward_times(kernel=lambda w: _only(w, -1, -1, -1)),
            "Only the last product of each window is left: the others were overwritten. Is it = where the sum grows?"),
        "first image only": Mistake(
            _first_image_only,
            "Only the first image of the batch has an output. The others are 0."),
    },
)

# --- im2col ---


def _cols_order(order):
    """Patches whose numbers come in another order; order: a permutation of (n, oh, ow, KH, KW, C)."""
    def function(x, kernel, stride=1, padding=0):
        cols = im2col(x, kernel, stride, padding)
        n, oh, ow, _ = cols.shape
        return np.ascontiguousarray(cols.reshape(n, oh, ow, *kernel, -1).transpose(order)).reshape(n, oh, ow, -1)
    return function


def _cols_flipped(x, kernel, stride=1, padding=0):
    cols = im2col(x, kernel, stride, padding)
    return cols.reshape(*cols.shape[:3], *kernel, -1)[:, :, :, ::-1, ::-1].reshape(cols.shape)


def _cols_mirrored(x, kernel, stride=1, padding=0):
    """The border is filled with the picture's outermost pixels."""
    p = padding
    return im2col(np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), mode="edge"), kernel, stride)


def _cols_last_image(x, kernel, stride=1, padding=0):
    return np.broadcast_to(im2col(x, kernel, stride, padding)[-1:], im2col(x, kernel, stride, padding).shape)


IM2COL = Exercise(
    title="the patch under every window, as a row",
    solution=im2col,
    cases=lambda rng: [Case(rng.standard_normal((2, 5, 6, 3)), (3, 2), 1, 0),
                       Case(rng.standard_normal((2, 7, 8, 2)), (3, 3), 2, 0),
                       Case(rng.standard_normal((3, 4, 5, 2)), (2, 3), 1, 1),
                       Case(rng.standard_normal((2, 6, 7, 2)), (3, 3), 2, 1)],
    returns=("cols",),
    keeps_dtype=True,
    mistakes={
        "channels first": Mistake(
            _cols_order((0, 1, 2, 5, 3, 4)),
            "The numbers of a row come channel by channel. The kernel (KH, KW, C, F) is flattened with the channel "
            "running fastest, and the row has to match it."),
        "columns first": Mistake(
            _cols_order((0, 1, 2, 4, 3, 5)),
            "The window is read column by column. The kernel is flattened row by row."),
        "flipped": Mistake(_cols_flipped, "Every window is read backwards, from its lower right corner."),
        "stride ignored in windows": Mistake(_starts_without_stride, SAYS["stride ignored in windows"]),
        "stride ignored": Mistake(
            lambda x, kernel, stride=1, padding=0: im2col(x, kernel, 1, padding), SAYS["stride ignored"]),
        "padding after": Mistake(
            lambda x, kernel, stride=1, padding=0: im2col(_pad(x, 0, 2 * padding), kernel, stride),
            SAYS["padding after"]),
        "padding before": Mistake(
            lambda x, kernel, stride=1, padding=0: im2col(_pad(x, 2 * padding, 0), kernel, stride),
            SAYS["padding before"]),
        "padding ignored": Mistake(
            lambda x, kernel, stride=1, padding=0: im2col(x, kernel, stride), SAYS["padding ignored"]),
        "border repeated": Mistake(
            _cols_mirrored, "The border repeats the picture's outermost pixels. It should be 0."),
        "last image everywhere": Mistake(
            _cols_last_image, "All images have the patches of the last one. Is one array filled and reused?"),
    },
)

EXERCISES = {"output_size": OUTPUT_SIZE, "conv_forward": CONV_FORWARD, "im2col": IM2COL, **BACKWARD,
             "layer": LAYER}
