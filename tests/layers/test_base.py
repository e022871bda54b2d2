"""What every layer inherits: memory for backward, the tree of parameters, moving, switching; and your own layer."""

import numpy as np
import pytest
from harness import Scale, expect_close, numbers, run

from tinycnn.backend import device_of, to_device
from tinycnn.errors import OrderError
from tinycnn.layers import Conv2d, Dropout, Flatten, Layer, Linear, Parameter, ReLU, Sequential


class Block(Layer):
    """Layers inside a layer, and a parameter of its own."""

    def __init__(self):
        self.first = Linear(3, 4)
        self.inner = Sequential(ReLU(), Linear(4, 2))
        self.gain = Parameter(np.ones(2, "float32"))

    def forward(self, x):
        return self.inner.forward(self.first.forward(x)) * self.gain.value


def test_a_layer_of_your_own(device):
    x = numbers((4, 5))
    got = run(Scale(), x, device)
    expect_close(got.y, 3 * x, "float64")
    expect_close(got.dx, 3 * got.dy, "float64")
    expect_close(got.grads["w"], [np.sum(x * got.dy)], "float64")


def test_a_layer_of_your_own_in_a_row(device):
    row = Sequential(Linear(5, 5), Scale(), Linear(5, 2)).astype("float64")
    run(row, numbers((3, 5)), device)
    assert list(row.parameters()) == ["fc1.w", "fc1.b", "scale1.w", "fc2.w", "fc2.b"]


def test_a_layer_must_say_what_it_does():
    with pytest.raises(NotImplementedError, match=r"Nothing must define forward\(self, x\)"):
        type("Nothing", (Layer,), {})().forward(np.ones(1))
    with pytest.raises(NotImplementedError, match=r"must define backward\(self, dy\)"):
        Layer().backward(np.ones(1))


def test_memory_is_handed_back_once():
    layer = Layer()
    with pytest.raises(OrderError, match="call forward"):
        layer.recall()
    layer.remember(1, "two")
    assert layer.recall() == (1, "two")
    with pytest.raises(OrderError):
        layer.recall()


def test_the_next_forward_replaces_what_the_last_one_kept(device):
    layer = Scale()
    layer.to(device)
    layer.forward(to_device(np.ones((1, 2)), device))
    layer.forward(to_device(np.full((1, 2), 5.0), device))
    layer.backward(to_device(np.ones((1, 2)), device))
    assert float(layer.w.grad[0]) == 10


def test_forget_drops_everything_inside():
    block = Block()
    block.forward(numbers((2, 3), "float32"))
    block.forget()
    for _, layer in block.layers():
        with pytest.raises(OrderError):
            layer.recall()


def test_parameters_are_found_by_dotted_name():
    block = Block()
    assert set(block.parameters()) == {"gain", "first.w", "first.b", "inner.fc1.w", "inner.fc1.b"}
    assert block.parameters()["inner.fc1.w"] is block.inner["fc1"].w
    assert list(block.children()) == ["first", "inner"]


def test_layers_are_the_leaves_in_order():
    assert [name for name, _ in Block().layers()] == ["first", "inner.relu1", "inner.fc1"]


def test_a_fresh_parameter_has_no_gradient():
    parameter = Parameter(np.ones((2, 3), "float32"))
    assert parameter.grad is None
    assert repr(parameter) == "Parameter(shape=(2, 3), dtype=float32)"


def test_astype_reaches_every_parameter_and_drops_gradients():
    block = Block()
    block.first.w.grad = block.first.w.value
    assert block.astype("float64") is block
    assert {p.value.dtype for p in block.parameters().values()} == {np.dtype("float64")}
    assert block.first.w.grad is None


def test_to_reaches_every_parameter_and_the_layer_computes_there(device):
    block = Block()
    assert block.to(device) is block
    there = to_device(np.ones(1), device)
    assert {device_of(p.value) for p in block.parameters().values()} == {device_of(there)}
    assert device_of(block.forward(to_device(numbers((2, 3), "float32"), device))) == device_of(there)


def test_moving_forgets_what_forward_kept(device):
    layer = Linear(3, 2)
    layer.forward(numbers((1, 3), "float32"))
    with pytest.raises(OrderError):
        layer.to(device).backward(to_device(numbers((1, 2), "float32"), device))


def test_train_and_eval_reach_every_layer():
    net = Sequential(Sequential(Dropout()), Dropout())
    assert net.eval() is net
    assert not any(layer.training for _, layer in net.layers())
    net.train()
    assert all(layer.training for _, layer in net.layers())


def test_calling_a_layer_is_its_forward():
    x = numbers((2, 3))
    np.testing.assert_array_equal(ReLU()(x), ReLU().forward(x))


def test_elementwise_layers_announce_shape_and_cost():
    for layer in (ReLU(), Dropout()):
        assert layer.output_shape([4, 5, 6]) == (4, 5, 6)
        assert layer.multiply_adds((4, 5, 6)) == layer.workspace_bytes((4, 5, 6)) == 0
    assert Flatten().output_shape((4, 5, 6)) == (120,)
    assert repr(ReLU()) == "ReLU()"


def test_every_layer_with_weights_draws_from_the_generator_it_is_given():
    rng = np.random.default_rng(0)
    first, second = Conv2d(1, 2, 3, rng=rng), Conv2d(1, 2, 3, rng=rng)
    assert (first.w.value != second.w.value).all()
    assert (Linear(3, 3, rng=rng).w.value != Linear(3, 3, rng=rng).w.value).all()
    assert (Linear(3, 3, rng=rng).w.value != Linear(3, 3, rng=rng).w.value).all()


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


def test_a_copy_made_in_a_prediction_can_be_trained():
    import copy

    net = Sequential(Linear(2, 2))
    with net.predicting():
        second = copy.deepcopy(net)
    x = np.ones((1, 2), np.float32)
    second.forward(x)
    assert second.backward(x).shape == (1, 2)
