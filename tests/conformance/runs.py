"""What people do with the library, on the simulated device and with every call recorded.

Each function returns the set of call forms; tests/conformance/test_cupy.py binds them to the real CuPy.
"""

import functools

import numpy as np

from tinycnn import layers, training
from tinycnn.backend import to_device
from tinycnn.box_losses import GIoULoss, SmoothL1Loss
from tinycnn.data.dataset import Samples
from tinycnn.gradient_check import gradcheck
from tinycnn.gradient_check.catalog import cases
from tinycnn.inspection.trace import trace
from tinycnn.losses import MultiTaskLoss
from tinycnn.models.localizer import localizer
from tinycnn.optim import SGD, Adam
from tinycnn.simulated import record


def samples(n=12, size=16, classes=("a", "b", "c")):
    """Noise with a box each: enough to run every line, nothing to learn."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    boxes = np.float32([2, 3, 10, 12]) + rng.random((n, 4), dtype=np.float32)
    return Samples(images, rng.integers(0, len(classes), n), boxes, [f"picture {i}" for i in range(n)], classes)


def model(**options):
    return localizer(num_classes=3, image_size=16, channels=(4, 6), hidden=8, seed=0, **options).to("simulated")


def train():
    """Both optimizers, dropout, one box per class, clipped gradients, validation."""
    with record() as calls:
        net = model(dropout=0.5)
        training.fit(net, samples(), samples(), epochs=1, batch_size=5, clip_norm=1.0, progress=False)
        net = model(per_class_boxes=True)
        training.fit(net, samples(), epochs=1, batch_size=5, optimizer=Adam(net), progress=False)
        for box_loss in (SmoothL1Loss(), GIoULoss()):
            loss = MultiTaskLoss(box_loss=box_loss)
            training.fit(model(), samples(), samples(), epochs=1, batch_size=5, loss=loss, progress=False)
    return calls


def every_layer():
    """Layers and options that the localizer does not use."""
    rng = np.random.default_rng(0)
    net = layers.Sequential(
        layers.Conv2d(4, 4, 3, stride=2, padding=1, groups=2),
        layers.LocalResponseNorm(3),
        layers.MaxPool2d(3, 2, 1, ceil_mode=True),
        layers.ReLU(),
        layers.Conv2d(4, 6, (1, 1), bias=False),
        layers.AvgPool2d(2, 1, padding=1, count_include_pad=False),
        layers.BatchNorm2d(6),
        layers.LeakyReLU(0.1),
        layers.Residual(layers.Conv2d(6, 6, 2, dilation=2, padding="same"), shortcut=layers.Conv2d(6, 6, 1)),
        layers.Dropout(),
        layers.Flatten(),
        layers.Linear(6 * 6 * 6, 2),
    ).to("simulated")
    with record() as calls:
        y = net.forward(to_device(rng.standard_normal((2, 16, 16, 4), dtype=np.float32), "simulated"))
        net.backward(y)
        SGD(net, lr=0.1, momentum=0.0).step()
    return calls


def evaluate():
    with record() as calls:
        training.evaluate(model(), samples(), samples())
        model().predict(samples().images)
    return calls


def check_gradients():
    """One case of each kind from the gradient checker's own catalog, moved to the device."""
    kinds = {type(obj): (name, obj, inputs) for name, obj, inputs in cases()}
    with record() as calls:
        for name, obj, inputs in kinds.values():
            if hasattr(obj, "to"):
                obj.to("simulated")
            assert gradcheck(obj, *(on_device(i) for i in inputs), mode="directional").ok, name
    return calls


def on_device(value):
    """Arrays of floats, also inside tuples, on the simulated device; labels stay on the host."""
    if isinstance(value, tuple):
        return tuple(on_device(item) for item in value)
    floats = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return to_device(value, "simulated") if floats else value


def look_at_a_step():
    data = samples(4)
    with record() as calls:
        trace(model(), data.images, data.labels, data.boxes)
    return calls


# Several tests ask for each run; it is made once.
RUNS = [functools.cache(run) for run in (train, every_layer, evaluate, check_gradients, look_at_a_step)]
