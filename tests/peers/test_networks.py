"""Whole networks against PyTorch from the same weights: the localizer through twenty steps of training, AlexNet."""

import numpy as np
import pytest
from harness import LIMIT, difference, numbers

import tinycnn as tc
from tinycnn.backend import to_device, to_numpy
from tinycnn.optim import SGD, Adam

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional


class Twin(nn.Module):
    """A trunk with two heads in PyTorch, images (N, C, H, W)."""

    def __init__(self, trunk, features, classes, boxes=4):
        super().__init__()
        self.trunk, self.class_head, self.box_head = trunk, nn.Linear(features, classes), nn.Linear(features, boxes)

    def forward(self, x):
        features = self.trunk(x)
        return self.class_head(features), self.box_head(features)


def localizer_twin(size, channels, hidden, classes, boxes):
    layers, c = [], 3
    for f in channels:
        layers += [nn.Conv2d(c, f, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]  # ReLU before the pool: the same, slower
        c, size = f, size // 2
    trunk = nn.Sequential(*layers, nn.Flatten(), nn.Linear(size * size * c, hidden), nn.ReLU())
    return Twin(trunk, hidden, classes, boxes)


def alexnet_twin(variant, groups, classes):
    f = (96, 256, 384, 384, 256) if variant == "paper" else (64, 192, 384, 256, 256)
    # PyTorch divides alpha by the window's size, the paper does not.
    norm = [nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)] if variant == "paper" else []
    pool = nn.MaxPool2d(3, 2)
    trunk = nn.Sequential(
        nn.Conv2d(3, f[0], 11, 4, padding=0 if variant == "paper" else 2), nn.ReLU(), *norm, pool,
        nn.Conv2d(f[0], f[1], 5, padding=2, groups=groups), nn.ReLU(), *norm, pool,
        nn.Conv2d(f[1], f[2], 3, padding=1), nn.ReLU(),
        nn.Conv2d(f[2], f[3], 3, padding=1, groups=groups), nn.ReLU(),
        nn.Conv2d(f[3], f[4], 3, padding=1, groups=groups), nn.ReLU(), pool,
        nn.Flatten(), nn.Linear(9216, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(),
    )  # fmt: skip
    return Twin(trunk, 4096, classes)


def pairs(model, twin):
    """(name, our parameter, theirs, how our array is arranged as theirs) for every weight and bias."""
    leaves = [leaf for leaf in twin.modules() if isinstance(leaf, nn.Conv2d | nn.Linear)]
    layers = [(name, layer) for name, layer in model.layers() if layer.parameters()]
    channels = None
    for (name, layer), leaf in zip(layers, leaves, strict=True):
        if isinstance(leaf, nn.Conv2d):
            channels = leaf.out_channels
            arrange = lambda w: w.transpose(3, 2, 0, 1)  # noqa: E731  (KH, KW, C, F) -> (F, C, KH, KW)
        elif channels:
            # Flatten kept (H, W, C) here and (C, H, W) there.
            arrange = lambda w, c=channels: w.reshape(-1, c, w.shape[1]).transpose(2, 1, 0).reshape(w.shape[1], -1)  # noqa: E731
            channels = None
        else:
            arrange = np.transpose
        yield f"{name}.w", layer.w, leaf.weight, arrange
        yield f"{name}.b", layer.b, leaf.bias, lambda b: b


def copy_weights(model, twin):
    with torch.no_grad():
        for _, ours, theirs, arrange in pairs(model, twin):
            theirs.copy_(torch.tensor(np.ascontiguousarray(arrange(to_numpy(ours.value)))))


def to_torch(x):
    return torch.tensor(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


@pytest.mark.parametrize("per_class", [False, True], ids=["one box", "box per class"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_twenty_steps_of_training(device, kind, dtype, per_class, monkeypatch):
    if (kind, dtype) == ("adam", "float32"):
        # Adam divides by the gradient's own size, so where a gradient is nearly 0 its rounding counts in full: with
        # Winograd's the losses differ by 2e-4 after 20 steps. In float64 they run with it, and to 1e-8.
        monkeypatch.setenv("TINYCNN_ENGINE", "0")
    torch.set_num_threads(1)
    how = dict(image_size=32, channels=(16, 32, 64), hidden=64)
    model = tc.models.localizer(5, **how, per_class_boxes=per_class, seed=3)
    twin = localizer_twin(32, how["channels"], how["hidden"], 5, 20 if per_class else 4)
    copy_weights(model, twin)
    model.astype(dtype).to(device)
    twin.to(getattr(torch, dtype))
    loss = tc.MultiTaskLoss(class_weight=1.0, box_weight=0.5)
    if kind == "sgd":
        optimizer = SGD(model, lr=0.02, momentum=0.9, weight_decay=5e-4)
        peer = torch.optim.SGD(twin.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
    else:
        optimizer, peer = Adam(model, lr=1e-3), torch.optim.Adam(twin.parameters(), lr=1e-3)

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)  # one batch, again and again: it can be learned
    labels, targets = rng.integers(0, 5, 16), rng.standard_normal((16, 4)).astype(dtype)
    ours, theirs = [], []
    for _ in range(20):
        x = model.normalize(to_device(images, device))
        value = loss.forward(model.forward(x), (labels, to_device(targets, device)))
        model.backward(*loss.backward())
        optimizer.step()
        ours.append(float(value))

        peer.zero_grad()
        scores, boxes = twin((to_torch(images).to(getattr(torch, dtype)) - 127.5) / 64)
        if per_class:
            boxes = boxes.reshape(16, 5, 4)[torch.arange(16), torch.tensor(labels)]
        value = F.cross_entropy(scores, torch.tensor(labels)) + 0.5 * F.mse_loss(boxes, torch.tensor(targets))
        value.backward()
        peer.step()
        theirs.append(value.item())
    np.testing.assert_allclose(ours, theirs, rtol=1e-4 if dtype == "float32" else 1e-8)
    assert ours[-1] < 0.8 * ours[0]  # twenty steps that change nothing would agree as well


VARIANTS = [("paper", 2), ("paper", 1), ("one-gpu", 1)]


@pytest.mark.slow
@pytest.mark.parametrize("variant, groups", VARIANTS, ids=["groups", "no groups", "one-gpu"])
def test_alexnet_forward_and_backward(variant, groups):
    # In float64: in float32 a few of a million ReLUs and pools have two answers within rounding, and their gradients
    # go another way in each library.
    torch.set_num_threads(2)
    model = tc.models.alexnet_localizer(num_classes=1000, variant=variant, groups=groups == 2, dropout=0.0, seed=1)
    twin = alexnet_twin(variant, groups, 1000).double()
    copy_weights(model.astype("float64"), twin)
    size = model.image_size
    x = model.normalize(np.random.default_rng(2).integers(0, 256, (1, size, size, 3), dtype=np.uint8))
    scores, boxes = model.forward(x)
    x_there = to_torch(x).requires_grad_()
    peer_scores, peer_boxes = twin(x_there)
    assert difference(scores, peer_scores.detach().numpy()) < LIMIT["float64"]
    assert difference(boxes, peer_boxes.detach().numpy()) < LIMIT["float64"]

    dscores, dboxes = numbers(scores.shape, seed=3), numbers(boxes.shape, seed=4)
    dx = model.backward(dscores, dboxes, input_gradient=True)
    torch.autograd.backward([peer_scores, peer_boxes], [torch.tensor(dscores), torch.tensor(dboxes)])
    assert difference(dx, x_there.grad.numpy().transpose(0, 2, 3, 1)) < LIMIT["float64"]
    for name, ours, theirs, arrange in pairs(model, twin):
        assert difference(arrange(ours.grad), theirs.grad.numpy()) < LIMIT["float64"], name
