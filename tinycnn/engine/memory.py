"""Memory that is used again: what earlier results lay in, once nobody looks at them any more.

The system hands out fresh memory page by page, at the first touch of each, and takes it back when a step has ended: in
training that is up to a sixth of the time. So large arrays are made here, and the memory of each is remembered. Every
array that looks at it, or at a part of it, holds a reference to it; without any it is free for the next result.

    room                 for results of any kind, up to a size, and up to so many bytes in all
    room_for_gradient    for a parameter's, however large: AlexNet's fc6 has 151 MB; held for as long as the parameter
"""

import math
import os
import sys
import threading
import weakref

import numpy as np

SMALLEST = 64 * 2**10  # bytes, below which Python's own allocator is as fast
LARGEST = 64 * 2**20  # what is larger shall not be held on to
LIMIT = 256 * 2**20  # held on to in all


class _Held:
    """The memory that is remembered: {bytes: arrays of so many, the one that was handed out last at the end}."""

    def __init__(self):
        self.lock = threading.Lock()
        self.blocks = {}
        self.bytes = 0

    def block(self, size):
        """`size` bytes that nobody looks at; they belong to the caller until no array looks at them any more."""
        # Nobody waits: it may be this very thread that holds the lock, interrupted by a signal's handler.
        if not self.lock.acquire(blocking=False):
            return np.empty(size, np.uint8)
        try:
            blocks = self.blocks.setdefault(size, [])
            for i in range(len(blocks)):
                if sys.getrefcount(blocks[i]) <= ALONE:
                    blocks.append(blocks.pop(i))
                    return blocks[-1]
            if self.bytes + size > LIMIT:
                self.let_go(self.bytes + size - LIMIT)
            block = np.empty(size, np.uint8)
            if self.bytes + size <= LIMIT:
                blocks.append(block)
                self.bytes += size
            return block
        finally:
            self.lock.release()

    def let_go(self, enough):
        """Forget free memory, of each size what was handed out longest ago first."""
        for size, blocks in self.blocks.items():
            if enough <= 0:
                return
            for _ in range(len(blocks)):
                if enough > 0 and sys.getrefcount(blocks[0]) <= ALONE:
                    del blocks[0]
                    self.bytes, enough = self.bytes - size, enough - size
                else:
                    blocks.append(blocks.pop(0))


def _references_in_a_list():
    """What sys.getrefcount says of an array that only one list holds, which differs between Pythons."""
    arrays = [np.empty(1)]
    return sys.getrefcount(arrays[0])


ALONE = _references_in_a_list()
_held = _Held()
_gradients: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # Parameter -> [array], for as long as that lives


def room(shape, dtype, xp=np):
    """An array with nothing in it, as xp.empty makes it. CuPy remembers memory by itself."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if xp is not np or not SMALLEST <= size <= LARGEST:
        return xp.empty(shape, dtype)
    return np.ndarray(shape, dtype, _held.block(_rounded(size)))


def room_for_gradient(parameter, dtype):
    """An array for a gradient: the one that was made here last time, unless somebody else holds it too."""
    parameter.grad, last = None, _gradients.pop(parameter, [])
    shape = parameter.value.shape
    if not last or sys.getrefcount(last[0]) > ALONE or last[0].shape != shape or last[0].dtype != dtype:
        last = [np.empty(shape, dtype)]
    _gradients[parameter] = last
    return last[0]


def _rounded(size):
    """Up to a seventh more, so that results of nearly the same size can follow each other."""
    unit = 1 << size.bit_length() - 4
    return -(-size // unit) * unit


def _in_child():
    """The threads that may have held the lock are gone."""
    _held.lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
