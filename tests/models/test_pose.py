"""The network for poses: shapes, gradients, its file, training that can be resumed, and what is refused."""

import numpy as np
import pytest
from harness import numbers

import tinycnn as tc
from tinycnn.backend import to_device
from tinycnn.box_losses import SmoothL1Loss
from tinycnn.data.pose_samples import PoseSamples
from tinycnn.errors import CheckpointError, DataError, ShapeError
from tinycnn.layers import Flatten, Linear
from tinycnn.models import PoseNet, initialize, pose_alexnet, pose_resnet
from tinycnn.pose_loss import PoseLoss
from tinycnn.poses import JOINTS, MIRRORED

SMALL = dict(image_size=16, channels=(6, 8), hidden=12, dropout=0.1, seed=1)


def sticks(n, seed=0, size=16):
    """People so plain that they are learned at once: a bright cross, and all joints at fixed distances from it."""
    rng = np.random.default_rng(seed)
    offsets = np.random.default_rng(9).uniform(-3, 3, (14, 2))
    images, joints = np.full((n, size, size, 3), 90, np.uint8), np.zeros((n, 14, 2))
    for image, pose in zip(images, joints, strict=True):
        x, y = rng.integers(5, size - 4, 2)
        image[y, x - 2 : x + 3] = image[y - 2 : y + 3, x] = 250
        pose[:] = offsets + (x + 0.5, y + 0.5)
    visible = rng.random((n, 14)) < 0.9
    joints[~visible] = np.nan
    return PoseSamples(images, joints, visible, np.tile([0.0, 0, size, size], (n, 1)), [str(i) for i in range(n)])


def small(**changed):
    model = pose_resnet(**SMALL | changed)
    model.margin = 1.0
    return model


def train(model, epochs=3, **how):
    how = {"loss": PoseLoss(SmoothL1Loss(0.5)), "optimizer": tc.optim.Adam(model, lr=5e-3)} | how
    return tc.fit(model, sticks(60), sticks(20, 1), epochs=epochs, batch_size=20, progress=False, **how)


def test_forward_backward_and_mean_pose(device):
    model = small().to(device)
    x = model.normalize(to_device(sticks(5).images, device))
    y = model.forward(x)
    assert y.shape == (5, 28) == (5, *model.output_shape((16, 16, 3))) and y.dtype == np.float32
    dx = model.backward(to_device(numbers((5, 28), "float32"), device), input_gradient=True)
    assert dx.shape == x.shape
    assert all(p.grad.shape == p.value.shape for p in model.parameters().values())
    assert "14 joints" in repr(model) and model.multiply_adds((16, 16, 3)) > 0


def test_the_gradients_of_its_loss_are_right():
    """Those of the network: tests/gradient_check/test_catalog.py."""
    mask = (np.random.default_rng(2).random((3, 28)) < 0.7).astype(float)
    for joint_loss in (None, SmoothL1Loss(0.5)):
        assert tc.gradcheck(PoseLoss(joint_loss), numbers((3, 28)), (numbers((3, 28), seed=2), mask)).ok


def test_it_learns_and_hidden_joints_do_not_disturb_it(device):
    model = small().to(device)
    history = train(model, epochs=2 if device != "cpu" else 25)
    row = history.rows[-1]
    assert np.isfinite(row["loss"]) and {"valid_loss", "valid_pcp", "valid_pck"} <= set(row)
    assert "PCP" in str(history) and history.best_epoch >= 1
    if device == "cpu":
        assert row["valid_loss"] < 0.5 * history.rows[0]["valid_loss"]
        measured = tc.evaluate(model, sticks(20, 1), sticks(60))
        assert measured["pck/total"] > measured["mean_pose/pck/total"] and measured["count"] == 20
        table = tc.poses.comparison_table(measured)
        assert "mean pose" in table and "  right wrist" in table
        assert "mean pose" not in tc.poses.comparison_table(tc.evaluate(model, sticks(20, 1)))


def test_a_hidden_joint_gets_no_gradient():
    loss, mask = PoseLoss(), np.ones((2, 28), "float32")
    mask[0, 4:6] = 0
    target = numbers((2, 28), "float32")
    target[0, 4:6] = np.nan
    assert np.isfinite(loss.forward(numbers((2, 28), "float32", 3), (target, mask)))
    gradient = loss.backward()
    assert (gradient[0, 4:6] == 0).all() and np.isfinite(gradient).all() and (gradient != 0).sum() == 54


def test_the_mirror_exchanges_left_and_right():
    model, images = small(), sticks(4).images
    for _ in range(3):
        model.forward(model.normalize(sticks(20).images))
    model.eval().set_joint_statistics(numbers((9, 14, 2)), np.ones((9, 14)))
    one, other = model.predict(images).joints, model.predict(images[:, :, ::-1]).joints
    np.testing.assert_allclose(one, other[:, MIRRORED] * [-1, 1] + [16, 0], atol=1e-4)


def test_predicting_with_and_without_boxes():
    model = small()
    photograph = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    one = model.predict(photograph, (10, 10, 30, 50))
    assert len(one) == 1 and set(one[0]) == set(JOINTS)
    # An untrained model says the middle of the window everywhere; its window is a square around the box.
    np.testing.assert_allclose(one.joints.mean(axis=1), [[20, 30]], atol=2)
    np.testing.assert_allclose(model.predict([photograph]).joints.mean(axis=1), [[40, 30]], atol=3)
    assert model.predict([photograph] * 3, [[0, 0, 9, 9]] * 3).joints.shape == (3, 14, 2)
    for boxes in ([[0, 0, 9, 9]], [[0, 0, 9, 9], [5, 5, 5, 9]], [1, 2, 3]):
        with pytest.raises(DataError, match="2 pictures need as many boxes of people"):
            model.predict([photograph] * 2, boxes)


