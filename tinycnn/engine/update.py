"""The arithmetic of an optimizer's step, on arrays of any length: in blocks, in place, on every core.

A network of 60 million weights needs no temporary array this way, and each number is fetched from memory once.
"""

import numpy as np

from tinycnn.backend import array_module
from tinycnn.engine.threads import enabled, run
from tinycnn.engine.workers import WORTH_A_THREAD, share_out

BLOCK = 64 * 1024  # numbers; value, gradient, state and scratch of one block fit the second-level cache


def in_blocks(update, arrays):
    """Call update(xp, *parts, scratch=...) for parts of `arrays`, all of one shape, that together cover them.

    scratch: an array like the parts, with nothing in it. On a GPU, and with the engine switched off, there is one part.
    """
    xp = array_module(*arrays)
    flat = [array.reshape(-1) for array in arrays]
    size = flat[0].size
    block = BLOCK if xp is np and enabled() else max(1, size)

    def work(worker):
        scratch = worker.empty("update", (min(block, size),), flat[0].dtype)
        for i in range(worker.start * block, min(worker.stop * block, size), block):
            parts = [array[i : i + block] for array in flat]
            update(xp, *parts, scratch=scratch[: len(parts[0])])

    workers = share_out(-(-size // block), WORTH_A_THREAD // 16, xp)  # a second thread helps from a million numbers
    run(work, workers, hold_blas=False)
