"""Splitting a batch into pieces that fit the cache, and the pieces over the processor's cores.

The layers say what to do with a few images; this file decides how many at a time and on which thread. Two facts make
it worth a room of its own:

* A patch matrix is KH*KW times larger than its images. For a whole batch it is written to main memory and read back;
  for a few images at a time it stays in the processor's cache, and the same array is used again for the next few.
* Inside one matrix product the BLAS library uses all cores, but copies and elementwise work use one. So the batch is
  split instead: each thread takes a run of images from start to end, with BLAS held at one thread each. NumPy releases
  Python's lock while it copies and multiplies, so the threads really run side by side.

Which images a thread gets depends only on the batch and the number of threads, never on timing: two runs give the same
bits. On a GPU there is one thread, and the pieces are larger.
"""

import contextlib
import contextvars
import functools
import math
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np

from tinycnn.backend import array_module

CPU_BYTES = 2 * 2**20  # what a thread works on at a time, so that the next layer finds it in the cache
SCRATCH = 4  # times as much for scratch memory inside a layer: longer calls, and threads that wait less for each other
WORTH_A_THREAD = 2**18  # less than this in all, and waking another thread takes longer than the work
DEVICE_BYTES = 256 * 2**20  # a GPU wants large pieces; this bounds its scratch memory
LASTING_BYTES = 64 * 2**20  # scratch arrays up to this size stay with their thread; larger ones go with their lane


def threads():
    """Worker threads for one layer: the processors this process may use, or TINYCNN_THREADS."""
    chosen = os.environ.get("TINYCNN_THREADS")
    if chosen:
        return max(1, int(chosen))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Thread(threading.local):
    """What belongs to one thread: how many lanes it is in, one inside the other, and its scratch memory."""

    def __init__(self):
        self.depth, self.scratch = 0, {}


_thread = _Thread()


class Lane:
    """One thread's share of a batch. Iterating gives slices of images: a few at a time, so that they fit the cache.

    images: how many there are in all slices together    number: which lane of the batch it is, from 0
    `empty` and `zeros` lend scratch arrays, `once` keeps what is computed once for all pieces, `add` adds up gradients.
    """

    def __init__(self, slices, xp, number=0):
        self.slices, self.xp, self.number = slices, xp, number
        self.images = slices[-1].stop - slices[0].start
        self.sums = {}
        self._scratch, self._made = {}, {}

    def __iter__(self):
        return iter(self.slices)

    def pieces(self, bytes_per_image):
        """The lane's images, cut anew for layers in which one image needs another amount of memory."""
        step = _step(self.images, bytes_per_image, self.xp)
        return _slices(self.slices[0].start, self.slices[-1].stop, step)

    def cut(self, n, bytes_per_image):
        """Slices of 0 .. n-1, as many images at a time as keep scratch memory within bounds."""
        return _slices(0, n, _step(n, bytes_per_image / SCRATCH, self.xp)) if n else []

    def empty(self, name, shape, dtype):
        """Scratch array `name`: the same memory each time, of which a smaller array gets the front.

        On the host it belongs to the thread and outlives the lane: memory fresh from the system costs more than
        what is done with it here. One huge image, though, shall not hold on to its gigabytes.
        """
        lasting = self.xp is np and math.prod(shape) * np.dtype(dtype).itemsize <= LASTING_BYTES
        scratch = _thread.scratch if lasting else self._scratch
        # A lane inside another has memory of its own: the outer one is still at work.
        return self._array(scratch, self.xp.empty, (name, dtype, _thread.depth), shape, dtype)

    def zeros(self, name, shape, dtype):
        """Like `empty`, and zero when first handed out; later uses of `name`, with images first, find what was left."""
        return self._array(self._scratch, self.xp.zeros, name, shape, dtype)

    @staticmethod
    def _array(scratch, make, name, shape, dtype):
        size = math.prod(shape)
        if name not in scratch or scratch[name].size < size:
            scratch[name] = make(size, dtype)
        return scratch[name][:size].reshape(shape)

    def once(self, name, make):
        """What make() returns, called at the first use of `name` only."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def clear(self):
        """Let go of what `once` and `zeros` hold."""
        self._scratch, self._made = {}, {}

    def add(self, key, share):
        """Add `share`, an array that nobody else will change, to the lane's sum for `key`."""
        if key in self.sums:
            self.sums[key] += share
        else:
            self.sums[key] = share


