"""How large the parts are that go through a row at a time, and what a recorder is shown of them."""

import threading

import numpy as np
import pytest
from engine.networks import (
    ALGORITHMS,
    BLAS_MAY_WARN,
    CHUNKS,
    THREADS,
    Gain,
    Tanh,
    far_from_kinks,
    networks,
    pictures,
    record,
    step,
    using,
)
from harness import DTYPES, expect_close, numbers
from hypothesis import assume, given, settings

import tinycnn.layers.conv
from tinycnn import engine
from tinycnn.backend import to_device, to_numpy
from tinycnn.engine import workers
from tinycnn.engine.recorder import Recorder
from tinycnn.engine.segments import segments_of
from tinycnn.layers import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential

pytestmark = BLAS_MAY_WARN


def recorded_parts(net, x):
    """For each layer, how many images it was given at a time: {name: [sizes]}."""
    recorders = record(net)
    step(net, x)
    return {name: [part[0].stop - part[0].start for part in seen.parts["forward"]] for name, seen in recorders.items()}


def test_behind_a_pool_more_images_are_taken_at_a_time(monkeypatch):
    x = numbers((6, 8, 8, 4))
    monkeypatch.setattr(workers, "CPU_BYTES", 2 * x[0].nbytes)
    monkeypatch.setenv("TINYCNN_THREADS", "1")
    net = Sequential(ReLU(), MaxPool2d(2), ReLU(), Tanh(), MaxPool2d(2), ReLU())
    assert recorded_parts(net, x) == {
        "relu1": [2, 2, 2], "pool1": [2, 2, 2], "relu2": [6], "tanh1": [6], "pool2": [6], "relu3": [6],
    }  # fmt: skip


def test_the_largest_array_decides_and_so_do_the_patches_of_a_formula(monkeypatch):
    x = numbers((6, 8, 8, 4))
    monkeypatch.setattr(workers, "CPU_BYTES", 3 * x[0].nbytes)
    monkeypatch.setenv("TINYCNN_THREADS", "1")
    wider = Sequential(ReLU(), Conv2d(4, 12, 3, padding=1)).astype("float64")
    assert recorded_parts(wider, x) == {"relu1": [1] * 6, "conv1": [1] * 6}
    assert recorded_parts(Sequential(ReLU(), AvgPool2d(2)), x) == {"relu1": [3, 3], "pool1": [3, 3]}
    assert recorded_parts(Sequential(ReLU(), AvgPool2d(3, 1, 1)), x) == {"relu1": [1] * 6, "pool1": [1] * 6}


def test_what_nobody_keeps_is_scratch_memory():
    def passing(*layers, predicting=()):
        net = Sequential(*layers)
        for i in predicting:
            net[i]._predictions = 1
        (segment,) = segments_of(net, (2, 8, 8, 4), np.dtype("float32"), np)
        return segment.passing

    assert passing(ReLU(), Conv2d(4, 4, 3), MaxPool2d(3)) == [False, True]  # ReLU keeps y; pooling only who won
    assert passing(Conv2d(4, 4, 3), ReLU(), ReLU()) == [True, False]
    assert passing(Conv2d(4, 4, 3), Gain(4)) == [False]  # who knows what it keeps
    assert passing(ReLU(), Conv2d(4, 4, 3), predicting=(0, 1)) == [True]
    assert passing(ReLU(), Conv2d(4, 4, 3), predicting=(0,)) == passing(ReLU(), Tanh(), predicting=(1,)) == [False]


@pytest.mark.parametrize("threads", [1, 2])
def test_on_a_device_patches_are_made_for_no_more_images_than_fit(monkeypatch, threads):
    """Without this, the first convolution of a large batch would take many times the memory of the batch."""
    monkeypatch.setenv("TINYCNN_THREADS", str(threads))
    conv = Conv2d(3, 4, 3, padding=1)
    x, made = numbers((9, 8, 8, 3), "float32"), []
    one_image = conv.workspace_bytes((8, 8, 3))
    monkeypatch.setattr(workers, "DEVICE_BYTES", 2 * one_image + 5)
    im2col = tinycnn.layers.conv.im2col

    def spy(*given, **named):
        cols = im2col(*given, **named)
        made.append(cols.nbytes)
        return cols

    monkeypatch.setattr(tinycnn.layers.conv, "im2col", spy)
    with engine.switched_off():
        expected = step(Sequential(conv), x)
    assert made == [9 * one_image] * 2
    made.clear()
    got = step(Sequential(conv).to("simulated"), to_device(x, "simulated"))
    assert made == [2 * one_image] * 4 + [one_image] + [2 * one_image] * 4 + [one_image]
    expect_close(to_numpy(got.dx), expected.dx, "float32")
    expect_close(to_numpy(conv.w.grad), expected.grads["conv1.w"], "float32")


