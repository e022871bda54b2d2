"""Poses by maps: the network, the loss of maps, and how places are read from them."""

import numpy as np
import pytest
from harness import numbers
from models.test_pose import sticks

import tinycnn as tc
from tinycnn.backend import to_device
from tinycnn.errors import ShapeError
from tinycnn.inspection.pose import limb_pulls, saliency_of
from tinycnn.layers import Conv2d, MaxPool2d, Sequential
from tinycnn.losses import L2Loss
from tinycnn.models import PoseCascade, PoseNet, pose_maps, pose_plain, pose_resnet
from tinycnn.pose_loss import JointMapLoss, PoseLoss
from tinycnn.poses import MIRRORED, places_in_maps


def small(**changed):
    model = pose_maps(**dict(image_size=16, channels=(6, 8, 8, 8), seed=1) | changed)
    model.margin = 1.0
    return model


def train(model, epochs, **how):
    how = {"optimizer": tc.optim.Adam(model, lr=5e-3)} | how
    return tc.fit(model, sticks(60), sticks(20, 1), epochs=epochs, batch_size=20, progress=False, **how)


def hill(n=1, size=8, places=((0.0, 0.0),), height=5.0, width=0.08):
    """Maps (n, size, size, J) of scores with one hill each around places (x, y) in units of the window."""
    middles = (np.arange(size) + 0.5) / size - 0.5
    maps = [height - ((middles[None] - x) ** 2 + (middles[:, None] - y) ** 2) / (2 * width**2) for x, y in places]
    return np.repeat(np.stack(maps, axis=2)[None], n, axis=0)


def test_forward_and_backward(device):
    model = small().to(device)
    x = model.normalize(to_device(sticks(5).images, device))
    y = model.forward(x)
    assert y.shape == (5, 4, 4, 14) == (5, *model.output_shape((16, 16, 3))) and model.map_size == 4
    dx = model.backward(to_device(numbers(y.shape, "float32"), device), input_gradient=True)
    assert dx.shape == x.shape and all(p.grad.shape == p.value.shape for p in model.parameters().values())
    assert model.answer(x).shape == (5, 14, 2)


@pytest.mark.parametrize("size, channels", [(16, (4, 4)), (20, (4, 4, 4, 4)), (64, (4,))])
def test_sizes_that_cannot_be_halved_so_often(size, channels):
    with pytest.raises(ShapeError, match="half as large|must be a multiple of 8 pixels"):
        pose_maps(size, channels)


def test_places_lie_between_cells_and_a_second_hill_has_no_part():
    places = [(0.13, -0.2), (-0.31, 0.04)]
    np.testing.assert_allclose(places_in_maps(hill(2, 16, places, width=0.035)), [places] * 2, atol=0.01)
    two = np.maximum(hill(1, 16, [(-0.3, 0.2)], 5), hill(1, 16, [(0.3, 0.2)], 4.5))
    np.testing.assert_allclose(places_in_maps(two)[0, 0], (-0.3, 0.2), atol=0.02)
    corner = np.zeros((1, 8, 8, 1))
    corner[0, 0, 0] = 100
    np.testing.assert_allclose(places_in_maps(corner)[0, 0], (-7 / 16, -7 / 16), atol=1e-9)


