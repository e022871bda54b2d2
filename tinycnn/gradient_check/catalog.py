"""Every layer and loss of the library in the shapes that matter, ready to be checked: `tinycnn gradcheck` prints these.

Sizes are small and odd, height and width differ, windows overlap or leave a rest, so that no mistake can hide behind
a symmetry. Weights and data follow from the seed.
"""

import numpy as np

from tinycnn.box_losses import GIoULoss, SmoothL1Loss
from tinycnn.class_losses import WeightedCrossEntropy
from tinycnn.classical import HogFeatures
from tinycnn.gradient_check.check import gradcheck
from tinycnn.gradient_check.report import Report
from tinycnn.hinge_loss import HingeLoss, MulticlassHingeLoss
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
    Upsample2d,
)
from tinycnn.losses import L2Loss, MultiTaskLoss, SoftmaxCrossEntropy
from tinycnn.models import localizer, multi_head, pose_maps, pose_resnet, resnet_localizer
from tinycnn.pose_loss import JointMapLoss


def check_all_layers(seed: int = 0) -> list[tuple[str, Report]]:
    """[(name, Report)] for every layer, every loss, a small network and both kinds of localizer."""
    return [(name, gradcheck(obj, *inputs, seed=seed, title=name)) for name, obj, inputs in cases(seed)]


def cases(seed=0):
    """[(name, object, inputs)], float32 as in training."""
    rng = np.random.default_rng(seed)

    def numbers(*shape):
        return rng.standard_normal(shape, dtype=np.float32)

    image, channels = numbers(3, 6, 5, 2), numbers(2, 5, 4, 6)
    labels, mask = rng.integers(4, size=5), (np.arange(20) % 3 > 0).reshape(5, 4).astype(np.float32)
    scores, boxes, targets = numbers(5, 4), numbers(5, 4), numbers(5, 4)
    layers = [
        (Conv2d(2, 3, 3, padding=1, rng=rng), image),
        (Conv2d(2, 3, (3, 2), rng=rng), image),
        (Conv2d(2, 3, 3, stride=2, padding=1, rng=rng), image),
        (Conv2d(2, 3, (2, 3), stride=(1, 2), padding=(2, 0), bias=False, rng=rng), image),
        (Conv2d(6, 4, 3, padding=1, groups=2, rng=rng), channels),
        (Conv2d(6, 4, 1, rng=rng), channels),
        (Conv2d(48, 48, 3, padding=1, rng=rng), numbers(5, 12, 12, 48)),  # large enough for Winograd's algorithm
        (Conv2d(2, 3, 2, dilation=(1, 2), rng=rng), image),
        (Conv2d(2, 3, (3, 4), padding="same", rng=rng), image),
        (MaxPool2d(2), image),
        (MaxPool2d(3, stride=2, padding=1), image),
        (MaxPool2d(2, stride=2, ceil_mode=True), image),
        (AvgPool2d(2), image),
        (AvgPool2d(3, stride=2, padding=1), image),
        (AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False), image),
        (GlobalAvgPool2d(), image),
        (Upsample2d(2), image),
        (Linear(6, 4, rng=rng), numbers(5, 6)),
        (Flatten(), image),
        (ReLU(), image),
        (LeakyReLU(0.1), image),
        (Dropout(0.4, rng=np.random.default_rng(seed)), image),
        (LocalResponseNorm(5, alpha=0.5, k=2.0), channels),
        (LocalResponseNorm(4, alpha=0.5, divide_alpha=False), channels),
        (BatchNorm2d(6), channels),
        (Residual(Conv2d(2, 2, 3, padding=1, rng=rng), ReLU()), image),
        (HogFeatures(cell=2), image),
        (Residual(Conv2d(2, 3, 3, 2, 1, rng=rng), shortcut=Conv2d(2, 3, 1, stride=2, rng=rng)), image),
    ]
    found: list[tuple[str, Layer, tuple]] = [(repr(layer), layer, (x,)) for layer, x in layers]
    found += [
        ("SoftmaxCrossEntropy", SoftmaxCrossEntropy(), (scores, labels)),
        ("SoftmaxCrossEntropy with smoothing", SoftmaxCrossEntropy(label_smoothing=0.2), (scores, labels)),
        ("WeightedCrossEntropy", WeightedCrossEntropy([0.5, 1, 3, 2, 0.1][: scores.shape[1]], 0.1), (scores, labels)),
        ("HingeLoss", HingeLoss(), (scores, labels)),
        ("HingeLoss of squares", HingeLoss(squared=True), (scores, labels)),
        ("MulticlassHingeLoss", MulticlassHingeLoss(), (scores, labels)),
        ("L2Loss", L2Loss(), (boxes, targets)),
        ("L2Loss with a mask", L2Loss(), (boxes, targets, mask)),
        ("SmoothL1Loss", SmoothL1Loss(0.7), (boxes, targets)),
        ("JointMapLoss", JointMapLoss(0.1), (numbers(5, 4, 4, 2), targets / 4, mask[:, :1].repeat(4, axis=1))),
        ("GIoULoss", GIoULoss(), (boxes + 2, targets + 2)),
        ("MultiTaskLoss", MultiTaskLoss(0.7, 1.9), ((scores, boxes), (labels, targets))),
        ("MultiTaskLoss, one box per class", MultiTaskLoss(0.7, 1.9), ((scores, numbers(5, 4, 4)), (labels, targets))),
    ]
    network = Sequential(
        Conv2d(2, 4, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2), LocalResponseNorm(3, alpha=0.1),
        Flatten(), Linear(24, 5, rng=rng), input_shape=(6, 5, 2),
    )
    found.append(("Sequential", network, (image,)))
    # The bias before a normalization has a gradient of 0, of which rounding is all that remains.
    normed = Sequential(
        Conv2d(2, 4, 3, padding=1, rng=rng), BatchNorm2d(4), ReLU(), MaxPool2d(2), Flatten(), Linear(24, 5)
    )  # fmt: skip
    found.append(("Sequential with BatchNorm2d", normed, (image,)))
    for per_class in (False, True):
        # Wide enough that chance never switches off all of a layer: then there would be nothing to check.
        model = localizer(num_classes=3, image_size=8, channels=(4, 6), hidden=16, dropout=0.3,
                          per_class_boxes=per_class, seed=seed)
        name = "localizer, one box per class" if per_class else "localizer"
        found.append((name, model, (numbers(2, 8, 8, 3),)))
    # Three images: of two, the normalized numbers of a map of one pixel would be 1 and -1, whatever went before.
    residual = resnet_localizer(num_classes=3, image_size=8, channels=(4,), hidden=16, dropout=0.3, seed=seed)
    found.append(("residual localizer", residual, (numbers(3, 8, 8, 3),)))
    many = multi_head({"class": list("abc"), "box": "box", "age": {"numbers": ["years"]}}, image_size=8,
                      channels=(4, 6), hidden=16, dropout=0.3, seed=seed)
    found.append(("MultiHead", many, (numbers(2, 8, 8, 3),)))
    found.append(("PoseNet", pose_resnet(8, (4,), hidden=16, seed=seed), (numbers(3, 8, 8, 3),)))
    found.append(("PoseNet of maps", pose_maps(16, (4, 4, 6, 6), seed=seed), (numbers(2, 16, 16, 3),)))
    return found
