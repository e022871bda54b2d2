"""Drawn people: the same by the same number, joints on the painted figure, hidden ones marked."""

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.data.people.body import random_body
from tinycnn.data.people.draw import person
from tinycnn.data.people.figure import IN_FRONT, TOUCHING, paint, random_clothes, visible_joints
from tinycnn.data.scenes.painting import Light
from tinycnn.poses import JOINTS, STICKS


def test_a_person_is_a_function_of_his_number():
    one, again, other = person(7), person(7), person(8)
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a, b)
    for different in (other, person(7, "test"), person(7, seed=1)):
        assert (one[0] != different[0]).any()


def test_a_small_set_is_the_beginning_of_a_large_one():
    small, large = (tc.data.draw_people(n, image_size=32, valid=2, test=2) for n in (3, 6))
    np.testing.assert_array_equal(small.train.images, large.train.images[:3])
    np.testing.assert_array_equal(small.test.joints, large.test.joints)
    assert "14 joints" in str(small) and small.train.names[0] == "train-00000"


def test_what_is_drawn_is_what_is_said():
    seen = []
    for i in range(60):
        image, joints, visible, (x0, y0, x1, y1) = person(i, seed=3)
        assert image.shape == (64, 64, 3) and image.dtype == np.uint8 and image.std() > 5
        assert visible.sum() >= 6 and 0 <= x0 < x1 <= 64 and 0 <= y0 < y1 <= 64
        inside = joints[visible]
        assert (inside >= 0).all() and (inside < 64).all()
        assert (inside >= [x0 - 1, y0 - 1]).all() and (inside <= [x1 + 1, y1 + 1]).all()
        seen.append(visible)
    assert 0.75 < np.mean(seen) < 0.98 and (np.mean(seen, axis=0) > 0.5).all()


def test_bodies_have_the_proportions_of_people():
    """No limb is longer than it can be; and most people are seen from the front, their left hand on the right."""
    bodies = [random_body(np.random.default_rng(i)).joints for i in range(400)]
    longest = {"torso": 0.3, "upper leg": 0.25, "lower leg": 0.24, "upper arm": 0.17, "lower arm": 0.15, "head": 0.2}
    for name, ends in STICKS.items():
        lengths = [np.hypot(*(b[list(ends[0])].mean(axis=0) - b[list(ends[1])].mean(axis=0))) for b in bodies]
        assert max(lengths) <= longest[name.removeprefix("left ").removeprefix("right ")] + 1e-9, name
    left_first = np.mean([b[JOINTS.index("left hip"), 0] < b[JOINTS.index("right hip"), 0] for b in bodies])
    assert 0.08 < left_first < 0.28  # from behind, or upside down


def test_hair_is_nearly_always_lighter_or_darker_than_skin():
    looks = [random_clothes(np.random.default_rng(seed)) for seed in range(300)]
    ratios = np.array([clothes.hair.mean() / clothes.skin.mean() for clothes in looks])
    assert np.mean((ratios > 0.6) & (ratios < 1.6)) < 0.04 and (ratios < 1).any() and (ratios > 1).any()


def test_a_face_is_skin_in_front_and_hair_behind():
    """And so is what is just below the neck: skin or buttons, or the shirt."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        body, clothes = random_body(rng), random_clothes(rng)
        clothes = clothes._replace(skin=np.array([0.8, 0, 0], np.float32), hair=np.array([0, 0.8, 0], np.float32))
        places, seen = (body.joints - body.joints.min(axis=0)) * 150 + 20, []
        for front in (True, False):
            canvas = np.full((3, 256, 256), 0.3, np.float32)
            paint(canvas, body._replace(front=front), places, 150, clothes, Light(np.random.default_rng(0)), True)
            neck, top = places[JOINTS.index("neck")], places[JOINTS.index("head top")]
            x, y = (0.52 * neck + 0.48 * top).astype(int)  # the chin's side of the face's middle, below the eyes
            seen.append(canvas[:, y, x])
        assert seen[0][0] > seen[0][1] and seen[1][1] > seen[1][0], seed


def test_a_joint_behind_something_is_hidden():
    canvas, rng = np.full((3, 128, 128), 0.3, np.float32), np.random.default_rng(5)
    body = random_body(rng)
    places = (body.joints - body.joints.min(axis=0)) * 90 + 20
    owner, names = paint(canvas, body, places, 90, random_clothes(rng), Light(rng), False)
    assert set(TOUCHING) == set(JOINTS) and set().union(*TOUCHING.values()) <= set(names) | {"hair"}
    before = visible_joints(owner, names, places)
    ankle = JOINTS.index("left ankle")
    x, y = places[ankle].astype(int)
    owner[y - 3 : y + 4, x - 3 : x + 4] = IN_FRONT
    after = visible_joints(owner, names, places)
    assert not after[ankle] and before[JOINTS.index("neck")] == after[JOINTS.index("neck")]
    places[ankle] = [-3, 50]
    assert not visible_joints(owner, names, places)[ankle]


@pytest.mark.parametrize("call, words", [
    (lambda: tc.data.draw_people(-1), "whole number of train images"),
    (lambda: tc.data.draw_people(2, test=1.5), "whole number of test images"),
    (lambda: tc.data.draw_people(1, image_size=16), "at least 32 pixels"),
    (lambda: person(0, split="exam"), "one of the splits"),
])  # fmt: skip
def test_sizes_that_make_no_sense(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_an_empty_part_is_no_error():
    assert len(tc.data.draw_people(0, valid=0, test=0).train) == 0
