"""Pose: coordinates there and back, and the measures against worked examples and loops over single limbs."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinycnn.errors import DataError, ShapeError
from tinycnn.poses import (
    JOINTS,
    MIRRORED,
    STICKS,
    decode_joints,
    encode_joints,
    evaluate_pose,
    mean_pose,
    pck,
    pckh,
    pcp,
)

seeds = st.integers(0, 2**32 - 1)
AT = {name: i for i, name in enumerate(JOINTS)}


def standing():
    """One person, 14 joints by name, seen from the front: the person's right is on our left."""
    places = {
        "head top": (50, 0), "neck": (50, 20), "right shoulder": (40, 20), "left shoulder": (60, 20),
        "right elbow": (40, 40), "left elbow": (60, 40), "right wrist": (40, 60), "left wrist": (60, 60),
        "right hip": (45, 60), "left hip": (55, 60), "right knee": (45, 80), "left knee": (55, 80),
        "right ankle": (45, 100), "left ankle": (55, 100),
    }  # fmt: skip
    return np.array([[places[name] for name in JOINTS]], float)


def random_poses(rng, n):
    true = standing() + rng.normal(0, 8, (n, 14, 2))
    return true + rng.normal(0, 6, (n, 14, 2)), true, rng.random((n, 14)) < 0.8


# --- joints and sticks ---

def test_the_names_say_which_joint_a_stick_ends_in():
    ends = {name: [[JOINTS[j] for j in end] for end in pair] for name, pair in STICKS.items()}
    assert ends.pop("torso") == [["right shoulder", "left shoulder"], ["right hip", "left hip"]]
    assert ends.pop("head") == [["neck"], ["head top"]]
    for name, pair in ends.items():
        side, part = name.split(" ", 1)
        joints = {"upper leg": ("hip", "knee"), "lower leg": ("knee", "ankle"),
                  "upper arm": ("shoulder", "elbow"), "lower arm": ("elbow", "wrist")}[part]
        assert pair == [[f"{side} {joint}"] for joint in joints]
    assert len(STICKS) == 10


def test_mirroring_swaps_left_and_right_and_nothing_else():
    for i, name in enumerate(JOINTS):
        swapped = name.replace("left", "?").replace("right", "left").replace("?", "right")
        assert JOINTS[MIRRORED[i]] == swapped


# --- coordinates ---

def test_joints_in_box_units_by_hand():
    codes = encode_joints([[[10, 20], [30, 20], [20, 60], [25, 50]]], [[10, 20, 30, 60]])
    np.testing.assert_allclose(codes, [[[-0.5, -0.5], [0.5, -0.5], [0, 0.5], [0.25, 0.25]]])


@given(seeds)
def test_decode_joints_undoes_encode_joints(seed):
    rng = np.random.default_rng(seed)
    joints, corners = rng.uniform(-50, 150, (6, 14, 2)), rng.uniform(0, 100, (6, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(1, 100, (6, 2))], axis=1)
    np.testing.assert_allclose(decode_joints(encode_joints(joints, boxes), boxes), joints, atol=1e-9)


def test_the_mean_pose_moves_with_the_box_and_ignores_hidden_joints():
    joints = np.concatenate([standing(), 2 * standing() + 30, np.full((1, 14, 2), np.nan)])
    boxes = np.array([[0, 0, 100, 100], [30, 30, 230, 230], [0, 0, 1, 1]])
    visible = np.array([[True] * 14, [True] * 14, [False] * 14])
    pose = mean_pose(joints, boxes, visible)
    np.testing.assert_allclose(pose, standing()[0] / 100 - 0.5)
    np.testing.assert_allclose(decode_joints(pose[None], boxes[:1]), standing())


# --- measures by hand ---

def test_a_stick_counts_up_to_half_its_length():
    true, moved = standing(), standing()
    moved[0, AT["right wrist"]] += (10, 0)  # the lower arm is 20 long, the torso 40, the head 20
    assert pcp(moved, true)["right lower arm"] == 1
    moved[0, AT["right wrist"]] += (0.1, 0)
    got = pcp(moved, true)
    assert got["right lower arm"] == 0 and got["left lower arm"] == 1
    assert got["total"] == pytest.approx(9 / 10)
    assert pcp(moved, true, strict=False)["right lower arm"] == 1  # the elbow is exact, so the mean error is half
    moved[0, AT["right wrist"]] += (9.9, 0)
    assert pcp(moved, true, strict=False)["right lower arm"] == 1  # errors 20 and 0: their mean is exactly half
    moved[0, AT["right elbow"]] += (0, 0.1)
    assert pcp(moved, true, strict=False)["right lower arm"] == 0


def test_the_torso_runs_between_the_middles():
    true, moved = standing(), standing()
    moved[0, AT["right shoulder"]] -= (60, 0)
    moved[0, AT["left shoulder"]] += (60, 0)  # the middle stays where it was
    assert pcp(moved, true)["torso"] == 1
    moved[0, AT["left shoulder"]] += (41, 0)  # the middle moves by 20.5, half the torso is 20
    assert pcp(moved, true)["torso"] == 0


def test_pck_by_hand():
    true, moved = standing(), standing()
    torso, head = math.hypot(60 - 45, 20 - 60), 20
    moved[0, AT["neck"]] += (0.2 * torso - 0.01, 0)
    moved[0, AT["left knee"]] += (0, 0.2 * torso + 0.01)
    got = pck(moved, true)
    assert got["neck"] == 1 and got["left knee"] == 0 and got["total"] == pytest.approx(13 / 14)
    moved[0, AT["right hip"]] += (0.5 * head + 0.01, 0)
    got = pckh(moved, true)
    assert got["right hip"] == 0 and got["left knee"] == 1 and got["total"] == pytest.approx(13 / 14)


