"""Memory that is used again: whoever looks at an array keeps it, and nobody else is given it."""

import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinycnn as tc
from tinycnn.engine import memory
from tinycnn.engine.memory import room

FLOAT = np.dtype(np.float32)
LARGE = 2**15  # numbers: 128 KiB, which is remembered


@pytest.fixture(autouse=True)
def nothing_held(monkeypatch):
    monkeypatch.setattr(memory, "_held", memory._Held())


def place(array):
    """Where the array's first number lies."""
    return array.__array_interface__["data"][0]


def test_what_nobody_looks_at_is_used_again():
    first = room((LARGE,), FLOAT)
    where = place(first)
    del first
    assert place(room((4, LARGE // 4), FLOAT)) == where


@pytest.mark.parametrize("look", [
    lambda a: a, lambda a: a[5:9], lambda a: a[::2].reshape(-1, 2).T, lambda a: a.view(np.uint8), memoryview,
    lambda a: np.ndarray((3,), FLOAT, a), lambda a: a[None].squeeze(), lambda a: np.asarray(a).ravel()[-1:],
    lambda a: np.lib.stride_tricks.as_strided(a, (2, 2), (4, 4)), lambda a: [a], lambda a: a.flat,
])  # fmt: skip
def test_any_way_to_look_at_it_keeps_it(look):
    array = room((LARGE,), FLOAT)
    array[:] = 7
    kept = look(array)
    where = place(array)
    del array
    other = room((LARGE,), FLOAT)
    assert place(other) != where
    del kept
    gc.collect()
    assert place(room((LARGE,), FLOAT)) == where


@given(sizes=st.lists(st.integers(memory.SMALLEST // 4, 2 * memory.SMALLEST), min_size=2, max_size=12), data=st.data())
def test_arrays_that_live_never_share_memory(sizes, data):
    alive = []
    for number, size in enumerate(sizes):
        array = room((size,), FLOAT)
        array[:] = number
        alive.append((number, array))
        if data.draw(st.booleans()):
            alive.pop(data.draw(st.integers(0, len(alive) - 1)))
        del array
    assert all((array == number).all() for number, array in alive)


def test_what_is_held_is_bounded(monkeypatch):
    monkeypatch.setattr(memory, "LIMIT", 10 * 4 * LARGE)
    alive = [room((LARGE,), FLOAT) for _ in range(30)]  # more than is held on to; those beyond are made as ever
    assert len({place(a) for a in alive}) == 30 and memory._held.bytes <= memory.LIMIT
    del alive
    sizes = [room((LARGE * k,), FLOAT).nbytes for k in range(1, 9)]  # other sizes take the place of the free ones
    assert sizes == [4 * LARGE * k for k in range(1, 9)] and memory._held.bytes <= memory.LIMIT
    memory._held.let_go(memory._held.bytes)
    assert memory._held.bytes == 0


def test_small_and_huge_arrays_are_made_as_ever():
    for size in (10, memory.SMALLEST // 4 - 1, memory.LARGEST // 4 + 1):
        assert room((size,), FLOAT).base is None
    assert memory._held.bytes == 0


def test_threads_are_given_memory_of_their_own():
    wrong = []

    def work(number):
        for _ in range(200):
            array = room((LARGE,), FLOAT)
            array[:] = number
            if not (array == number).all():
                wrong.append(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert not wrong and memory._held.bytes <= 2 * 4 * 4 * LARGE  # each asks for the next while it has the last


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_is_given_memory_while_the_parent_holds_the_lock():
    with memory._held.lock:
        child = os.fork()
        if child == 0:  # no assertion here: pytest would go on in the child
            signal = threading.Timer(20, lambda: os._exit(1))
            signal.start()
            room((LARGE,), FLOAT)
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_results_do_not_depend_on_what_lay_there_before(monkeypatch):
    def results():
        model = tc.models.localizer(3, image_size=32, channels=(8, 16), hidden=16)
        x = np.random.default_rng(0).standard_normal((24, 32, 32, 3), dtype=np.float32)
        found = []
        for _ in range(2):
            scores, boxes = model.forward(x)
            dx = model.backward(scores, boxes, input_gradient=True)
            found += [scores, boxes, dx, *(p.grad for p in model.parameters().values())]
        return found

    expected, block, blocks = results(), memory._Held.block, []

    def dirty(self, size):
        array = block(self, size)
        array[:] = 255  # as floating-point numbers: NaN
        blocks.append(size)
        return array

    monkeypatch.setattr(memory._Held, "block", dirty)
    assert all(map(np.array_equal, expected, results())) and blocks


def test_nobody_waits_for_memory():
    """A signal's handler that runs a network may have interrupted the very lines that hold the lock."""
    with memory._held.lock:
        array = room((LARGE,), FLOAT)
    assert array.size == LARGE and memory._held.bytes == 0
