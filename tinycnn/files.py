"""Writing files so that a crash, a full disk or a kill never damages what was there before."""

import contextlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from tinycnn.errors import DataError


@contextlib.contextmanager
def atomic_write(path: str | Path, mode: str = "wb", previous: str | Path | None = None) -> Iterator[IO[Any]]:
    """Open a temporary file beside `path`; rename it to `path` only when the block ends without an error.

    A reader sees the old file or the new one, never half of one. Rename is atomic within a file system, which is why
    the temporary file lies in the same folder.

    previous: a name in that folder for what `path` held, which is kept under it from then on

        with atomic_write("model.npz") as file:
            np.savez(file, ...)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding = None if "b" in mode else "utf-8"
    prefix = f".{path.name[:40]}."  # not the whole of a name that is as long as names may be
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=".part")
    try:
        with os.fdopen(handle, mode, encoding=encoding, newline=None if "b" in mode else "\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; give the result the permissions that a plain open() would have given it.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        if previous is not None and path.exists():
            _set_aside(path, Path(previous))
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _set_aside(path, previous):
    """Call a file by a second name, so that there is no moment without one of the first."""
    spare = previous.with_name(f".{previous.name}.{secrets.token_hex(4)}.part")
    try:
        os.link(path, spare)
    except OSError:  # a file system without links: for a moment there is the second name alone
        os.replace(path, previous)
        return
    os.replace(spare, previous)
    spare.unlink(missing_ok=True)  # two names of one file are not renamed into each other


def holds(path: str | Path, mark: bytes) -> bool:
    """Whether `path` is a file with `mark` in its first or last kilobyte: so we know again what we have written."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
            return False
        with open(path, "rb") as file:
            start = file.read(1024)
            file.seek(max(0, os.fstat(file.fileno()).st_size - 1024))
            return mark in start or mark in file.read(1024)
    except OSError:
        return False


def expect_own(path: str | Path, mark: bytes) -> None:
    """DataError, before anything is computed, where `path` is there already and does not hold our `mark`."""
    if os.path.lexists(path) and not holds(path, mark):
        raise DataError(f"{path} exists already and was written by something else, so it stays as it is: "
                        "choose another folder, or move it away")
