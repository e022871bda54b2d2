"""Frozen layers: no optimizer changes them, train() does not reach them, and no work is done for their gradients."""

import numpy as np
import pytest
from harness import numbers

import tinycnn as tc
from tinycnn.backend import to_device, to_numpy
from tinycnn.engine import switched_off
from tinycnn.errors import OrderError
from tinycnn.layers import BatchNorm2d, Conv2d, Dropout, Flatten, Linear, ReLU, Sequential
from tinycnn.optim import SGD, Adam, clip_gradients


def network(device):
    rng = np.random.default_rng(0)
    return Sequential(Conv2d(3, 4, 3, padding=1, rng=rng), BatchNorm2d(4), ReLU(), Dropout(0.5), Flatten(),
                      Linear(64, 3, rng=rng), input_shape=(4, 4, 3)).to(device)  # fmt: skip


def values(model):
    return {name: to_numpy(held.value).copy() for name, held in (model.parameters() | model.buffers()).items()}


def train_a_step(model, optimizer, device):
    model.forward(to_device(numbers((5, 4, 4, 3), "float32"), device))
    model.backward(to_device(numbers((5, 3), "float32", 1), device), input_gradient=False)
    optimizer.step()


@pytest.mark.parametrize("on", [True, False], ids=["engine", "no engine"])
@pytest.mark.parametrize("kind", [SGD, Adam])
def test_what_is_frozen_stays_and_the_rest_learns(device, kind, on):
    model = network(device)
    for name in ("conv1", "norm1", "dropout1"):
        model[name].freeze()
    model.train()
    before, optimizer = values(model), kind(model, lr=0.1, weight_decay=0.1)
    for _ in range(2):
        if on:
            train_a_step(model, optimizer, device)
        else:
            with switched_off():
                train_a_step(model, optimizer, device)
    after = values(model)
    assert {name for name in before if (before[name] != after[name]).any()} == {"fc1.w", "fc1.b"}
    assert not model["norm1"].training and not model["dropout1"].training and model["fc1"].training
    assert all(p.grad is None for p in model.parameters().values())

    for name in ("conv1", "norm1", "dropout1"):
        model[name].freeze(False)
    model.train()
    train_a_step(model, optimizer, device)
    thawed = values(model)
    assert all((thawed[name] != before[name]).any() for name in before)
    if kind is Adam:
        assert optimizer.turns == {"conv1.w": 1, "conv1.b": 1, "norm1.w": 1, "norm1.b": 1, "fc1.w": 3, "fc1.b": 3}


def test_below_the_last_frozen_layer_nothing_is_computed():
    model, called = network("cpu"), []
    model[:"dropout1"].freeze()
    conv = model["conv1"]
    conv.backward = lambda dy, input_gradient=True: called.append(1)
    model.forward(numbers((2, 4, 4, 3), "float32"))
    model.backward(numbers((2, 3), "float32", 1), input_gradient=False)
    assert not called and conv.w.grad is None
    del conv.backward
    x = numbers((2, 4, 4, 3), "float32")
    model.forward(x)
    assert model.backward(numbers((2, 3), "float32", 1)).shape == x.shape  # dx goes through what is frozen


def test_a_frozen_localizer_trains_its_heads(device):
    model = tc.models.resnet_localizer(2, 8, (4,), 6).to(device)
    model.trunk.freeze()
    model.train()
    before = values(model)
    scores, boxes = model.forward(model.normalize(to_device(np.full((3, 8, 8, 3), 9, np.uint8), device)))
    model.backward(scores + 1, boxes + 1)
    Adam(model).step()
    changed = {name for name, value in values(model).items() if (value != before[name]).any()}
    assert changed == {name for name in model.parameters() if "head" in name}


def test_clipping_leaves_out_what_is_frozen():
    model = Sequential(Linear(2, 2), Linear(2, 2))
    for parameter in model.parameters().values():
        parameter.grad = np.ones_like(parameter.value)
    model["fc1"].freeze()
    assert float(clip_gradients(model, 1.0)) == pytest.approx(6**0.5)
    assert (model["fc1"].w.grad == 1).all() and (model["fc2"].w.grad < 1).all()


def test_a_step_with_everything_frozen_is_refused():
    model = Linear(2, 2).freeze()
    model.w.grad = np.ones((2, 2), "float32")
    with pytest.raises(OrderError, match="every parameter is frozen"):
        SGD(model).step()


def test_gradients_of_what_is_frozen_can_still_be_checked():
    model = tc.models.localizer(2, image_size=8, channels=(3, 4), hidden=6)
    model.trunk.freeze()
    report = tc.gradcheck(model, numbers((2, 8, 8, 3)))
    assert report.ok, report
