"""The threads that compute, and BLAS's own, which have to stand back meanwhile.

Inside one matrix product BLAS uses all cores, but copies and elementwise work use one. So the batch is shared out
instead: each thread takes its images from start to end, with BLAS held at one thread each. NumPy releases Python's lock
while it copies and multiplies, so the threads really run side by side.
"""

import contextlib
import contextvars
import functools
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait


def thread_count():
    """How many threads compute: the processors that this process may use, or TINYCNN_THREADS."""
    chosen = os.environ.get("TINYCNN_THREADS")
    if chosen:
        if not chosen.isdecimal():
            raise ValueError(f"TINYCNN_THREADS is a number of threads, got {chosen!r}")
        return max(1, int(chosen))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_on = contextvars.ContextVar("whether the engine runs", default=True)
_most_images: contextvars.ContextVar[int | None] = contextvars.ContextVar("the largest chunk", default=None)


def enabled():
    """Whether the engine runs: not with TINYCNN_ENGINE=0, within switched_off(), or in a thread that it has started."""
    return _on.get() and os.environ.get("TINYCNN_ENGINE", "1").lower() not in ("0", "false", "off", "no")


def most_images():
    """The most images that switched_on() lets a chunk have, or None."""
    return _most_images.get()


@contextlib.contextmanager
def switched_off() -> Iterator[None]:
    """For the length of a with block, in this thread: every layer runs its own formula on the whole batch."""
    token = _on.set(False)
    try:
        yield
    finally:
        _on.reset(token)


@contextlib.contextmanager
def switched_on(most_images: int | None = None) -> Iterator[None]:
    """Undo switched_off() for the length of a with block. most_images: in a chunk, however many would fit the cache"""
    token, most = _on.set(True), _most_images.set(most_images)
    try:
        yield
    finally:
        _on.reset(token)
        _most_images.reset(most)


def run(work, workers, hold_blas=True):
    """[work(worker) for each worker], each on a thread of its own, with BLAS held at one thread each.

    hold_blas: False leaves BLAS all of its threads, for a single worker whose products are all there is to do.
    """
    if not hold_blas and len(workers) == 1:
        return [_within(work, workers[0])]
    with one_blas_thread():
        if len(workers) == 1:
            return [_within(work, workers[0])]
        # Each thread runs in a copy of this one's context, so that numpy.errstate holds there as well.
        pool = _pool(os.getpid())
        others = [pool.submit(contextvars.copy_context().run, _within, work, worker) for worker in workers[1:]]
        try:
            first = _within(work, workers[0])  # this thread works too
        finally:
            wait(others)  # after an error too: nobody writes into arrays behind the caller's back
        return [first] + [other.result() for other in others]


def _within(work, worker):
    """A network inside a layer that is run here finds the engine switched off: its threads are all at work."""
    token = _on.set(False)
    try:
        return work(worker)
    finally:
        _on.reset(token)


@functools.cache
def _pool(process):
    """Threads do not survive a fork, so each process has its own pool; `process` is only the key."""
    return ThreadPoolExecutor(max_workers=max(1, (os.cpu_count() or 1) * 2), thread_name_prefix="tinycnn")


_holders: list = []  # one entry for everybody who holds BLAS at one thread now
_holders_lock = threading.Lock()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS at one thread while our own threads run; without threadpoolctl, do nothing.

    BLAS has one setting for the whole process. When several threads of a caller are in here at once, the first changes
    it and the last puts it back: each putting back what it found could leave BLAS at one thread for good.
    """
    blas = blas_libraries()
    if blas is None:
        yield
        return
    with _holders_lock:
        if not _holders:
            _take_control(blas)
        _holders.append(_holders[0] if _holders else blas.limit(limits=1))
    try:
        yield
    finally:
        with _holders_lock:
            limit = _holders.pop()
            if not _holders:
                _take_control(blas)
                limit.restore_original_limits()
                _take_control(blas)


def _take_control(blas):
    """Let this thread change BLAS's setting.

    From threadpoolctl 3.7 on, only the first thread that ever did so may do it again, and what others ask for is
    passed over without a word: any other thread would compute with BLAS's threads fighting ours.
    """
    for library in blas.lib_controllers:
        release = getattr(library, "clear_controlling_thread", None)
        if release is not None:
            release(force=True)


@functools.cache
def blas_libraries():
    """The BLAS libraries under NumPy, or None where threadpoolctl is missing: then BLAS itself uses the cores."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas")
