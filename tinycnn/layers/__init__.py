"""The layers, one idea a file."""

from tinycnn.layers.activation import Dropout, LeakyReLU, ReLU
from tinycnn.layers.base import Buffer, Layer, Parameter
from tinycnn.layers.batchnorm import BatchNorm2d
from tinycnn.layers.conv import Conv2d
from tinycnn.layers.linear import Flatten, Linear
from tinycnn.layers.normalization import LocalResponseNorm
from tinycnn.layers.pool import AvgPool2d, GlobalAvgPool2d, MaxPool2d
from tinycnn.layers.residual import Residual
from tinycnn.layers.sequential import Sequential
from tinycnn.layers.upsample import Upsample2d

__all__ = [
    "AvgPool2d", "BatchNorm2d", "Buffer", "Conv2d", "Dropout", "Flatten", "GlobalAvgPool2d", "Layer", "LeakyReLU",
    "Linear", "LocalResponseNorm", "MaxPool2d", "Parameter", "ReLU", "Residual", "Sequential",
    "Upsample2d",
]
