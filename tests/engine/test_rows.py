"""Random networks on the engine against the same layers one by one, and which layers are run together."""

import numpy as np
import pytest
from engine.networks import (
    ALGORITHMS,
    BLAS_MAY_WARN,
    CHUNKS,
    THREADS,
    Leaky,
    Loudness,
    Tanh,
    far_from_kinks,
    networks,
    pictures,
    step,
    using,
)
from harness import DTYPES, LAYOUTS, Scale, expect_close, expect_same_run, numbers, run
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinycnn import engine
from tinycnn.backend import to_device, to_numpy
from tinycnn.engine import workers
from tinycnn.engine.rows import Chunked, Dense, OnDevice, Whole
from tinycnn.errors import DtypeError, OrderError, ShapeError
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
)

pytestmark = BLAS_MAY_WARN


def compare(device, random_network, algorithm, dtype, layout, threads, scratch_bytes):
    """run() checks shapes, dtypes, that nothing is written into x and dy, and that a second run has the same bits."""
    net, shape = random_network
    net, x = net.astype(dtype), pictures(shape, dtype)
    assume(far_from_kinks(net, x, algorithm))
    with using(algorithm):
        fast = run(net, x, device, layout, threads, scratch_bytes)
    with engine.switched_off():
        plain = run(net, x, device, layout)
    expect_same_run(fast, plain, dtype)


ANY = (networks(), ALGORITHMS, DTYPES, LAYOUTS, THREADS, CHUNKS)


@settings(max_examples=120)
@given(st.tuples(*ANY))
def test_a_network_computes_what_its_layers_do_one_by_one(device, case):
    compare(device, *case)


@pytest.mark.slow
@settings(max_examples=500)
@given(st.tuples(*ANY))
def test_and_so_do_many_more(device, case):
    compare(device, *case)


@settings(max_examples=80)
@given(*ANY[:3], THREADS, CHUNKS)
def test_without_dx_the_gradients_have_the_same_bits(device, network, algorithm, dtype, threads, scratch_bytes):
    net, shape = network
    net, x = net.astype(dtype).to(device), to_device(pictures(shape, dtype), device)
    with using(algorithm), pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYCNN_THREADS", str(threads))
        patch.setattr(workers, "WORTH_A_THREAD", 0)
        patch.setattr(workers, "CPU_BYTES", scratch_bytes)
        patch.setattr(workers, "DEVICE_BYTES", scratch_bytes)
        with_dx = step(net, x)
        without = step(net, x, input_gradient=False)
    assert with_dx.dx.shape == shape and without.dx is None
    np.testing.assert_array_equal(to_numpy(with_dx.y), to_numpy(without.y))
    for name, grad in with_dx.grads.items():
        np.testing.assert_array_equal(to_numpy(grad), to_numpy(without.grads[name]))


def network(seed=0):
    rng = np.random.default_rng(seed)
    return Sequential(
        ReLU(), Conv2d(3, 6, 3, padding=1, rng=rng), MaxPool2d(2), ReLU(),
        Conv2d(6, 24, 3, padding=1, groups=2, rng=rng), LocalResponseNorm(3, alpha=0.1), Scale(),
        Conv2d(24, 24, 3, padding=1, rng=rng), Tanh(), MaxPool2d(3, 2), AvgPool2d(2, 1),
        Conv2d(24, 5, 1, rng=rng), Flatten(), Linear(5, 4, rng=rng), input_shape=(12, 12, 3),
    ).astype("float64")  # fmt: skip


def planned(net, xp=np):
    """[(kind of row, the names of its layers)]"""
    names = {id(layer): name for name, layer in net.children().items()}
    return [
        (type(row), [names[id(layer)] for layer in (row.layers if isinstance(row, Chunked) else [row.layer])])
        for row in engine.plan(net, xp)
    ]


def test_rows_end_around_what_does_not_treat_each_image_by_itself():
    assert planned(network()) == [
        (Chunked, ["relu1", "conv1", "pool1", "relu2", "conv2", "norm1"]), (Whole, ["scale1"]),
        (Chunked, ["conv3", "tanh1", "pool2", "pool3", "conv4"]), (Whole, ["flatten1"]), (Dense, ["fc1"]),
    ]  # fmt: skip


def test_on_a_device_each_layer_is_a_row():
    import tinycnn.simulated as simulated

    rows = planned(network(), simulated.xp)
    assert [names for _, names in rows] == [[name] for name in network().children()]
    kinds = {names[0]: kind for kind, names in rows}
    assert {name for name, kind in kinds.items() if kind is Whole} == {"scale1", "flatten1", "fc1"}
    assert {kind for kind in kinds.values() if kind is not Whole} == {OnDevice}


