"""Rows of layers on pieces of a batch: the same numbers as layer by layer, in the layers that they belong to."""

import os
from unittest import mock

import numpy as np
import pytest
from harness import Scale, difference, numbers
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import parallel
from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import OrderError, ShapeError
from tinycnn.gradient_check import gradcheck
from tinycnn.layers import (
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Sequential,
    pieces,
)


def network(seed=0):
    rng = np.random.default_rng(seed)
    return Sequential(
        ReLU(), Conv2d(3, 6, 3, padding=1, rng=rng), MaxPool2d(2), ReLU(),
        Conv2d(6, 24, 3, padding=1, groups=2, rng=rng), LocalResponseNorm(3, alpha=0.1), Scale(),
        Conv2d(24, 24, 3, padding=1, rng=rng), ReLU(), MaxPool2d(3, 2), AvgPool2d(2, 1),
        Conv2d(24, 5, 1, rng=rng), Flatten(), Linear(5, 4, rng=rng), input_shape=(12, 12, 3),
    ).astype("float64")  # fmt: skip


def everything(net, x, dy, alone):
    """y, dx and all gradients; alone: every layer by itself."""
    rows = (lambda layers: ([layer] for layer in layers)) if alone else pieces.rows
    with mock.patch.object(pieces, "rows", rows):
        y = net.forward(x)
        dx = net.backward(dy)
    return [y, dx, *(p.grad for p in net.parameters().values())]


@given(st.integers(0, 9), st.integers(1, 4), st.sampled_from([1, 10**4, 10**9]))
def test_a_row_computes_what_its_layers_do(n, workers, scratch_bytes):
    x, dy = numbers((n, 12, 12, 3)), numbers((n, 4), seed=1)
    with mock.patch.dict(os.environ, TINYCNN_THREADS=str(workers)), \
         mock.patch.multiple(parallel, CPU_BYTES=scratch_bytes, WORTH_A_THREAD=0):  # fmt: skip
        for one, other in zip(*(everything(network(), x, dy, alone) for alone in (False, True)), strict=True):
            assert difference(one, other) < 1e-12


def test_rows_end_around_what_is_not_plain():
    net = network()
    names = {id(layer): name for name, layer in net.children().items()}
    found = [[names[id(layer)] for layer in row] for row in pieces.rows(net)]
    assert found == [["relu1", "conv1", "pool1", "relu2", "conv2", "norm1"], ["scale1"],
                     ["conv3", "relu3", "pool2", "pool3", "conv4"], ["flatten1"], ["fc1"]]  # fmt: skip
    net["conv1"].forward = net["conv1"].forward  # somebody watches
    assert [len(row) for row in pieces.rows(net)][:3] == [1, 1, 4]


def test_behind_a_pool_more_images_are_taken_at_a_time(monkeypatch):
    x = numbers((6, 8, 8, 4))
    monkeypatch.setattr(parallel, "CPU_BYTES", 2 * x[0].nbytes)
    monkeypatch.setenv("TINYCNN_THREADS", "1")
    net = Sequential(ReLU(), MaxPool2d(2), ReLU())
    net.backward(net.forward(x))
    net.forward(x)
    sizes = [[images.stop - images.start for images in layer._memory.cut()[0]] for layer in net]
    assert sizes == [[2, 2, 2], [2, 2, 2], [6]]


def test_a_layer_with_a_backward_of_its_own_runs_alone():
    class Clipped(ReLU):
        def backward(self, dy):
            return super().backward(dy.clip(-1, 1))

    assert [len(row) for row in pieces.rows([Conv2d(3, 4, 3), Clipped(), ReLU(), MaxPool2d(2)])] == [1, 1, 2]


@pytest.mark.parametrize("name", ["x", "y"])
def test_what_is_kept_must_be_declared(name):
    """A ReLU that forgets to say what it keeps would find another piece's numbers there."""

    class Forgetful(ReLU):
        keeps_y = False

        def compute(self, x, lane, y):
            super().compute(x, lane, y)
            return ({"x": x, "y": y}[name],)

    net = Sequential(Conv2d(3, 4, 3), Forgetful(), MaxPool2d(2)).astype("float64")
    with pytest.raises(TypeError, match=f"Forgetful.compute returns {name} to be kept.* keeps_{name} = True"):
        net.forward(numbers((2, 8, 8, 3)))
    setattr(Forgetful, f"keeps_{name}", True)
    y = net.forward(numbers((2, 8, 8, 3)))
    assert net.backward(y).shape == (2, 8, 8, 3)


def test_watched_on_the_way_back_only():
    """Forward in a row, backward one by one: each layer has kept its own pieces."""
    x, dy = numbers((4, 12, 12, 3)), numbers((4, 4), seed=1)
    expected, net = everything(network(), x, dy, alone=True), network()
    with mock.patch.object(parallel, "CPU_BYTES", 1):
        net.forward(x)
        for layer in net:
            layer.backward = layer.backward
        dx = net.backward(dy)
    assert difference(dx, expected[1]) < 1e-12


