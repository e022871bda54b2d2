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
from concurrent.futures import ThreadPoolExecutor

import numpy as np

CPU_BYTES = 2 * 2**20  # patches of about this size per thread stay in the cache next to the weights
DEVICE_BYTES = 256 * 2**20  # a GPU wants large pieces; this bounds its scratch memory


def threads():
    """Worker threads for one layer: the processors this process may use, or TINYCNN_THREADS."""
    chosen = os.environ.get("TINYCNN_THREADS")
    if chosen:
        return max(1, int(chosen))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Lane:
    """One thread's share of a batch: iterate to get slices of images; `empty`, `zeros` give reusable scratch arrays."""

    def __init__(self, start, stop, step, xp):
        self.slices = [slice(i, min(i + step, stop)) for i in range(start, stop, step)]
        self.step = step
        self.xp = xp
        self._scratch = {}

    def __iter__(self):
        return iter(self.slices)

    def empty(self, name, shape, dtype):
        """The lane's scratch array `name`; for fewer images (a shorter last slice) the front of the same memory."""
        return self._array(self.xp.empty, name, shape, dtype)

    def zeros(self, name, shape, dtype):
        """Like `empty`, zero when first handed out; later uses find what the previous slice left there."""
        return self._array(self.xp.zeros, name, shape, dtype)

    def _array(self, make, name, shape, dtype):
        if name not in self._scratch:
            self._scratch[name] = make((min(self.step, self.slices[0].stop - self.slices[0].start), *shape[1:]), dtype)
        return self._scratch[name][: shape[0]]


def over_batch(work, n, bytes_per_image, xp=np):
    """Call work(lane) for lanes that together cover images 0 .. n-1; return their results, first images first.

    bytes_per_image: scratch memory that one image needs; decides how many images are taken at a time.
    """
    limit = CPU_BYTES if xp is np else DEVICE_BYTES
    step = max(1, min(n, limit // max(1, bytes_per_image)))
    lanes = max(1, min(threads(), n)) if xp is np and _blas() is not None else 1
    step = min(step, max(1, math.ceil(n / lanes)))
    edges = [n * i // lanes for i in range(lanes + 1)]
    shares = [Lane(a, b, step, xp) for a, b in zip(edges, edges[1:], strict=False)]  # an empty batch: one empty lane
    if len(shares) < 2:
        return [work(share) for share in shares]
    with one_blas_thread():
        # Each thread runs in a copy of this one's context, so that numpy.errstate holds there as well.
        others = [_pool(os.getpid()).submit(contextvars.copy_context().run, work, share) for share in shares[1:]]
        first = work(shares[0])  # this thread works too
        return [first] + [other.result() for other in others]


def one_blas_thread():
    """Hold BLAS at one thread while our own threads run; without threadpoolctl, do nothing."""
    blas = _blas()
    return blas.limit(limits=1) if blas is not None else contextlib.nullcontext()


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
