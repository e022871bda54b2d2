"""Sharing a batch out: every image once and in order, in parts that fit, and memory that is used again."""

import threading

import numpy as np
import pytest
from harness import numbers
from hypothesis import given
from hypothesis import strategies as st

from tinycnn.engine import workers
from tinycnn.engine.threads import run
from tinycnn.engine.workers import Worker, add_up, share_out
from tinycnn.layers import Parameter


@given(st.integers(0, 40), st.integers(1, 8), st.integers(0, 10**7))
def test_every_image_is_handled_once_and_in_order(n, number, bytes_per_image):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYCNN_THREADS", str(number))
        patch.setattr(workers, "WORTH_A_THREAD", 0)
        shares = [list(worker.chunks(bytes_per_image)) for worker in share_out(n, bytes_per_image)]
    images = list(range(40))
    assert [i for share in shares for chunk in share for i in images[chunk]] == images[:n]
    assert len(shares) == max(1, min(number, n))
    sizes = [share[-1].stop - share[0].start for share in shares]
    assert max(sizes) - min(sizes) <= 1  # a fair share each
    fit = max(1, workers.CPU_BYTES // max(1, bytes_per_image))
    assert all(chunk.stop - chunk.start <= fit for share in shares for chunk in share)


def test_little_work_wakes_nobody(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "4")
    assert len(share_out(8, workers.WORTH_A_THREAD // 8 - 1)) == 1
    assert len(share_out(8, workers.WORTH_A_THREAD // 8)) == 4


def test_without_threadpoolctl_there_is_one_worker_and_blas_uses_the_cores(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "4")
    monkeypatch.setattr(workers, "blas_libraries", lambda: None)
    assert len(share_out(8, 10**6)) == 1


def test_on_a_device_there_is_one_worker_with_large_chunks(monkeypatch):
    import tinycnn.simulated as simulated

    monkeypatch.setenv("TINYCNN_THREADS", "4")
    (worker,) = share_out(8, 10**6, simulated.xp)
    assert list(worker.chunks(10**6)) == [slice(0, 8)]
    monkeypatch.setattr(workers, "DEVICE_BYTES", 3 * 10**6)
    assert list(worker.chunks(10**6)) == [slice(0, 3), slice(3, 6), slice(6, 8)]
    assert isinstance(worker.empty("scratch", (2, 3), "float32"), simulated.xp.ndarray)


def test_a_batch_of_nothing_is_one_chunk_of_nothing():
    (worker,) = share_out(0, 10**9)
    assert list(worker.chunks(10**9)) == [slice(0, 0)] and not list(worker.cut(0, 10**9))


@given(st.integers(0, 30), st.integers(0, 10**7))
def test_a_worker_cuts_what_it_works_on(n, bytes_per_image):
    cut = list(Worker(5, 5 + n).cut(n, bytes_per_image))
    assert [i for images in cut for i in list(range(n))[images]] == list(range(n))
    limit = workers.SCRATCH * workers.CPU_BYTES
    assert all((images.stop - images.start - 1) * bytes_per_image <= limit for images in cut)


def test_scratch_memory_is_handed_out_again():
    worker = Worker(0, 3)
    first = worker.empty("patches", (2, 3), "float32")
    last = worker.empty("patches", (1, 3), "float32")  # a shorter last chunk
    assert first.shape == (2, 3) and last.shape == (1, 3) and first.dtype == np.float32
    assert np.shares_memory(first, last)
    assert not np.shares_memory(first, worker.empty("others", (2, 3), "float32"))
    assert not np.shares_memory(first, worker.empty("patches", (2, 3), "float64"))
    assert worker.empty("patches", (5, 3), "float32").shape == (5, 3)  # more than before: new memory


def test_scratch_memory_outlives_its_worker_unless_it_is_huge(monkeypatch):
    monkeypatch.setattr(workers, "LASTING_BYTES", 800)
    pair = [Worker(0, 1) for _ in range(2)]
    small, huge = ([worker.empty("lasting", (size,), np.float64) for worker in pair] for size in (100, 101))
    assert np.shares_memory(*small) and not np.shares_memory(*huge)
    assert np.shares_memory(huge[0], pair[0].empty("lasting", (101,), np.float64))  # within a worker it is kept


def test_no_two_threads_share_scratch_memory(monkeypatch):
    monkeypatch.setenv("TINYCNN_THREADS", "3")
    everyone = threading.Barrier(3, timeout=20)  # three threads, and not one after the other

    def work(worker):
        everyone.wait()
        return worker.empty("mine", (4,), np.float64)

    arrays = run(work, share_out(3, 10**6))
    assert not any(np.shares_memory(arrays[i], arrays[j]) for i in range(3) for j in range(i))


def test_zeros_are_zero_once_and_keep_what_was_written():
    worker = Worker(0, 4)
    border = worker.zeros("border", (2, 3), "float64")
    assert not border.any()
    border[:, 1] = 7
    np.testing.assert_array_equal(worker.zeros("border", (2, 3), "float64"), [[0, 7, 0], [0, 7, 0]])
    worker.clear()
    assert not worker.zeros("border", (2, 3), "float64").any()


def test_a_worker_computes_once_until_it_lets_go():
    worker = Worker(0, 1)
    assert worker.cached("prepared", lambda: [1]) == worker.cached("prepared", lambda: [2]) == [1]
    worker.clear()
    assert worker.cached("prepared", lambda: [2]) == [2]


def test_shares_are_added_first_images_first():
    parameters = [Parameter(np.zeros(500, "float32")) for _ in range(2)]  # among so many sums, another order shows
    parts = [[numbers(500, "float32", seed=3 * k + i) for i in range(3)] for k in range(4)]
    team = [Worker(k, k + 1) for k in range(4)]
    for worker, shares in zip(team, parts, strict=True):
        for share in shares:
            worker.add(parameters[0], share.copy())
        worker.add(parameters[1], shares[0].copy())
    add_up(team)
    expected = [sum(shares[1:], shares[0]) for shares in parts]
    np.testing.assert_array_equal(parameters[0].grad, sum(expected[1:], expected[0]))
    np.testing.assert_array_equal(parameters[1].grad, sum((shares[0] for shares in parts[1:]), parts[0][0]))
    assert parameters[0].grad.dtype == np.float32
    assert (parameters[0].grad != sum(expected[:0:-1], expected[0])).any()
