"""Looks into a network for poses: errors of each joint, the pull of each limb, saliency, and the picture."""

import numpy as np
import pytest
from models.test_pose import small, sticks, train

from tinycnn.data.pose_samples import PoseDataset
from tinycnn.errors import DataError
from tinycnn.inspection.pose import joint_errors, limb_pulls, pose_picture, saliency_of
from tinycnn.poses import STICKS


@pytest.fixture(scope="module")
def model():
    trained = small()
    train(trained, 12)
    return trained


def test_errors_are_smaller_than_those_of_the_mean_pose(model):
    errors, baseline = joint_errors(model, sticks(40, 1), sticks(60))
    assert errors.shape == baseline.shape == (14,)
    assert np.median(errors) < np.median(baseline)


def test_each_limb_pulls(model):
    pulls = limb_pulls(model, sticks(20, 2))
    assert set(pulls) == set(STICKS) and all(pull > 0 for pull in pulls.values())


def test_saliency_is_the_slope(model):
    """Compared with what a joint does when one pixel of the picture changes a little."""
    image, joint, eps = sticks(1, 3).images[0], 7, 8
    saliency, place = saliency_of(model, image, joint)
    assert saliency.shape == (16, 16) and place.shape == (2,)
    y, x = np.unravel_index(saliency.argmax(), saliency.shape)
    calm = small()
    for name, held in (model.parameters() | model.buffers()).items():
        (calm.parameters() | calm.buffers())[name].value = held.value.astype("float64")
    calm.astype("float64").eval()
    calm.mirror, total = False, 0.0
    for channel in range(3):
        there = [image.astype("float64") for _ in range(2)]
        there[0][y, x, channel] -= eps / 1e4
        there[1][y, x, channel] += eps / 1e4
        low, high = (calm.answer((each[None] - 127.5) / 64)[0, joint] for each in there)
        total += (((high - low) / (2 * eps / 1e4)) ** 2).sum()
    assert saliency[y, x] == pytest.approx(total**0.5, rel=1e-3)


def test_the_picture_and_its_sentence(model, tmp_path):
    pytest.importorskip("matplotlib")
    data = PoseDataset("sticks", sticks(60), sticks(20, 1), sticks(20, 2))
    sentence = pose_picture(model, data, tmp_path / "new")
    assert "20 people: nearest is the" in sentence and (tmp_path / "new/poses.png").stat().st_size > 20_000
    with pytest.raises(DataError, match="some that it has not learned from"):
        pose_picture(model, PoseDataset("few", data.train, data.train.subset([]), data.train.subset([])), tmp_path)