def test_switched_off_every_layer_runs_its_own_methods(monkeypatch):
    with engine.switched_off():
        assert not engine.enabled() and {kind for kind, _ in planned(network())} == {Whole}
    assert engine.enabled() and Chunked in {kind for kind, _ in planned(network())}
    monkeypatch.setenv("TINYCNN_ENGINE", "0")
    assert not engine.enabled() and {kind for kind, _ in planned(network())} == {Whole}


@pytest.mark.parametrize("special", [Leaky(), Loudness(), Dropout(0.5), Sequential(ReLU())], ids=repr)
def test_these_run_by_their_own_methods(special):
    assert [kind for kind, _ in planned(Sequential(ReLU(), special, ReLU()))] == [Chunked, Whole, Chunked]


@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize("layer, x", [
    (Conv2d(3, 4, 3), numbers((2, 6, 6, 3), "float32")), (ReLU(), numbers((2, 6, 6, 3), "float32")),
    (MaxPool2d(2), numbers((2, 6, 6, 3), "float32")), (Linear(3, 4), numbers((2, 3), "float32")),
], ids=str)  # fmt: skip
def test_a_method_replaced_on_one_layer_is_called(layer, x, method, monkeypatch):
    calls, own = [], getattr(layer, method)
    monkeypatch.setattr(layer, method, lambda *given, **named: calls.append(method) or own(*given, **named))
    net = Sequential(layer)
    net.backward(net.forward(x))
    assert calls == [method]


@pytest.mark.parametrize("kind, arguments", [(Conv2d, (3, 4, 3)), (MaxPool2d, (2,)), (ReLU, ())])
def test_a_method_replaced_on_the_whole_class_is_called(kind, arguments, monkeypatch):
    """As a student does who tries another formula."""
    own = kind.forward
    monkeypatch.setattr(kind, "forward", lambda layer, x: own(layer, x) + 1)
    x, layer = numbers((2, 6, 6, 3), "float32"), kind(*arguments)
    expect_close(Sequential(layer).forward(x), own(layer, x) + 1, "float32")


@pytest.mark.parametrize("kind, arguments, shape", [
    (Conv2d, (3, 4, 3), (2, 6, 6, 3)), (ReLU, (), (2, 6, 6, 3)), (MaxPool2d, (2,), (2, 6, 6, 3)),
    (Linear, (3, 4), (2, 3)),
])  # fmt: skip
def test_a_subclass_runs_its_own_code(kind, arguments, shape):
    class Doubled(kind):
        def forward(self, x):
            return 2 * super().forward(x)

        def backward(self, dy):
            return super().backward(2 * dy)

    plain, doubled, x = kind(*arguments), Doubled(*arguments), numbers(shape, "float32")
    one, other = step(Sequential(plain), x), step(Sequential(doubled), x)
    expect_close(other.y, 2 * one.y, "float32")
    expect_close(other.dx, 2 * one.dx, "float32")


def test_backward_walks_the_rows_of_its_forward_whatever_was_set_since(monkeypatch):
    net, x = network(), numbers((4, 12, 12, 3))
    expected = step(net, x)
    for name, one, other in (("TINYCNN_ENGINE", "0", "1"), ("TINYCNN_ENGINE", "1", "0"), ("TINYCNN_THREADS", "1", "3")):
        monkeypatch.setattr(workers, "WORTH_A_THREAD", 0)
        monkeypatch.setenv(name, one)
        y = net.forward(x)
        monkeypatch.setenv(name, other)
        monkeypatch.setattr(workers, "CPU_BYTES", 1)
        expect_close(net.backward(numbers(y.shape, seed=1)), expected.dx, "float64")
        for parameter, grad in zip(net.parameters().values(), expected.grads.values(), strict=True):
            expect_close(parameter.grad, grad, "float64")
        monkeypatch.undo()


def test_what_another_sequential_of_the_same_layers_runs_in_between_does_not_matter():
    net, x = Sequential(*network()[:6]), numbers((4, 12, 12, 3))
    expected = step(net, x)
    y = net.forward(x)
    net[:3].forward(2 * x)
    net["conv2"].forward(numbers((1, 6, 6, 6)))
    assert net["conv2"].backward(numbers((1, 6, 6, 24))).shape == (1, 6, 6, 6)
    np.testing.assert_array_equal(net.backward(numbers(y.shape, seed=1)), expected.dx)


