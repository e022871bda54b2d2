"""The residual localizer against PyTorch from the same weights: steps of its own recipe, then answers in prediction."""

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.backend import to_device, to_numpy
from tinycnn.box_losses import SmoothL1Loss
from tinycnn.layers import BatchNorm2d, Conv2d
from tinycnn.optim import Adam

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
CLASSES, SIZE, CHANNELS, HIDDEN, IMAGES = 4, 20, (6, 8, 8), 10, 12


def convolution(c, f, kernel=3, stride=1):
    return nn.Sequential(nn.Conv2d(c, f, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(f))


class Block(nn.Module):
    def __init__(self, c, f):
        super().__init__()
        self.one, self.two, self.around = convolution(c, f, 3, 2), convolution(f, f), convolution(c, f, 1, 2)

    def forward(self, x):
        return F.relu(self.two(F.relu(self.one(x))) + self.around(x))


class Twin(nn.Module):
    def __init__(self):
        super().__init__()
        blocks = [Block(c, f) for c, f in zip((32, *CHANNELS), CHANNELS, strict=False)]
        self.trunk = nn.Sequential(convolution(3, 32), nn.ReLU(), *blocks)
        self.class_head = nn.Linear(CHANNELS[-1], CLASSES)
        self.box_head = nn.Sequential(nn.Linear(CHANNELS[-1] * 9, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 4))

    def forward(self, x):
        features = self.trunk(x)
        flat = features.permute(0, 2, 3, 1).flatten(1)  # (H, W, C), as here
        return self.class_head(features.mean((2, 3))), self.box_head(flat)


def copy_weights(model, twin):
    layers = [layer for _, layer in model.layers() if layer.parameters()]
    leaves = [leaf for leaf in twin.modules() if isinstance(leaf, nn.Conv2d | nn.BatchNorm2d | nn.Linear)]
    with torch.no_grad():
        for layer, leaf in zip(layers, leaves, strict=True):
            w = layer.w.value
            if not isinstance(layer, BatchNorm2d):  # whose weights are ones on both sides
                leaf.weight.copy_(torch.tensor(w.transpose(3, 2, 0, 1) if isinstance(layer, Conv2d) else w.T))
            if leaf.bias is not None:
                leaf.bias.copy_(torch.tensor(layer.b.value))


def test_steps_of_training_and_answers(device):
    torch.set_num_threads(1)
    model = tc.models.resnet_localizer(CLASSES, SIZE, CHANNELS, HIDDEN, dropout=0.0, mirror=False, seed=3)
    twin = Twin().double()
    copy_weights(model, twin)
    model.astype("float64").to(device)
    loss = tc.MultiTaskLoss(1.0, 2.0, SmoothL1Loss(0.5), label_smoothing=0.1)
    ours = Adam(model, lr=2e-3, weight_decay=0.02)
    theirs = torch.optim.AdamW(twin.parameters(), lr=2e-3, weight_decay=0.02)
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (IMAGES, SIZE, SIZE, 3), dtype=np.uint8)
    labels, targets = rng.integers(0, CLASSES, IMAGES), rng.standard_normal((IMAGES, 4))
    x = model.normalize(to_device(pictures, device))
    there = torch.tensor(np.ascontiguousarray((pictures.transpose(0, 3, 1, 2) - 127.5) / 64))
    values = []
    for _ in range(10):
        values.append(float(loss.forward(model.forward(x), (labels, to_device(targets, device)))))
        model.backward(*loss.backward())
        ours.step()

        theirs.zero_grad()
        scores, boxes = twin(there)
        value = F.cross_entropy(scores, torch.tensor(labels), label_smoothing=0.1)
        value = value + 2 * F.smooth_l1_loss(boxes, torch.tensor(targets), beta=0.5)
        value.backward()
        theirs.step()
        np.testing.assert_allclose(values[-1], value.item(), rtol=1e-8)
    assert values[-1] < 0.9 * values[0]

    with torch.inference_mode(), model.predicting():  # by the running averages, which have moved alike
        for mine, peer in zip(model.forward(x), twin.eval()(there), strict=True):
            np.testing.assert_allclose(to_numpy(mine), peer.numpy(), rtol=1e-7, atol=1e-8)
