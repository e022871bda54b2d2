"""The rule that a network gives the same with and without the engine: what the engine may not run is found."""

import numpy as np
import pytest
from harness import numbers

from tinycnn.gradient_check import gradcheck
from tinycnn.layers import Conv2d, Layer, MaxPool2d, Parameter, ReLU, Sequential


class Centered(Layer):
    """Right on the whole batch, and no layer to be run on parts of it: it looks at the other images."""

    per_image = True

    def forward(self, x):
        self.remember(output=x)
        return x - x.mean(axis=0)

    def backward(self, dy):
        self.recall(dy)
        return dy - dy.mean(axis=0)


class Gain(Layer):
    """A layer that may say per_image = True."""

    per_image = True

    def __init__(self):
        self.w = Parameter(np.full(1, 1.5, np.float32))

    def forward(self, x):
        self.remember(x, output=x)
        return x * self.w.value

    def backward(self, dy):
        (x,) = self.recall(dy)
        self.w.grad = np.sum(x * dy).reshape(1)
        return dy * self.w.value


@pytest.mark.parametrize("network", [Centered(), Sequential(Conv2d(2, 3, 3, bias=False), Centered(), ReLU())])
def test_a_layer_that_looks_at_other_images_is_found(network):
    report = gradcheck(network, numbers((3, 6, 6, 2)))
    (check,) = [check for check in report.checks if check.verdict == "broken"]
    assert check.name == "engine" and "per_image = True" in check.words


NETWORKS = [Gain(), Sequential(Conv2d(2, 3, 3), Gain(), MaxPool2d(2), ReLU()), Conv2d(2, 3, 3)]


@pytest.mark.parametrize("network", NETWORKS)
def test_layers_that_treat_each_image_by_itself_pass(network):
    report = gradcheck(network, numbers((3, 6, 6, 2)))
    assert report.ok, report
    assert "engine" in [check.name for check in report.checks]


def test_other_peoples_objects_have_no_engine():
    report = gradcheck((lambda x: 2 * x, lambda dy, x: 2 * dy), numbers((3, 4)))
    assert "engine" not in [check.name for check in report.checks]
