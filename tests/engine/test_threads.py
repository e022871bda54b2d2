"""Threads run side by side, errors come through, BLAS has its threads back, and no caller disturbs another."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from engine.networks import BLAS_MAY_WARN, Tanh, step
from harness import numbers

from tinycnn import engine
from tinycnn.engine import workers
from tinycnn.engine.threads import blas_libraries, one_blas_thread, run
from tinycnn.engine.workers import share_out
from tinycnn.layers import Conv2d, Sequential

pytestmark = BLAS_MAY_WARN


@pytest.fixture
def three(monkeypatch):
    """Three workers of one image each."""
    monkeypatch.setenv("TINYCNN_THREADS", "3")
    return share_out(3, 10**9)


def blas_threads():
    pytest.importorskip("threadpoolctl")
    return [library["num_threads"] for library in blas_libraries().info()]


def test_workers_run_side_by_side(three):
    everyone = threading.Barrier(3, timeout=20)  # passes only when three threads wait at once
    run(lambda worker: everyone.wait(), three)
    assert not everyone.broken


def test_results_come_first_images_first(three):
    release = threading.Event()

    def work(worker):
        if worker.start == 0:
            release.wait(20)  # the first finishes last
        elif worker.start == 2:
            release.set()
        return worker.start

    assert run(work, three) == [0, 1, 2]


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_in_any_worker_comes_through(three, failing):
    def work(worker):
        if worker.start == failing:
            raise ArithmeticError(f"worker {failing}")

    with pytest.raises(ArithmeticError, match=f"worker {failing}"):
        run(work, three)


def test_after_an_error_the_others_are_waited_for(three):
    """They write into the caller's arrays, which an optimizer's step shares with all that comes later."""
    failing, finished = threading.Event(), []

    def work(worker):
        if worker.start == 0:
            failing.set()
            raise ArithmeticError
        failing.wait(20)
        time.sleep(0.05)
        finished.append(worker.start)

    with pytest.raises(ArithmeticError):
        run(work, three)
    assert sorted(finished) == [1, 2]


def test_an_error_in_a_layer_comes_through_and_the_next_step_is_whole(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "3")
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 0)

    class Picky(Tanh):
        per_image = True

        def forward(self, x):
            if (x > 99).any():
                raise ArithmeticError("too large")
            return super().forward(x)

    net, x = Sequential(Conv2d(3, 4, 3), Picky(), Conv2d(4, 2, 1)), numbers((6, 5, 5, 3), "float32")
    expected = step(net, x)
    for image in (0, 5):
        wrong = x.copy()
        wrong[image] *= 1e9
        with pytest.raises(ArithmeticError, match="too large"):
            net.forward(wrong)
    np.testing.assert_array_equal(step(net, x).dx, expected.dx)


def test_errstate_holds_in_every_worker(three):
    def divide(worker):
        return np.ones(1) / np.zeros(1)

    with np.errstate(divide="ignore"):
        assert run(divide, three) == [np.inf] * 3
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        run(divide, three)
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):  # in a pooled thread, not only in this one
        run(lambda worker: worker.start and divide(worker), three)


def test_the_engine_is_switched_off_inside_workers_only(three):
    assert run(lambda worker: engine.enabled(), three) == run(lambda worker: engine.enabled(), three) == [False] * 3
    assert run(lambda worker: engine.enabled(), three[:1]) == [False] and engine.enabled()


def test_more_callers_than_threads_do_not_wait_for_each_other(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", str(2 * os.cpu_count() + 2))  # more workers than the pool has threads
    number = 2 * os.cpu_count() + 2

    def call(_):
        return run(lambda worker: worker.start, share_out(number, 10**6))

    with ThreadPoolExecutor(4) as callers:
        assert list(callers.map(call, range(8))) == [list(range(number))] * 8


def test_the_number_of_threads(monkeypatch):
    monkeypatch.delenv("TINYCNN_THREADS", raising=False)
    assert 1 <= engine.thread_count() <= os.cpu_count()
    for given, expected in (("7", 7), ("0", 1), ("", engine.thread_count())):
        monkeypatch.setenv("TINYCNN_THREADS", given)
        assert engine.thread_count() == expected


def test_switched_off_ends_with_its_block_and_holds_in_one_thread():
    with contextlib.suppress(ArithmeticError), engine.switched_off():
        with engine.switched_off():
            pass
        assert not engine.enabled()
        with ThreadPoolExecutor(1) as other:
            assert other.submit(engine.enabled).result()
        raise ArithmeticError
    assert engine.enabled()


def test_switched_on_undoes_it_within_and_bounds_the_chunks(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "1")
    (worker,) = share_out(5, 1)
    with engine.switched_off(), engine.switched_on(most_images=2):
        assert engine.enabled() and list(worker.chunks(1)) == [slice(0, 2), slice(2, 4), slice(4, 5)]
        with engine.switched_off():
            assert not engine.enabled()
    assert engine.enabled() and list(worker.chunks(1)) == [slice(0, 5)]
    monkeypatch.setenv("TINYCNN_ENGINE", "0")
    with engine.switched_on():
        assert not engine.enabled()


# --- BLAS's own threads ---


@pytest.fixture
def two_blas_threads():
    """Also on a machine with one core."""
    pytest.importorskip("threadpoolctl")
    with ThreadPoolExecutor(1) as first:  # threadpoolctl listens to the first thread that changes anything
        limit = first.submit(blas_libraries().limit, limits=2).result()
        yield
        first.submit(limit.restore_original_limits).result()


def in_this_thread(work):
    return work()


def in_another_thread(work):
    with ThreadPoolExecutor(1) as other:
        return other.submit(work).result()


@pytest.mark.parametrize("somewhere", [in_this_thread, in_another_thread])
def test_blas_has_its_threads_back_afterwards(three, two_blas_threads, somewhere):
    before = blas_threads()
    assert somewhere(lambda: run(lambda worker: blas_threads(), three)) == [[1] * len(before)] * 3
    assert blas_threads() == before
    with pytest.raises(ZeroDivisionError):
        somewhere(lambda: run(lambda worker: 1 // 0, three))
    assert blas_threads() == before
    assert somewhere(lambda: run(lambda worker: blas_threads(), three[:1], hold_blas=False)) == [before]


@pytest.mark.parametrize("n, held", [(1, False), (2, True), (5, True)])
def test_blas_is_held_while_a_row_runs_both_ways_but_for_a_single_image(two_blas_threads, n, held):
    found = []

    class Asking(Tanh):
        per_image = True

        def forward(self, x):
            found.append(blas_threads())
            return super().forward(x)

        def backward(self, dy):
            found.append(blas_threads())
            return super().backward(dy)

    before = blas_threads()
    step(Sequential(Asking()), numbers((n, 3), "float32"))
    assert found == [[1] * len(before) if held else before] * 2


def test_blas_has_its_threads_back_after_callers_that_overlap(two_blas_threads):
    first, second = one_blas_thread(), one_blas_thread()
    before = blas_threads()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        one.submit(first.__enter__).result()
        other.submit(second.__enter__).result()
        one.submit(first.__exit__, None, None, None).result()
        assert set(blas_threads()) == {1}  # the second is still at work
        other.submit(second.__exit__, None, None, None).result()
    assert blas_threads() == before


def test_who_leaves_blas_its_threads_waits_for_those_who_hold_it_and_they_for_him(two_blas_threads, three):
    before, held, go_on, order = blas_threads(), threading.Event(), threading.Event(), []

    def hold(name):
        with one_blas_thread():
            held.set()
            go_on.wait(20)
            order.append((name, blas_threads()))

    def leave(name):
        run(lambda worker: order.append((name, blas_threads())), three[:1], hold_blas=False)

    with ThreadPoolExecutor(3) as callers:
        callers.submit(hold, "first")
        held.wait(20)
        second = callers.submit(leave, "second")
        while not waiting():
            time.sleep(0.001)
        callers.submit(hold, "third")  # could compute beside the first, but would keep the second waiting
        while waiting() < 2:
            time.sleep(0.001)
        assert not second.done()
        go_on.set()
    assert order == [("first", [1] * len(before)), ("second", before), ("third", [1] * len(before))]


def waiting():
    """How many callers wait for their turn."""
    return len(sys.modules["tinycnn.engine.threads"]._turns.waiting)


def test_a_turn_within_a_turn_waits_for_nobody(two_blas_threads, three):
    with ThreadPoolExecutor(1) as other, one_blas_thread():
        late = other.submit(run, lambda worker: blas_threads(), three[:1], hold_blas=False)
        while not waiting():
            time.sleep(0.001)
        with one_blas_thread():
            assert set(blas_threads()) == {1}
        assert run(lambda worker: blas_threads(), three[:1], hold_blas=False) == [blas_threads()]
        assert not late.done()
    assert late.result() == [blas_threads()]


def test_without_threadpoolctl_blas_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys.modules["tinycnn.engine.threads"], "blas_libraries", lambda: None)
    with one_blas_thread():
        pass


def test_threadpoolctl_is_installed_for_the_tests():
    """Without it everything here would run in one thread, and pass."""
    assert blas_libraries() is not None and blas_libraries().lib_controllers


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_threads_of_its_own():
    program = """
