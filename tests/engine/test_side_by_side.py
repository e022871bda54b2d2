"""Networks in several threads of the caller, and on several threads of the engine: the same bits as alone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from engine.networks import BLAS_MAY_WARN, Gain, Tanh, step
from harness import difference, numbers

import tinycnn as tc
from tinycnn.engine import workers
from tinycnn.engine.threads import blas_libraries, one_blas_thread
from tinycnn.layers import Conv2d, Flatten, Layer, Linear, LocalResponseNorm, MaxPool2d, ReLU, Sequential
from tinycnn.models import Localizer

pytestmark = BLAS_MAY_WARN


def network(seed=0):
    rng = np.random.default_rng(seed)
    return Sequential(
        Conv2d(3, 16, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2), LocalResponseNorm(3), Gain(16),
        Conv2d(16, 24, 3, padding=1, rng=rng), MaxPool2d(2), Tanh(), Flatten(), Linear(384, 40, rng=rng), ReLU(),
        Linear(40, 4, rng=rng), input_shape=(16, 16, 3),
    )  # fmt: skip


def trained(seed, steps=6):
    """All weights after a few steps of training."""
    net = network(seed)
    optimizer, loss = tc.optim.Adam(net), tc.SoftmaxCrossEntropy()
    for i in range(steps):
        x = numbers((24, 16, 16, 3), "float32", seed=100 * seed + i)
        loss.forward(net.forward(x), np.arange(24) % 4)
        net.backward(loss.backward(), input_gradient=False)
        tc.optim.clip_gradients(net, 1.0)
        optimizer.step()
    return [parameter.value for parameter in net.parameters().values()]


@pytest.mark.parametrize("number", [1, 2, 4])
def test_two_trainings_side_by_side_give_the_bits_that_each_gives_alone(monkeypatch, number):
    monkeypatch.setenv("TINYCNN_THREADS", str(number))
    before = blas_libraries().info()
    alone = [trained(seed) for seed in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(trained, (1, 2)))
    for one, other in zip(alone, together, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert blas_libraries().info() == before


def predicted(net, x):
    with net.predicting():
        return net.forward(x)


@pytest.mark.parametrize("n", [1, 2, 9])
def test_a_prediction_has_the_same_bits_in_any_thread(n):
    net, x = network(), numbers((n, 16, 16, 3), "float32")
    expected = predicted(net, x)
    with ThreadPoolExecutor(3) as pool:
        for y in pool.map(predicted, [net] * 9, [x] * 9):  # of one network, three at once
            np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("n", [1, 2, 9])
def test_and_so_it_has_while_another_thread_trains(n):
    net, x = network(), numbers((n, 16, 16, 3), "float32")
    expected = predicted(net, x)
    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(trained, 3)
        while not training.done():
            np.testing.assert_array_equal(predicted(net, x), expected)
    if n > 1:  # for one image, BLAS would have been given its threads back
        with one_blas_thread():  # what the other thread does to BLAS, at every moment of the prediction
            np.testing.assert_array_equal(predicted(net, x), expected)


def test_a_thousand_predictions_from_eight_threads_have_the_bits_of_one_after_the_other():
    """Of one picture, for which BLAS has all of its threads, and of several, for which it is held at one."""
    rng = np.random.default_rng(0)
    convs = Conv2d(3, 48, 1, rng=rng), ReLU(), Conv2d(48, 64, 5, padding=2, rng=rng)
    trunk = Sequential(*convs, MaxPool2d(2), Flatten())
    model = Localizer(trunk, Linear(1024, 3, rng=rng), Linear(1024, 4, rng=rng), "abc", image_size=9)
    pictures = rng.integers(0, 256, (9, 9, 9, 3), dtype=np.uint8)
    asked = [slice(i % 4, i % 4 + (1, 2, 5)[i % 3]) for i in range(12)]
    expected = [model.predict(pictures[some]) for some in asked]

    def same(i):
        got, right = model.predict(pictures[asked[i % 12]]), expected[i % 12]
        return np.array_equal(got.probabilities, right.probabilities) and np.array_equal(got.boxes, right.boxes)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(same, range(1000))) == 1000
    assert model.training and model.trunk.keeping


def test_more_threads_change_rounding_only_and_the_same_number_changes_nothing(monkeypatch):
    found = []
    for number in (1, 2, 2):
        monkeypatch.setenv("TINYCNN_THREADS", str(number))
        got = step(network(), numbers((7, 16, 16, 3), "float32"))
        found.append([got.y, got.dx, *got.grads.values()])
    for one, two, again in zip(*found, strict=True):
        assert difference(one, two) < 1e-5
        np.testing.assert_array_equal(two, again)


def test_a_layer_that_is_not_per_image_is_called_once_for_the_whole_batch(monkeypatch):
    monkeypatch.setattr(workers, "CPU_BYTES", 1)
    seen = []

    class Counting(Layer):
        def forward(self, x):
            seen.append((len(x), threading.get_ident()))
            return x

    Sequential(ReLU(), Counting(), ReLU()).forward(numbers((5, 4, 4, 3), "float32"))
    assert seen == [(5, threading.get_ident())]
