"""SmoothL1Loss and GIoULoss against PyTorch's automatic derivatives, and against tinycnn's own IoU."""

import numpy as np
import pytest
from harness import DTYPES, expect_close, numbers
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import boxes as box_codec
from tinycnn.backend import to_device, to_numpy
from tinycnn.box_losses import BOX_LOSSES, GIoULoss, SmoothL1Loss
from tinycnn.errors import ShapeError
from tinycnn.gradient_check import gradcheck
from tinycnn.layers import Buffer
from tinycnn.losses import MultiTaskLoss, tell_box_statistics

STATISTICS = np.array([[0.5, 0.45, 0.4, 0.5], [0.2, 0.25, 0.1, 0.15]])


def giou_loss():
    loss = GIoULoss()
    loss.use_box_statistics(Buffer(STATISTICS.copy()))
    return loss


def computed(loss, pred, target, device):
    loss.to(device)
    value = to_numpy(loss.forward(to_device(pred, device), to_device(target, device)))
    return float(value), to_numpy(loss.backward())


@given(st.integers(0, 5), DTYPES, st.sampled_from([0.3, 1.0, 2.5]), st.booleans())
def test_smooth_l1_by_hand(device, n, dtype, beta, masked):
    pred, target = numbers((n, 4), dtype), numbers((n, 4), dtype, seed=1)
    mask = (np.arange(4 * n) % 3 > 0).reshape(n, 4) if masked else np.ones((n, 4), bool)
    total, slopes = 0.0, np.zeros((n, 4))
    for at in np.ndindex(n, 4):
        d = float(pred[at]) - float(target[at])
        if mask[at]:
            total += d * d / (2 * beta) if abs(d) < beta else abs(d) - beta / 2
            slopes[at] = d / beta if abs(d) < beta else np.sign(d)
    loss = SmoothL1Loss(beta)
    there = [to_device(a, device) for a in (pred, target, mask.astype(dtype))]
    value = loss.forward(*there) if masked else loss.forward(*there[:2])
    count = max(1, mask.sum())
    expect_close(float(value), total / count, dtype)
    expect_close(to_numpy(loss.backward()), slopes / count, dtype)


def test_giou_is_that_of_the_boxes(device):
    pred, target = 2 * numbers((40, 4)), numbers((40, 4), seed=1)
    value, _ = computed(giou_loss(), pred, target, device)
    ours, true = (box_codec.decode(codes * STATISTICS[1] + STATISTICS[0], (1, 1)) for codes in (pred, target))
    around = np.concatenate([np.minimum(ours, true)[:, :2], np.maximum(ours, true)[:, 2:]], axis=1)
    union = box_codec.area(ours) + box_codec.area(true) - box_codec.area(box_codec.intersection(ours, true))
    giou = box_codec.iou(ours, true) - (box_codec.area(around) - union) / box_codec.area(around)
    assert value == pytest.approx((1 - giou).mean(), rel=1e-3)  # the smallest sides are raised a little
    same, dpred = computed(giou_loss(), target, target, device)
    assert same == pytest.approx(0, abs=1e-9) and dpred.shape == target.shape


def test_boxes_apart_are_drawn_together():
    """Where IoU is 0 and flat, GIoU still has a slope."""
    pred, target = np.array([[-2.0, 0, 0, 0]]), np.array([[2.0, 0, 0, 0]])
    _, dpred = computed(giou_loss(), pred, target, "cpu")
    assert dpred[0, 0] < 0 and dpred[0, 1] == 0  # a step against it moves the box to the right


@pytest.mark.parametrize("loss", [SmoothL1Loss(0.7), giou_loss()], ids=repr)
@pytest.mark.parametrize("seed", range(5))
def test_gradients(loss, seed):
    report = gradcheck(loss, numbers((6, 4), seed=seed), numbers((6, 4), seed=seed + 100), seed=seed)
    assert report.ok, report


@pytest.mark.parametrize("name", BOX_LOSSES)
@pytest.mark.parametrize("per_class", [False, True])
def test_each_can_be_the_box_loss_of_two_heads(name, per_class):
    loss = MultiTaskLoss(0.7, 1.9, BOX_LOSSES[name]())
    tell_box_statistics(loss, Buffer(STATISTICS.copy()))
    boxes = numbers((5, 3, 4) if per_class else (5, 4))
    labels, targets = np.array([0, 2, 1, 1, 0]), numbers((5, 4), seed=2)
    report = gradcheck(loss, (numbers((5, 3), seed=1), boxes), (labels, targets))
    assert report.ok, report
    assert set(loss.terms or {}) <= {"class", "box"}


def test_numpy_settings_do_not_change_the_dtype():
    loss = MultiTaskLoss(np.float64(0.7), np.float64(2), SmoothL1Loss(np.float64(0.5)))
    boxes = numbers((3, 4), "float32")
    loss.forward((numbers((3, 2), "float32"), boxes), (np.array([0, 1, 1]), boxes))
    assert [grad.dtype for grad in loss.backward()] == [np.float32, np.float32]


def test_wrong_arguments():
    with pytest.raises(ValueError, match="beta is where the square becomes a line"):
        SmoothL1Loss(0)
    with pytest.raises(ShapeError, match=r"boxes \(N, 4\)"):
        GIoULoss().forward(numbers((3, 5)), numbers((3, 5)))
    with pytest.raises(ShapeError, match="SmoothL1Loss expects pred and target of one shape"):
        SmoothL1Loss().forward(numbers((3, 4)), numbers((1, 4)))


def test_a_loss_that_holds_another_has_it_told_the_statistics():
    class OnlyBoxes:
        def __init__(self):
            self.inside, self.name = GIoULoss(), "boxes"

    loss, statistics = OnlyBoxes(), Buffer(STATISTICS.copy())
    tell_box_statistics(loss, statistics)
    assert loss.inside.statistics is statistics


@pytest.mark.parametrize("box_loss", ["giou", GIoULoss, MultiTaskLoss(), 3])
def test_a_box_loss_that_is_none_is_refused(box_loss):
    with pytest.raises(TypeError, match="loss of the boxes alone"):
        MultiTaskLoss(box_loss=box_loss)
