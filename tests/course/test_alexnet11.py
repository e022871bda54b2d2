"""The network of lesson 11: groups out of two convolutions, and the numbers of the paper in its recipe."""

import numpy as np

from lessons.known.lesson11 import costs
from tinycnn.course.alexnet11 import FULL, LIBRARY, NARROW, Groups, alexnet
from tinycnn.layers import Conv2d


def test_two_convolutions_side_by_side_are_one_in_two_groups():
    rng = np.random.default_rng(0)
    pair, one = Groups(Conv2d, 4, 6, 3, 1, rng), Conv2d(4, 6, 3, padding=1, groups=2)
    one.w.value = np.concatenate([half.w.value for half in pair.halves], axis=3)
    x, dy = (rng.standard_normal((2, 5, 7, channels), dtype=np.float32) for channels in (4, 6))
    np.testing.assert_allclose(pair.forward(x), one.forward(x), atol=1e-5)
    np.testing.assert_allclose(pair.backward(dy), one.backward(dy), atol=1e-5)
    dw = np.concatenate([half.w.grad for half in pair.halves], axis=3)
    np.testing.assert_allclose(dw, one.w.grad, atol=1e-5)
    assert pair.output_shape((5, 7, 4)) == one.output_shape((5, 7, 4)) == (5, 7, 6)


def test_the_narrow_network_has_all_layers_and_its_two_heads():
    model = alexnet(LIBRARY, **NARROW, classes=("a", "b", "c"))
    scores, boxes = model.forward(np.zeros((2, 67, 67, 3), np.float32))
    assert scores.shape == (2, 3) and boxes.shape == (2, 4)
    assert [name for name, layer in model.trunk.children().items() if layer.parameters()] == [
        "conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]


def test_the_numbers_of_the_paper():
    """Without making the network, whose numbers take time to draw: 60,981,612 with the box head."""
    f1, f2, f3, f4, f5 = FULL["filters"]
    layers = {"conv1": ("conv", f1, 11, 4, 0, 1), "pool1": ("pool", 3, 2), "conv2": ("conv", f2, 5, 1, 2, 2),
              "pool2": ("pool", 3, 2), "conv3": ("conv", f3, 3, 1, 1, 1), "conv4": ("conv", f4, 3, 1, 1, 2),
              "conv5": ("conv", f5, 3, 1, 1, 2), "pool5": ("pool", 3, 2), "fc6": ("linear", FULL["features"]),
              "fc7": ("linear", FULL["features"]), "scores": ("linear", 1000)}
    parameters, multiplications = costs(layers, (FULL["image_size"], FULL["image_size"], 3))
    assert sum(parameters) + 4 * FULL["features"] + 4 == 60_981_612
    assert sum(multiplications) + 4 * FULL["features"] == 724_423_200
