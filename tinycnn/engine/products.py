"""A habit of OpenBLAS: it multiplies small matrices without rearranging them first.

For the long, narrow products here that is up to twice as fast, so they are cut into blocks of at most a million
multiplications, which np.matmul takes as a stack.
"""

import functools
import math

import numpy as np

from tinycnn.engine.memory import room

SMALL = 1_000_000
WIDE = 512  # columns whose rows stay in the cache nearest to the processor


def wide(a, b, out):
    """out (M, N) = a (M, K) @ b (K, N) for a large N."""
    size = _block(b.shape[1], min(SMALL // a.size, WIDE))
    blocks = [array.reshape(len(array), -1, size).swapaxes(0, 1) for array in (b, out)]
    np.matmul(a, blocks[0], out=blocks[1])
    return out


def tall(a, b, out):
    """out (..., M, N) = a (..., M, K) @ b (..., K, N) for a large M."""
    *stack, m, k = a.shape
    n, size = b.shape[-1], _block(m, SMALL // (k * b.shape[-1]))
    np.matmul(a.reshape(*stack, -1, size, k), b[..., None, :, :], out=out.reshape(*stack, -1, size, n))
    return out


def deep(a, b, out=None):
    """a (..., M, K) @ b (..., K, N) for a large K."""
    (*stack, m, k), n = a.shape, b.shape[-1]
    size = _block(k, SMALL // (m * n)) if m * n <= SMALL // 64 else k
    if size == k:
        return np.matmul(a, b, out=out)
    blocks = a.reshape(*stack, m, -1, size).swapaxes(-3, -2)  # (..., K / size, M, size)
    parts = room((*stack, k // size, m, n), a.dtype)
    return np.matmul(blocks, b.reshape(*stack, -1, size, n), out=parts).sum(axis=-3, out=out)


@functools.cache
def _block(n, limit):
    """The largest divisor of n up to `limit`; n itself where there is only a tiny one."""
    best = max((size for size in range(1, min(n, limit) + 1) if n % size == 0), default=0)
    return best if best >= min(limit // 4, 64) and best > 0 else max(n, 1)


def product(a, b):
    """a (..., M, K) @ b (..., K, N), in memory that is used again."""
    return np.matmul(a, b, out=room((*a.shape[:-1], b.shape[-1]), a.dtype))


def plus(total, part):
    """total + part, in the memory of total; part itself, where total is None: there was nothing before it."""
    return part if total is None else np.add(total, part, out=total)


def column_sums(a):
    """The sum of a (..., F) over all axes but the last: as a product, which is faster than sum().

    By np.dot, which lets other threads run; `@` does not where its result is as small as here.
    """
    rows = a.reshape(math.prod(a.shape[:-1]), a.shape[-1])
    return np.dot(np.ones(len(rows), a.dtype), rows)
