"""Sequential: names, slices, shapes checked at construction, and backward in reverse."""

import numpy as np
import pytest
from harness import difference, numbers, run

from tinycnn.backend import to_device, to_numpy
from tinycnn.errors import OrderError, ShapeError
from tinycnn.layers import (
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Sequential,
)


def small(**more):
    return Sequential(
        Conv2d(3, 4, 3, padding=1), ReLU(), MaxPool2d(2),
        Conv2d(4, 5, 3), ReLU(), AvgPool2d(2),
        Flatten(), Linear(5, 6),
        input_shape=(8, 8, 3), **more,
    )  # fmt: skip


def test_automatic_names_count_each_kind():
    names = ["conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flatten1", "fc1"]
    assert list(small().children()) == names
    assert list(Sequential(LocalResponseNorm(5), Dropout(), Sequential()).children()) == [
        "norm1", "dropout1", "sequential1",
    ]  # fmt: skip


def test_given_names_stand_after_the_automatic_ones():
    net = Sequential(ReLU(), stem=Conv2d(3, 4, 3), head=Flatten())
    assert list(net.children()) == ["relu1", "stem", "head"]
    with pytest.raises(ValueError, match="two layers are called 'relu1'"):
        Sequential(ReLU(), relu1=ReLU())


def test_layers_by_name_position_and_slice():
    net = small()
    assert net["conv2"] is net[3]
    assert net[-1] is net["fc1"]
    assert len(net) == 8 and list(net) == [net[i] for i in range(8)]
    assert list(net[:3].children()) == ["conv1", "relu1", "pool1"]
    assert list(net["relu1":"conv2"].children()) == ["relu1", "pool1", "conv2"]  # both ends included
    assert list(net["pool2":].children()) == ["pool2", "flatten1", "fc1"]
    assert list(net[:"relu1"].children()) == ["conv1", "relu1"]


def test_a_slice_shares_its_layers():
    net = small()
    assert net[:3]["conv1"] is net["conv1"]


def test_unknown_names_and_positions():
    with pytest.raises(KeyError, match="no layer is called 'conv9'; there are: conv1, relu1"):
        small()["conv9"]
    with pytest.raises(KeyError, match="no layer is called 'conv9'"):
        small()["conv9":]
    with pytest.raises(IndexError):
        small()[8]


def test_forward_and_backward_are_those_of_its_layers(device):
    net = small().astype("float64")
    x = numbers((3, 8, 8, 3))
    got = run(net, x, device)
    y = to_device(x, device)
    for layer in net:
        y = layer.forward(y)
    dx = to_device(got.dy, device)
    for layer in reversed(list(net)):
        dx = layer.backward(dx)
    assert difference(to_numpy(y), got.y) < 1e-12
    assert difference(to_numpy(dx), got.dx) < 1e-12


def test_slices_in_a_row_are_the_whole(device):
    net = small().astype("float64")
    x = numbers((2, 8, 8, 3))
    whole = run(net, x, device)
    front = run(net[:"pool1"], x, device)
    assert difference(run(net["conv2":], front.y, device).y, whole.y) == 0


@pytest.mark.parametrize("before", [[], [Dropout(0.0)], [ReLU(), MaxPool2d(1)]], ids=["first", "second", "third"])
def test_the_input_gradient_can_be_skipped(device, before):
    net = Sequential(*before, *small()).astype("float64").to(device)
    x = to_device(numbers((2, 8, 8, 3)), device)
    dy = net.forward(x)
    net.backward(dy)
    grads = {name: to_numpy(p.grad) for name, p in net.parameters().items()}
    net.forward(x)
    assert net.backward(dy, input_gradient=False) is None
    for name, parameter in net.parameters().items():
        np.testing.assert_array_equal(to_numpy(parameter.grad), grads[name])
    for _, layer in net.layers():  # layers below the first with weights were not asked, but keep nothing either
        with pytest.raises(OrderError):
            layer.recall()


def test_skipping_reaches_into_a_row_within_a_row():
    class Watched(Conv2d):
        asked = None

        def backward(self, dy, input_gradient=True):
            self.asked = input_gradient
            return super().backward(dy, input_gradient)

    watched = Watched(1, 1, 1)
    net = Sequential(Sequential(watched), ReLU())
    net.backward(net.forward(numbers((1, 2, 2, 1), "float32")), input_gradient=False)
    assert watched.asked is False


