"""Receptive fields against what really happens: the support of the gradient, and pixels that are changed one by one."""

import numpy as np
import pytest
from harness import convolutions, poolings
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from inspection.looks import drawn, network, pictures

from tinycnn.errors import ShapeError
from tinycnn.inspection import fields_table, receptive_field, receptive_fields
from tinycnn.inspection.receptive import middle_windows
from tinycnn.layers import AvgPool2d, Conv2d, Flatten, Linear, LocalResponseNorm, MaxPool2d, ReLU, Residual, Sequential


def support(net, x, position):
    """The box around the pixels whose gradient is not 0, for the unit at `position`."""
    y = net.forward(x)
    dy = np.zeros_like(y)
    dy[0, *position] = 1.0
    return box(np.abs(net.backward(dy))[0].sum(axis=2) > 0)


def box(seen):
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    return (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if len(rows) else (0, 0, 0, 0)


@st.composite
def stacks(draw):
    """A few positive convolutions and average poolings that fit onto one another, and an image's shape."""
    shape = (draw(st.integers(5, 24)), draw(st.integers(5, 24)), 1)
    layers, at = [], shape
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["conv", "pool", "relu"]))
        if kind == "conv":
            arguments, _ = draw(convolutions(channels=1))
            layer = Conv2d(1, 1, **{k: arguments[k] for k in ("kernel_size", "stride", "padding", "dilation")})
            layer.w.value = np.abs(layer.w.value) + 0.1
        elif kind == "pool":
            layer = AvgPool2d(**draw(poolings())[0])
        else:
            layer = ReLU()
        try:
            at = layer.output_shape(at)
        except ShapeError:
            continue
        layers.append(layer)
    assume(layers)
    return Sequential(*layers), shape, at


@settings(max_examples=150)
@given(stacks(), st.data())
def test_the_support_of_the_gradient_with_positive_weights(stack, data):
    net, shape, (height, width, _) = stack
    net.astype("float64")
    row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    seen = support(net, np.random.default_rng(0).uniform(1, 2, (1, *shape)), (row, column, 0))
    assert receptive_field(net, list(net.children())[-1], row, column, shape) == seen


@pytest.mark.parametrize("position", [(0, 0), (1, 2), (2, 2)])
def test_max_pooling_by_changing_every_pixel(position):
    """The gradient of a maximum reaches the winner alone, so here each pixel is made huge in turn."""
    conv = Conv2d(1, 1, 3, stride=2, padding=1)
    conv.w.value = np.abs(conv.w.value) + 0.1
    net = Sequential(conv, ReLU(), LocalResponseNorm(1, alpha=0.0), MaxPool2d(3, stride=2, ceil_mode=True))
    x = np.ones((1, 14, 13, 1), np.float32)
    changes = np.zeros((14, 13), bool)
    before = net.forward(x)[0, *position, 0]
    for i, j in np.ndindex(14, 13):
        other = x.copy()
        other[0, i, j] = 1e4
        changes[i, j] = net.forward(other)[0, *position, 0] != before
    assert receptive_field(net, "pool1", *position, (14, 13, 1)) == box(changes)


def test_what_no_window_reaches_is_not_seen():
    """Ten pixels, windows of 3 every 2: the last pixel belongs to none, whatever lies behind pads its border."""
    first, second = Conv2d(1, 1, 3, stride=2), Conv2d(1, 1, 3, padding=1)
    assert receptive_field(Sequential(first, second), "conv2", 3, 3, (10, 10, 1)) == (4, 4, 9, 9)


def test_alexnet_by_the_published_arithmetic():
    """conv1 11, pool1 19, conv2 51, pool2 67, conv3 99, conv4 131, conv5 163, pool5 195 pixels."""
    net = Sequential(
        Conv2d(3, 2, 11, stride=4), ReLU(), LocalResponseNorm(5), MaxPool2d(3, stride=2),
        Conv2d(2, 2, 5, padding=2, groups=2), ReLU(), LocalResponseNorm(5), MaxPool2d(3, stride=2),
        Conv2d(2, 2, 3, padding=1), ReLU(), Conv2d(2, 2, 3, padding=1), ReLU(), Conv2d(2, 2, 3, padding=1), ReLU(),
        MaxPool2d(3, stride=2), Flatten(), Linear(72, 4),
    )  # fmt: skip
    fields = receptive_fields(net, (227, 227, 3))
    sizes = {f.name: f.size[0] for f in fields}
    expected = {"conv1": 11, "pool1": 19, "conv2": 51, "pool2": 67}
    expected |= {"conv3": 99, "conv4": 131, "conv5": 163, "pool3": 195}
    assert {name: sizes[name] for name in expected} == expected
    assert receptive_field(net, "pool3", 0, 0, (227, 227, 3))[2] < 195
    assert receptive_field(net, "fc1", 0, 0, (227, 227, 3)) == (0, 0, 227, 227)
    assert "195 x 195" in fields_table(fields)


def test_fields_agree_with_windows_away_from_the_border():
    model = network(image_size=64)
    for f in receptive_fields(model):
        row, column = 5 if "1" in f.name else 3, 4
        window = receptive_field(model, f.name, row, column)
        assert (window[2] - window[0], window[3] - window[1]) == (f.size[1], f.size[0])
        assert f.center(row, column) == ((window[0] + window[2]) / 2, (window[1] + window[3]) / 2)


def test_errors_say_what_there_is():
    model = network()
    with pytest.raises(ShapeError, match="16 x 16 units"):
        receptive_field(model, "conv1", 16, 0)
    with pytest.raises(KeyError, match="there are: conv1"):
        receptive_field(model, "conv7", 0, 0)
    with pytest.raises(ShapeError, match="give shape"):
        receptive_field(Sequential(Flatten(), Linear(4, 2)), "fc1", 0, 0)


def test_the_figure_is_drawn():
    pytest.importorskip("matplotlib")
    from tinycnn.plots.pixels import fields_figure

    model = network()
    fields, image = receptive_fields(model), pictures(1).images[0]
    drawn(fields_figure(fields, middle_windows(model, fields, len(image)), image))


def test_a_residual_within_a_residual_is_seen_through():
    def conv():
        return Conv2d(2, 2, 3, padding=1)

    net = Sequential(Residual(conv(), Residual(conv()), shortcut=Conv2d(2, 2, 1)), conv())
    assert receptive_field(net, "residual1.body.residual1.body.conv1", 7, 7, (15, 15, 2)) == (5, 5, 10, 10)
    assert receptive_field(net, "conv1", 7, 7, (15, 15, 2)) == (4, 4, 11, 11)
    assert [field.size for field in receptive_fields(net, (15, 15, 2))] == [(3, 3), (5, 5), (7, 7)]
