"""Prepared kernels are never older than the weights, whoever changes them and however."""

import copy
import gc
import threading
import weakref

import numpy as np
import pytest
from engine.networks import using
from harness import numbers

import tinycnn as tc
from tinycnn.engine import kept_kernels
from tinycnn.engine.kept_kernels import kept
from tinycnn.engine.winograd import Winograd
from tinycnn.layers import Conv2d, MaxPool2d, ReLU, Sequential
from tinycnn.optim import SGD

SHAPE = (3, 8, 8, 16)


@pytest.fixture(autouse=True)
def by_winograd():
    """However small the network."""
    with using(Winograd):
        yield


@pytest.fixture
def prepared(monkeypatch):
    """A list of the weights that Winograd has prepared."""
    seen, inner = [], Winograd._at_points
    monkeypatch.setattr(Winograd, "_at_points", lambda self, w: seen.append(w) or inner(self, w))
    monkeypatch.setenv("TINYCNN_THREADS", "1")
    return seen


def network(groups=1):
    rng = np.random.default_rng(1)
    return Sequential(Conv2d(16, 32, 3, padding=1, groups=groups, rng=rng), MaxPool2d(2), ReLU(),
                      Conv2d(32, 32, 3, padding=1, rng=rng))  # fmt: skip


def predict(net, x):
    with net.predicting():
        return net.forward(x)


def fresh(net, x):
    """What a network with the same numbers, which has never predicted, says."""
    return predict(copy.deepcopy(net), x)


def test_they_are_prepared_once(prepared):
    net, x = network(), numbers(SHAPE, "float32")
    first = predict(net, x)
    count = len(prepared)
    assert count == 2
    np.testing.assert_array_equal(predict(net, x), first)
    predict(net, numbers((5, *SHAPE[1:]), "float32"))  # another batch, the same weights
    assert len(prepared) == count


def test_a_training_step_keeps_nothing(prepared):
    net, x = network(), numbers(SHAPE, "float32")
    before = len(kept_kernels._kept)
    net.backward(net.forward(x))
    assert len(kept_kernels._kept) == before and len(prepared) == 4  # of either layer one each way


def one_number(net, x):
    net["conv1"].w.value[1, 2, 3, 4] += 0.5


def one_bit(net, x):
    net["conv1"].w.value.view(np.uint32)[0, 0, 0, 0] ^= 1 << 20


def through_a_view(net, x):
    net["conv2"].w.value.reshape(-1)[7:9] = 3


def two_exchanged(net, x):
    w = net["conv1"].w.value
    w[0], w[1] = w[1].copy(), w[0].copy()


def another_array(net, x):
    net["conv1"].w.value = net["conv1"].w.value * 2


def another_parameter(net, x):
    net["conv1"].w = tc.layers.Parameter(net["conv1"].w.value + 1)


def biases(net, x):
    net["conv1"].b.value[:] = 2


def biases_anew(net, x):
    net["conv2"].b.value = np.ones(32, "float32")


def optimizer(net, x):
    net.backward(net.forward(x))
    SGD(net, lr=0.1).step()


def not_a_number(net, x):
    net["conv1"].w.value[0, 0, 0, 0] = np.nan


def zero_of_another_sign(net, x):
    net["conv1"].w.value[...] = 0.0
    predict(net, x)
    net["conv1"].w.value[...] = -0.0


def out_and_back(net, x):
    net.astype("float64").astype("float32")
    net["conv1"].w.value += 1


CHANGES = [one_number, one_bit, through_a_view, two_exchanged, another_array, another_parameter, biases, biases_anew,
           optimizer, not_a_number, zero_of_another_sign, out_and_back]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("within", [False, True], ids=["between", "within"])
def test_a_change_is_never_missed(change, groups, within, monkeypatch):
    if within and change is optimizer:
        pytest.skip("nothing is kept for a backward within predicting()")
    monkeypatch.setenv("TINYCNN_THREADS", "2")
    net, x = network(groups), numbers(SHAPE, "float32")
    if within:
        with net.predicting():
            net.forward(x)
            change(net, x)
            got = net.forward(x)
    else:
        predict(net, x)
        change(net, x)
        got = predict(net, x)
    np.testing.assert_array_equal(got, fresh(net, x))


def test_loading_is_never_missed(tmp_path):
    model, other = (tc.models.localizer(3, image_size=16, channels=(16, 16), hidden=8, seed=seed) for seed in (0, 5))
    images = numbers((4, 16, 16, 3), "float32")
    predict(model, images)
    for name, parameter in model.parameters().items():
        parameter.value[...] = other.parameters()[name].value  # as a restored snapshot writes
    for one, expected in zip(predict(model, images), fresh(other, images), strict=True):
        np.testing.assert_array_equal(one, expected)
    tc.save(other, tmp_path / "m.npz")
    for one, expected in zip(predict(tc.load(tmp_path / "m.npz"), images), fresh(other, images), strict=True):
        np.testing.assert_array_equal(one, expected)


def test_nothing_outlives_its_weights():
    w = numbers((3, 3, 4, 4), "float32")
    made = kept(w, "a", lambda w: w + 1)
    key, held = id(w), weakref.ref(made)
    assert key in kept_kernels._kept
    del w, made
    gc.collect()
    assert key not in kept_kernels._kept and held() is None


def test_large_or_scattered_weights_are_prepared_each_time(monkeypatch):
    monkeypatch.setattr(kept_kernels, "LARGEST", 100)
    w, calls = numbers((5, 5), "float64"), []
    for given in (w, w[:2, ::2]):
        for _ in range(2):
            kept(given, "a", lambda w: calls.append(1))
    assert len(calls) == 4


def test_names_are_kept_apart_and_a_change_drops_all():
    w = numbers((4, 4), "float32")
    assert kept(w, "a", lambda w: 1) == 1 and kept(w, "b", lambda w: 2) == 2 and kept(w, "a", lambda w: 3) == 1
    w[0, 0] += 1
    assert kept(w, "a", lambda w: 3) == 3 and kept(w, "b", lambda w: 4) == 4


@pytest.mark.parametrize("dtype", ["float32", "float64", "longdouble"])
def test_any_dtype(dtype):
    w = np.ones(3, dtype)  # 12 bytes in float32: no whole number of 8
    assert kept(w, "a", lambda w: 1) == 1 == kept(w, "a", lambda w: 2)
    w[2] = np.nextafter(w[2], w.dtype.type(2))
    assert kept(w, "a", lambda w: 2) == 2


def test_two_networks_in_two_threads_while_one_changes():
    """Each answer is that of some state of the weights, never a mixture of old kernels and new biases or the like."""
    nets, x, found = [network(), network()], numbers(SHAPE, "float32"), {}
    scales = (1.0, 2.0)
    expected = {}
    for scale in scales:
        nets[0]["conv2"].w.value *= np.float32(scale)
        expected[scale] = fresh(nets[0], x)
        nets[0]["conv2"].w.value /= np.float32(scale)

    def work(i):
        found[i] = []
        for k in range(8):
            scale = scales[k % 2] if i else 1.0
            nets[i]["conv2"].w.value *= np.float32(scale)
            found[i].append((scale, predict(nets[i], x)))
            nets[i]["conv2"].w.value /= np.float32(scale)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for scale, y in found[0] + found[1]:
        np.testing.assert_array_equal(y, expected[scale])