def test_skipping_without_any_weights_does_nothing():
    net = Sequential(ReLU())
    assert net.backward(net.forward(numbers((1, 2))), input_gradient=False) is None


def test_a_first_layer_of_your_own_need_not_know_about_skipping():
    class Scale(Layer):
        def __init__(self):
            self.inside = Linear(2, 2)

        def forward(self, x):
            return self.inside.forward(x)

        def backward(self, dy):
            return self.inside.backward(dy)

    net = Sequential(Scale(), ReLU())
    assert net.backward(net.forward(numbers((1, 2), "float32")), input_gradient=False) is None
    assert net.parameters()["scale1.inside.w"].grad is not None


def test_shapes_are_known_without_running():
    net = small()
    assert net.output_shape((8, 8, 3)) == (6,)
    assert [shape for _, _, _, shape in net.shapes((8, 8, 3))] == [
        (8, 8, 4), (8, 8, 4), (4, 4, 4), (2, 2, 5), (2, 2, 5), (1, 1, 5), (5,), (6,),
    ]  # fmt: skip
    assert net.multiply_adds((8, 8, 3)) == 8 * 8 * 4 * 9 * 3 + 2 * 2 * 5 * 9 * 4 + 5 * 6
    assert net.workspace_bytes((8, 8, 3)) == 4 * 8 * 8 * 27  # the largest of its layers
    assert Sequential().output_shape((2, 3)) == (2, 3)


def test_a_misfit_is_found_at_construction_and_named():
    with pytest.raises(ShapeError, match=r"layer 'conv2': Conv2d\(8, 4, 3\) expects \(H, W, 8\), got \(8, 8, 4\)"):
        Sequential(Conv2d(3, 4, 3, padding=1), Conv2d(8, 4, 3), input_shape=(8, 8, 3))
    with pytest.raises(ShapeError, match=r"layer 'fc1': .* expects 99 features, got \(192,\)"):
        Sequential(Flatten(), Linear(99, 2), input_shape=(8, 8, 3))
    with pytest.raises(ShapeError, match=r"layer 'pool2': a window of 3 does not fit into 2 pixels"):
        Sequential(MaxPool2d(4), MaxPool2d(3), input_shape=(8, 8, 3))
    with pytest.raises(ShapeError, match=r"layer 'inner': layer 'fc1': .*Put a Flatten"):
        Sequential(inner=Sequential(Linear(4, 2)), input_shape=(2, 2, 1))


def test_only_layers_may_stand_in_it():
    with pytest.raises(TypeError, match="not a Layer. Inherit from tinycnn.layers.Layer"):
        Sequential(ReLU(), np.tanh)


def test_it_prints_one_layer_a_line():
    assert repr(Sequential(Conv2d(3, 4, 3), ReLU())) == "Sequential(\n  conv1: Conv2d(3, 4, 3)\n  relu1: ReLU()\n)"


def test_names_that_end_in_a_digit_do_not_meet():
    class ReLU6(ReLU):
        pass

    net = Sequential(Linear(3, 3), ReLU6(), Linear(3, 3), ReLU6(), ReLU6())
    assert list(net.children()) == ["fc1", "relu61", "fc2", "relu62", "relu63"]


def test_layers_in_a_list_are_taken_out_of_it():
    with pytest.raises(TypeError, match=r"not in a list: Sequential\(\*layers\)"):
        Sequential([ReLU(), ReLU()])


def test_after_a_forward_that_failed_no_backward_passes():
    class Boom(Layer):
        broken = False

        def forward(self, x):
            if self.broken:
                raise ArithmeticError
            self.remember(output=x)
            return x

        def backward(self, dy):
            self.recall(dy)
            return dy

    net, x = Sequential(Linear(2, 2), Boom()), np.ones((3, 2), np.float32)
    net.forward(x)
    net[1].broken = True
    with pytest.raises(ArithmeticError):
        net.forward(2 * x)
    with pytest.raises(OrderError):
        net.backward(x)
