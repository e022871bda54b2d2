"""What the tests of inspection share: small networks, small pictures, and a photograph of everything a model holds."""

import copy

import numpy as np

import tinycnn as tc
from tinycnn.backend import to_numpy
from tinycnn.data.dataset import Samples

CLASSES = ("disc", "square", "cross")


def pictures(n=12, size=16, seed=0):
    """n bright rectangles on dark noise, in the color of their class: Samples whose boxes are exact."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 60, (n, size, size, 3), dtype=np.uint8)
    labels, boxes = np.arange(n) % len(CLASSES), np.empty((n, 4), np.float32)
    for i in range(n):
        width, height = rng.integers(size // 4, size // 2 + 1, 2)
        xmin, ymin = rng.integers(0, size - width + 1), rng.integers(0, size - height + 1)
        boxes[i] = xmin, ymin, xmin + width, ymin + height
        images[i, ymin : ymin + height, xmin : xmin + width, labels[i]] = rng.integers(180, 256)
    return Samples(images, labels, boxes, [f"picture-{i}" for i in range(n)], CLASSES)


def network(**options):
    """A localizer small enough to look through."""
    settings = {"num_classes": 3, "image_size": 16, "channels": (4, 6), "hidden": 8, "classes": CLASSES, "seed": 1}
    return tc.models.localizer(**settings | options)


def everything(model):
    """All that looking must not change: weights, gradients, modes, memories, generators, box statistics."""
    layers = dict(model.layers())
    return {
        "values": {name: to_numpy(p.value).tobytes() for name, p in model.parameters().items()},
        "arrays": {name: id(p.value) for name, p in model.parameters().items()},
        "gradients": {name: id(p.grad) for name, p in model.parameters().items()},
        "modes": {name: layer.training for name, layer in layers.items()} | {"": model.training},
        "memories": {name: id(layer._memory) for name, layer in layers.items()},
        "generators": {name: str(layer.rng.bit_generator.state) for name, layer in layers.items()
                       if hasattr(layer, "rng")},
        "statistics": (model.box_mean.tolist(), model.box_std.tolist(), model.has_statistics, model.classes),
        "attributes": {name: sorted(a for a in vars(layer) if a[0] != "_") for name, layer in layers.items()},
    }  # fmt: skip


def unchanged(model, look):
    """Run `look`; assert that `model`, in the middle of a step, is what it was before. Returns what look returned."""
    before = copy.deepcopy(everything(model))
    answer = look()
    assert everything(model) == before
    return answer


def drawn(figure):
    """Lay `figure` out and go through everything it draws, without making the picture: that would take seconds."""
    figure.draw_without_rendering()
    return figure
