"""Sharing a batch out over workers, and each worker's share into chunks that fit the processor's cache.

A patch matrix is KH*KW times larger than its images. For a whole batch it is written to main memory and read back; for
a few images at a time it stays in the cache, and the same array is used again for the next few. Which images a worker
gets depends only on the batch and the number of threads, never on timing: two runs give the same bits. On a GPU there
is one worker, and the chunks are large.
"""

import functools
import math
import threading

import numpy as np

from tinycnn.engine.memory import room
from tinycnn.engine.products import plus
from tinycnn.engine.threads import blas_libraries, most_images, thread_count

CPU_BYTES = 2 * 2**20  # what a worker works on at a time, so that the next layer finds it in the cache
SCRATCH = 4  # times as much for scratch memory inside a layer: longer calls, and threads that wait less for each other
WORTH_A_THREAD = 2**18  # less than this in all, and waking another thread takes longer than the work
DEVICE_BYTES = 256 * 2**20  # a GPU wants large chunks; this bounds its scratch memory
LASTING_BYTES = 64 * 2**20  # scratch arrays up to this size stay with their thread; larger ones go with their worker


class _Lasting(threading.local):
    """The scratch arrays of one thread."""

    def __init__(self):
        self.arrays = {}


_lasting = _Lasting()


class Worker:
    """One thread's share of a batch: images start .. stop-1.

    chunk, cut: slices of images, as many at a time as fit the cache    empty, zeros: scratch arrays
    cached: what is computed once for all chunks    add: adds up gradients, in `sums`
    """

    def __init__(self, start, stop, xp=np):
        self.start, self.stop, self.xp = start, stop, xp
        self.images = stop - start
        self.sums = {}
        self._scratch, self._made = {}, {}

    def chunks(self, bytes_per_image):
        """The worker's images, a few at a time. bytes_per_image: what the largest array between layers takes."""
        return slices(self.start, self.stop, chunk_size(self.images, bytes_per_image, self.xp))

    def cut(self, n, bytes_per_image):
        """Slices of 0 .. n-1, as many images at a time as keep scratch memory inside a layer within bounds."""
        return slices(0, n, chunk_size(n, bytes_per_image / SCRATCH, self.xp)) if n else []

    def empty(self, name, shape, dtype):
        """Scratch array `name`: the same memory each time, of which a smaller array gets the front.

        On the host it belongs to the thread and outlives the worker: memory fresh from the system costs more than
        what is done with it here. One huge image, though, shall not hold on to its gigabytes.
        """
        size = math.prod(shape)
        lasting = self.xp is np and size * np.dtype(dtype).itemsize <= LASTING_BYTES
        return _array(_lasting.arrays if lasting else self._scratch, self.xp.empty, (name, dtype), size).reshape(shape)

    def zeros(self, name, shape, dtype):
        """Like `empty`, and zero when first handed out; later uses of `name`, with images first, find what was left."""

        def make(size, dtype):
            array = room((size,), dtype, self.xp)
            array[...] = 0
            return array

        return _array(self._scratch, make, (name, dtype), math.prod(shape)).reshape(shape)

    def cached(self, name, make):
        """What make() returns, called at the first use of `name` only."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    def clear(self):
        """Let go of what `cached` and `zeros` hold."""
        self._scratch, self._made = {}, {}

    def add(self, parameter, share):
        """Add `share`, an array that nobody else has, to the worker's sum for `parameter`."""
        if parameter in self.sums:
            self.sums[parameter] += share
        else:
            self.sums[parameter] = share


def _array(arrays, make, key, size):
    if key not in arrays or arrays[key].size < size:
        arrays[key] = make(size, key[1])
    return arrays[key][:size]


def share_out(n, bytes_per_image, xp=np):
    """Workers that together cover images 0 .. n-1, a fair share each; one where the work is not worth a second."""
    number = 1
    if n > 1 and xp is np and n * bytes_per_image >= WORTH_A_THREAD and blas_libraries() is not None:
        number = max(1, min(thread_count(), n))
    edges = [n * i // number for i in range(number + 1)]
    return [Worker(a, b, xp) for a, b in zip(edges, edges[1:], strict=False)]


def add_up(workers):
    """Write every parameter's gradient: the workers' shares, added in their order."""
    for parameter in dict.fromkeys(parameter for worker in workers for parameter in worker.sums):
        parameter.grad = functools.reduce(plus, (each.sums[parameter] for each in workers if parameter in each.sums))


def chunk_size(n, bytes_per_image, xp):
    """How many of n images are taken at a time."""
    if n <= 1:
        return 1
    limit = CPU_BYTES if xp is np else DEVICE_BYTES
    return int(max(1, min(n, most_images() or n, limit // max(1, bytes_per_image))))


def slices(start, stop, step):
    """start .. stop-1 in slices of `step`; an empty batch is one empty slice."""
    if stop - start <= step:
        return [slice(start, stop)]
    return [slice(i, min(i + step, stop)) for i in range(start, stop, step)]
