"""Residual: the sum of what its layers compute and of what goes around them."""

import numpy as np
import pytest
from harness import difference, numbers, run

from tinycnn.errors import ShapeError
from tinycnn.layers import BatchNorm2d, Conv2d, ReLU, Residual, Sequential


def layers(stride=1):
    rng = np.random.default_rng(0)
    return [Conv2d(4, 6 if stride > 1 else 4, 3, stride=stride, padding=1, rng=rng), ReLU()]


def test_the_input_goes_around(device):
    block, body = Residual(*layers()).astype("float64"), Sequential(*layers()).astype("float64")
    x = numbers((2, 5, 4, 4))
    got, inner = run(block, x, device), run(body, x, device)
    assert difference(got.y, inner.y + x) < 1e-12
    assert difference(got.dx, inner.dx + got.dy) < 1e-12
    assert difference(got.grads["body.conv1.w"], inner.grads["conv1.w"]) < 1e-12


def test_a_shortcut_brings_the_input_to_the_shape(device):
    around = Conv2d(4, 6, 1, stride=2, rng=np.random.default_rng(1)).astype("float64")
    block, x = Residual(*layers(2), shortcut=around).astype("float64"), numbers((2, 5, 4, 4))
    assert block.output_shape((5, 4, 4)) == (3, 2, 6)
    got = run(block, x, device)
    inner, outer = run(Sequential(*layers(2)).astype("float64"), x, device), run(around, x, device)
    assert difference(got.y, inner.y + outer.y) < 1e-12
    assert difference(got.dx, inner.dx + outer.dx) < 1e-12
    assert set(block.parameters()) == {"body.conv1.w", "body.conv1.b", "shortcut.conv1.w", "shortcut.conv1.b"}


def test_it_is_a_layer_of_a_network():
    net = Sequential(Conv2d(3, 4, 3), Residual(*layers(), BatchNorm2d(4)), ReLU(), input_shape=(8, 8, 3))
    assert net.output_shape((8, 8, 3)) == (6, 6, 4)
    assert list(net.buffers()) == [f"residual1.body.norm1.running_{name}" for name in ("mean", "var")]
    assert "Residual(Conv2d(4, 4, 3, padding=1), ReLU(), BatchNorm2d(4))" in repr(net)
    x = numbers((2, 8, 8, 3), "float32")
    assert net.backward(net.forward(x)).shape == x.shape


def test_shapes_that_cannot_be_added():
    with pytest.raises(ShapeError, match="its layers make .* and the shortcut"):
        Residual(*layers(2)).output_shape((8, 8, 4))
    with pytest.raises(ShapeError, match="Give shortcut=Conv2d"):
        Residual(*layers(2)).forward(numbers((1, 8, 8, 4), "float32"))
