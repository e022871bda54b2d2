"""The layers, one idea a file."""

from tinycnn.layers.activation import Dropout, ReLU
from tinycnn.layers.base import Layer, Parameter
from tinycnn.layers.conv import Conv2d
from tinycnn.layers.linear import Flatten, Linear
from tinycnn.layers.normalization import LocalResponseNorm
from tinycnn.layers.pool import AvgPool2d, MaxPool2d
from tinycnn.layers.sequential import Sequential

__all__ = [
    "AvgPool2d", "Conv2d", "Dropout", "Flatten", "Layer", "Linear", "LocalResponseNorm", "MaxPool2d", "Parameter",
    "ReLU", "Sequential",
]