def test_forwards_that_were_cut_differently():
    first, second, x = Conv2d(3, 4, 3).astype("float64"), ReLU(), numbers((4, 6, 6, 3))
    with mock.patch.object(parallel, "CPU_BYTES", 1):
        y = first.forward(x)
    y = second.forward(y)
    row = pieces.backward([first, second], numbers(y.shape, seed=1))
    y = second.forward(first.forward(x))
    assert difference(row, first.backward(second.backward(numbers(y.shape, seed=1)))) < 1e-12


def test_what_is_kept_can_be_seen_as_if_uncut(device):
    conv, pool = Conv2d(3, 4, 3, padding=1).to(device), MaxPool2d(2)
    x = to_device(numbers((5, 8, 8, 3), "float32"), device)
    with mock.patch.multiple(parallel, CPU_BYTES=1, DEVICE_BYTES=1):
        pool.forward(conv.forward(x))
    kept, y_shape, _ = conv.kept()
    np.testing.assert_array_equal(to_numpy(kept), to_numpy(x))
    assert y_shape == (5, 8, 8, 4)
    x_shape, winner = pool.kept()
    assert x_shape == (5, 8, 8, 4) and winner.shape == (5, 4, 4, 4)
    assert pool.recall()[0] == x_shape
    with pytest.raises(OrderError):
        pool.backward(winner)


def test_an_error_in_a_row_names_the_shape_of_what_came_in():
    net = Sequential(Conv2d(3, 4, 3), ReLU(), MaxPool2d(2))
    with pytest.raises(ShapeError, match="Conv2d.* expects 3 channels in the last axis, got shape"):
        net.forward(numbers((2, 8, 8, 4), "float32"))
    y = net.forward(numbers((2, 8, 8, 3), "float32"))
    with pytest.raises(ShapeError, match=r"MaxPool2d\(2\).backward expects dy of the shape that forward returned"):
        net.backward(y[:1])
    assert net.backward(y).shape == (2, 8, 8, 3)  # a refused dy uses nothing up


@pytest.mark.slow
def test_a_row_passes_the_gradient_check_cut_as_small_as_can_be(monkeypatch):
    monkeypatch.setattr(parallel, "CPU_BYTES", 1)
    monkeypatch.setattr(parallel, "WORTH_A_THREAD", 0)
    report = gradcheck(network(), numbers((3, 12, 12, 3)), seed=1)
    assert report.ok, str(report)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_prediction_keeps_nothing_and_gives_the_same_bits(n):
    net, x = Sequential(network(), Dropout(0.5)), numbers((n, 12, 12, 3))
    expected = net.eval().forward(x)
    net.train()
    with net.predicting():
        np.testing.assert_array_equal(net.forward(x), expected)
        assert all(not layer.kept() for _, layer in net.layers())
        with pytest.raises(OrderError, match=r"Within predicting\(\) nothing is kept"):
            net[0]["conv1"].backward(x)
    assert all(layer.training and layer.keeping for _, layer in net.layers())
    assert all(not layer.kept() for _, layer in net.layers())


def test_a_single_image_is_predicted_alike_everywhere(device):
    net, x = network()[:6].astype("float32"), numbers((1, 12, 12, 3), "float32")
    expected = net.forward(x)
    net.to(device)
    with net.predicting():
        assert difference(to_numpy(net.forward(to_device(x, device))), expected) < 1e-5


def test_after_a_prediction_every_layer_is_as_it_was():
    net = Sequential(Conv2d(3, 4, 3), Dropout(0.5)).train()
    net[1].eval()  # by itself
    with net.predicting():
        with net.predicting():
            pass
        assert not net[0].keeping
    assert net[0].training and not net[1].training and net[1].keeping


def test_predictions_may_overlap():
    """As in a server that answers on several threads: the first to begin may be the first to end."""
    net = Sequential(Conv2d(3, 4, 3), Dropout(0.5))
    net[0].eval()
    first, second = net.predicting(), net.predicting()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert not net[0].keeping and not net[1].training
    second.__exit__(None, None, None)
    assert net[0].keeping and net[1].training and not net[0].training


@pytest.mark.parametrize("frozen", [slice(0, 3), slice(0, 4), slice(0, 7)])
def test_the_lower_part_of_a_network_can_predict_for_the_upper(frozen):
    """A row may begin in the one and end in the other."""
    x, dy, net = numbers((4, 12, 12, 3)), numbers((4, 4), seed=1), network()
    everything(net, x, dy, alone=True)
    upper = net[frozen.stop :]
    expected = {name: parameter.grad for name, parameter in upper.parameters().items()}
    with net[frozen].predicting():
        net.forward(x)
        assert all(not layer.kept() for layer in net[frozen])
        upper.backward(dy, input_gradient=False)
    for name, parameter in upper.parameters().items():
        assert difference(parameter.grad, expected[name]) < 1e-12


def test_a_layer_that_predicts_amid_others_has_no_backward():
    net = Sequential(Conv2d(3, 4, 3), ReLU(), MaxPool2d(2))
    with net[2].predicting():
        y = net.forward(numbers((2, 8, 8, 3), "float32"))
        with pytest.raises(OrderError, match="MaxPool2d.backward was called without a forward"):
            net.backward(y)