import os
from tinycnn.engine.threads import run
from tinycnn.engine.workers import share_out
total = lambda: sum(run(lambda worker: worker.images, share_out(4, 10**9)))
assert len(share_out(4, 10**9)) == 2 and total() == 4
child = os.fork()
if child == 0:
    os._exit(0 if total() == 4 else 1)  # would wait forever for its parent's threads
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    environment = os.environ | {"TINYCNN_THREADS": "2"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment, timeout=60)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_while_other_threads_predict_predicts_the_same_bits_with_all_threads_of_blas():
    """Thirty children; without a turn of its own for the fork, about one in twenty found BLAS held at one thread."""
    program = """
import os, threading
import numpy as np
import tinycnn as tc
from tinycnn.engine.threads import blas_libraries
threads = lambda: [library["num_threads"] for library in blas_libraries().info()]
before = threads()
model = tc.models.localizer(3, image_size=32, channels=(8, 16), hidden=16)
pictures = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), dtype=np.uint8)
expected, ended = model.predict(pictures).probabilities, False

def predict():
    while not ended:
        for n in (1, 2, 9):
            model.predict(pictures[:n])

callers = [threading.Thread(target=predict) for _ in range(2)]
for caller in callers:
    caller.start()
wrong = 0
for number in range(30):
    child = os.fork()
    if child == 0:
        same = np.array_equal(model.predict(pictures).probabilities, expected)
        os._exit(0 if same and threads() == before and model.training else 1)
    wrong += os.waitpid(child, 0)[1] != 0
ended = True
assert not wrong, f"{wrong} of 30"
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=120,
                   env=os.environ | {"TINYCNN_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"})