def test_an_error_in_a_row_names_the_layer_and_the_shape():
    net = Sequential(Conv2d(3, 4, 3), ReLU(), MaxPool2d(2))
    with pytest.raises(ShapeError, match="Conv2d.* expects 3 channels in the last axis, got shape"):
        net.forward(numbers((2, 8, 8, 4), "float32"))
    with pytest.raises(ShapeError, match=r"Add the batch axis with x\[None\]"):
        net.forward(numbers((8, 8, 3), "float32"))
    with pytest.raises(ShapeError, match="a window of 2 does not fit into 1 pixels"):
        net.forward(numbers((2, 3, 3, 3), "float32"))
    with pytest.raises(ShapeError, match=r"Conv2d\(3, 4, 3\) expects \(H, W, 3\), got \(8, 8, 4\)"):
        Sequential(ReLU(), *net).forward(numbers((2, 8, 8, 4), "float32"))
    for layers in (net, [ReLU(), *net], [MaxPool2d(2), *net]):
        with pytest.raises(DtypeError, match="weights of float32 and got an input of float64"):
            Sequential(*layers).forward(numbers((2, 9, 9, 3)))


def test_a_refused_dy_uses_nothing_up():
    net = Sequential(Conv2d(3, 4, 3), ReLU(), MaxPool2d(2))
    y = net.forward(numbers((2, 8, 8, 3), "float32"))
    with pytest.raises(ShapeError, match="expects dy of the shape that forward returned"):
        net.backward(y[:1])
    assert net.backward(y).shape == (2, 8, 8, 3)
    with pytest.raises(OrderError, match="Sequential.backward was called without a forward"):
        net.backward(y)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_a_prediction_keeps_nothing_and_gives_the_same_bits(n):
    net, x = Sequential(network(), Dropout(0.5)), numbers((n, 12, 12, 3))
    expected = net.eval().forward(x)
    net.train()
    with net.predicting():
        np.testing.assert_array_equal(net.forward(x), expected)
        for layer in (net, net[0], net[0]["conv1"]):
            with pytest.raises(OrderError, match=r"Within predicting\(\) nothing is kept"):
                layer.backward(x)
    assert all(layer.training and layer.keeping for layer in net.tree())


def test_a_layer_that_predicts_amid_others_has_no_backward():
    net = Sequential(Conv2d(3, 4, 3), MaxPool2d(2), Conv2d(4, 4, 3, padding=1), ReLU(), Flatten(), Linear(36, 2))
    for name in ("conv1", "pool1", "conv2", "relu1", "fc1"):
        with net[name].predicting():
            y = net.forward(numbers((2, 8, 8, 3), "float32"))
            with pytest.raises(OrderError, match=f"{type(net[name]).__name__}.backward was called without a forward"):
                net.backward(y)


def test_a_single_image_is_predicted_alike_everywhere(device):
    net, x = network()[:6].astype("float32"), numbers((1, 12, 12, 3), "float32")
    expected = net.forward(x)
    net.to(device)
    with net.predicting():
        expect_close(to_numpy(net.forward(to_device(x, device))), expected, "float32")


@pytest.mark.slow
@pytest.mark.parametrize("scratch_bytes", [1, 10**9])
def test_a_network_passes_the_gradient_check(monkeypatch, scratch_bytes):
    monkeypatch.setattr(workers, "CPU_BYTES", scratch_bytes)
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 0)
    report = gradcheck(network(), numbers((3, 12, 12, 3)), seed=1)
    assert report.ok, str(report)


@given(st.integers(0, 5))
def test_a_network_of_nothing_passes_everything_on(n):
    net, x = Sequential(), numbers((n, 3))
    assert net.forward(x) is x and net.backward(x) is x


def test_a_tape_belongs_to_its_forward_whatever_runs_later():
    """What a row keeps is in its tape: the same layers may look at something else before the backward."""
    rng = np.random.default_rng(0)
    net = Sequential(Linear(6, 5, rng=rng), ReLU(), Linear(5, 2, rng=rng)).astype("float64")
    one, other, dy = rng.standard_normal((4, 6)), rng.standard_normal((4, 6)), rng.standard_normal((4, 2))
    net.forward(one)
    expected = net.backward(dy)
    _, tape = engine.forward(list(net), one)
    engine.forward(list(net), other)
    np.testing.assert_array_equal(engine.backward(tape, dy), expected)
