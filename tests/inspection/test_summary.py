"""The summary against the known figures of AlexNet, and against arrays that forward really makes."""

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.engine.workers import Worker
from tinycnn.errors import ShapeError
from tinycnn.inspection import summary
from tinycnn.layers import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Residual, Sequential
from tinycnn.models.alexnet import alexnet_localizer, alexnet_pose

# Krizhevsky, Sutskever and Hinton 2012, figure 2, computed by hand: parameters and multiply-adds with two groups.
ALEXNET = {
    "conv1": ((55, 55, 96), 34_944, 105_415_200),
    "conv2": ((27, 27, 256), 307_456, 223_948_800),
    "conv3": ((13, 13, 384), 885_120, 149_520_384),
    "conv4": ((13, 13, 384), 663_936, 112_140_288),
    "conv5": ((13, 13, 256), 442_624, 74_760_192),
    "fc6": ((4096,), 37_752_832, 37_748_736),
    "fc7": ((4096,), 16_781_312, 16_777_216),
    "class_head": ((1000,), 4_097_000, 4_096_000),
    "box_head": ((4,), 16_388, 16_384),
}


@pytest.fixture(scope="module")
def alexnet():
    return alexnet_localizer()


def test_alexnet_layer_by_layer(alexnet):
    table = summary(alexnet, batch_size=2)
    for name, expected in ALEXNET.items():
        row = table[name]
        assert (row.shape, row.parameters, row.multiply_adds) == expected, name
    assert table.parameters == 60_981_612
    assert table.multiply_adds == 724_423_200
    assert table["pool1"].shape == (27, 27, 96) and table["pool5"].shape == (6, 6, 256)
    assert table["flatten"].activation_bytes == 0
    assert table["relu1"].activation_bytes == 2 * 55 * 55 * 96 * 4


def test_alexnet_needs_no_running(alexnet, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("the network was run")

    for kind in {type(layer) for _, layer in alexnet.layers()}:
        monkeypatch.setattr(kind, "forward", refuse)
    text = str(summary(alexnet, batch_size=128))
    assert "60,981,612" in text and "724,423,200" in text and "227 x 227 x 3" in text
    assert max(map(len, text.splitlines())) <= 126  # fits a terminal


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "shape", "parameters", "multiply_adds"), [
    ({"groups": False}, (227, 227, 3), 62_394_732, 1_135_272_480),
    ({"variant": "one-gpu"}, (224, 224, 3), 61_117_228, None),
])
def test_alexnet_variants(arguments, shape, parameters, multiply_adds):
    table = summary(alexnet_localizer(**arguments))
    assert table.shape == shape and table.parameters == parameters
    assert multiply_adds in (None, table.multiply_adds)


@pytest.mark.slow
def test_alexnet_with_joints():
    assert summary(alexnet_pose(14), (227, 227, 3)).parameters == 56_982_940


def test_every_activation_is_an_array_that_forward_really_makes():
    network = Sequential(Conv2d(3, 8, 3, stride=2), ReLU(), MaxPool2d(3, stride=2, ceil_mode=True), AvgPool2d(2),
                         Flatten(), Linear(72, 5))
    table = summary(network, (27, 31, 3), batch_size=3)
    x = np.zeros((3, 27, 31, 3), np.float32)
    for row, layer in zip(table.rows, network, strict=True):
        y = layer.forward(x)
        assert row.shape == y.shape[1:]
        assert row.activation_bytes == (0 if isinstance(layer, Flatten) else y.nbytes)
        x = y


def test_parameters_are_those_of_the_model():
    for model in (tc.models.localizer(), tc.models.localizer(7, 32, (4, 6), hidden=9, per_class_boxes=True)):
        table = summary(model)
        assert table.parameters == sum(p.value.size for p in model.parameters().values())
        assert table.multiply_adds == model.multiply_adds((model.image_size, model.image_size, 3))
        assert [row.name for row in table.rows] == [name for name, _ in model.layers()]


def test_float64_needs_twice_the_memory():
    model = tc.models.localizer(3, 16, (4,), hidden=8)
    single, double = summary(model), summary(model.astype("float64"))
    assert double.activation_bytes == 2 * single.activation_bytes
    assert double.parameter_bytes == 2 * single.parameter_bytes == 8 * single.parameters


@pytest.mark.parametrize("conv, scratch", [(Conv2d(3, 4, 3, padding=1), "columns"), (Conv2d(9, 4, 2), ("x", "cols"))])
def test_workspace_is_what_one_thread_takes(monkeypatch, conv, scratch):
    asked = {}

    def empty(worker, name, shape, dtype):
        asked[name] = max(np.empty(shape, dtype), asked.get(name, np.empty(0)), key=np.size)
        return np.empty(shape, dtype)

    monkeypatch.setattr(Worker, "empty", empty)
    monkeypatch.setenv("TINYCNN_THREADS", "1")
    shape = (64, 64, conv.in_channels)
    Sequential(conv).forward(np.zeros((40, *shape), np.float32))
    assert summary(conv, shape, batch_size=40).workspace_bytes == asked[scratch].nbytes


def test_one_layer_alone():
    table = summary(Conv2d(3, 4, 3), (8, 8, 3))
    assert table["conv2d"].shape == (6, 6, 4)
    assert str(table).startswith("Conv2d(3, 4, 3), input 8 x 8 x 3")


def test_what_it_cannot_know_it_asks_for():
    with pytest.raises(ShapeError, match=r"give shape=\(H, W, C\)"):
        summary(Sequential(Linear(3, 2)))
    with pytest.raises(ShapeError, match="fc1"):
        summary(Sequential(Linear(3, 2)), shape=(4,))
    with pytest.raises(KeyError, match="trunk.conv1"):
        summary(tc.models.localizer())["conv9"]


def test_it_is_there_without_an_import():
    assert tc.summary is summary


def test_a_residual_is_counted_layer_by_layer():
    def layers():
        return Conv2d(4, 4, 3, padding=1), ReLU(), Conv2d(4, 4, 3, padding=1)

    block = summary(Sequential(Residual(*layers(), shortcut=Conv2d(4, 4, 1))), shape=(8, 8, 4))
    chain = summary(Sequential(*layers(), Conv2d(4, 4, 1)), shape=(8, 8, 4))
    assert [row.name for row in block.rows][-2:] == ["residual1.body.conv2", "residual1.shortcut.conv1"]
    for what in ("parameters", "multiply_adds", "workspace_bytes", "activation_bytes"):
        assert getattr(block, what) == getattr(chain, what) > 0
    with pytest.raises(ShapeError, match="shortcut"):
        summary(Sequential(Residual(Conv2d(4, 8, 1), shortcut=Conv2d(4, 6, 1))), shape=(8, 8, 4))