def over_batch(work, n, bytes_per_image, xp=np):
    """Call work(lane) for lanes that together cover images 0 .. n-1; return their results, first images first.

    bytes_per_image: memory that one image needs; decides how many images are taken at a time, and with `n` whether
    more than one thread is worth it.
    """
    number = 1
    if xp is np and n * bytes_per_image >= WORTH_A_THREAD and _blas() is not None:
        number = max(1, min(threads(), n))
    step = min(_step(n, bytes_per_image, xp), max(1, math.ceil(n / number)))
    edges = [n * i // number for i in range(number + 1)]
    lanes = []
    for i, (a, b) in enumerate(zip(edges, edges[1:], strict=False)):
        lanes.append(Lane(_slices(a, b, step), xp, i))
    return run(work, lanes) if n > 1 else [_enter(work, lanes[0])]  # for one image, BLAS may use all cores


def run(work, lanes):
    """[work(lane) for each lane], each lane on a thread of its own, with BLAS held at one thread each.

    Inside another lane, whose neighbors keep the threads busy, they run one after the other.
    """
    with one_blas_thread():
        if len(lanes) == 1 or _thread.depth:
            return [_enter(work, lane) for lane in lanes]
        # Each thread runs in a copy of this one's context, so that numpy.errstate holds there as well.
        pool = _pool(os.getpid())
        others = [pool.submit(contextvars.copy_context().run, _enter, work, lane) for lane in lanes[1:]]
        try:
            first = _enter(work, lanes[0])  # this thread works too
        finally:
            wait(others)  # after an error too: nobody writes into arrays behind the caller's back
        return [first] + [other.result() for other in others]


def _enter(work, lane):
    _thread.depth += 1
    try:
        return work(lane)
    finally:
        _thread.depth -= 1


def _step(n, bytes_per_image, xp):
    limit = CPU_BYTES if xp is np else DEVICE_BYTES
    return int(max(1, min(n, limit // max(1, bytes_per_image))))


def _slices(start, stop, step):
    slices = [slice(i, min(i + step, stop)) for i in range(start, stop, step)]
    return slices or [slice(start, start)]  # an empty batch is one empty piece


def matmul(a, b):
    """a @ b for matrices, with the columns of the product shared out over the cores."""
    xp = array_module(a, b)
    if xp is not np or a.dtype != b.dtype or len(a) == 1:
        return a @ b
    y = np.empty((len(a), b.shape[1]), a.dtype)

    def work(lane):
        for columns in lane:
            np.matmul(a, b[:, columns], out=y[:, columns])

    over_batch(work, b.shape[1], a.itemsize * (len(a) + len(b)))
    return y


_limits, _limits_lock = [], threading.Lock()  # one entry for everybody who holds BLAS at one thread now


@contextlib.contextmanager
def one_blas_thread():
    """Hold BLAS at one thread while our own threads run; without threadpoolctl, do nothing.

    BLAS has one setting for the whole process. When several threads of a caller are in here at once, the first changes
    it and the last puts it back: each putting back what it found could leave BLAS at one thread for good.
    """
    blas = _blas()
    if blas is None:
        yield
        return
    with _limits_lock:
        _limits.append(_limits[0] if _limits else blas.limit(limits=1))
    try:
        yield
    finally:
        with _limits_lock:
            limit = _limits.pop()
            if not _limits:
                limit.restore_original_limits()


@functools.cache
def _blas():
    """The BLAS libraries under NumPy, or None where threadpoolctl is missing: then BLAS itself uses the cores."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return None
    return ThreadpoolController().select(user_api="blas")


@functools.cache
def _pool(process):
    """Threads do not survive a fork, so each process has its own pool; `process` is only the key."""
    return ThreadPoolExecutor(max_workers=max(1, (os.cpu_count() or 1) * 2), thread_name_prefix="tinycnn")