@settings(max_examples=80)
@given(networks(), ALGORITHMS, DTYPES, THREADS, CHUNKS)
def test_a_recorded_step_has_the_same_bits_and_shows_what_flows(device, case, algorithm, dtype, threads, scratch_bytes):
    net, shape = case
    net, x = net.astype(dtype), pictures(shape, dtype)
    assume(far_from_kinks(net, x, algorithm))
    net.to(device)
    x = to_device(x, device)
    with engine.switched_off():
        recorders = record(net)
        step(net, x)
    one_by_one = flows(recorders)
    with using(algorithm), pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYCNN_THREADS", str(threads))
        for name, value in (("WORTH_A_THREAD", 0), ("CPU_BYTES", scratch_bytes), ("DEVICE_BYTES", scratch_bytes)):
            patch.setattr(workers, name, value)
        recorders = record(net)
        recorded, shown = step(net, x), flows(recorders)
        for layer in net.tree():
            vars(layer).pop("recorder", None)
        plain = step(net, x)
    for one, other in ((recorded.y, plain.y), (recorded.dx, plain.dx),
                       *((recorded.grads[name], grad) for name, grad in plain.grads.items())):  # fmt: skip
        np.testing.assert_array_equal(to_numpy(one), to_numpy(other))
    assert shown.keys() == one_by_one.keys()
    for name, arrays in one_by_one.items():
        for one, other in zip(shown[name], arrays, strict=True):
            expect_close(one, other, dtype)


def flows(recorders):
    """{name: (x, y, dy, dx)} on the host"""
    return {
        name: tuple(None if a is None else to_numpy(a) for way in ("forward", "backward") for a in seen.whole(way))
        for name, seen in recorders.items()
    }


def test_what_nobody_wants_is_shown_as_none_or_not_at_all():
    net = Sequential(ReLU(), Conv2d(3, 4, 3, padding=1), MaxPool2d(2), Flatten(), Linear(16, 2))
    recorders = record(net)
    step(net, numbers((3, 4, 4, 3), "float32"), input_gradient=False)
    assert not recorders["relu1"].parts["backward"]
    dy, dx = recorders["conv1"].whole("backward")
    assert dy.shape == (3, 4, 4, 4) and dx is None
    assert recorders["pool1"].whole("backward")[1].shape == (3, 4, 4, 4)


def test_a_fused_pair_shows_what_flows_between_though_it_is_never_written():
    conv, pool = Conv2d(3, 4, 3, padding=1), MaxPool2d(2)
    x, net = numbers((3, 6, 6, 3), "float32"), Sequential(conv, pool)
    recorders = record(net)
    got = step(net, x)
    between = conv.forward(x)
    expect_close(recorders["conv1"].whole("forward")[1], between, "float32")
    np.testing.assert_array_equal(recorders["pool1"].whole("forward")[0], recorders["conv1"].whole("forward")[1])
    pool.forward(between)
    dbetween = pool.backward(numbers(got.y.shape, "float32", seed=1))
    np.testing.assert_array_equal(recorders["conv1"].whole("backward")[0], dbetween)
    np.testing.assert_array_equal(recorders["pool1"].whole("backward")[1], dbetween)
    np.testing.assert_array_equal(recorders["conv1"].whole("backward")[1], got.dx)
    assert recorders["pool1"].seconds == 0  # the convolution has the time of both


def test_an_error_of_a_recorder_comes_through(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "2")
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 0)

    class Failing(Recorder):
        def saw_forward(self, images, n, x, y, seconds):
            if images.start:
                raise ArithmeticError(threading.current_thread().name)

    layer = ReLU()
    layer.recorder = Failing()
    with pytest.raises(ArithmeticError, match="tinycnn"):
        Sequential(layer).forward(numbers((4, 3), "float32"))
