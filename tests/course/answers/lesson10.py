"""Answers of learners to the exercises of lesson 10."""

import numpy as np

from tests.course.answers import Answers, wrong
from tests.course.answers.batch10 import BATCH
from tests.course.answers.stopping10 import EARLY_STOPPING
from tests.course.answers.window10 import WINDOW

# --- mirror ---


def by_flip(images, boxes):
    new = boxes.copy()
    new[:, 0] = images.shape[2] - boxes[:, 2]
    new[:, 2] = images.shape[2] - boxes[:, 0]
    return np.flip(images, axis=2), new


def in_loops(images, boxes):
    n, h, w, c = images.shape
    pictures, answers = np.zeros(images.shape), []
    for i in range(n):
        for x in range(w):
            pictures[i, :, w - 1 - x] = images[i, :, x]
        a, b, c, d = boxes[i]
        answers.append((w - c, b, w - a, d))
    return pictures, answers


def with_lists(images, boxes):
    w = images.shape[-2]
    return [im[:, ::-1] for im in images], [[w - b[2], b[1], w - b[0], b[3]] for b in boxes]


def by_fliplr(images, boxes):
    w = len(images[0, 0])
    return np.stack([np.fliplr(im) for im in images]), np.column_stack(
        (w - boxes[:, 2], boxes[:, 1], w - boxes[:, 0], boxes[:, 3]))


def by_signs(images, boxes):
    w = images.shape[2]
    return images[:, :, ::-1, :], boxes[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [w, 0, w, 0]


def in_float32(images, boxes):
    w = np.float32(images.shape[2])
    b = boxes.astype(np.float32)
    center, half = (b[:, 0] + b[:, 2]) / 2, (b[:, 2] - b[:, 0]) / 2
    return images[:, :, ::-1].astype(np.float32), np.stack([w - center - half, b[:, 1], w - center + half, b[:, 3]], 1)


def by_take(images, boxes):
    order = np.arange(images.shape[2])[::-1]
    new = np.array(boxes)
    new[:, [0, 2]] = images.shape[2] - new[:, [2, 0]]
    return [images.take(order, axis=2), new]


def box_forgotten(images, boxes):
    return images[:, :, ::-1], boxes


def no_swap(images, boxes):
    new = boxes.copy()
    new[:, 0] = images.shape[2] - new[:, 0]
    new[:, 2] = images.shape[2] - new[:, 2]
    return images[:, :, ::-1], new


def like_a_pixel(images, boxes):
    new = boxes.copy()
    new[:, [0, 2]] = images.shape[2] - 1 - boxes[:, [2, 0]]
    return np.flip(images, 2), new


def in_place_twice(images, boxes):
    new = boxes.copy()
    new[:, 0] = images.shape[2] - new[:, 2]
    new[:, 2] = images.shape[2] - new[:, 0]
    return images[:, :, ::-1], new


def rows_reversed(images, boxes):
    h = images.shape[1]
    new = np.stack([boxes[:, 0], h - boxes[:, 3], boxes[:, 2], h - boxes[:, 1]], axis=1)
    return images[:, ::-1], new


def picture_upside_down(images, boxes):
    return np.flip(images, axis=1), by_flip(images, boxes)[1]


def the_batch_reversed(images, boxes):
    return images[::-1], boxes


def bgr(images, boxes):
    return np.flip(images, axis=-1), by_flip(images, boxes)[1]


def height_taken(images, boxes):
    n, w, h, c = images.shape
    return images[:, :, ::-1], np.stack([w - boxes[:, 2], boxes[:, 1], w - boxes[:, 0], boxes[:, 3]], axis=1)


def len_taken(images, boxes):
    w = len(images)
    return images[:, :, ::-1], np.stack([w - boxes[:, 2], boxes[:, 1], w - boxes[:, 0], boxes[:, 3]], axis=1)


def flipped_everything(images, boxes):
    return np.flip(images, (1, 2)), by_flip(images, boxes)[1]


def swapped_only(images, boxes):
    return images[:, :, ::-1], boxes[:, [2, 1, 0, 3]]


def negated(images, boxes):
    return images[:, :, ::-1], np.stack([-boxes[:, 2], boxes[:, 1], -boxes[:, 0], boxes[:, 3]], axis=1)


def picture_forgotten(images, boxes):
    return images, by_flip(images, boxes)[1]


def np_flip_without_axis(images, boxes):
    return np.flip(images), by_flip(images, boxes)[1]


def transposed_boxes(images, boxes):
    w = images.shape[2]
    a, b, c, d = boxes.T
    return images[:, :, ::-1], np.array([w - c, b, w - a, d])


def callers_boxes(images, boxes):
    left = boxes[:, 0].copy()
    boxes[:, 0] = images.shape[2] - boxes[:, 2]
    boxes[:, 2] = images.shape[2] - left
    return images[:, :, ::-1], boxes


def off_by_one_right(images, boxes):
    w = images.shape[2]
    return images[:, :, ::-1], boxes[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [w, 0, w - 1, 0]


MIRROR = Answers(
    right=[by_flip, in_loops, with_lists, by_fliplr, by_signs, in_float32, by_take],
    wrong=[wrong(box_forgotten, "boxes: not moved"), wrong(no_swap, "boxes: edges not exchanged"),
           wrong(like_a_pixel, "boxes: one pixel short"), wrong(in_place_twice, "boxes: overwritten"),
           wrong(rows_reversed, "images: upside down, boxes: upside down"),
           wrong(picture_upside_down, "images: upside down"),
           wrong(the_batch_reversed, "images: batch reversed, boxes: not moved"),
           wrong(bgr, "images: channels reversed"),
           wrong(height_taken, "boxes: height"), wrong(len_taken, "boxes: of pictures"),
           wrong(flipped_everything, "images: half a turn"), wrong(swapped_only, "boxes: only exchanged"),
           wrong(negated, "boxes: into the negative"), wrong(picture_forgotten, "images: unchanged"),
           wrong(np_flip_without_axis), wrong(transposed_boxes), wrong(callers_boxes), wrong(off_by_one_right)],
)

ANSWERS = {"10.mirror": MIRROR, "10.window": WINDOW, "10.early_stopping": EARLY_STOPPING, "10.batch": BATCH}
