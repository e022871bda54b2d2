"""The kinds of faults. Each is a function of (a generator, a folder, what a run that was left alone leaves):
"" where it was survived, a line that says what was wrong, or None where the fault came too late to count.
"""

import errno
import io
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np

from tests.faults.attacked import BATCHES, EPOCHS, STEPS, Child, finish, left, train
from tinycnn.data import dataset, photographs
from tinycnn.generations import LAST, PREVIOUS, newest

WRITES = 15 * EPOCHS  # what Operations counts in a run, about
NOBODY = 65534


def ended_early(end):
    """Whether a process ended by itself before anything could be done to it."""
    return end.status == 0


# --- the process is killed ---


def kill(rng, out, whole):
    """SIGKILL at a random moment; every second time again."""
    for _ in range(1 + int(rng.integers(2))):
        child = Child(train, out)
        time.sleep(rng.uniform(0, whole["seconds"]))
        child.signal(signal.SIGKILL)
        if ended_early(child.wait()):
            return None
    return finish(out, whole["left"])


class Operations:
    """Counts what is done to files, and kills the process in front of one."""

    def __init__(self, at):
        self.left = at
        for name in ("replace", "link", "unlink", "fsync", "chmod"):
            setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, function):
        def counted(*arguments, **options):
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)
        return counted


def _train_until_operation(out, at):
    Operations(at)
    train(out)


def kill_in_writing(rng, out, whole):
    """SIGKILL in front of an fsync, a link, a rename or a removal."""
    end = Child(_train_until_operation, out, int(rng.integers(WRITES))).wait()
    return None if ended_early(end) else finish(out, whole["left"])


# --- Ctrl-C ---


def interrupt(rng, out, whole):
    """Ctrl-C at a random moment. It must say how to go on, and what was learned must be there."""
    child = Child(train, out)
    time.sleep(rng.uniform(0, whole["seconds"]))
    child.signal(signal.SIGINT)
    end = child.wait()
    if ended_early(end):
        return None
    if end.status != 130:
        return f"it ended with {end.status}: {end.said[-200:]}"
    if "is finished first" in end.said and ("resume=True" not in end.said or newest(out) is None):
        return f"it does not say how to go on, or has nothing to go on from: {end.said[-200:]}"
    return finish(out, whole["left"])


def interrupt_step(rng, out, whole):
    """Ctrl-C in a random step, again in a later one: each is behind the last in the checkpoint."""
    first = int(rng.integers(1, STEPS))
    for step in (first, int(rng.integers(first + 1, STEPS + 1))):
        end = Child(_train_until_step, out, step, 1).wait()
        kept = newest(out)
        batches = len(kept.rows) * BATCHES + kept.within.get("batches", 0)
        if end.status != 130 or batches != step:
            return f"Ctrl-C in step {step}: status {end.status}, and {batches} batches are kept: {end.said[-200:]}"
    return finish(out, whole["left"])


def interrupt_twice(rng, out, whole):
    """A second Ctrl-C ends it at once, at the checkpoint that there was."""
    end = Child(_train_until_step, out, int(rng.integers(1, STEPS + 1)), 2).wait()
    if end.status != 130 or "stopped behind" in end.said:
        return f"status {end.status}: {end.said[-200:]}"
    return finish(out, whole["left"])


def _train_until_step(out, step, times):
    def on_step(what, model):
        if what["step"] == step:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    train(out, on_step=on_step)


# --- the disk ---


class Disk(io.FileIO):
    """Files on a disk that has so many bytes left."""

    left = 0

    def write(self, content):
        Disk.left -= len(content)
        if Disk.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(content)


def _train_on_disk(out, room):
    Disk.left = room

    def fdopen(handle, mode="r", **options):
        file = io.BufferedWriter(Disk(handle, "w"))
        return file if "b" in mode else io.TextIOWrapper(file, **options)

    os.fdopen = fdopen
    train(out)


def full_disk(rng, out, whole):
    """The disk is full at a random byte. What was there stays whole, and with room the run goes on."""
    end = Child(_train_on_disk, out, int(rng.uniform(0, whole["bytes"]))).wait()
    if ended_early(end):
        return None
    if end.status != 1 or "No space left" not in end.said:
        return f"it ended with {end.status}: {end.said[-200:]}"
    return finish(out, whole["left"])


def full_before(rng, out, whole):
    """The disk is too small from the start: said before the first step, and nothing is left."""
    end = Child(_train_with_room, out, int(rng.integers(0, 20_000))).wait()
    if end.status != 1 or "make room" not in end.said or out.exists():
        return f"status {end.status}: {end.said[-200:]}"
    return finish(out, whole["left"])


def _train_with_room(out, free):
    shutil.disk_usage = lambda path: shutil._ntuple_diskusage(10**9, 10**9 - free, free)
    train(out, on_step=lambda what, model: os._exit(71))


