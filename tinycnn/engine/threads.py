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
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait

_share: contextvars.ContextVar[int | None] = contextvars.ContextVar("threads of one of many processes", default=None)


def thread_count():
    """How many threads compute: TINYCNN_THREADS, or the processors that this process may use, or its share of them."""
    chosen = os.environ.get("TINYCNN_THREADS")
    if chosen:
        if not chosen.isdecimal():
            raise ValueError(f"TINYCNN_THREADS is a number of threads, got {chosen!r}")
        return max(1, int(chosen))
    if _share.get() is not None:
        return _share.get()
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def sharing_machine(threads: int) -> Iterator[None]:
    """For the length of a with block this process has so many of the machine's processors, and BLAS too."""
    token = _share.set(threads)
    limit = None if blas_libraries() is None else _limited(thread_count())
    try:
        yield
    finally:
        _share.reset(token)
        if limit is not None:
            _take_control()
            limit.restore_original_limits()


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
    with having_blas(hold_blas or len(workers) > 1):
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


FORK, FORK_WAITS = "fork", 10.0  # seconds until a fork no longer waits for those who compute


class _Turns:
    """Who computes at this moment, of all threads of the caller, in the order in which they came.

    BLAS has one setting for the whole process, and the last bits of a product depend on it. So those who hold BLAS at
    one thread compute together, those who leave it its threads compute together, and each kind waits for the other. A
    fork waits for both: its child would find BLAS in the middle of a product that nobody there will end.
    """

    def __init__(self):
        self.changed = threading.Condition()
        self.waiting, self.inside = deque(), 0
        self.kind, self.limit = False, None  # of those inside: whether they hold BLAS, or FORK

    def enter(self, kind, most_seconds=None):
        """Wait for a turn; whether it has come within most_seconds."""
        with self.changed:
            come = (not self.waiting and self._fits(kind)) or self._wait(kind, most_seconds)
            if come:
                if not self.inside and kind is True:
                    self.limit = _limited()
                self.kind, self.inside = kind, self.inside + 1
            return come

    def _wait(self, kind, most_seconds):
        me = object()
        self.waiting.append(me)
        try:
            return self.changed.wait_for(lambda: self.waiting[0] is me and self._fits(kind), most_seconds)
        finally:
            self.waiting.remove(me)
            self.changed.notify_all()

    def _fits(self, kind):
        return not self.inside or self.kind == kind

    def leave(self):
        """The last of its kind gives BLAS its threads back."""
        with self.changed:
            self.inside -= 1
            if not self.inside:
                self.free_blas()
            if self.waiting:
                self.changed.notify_all()

    def free_blas(self):
        """Undo what the first who holds it has done."""
        limit, self.limit = self.limit, None
        if limit is not None:
            _take_control()
            limit.restore_original_limits()
            _take_control()


_turns = _Turns()
_has_turn = contextvars.ContextVar("whether this thread, or the one that it works for, has its turn", default=False)


class having_blas:  # noqa: N801  used like a function; a class takes half the time of a generator
    """For the length of a with block: a turn to compute, with BLAS held at one thread or not.

    Within another turn nothing changes. Without threadpoolctl there is nothing to wait for. Each block takes an object
    of its own.
    """

    def __init__(self, hold: bool) -> None:
        self.hold = hold
        self.turns: _Turns | None = None  # where this block has its turn

    def __enter__(self) -> None:
        if self.turns is not None:
            raise RuntimeError("having_blas: each with block takes an object of its own")
        if not _has_turn.get() and blas_libraries() is not None:
            turns = _turns
            turns.enter(self.hold)
            self.turns = turns
            _has_turn.set(True)

    def __exit__(self, *error: object) -> None:
        if self.turns is not None:
            _has_turn.set(False)
            if self.turns is _turns:  # else this is a child, forked within the turn of its parent
                self.turns.leave()
            self.turns = None


def one_blas_thread():
    """A context manager that holds BLAS at one thread; without threadpoolctl it does nothing."""
    return having_blas(True)


class _Forking(threading.local):
    """Whether this thread has a turn to fork."""

    turn = False


_forking = _Forking()


def _before_fork():
    _forking.turn = not _has_turn.get() and _turns.enter(FORK, FORK_WAITS)


def _after_fork():
    if _forking.turn:
        _turns.leave()


def _in_child():
    """The other threads are gone, with their turns and the locks that they may have held."""
    global _turns
    left, _turns = _turns, _Turns()
    left.free_blas()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)


def _limited(threads=1):
    _take_control()
    return blas_libraries().limit(limits=threads)


def _take_control():
    """Let this thread change BLAS's setting.

    From threadpoolctl 3.7 on, only the first thread that ever did so may do it again, and what others ask for is
    passed over without a word: any other thread would compute with BLAS's threads fighting ours.
    """
    for library in blas_libraries().lib_controllers:
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
