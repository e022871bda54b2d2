"""The losses against PyTorch's, with scores far beyond what exp can take."""

import numpy as np
import pytest
from harness import DTYPES, LIMIT, expect_close, numbers
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import L2Loss, SoftmaxCrossEntropy
from tinycnn.backend import to_device, to_numpy
from tinycnn.box_losses import GIoULoss, SmoothL1Loss
from tinycnn.class_losses import WeightedCrossEntropy
from tinycnn.layers import Buffer
from tinycnn.models import softmax

torch = pytest.importorskip("torch")
torch.set_num_threads(1)
F = torch.nn.functional
SIZES = st.integers(1, 12)


def expect_near(actual, expected, dtype):
    """Equal but for rounding; a cross-entropy near 0 is the difference of larger numbers, so an absolute part too."""
    np.testing.assert_allclose(actual, expected, rtol=LIMIT[dtype], atol=10 * np.finfo(dtype).eps)


@given(SIZES, SIZES, st.sampled_from([0.1, 1.0, 30.0, 1e4]), st.sampled_from([0.0, 0.1]), DTYPES)
def test_cross_entropy(device, n, k, scale, smoothing, dtype):
    scores, labels = (numbers((n, k)) * scale).astype(dtype), np.random.default_rng(k).integers(0, k, n)
    loss, z = SoftmaxCrossEntropy(smoothing), torch.tensor(scores, requires_grad=True)
    value = loss.forward(to_device(scores, device), labels)
    peer = F.cross_entropy(z, torch.tensor(labels), label_smoothing=smoothing)
    peer.backward()
    expect_near(float(value), peer.item(), dtype)
    expect_near(to_numpy(loss.backward()), z.grad.numpy(), dtype)
    expect_near(to_numpy(softmax(to_device(scores, device))), F.softmax(z, 1).detach().numpy(), dtype)


@given(SIZES, SIZES, st.sampled_from([0.1, 30.0, 1e4]), st.sampled_from([0.0, 0.1]), st.booleans(), st.booleans(),
       DTYPES)  # fmt: skip
def test_weighted_cross_entropy(device, n, k, scale, smoothing, weighted, soft, dtype):
    rng, scores = np.random.default_rng(k), (numbers((n, k)) * scale).astype(dtype)
    labels = rng.dirichlet(np.ones(k), n) if soft else rng.integers(0, k, n)
    weights = rng.uniform(0.1, 3, k) if weighted else None
    loss, z = WeightedCrossEntropy(weights, smoothing), torch.tensor(scores, requires_grad=True)
    value = loss.forward(to_device(scores, device), labels)
    theirs = torch.tensor(labels.astype(dtype) if soft else labels)
    peer = F.cross_entropy(z, theirs, None if weights is None else torch.tensor(weights.astype(dtype)),
                           label_smoothing=smoothing)
    peer.backward()
    assert value.dtype == dtype
    np.testing.assert_allclose(float(value), peer.item(), rtol=10 * LIMIT[dtype], atol=100 * np.finfo(dtype).eps)
    expect_near(to_numpy(loss.backward()), z.grad.numpy(), dtype)


@given(st.lists(SIZES, min_size=1, max_size=3), DTYPES)
def test_l2(device, shape, dtype):
    pred, target = numbers(shape, dtype, 1), numbers(shape, dtype, 2)
    loss, p = L2Loss(), torch.tensor(pred, requires_grad=True)
    value = loss.forward(to_device(pred, device), to_device(target, device))
    peer = F.mse_loss(p, torch.tensor(target))
    peer.backward()
    expect_close(float(value), peer.item(), dtype)
    expect_close(to_numpy(loss.backward()), p.grad.numpy(), dtype)


@given(SIZES, SIZES, DTYPES)
def test_l2_of_what_is_visible(device, n, joints, dtype):
    pred, target = numbers((n, joints, 2), dtype, 1), numbers((n, joints, 2), dtype, 2)
    visible = np.random.default_rng(3).random((n, joints, 1)) < 0.6
    visible[0, 0] = True  # PyTorch's mean of nothing is NaN
    loss, p = L2Loss(), torch.tensor(pred, requires_grad=True)
    value = loss.forward(*(to_device(a, device) for a in (pred, target, visible)))
    chosen = torch.tensor(np.broadcast_to(visible, pred.shape).copy())
    peer = F.mse_loss(p[chosen], torch.tensor(target)[chosen])
    peer.backward()
    expect_close(float(value), peer.item(), dtype)
    expect_close(to_numpy(loss.backward()), p.grad.numpy(), dtype)


@given(st.integers(1, 6), DTYPES, st.floats(0.1, 3))
def test_smooth_l1(n, dtype, beta):
    pred, target = numbers((n, 4), dtype), numbers((n, 4), dtype, seed=1)
    loss, x = SmoothL1Loss(beta), torch.tensor(pred, requires_grad=True)
    theirs = torch.nn.functional.smooth_l1_loss(x, torch.tensor(target), beta=beta)
    theirs.backward()
    expect_close(float(loss.forward(pred, target)), theirs.item(), dtype)
    expect_close(loss.backward(), x.grad.numpy(), dtype)


@given(st.integers(1, 6), st.integers(0, 10**6))
def test_giou(n, seed):
    mean, std = np.array([0.5, 0.45, 0.4, 0.5]), np.array([0.2, 0.25, 0.05, 0.06])
    pred, target = numbers((n, 4), seed=seed), numbers((n, 4), seed=seed + 1)
    loss, x = GIoULoss(), torch.tensor(pred, requires_grad=True)
    loss.use_box_statistics(Buffer(np.stack([mean, std])))

    def corners(codes):
        cx, cy, h, w = (codes * torch.tensor(std) + torch.tensor(mean)).T
        return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2

    (ax, ay, bx, by), (cx, cy, dx, dy) = corners(x), corners(torch.tensor(target))
    across, down = torch.minimum(bx, dx) - torch.maximum(ax, cx), torch.minimum(by, dy) - torch.maximum(ay, cy)
    shared = across.clamp(0) * down.clamp(0)
    union = (bx - ax) * (by - ay) + (dx - cx) * (dy - cy) - shared
    around = (torch.maximum(bx, dx) - torch.minimum(ax, cx)) * (torch.maximum(by, dy) - torch.minimum(ay, cy))
    theirs = (1 - shared / union + (around - union) / around).mean()
    theirs.backward()
    expect_close(float(loss.forward(pred, target)), theirs.item(), "float64")
    expect_close(loss.backward(), x.grad.numpy(), "float64")
