"""AlexNet (Krizhevsky, Sutskever and Hinton 2012), with a box head beside its class head, or with joints instead.

    227 x 227 x 3 -> conv1 ... conv5 -> 6 x 6 x 256 = 9216 -> fc6 -> fc7: the feature vector, 4096 numbers
                                                                      -> class head: 1000 scores
                                                                      -> box head: 4 numbers

Eight layers learn. The first is coarse (11 x 11 windows, every fourth pixel); 62 % of all parameters sit in fc6, while
the convolutions do 92 % of the multiplications. Two oddities are of their time: conv2, conv4 and conv5 are split into
two groups, because the network was trained on two GPUs of 3 GB that met only in conv3 and from fc6 on; and the paper's
"224" does not fit its own arithmetic, (227 - 11) / 4 + 1 = 55.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinycnn.layers import Conv2d, Dropout, Flatten, Linear, LocalResponseNorm, MaxPool2d, ReLU, Sequential
from tinycnn.models.heads import class_names, small_head
from tinycnn.models.localizer import Localizer

FEATURES = 4096
BIASED = ("conv2", "conv4", "conv5", "fc6", "fc7")  # the paper starts their biases with 1


@dataclass(frozen=True)
class Variant:
    """What differs between the published networks: filters of conv1 ... conv5, and how the image meets conv1."""

    filters: tuple[int, ...]
    padding: int
    image_size: int
    normalized: bool


VARIANTS = {
    "paper": Variant((96, 256, 384, 384, 256), padding=0, image_size=227, normalized=True),
    "one-gpu": Variant((64, 192, 384, 256, 256), padding=2, image_size=224, normalized=False),
}


def alexnet_localizer(num_classes: int = 1000, groups: bool = True, variant: str = "paper",
                      per_class_boxes: bool = False, dropout: float = 0.5, mirror: bool = False,
                      classes: Sequence[str] | None = None, seed: int = 0, initialization: str = "he") -> Localizer:
    """AlexNet with two heads on its feature vector: class scores (N, K) and a box (N, 4), or (N, K, 4).

    variant: "paper", for images of 227 x 227; or "one-gpu", fewer filters, no groups and no normalization, for images
        of 224 x 224 with padding 2 (Krizhevsky 2014, "One weird trick", as PyTorch ships it, which however has its
        dropout before fc6 and fc7 instead of behind them)
    groups: False lets every filter of conv2, conv4 and conv5 see all channels; only for "paper"
    dropout: probability behind fc6 and fc7    classes: K names
    initialization: "he", weights that shrink with the number of inputs, and biases of 0 (He et al. 2015, section 2.2):
        it learns from a hundred pictures; or "paper", the numbers of 2012 (section 5), with which the feature vector
        differs by a hundredth from picture to picture at first: that takes the paper's million pictures
    """
    config = {"architecture": "alexnet", "num_classes": num_classes, "groups": groups, "variant": variant,
              "per_class_boxes": per_class_boxes, "dropout": dropout, "mirror": mirror,
              "initialization": initialization}
    names, rng = class_names(num_classes, classes), np.random.default_rng(seed)
    trunk = Sequential(**_trunk(groups, variant, dropout, seed, rng, initialization))
    class_head = small_head(FEATURES, num_classes, rng)
    box_head = small_head(FEATURES, 4 * num_classes if per_class_boxes else 4, rng)
    model = Localizer(trunk, class_head, box_head, names, VARIANTS[variant].image_size, per_class_boxes, config, mirror)
    if initialization == "paper":
        # Pixels only lose their mean. The paper's initial weights and normalization count on numbers of this size:
        # with pixels of size 1 what tells two images apart would be 40 times smaller in the feature vector.
        model.pixel_scale = 1.0
    return model


def alexnet_pose(num_joints: int = 14, groups: bool = True, variant: str = "paper", dropout: float = 0.5,
                 seed: int = 0, initialization: str = "he") -> Sequential:
    """AlexNet as a regressor of human pose (Toshev and Szegedy 2014, "DeepPose"): (N, S, S, 3) -> (N, 2 * J).

    One row holds x and y of joint 1, x and y of joint 2, and so on. There is one head only, so the whole network is a
    Sequential; L2Loss with a mask leaves out joints that are not visible. Images: pixels minus 127.5, divided by 64
    unless the initialization is the paper's.
    """
    rng = np.random.default_rng(seed)
    layers = _trunk(groups, variant, dropout, seed, rng, initialization)
    return Sequential(**layers, joints=small_head(FEATURES, 2 * num_joints, rng))


def _trunk(groups, variant, dropout, seed, rng, initialization):
    """The layers from the image to the feature vector, by name."""
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(map(repr, VARIANTS))}, got {variant!r}")
    v = VARIANTS[variant]
    f1, f2, f3, f4, f5 = v.filters
    g = 2 if groups and variant == "paper" else 1
    convolutions = {
        "conv1": Conv2d(3, f1, 11, stride=4, padding=v.padding, rng=rng),
        "relu1": ReLU(), "norm1": _normalization(), "pool1": MaxPool2d(3, stride=2),  # windows overlap: 3 wide, 2 apart
        "conv2": Conv2d(f1, f2, 5, padding=2, groups=g, rng=rng),
        "relu2": ReLU(), "norm2": _normalization(), "pool2": MaxPool2d(3, stride=2),
        "conv3": Conv2d(f2, f3, 3, padding=1, rng=rng),
        "relu3": ReLU(),
        "conv4": Conv2d(f3, f4, 3, padding=1, groups=g, rng=rng),
        "relu4": ReLU(),
        "conv5": Conv2d(f4, f5, 3, padding=1, groups=g, rng=rng),
        "relu5": ReLU(), "pool5": MaxPool2d(3, stride=2),
        "flatten": Flatten(),
    }
    if not v.normalized:
        del convolutions["norm1"], convolutions["norm2"]
    (numbers,) = Sequential(**convolutions).output_shape((v.image_size, v.image_size, 3))  # 6 * 6 * 256
    return _start(convolutions | {
        "fc6": Linear(numbers, FEATURES, rng=rng),
        "relu6": ReLU(), "dropout6": Dropout(dropout, rng=np.random.default_rng([seed, 6])),
        "fc7": Linear(FEATURES, FEATURES, rng=rng),
        "relu7": ReLU(), "dropout7": Dropout(dropout, rng=np.random.default_rng([seed, 7])),
    }, initialization)  # fmt: skip


def _normalization():
    return LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0, divide_alpha=False)  # the paper, section 3.3


def _start(layers, initialization):
    """The first weights. Those of the paper, in place of the layers' own: standard deviation .01 and constant biases.

    A bias of 1 gives the ReLU positive inputs, so that learning starts early. The weights that a layer drew are only
    scaled: drawing 60 million numbers is what takes the time.
    """
    if initialization not in ("he", "paper"):
        raise ValueError(f"initialization must be 'he' or 'paper', got {initialization!r}")
    for name, layer in layers.items() if initialization == "paper" else ():
        if layer.parameters():
            w = layer.w.value
            w *= np.float32(0.01 / (2 / math.prod(w.shape[:-1])) ** 0.5)
            layer.b.value += np.float32(name in BIASED)
    return layers
