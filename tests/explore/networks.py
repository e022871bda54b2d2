"""What the tests of the page share: a network of all layers, small pictures, and names that no page may run."""

import json
import re

import numpy as np

import tinycnn as tc
from tinycnn.data.dataset import Samples
from tinycnn.layers import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    LeakyReLU,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
)
from tinycnn.models.localizer import Localizer

HOSTILE = ("<script>alert(1)</script>", "$x^{$", "蝴蝶", "&amp;</script>", '"><img src=x onerror=alert(1)>')

SEEN = "try { localStorage.setItem('tinycnn explore: tour', 'seen') } catch {}"  # no tour


class Halve(Layer):
    """A layer that no page knows."""

    def forward(self, x):
        self.remember(output=x)
        return x / 2

    def backward(self, dy):
        self.recall(dy)
        return dy / 2


def pictures(n, side=24, classes=HOSTILE, seed=0):
    """Pictures of noise with a bright rectangle, whose place is the box; names are hostile."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 120, (n, side, side, 3)).astype(np.uint8)
    boxes = np.zeros((n, 4), np.float32)
    for i in range(n):
        x, y = rng.integers(0, side // 2, 2)
        boxes[i] = x, y, x + side // 2, y + side // 3
        images[i, y : y + side // 3, x : x + side // 2, i % 3] = 250
    names = [f"{i} {classes[i % len(classes)]}.png" for i in range(n)]
    return Samples(images, np.arange(n) % len(classes), boxes, names, classes)


def network_of_all_layers(classes=HOSTILE, per_class_boxes=False):
    """A localizer with every kind of layer, a window of every kind among them."""
    rng = np.random.default_rng(3)
    trunk = Sequential(
        Conv2d(3, 6, 3, padding=1, rng=rng), BatchNorm2d(6), ReLU(), MaxPool2d(3, stride=2, padding=1),
        LocalResponseNorm(3, alpha=0.5), Conv2d(6, 8, 3, padding="same", dilation=2, groups=2, rng=rng), LeakyReLU(0.1),
        Residual(Conv2d(8, 8, 3, stride=2, padding=1, bias=False, rng=rng), BatchNorm2d(8), ReLU(),
                 Conv2d(8, 8, 3, padding=1, rng=rng), shortcut=Conv2d(8, 8, 1, stride=2, rng=rng)),
        ReLU(), AvgPool2d(3, stride=2, padding=1, count_include_pad=False), Residual(Conv2d(8, 8, 1, rng=rng)),
        Dropout(0.2), input_shape=(24, 24, 3))  # fmt: skip
    features = trunk.output_shape((24, 24, 3))
    heads = Sequential(GlobalAvgPool2d(), Linear(8, len(classes), rng=rng)), \
        Sequential(Flatten(), Linear(int(np.prod(features)), 12, rng=rng), ReLU(),
                   Linear(12, 4 * (len(classes) if per_class_boxes else 1), rng=rng))  # fmt: skip
    model = Localizer(trunk, *heads, classes, 24, per_class_boxes)
    tc.fit(model, pictures(30), epochs=2, batch_size=10, progress=False, optimizer=tc.optim.SGD(model, lr=0.01))
    return model


def told_of(path):
    """What a page was told: its JSON."""
    return json.loads(re.search(r'id="told">(.*?)</script>', path.read_text("utf-8"), re.S)[1])
