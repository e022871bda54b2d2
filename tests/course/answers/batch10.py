"""Answers of learners to the exercise of lesson 10 in which a bug is to be found: a batch with mirrored pictures."""

import numpy as np

from lessons.known.batch10 import handed_out
from tests.course.answers import Answers, wrong


def by_place(images, boxes, few, luck, share=0.5):
    x, answers = images[few], boxes[few]
    width = images.shape[2]
    for i in range(len(few)):
        if luck[i] < share:
            xmin, ymin, xmax, ymax = boxes[few[i]]
            x[i] = x[i, :, ::-1]
            answers[i] = width - xmax, ymin, width - xmin, ymax
    return x, answers


def with_where(images, boxes, few, luck, share=0.5):
    x, b = images[few], boxes[few]
    w, chosen = images.shape[2], luck < share
    moved = np.stack([w - b[:, 2], b[:, 1], w - b[:, 0], b[:, 3]], axis=1)
    return np.where(chosen[:, None, None, None], x[:, :, ::-1], x), np.where(chosen[:, None], moved, b)


def with_mask(images, boxes, few, luck, share=0.5):
    x, b, chosen = images[few].copy(), boxes[few].copy(), luck < share
    x[chosen] = x[chosen][:, :, ::-1]
    old = b[chosen].copy()
    b[chosen, 0], b[chosen, 2] = images.shape[2] - old[:, 2], images.shape[2] - old[:, 0]
    return x, b


def with_lists(images, boxes, few, luck, share=0.5):
    pictures, answers = [], []
    for k, u in zip(few, luck, strict=True):
        a, b, c, d = boxes[k]
        w = images[k].shape[1]
        pictures.append(images[k][:, ::-1] if u < share else images[k])
        answers.append([w - c, b, w - a, d] if u < share else [a, b, c, d])
    return pictures, answers


def batch_first(images, boxes, few, luck, share=0.5):
    images, boxes = images[few], boxes[few]
    x, answers = images.copy(), boxes.copy()
    for i in np.flatnonzero(luck < share):
        xmin, ymin, xmax, ymax = boxes[i]
        x[i], answers[i] = images[i, :, ::-1], (x.shape[2] - xmax, ymin, x.shape[2] - xmin, ymax)
    return x, answers


def by_flip(images, boxes, few, luck, share=0.5):
    x, answers = images[few].astype(np.float32), boxes[few].astype(np.float32)
    for i, number in enumerate(few):
        if luck[i] < share:
            x[i] = np.fliplr(x[i])
            answers[i, [0, 2]] = images.shape[2] - boxes[number, [2, 0]]
    return x, answers


def own_view(images, boxes, few, luck, share=0.5):
    x, answers = images[few], boxes[few]
    for i in range(len(few)):
        if luck[i] < share:
            xmin, ymin, xmax, ymax = answers[i]
            x[i] = images[few[i], :, ::-1]
            answers[i] = images.shape[2] - xmax, ymin, images.shape[2] - xmin, ymax
    return x, answers


def _wrongly(whose="few", pixel=0, moved=True, exchange=True, choose=lambda luck, share: luck < share, turn=1):
    """A learner's loop with a slip in it."""
    def answer(images, boxes, few, luck, share=0.5):
        x, answers, w = images[few], boxes[few], images.shape[2] - pixel
        chosen = choose(luck, share)
        for i in range(len(few)):
            if chosen[i]:
                x[i] = np.flip(x[i] if whose != "pictures" else images[i], turn)
                a, b, c, d = boxes[few[i]] if whose != "i" else boxes[i]
                if moved:
                    answers[i] = (w - c, b, w - a, d) if exchange else (w - a, b, w - c, d)
        return x, answers
    return answer


def first_boxes(images, boxes, few, luck, share=0.5):
    return by_place(images, boxes, few, luck, share)[0], boxes[:len(few)]


def picture_of_the_batch_index(images, boxes, few, luck, share=0.5):
    x, answers = images[few], boxes[few]
    for i in range(len(few)):
        if luck[i] < share:
            xmin, ymin, xmax, ymax = boxes[i]
            x[i] = images[i, :, ::-1]
            answers[i] = images.shape[2] - xmax, ymin, images.shape[2] - xmin, ymax
    return x, answers


def few_of_few(images, boxes, few, luck, share=0.5):
    x, answers = images[few], boxes[few]
    for i in few:
        if luck[i] < share:
            xmin, ymin, xmax, ymax = answers[i]
            x[i] = x[i, :, ::-1]
            answers[i] = images.shape[2] - xmax, ymin, images.shape[2] - xmin, ymax
    return x, answers


def all_boxes_moved(images, boxes, few, luck, share=0.5):
    x, b, w = by_place(images, boxes, few, luck, share)[0], boxes[few], images.shape[2]
    return x, np.stack([w - b[:, 2], b[:, 1], w - b[:, 0], b[:, 3]], axis=1)


def height_instead(images, boxes, few, luck, share=0.5):
    x, answers = images[few], boxes[few]
    for i in range(len(few)):
        if luck[i] < share:
            xmin, ymin, xmax, ymax = answers[i]
            x[i] = x[i, :, ::-1]
            answers[i] = images.shape[1] - xmax, ymin, images.shape[1] - xmin, ymax
    return x, answers


def pictures_alone(images, boxes, few, luck, share=0.5):
    return by_place(images, boxes, few, luck, share)[0]


BATCH = Answers(
    right=[by_place, with_where, with_mask, with_lists, batch_first, by_flip, own_view],
    wrong=[wrong(handed_out, "boxes of others"), wrong(_wrongly(whose="i"), "boxes of others"),
           wrong(_wrongly(whose="pictures"), "pictures of others"), wrong(picture_of_the_batch_index, "both of others"),
           wrong(_wrongly(moved=False), "boxes not moved"), wrong(_wrongly(exchange=False), "edges not exchanged"),
           wrong(_wrongly(pixel=1), "one pixel short"), wrong(first_boxes, "boxes unpicked"),
           wrong(_wrongly(choose=lambda luck, share: luck >= 0), "all mirrored"),
           wrong(_wrongly(choose=lambda luck, share: luck < 0), "none mirrored"),
           wrong(_wrongly(choose=lambda luck, share: luck > share), "the others"),
           wrong(_wrongly(choose=lambda luck, share: np.full(len(luck), luck[0] < share)), "one for all"),
           wrong(_wrongly(turn=0), "upside down"), wrong(all_boxes_moved, "boxes: all moved"), wrong(few_of_few),
           wrong(height_instead), wrong(pictures_alone)],
)
