"""One training at a time in a folder: who writes there claims it first, and a second one is refused in a sentence.

The claim is a lock that the operating system holds on a small file. It ends with the process, however that ends, so a
training that was killed leaves nothing that stands in the way: the file may stay, and the next one takes it over.
"""

import contextlib
import contextvars
import errno
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tinycnn.errors import CheckpointError

NAME = ".claim"
PART = re.compile(r"\.(.+)\.\w{8}\.part")  # what atomic_write calls a file that is not whole yet
WRITTEN = {"model.npz", "checkpoint.npz", "checkpoint.previous.npz", "history.csv", "epochs.npz", "config.json",
           "run.json", "metrics.json", "curves.png", "predictions.png"}
TRIES = 100  # to find the folder there, while others that failed remove it

_mine: contextvars.ContextVar[frozenset[Path]] = contextvars.ContextVar("claimed folders", default=frozenset())


@contextlib.contextmanager
def claimed(folder: str | Path, new: bool = False) -> Iterator[None]:
    """For the length of a with block nobody else trains in `folder`, which is made where it is missing.

    Halves of files that a killed training left there are removed. A folder that was made for this, here or by the
    caller (new=True), is removed again where it is empty at the end, so that its name is free.

    Within the block the same thread may claim it again. Raises CheckpointError where another training has it.
    """
    folder = Path(folder)
    key = folder.resolve()
    if key in _mine.get():
        yield
        return
    made = new or not folder.exists()
    handle = _take(folder)
    token = _mine.set(_mine.get() | {key})
    try:
        _sweep(folder)
        yield
    finally:
        _mine.reset(token)
        _release(folder, handle, made)


def _take(folder):
    for _ in range(TRIES):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # whoever had it before has just removed the folder
            continue
        if not lock(handle):
            os.close(handle)
            break
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(folder / NAME)):
                return handle
        os.close(handle)  # it was removed before the lock was ours, and a lock on it would stop nobody
    raise CheckpointError(f"another training is writing into {folder} at this moment: choose another folder, or wait "
                          "until it has ended")


def lock(handle: int) -> bool:
    """Take the operating system's lock on an open file until it is closed. Returns whether nobody else has it.

    A file system that knows no locks has nobody.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
    return True


def _release(folder, handle, remove_if_empty):
    """The file goes while the lock is held, so that nobody finds it free and about to vanish."""
    if sys.platform == "win32":  # which removes no open file
        os.close(handle)
    with contextlib.suppress(OSError):
        (folder / NAME).unlink()
    if remove_if_empty:
        with contextlib.suppress(OSError):  # something is in it
            folder.rmdir()
    if sys.platform != "win32":
        os.close(handle)


def _sweep(folder):
    for path in folder.glob(".*.part"):
        name = PART.fullmatch(path.name)
        if name and name[1] in WRITTEN:
            with contextlib.suppress(OSError):
                path.unlink()
