"""A small residual network with two heads: what eight years after AlexNet added to a trunk.

    64 x 64 x 3 -> 3x3 convolution, 32 -> block 32 -> block 64 -> block 128 -> block 192 -> a map of 4 x 4 x 192
        -> mean over the map -> class head: K scores                 what is there does not depend on where
        -> the map, flattened -> hidden layer -> box head: 4 numbers         where does

Each block halves the height and width. Its input takes a shortcut around two convolutions (layers/residual.py), each
convolution is followed by a batch normalization (layers/batchnorm.py), and so three times as many convolutions as in
the plain localizer are trained from random weights, with half of its parameters.
"""

from collections.abc import Sequence

import numpy as np

from tinycnn.errors import ShapeError
from tinycnn.layers import (
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Linear,
    ReLU,
    Residual,
    Sequential,
)
from tinycnn.models.heads import class_names, small_head
from tinycnn.models.localizer import Localizer

STEM = 32  # filters of the first convolution


def resnet_localizer(num_classes: int = 10, image_size: int = 64, channels: Sequence[int] = (32, 64, 128, 192),
                     hidden: int = 128, dropout: float = 0.3, per_class_boxes: bool = False, mirror: bool = True,
                     classes: Sequence[str] | None = None, seed: int = 0) -> Localizer:
    """The localizer with a residual trunk (He et al. 2016, section 3.3, in small).

    channels: filters of each block, which halves height and width    hidden: width of the box head's inner layer
    dropout: in front of both heads, and within the box head    classes: K names    mirror: see Localizer
    """
    config = {"architecture": "resnet", "num_classes": num_classes, "image_size": image_size,
              "channels": list(channels), "hidden": hidden, "dropout": dropout, "per_class_boxes": per_class_boxes,
              "mirror": mirror}
    names, rng = class_names(num_classes, classes), np.random.default_rng(seed)
    trunk = residual_trunk(image_size, channels, rng)
    height, width, c = trunk.output_shape((image_size, image_size, 3))
    drop = [Dropout(dropout, rng=np.random.default_rng([seed, i])) for i in (1, 2, 3)]
    class_head = Sequential(GlobalAvgPool2d(), drop[0], small_head(c, num_classes, rng), input_shape=(height, width, c))
    box_head = Sequential(Flatten(), drop[1], Linear(height * width * c, hidden, rng=rng), ReLU(), drop[2],
                          small_head(hidden, 4 * num_classes if per_class_boxes else 4, rng),
                          input_shape=(height, width, c))
    return Localizer(trunk, class_head, box_head, names, image_size, per_class_boxes, config, mirror)


def residual_trunk(image_size: int, channels: Sequence[int], rng: "np.random.Generator") -> Sequential:
    """Images (N, S, S, 3) -> a map (N, OH, OW, C): a convolution, then one block for each number of channels."""
    layers, c, size = [*_convolution(3, STEM, 3, 1, rng), ReLU()], STEM, image_size
    for f in channels:
        layers += [_block(c, f, rng), ReLU()]
        c, size = f, (size + 1) // 2
    if size < 2:
        raise ShapeError(f"images of {image_size} x {image_size} are too small for {len(channels)} blocks, each of "
                         "which halves them: a map of one pixel says nothing about a place")
    return Sequential(*layers, input_shape=(image_size, image_size, 3))


def _block(c, f, rng):
    """Two convolutions, the first of every other pixel; and the shortcut that brings the input to the same shape."""
    return Residual(*_convolution(c, f, 3, 2, rng), ReLU(), *_convolution(f, f, 3, 1, rng),
                    shortcut=Sequential(*_convolution(c, f, 1, 2, rng)))


def _convolution(c, f, kernel, stride, rng):
    """A convolution, whose bias the normalization behind it would take away again."""
    return Conv2d(c, f, kernel, stride=stride, padding=kernel // 2, bias=False, rng=rng), BatchNorm2d(f)
