"""NumPy's numbers as settings: a float64 among them must not take a float32 training along."""

import numpy as np
import pytest

from tinycnn.box_losses import GIoULoss, SmoothL1Loss
from tinycnn.layers import BatchNorm2d, Dropout, LeakyReLU, Linear, LocalResponseNorm
from tinycnn.losses import L2Loss, MultiTaskLoss, SoftmaxCrossEntropy
from tinycnn.optim import SGD, Adam, clip_gradients

F = np.float64


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


@pytest.mark.parametrize("layer", [
    Dropout(F(0.4)), LeakyReLU(F(0.1)), LocalResponseNorm(5, F(0.1), F(0.75), F(2.0)),
    LocalResponseNorm(5, F(0.1), F(0.75), F(2.0), divide_alpha=False), BatchNorm2d(4, F(1e-5), F(0.1)),
], ids=lambda layer: type(layer).__name__)
def test_layers_stay_in_float32(layer):
    y = layer.forward(numbers(2, 3, 3, 4))
    assert y.dtype == layer.backward(y).dtype == np.float32
    assert all(p.grad.dtype == np.float32 for p in layer.parameters().values())
    assert all(b.value.dtype == np.float32 for b in layer.buffers().values())


@pytest.mark.parametrize("loss, outputs, truth", [
    (SoftmaxCrossEntropy(F(0.1)), numbers(5, 4), np.arange(5) % 4),
    (SmoothL1Loss(F(0.7)), numbers(5, 4), numbers(5, 4)),
    (GIoULoss(), numbers(5, 4), numbers(5, 4)), (L2Loss(), numbers(5, 4), numbers(5, 4)),
    (MultiTaskLoss(F(0.7), F(1.9)), (numbers(5, 4), numbers(5, 4)), (np.arange(5) % 4, numbers(5, 4))),
], ids=lambda value: type(value).__name__)
def test_losses_stay_in_float32(loss, outputs, truth):
    value = loss.forward(outputs, truth)
    gradients = loss.backward()
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    assert all(each.dtype == np.float32 for each in (value, *gradients))


def trained(make, number):
    layer = Linear(4, 3, rng=np.random.default_rng(0))
    optimizer = make(layer, number)
    for step in range(3):
        layer.backward(layer.forward(numbers(5, 4, seed=step)))
        clip_gradients(layer, number(1.0))
        optimizer.lr = number(0.05)  # as a schedule would
        optimizer.step()
    return layer.w.value


@pytest.mark.parametrize("make", [
    lambda layer, n: SGD(layer, n(0.05), n(0.9), n(1e-4), rates={"w": n(0.5)}),
    lambda layer, n: Adam(layer, n(0.05), (n(0.9), n(0.99)), n(1e-8), n(1e-4), rates={"w": n(0.5)}),
], ids=["SGD", "Adam"])
def test_optimizers_take_the_same_steps_to_the_bit(make):
    ours, theirs = trained(make, float), trained(make, F)
    assert ours.dtype == theirs.dtype == np.float32
    assert (ours == theirs).all()