def test_without_a_box_the_picture_is_the_window():
    model, square = small(), np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    model.margin = 1.2
    around = (5, 5, 55, 55)  # 1.2 times its side is the picture's
    np.testing.assert_allclose(model.predict(square).joints, model.predict(square, around).joints, rtol=1e-6)


def test_its_file(tmp_path):
    model = small()
    train(model, 1)
    tc.save(model, tmp_path / "model.npz")
    read = tc.load(tmp_path / "model.npz")
    read.margin = 1.0
    assert isinstance(read, PoseNet) and read.mirror and read.has_statistics
    np.testing.assert_array_equal(read.predict(sticks(3).images).joints, model.predict(sticks(3).images).joints)
    tc.save(tc.models.localizer(3, 16, (4,), 8), tmp_path / "boxes.npz")
    with pytest.raises(CheckpointError, match="does not fit the model"):
        tc.load(tmp_path / "boxes.npz", into=small())
    with pytest.raises(CheckpointError, match="another trunk"):
        initialize(small(channels=(4, 8)), tmp_path / "model.npz")


def test_a_localizers_trunk_can_be_gone_on_with(tmp_path):
    earlier = tc.models.resnet_localizer(3, 16, (6, 8), 12, seed=5)
    tc.save(earlier, tmp_path / "model.npz")
    model = small()
    taken = initialize(model, tmp_path)
    assert all(name.startswith("trunk.") for name in taken) and len(taken) == len(earlier.trunk.parameters())


def test_a_resumed_run_has_the_same_bits(tmp_path):
    augment = tc.data.PoseAugment()
    whole, cut = small(), small()
    train(whole, 3, augment=augment, seed=4)

    def interrupt(row, model):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(cut, 3, augment=augment, seed=4, out=tmp_path, on_epoch=interrupt)
    again = small()
    train(again, 3, augment=augment, seed=4, out=tmp_path, resume=True)
    for name, parameter in whole.parameters().items():
        np.testing.assert_array_equal(parameter.value, again.parameters()[name].value, err_msg=name)
    with pytest.raises(CheckpointError, match="there were train and valid samples, and now there are train"):
        tc.fit(again, sticks(30), epochs=3, batch_size=20, progress=False, augment=augment, seed=4, out=tmp_path,
               resume=True, loss=PoseLoss(SmoothL1Loss(0.5)), optimizer=tc.optim.Adam(again, lr=5e-3))


def test_gradients_are_checked_in_the_middle_of_training():
    train(small(dropout=0.0), 1, gradcheck_every=2)


@pytest.mark.parametrize("wrong, words", [
    (lambda m: tc.fit(m, tc.data.scenes(4, 32, valid=0, test=0).train, progress=False), "PoseSamples for a Pose"),
    (lambda m: tc.fit(m, sticks(4).images, progress=False), "PoseSamples for a PoseNet, got an array"),
    (lambda m: tc.fit(m, sticks(4), loss=tc.MultiTaskLoss(), progress=False), "no loss of a pose"),
    (lambda m: tc.fit(m, sticks(4), augment=tc.data.Augment(), progress=False), "joints, visible, window"),
    (lambda m: tc.evaluate(m, tc.data.draw_people(2, 32, valid=2, test=2)), "one part of a data set"),
    (lambda m: PoseLoss(PoseLoss()), "loss of numbers"),
])  # fmt: skip
def test_what_is_refused(wrong, words):
    with pytest.raises(TypeError, match=words):
        wrong(small())


def test_empty_samples_and_joints_that_are_never_shown():
    with pytest.raises(DataError, match="training samples are empty"):
        tc.fit(small(), sticks(4).subset([]), progress=False)
    with pytest.raises(DataError, match="nothing to evaluate"):
        tc.evaluate(small(), sticks(4).subset([]))
    people = sticks(4)
    visible = np.ones((4, 14), bool)
    visible[:, JOINTS.index("left knee")] = False
    hidden = PoseSamples(people.images, np.nan_to_num(people.joints), visible, people.boxes, people.names)
    with pytest.raises(DataError, match="never shows the left knee"):
        tc.fit(small(), hidden, epochs=1, progress=False)
    with pytest.raises(ShapeError, match="28 numbers, x and y of 14 joints, or a map of each"):
        PoseNet(Flatten(), Linear(768, 26), 16)


@pytest.mark.slow
def test_on_alexnets_trunk():
    model = pose_alexnet()
    assert sum(p.value.size for p in model.parameters().values()) == 56_982_940  # as alexnet_pose
    assert model.image_size == 227 and model.output_shape((227, 227, 3)) == (28,)


def test_validation_people_without_a_torso_are_refused_before_any_work():
    valid = sticks(5)
    visible = np.ones((5, 14), bool)
    visible[:, JOINTS.index("right hip")] = False
    torsoless = PoseSamples(valid.images, np.nan_to_num(valid.joints), visible, valid.boxes, valid.names)
    with pytest.raises(DataError, match="nobody among the validation samples shows both ends of the torso"):
        tc.fit(small(), sticks(10), torsoless, epochs=1, progress=False)


def test_a_loss_that_explodes_without_being_infinite_is_said():
    model = small(dropout=0.0)
    with pytest.warns(UserWarning, match="the loss is .* where a guess has about 1: training has gone astray"):
        tc.fit(model, sticks(60), epochs=1, batch_size=10, optimizer=tc.optim.SGD(model, lr=30.0), clip_norm=1.0,
               progress=False)
