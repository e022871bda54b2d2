"""What a step on a device consists of, beyond its time: copies, kernels, memory, layer by layer.

A GPU works behind the host. So each layer has two times: how long the host takes to ask for its kernels, and how long
the device takes to run them, between two events in its own queue, without waiting in between. Where the host's time is
the longer one, larger batches cost nothing. Memory is what the pool holds more of behind a layer than before it: what
forward keeps for backward, and its output.

The simulated device has the host's clock for both, and its memory is NumPy's: its numbers say that they are counted,
and nothing about a GPU.
"""

import contextlib
import statistics
import time
import tracemalloc

import numpy as np

from tinycnn.backend import array_module, device_of, synchronize, to_device, to_numpy
from tinycnn.engine import observed
from tinycnn.simulated import launches


class HostProbe:
    """Events and memory where there is no GPU."""

    def event(self):
        """A moment in the device's queue."""
        return time.perf_counter()

    def seconds(self, start, end):
        """From one event to another."""
        return end - start

    def used_bytes(self):
        """Memory that arrays take now."""
        return tracemalloc.get_traced_memory()[0]

    @contextlib.contextmanager
    def watching(self):
        """A with block within which memory is counted."""
        tracemalloc.start()
        try:
            yield
        finally:
            tracemalloc.stop()


class CudaProbe:
    """The same by CuPy's events and its memory pool. xp: cupy"""

    def __init__(self, xp):
        self.xp = xp

    def event(self):
        event = self.xp.cuda.Event()
        event.record()
        return event

    def seconds(self, start, end):
        end.synchronize()
        return self.xp.cuda.get_elapsed_time(start, end) / 1e3  # which says milliseconds

    def used_bytes(self):
        return self.xp.get_default_memory_pool().used_bytes()

    def watching(self):
        return contextlib.nullcontext()


def probe_of(array):
    """The probe for the device of an array."""
    return CudaProbe(array_module(array)) if device_of(array).startswith("cuda") else HostProbe()


class LayerProbe:
    """An observer (tinycnn/engine/on_device.py) of single layers: {id(layer): {"forward": [...], "backward": [...]}}.

    Each entry: (seconds of the host, event before, event behind, bytes held more, launches). Layers made of layers are
    left out: their parts count.
    """

    def __init__(self, probe):
        self.probe, self.seen = probe, {}

    @contextlib.contextmanager
    def __call__(self, layer, way, x):
        if layer.children():
            yield
            return
        held, before = self.probe.used_bytes(), self.probe.event()
        with launches() as counted:
            start = time.perf_counter()
            yield
            host = time.perf_counter() - start
        behind = self.probe.event()
        entry = host, before, behind, self.probe.used_bytes() - held, counted.total()
        self.seen.setdefault(id(layer), {}).setdefault(way, []).append(entry)


def by_layer(side, repeats):
    """Rows {"name", "what", "forward": {...}, "backward": {...}} of a side (sides.TinyCNN) on a device.

    Of each direction: "host" and "device", median seconds; "bytes", "launches" (None on a GPU, where nobody counts)
    """
    probe, seen = probe_of(side.x), []
    with probe.watching():
        for _ in range(repeats):
            with observed(LayerProbe(probe)) as observer:
                side.step()
            side.wait()
            seen.append(observer.seen)
    counts = device_of(side.x) == "simulated"
    return [{"name": name, "what": repr(layer), **{way: _median(probe, [one[id(layer)][way] for one in seen], counts)
                                                   for way in seen[0].get(id(layer), {})}}
            for name, layer in side.model.layers()]


def _median(probe, steps, counts):
    """The entries of one layer and direction, of several steps, as one."""
    sums = [(sum(host for host, *_ in entries), sum(probe.seconds(a, b) for _, a, b, *_ in entries),
             sum(held for *_, held, _ in entries), sum(number for *_, number in entries)) for entries in steps]
    host, device, held, number = (statistics.median(column) for column in zip(*sums, strict=True))
    return {"host": host, "device": device, "bytes": int(held), "launches": int(number) if counts else None}


def copies(side, repeats):
    """Rows {"what", "bytes", "seconds", "bytes_per_second"}: what a training step moves, by itself."""
    device, rng = device_of(side.x), np.random.default_rng(0)
    size = side.model.image_size
    images = rng.integers(0, 256, (side.images, size, size, 3), np.uint8)
    there = {"images, uint8, to the device": images, "the same as float32": images.astype(np.float32)}
    rows = [_row(what, array.nbytes, _timed(lambda a=array: to_device(a, device), side.x, repeats))
            for what, array in there.items()]
    loss = side.x.sum()
    return [*rows, _row("a loss, to the host", loss.nbytes, _timed(lambda: to_numpy(loss), side.x, repeats))]


def _row(what, size, seconds):
    return {"what": what, "bytes": size, "seconds": seconds, "bytes_per_second": size / seconds}


def _timed(copy, where, repeats):
    """Median seconds of one copy, waited for."""
    found = []
    for _ in range(repeats + 1):  # the first one asks for memory
        synchronize(where)
        start = time.perf_counter()
        copy()
        synchronize(where)
        found.append(time.perf_counter() - start)
    return statistics.median(found[1:])
