"""The arithmetic of an optimizer's step, in blocks: every number once, the same bits as in one piece."""

import threading

import numpy as np
import pytest
from harness import numbers
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycnn import engine
from tinycnn.backend import to_device, to_numpy
from tinycnn.engine import update as blocks
from tinycnn.engine import workers
from tinycnn.layers import Linear
from tinycnn.optim import SGD, Adam

SHAPES = st.lists(st.integers(0, 9), max_size=4).map(tuple)


@settings(max_examples=60)
@given(SHAPES, st.integers(1, 50), st.integers(1, 4), st.booleans())
def test_every_number_is_handled_once(device, shape, block, threads, off):
    a, b = (to_device(numbers(shape, "float32", seed), device) for seed in (0, 1))
    expected = to_numpy(a) + (to_numpy(a) + to_numpy(b))
    sizes = []

    def update(xp, one, other, scratch):
        assert one.ndim == 1 and one.shape == other.shape == scratch.shape and scratch.dtype == one.dtype
        sizes.append(len(one))
        one += xp.add(one, other, out=scratch)

    with pytest.MonkeyPatch.context() as patch, engine.switched_off() if off else pytest.MonkeyPatch.context():
        patch.setenv("TINYCNN_THREADS", str(threads))
        patch.setattr(workers, "WORTH_A_THREAD", 0)
        patch.setattr(blocks, "BLOCK", block)
        engine.in_blocks(update, [a, b])
    np.testing.assert_array_equal(to_numpy(a), expected)
    assert sum(sizes) == a.size
    if off or device != "cpu":
        assert len(sizes) <= 1
    else:
        assert all(size <= block for size in sizes)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_step_has_the_same_bits_in_blocks_and_in_one_piece(monkeypatch, kind):
    monkeypatch.setenv("TINYCNN_THREADS", "3")
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(blocks, "BLOCK", 7)
    found = []
    for off in (False, True):
        model = Linear(9, 11)
        optimizer = kind(model, lr=0.1, weight_decay=0.01)
        with engine.switched_off() if off else pytest.MonkeyPatch.context():
            for i in range(3):
                model.w.grad, model.b.grad = numbers((9, 11), "float32", i), numbers(11, "float32", i)
                optimizer.step()
        found.append([model.w.value, model.b.value, *optimizer.state_arrays().values()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("size, expected", [(10**5, 1), (2 * 10**6, 3)])
def test_large_parameters_are_shared_out(monkeypatch, size, expected):
    monkeypatch.setenv("TINYCNN_THREADS", "3")
    found = []
    monkeypatch.setattr(blocks, "run", lambda work, team, **how: found.append(len(team)))
    engine.in_blocks(None, [np.empty(size, "float32")])
    assert found == [expected]


def test_on_a_device_and_switched_off_there_is_one_part_in_this_thread(device):
    seen = []

    def update(xp, a, scratch):
        seen.append((a.size, threading.get_ident()))

    array = to_device(np.zeros((300, 1000), "float32"), device)
    with engine.switched_off() if device == "cpu" else pytest.MonkeyPatch.context():
        engine.in_blocks(update, [array])
    assert seen == [(300_000, threading.get_ident())]
