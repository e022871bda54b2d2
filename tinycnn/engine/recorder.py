"""Looking on while a network runs: a Recorder set as a layer's `recorder` is shown what flows through that layer.

The network runs as it would without one, with the same bits, and shows each part of the batch from the thread that has
just computed it.
"""


import time

from tinycnn.backend import synchronize


class Recorder:
    """Inherit from it, define both methods, and set `layer.recorder`.

    images: a slice of the batch, which has n images; the whole of it where a layer runs on the whole batch
    x, y, dy, dx: arrays of these images, valid only during the call; dx is None where nobody wanted it
    seconds: this part's share of the time; of two layers that are computed as one, the first has all of it
    """

    only_times = False  # True: x, y, dy and dx are not looked at, and need not be right between layers computed as one

    def saw_forward(self, images, n, x, y, seconds):
        raise NotImplementedError

    def saw_backward(self, images, n, dy, dx, seconds):
        raise NotImplementedError


def now(array):
    """The clock in seconds, when all that was asked of the array's device is done: a GPU works on meanwhile."""
    synchronize(array)
    return time.perf_counter()