def test_what_is_hidden_is_not_counted():
    true, moved, visible = standing(), standing(), np.ones((1, 14), bool)
    moved[0, AT["left wrist"]] = np.nan
    visible[0, AT["left wrist"]] = False
    got = pcp(moved, true, visible)
    assert got["total"] == 1 and "left lower arm" not in got and got["left upper arm"] == 1
    assert "left wrist" not in pck(moved, true, visible) and pck(moved, true, visible)["total"] == 1
    visible[0, AT["right hip"]] = False  # without it there is no torso diagonal, so nothing can be measured
    with pytest.raises(DataError, match="nothing to measure"):
        pck(moved, true, visible)
    assert pckh(moved, true, visible)["total"] == 1


# --- measures against loops, and laws ---

@given(seeds, st.integers(2, 8))
def test_the_measures_agree_with_loops(seed, n):
    predicted, true, visible = random_poses(np.random.default_rng(seed), n)
    visible[0] = True
    sticks, relaxed, keypoints, head_keypoints = [], [], [], []
    for p, t, v in zip(predicted, true, visible, strict=True):
        for a, b in STICKS.values():
            if all(v[j] for j in a + b):
                at = [np.mean([pose[j] for j in end], axis=0) for end in (a, b) for pose in (p, t)]
                first, second, length = math.dist(*at[:2]), math.dist(*at[2:]), math.dist(at[1], at[3])
                sticks.append(first <= length / 2 and second <= length / 2)
                relaxed.append((first + second) / 2 <= length / 2)
        for found, ends, share in ((keypoints, ("left shoulder", "right hip"), 0.2),
                                   (head_keypoints, ("neck", "head top"), 0.5)):
            i, j = (AT[name] for name in ends)
            if v[i] and v[j]:
                found += [math.dist(p[k], t[k]) <= share * math.dist(t[i], t[j]) for k in range(14) if v[k]]
    got = evaluate_pose(predicted, true, visible)
    assert got["pcp/total"] == pytest.approx(np.mean(sticks))
    assert got["pcp_relaxed/total"] == pytest.approx(np.mean(relaxed))
    assert got["pck/total"] == pytest.approx(np.mean(keypoints))
    assert got["pckh/total"] == pytest.approx(np.mean(head_keypoints))
    json.dumps(got, allow_nan=False)


@given(seeds)
def test_strict_is_stricter_and_mirroring_scaling_and_shifting_change_nothing(seed):
    rng = np.random.default_rng(seed)
    predicted, true, _ = random_poses(rng, 6)
    got = evaluate_pose(predicted, true)
    assert all(got[f"pcp/{name}"] <= got[f"pcp_relaxed/{name}"] for name in ("total", *STICKS))
    scale, shift = 2.0 ** rng.integers(-3, 4), rng.integers(-64, 64, 2)  # exact, so no limit is crossed by rounding
    assert evaluate_pose(predicted * scale, true * scale) == got
    mirrored = [(pose * (-1, 1))[:, MIRRORED] for pose in (predicted, true)]
    again = evaluate_pose(*mirrored)
    # PCK is left out: its unit, left shoulder to right hip, becomes the other diagonal in the mirror.
    for name, share in got.items():
        if not name.startswith("pck/"):
            swapped = name.replace("left", "?").replace("right", "left").replace("?", "right")
            assert again[swapped] == share
    assert evaluate_pose(predicted + shift, true + shift) == got
    assert evaluate_pose(true, true)["pcp/total"] == evaluate_pose(true, true)["pck/total"] == 1


def test_mean_pose_of_real_people(shared_data):
    """Leeds Sports Pose Extended: a constant pose finds hardly a limb, and the torso most often."""
    io = pytest.importorskip("scipy.io")
    folder = shared_data / "lsp-extended"
    index = np.array(sorted(int(path.stem[2:]) - 1 for path in (folder / "images").glob("im*.jpg")))
    joints = io.loadmat(folder / "joints.mat")["joints"][:, :2, index].transpose(2, 0, 1)  # (N, 14, 2)
    low, high = joints.min(axis=1), joints.max(axis=1)
    half = 0.6 * (high - low).max(axis=1, keepdims=True)  # a square 1.2 times the longer side of the joints' extent
    boxes = np.concatenate([(low + high) / 2 - half, (low + high) / 2 + half], axis=1)
    train, test = index < 9000, index >= 9000
    pose = mean_pose(joints[train], boxes[train])
    got = evaluate_pose(decode_joints(np.repeat(pose[None], test.sum(), axis=0), boxes[test]), joints[test])
    assert (train.sum(), test.sum()) == (3553, 386)
    assert 0.005 < got["pcp/total"] < 0.03 and 0.03 < got["pck/total"] < 0.06
    assert got["pcp/torso"] == max(got[f"pcp/{name}"] for name in STICKS)


# --- errors ---

def test_wrong_input_is_named():
    pose = standing()
    with pytest.raises(ShapeError, match=r"poses \(N, 14, 2\)"):
        pcp(pose[:, :13], pose)
    with pytest.raises(ShapeError, match=r"joints \(N, J, 2\)"):
        pck(pose[0], pose[0])
    with pytest.raises(ShapeError, match=r"visible \(1, 14\)"):
        pck(pose, pose, np.ones(14))
    with pytest.raises(ShapeError, match=r"\(N, 4\)"):
        encode_joints(pose, [0, 0, 1, 1])
    with pytest.raises(DataError, match="no area"):
        encode_joints(pose, [[0, 0, 0, 1]])
    with pytest.raises(DataError, match="nothing to measure"):
        pcp(pose[:0], pose[:0])
    with pytest.raises(DataError, match="number 3"):
        mean_pose(pose, [[0, 0, 1, 1]], np.arange(14)[None] != 3)
