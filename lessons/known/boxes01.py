"""Exercises of lesson 01 about ways to write a box down: four file formats, box codes, the mean box."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake
from tinycnn import boxes as box_math

# --- convert: one box, four ways to write it down ---

def convert(numbers, form):
    a, b, c, d = numbers
    if form == "voc":
        return np.array([a - 1, b - 1, c, d])
    if form == "coco":
        return np.array([a, b, a + c, b + d])
    if form == "tiny-imagenet":
        return np.array([a, b, c + 1, d + 1])
    return np.array([a, b, c, d])


def _convert_wrongly(**changes):
    """A wrong answer for some formats, the right one for the others."""
    def function(numbers, form):
        return np.array(changes[form](*numbers)) if form in changes else convert(numbers, form)
    return function


def _as_is(a, b, c, d):
    return a, b, c, d


CONVERT = Exercise(
    title="from four formats to (xmin, ymin, xmax, ymax)",
    solution=convert,
    lists=True,
    cases=lambda rng: [Case(np.concatenate([rng.integers(3, 30, 2), rng.integers(31, 60, 2)]), form)
                       for form in ("voc", "coco", "csv", "tiny-imagenet") for _ in range(3)],
    returns=("box",),
    mistakes={
        "voc as written": Mistake(
            _convert_wrongly(voc=_as_is),
            "VOC's numbers are returned as they are written. Look at the ruler: VOC calls the very first pixel 1."),
        "voc minus one": Mistake(
            _convert_wrongly(voc=lambda a, b, c, d: (a - 1, b - 1, c - 1, d - 1)),
            "VOC: 1 is taken from all four numbers, so every box loses its last row and column. Count the pixels of a "
            "box that VOC writes as 1 to 10: how wide must it be?"),
        "width as xmax": Mistake(
            _convert_wrongly(coco=_as_is),
            "COCO's width and height are taken for xmax and ymax. What do COCO's third and fourth number mean?"),
        "coco one too many": Mistake(
            _convert_wrongly(coco=lambda a, b, c, d: (a, b, a + c - 1, b + d - 1)),
            "COCO: the box is one pixel too small each way. With half-open boxes there is no + 1 and no - 1 between "
            "xmin, width and xmax."),
        "coco center": Mistake(
            _convert_wrongly(coco=lambda a, b, c, d: (a - c / 2, b - d / 2, a + c / 2, b + d / 2)),
            "COCO's first two numbers are taken for the center. Which point of the box do they name?"),
        "coco h and w exchanged": Mistake(
            _convert_wrongly(coco=lambda a, b, c, d: (a, b, a + d, b + c)),
            "COCO: width and height are exchanged. Its third number goes across, the fourth down."),
        "last pixel lost": Mistake(
            _convert_wrongly(**{"tiny-imagenet": _as_is}),
            "Tiny ImageNet's last pixel is lost. It names the last pixel that is still inside; where does that pixel "
            "end?"),
        "tiny minus one": Mistake(
            _convert_wrongly(**{"tiny-imagenet": lambda a, b, c, d: (a - 1, b - 1, c, d)}),
            "Tiny ImageNet is read as if it counted from 1, like VOC. Look at the ruler again: what does it call the "
            "first pixel?"),
        "csv shifted": Mistake(
            _convert_wrongly(csv=lambda a, b, c, d: (a, b, c + 1, d + 1)),
            "CSV boxes come out one pixel too large. How does this project's own format count?"),
    },
)

# --- encode: pixels to (cx, cy, h, w) in units of the picture ---


def encode(boxes, sizes):
    return box_math.encode(boxes, sizes)


def _encode_with(formula):
    """formula(xmin, ymin, xmax, ymax, H, W) -> four arrays."""
    def function(boxes, sizes):
        return np.stack(formula(*boxes.T, *np.asarray(sizes, float).T), axis=-1)
    return function


def _boxes_and_sizes(rng, count=7):
    sizes = rng.integers(40, 120, (count, 2)) + np.array([0, 7])  # hardly ever square
    low, side = rng.uniform(0, 0.4, (count, 2)), rng.uniform(0.2, 0.6, (count, 2))
    wh = sizes[:, ::-1]
    return np.concatenate([low * wh, (low + side) * wh], axis=1), sizes


ENCODE = Exercise(
    title="boxes in pixels to codes (cx, cy, h, w)",
    solution=encode,
    cases=lambda rng: [Case(*_boxes_and_sizes(rng, count)) for count in (7, 3, 1)],
    returns=("codes",),
    mistakes={
        "h and w exchanged": Mistake(
            _encode_with(lambda x0, y0, x1, y1, h, w: ((x0 + x1) / 2 / w, (y0 + y1) / 2 / h, (x1 - x0) / w,
                                                       (y1 - y0) / h)),
            "Width comes before height. A code is (cx, cy, h, w): height third, width last."),
        "cx and cy exchanged": Mistake(
            _encode_with(lambda x0, y0, x1, y1, h, w: ((y0 + y1) / 2 / h, (x0 + x1) / 2 / w, (y1 - y0) / h,
                                                       (x1 - x0) / w)),
            "y comes before x. A code is (cx, cy, h, w): across first, then down."),
        "sizes exchanged": Mistake(
            _encode_with(lambda x0, y0, x1, y1, h, w: ((x0 + x1) / 2 / h, (y0 + y1) / 2 / w, (y1 - y0) / w,
                                                       (x1 - x0) / h)),
            "Across is divided by the height and down by the width. sizes holds (H, W), as image.shape[:2] does. On "
            "square pictures nobody would ever notice."),
        "corner": Mistake(
            _encode_with(lambda x0, y0, x1, y1, h, w: (x0 / w, y0 / h, (y1 - y0) / h, (x1 - x0) / w)),
            "The first two numbers are the corner, not the center."),
        "not halved": Mistake(
            _encode_with(lambda x0, y0, x1, y1, h, w: ((x0 + x1) / w, (y0 + y1) / h, (y1 - y0) / h, (x1 - x0) / w)),
            "The center is twice as far away as it should be: it lies halfway between the two edges."),
        "pixels": Mistake(
            _encode_with(lambda x0, y0, x1, y1, h, w: ((x0 + x1) / 2, (y0 + y1) / 2, y1 - y0, x1 - x0)),
            "The numbers are still pixels. In units of the picture they lie between 0 and 1."),
        "plus one": Mistake(
            _encode_with(lambda x0, y0, x1, y1, h, w: ((x0 + x1) / 2 / w, (y0 + y1) / 2 / h, (y1 - y0 + 1) / h,
                                                       (x1 - x0 + 1) / w)),
            "1 is added to height and width. Half-open boxes need none."),
        "multiplied": Mistake(
            _encode_with(lambda x0, y0, x1, y1, h, w: ((x0 + x1) / 2 * w, (y0 + y1) / 2 * h, (y1 - y0) * h,
                                                       (x1 - x0) * w)),
            "Pixels are multiplied by the picture's size. In units of the picture, the whole of it has the width 1."),
        "half sides": Mistake(
            _encode_with(lambda x0, y0, x1, y1, h, w: ((x0 + x1) / 2 / w, (y0 + y1) / 2 / h, (y1 - y0) / 2 / h,
                                                       (x1 - x0) / 2 / w)),
            "Height and width are only half of what they should be: the whole side is wanted, not the way from the "
            "center to the edge."),
    },
)

# --- decode: the way back, handed out with height and width exchanged ---


def decode(codes, sizes):
    return box_math.decode(codes, sizes)


def _decode_with(formula):
    """formula(cx, cy, h, w, H, W) -> xmin, ymin, xmax, ymax."""
    def function(codes, sizes):
        return np.stack(formula(*codes.T, *np.asarray(sizes, float).T), axis=1)
    return function


as_found = _decode_with(lambda cx, cy, w, h, H, W: ((cx - w / 2) * W, (cy - h / 2) * H, (cx + w / 2) * W,
                                                    (cy + h / 2) * H))


def _codes_and_sizes(rng, count):
    boxes, sizes = _boxes_and_sizes(rng, count)
    return box_math.encode(boxes, sizes), sizes


DECODE = Exercise(
    title="codes (cx, cy, h, w) back to boxes in pixels",
    solution=decode,
    cases=lambda rng: [Case(*_codes_and_sizes(rng, count)) for count in (5, 3, 2)],
    returns=("boxes",),
    stub=as_found,
    stub_says="h and w exchanged",
    mistakes={
        "h and w exchanged": Mistake(
            as_found,
            "Height and width are exchanged, which no square box shows. A long flat box comes out narrow and tall."),
        "units exchanged": Mistake(
            _decode_with(lambda cx, cy, h, w, H, W: ((cx - w / 2) * H, (cy - h / 2) * W, (cx + w / 2) * H,
                                                     (cy + h / 2) * W)),
            "Across is multiplied by the picture's height and down by its width. Square pictures never show it."),
        "cx and cy exchanged": Mistake(
            _decode_with(lambda cy, cx, h, w, H, W: ((cx - w / 2) * W, (cy - h / 2) * H, (cx + w / 2) * W,
                                                     (cy + h / 2) * H)),
            "The center's two numbers are exchanged: across comes first."),
        "whole sides": Mistake(
            _decode_with(lambda cx, cy, h, w, H, W: ((cx - w) * W, (cy - h) * H, (cx + w) * W, (cy + h) * H)),
            "The box is twice as large as it should be. How far is it from the center to an edge?"),
        "corner": Mistake(
            _decode_with(lambda cx, cy, h, w, H, W: (cx * W, cy * H, (cx + w) * W, (cy + h) * H)),
            "The center is taken for the upper left corner."),
        "units": Mistake(
            _decode_with(lambda cx, cy, h, w, H, W: (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)),
            "These are edges in units of the picture. Pixels are asked for."),
        "units in the center only": Mistake(
            _decode_with(lambda cx, cy, h, w, H, W: (cx * W - w / 2, cy * H - h / 2, cx * W + w / 2, cy * H + h / 2)),
            "The center is in pixels, height and width are not. Look at what exactly is multiplied."),
        "width and height": Mistake(
            _decode_with(lambda cx, cy, h, w, H, W: ((cx - w / 2) * W, (cy - h / 2) * H, w * W, h * H)),
            "The third and fourth number are the width and the height of the box. Where does it end?"),
        "divided by twice": Mistake(
            _decode_with(lambda cx, cy, h, w, H, W: ((cx - w) / 2 * W, (cy - h) / 2 * H, (cx + w) / 2 * W,
                                                     (cy + h) / 2 * H)),
            "The center is halved as well. Mind what comes first, / or - and +."),
    },
)

# --- mean_box: the baseline ---


def mean_box(boxes, sizes, new_sizes):
    code = box_math.encode(boxes, sizes).mean(axis=0)
    return box_math.decode(np.broadcast_to(code, (len(new_sizes), 4)), new_sizes)


def _mean_in_pixels(boxes, sizes, new_sizes):
    return np.tile(boxes.mean(axis=0), (len(new_sizes), 1))


def _mean_over_mean_size(boxes, sizes, new_sizes):
    code = box_math.encode(boxes.mean(axis=0), sizes.mean(axis=0))
    return box_math.decode(np.broadcast_to(code, (len(new_sizes), 4)), new_sizes)


def _codes_returned(boxes, sizes, new_sizes):
    return np.tile(box_math.encode(boxes, sizes).mean(axis=0), (len(new_sizes), 1))


def _sizes_exchanged(boxes, sizes, new_sizes):
    code = box_math.encode(boxes, sizes).mean(axis=0)
    return box_math.decode(np.broadcast_to(code, (len(new_sizes), 4)), new_sizes[:, ::-1])


def _median(boxes, sizes, new_sizes):
    code = np.median(box_math.encode(boxes, sizes), axis=0)
    return box_math.decode(np.broadcast_to(code, (len(new_sizes), 4)), new_sizes)


def _one_box_only(boxes, sizes, new_sizes):
    return box_math.decode(box_math.encode(boxes, sizes).mean(axis=0), new_sizes[0])


def _wrong_axis(boxes, sizes, new_sizes):
    code = np.full(4, box_math.encode(boxes, sizes).mean())
    return box_math.decode(np.broadcast_to(code, (len(new_sizes), 4)), new_sizes)


MEAN_BOX = Exercise(
    title="the mean box of a training set, for pictures of any size",
    solution=mean_box,
    cases=lambda rng: [Case(*_boxes_and_sizes(rng, count), rng.integers(30, 200, (new, 2)))
                       for count, new in ((9, 4), (5, 3), (6, 2))],
    returns=("boxes",),
    mistakes={
        "pixels": Mistake(
            _mean_in_pixels,
            "The mean is taken in pixels. A box of 40 pixels fills a small picture and is lost in a large one: average "
            "in units of the picture, then go back to pixels of each new picture."),
        "mean size": Mistake(
            _mean_over_mean_size,
            "The boxes are averaged in pixels and then divided by the mean size. Large pictures count more that way. "
            "Encode each box with its own picture first."),
        "codes": Mistake(
            _codes_returned,
            "These are codes (cx, cy, h, w), not boxes in pixels. One step is missing at the end."),
        "new sizes exchanged": Mistake(
            _sizes_exchanged,
            "The new pictures' heights and widths are exchanged. Sizes are (H, W)."),
        "median": Mistake(
            _median,
            "That is the median box. A good baseline too, but not the mean, and not what an untrained box head says."),
        "one box": Mistake(
            _one_box_only,
            "There is one box, and one is wanted for every new picture: shape (M, 4)."),
        "sizes exchanged": Mistake(
            lambda boxes, sizes, new_sizes: mean_box(boxes, sizes[:, ::-1], new_sizes),
            "The training pictures' heights and widths are exchanged. Sizes are (H, W)."),
        "sizes of the training set": Mistake(
            lambda boxes, sizes, new_sizes: mean_box(boxes, sizes, sizes),
            "There is a box for every training picture. For which pictures are boxes asked?"),
        "one number": Mistake(
            _wrong_axis,
            "All four numbers of the mean code are equal: the mean went over everything. Which axis holds the boxes?"),
    },
)
