"""Exercises of lesson 10: mirror a picture with its box, follow a box through a window, know when to stop."""

import numpy as np

from lessons.known.batch10 import BATCH
from lessons.known.exercise import Case, Exercise, Mistake
from lessons.known.stopping10 import EARLY_STOPPING
from lessons.known.window10 import WINDOW


def mirror(images, boxes):
    w = images.shape[2]
    xmin, ymin, xmax, ymax = boxes.T
    return images[:, :, ::-1], np.stack([w - xmax, ymin, w - xmin, ymax], axis=1)


def _images(change):
    """The right boxes, and pictures changed in another way."""
    return lambda images, boxes: (change(images), mirror(images, boxes)[1])


def _boxes(change):
    """The right pictures, and boxes that change(xmin, ymin, xmax, ymax, images) makes."""
    return lambda images, boxes: (mirror(images, boxes)[0], np.stack(change(*boxes.T, images), axis=1))


def random_boxes(rng, n, size):
    """n boxes of whole pixels, at least 1 long, in pictures of size = (H, W); float64 (n, 4)."""
    h, w = size
    xmin, ymin = rng.integers(0, w - 1, n), rng.integers(0, h - 1, n)
    return np.stack([xmin, ymin, rng.integers(xmin + 1, w + 1), rng.integers(ymin + 1, h + 1)], axis=1).astype(float)


def _cases(rng):
    return [Case(rng.uniform(0, 255, (n, h, w, c)), random_boxes(rng, n, (h, w)))
            for n, h, w, c in ((3, 4, 6, 2), (5, 7, 4, 3), (4, 5, 9, 3))]


MIRROR = Exercise(
    title="pictures and their boxes, mirrored left and right",
    solution=mirror,
    cases=_cases,
    returns=("images", "boxes"),
    mistakes={
        "images: upside down": Mistake(
            _images(lambda images: images[:, ::-1]),
            "They are upside down: what was above is now below. Axis 0 counts pictures, axis 1 rows."),
        "images: half a turn": Mistake(
            _images(lambda images: images[:, ::-1, ::-1]),
            "They are turned by half a turn: both rows and columns are in reverse."),
        "images: batch reversed": Mistake(
            _images(lambda images: images[::-1]),
            "Every picture is as it was, but they come in reverse order. Which axis runs across a picture?"),
        "images: channels reversed": Mistake(
            _images(lambda images: images[..., ::-1]),
            "Red and blue are exchanged and nothing has moved: the last axis holds the colors."),
        "images: unchanged": Mistake(
            _images(lambda images: images.copy()), "The boxes are mirrored, and the pictures are as they were."),
        "boxes: not moved": Mistake(
            _boxes(lambda a, b, c, d, images: (a, b, c, d)),
            "The boxes are where they were. The objects are not: look at the drawing again."),
        "boxes: edges not exchanged": Mistake(
            _boxes(lambda a, b, c, d, images: (images.shape[2] - a, b, images.shape[2] - c, d)),
            "Every xmin is larger than its xmax. The left edge of the mirrored box was which edge before?"),
        "boxes: one pixel short": Mistake(
            _boxes(lambda a, b, c, d, images: (images.shape[2] - 1 - c, b, images.shape[2] - 1 - a, d)),
            "All boxes are one pixel too far left. The pixel x goes to W - 1 - x, but edges lie between pixels: where "
            "does the edge x = 0 go?"),
        "boxes: overwritten": Mistake(
            _boxes(lambda a, b, c, d, images: (images.shape[2] - c, b, c, d)),
            "xmin is right, and xmax is what it was. When xmax is worked out, is the old xmin still there?"),
        "boxes: only exchanged": Mistake(
            _boxes(lambda a, b, c, d, images: (c, b, a, d)),
            "xmin and xmax have changed places and nothing else has happened to them."),
        "boxes: upside down": Mistake(
            _boxes(lambda a, b, c, d, images: (a, images.shape[1] - d, c, images.shape[1] - b)),
            "They are mirrored up and down. A mirror that exchanges left and right leaves every y alone."),
        "boxes: height": Mistake(
            _boxes(lambda a, b, c, d, images: (images.shape[1] - c, b, images.shape[1] - a, d)),
            "They are mirrored with the height of the pictures, which is not their width. Which axis is which?"),
        "boxes: of pictures": Mistake(
            _boxes(lambda a, b, c, d, images: (len(images) - c, b, len(images) - a, d)),
            "They are mirrored with the number of pictures in place of their width. len() counts along the first "
            "axis."),
        "boxes: half a turn": Mistake(
            _boxes(lambda a, b, c, d, images: (images.shape[2] - c, images.shape[1] - d,
                                               images.shape[2] - a, images.shape[1] - b)),
            "Their y have changed as well, as in a picture that was turned by half a turn."),
        "boxes: into the negative": Mistake(
            _boxes(lambda a, b, c, d, images: (-c, b, -a, d)),
            "They are mirrored at x = 0 and lie to the left of the picture. Where is the mirror?"),
    },
)

EXERCISES = {"mirror": MIRROR, "window": WINDOW, "early_stopping": EARLY_STOPPING, "batch": BATCH}