def test_the_loss_is_a_cross_entropy():
    """Against PyTorch's, which takes shares of classes too."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    maps, targets = numbers((3, 6, 6, 2)), rng.uniform(-0.5, 0.5, (3, 4))
    mask = np.ones((3, 4))
    mask[0, :2] = 0
    targets[0, :2] = np.nan  # hidden, and unknown
    cells = np.exp(-((np.stack(np.meshgrid(*2 * [(np.arange(6) + 0.5) / 6 - 0.5]), axis=2).reshape(1, 1, 36, 2)
                      - targets.reshape(3, 2, 1, 2)) ** 2).sum(axis=3) / (2 * 0.2**2))  # fmt: skip
    shares = (cells / cells.sum(axis=2, keepdims=True)).reshape(6, 36)[1:]
    scores = maps.reshape(3, 36, 2).transpose(0, 2, 1).reshape(6, 36)[1:]
    expected = torch.nn.functional.cross_entropy(torch.tensor(scores), torch.tensor(shares)).item()
    loss = JointMapLoss(0.2)
    assert loss.forward(maps, targets, mask) == pytest.approx(expected, rel=1e-9)
    assert not loss.backward()[0, :, :, 0].any()


def test_the_loss_far_outside_and_where_nobody_is_seen():
    loss = JointMapLoss()
    outside = loss.forward(hill(1, 8, [(0.44, 0.0)]), np.array([[9.0, 0.0]]))
    assert np.isfinite(outside) and outside < loss.forward(hill(1, 8, [(-0.44, 0.0)]), np.array([[9.0, 0.0]]))
    assert loss.forward(hill(), np.full((1, 2), np.nan), np.zeros((1, 2))) == 0 and not loss.backward().any()
    with pytest.raises(ShapeError, match=r"maps \(N, R, R, J\)"):
        loss.forward(numbers((2, 28)), numbers((2, 28)))
    with pytest.raises(ValueError, match="1e-6 to 1e6"):
        JointMapLoss(0)


def test_it_learns_and_hidden_joints_do_not_disturb_it(device, tmp_path):
    model = small().to(device)
    rows = train(model, 2 if device != "cpu" else 25).rows  # without a loss: that of maps
    assert np.isfinite(rows[-1]["valid_loss"])
    if device == "cpu":
        assert rows[-1]["valid_loss"] < 0.9 * rows[0]["valid_loss"]
        measured = tc.evaluate(model, sticks(20, 1), sticks(60))
        assert measured["pck/total"] > measured["mean_pose/pck/total"]
        tc.save(model, tmp_path / "maps.npz")
        images = sticks(3, 2).images
        np.testing.assert_array_equal(tc.load(tmp_path / "maps.npz").predict(images).joints,
                                      model.predict(images).joints)


def test_answers_are_those_of_the_mirror_too():
    model = small()
    x = model.normalize(sticks(4).images)
    there, back = model.answer(x), model.answer(np.ascontiguousarray(x[:, :, ::-1]))
    np.testing.assert_allclose(back[:, list(MIRRORED)] * [-1, 1], there, atol=1e-6)


@pytest.mark.parametrize("model, loss, words", [
    (small, PoseLoss(L2Loss()), r"a map of each joint.*PoseLoss\(JointMapLoss\(\)\)"),
    (lambda: pose_resnet(16, (4,), 8), PoseLoss(JointMapLoss()), r"28 numbers.*PoseLoss\(L2Loss\(\)\)"),
])  # fmt: skip
def test_a_loss_of_the_other_kind_is_refused(model, loss, words):
    with pytest.raises(TypeError, match=words):
        train(model(), 1, loss=loss)


def test_a_second_stage_corrects_what_maps_say():
    first = small()
    train(first, 3)
    cascade = PoseCascade(first, pose_plain(16, (4, 4), 8), 0.5)
    row = train(cascade, 1, optimizer=tc.optim.Adam(cascade, lr=1e-3), loss=PoseLoss()).rows[-1]
    assert np.isfinite(row["valid_loss"]) and "stage_1/pck/total" in tc.evaluate(cascade, sticks(20, 1))


def test_looks_into_it():
    model, samples = small(), sticks(4)
    train(model, 2)
    assert min(limb_pulls(model, samples).values()) > 0
    shown, (x, y) = saliency_of(model, samples.images[0], 3)
    assert shown.shape == (16, 16) and shown.max() > 0 and 0 <= x < 16 and 0 <= y < 16


@pytest.mark.parametrize("mask", [(28, 3), (3, 28, 1), (3, 14)])
def test_a_mask_has_the_shape_of_the_targets(mask):
    loss = JointMapLoss()
    with pytest.raises(ShapeError, match="expects a mask of the targets' shape \\(3, 28\\)"):
        loss.forward(np.zeros((3, 4, 4, 14)), np.zeros((3, 28)), np.ones(mask))


def test_maps_are_square():
    trunk = Sequential(MaxPool2d((2, 4)), Conv2d(3, 4, 3, padding=1))
    with pytest.raises(ShapeError, match="a map of each"):
        PoseNet(trunk, Sequential(Conv2d(4, 14, 1)), 16)
