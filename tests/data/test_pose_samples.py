"""People with their joints: what is refused, parts that share nobody, and people cut out of their photographs."""

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.data.pose_batches import pose_batches
from tinycnn.data.pose_samples import PoseDataset, PoseSamples, cut_out
from tinycnn.errors import DataError
from tinycnn.poses import decode_joints, windows


def group(n=6, size=40, seed=0, **changed):
    rng = np.random.default_rng(seed)
    boxes = np.tile([5.0, 8.0, 25.0, 36.0], (n, 1)) + rng.uniform(-3, 3, (n, 1))
    joints = rng.uniform(0, 1, (n, 14, 2)) * (boxes[:, None, 2:] - boxes[:, None, :2]) + boxes[:, None, :2]
    parts = dict(images=rng.integers(0, 256, (n, size, size, 3), dtype=np.uint8), joints=joints,
                 visible=rng.random((n, 14)) < 0.8, boxes=boxes, names=[f"{i}.jpg" for i in range(n)])
    return PoseSamples(**parts | changed)


def with_one(array, index, value):
    array = np.array(array)
    array[index] = value
    return array


@pytest.mark.parametrize("changed, words", [
    (dict(joints=np.zeros((6, 13, 2))), r"need joints of shape \(6, 14, 2\)"),
    (dict(boxes=np.zeros((6, 2))), r"need boxes of shape \(6, 4\), got \(6, 2\): a box is"),
    (dict(boxes=None), "need boxes of shape"),
    (dict(names=["a"]), "6 images but 1 names"),
    (dict(visible=with_one(np.ones((6, 14), bool), 3, False)), r"sample 3 \(3.jpg\) shows no joint"),
    (dict(visible=None, joints=with_one(np.zeros((6, 14, 2)), (2, 5), np.nan)), r"sample 2 .* not a number"),
    (dict(boxes=with_one(np.tile([0, 0, 9, 9.0], (6, 1)), 1, [5, 5, 5, 9])), r"sample 1 .* box without area"),
    (dict(boxes=with_one(np.tile([0, 0, 9, 9.0], (6, 1)), 1, np.inf)), r"sample 1 .* box without area"),
])  # fmt: skip
def test_what_is_refused(changed, words):
    with pytest.raises(DataError, match=words):
        group(**changed)


def test_hidden_joints_may_hold_anything_and_visible_ones_may_lie_outside():
    hidden = with_one(np.ones((6, 14), bool), (0, 3), False)
    people = group(visible=hidden, joints=with_one(with_one(group().joints, (0, 3), np.nan), (1, 2), [-50, 900]))
    assert len(people) == 6 and np.isnan(people.joints[0, 3]).all()


def test_the_parts_of_a_split_share_nobody():
    rest, part = group(20).split(0.3, seed=2)
    assert len(rest) == 14 and len(part) == 6 and not set(rest.names) & set(part.names)
    data = PoseDataset("some", rest, part, part.subset(slice(0, 0)), notes=["a note"])
    assert "people" in str(data) and "note: a note" in str(data) and repr(data).endswith("test 0)")
    with pytest.raises(DataError, match="between 0 and 1"):
        group().split(1.0)


def test_a_window_is_a_square_around_the_box():
    shown = windows([[10, 20, 30, 60], [0, 0, 8, 4]], 1.5)
    np.testing.assert_allclose(shown, [[-10, 10, 50, 70], [-2, -4, 10, 8]])


def test_joints_follow_when_people_are_cut_out():
    """A bright pixel at each joint is where the joint is said to be afterwards."""
    people = group(4, size=80)
    for image, joints in zip(people.images, people.joints, strict=True):
        image[:] = 0
        x, y = joints[7].astype(int)
        image[y - 1 : y + 2, x - 1 : x + 2] = 255
    small = cut_out(people, 60, 1.5)
    assert small.images.shape == (4, 60, 60, 3)
    for image, joints in zip(small.images, small.joints, strict=True):
        y, x = np.unravel_index(image[..., 0].argmax(), (60, 60))
        assert np.hypot(x + 0.5 - joints[7, 0], y + 0.5 - joints[7, 1]) < 3
    # The windows of what was cut out are the middle of it: the same picture as from the photograph itself.
    whole, again = (next(pose_batches(p, 4, 24, 1.2, shuffle=False)) for p in (people, small))
    np.testing.assert_allclose(whole.codes, again.codes, atol=1e-6)
    assert abs(whole.images.astype(float) - again.images).mean() < 12


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_the_same_with_any_number_of_workers(workers):
    people, augment = group(10), tc.data.PoseAugment()
    one = list(pose_batches(people, 4, 16, 1.2, shuffle=True, augment=augment, seed=3, epoch=2, workers=1))
    other = list(pose_batches(people, 4, 16, 1.2, shuffle=True, augment=augment, seed=3, epoch=2, workers=workers))
    assert [len(batch.images) for batch in one] == [4, 4, 2]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.images, b.images)
        np.testing.assert_array_equal(a.codes, b.codes)
    assert len(one[0].first(2).images) == len(one[0].first(2).visible) == 2


def test_without_augmentation_codes_are_those_of_the_windows():
    people = group(5)
    (batch,) = pose_batches(people, 5, 16, 1.3, shuffle=False)
    np.testing.assert_allclose(decode_joints(batch.codes, windows(people.boxes, 1.3)), people.joints, atol=1e-5)
    np.testing.assert_array_equal(batch.visible, people.visible)


def test_a_picture_that_vanishes_is_named(tmp_path):
    class Gone:
        def __len__(self):
            return 6

        def __getitem__(self, i):
            raise DataError("the picture is missing")

    with pytest.raises(DataError, match=r"sample 0 \(0.jpg\): the picture is missing"):
        cut_out(group(images=Gone()), 16, 1.5)
