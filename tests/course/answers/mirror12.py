"""Answers of learners to the exercise of lesson 12 in which people are mirrored."""

import numpy as np

from tests.course.answers import Answers, wrong


def mended(images, codes, visible, partner):
    x, y = codes[:, partner, 0], codes[:, partner, 1]
    return images[:, :, ::-1], np.stack([-x, y], axis=2), visible[:, partner]


def by_signs(images, codes, visible, partner):
    return np.flip(images, axis=2), (codes * np.array([-1, 1]))[:, partner], visible[:, partner]


def exchanged_after(images, codes, visible, partner):
    x, y = codes[:, :, 0], codes[:, :, 1]
    turned = np.stack([-x, y], axis=2)
    return images[:, :, ::-1], turned[:, partner, :], visible.take(partner, axis=1)


def joint_by_joint(images, codes, visible, partner):
    new, flags = np.zeros(codes.shape), np.zeros(visible.shape, bool)
    for j, other in enumerate(partner):
        new[:, other, 0], new[:, other, 1] = -codes[:, j, 0], codes[:, j, 1]
        flags[:, other] = visible[:, j]
    return images[:, :, ::-1, :], new, flags


def person_by_person(images, codes, visible, partner):
    found = [(im[:, ::-1], [[-c[p][0], c[p][1]] for p in partner], [v[p] for p in partner])
             for im, c, v in zip(images, codes, visible, strict=True)]
    return [list(part) for part in zip(*found, strict=True)]


def in_float32(images, codes, visible, partner):
    new = codes.astype(np.float32)[:, partner]
    new[..., 0] *= -1
    return np.ascontiguousarray(images[:, :, ::-1]).astype(np.float32), new, visible[:, partner].astype(int)


def by_matrix(images, codes, visible, partner):
    exchange = np.eye(len(partner))[partner]  # (J, J), a 1 in each row
    places = np.einsum("jk,nkc->njc", exchange, codes) @ np.diag([-1, 1])
    return images[:, :, ::-1], places, (visible @ exchange.T) > 0.5


# --- wrong ---


def as_it_was(images, codes, visible, partner):
    mirrored = codes.copy()
    mirrored[:, :, 0] *= -1
    return images[:, :, ::-1], mirrored, visible


def flags_forgotten(images, codes, visible, partner):
    return images[:, :, ::-1], codes[:, partner] * [-1, 1], visible


def places_forgotten(images, codes, visible, partner):
    return images[:, :, ::-1], codes * [-1, 1], visible[:, partner]


def only_the_xs(images, codes, visible, partner):
    x, y = codes[:, :, 0], codes[:, :, 1]
    return images[:, :, ::-1], np.stack([-x[:, partner], y], axis=2), visible[:, partner]


def only_the_ys(images, codes, visible, partner):
    x, y = codes[:, :, 0], codes[:, :, 1]
    return images[:, :, ::-1], np.stack([-x, y[:, partner]], axis=2), visible[:, partner]


def not_turned(images, codes, visible, partner):
    return images[:, :, ::-1], codes[:, partner], visible[:, partner]


def twice(images, codes, visible, partner):
    x, y = codes[:, partner, 0], codes[:, partner, 1]
    return images[:, :, ::-1], np.stack([-x, y], axis=2)[:, partner], visible[:, partner]


def backwards(images, codes, visible, partner):
    return images[:, :, ::-1], codes[:, ::-1] * [-1, 1], visible[:, ::-1]


def one_minus(images, codes, visible, partner):
    new = codes[:, partner].copy()
    new[:, :, 0] = 1 - new[:, :, 0]
    return images[:, :, ::-1], new, visible[:, partner]


def upside_down(images, codes, visible, partner):
    return images[:, ::-1], codes[:, partner] * [1, -1], visible[:, partner]


def half_a_turn(images, codes, visible, partner):
    return images[:, :, ::-1], -codes[:, partner], visible[:, partner]


def people_exchanged(images, codes, visible, partner):
    return images[:, :, ::-1], np.stack([-codes[..., 0], codes[..., 1]], axis=2)[partner], visible[partner]


def image_left_alone(images, codes, visible, partner):
    return images, codes[:, partner] * [-1, 1], visible[:, partner]


def one_after_the_other(images, codes, visible, partner):
    x, y = codes[:, :, 0], codes[:, :, 1]
    new = np.stack([-x, y], axis=2)
    for j, other in enumerate(partner):  # overwrites what the other one still needs
        new[:, j] = new[:, other]
    return images[:, :, ::-1], new, visible[:, partner]


def assigned_in_place(images, codes, visible, partner):
    codes[:, :, 0] = -codes[:, :, 0]
    codes[:] = codes[:, partner]
    return images[:, :, ::-1], codes, visible[:, partner]


def width_minus(images, codes, visible, partner):
    new = codes[:, partner].copy()
    new[:, :, 0] = images.shape[2] - new[:, :, 0]
    return images[:, :, ::-1], new, visible[:, partner]


def everything_seen(images, codes, visible, partner):
    return images[:, :, ::-1], codes[:, partner] * [-1, 1], np.ones(visible.shape, bool)


MIRROR = Answers(
    right=[mended, by_signs, exchanged_after, joint_by_joint, person_by_person, in_float32, by_matrix],
    wrong=[wrong(as_it_was, "not exchanged"), wrong(flags_forgotten, "visible: not exchanged"),
           wrong(places_forgotten, "codes: not exchanged"), wrong(only_the_xs, "codes: only x exchanged"),
           wrong(only_the_ys, "codes: only y exchanged"), wrong(not_turned, "codes: not mirrored"),
           wrong(twice, "codes: not exchanged"), wrong(backwards, "codes: all reversed, visible: all reversed"),
           wrong(one_minus, "codes: 1 - x"), wrong(upside_down, "codes: y, images: upside down"),
           wrong(half_a_turn, "codes: both axes"), wrong(people_exchanged), wrong(image_left_alone,
                                                                               "images: not mirrored"),
           wrong(one_after_the_other), wrong(assigned_in_place), wrong(width_minus),
           wrong(everything_seen, "visible: all")],
)
