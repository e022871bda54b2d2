"""AlexNet of lesson 11, out of any parts and in any size: out of the learner's layers, or the library's."""

import numpy as np

from tinycnn.layers import Conv2d, Dropout, Flatten, Layer, Linear, LocalResponseNorm, MaxPool2d, ReLU, Sequential
from tinycnn.models import Localizer


class Groups(Layer):
    """Two convolutions, each with half of the channels and half of the filters."""

    def __init__(self, Conv, in_channels, out_channels, kernel_size, padding, rng):
        self.halves = [Conv(in_channels // 2, out_channels // 2, kernel_size, padding=padding, rng=rng)
                       for _ in range(2)]

    def output_shape(self, shape):
        height, width, filters = self.halves[0].output_shape((*shape[:2], shape[2] // 2))
        return height, width, 2 * filters

    def forward(self, x):
        left, right = np.split(x, 2, axis=3)
        return np.concatenate([self.halves[0].forward(left), self.halves[1].forward(right)], axis=3)

    def backward(self, dy):
        left, right = np.split(dy, 2, axis=3)
        return np.concatenate([self.halves[0].backward(left), self.halves[1].backward(right)], axis=3)


def alexnet(parts, filters, features, image_size, classes, seed=0):
    """AlexNet with two heads. parts: classes for convolution, fully connected, ReLU, pool, normalization, dropout"""
    Conv, Linear, ReLU, Pool, Norm, Dropout = parts
    rng, (f1, f2, f3, f4, f5) = np.random.default_rng(seed), filters
    layers = {
        "conv1": Conv(3, f1, 11, stride=4, rng=rng), "relu1": ReLU(), "norm1": Norm(), "pool1": Pool(3, stride=2),
        "conv2": Groups(Conv, f1, f2, 5, 2, rng), "relu2": ReLU(), "norm2": Norm(), "pool2": Pool(3, stride=2),
        "conv3": Conv(f2, f3, 3, padding=1, rng=rng), "relu3": ReLU(),
        "conv4": Groups(Conv, f3, f4, 3, 1, rng), "relu4": ReLU(),
        "conv5": Groups(Conv, f4, f5, 3, 1, rng), "relu5": ReLU(), "pool5": Pool(3, stride=2), "flatten": Flatten()}
    (numbers,) = Sequential(**layers).output_shape((image_size, image_size, 3))
    layers |= {
        "fc6": Linear(numbers, features, rng=rng), "relu6": ReLU(),
        "dropout6": Dropout(0.5, rng=np.random.default_rng([seed, 6])),
        "fc7": Linear(features, features, rng=rng), "relu7": ReLU(),
        "dropout7": Dropout(0.5, rng=np.random.default_rng([seed, 7]))}
    heads = Linear(features, len(classes), rng=rng), Linear(features, 4, rng=rng)
    for head in heads:
        head.w.value *= np.float32(0.1)  # begin with small answers
    return Localizer(Sequential(**layers), *heads, classes=classes, image_size=image_size)


def normalization():
    """With the numbers of the paper, section 3.3."""
    return LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0, divide_alpha=False)


def start_as_in_2012(model, seed):
    """The first weights of the paper's section 5."""
    rng = np.random.default_rng([seed, 2012])
    model.pixel_scale = 1.0
    for name, parameter in model.parameters().items():
        if name.endswith(".w"):
            parameter.value = rng.standard_normal(parameter.value.shape, dtype=np.float32) * np.float32(0.01)
        elif any(layer in name for layer in ("conv2", "conv4", "conv5", "fc6", "fc7")):
            parameter.value += 1


LIBRARY = (Conv2d, Linear, ReLU, MaxPool2d, normalization, Dropout)
FULL = {"filters": (96, 256, 384, 384, 256), "features": 4096, "image_size": 227}
NARROW = {"filters": (16, 32, 48, 48, 32), "features": 128, "image_size": 67}
