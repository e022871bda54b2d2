"""The exercise of lesson 10 in which a bug is to be found: a batch in which some pictures are mirrored."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake


def handed_out(images, boxes, few, luck, share=0.5):
    """What the learner gets: word for word the code in the lesson."""
    x, answers = images[few], boxes[few]
    width = images.shape[2]
    for i in range(len(few)):
        if luck[i] < share:
            xmin, ymin, xmax, ymax = boxes[i]
            x[i] = x[i, :, ::-1]
            answers[i] = width - xmax, ymin, width - xmin, ymax
    return x, answers


def batch(chosen=lambda luck, share: luck < share, source=lambda x, images, i: x[i], box=None, turn=None,
          own=lambda answers, boxes, few, i: answers[i]):
    """The batch, right unless told otherwise. box: (xmin, ymin, xmax, ymax, width) -> the mirrored box."""
    box = box or (lambda a, b, c, d, w: (w - c, b, w - a, d))
    turn = turn or (lambda picture: picture[:, ::-1])

    def function(images, boxes, few, luck, share=0.5):
        x, answers, mirrored = images[few], boxes[few], np.broadcast_to(chosen(luck, share), len(few))
        old = answers.copy()
        for i in np.flatnonzero(mirrored):
            x[i] = turn(source(images[few], images, i))
            answers[i] = box(*own(old, boxes, few, i), images.shape[2])
        return x, answers
    return function


def _swapped(images, boxes, few, luck, share=0.5):
    """Those that were not mirrored have their boxes moved."""
    others = batch(lambda luck, share: luck >= share)
    return batch()(images, boxes, few, luck, share)[0], others(images, boxes, few, luck, share)[1]


def _as_they_are(images, boxes, few, luck, share=0.5):
    return batch()(images, boxes, few, luck, share)[0], boxes[:len(few)].copy()


def _all_boxes(images, boxes, few, luck, share=0.5):
    every = batch(lambda luck, share: True)
    return batch()(images, boxes, few, luck, share)[0], every(images, boxes, few, luck, share)[1]


def _cases(rng):
    def case(n, h, w, few, luck, share):
        low = rng.integers(0, (w // 2, h // 2), (n, 2))
        high = rng.integers((w // 2 + 1, h // 2 + 1), (w + 1, h + 1), (n, 2))
        return Case(rng.uniform(0, 255, (n, h, w, 3)), np.concatenate([low, high], axis=1).astype(float),
                    np.array(few), np.array(luck), share)
    return [case(7, 3, 8, [5, 2, 6, 3], [0.12, 0.81, 0.44, 0.97], 0.5),
            case(9, 4, 11, [8, 0, 4, 7, 1], [0.62, 0.25, 0.05, 0.91, 0.38], 0.3),
            case(8, 5, 9, [6, 7, 1, 0, 4, 3], [0.74, 0.31, 0.88, 0.02, 0.65, 0.59], 0.7)]


BATCH = Exercise(
    title="a batch with some pictures mirrored, and the bug in it",
    solution=batch(),
    lists=True,
    cases=_cases,
    returns=("images", "boxes"),
    stub=handed_out,
    stub_says="boxes of others",
    mistakes={
        "boxes of others": Mistake(
            handed_out,
            "Every mirrored picture gets the box of another one. The i-th picture of the batch is which picture of the "
            "training part?"),
        "pictures of others": Mistake(
            batch(source=lambda x, images, i: images[i]),
            "Now the boxes are right, and the mirrored pictures are those of another place in the training part."),
        "both of others": Mistake(
            batch(source=lambda x, images, i: images[i], own=lambda answers, boxes, few, i: boxes[i]),
            "The mirrored pictures and their boxes fit each other, but they are not those that `few` asks for. And "
            "their labels, which are looked up elsewhere, would be wrong."),
        "few twice": Mistake(
            batch(own=lambda answers, boxes, few, i: answers[few[i] % len(few)]),
            "The index of the training part is used inside the batch. One of the two names holds the batch alone."),
        "boxes not moved": Mistake(
            batch(box=lambda a, b, c, d, w: (a, b, c, d)),
            "Pictures are mirrored, and every box is where it was. The line that moves the box was right but for whose "
            "box it was."),
        "boxes unpicked": Mistake(
            _as_they_are, "The boxes are simply the first ones of the training part."),
        "edges not exchanged": Mistake(
            batch(box=lambda a, b, c, d, w: (w - a, b, w - c, d)),
            "Mirrored boxes have an xmin that is larger than their xmax. That line was right before."),
        "one pixel short": Mistake(
            batch(box=lambda a, b, c, d, w: (w - 1 - c, b, w - 1 - a, d)),
            "Mirrored boxes are one pixel too far left. `width - xmax` was right before."),
        "all mirrored": Mistake(
            batch(lambda luck, share: True),
            "Every picture is mirrored. That is no more pictures than before, only others."),
        "none mirrored": Mistake(
            batch(lambda luck, share: False),
            "No picture is mirrored any more. `luck` and `share` say which ones should be."),
        "one for all": Mistake(
            batch(lambda luck, share: luck[0] < share),
            "One number decides for the whole batch. Every picture has its own in `luck`."),
        "the others": Mistake(
            batch(lambda luck, share: luck >= share),
            "Those are mirrored that should stay, and the others stay. The comparison was right before."),
        "boxes: the others": Mistake(
            _swapped, "Boxes are moved where the picture stays, and stay where the picture is mirrored."),
        "boxes: all moved": Mistake(
            _all_boxes, "All boxes are moved, also those of pictures that stay as they are."),
        "upside down": Mistake(
            batch(turn=lambda picture: picture[::-1]),
            "The pictures are upside down, and the boxes are mirrored left and right. x[i] has the axes rows, columns, "
            "colors."),
    },
)
