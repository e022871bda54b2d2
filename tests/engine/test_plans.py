"""Plans are used again while all that they were made from is the same, and never longer."""

import copy
import gc
import threading
import types
import weakref

import numpy as np
import pytest
from engine.networks import Seen, Tanh
from harness import expect_close, numbers

import tinycnn as tc
from tinycnn import engine
from tinycnn.engine import plans, workers
from tinycnn.engine.plans import planned
from tinycnn.layers import Conv2d, MaxPool2d, Parameter, ReLU, Sequential

SHAPE, FLOAT = (2, 8, 8, 3), np.dtype("float32")


def layers():
    rng = np.random.default_rng(0)
    return [Conv2d(3, 4, 3, padding=1, rng=rng), MaxPool2d(2), ReLU(), Conv2d(4, 5, 3, padding=1, rng=rng), ReLU()]


def plan(row, shape=SHAPE, dtype=FLOAT):
    return planned(row, shape, dtype, np)


def test_a_plan_is_used_again_for_the_same_shape():
    row = layers()
    first = plan(row)
    assert plan(row) is first and plan(list(row)) is first
    other = plan(row, (3, *SHAPE[1:]))
    assert other is not first and plan(row) is first  # both are kept
    assert plan(layers()) is not first


def test_a_few_shapes_are_kept():
    row = layers()
    first = plan(row)
    for n in range(3, 3 + plans.SHAPES):
        plan(row, (n, *SHAPE[1:]))
    assert plan(row) is not first and len(plans._plans[row[0]]) == plans.SHAPES


def stride(row):
    row[3].stride = (2, 2)


def padding(row):
    row[0].padding = (0, 0)


def same(row):
    row[0].same = True


def kernel(row):
    row[1].kernel = (1, 1)


def ceil_mode(row):
    row[1].kernel, row[1].ceil_mode = (3, 3), True


def weights(row):
    row[0].w.value = row[0].w.value.astype("float64")


def filters(row):
    row[3].w, row[3].out_channels = Parameter(np.ones((3, 3, 4, 7), "float32")), 7
    row[3].b = None


def dropped(row):
    del row[2]


def exchanged(row):
    row[2] = ReLU()


def own_code(row):
    row[2].forward = types.MethodType(ReLU.forward, row[2])


def watched(row):
    Seen(row[2])


@pytest.mark.parametrize("change", [stride, padding, same, kernel, ceil_mode, weights, filters, dropped, exchanged,
                                    own_code, watched], ids=lambda change: change.__name__)  # fmt: skip
def test_whatever_it_was_made_from_makes_a_new_one(change):
    row, x = layers(), numbers(SHAPE, "float32")
    first = plan(row)
    change(row)
    if change is weights:
        with pytest.raises(TypeError, match="float64"):
            Sequential(*row).forward(x)
        return
    if change is not own_code:  # such a layer is in no row with others
        assert plan(row) is not first
    net = Sequential(*row)
    y = net.forward(x)
    with engine.switched_off():
        expect_close(y, net.forward(x), "float32")


def test_a_prediction_has_a_plan_of_its_own():
    net, x = Sequential(*layers()), numbers(SHAPE, "float32")
    y = net.forward(x)
    with net.predicting():
        np.testing.assert_array_equal(net.forward(x), y)
    net.backward(net.forward(x))  # what it needs was kept


def test_a_replaced_class_method_is_seen(monkeypatch):
    net, x = Sequential(*layers()), numbers(SHAPE, "float32")
    net.forward(x)
    monkeypatch.setattr(ReLU, "forward", lambda self, x: x * 0 + 1)
    assert (net.forward(x) == 1).all()


def test_a_row_with_a_layer_of_ones_own_is_planned_anew():
    row = [*layers(), Tanh()]
    assert plan(row) is not plan(row)


def test_no_plan_keeps_a_network_alive():
    net = Sequential(*layers())
    net.forward(numbers(SHAPE, "float32"))
    alive, count = [weakref.ref(layer) for layer in net], len(plans._plans)
    del net
    gc.collect()
    assert not any(layer() for layer in alive) and len(plans._plans) < count


def test_a_backward_goes_through_the_plan_of_its_forward():
    """Also when another forward, of another shape, has come between."""
    net, other = Sequential(*layers()), Sequential(*layers())
    x, dy = numbers(SHAPE, "float32"), numbers((2, 4, 4, 5), "float32")
    net.forward(x)
    copy.deepcopy(net).forward(x[:1])
    dx = net.backward(dy)
    other.forward(x)
    np.testing.assert_array_equal(dx, other.backward(dy))


def test_one_network_in_two_threads():
    net, x = Sequential(*layers()), numbers((4, *SHAPE[1:]), "float32")
    with net.predicting():
        expected, found = [net.forward(x[:n]) for n in (1, 2, 3, 4)], []

        def work():
            for _ in range(10):
                found.extend((n, net.forward(x[:n])) for n in (4, 1, 3, 2))

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for n, y in found:
        np.testing.assert_array_equal(y, expected[n - 1])


def trained(threads, monkeypatch):
    """What a small localizer says after three steps and a prediction in between."""
    monkeypatch.setenv("TINYCNN_THREADS", str(threads))
    model, found = tc.models.localizer(3, image_size=16, channels=(8, 16), hidden=8), []
    x, optimizer, loss = numbers((20, 16, 16, 3), "float32"), tc.optim.SGD(model, lr=0.05), tc.MultiTaskLoss()
    for n in (20, 12, 20):  # the second batch is small, and has plans and products of its own
        truth = np.arange(n) % 3, numbers((n, 4), "float32", seed=2)
        loss.forward(model.forward(x[:n]), truth)
        model.backward(*loss.backward())
        optimizer.step()
        with model.predicting():
            found += model.forward(x[:1]) + model.forward(x)
    return found


def test_two_runs_have_the_same_bits_and_one_thread_the_same_numbers(monkeypatch):
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 0)
    first, again, alone = (trained(threads, monkeypatch) for threads in (2, 2, 1))
    for one, same, other in zip(first, again, alone, strict=True):
        np.testing.assert_array_equal(one, same)
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5)
