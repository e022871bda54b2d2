"""Splitting a batch over threads: every image once and in order, the same bits, errors that come through."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from harness import difference, numbers
from hypothesis import given
from hypothesis import strategies as st
from tinycnn.parallel import Lane, over_batch, threads

from tinycnn import parallel
from tinycnn.layers import Conv2d, Flatten, Linear, LocalResponseNorm, MaxPool2d, ReLU, Sequential


@given(st.integers(0, 40), st.integers(1, 8), st.integers(0, 10**7))
def test_every_image_is_handled_once_in_order(n, workers, bytes_per_image):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYCNN_THREADS", str(workers))
        patch.setattr(parallel, "WORTH_A_THREAD", 0)
        lanes = over_batch(lambda lane: [list(range(40))[images] for images in lane], n, bytes_per_image)
    assert [i for lane in lanes for images in lane for i in images] == list(range(n))
    assert len(lanes) == max(1, min(workers, n))
    sizes = [sum(map(len, lane)) for lane in lanes]
    assert max(sizes) - min(sizes) <= 1  # a fair share each
    per_step = max(1, parallel.CPU_BYTES // max(1, bytes_per_image))
    assert all(len(images) <= per_step for lane in lanes for images in lane)


def test_the_lanes_run_side_by_side(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "3")
    everyone = threading.Barrier(3, timeout=20)  # passes only when three threads wait at once
    over_batch(lambda lane: everyone.wait(), 3, 10**6)
    assert not everyone.broken


def test_lanes_inside_a_lane_neither_wait_for_its_threads_nor_use_its_memory(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", str(2 * os.cpu_count() + 2))  # more lanes than the pool has threads
    monkeypatch.setattr(parallel, "WORTH_A_THREAD", 0)

    def inside(lane):
        lane.empty("scratch", (4,), np.float64)[:] = -1
        return threading.get_ident()

    def work(lane):
        mine = lane.empty("scratch", (4,), np.float64)
        mine[:] = lane.number
        assert set(over_batch(inside, 4, 1)) == {threading.get_ident()}
        return mine[0]

    n = threads()
    assert over_batch(work, n, 1) == list(range(n))
    assert over_batch(work, 1, 1) == [0]  # one image: BLAS has all cores


def test_results_come_first_images_first(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "4")
    release = threading.Event()

    def work(lane):
        if lane.slices[0].start == 0:
            release.wait(20)  # the first lane finishes last
        else:
            release.set()
        return lane.slices[0].start

    assert over_batch(work, 4, 10**9) == [0, 1, 2, 3]


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_in_any_lane_comes_through(monkeypatch, failing):
    monkeypatch.setenv("TINYCNN_THREADS", "3")

    def work(lane):
        if lane.slices[0].start == failing:
            raise ArithmeticError(f"lane {failing}")

    with pytest.raises(ArithmeticError, match=f"lane {failing}"):
        over_batch(work, 3, 10**9)


def test_after_an_error_the_other_lanes_are_waited_for(monkeypatch):
    """They write into the caller's arrays, which an optimizer's step shares with all that comes later."""
    monkeypatch.setenv("TINYCNN_THREADS", "2")
    failing, finished = threading.Event(), []

    def work(lane):
        if lane.number == 0:
            failing.set()
            raise ArithmeticError
        failing.wait(20)
        time.sleep(0.05)
        finished.append(lane.number)

    with pytest.raises(ArithmeticError):
        over_batch(work, 2, 10**9)
    assert finished == [1]


def test_blas_has_its_threads_back_afterwards(monkeypatch):
    controller = pytest.importorskip("threadpoolctl").ThreadpoolController().select(user_api="blas")

    def blas_threads():
        return [library["num_threads"] for library in controller.info()]

    monkeypatch.setenv("TINYCNN_THREADS", "2")
    before = blas_threads()
    inside = over_batch(lambda lane: blas_threads(), 2, 10**6)
    assert inside == [[1] * len(before)] * 2
    assert blas_threads() == before
    with pytest.raises(ArithmeticError):
        over_batch(lambda lane: 1 // 0, 2, 10**6)
    assert blas_threads() == before


def test_blas_has_its_threads_back_after_callers_that_overlap():
    controller = pytest.importorskip("threadpoolctl").ThreadpoolController().select(user_api="blas")

    def blas_threads():
        return [library["num_threads"] for library in controller.info()]

    with controller.limit(limits=2):  # also on a machine with one core
        first, second = parallel.one_blas_thread(), parallel.one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert set(blas_threads()) == {1}  # the second is still at work
        second.__exit__(None, None, None)
        assert set(blas_threads()) == {2}


def test_without_threadpoolctl_blas_uses_the_cores_and_there_is_one_lane(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "4")
    monkeypatch.setattr(parallel, "_blas", lambda: None)
    assert len(over_batch(lambda lane: lane, 8, 10**6)) == 1
    with parallel.one_blas_thread():
        pass


def test_little_work_wakes_nobody(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "4")
    assert len(over_batch(lambda lane: lane, 8, parallel.WORTH_A_THREAD // 8 - 1)) == 1
    assert len(over_batch(lambda lane: lane, 8, parallel.WORTH_A_THREAD // 8)) == 4


def test_scratch_memory_is_handed_out_again():
    lane = Lane([slice(0, 2), slice(2, 3)], np)
    first = lane.empty("patches", (2, 3), "float32")
    last = lane.empty("patches", (1, 3), "float32")  # a shorter last slice
    assert first.shape == (2, 3) and last.shape == (1, 3) and first.dtype == np.float32
    assert np.shares_memory(first, last)
    assert not np.shares_memory(first, lane.empty("others", (2, 3), "float32"))
    assert lane.empty("patches", (5, 3), "float32").shape == (5, 3)  # more than before: new memory


def test_scratch_memory_outlives_its_lane_unless_it_is_huge(monkeypatch):
    monkeypatch.setattr(parallel, "LASTING_BYTES", 800)
    lanes = [Lane([slice(0, 1)], np) for _ in range(2)]
    small, huge = ([lane.empty("lasting", (size,), np.float64) for lane in lanes] for size in (100, 101))
    assert np.shares_memory(*small) and not np.shares_memory(*huge)
    assert np.shares_memory(huge[0], lanes[0].empty("lasting", (101,), np.float64))  # within a lane it is kept


def test_zeros_are_zero_once_and_keep_what_was_written():
    lane = Lane([slice(0, 2), slice(2, 4)], np)
    border = lane.zeros("border", (2, 3), "float64")
    assert not border.any()
    border[:, 1] = 7
    np.testing.assert_array_equal(lane.zeros("border", (2, 3), "float64"), [[0, 7, 0], [0, 7, 0]])


def test_a_lane_computes_once_and_adds_up():
    lane = Lane([slice(0, 1)], np)
    assert lane.once("kernel", lambda: [1]) is lane.once("kernel", lambda: [2])
    for share in (np.ones(2), np.full(2, 4.0)):
        lane.add("w", share)
    np.testing.assert_array_equal(lane.sums["w"], [5, 5])


@given(st.integers(0, 30), st.integers(0, 10**7))
def test_a_lane_cuts_what_it_works_on(n, bytes_per_image):
    cut = Lane([slice(0, n)], np).cut(n, bytes_per_image)
    assert [i for images in cut for i in list(range(n))[images]] == list(range(n))
    limit = parallel.SCRATCH * parallel.CPU_BYTES
    assert all((images.stop - images.start - 1) * bytes_per_image <= limit for images in cut)


SHAPES = [((3, 4), (4, 700)), ((700, 4), (4, 3)), ((1, 5000), (5000, 64)), ((2, 0), (0, 3)), ((0, 2), (2, 3))]


@pytest.mark.parametrize("shapes", SHAPES)
def test_a_shared_out_product_is_the_product(monkeypatch, shapes):
    monkeypatch.setenv("TINYCNN_THREADS", "3")
    monkeypatch.setattr(parallel, "WORTH_A_THREAD", 0)
    a, b = numbers(shapes[0]), numbers(shapes[1], seed=1)
    assert difference(parallel.matmul(a, b), a @ b) < 1e-13
    assert difference(parallel.matmul(b.T, a.T), b.T @ a.T) < 1e-13


def test_the_number_of_threads(monkeypatch):
    monkeypatch.delenv("TINYCNN_THREADS", raising=False)
    assert 1 <= threads() <= os.cpu_count()
    monkeypatch.setenv("TINYCNN_THREADS", "7")
    assert threads() == 7
    monkeypatch.setenv("TINYCNN_THREADS", "0")
    assert threads() == 1


def network():
    return Sequential(
        Conv2d(3, 8, 3, padding=1), ReLU(), MaxPool2d(2), LocalResponseNorm(3), Conv2d(8, 6, 3), ReLU(), Flatten(),
        Linear(6 * 6 * 6, 4), input_shape=(16, 16, 3),
    )  # fmt: skip


def gradients(workers, monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", str(workers))
    net, x = network(), numbers((7, 16, 16, 3), "float32")
    y = net.forward(x)
    dx = net.backward(numbers(y.shape, "float32", seed=1))
    return [y, dx, *(p.grad for p in net.parameters().values())]


def test_more_threads_change_rounding_only_and_the_same_number_changes_nothing(monkeypatch):
    one, two, again = (gradients(workers, monkeypatch) for workers in (1, 2, 2))
    for a, b, c in zip(one, two, again, strict=True):
        assert difference(a, b) < 1e-5
        np.testing.assert_array_equal(b, c)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_threads_of_its_own():
    program = """
import os
from tinycnn.parallel import over_batch
total = lambda: sum(over_batch(lambda lane: len(lane.slices), 4, 10**9))
assert total() == 4
child = os.fork()
if child == 0:
    os._exit(0 if total() == 4 else 1)  # would wait forever for its parent's threads
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    environment = os.environ | {"TINYCNN_THREADS": "2"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment, timeout=60)
