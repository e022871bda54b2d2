"""What may stand around a layer that runs on a device: a name for errors, ranges for a profiler, observers.

On a device every layer is a row of its own. An error there comes from array calls far below, so a note says in which
layer, and in which direction. With TINYCNN_NVTX=1 each layer is a range in NVIDIA's profilers (nsys, ncu); without it
nothing is asked. An observer is called with (layer, "forward" or "backward", the array that goes in), and gives a with
block around it.
"""

import contextlib
import contextvars
import os

_observers: contextvars.ContextVar[tuple] = contextvars.ContextVar("who is told of layers on a device", default=())


@contextlib.contextmanager
def observed(observer):
    """For the length of a with block, `observer` is told of every layer that runs on a device."""
    token = _observers.set((*_observers.get(), observer))
    try:
        yield observer
    finally:
        _observers.reset(token)


@contextlib.contextmanager
def around(row, way, place, count, x, xp):
    """A with block for one row: `place` of `count`, given x of the module xp."""
    observers = _observers.get()
    if os.environ.get("TINYCNN_NVTX", "0") not in ("", "0") and hasattr(xp, "cuda"):
        observers = (*observers, Ranges(xp.cuda.nvtx))
    try:
        with contextlib.ExitStack() as stack:
            for observer in observers:
                stack.enter_context(observer(row.layer, way, x))
            yield
    except Exception as error:
        error.add_note(f"in {way} of layer {place + 1} of {count}, {row.layer!r}, given {x.shape} of {x.dtype}")
        raise


class Ranges:
    """An observer that marks each layer as a range. nvtx: cupy.cuda.nvtx, or what has its RangePush and RangePop"""

    def __init__(self, nvtx):
        self.nvtx = nvtx

    @contextlib.contextmanager
    def __call__(self, layer, way, x):
        self.nvtx.RangePush(f"{way} {layer!r}".replace("\n", " "))
        try:
            yield
        finally:
            self.nvtx.RangePop()
