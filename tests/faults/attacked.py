"""The training that is attacked, in a process of its own, and what it must leave behind.

It has all that could make a difference after an interruption: augmentation in two background threads, dropout, Adam, a
trunk that is frozen for an epoch, averaged weights, and a best epoch that is chosen on other samples.
"""

import contextlib
import csv
import os
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

import tinycnn as tc
from tinycnn.data.augment import Augment
from tinycnn.data.dataset import Samples
from tinycnn.errors import TinyCNNError

EPOCHS, BATCHES = 4, 5
STEPS = EPOCHS * BATCHES
FILES = ("model.npz", "checkpoint.npz", "epochs.npz")
PATIENCE = 60.0  # seconds without an end


def squares(n, seed):
    """Bright or dark rectangles on gray."""
    rng = np.random.default_rng(seed)
    images, labels, boxes = np.full((n, 16, 16, 3), 128, np.uint8), np.arange(n) % 2, np.zeros((n, 4))
    for image, label, box in zip(images, labels, boxes, strict=True):
        (h, w), (y, x) = rng.integers(5, 10, 2), rng.integers(0, 6, 2)
        image[y : y + h, x : x + w] = 30 if label else 220
        box[:] = x, y, x + w, y + h
    return Samples(images, labels, boxes, [str(i) for i in range(n)], ("bright", "dark"))


def train(out, on_step=None, on_epoch=None, samples=None):
    """Train into a folder, or go on there."""
    model = tc.models.localizer(2, image_size=16, channels=(4, 8), hidden=16, dropout=0.2)
    train, valid = (squares(8 * BATCHES, 0), squares(8, 1)) if samples is None else (samples, None)
    tc.fit(model, train, valid, epochs=EPOCHS, batch_size=8, progress=False, out=out, resume=True, seed=1,
           augment=Augment.strong(), workers=2, freeze=("trunk", 1), average=0.9, balance=True,
           optimizer=tc.optim.Adam(model, lr=1e-3), on_step=on_step, on_epoch=on_epoch)


class End(NamedTuple):
    """How a process ended. status: of exit, or minus the signal    said: all that it wrote    seconds: its life"""

    status: int
    said: str
    seconds: float


class Child:
    """A process that does work(*arguments), by fork: 0.2 s, where a new Python takes a second."""

    def __init__(self, work, *arguments):
        self.file = tempfile.TemporaryFile()
        self.start = time.monotonic()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._be(work, arguments)

    def _be(self, work, arguments):
        status = 70
        try:
            for number in (1, 2):
                os.dup2(self.file.fileno(), number)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
            signal.signal(signal.SIGINT, signal.default_int_handler)
            warnings.simplefilter("always")  # pytest keeps them, and may be told to drop them
            warnings.showwarning = lambda message, *_, **__: print(f"note: {message}", file=sys.stderr)
            try:
                work(*arguments)
                status = 0
            except (TinyCNNError, OSError) as error:
                print(f"error: {error}", file=sys.stderr)
                status = 1
            except KeyboardInterrupt as stop:
                print(f"interrupted: {stop}", file=sys.stderr)
                status = 130
        except BaseException:
            with contextlib.suppress(BaseException):
                traceback.print_exc()
        finally:
            os._exit(status)

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self):
        """The End of it; it is killed where it has none."""
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > self.start + PATIENCE:
                self.signal(signal.SIGKILL)
            time.sleep(0.002)
        self.file.seek(0)
        said = self.file.read().decode("utf-8", "replace")
        self.file.close()
        return End(os.waitstatus_to_exitcode(status), said, time.monotonic() - self.start)


def left(out):
    """All that a run has left but for the time that it took, to be compared with ==."""
    found = {}
    for name in FILES:
        with np.load(Path(out) / name) as archive:
            found |= {f"{name}/{key}": (array.shape, array.tobytes()) for key, array in archive.items()
                      if key != "meta"}  # fmt: skip
    with open(Path(out) / "history.csv", newline="") as file:
        found["history"] = [row | {"seconds": ""} for row in csv.DictReader(file)]
    return found


def finish(out, whole, expected=0):
    """Go on with a run until it ends; what is then wrong, in a line, or ""."""
    end = Child(train, out).wait()
    if end.status != expected:
        return f"resumed, it ended with {end.status}: {end.said[-200:]}"
    halves = [path.name for path in Path(out).iterdir() if path.name.startswith(".")]
    if halves:
        return f"left behind: {', '.join(halves)}"
    here = left(out)
    other = [name for name in whole if here.get(name) != whole[name]]
    return f"other than in a run that was left alone: {', '.join(other[:3])}" if other else ""
