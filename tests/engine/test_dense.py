"""The products of a fully connected layer, shared out by columns."""

import numpy as np
import pytest
from engine.networks import BLAS_MAY_WARN, step
from harness import DTYPES, LAYOUTS, expect_close, numbers, run
from hypothesis import given
from hypothesis import strategies as st

from tinycnn import engine, reference
from tinycnn.engine import dense, products, workers
from tinycnn.engine.threads import blas_libraries
from tinycnn.errors import DtypeError, OrderError, ShapeError
from tinycnn.layers import Linear, Sequential
from tinycnn.optim import SGD

pytestmark = BLAS_MAY_WARN


def linear(d, f, bias=True, dtype="float64"):
    layer = Linear(d, f, bias=bias).astype(dtype)
    if bias:
        layer.b.value = numbers(f, dtype, seed=4)
    return layer


@given(st.integers(0, 6), st.integers(1, 9), st.integers(1, 9), st.booleans(), DTYPES, LAYOUTS, st.integers(1, 4))
def test_it_equals_the_loops(n, d, f, bias, dtype, layout, threads):
    layer, x = linear(d, f, bias, dtype), numbers((n, d), dtype)
    got = run(Sequential(layer), x, "cpu", layout, threads)
    expect_close(got.y, reference.linear(x, layer.w.value, layer.b.value if bias else np.zeros(f)), dtype)
    dx, dw, db = reference.linear_backward(got.dy, x, layer.w.value)
    expect_close(got.dx, dx, dtype)
    expect_close(got.grads["fc1.w"], dw, dtype)
    if bias:
        expect_close(got.grads["fc1.b"], db, dtype)


@pytest.mark.parametrize("n", [1, 2, dense.FEW, dense.FEW + 1, dense.MORE, dense.MORE + 1])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_blocks_equal_the_formula(n, threads, monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", threads)
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(products, "SMALL", 64 * 128)  # so that small products are cut, too
    monkeypatch.setattr(dense, "COLUMNS", 5)
    layer, x = linear(256, 12, dtype="float32"), numbers((n, 256), "float32")
    got = step(Sequential(layer), x)
    with engine.switched_off():
        expected = step(Sequential(layer), x)
    for one, other in zip((got.y, got.dx, *got.grads.values()), (expected.y, expected.dx, *expected.grads.values()),
                          strict=True):  # fmt: skip
        expect_close(one, other, "float32")


def test_every_column_has_one_worker(monkeypatch):
    """So w is fetched from memory once, whatever the batch."""
    monkeypatch.setenv("TINYCNN_THREADS", "3")
    layer, x, shares = linear(700, 400, dtype="float32"), numbers((16, 700), "float32"), []

    def spy(work, team, **how):
        shares.append([(worker.start, worker.stop) for worker in team])
        return [work(worker) for worker in team]

    monkeypatch.setattr(dense, "run", spy)
    step(Sequential(layer), x)
    assert shares == [[(0, 133), (133, 266), (266, 400)], [(0, 233), (233, 466), (466, 700)]]


def test_small_products_wake_nobody(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "3")
    monkeypatch.setattr(dense, "run", lambda work, team, **how: [work(worker) for worker in team] if len(team) == 1 else
                        pytest.fail(f"{len(team)} workers"))  # fmt: skip
    step(Sequential(linear(20, 10)), numbers((4, 20)))


def test_blas_is_held_while_the_workers_multiply(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "2")
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 0)
    found, run_workers = set(), dense.run

    def spy(work, team, **how):
        def watched(worker):
            found.update(library["num_threads"] for library in blas_libraries().info())
            return work(worker)

        return run_workers(watched, team, **how)

    monkeypatch.setattr(dense, "run", spy)
    step(Sequential(linear(20, 10)), numbers((4, 20)))
    assert found == {1}


def test_it_raises_the_errors_of_the_layer():
    net = Sequential(Linear(4, 3))
    with pytest.raises(ShapeError, match=r"expects \(N, 4\), got \(2, 5\)"):
        net.forward(numbers((2, 5), "float32"))
    with pytest.raises(ShapeError, match=r"Put a Flatten\(\) before it"):
        net.forward(numbers((2, 1, 2, 2), "float32"))
    with pytest.raises(DtypeError, match="weights of float32 and got an input of float64"):
        net.forward(numbers((2, 4)))
    with net[0].predicting():
        y = net.forward(numbers((2, 4), "float32"))
        with pytest.raises(OrderError, match="Linear.backward was called without a forward"):
            net.backward(y)


def test_without_dx_none_is_computed():
    net, x = Sequential(linear(5, 3)), numbers((4, 5))
    expected = step(net, x)
    got = step(net, x, input_gradient=False)
    assert got.dx is None
    for name, grad in expected.grads.items():
        np.testing.assert_array_equal(got.grads[name], grad)


def test_switched_off_the_layer_multiplies_itself(monkeypatch):
    monkeypatch.setattr(dense, "forward", lambda *given: pytest.fail("shared out"))
    with engine.switched_off():
        step(Sequential(linear(5, 3)), numbers((4, 5)))


def test_the_memory_of_a_gradient_serves_the_next_unless_somebody_holds_it():
    net, x, dy = Sequential(Linear(8, 4)), np.ones((3, 8), "float32"), np.ones((3, 4), "float32")
    optimizer, w = SGD(net, lr=0.1), net["fc1"].w

    def step(factor):
        net.forward(factor * x)
        net.backward(dy)
        np.testing.assert_array_equal(w.grad, np.full((8, 4), 3 * factor))
        return w.grad

    first = id(step(1))
    optimizer.step()
    assert w.grad is None and id(step(2)) == first
    held, part = step(3), step(3)[0]  # two backwards without a step between, and a view
    optimizer.step()
    assert step(4) is not held
    np.testing.assert_array_equal(held, 9)
    np.testing.assert_array_equal(part, 9)
    net.astype("float64")
    net.forward(x.astype("float64"))
    net.backward(dy.astype("float64"))
    assert w.grad.dtype == np.float64
