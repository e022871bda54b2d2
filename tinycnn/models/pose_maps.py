"""Human pose by maps: for each joint, how likely it is at each of 16 x 16 places of the window.

    64 x 64 x 3 -> convolutions and pools -> 16 x 16 x 64
        -> down to 8 x 8 and 4 x 4, where a pixel sees the whole person, and up again, added on the way to the maps
           before: an hourglass (Newell, Yang and Deng 2016)
        -> convolution -> 14 maps of scores, one for each joint (Tompson et al. 2014)

A fully connected head has to learn of every place anew what a wrist looks like. A map's convolution learns it once for
all places; and where it is unsure between two of them, it may say so, while 28 numbers would lie in the middle.
"""

from collections.abc import Sequence

import numpy as np

from tinycnn.errors import ShapeError
from tinycnn.layers import Conv2d, MaxPool2d, ReLU, Residual, Sequential, Upsample2d
from tinycnn.models.pose import PoseNet
from tinycnn.poses import JOINTS

LEVELS = 2  # pools before the maps


def pose_maps(image_size: int = 64, channels: Sequence[int] = (16, 32, 64, 96, 128), mirror: bool = True,
              seed: int = 0) -> PoseNet:
    """A PoseNet that says maps of a quarter of the image_size; train it with PoseLoss(JointMapLoss()).

    channels: filters at each size, from the whole picture down, at least 3; image_size is halved between them
    """
    halved = 2 ** (len(channels) - 1)
    if len(channels) <= LEVELS:
        raise ShapeError(f"pose_maps takes channels for at least {LEVELS + 1} sizes, each half as large as that "
                         f"before, got {tuple(channels)}")
    if image_size < 1 or image_size % halved:
        raise ShapeError(f"pose_maps: {len(channels)} numbers of channels halve the picture {len(channels) - 1} times, "
                         f"so its side must be a multiple of {halved} pixels, got {image_size}")
    config = {"architecture": "pose-maps", "image_size": image_size, "channels": list(channels), "mirror": mirror}
    rng, layers, c = np.random.default_rng(seed), [], 3
    for f in channels[:LEVELS]:
        layers += [*_convolution(c, f, rng), MaxPool2d(2)]
        c = f
    width = channels[LEVELS]
    layers += [*_convolution(c, width, rng), *_hourglass(channels[LEVELS:], rng), *_convolution(width, width, rng)]
    trunk = Sequential(*layers, input_shape=(image_size, image_size, 3))
    shape = trunk.output_shape((image_size, image_size, 3))
    head = Sequential(Conv2d(width, len(JOINTS), 1, rng=rng), input_shape=shape)
    return PoseNet(trunk, head, image_size, config=config, mirror=mirror)


def _hourglass(channels, rng):
    """x + (half as large, and deeper, and back again): none where there is nothing deeper."""
    if len(channels) == 1:
        return []
    here, below = channels[:2]
    back = _convolution(below, below, rng) if len(channels) > 2 else []
    return [Residual(MaxPool2d(2), *_convolution(here, below, rng), *_hourglass(channels[1:], rng), *back,
                     Conv2d(below, here, 1, rng=rng), Upsample2d(2))]


def _convolution(c, f, rng):
    return [Conv2d(c, f, 3, padding=1, rng=rng), ReLU()]