def read_only(rng, out, whole):
    """The folder may not be written to, from the start (every third time) or from an epoch on."""
    epoch = int(rng.integers(0, EPOCHS)) if rng.integers(3) else 0
    out.mkdir()
    if os.geteuid() == 0:  # who may write everywhere
        os.chown(out, NOBODY, NOBODY)
        os.chmod(out.parent, 0o755)
    if epoch == 0:
        os.chmod(out, 0o555)
    end = Child(_train_read_only, out, epoch).wait()
    os.chmod(out, 0o755)
    if end.status != 1 or "Permission denied" not in end.said:
        return f"status {end.status}: {end.said[-200:]}"
    if epoch == 0 and list(out.iterdir()):
        return "something was written into a folder that may not be written to"
    return finish(out, whole["left"])


def _train_read_only(out, epoch):
    if os.geteuid() == 0:
        train(out.with_name(f"{out.name}-before"))  # all is imported then: others may not read Python's own files
        os.setgid(NOBODY)
        os.setuid(NOBODY)

    def on_epoch(row, model):
        if row["epoch"] == epoch:
            os.chmod(out, 0o555)

    train(out, on_step=(lambda what, model: os._exit(71)) if epoch == 0 else None, on_epoch=on_epoch)


# --- others, and damage ---


def two_runs(rng, out, whole):
    """Two start in one folder, up to 20 ms apart: one trains, the other says why it does not."""
    children = []
    for _ in range(2):
        children.append(Child(train, out))
        time.sleep(rng.uniform(0, 0.02))
    ends = sorted(child.wait() for child in children)
    if [end.status for end in ends] != [0, 1] or "another training is writing into" not in ends[1].said:
        return f"they ended with {[end.status for end in ends]}: {ends[1].said[-200:]}"
    return finish(out, whole["left"])


def damaged(rng, out, whole):
    """Behind a random epoch the last checkpoint is damaged: cut off, with other bits, zeros in it, emptied or gone."""
    epoch = int(rng.integers(2, EPOCHS))
    Child(_train_until_step, out, epoch * BATCHES + 1, 2).wait()
    before = newest(out)
    content = bytearray((out / LAST).read_bytes())
    start = int(rng.integers(len(content)))
    match int(rng.integers(5)):
        case 0:
            content = content[:start]
        case 1:
            for place in rng.integers(0, len(content), 3):
                content[place] ^= 1 << int(rng.integers(8))
        case 2:
            size = min(4096, len(content) - start)
            content[start : start + size] = bytes(size)
        case 3:
            content = b""
        case _:
            (out / LAST).unlink()
            content = None
    if content is not None:
        (out / LAST).write_bytes(content)
    kept = newest(out)
    if kept.why and (kept.path.name != PREVIOUS or len(kept.rows) != len(before.rows) - 1):
        return f"it goes on from {kept.path.name} with {kept.behind}"
    end = Child(train, out).wait()
    if end.status or bool(kept.why) != ("The one before it" in end.said):
        return f"status {end.status}, and it says {end.said[-200:]!r}"
    return finish(out, whole["left"])


def vanished(rng, out, whole):
    """Pictures are deleted during the training: left out, each named once, with their number."""
    from PIL import Image

    folder = Path(f"{out}-pictures")
    folder.mkdir()
    images = np.random.default_rng(0).integers(0, 255, (16, 16, 16, 3), np.uint8)
    paths = [folder / f"{i:02}.png" for i in range(16)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    gone = sorted(int(i) for i in rng.choice(16, int(rng.integers(1, 5)), replace=False))
    end = Child(_train_without, out, paths, gone, int(rng.integers(1, 3))).wait()
    lines = [line for line in end.said.splitlines() if "the picture is gone" in line]
    named = sorted(int(line.partition("sample ")[2].split()[0]) for line in lines)
    if end.status or named != gone or not any(f"so far {len(gone)} of 16" in line for line in lines):
        return f"status {end.status}, of {gone} these were named: {named}. {end.said[-200:]}"
    return "" if len(left(out)["history"]) == EPOCHS else "it did not end"


def _train_without(out, paths, gone, epoch):
    images = photographs.Photographs(paths, np.full((16, 2), 16), cache=photographs.PixelCache(0))
    samples = dataset.Samples(images, np.arange(16) % 2, np.tile([2.0, 3, 12, 14], (16, 1)), [p.name for p in paths],
                              ("a", "b"))

    def on_epoch(row, model):
        if row["epoch"] == epoch:
            for i in gone:
                paths[i].unlink()

    train(out, on_epoch=on_epoch, samples=samples)


KINDS = {"SIGKILL at a random moment": (kill, 50), "SIGKILL while files are written": (kill_in_writing, 50),
         "Ctrl-C at a random moment": (interrupt, 30), "Ctrl-C in two steps": (interrupt_step, 20),
         "Ctrl-C twice": (interrupt_twice, 20), "a disk full at a random byte": (full_disk, 50),
         "a disk too small from the start": (full_before, 10), "a folder that turns read-only": (read_only, 20),
         "two runs into one folder": (two_runs, 20), "a damaged checkpoint": (damaged, 50),
         "pictures that vanish": (vanished, 20)}  # fmt: skip
