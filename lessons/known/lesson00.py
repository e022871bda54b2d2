"""Exercises of lesson 00, to warm up: pixels to numbers, the most probable class, the pixels inside a box."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake

# --- normalize ---


def normalize(images):
    return (images.astype(np.float32) - 127.5) / 64


def _wrapping(images):
    """Whole numbers of 8 bits: what is below 0 begins again at 255."""
    return ((images - np.uint8(127)) / 64).astype(np.float32)


NORMALIZE = Exercise(
    title="pixels to numbers around 0",
    solution=normalize,
    cases=lambda rng: [Case(rng.integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)),
                       Case(np.array([[[[0, 127, 128]], [[255, 1, 64]]]], np.uint8)),
                       Case(rng.integers(0, 256, (3, 2, 6, 1), dtype=np.uint8))],
    returns=("x",),
    tolerance=1e-6,
    mistakes={
        "wrapped around": Mistake(
            _wrapping,
            "Dark pixels have become bright ones. The images are whole numbers from 0 to 255, and 0 - 127 does not "
            "exist among them: it begins again at the other end. Make them float32 before you subtract."),
        "0 to 1": Mistake(
            lambda images: images.astype(np.float32) / 255,
            "These are numbers from 0 to 1. The middle of the gray scale should become 0."),
        "-1 to 1": Mistake(
            lambda images: (images.astype(np.float32) - 127.5) / 127.5,
            "These are numbers from -1 to 1: divided by 127.5. That works as well, but this network learned with 64."),
        "128": Mistake(
            lambda images: (images.astype(np.float32) - 128) / 64,
            "128 is subtracted. The middle of 0 and 255 is 127.5."),
        "brackets": Mistake(
            lambda images: images.astype(np.float32) - 127.5 / 64,
            "127.5 / 64 is subtracted: dividing comes before subtracting unless brackets say otherwise."),
        "not divided": Mistake(
            lambda images: images.astype(np.float32) - 127.5,
            "The middle is right, but the numbers still reach from -127.5 to 127.5. Divide as well."),
        "not subtracted": Mistake(
            lambda images: images.astype(np.float32) / 64,
            "They are divided, but nothing was subtracted: no number is below 0."),
        "order": Mistake(
            lambda images: images.astype(np.float32) / 64 - 127.5,
            "First divided, then subtracted: all numbers are around -125. Mind the order."),
        "own mean": Mistake(
            lambda images: (images.astype(np.float32) - images.mean()) / 64,
            "The mean of these very images is subtracted. Then the same picture becomes other numbers in other "
            "company. Subtract 127.5, always."),
    },
)

# --- best_guess ---


def best_guess(probabilities):
    return probabilities.argmax(axis=1)


def _probabilities(rng):
    def case(n, k):
        e = rng.uniform(0.1, 1, (n, k))
        return Case(e / e.sum(axis=1, keepdims=True))
    return [case(6, 4), case(4, 9), case(5, 3)]


BEST_GUESS = Exercise(
    title="the most probable class of each picture",
    solution=best_guess,
    lists=True,
    cases=_probabilities,
    returns=("labels",),
    mistakes={
        "down instead of across": Mistake(
            lambda p: p.argmax(axis=0),
            "That is the best picture for each class, K numbers. The best class for each picture is asked for, N "
            "numbers: which axis holds the classes?"),
        "one for all": Mistake(
            lambda p: p.argmax(),
            "That is one number for the whole array. Each picture has its own best class."),
        "probability": Mistake(
            lambda p: p.max(axis=1),
            "These are the largest probabilities, not the classes that they belong to."),
        "least probable": Mistake(
            lambda p: p.argmin(axis=1),
            "These are the least probable classes. Sorting begins with the smallest, and so does argmin."),
        "counted from 1": Mistake(
            lambda p: p.argmax(axis=1) + 1,
            "They are all too large by one. Classes are counted from 0, as everything in Python."),
        "second best": Mistake(
            lambda p: p.argsort(axis=1)[:, -2],
            "These are the second best classes. Where does the largest one end up when you sort?"),
    },
)

# --- cut_out ---


def cut_out(image, box):
    xmin, ymin, xmax, ymax = np.round(box).astype(int)
    return image[ymin:ymax, xmin:xmax]


def _cut_cases(rng):
    image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    return [Case(image, np.array([4.0, 2.0, 17.0, 11.0])), Case(image, np.array([3.4, 5.7, 18.8, 14.3])),
            Case(image[:, :17], np.array([0.3, 0.8, 9.7, 6.6]))]


def _rows(box, how=np.round):
    return how(box).astype(int)


def _cut(slices):
    """slices: (xmin, ymin, xmax, ymax) -> the two slices of the image."""
    return lambda image, box: image[slices(*_rows(box))]


CUT_OUT = Exercise(
    title="the pixels inside a box",
    solution=cut_out,
    cases=_cut_cases,
    returns=("pixels",),
    mistakes={
        "x and y exchanged": Mistake(
            _cut(lambda x0, y0, x1, y1: np.s_[x0:x1, y0:y1]),
            "Rows and columns are exchanged. In an array the row comes first, and rows are counted by y."),
        "one more": Mistake(
            _cut(lambda x0, y0, x1, y1: np.s_[y0 : y1 + 1, x0 : x1 + 1]),
            "One row and one column too many. A box ends *before* xmax and ymax, as Python's slices do."),
        "one less": Mistake(
            _cut(lambda x0, y0, x1, y1: np.s_[y0 : y1 - 1, x0 : x1 - 1]),
            "The last row and the last column are missing. Python's slices end before their second number already."),
        "width as end": Mistake(
            _cut(lambda x0, y0, x1, y1: np.s_[y0 : y1 - y0, x0 : x1 - x0]),
            "The slice ends at the width instead of at xmax. What do the two numbers of a slice mean?"),
        "xmax as width": Mistake(
            _cut(lambda x0, y0, x1, y1: np.s_[y0 : y0 + y1, x0 : x0 + x1]),
            "xmax and ymax are taken for width and height. They are where the box ends."),
        "cut off": Mistake(
            lambda image, box: image[_rows(box, np.floor)[1] : _rows(box, np.floor)[3],
                                     _rows(box, np.floor)[0] : _rows(box, np.floor)[2]],
            "Whole numbers are right, but others are cut off instead of rounded: 18.8 becomes 18. Round to the "
            "nearest."),
        "outward": Mistake(
            lambda image, box: image[np.floor(box[1]).astype(int) : np.ceil(box[3]).astype(int),
                                     np.floor(box[0]).astype(int) : np.ceil(box[2]).astype(int)],
            "The box is made larger to the next whole number on all sides. Round to the nearest."),
        "gray": Mistake(
            lambda image, box: cut_out(image, box)[..., 0],
            "Only the red channel is left. The channels are the last axis; leave it alone."),
    },
)

EXERCISES = {"normalize": NORMALIZE, "best_guess": BEST_GUESS, "cut_out": CUT_OUT}
