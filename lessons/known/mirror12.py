"""The exercise of lesson 12 in which a bug is to be found: a mirror for people, whose left is right in it."""

import numpy as np

from lessons.known.exercise import Case, Exercise, Mistake


def handed_out(images, codes, visible, partner):
    """What the learner gets: word for word the code in the lesson."""
    x, y = codes[:, :, 0], codes[:, :, 1]
    return images[:, :, ::-1], np.stack([-x, y], axis=2), visible


def _mirrored(images=lambda images: images[:, :, ::-1], codes=lambda codes, partner: codes[:, partner] * [-1, 1],
              visible=lambda visible, partner: visible[:, partner]):
    """The mirror, right unless told otherwise."""
    pictures, places, seen = images, codes, visible
    return lambda images, codes, visible, partner: (
        pictures(images), places(codes, partner), seen(visible, partner))


mirror = _mirrored()


def _only_x(codes, partner):
    """x from the other side, y left where it was."""
    return np.stack([-codes[:, partner, 0], codes[:, :, 1]], axis=2)


def _only_y(codes, partner):
    return np.stack([-codes[:, :, 0], codes[:, partner, 1]], axis=2)


def _cases(rng):
    def case(n, h, w, partner):
        j = len(partner)
        visible = rng.random((n, j)) < 0.5
        visible[0] = np.arange(j) < j // 2  # one side seen and the other hidden
        return Case(rng.uniform(0, 255, (n, h, w, 3)), rng.uniform(-0.6, 0.6, (n, j, 2)), visible, np.array(partner))
    return [case(3, 4, 6, [2, 1, 0, 4, 3]), case(4, 7, 5, [1, 0, 3, 2, 5, 4, 6]),
            case(5, 6, 9, [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13])]


MIRROR = Exercise(
    title="people in the mirror, and the bug in it",
    solution=mirror,
    lists=True,
    cases=_cases,
    returns=("images", "codes", "visible"),
    stub=handed_out,
    stub_says="not exchanged",
    mistakes={
        "not exchanged": Mistake(
            handed_out,
            "Joint by joint, everything is where the mirror puts it. But what is the left hand of somebody in a "
            "mirror?"),
        "codes: not exchanged": Mistake(
            _mirrored(codes=lambda codes, partner: codes * [-1, 1]),
            "The places are mirrored and the flags exchanged, but the place of the left hand still counts as the left "
            "hand's."),
        "visible: not exchanged": Mistake(
            _mirrored(visible=lambda visible, partner: visible),
            "The joints have changed sides, and the flags have not: of a joint that was hidden it now says that it is "
            "seen."),
        "codes: not mirrored": Mistake(
            _mirrored(codes=lambda codes, partner: codes[:, partner]),
            "Left and right have changed names, and every joint is where it was. The picture is mirrored, so the "
            "places are, too."),
        "codes: unchanged": Mistake(
            _mirrored(codes=lambda codes, partner: codes.copy()),
            "The joints are as they were before, and the picture is not."),
        "codes: only x exchanged": Mistake(
            _mirrored(codes=_only_x),
            "Each joint has the x of its partner and the y of its own. With somebody who stands straight nobody would "
            "notice; look at somebody with one arm raised."),
        "codes: only y exchanged": Mistake(
            _mirrored(codes=_only_y), "Each joint has the y of its partner and the x of its own."),
        "codes: both axes": Mistake(
            _mirrored(codes=lambda codes, partner: -codes[:, partner]),
            "Everybody stands on their head: y has changed its sign as well."),
        "codes: y": Mistake(
            _mirrored(codes=lambda codes, partner: codes[:, partner] * [1, -1]),
            "y has changed its sign in place of x. This mirror exchanges left and right, not up and down."),
        "codes: 1 - x": Mistake(
            _mirrored(codes=lambda codes, partner: codes[:, partner] * [-1, 1] + [1, 0]),
            "x has become 1 - x. That is right where 0 is the left edge; here 0 is the middle."),
        "codes: all reversed": Mistake(
            _mirrored(codes=lambda codes, partner: codes[:, ::-1] * [-1, 1]),
            "The joints come in reverse order. Not everybody's partner stands at the other end of the list: ask "
            "`partner`."),
        "visible: all reversed": Mistake(
            _mirrored(visible=lambda visible, partner: visible[:, ::-1]),
            "The flags come in reverse order. Which one belongs to a joint's partner, says `partner`."),
        "visible: inverted": Mistake(
            _mirrored(visible=lambda visible, partner: ~visible),
            "Hidden joints count as seen and seen ones as hidden. The flags change places, not their meaning."),
        "visible: all": Mistake(
            _mirrored(visible=lambda visible, partner: np.ones_like(visible)),
            "All joints count as seen. What is hidden in a picture is hidden in its mirror image."),
        "images: not mirrored": Mistake(
            _mirrored(images=lambda images: images.copy()), "The pictures are as they were. They were right before."),
        "images: upside down": Mistake(
            _mirrored(images=lambda images: images[:, ::-1]),
            "The pictures are upside down. They were right before: axis 1 holds the rows."),
    },
)
