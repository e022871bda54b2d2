"""Clocks. Comparing two programs on a computer that does other things too takes three precautions.

* The sides take turns, A B A B, so that a slow minute is slow for both. What counts is the median of the ratios of
  neighbors, not the ratio of two times that were taken minutes apart.
* Before each turn there is a short pause. The threads of a BLAS or OpenMP pool wait for more work in a busy loop
  (OpenBLAS for about 20 ms of processor time after its last product), and would take a core from the side that is next.
* Short steps are measured several at a time, so that waking up is a small part of what the clock sees.
"""

import statistics
import time
from dataclasses import dataclass
from threading import Lock

import numpy as np

from tinycnn.backend import synchronize, to_device
from tinycnn.engine import Recorder

PAUSE = 0.05  # seconds before each turn
SHORTEST = 0.5  # seconds that one turn should take; shorter steps are repeated within it, as in training


@dataclass(frozen=True)
class Times:
    """The seconds of one step, turn by turn."""

    seconds: tuple
    images: int  # in one step

    @property
    def median(self):
        return statistics.median(self.seconds)

    def to_dict(self):
        """For people and JSON."""
        return {"median_seconds": self.median, "min_seconds": min(self.seconds), "max_seconds": max(self.seconds),
                "images_per_second": self.images / self.median, "seconds": list(self.seconds)}


def alternate(sides, repeats, steps=None):
    """{name: Times} of sides that take turns, after a warm-up.

    steps: how many steps one turn takes; None chooses it from the first side's speed, the same for all
    """
    for side in sides:
        side.warm_up()
    if steps is None:
        steps = int(min(250, max(1, SHORTEST / sides[0].sample(1))))
    seconds = {side.name: [] for side in sides}
    for _ in range(repeats):
        for side in sides:
            time.sleep(PAUSE)
            seconds[side.name].append(side.sample(steps))
    return {side.name: Times(tuple(seconds[side.name]), side.images) for side in sides}


def ratio(times, other):
    """How the first takes its turns compared with the other: the median of the pairwise ratios, and their range."""
    ratios = [a / b for a, b in zip(times.seconds, other.seconds, strict=True)]
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}


def fastest_product(device="cpu"):
    """The machine's own speed limit: GFLOP/s of the best of several square float32 matrix products, on all cores.

    No convolution made of matrix products can be faster than this, so it is what a step's arithmetic is held against.
    """
    best = 0.0
    for n in product_sizes(device):
        a = to_device(np.random.default_rng(n).standard_normal((n, n), dtype=np.float32), device)
        best = max(best, products_per_second(lambda a=a: a @ a, lambda a=a: synchronize(a)) * 2 * n**3)
    return best / 1e9


def product_sizes(device):
    """Sides of the square matrices that are tried: those that a device of this kind multiplies fastest."""
    return {"cpu": (512, 1024, 2048), "simulated": (256,)}.get(device, (2048, 4096, 8192))


def products_per_second(product, wait, turns=7):
    """The best of several turns, after a warm-up."""
    product()
    wait()
    shortest = float("inf")
    for _ in range(turns):
        start = time.perf_counter()
        product()
        wait()
        shortest = min(shortest, time.perf_counter() - start)
    return 1 / shortest


class Stopwatch:
    """Times methods of objects while a `with` block runs, without changing their classes.

        with Stopwatch(wait) as watch:
            watch.on(loss, "forward", "loss forward")
            ...
        watch.seconds["loss forward"]

    An attribute of the object hides the method of its class, and is removed again at the end of the block. `wait` is
    called before each look at the clock; on a GPU this keeps the layers from overlapping, so their sum is longer than
    the step.
    """

    def __init__(self, wait):
        self.wait, self.seconds, self._watched = wait, {}, []

    def on(self, thing, method, name):
        """Watch thing.method; its calls add up under `name`."""
        inner = getattr(thing, method)
        self.seconds[name] = 0.0

        def timed(*args, **kwargs):
            self.wait()
            start = time.perf_counter()
            result = inner(*args, **kwargs)
            self.wait()
            self.seconds[name] += time.perf_counter() - start
            return result

        setattr(thing, method, timed)
        self._watched.append((thing, method))

    def layer(self, layer, name):
        """Watch a layer of a network: its time adds up under "name forward" and "name backward"."""
        layer.recorder = LayerClock(self.seconds, name)
        self._watched.append((layer, "recorder"))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for thing, attribute in self._watched:
            delattr(thing, attribute)
        self._watched = []


class LayerClock(Recorder):
    """Adds up a layer's seconds, of whichever part of a batch, under "name forward" and "name backward"."""

    only_times = True

    def __init__(self, seconds, name):
        self.seconds, self.forward, self.backward, self.lock = seconds, f"{name} forward", f"{name} backward", Lock()
        seconds[self.forward] = seconds[self.backward] = 0.0

    def saw_forward(self, images, n, x, y, seconds):
        with self.lock:
            self.seconds[self.forward] += seconds

    def saw_backward(self, images, n, dy, dx, seconds):
        with self.lock:
            self.seconds[self.backward] += seconds


def by_layer(side, work, repeats):
    """Where a tinycnn step goes: a list of rows {"name", "what", "forward", "backward" (median seconds), ...}.

    work: what tinycnn.bench.workloads.work_by_layer gives. The last row, "all between", is what the watched parts leave
    of the step: Python, and additions of gradients where the two heads meet.
    """
    steps = [_one_step(side) for _ in range(repeats)]
    median = {name: statistics.median(seconds[name] for seconds in steps) for name in steps[0]}
    rows = []
    for name, layer in side.model.layers():
        # A layer whose work another one does has no time, rather than 0 seconds.
        row = {"name": name, "what": repr(layer), "forward": median[f"{name} forward"] or None,
               "backward": median[f"{name} backward"] or None}
        if name in work:
            for way in ("forward", "backward"):
                amount = work[name].flop(side.images, forward=way == "forward", backward=way == "backward")
                row[f"{way}_gflops"] = amount / row[way] / 1e9 if row[way] else None
        rows.append(row)
    if side.training:
        rows += [{"name": "loss", "what": repr(side.loss), "forward": median["loss forward"],
                  "backward": median["loss backward"]},
                 {"name": "optimizer", "what": repr(side.optimizer), "forward": None, "backward": median["optimizer"]}]
    watched = [sum(seconds.values()) - seconds["step"] for seconds in steps]
    rest = statistics.median(seconds["step"] - inside for seconds, inside in zip(steps, watched, strict=True))
    return [*rows, {"name": "all between", "what": "", "forward": rest, "backward": None}]


def _one_step(side):
    """Seconds of every watched part of one step, and of the step itself."""
    with Stopwatch(side.wait) as watch:
        for name, layer in side.model.layers():
            watch.layer(layer, name)
        if side.training:
            watch.on(side.loss, "forward", "loss forward")
            watch.on(side.loss, "backward", "loss backward")
            watch.on(side.optimizer, "step", "optimizer")
        watch.on(side, "step", "step")
        side.step()
    return watch.seconds
