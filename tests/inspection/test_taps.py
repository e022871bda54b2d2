"""A twin computes the same bits and owns what it may change; taps see what flows."""

import numpy as np
import pytest
from inspection.looks import everything, network, pictures

from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import DataError, ShapeError
from tinycnn.inspection.taps import batch_of, find_layer, frames, tap, twin


def test_a_twin_shares_weights_and_nothing_else(device):
    model = network(dropout=0.5).to(device)
    x, _, _ = batch_of(model, pictures(4).images, pictures(4).labels, pictures(4).boxes)
    outputs = model.forward(x)
    model.backward(*outputs)
    before = everything(model)
    second = twin(model)
    for name, parameter in second.parameters().items():
        assert parameter.value is model.parameters()[name].value
        assert parameter is not model.parameters()[name] and parameter.grad is None
    # The twin draws the masks that the model would draw next, and the model then still draws them.
    ours = second.forward(x)
    assert everything(model) == before
    for a, b in zip(ours, model.forward(x), strict=True):
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))


def test_a_twin_with_weights_of_its_own(device):
    model = network().to(device)
    before = everything(model)
    for parameter in twin(model, own_weights=True).parameters().values():
        parameter.value += 1
    assert everything(model) == before


def test_a_seed_fixes_the_masks():
    model = network(dropout=0.5)
    x, _, _ = batch_of(model, pictures(4).images, pictures(4).labels, pictures(4).boxes)
    one, again, other = (twin(model, seed=seed).forward(x)[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("engine", ["0", "1"])
def test_taps_see_what_flows_and_change_not_a_bit(device, engine, monkeypatch):
    monkeypatch.setenv("TINYCNN_ENGINE", engine)
    model = network().to(device)
    x, _, _ = batch_of(model, pictures(3).images, pictures(3).labels, pictures(3).boxes)
    plain, second = twin(model), twin(model)
    taps = tap(second)
    assert list(taps) == [name for name, _ in model.layers()]
    expected, seen = plain.forward(x), second.forward(x)
    plain.backward(*expected), second.backward(*seen)
    for one, other in [(seen[0], expected[0])] + [
        (second.parameters()[name].grad, parameter.grad) for name, parameter in plain.parameters().items()
    ]:
        np.testing.assert_array_equal(to_numpy(one), to_numpy(other))
    names = list(taps)
    for name, following in zip(names, names[1:-1], strict=False):  # the two heads stand side by side
        before, after = taps[name], taps[following]
        np.testing.assert_array_equal(to_numpy(after.x), to_numpy(before.y))
    np.testing.assert_array_equal(to_numpy(taps["trunk.conv1"].x), to_numpy(x))
    assert taps["trunk.conv1"].dx is None
    np.testing.assert_array_equal(to_numpy(taps["trunk.relu1"].dx), to_numpy(taps["trunk.pool1"].dy))
    features = to_numpy(taps["class_head"].dx) + to_numpy(taps["box_head"].dx)
    np.testing.assert_array_equal(to_numpy(taps["trunk.relu3"].dy), features)


def test_layers_are_found_by_either_name():
    model = network()
    assert find_layer(model, "conv1") == find_layer(model, "trunk.conv1") == ("trunk.conv1", model.trunk["conv1"])
    assert find_layer(model, "box_head")[1] is model.box_head
    with pytest.raises(KeyError, match="there are: conv1, pool1"):
        find_layer(model, "conv9")


def test_pictures_of_any_size_become_the_networks_input_and_boxes_its_targets():
    model = network()
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, size, dtype=np.uint8) for size in ((32, 16, 3), (16, 16, 3), (9, 40, 3))]
    x, labels, targets = batch_of(model, images, [0, 1, 2], [[0, 0, 16, 32], [4, 4, 12, 12], [0, 0, 20, 9]])
    assert x.shape == (3, 16, 16, 3) and x.dtype == np.float32 and labels.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(x[1], model.normalize(images[1][None])[0])
    codes = np.array([[0.5, 0.5, 1, 1], [0.5, 0.5, 0.5, 0.5], [0.25, 0.5, 1, 0.5]])
    np.testing.assert_allclose(targets, (codes - 0.5) / 0.25, atol=1e-6)
    shown, sizes = frames(model, images[2])
    assert shown.shape == (1, 16, 16, 3) and sizes.tolist() == [[9, 40]]


@pytest.mark.parametrize(
    ("images", "labels", "boxes", "error", "words"),
    [
        ([], [], [], DataError, "no image was given"),
        (np.zeros((2, 16, 16, 3)), [0, 1], np.ones((2, 4)), DataError, "image 0: expected uint8"),
        (np.zeros((2, 16, 16, 3), np.uint8), [0], np.ones((2, 4)), ShapeError, "labels \\(2,\\)"),
        (np.zeros((2, 16, 16, 3), np.uint8), [0, 1], np.ones((3, 4)), ShapeError, "boxes \\(2, 4\\)"),
    ],
)
def test_wrong_batches_are_refused(images, labels, boxes, error, words):
    with pytest.raises(error, match=words):
        batch_of(network(), images, labels, boxes)


def test_own_layers_with_arrays_inside_are_copied():
    """A layer that someone wrote, with a running mean that every forward changes."""
    from tinycnn.layers import Layer, Sequential

    class Center(Layer):
        def __init__(self):
            self.mean = np.zeros(3, np.float32)

        def forward(self, x):
            self.mean += x.mean(axis=(0, 1, 2))
            return x - self.mean

    net = Sequential(Center())
    twin(net).forward(to_device(np.ones((2, 4, 4, 3), np.float32), "cpu"))
    np.testing.assert_array_equal(net[0].mean, 0)
