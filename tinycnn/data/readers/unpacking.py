"""Unpacking a .zip, .tar or .tar.gz from elsewhere, which is not trusted.

Only files and folders are made, below one folder. An archive that holds anything else is refused as a whole: names that
lead out, links, devices, pipes. A few kilobytes can hold terabytes of zeros, so bytes and files are counted while they
come out, whatever the archive says of itself, and what it says of itself is never read into memory at any length.
"""

import contextlib
import errno
import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tinycnn.data.readers.records import inside
from tinycnn.errors import DataError
from tinycnn.text import shortened

MOST_BYTES, MOST_FILES, MOST_TIMES = 32 * 2**30, 500_000, 200  # unpacked; and how many times as large as packed
FREE = 2**20  # bytes that may come out of any archive, however small
BLOCK = 2**16  # bytes that are copied at once
HEADER = 2**14  # bytes of one long name in a .tar: the time of the patterns of tarfile grows with their square
EMPTY = bytes(tarfile.BLOCKSIZE)  # what ends a .tar
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may ask for gigabytes of memory
LINK, FOLDER, FILE = 0xA, 0x4, 0x8  # the kinds that matter in the attributes of a .zip; 0: nothing is said
# What is the matter with the disk, or with this program's rights, and not with the archive.
DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE}
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError,
           ValueError, OverflowError)


class Entry(NamedTuple):
    """One entry of an archive that is no folder."""

    name: str
    size: int  # bytes of a file, as the archive says
    other: str  # what it is if it is no file, else ""
    open: Callable[[], Any]  # a context with the bytes to read


def unpack(path: str | Path, folder: str | Path, keep: Callable[[str], bool] | None = None,
           report: Callable[[int], object] | None = None) -> None:
    """Write the files of the archive at `path` below `folder`.

    keep: of a name, whether it is wanted; None for all    report: is told how many bytes were written, again and again

    Hidden files, and what macOS adds to archives, are left out. DataError where the archive is damaged, or holds what
    is refused; what was written until then stays. OSError where the disk is full or may not be written to.
    """
    path, folder = Path(path), Path(folder)
    most = min(MOST_BYTES, FREE + MOST_TIMES * path.stat().st_size)
    try:
        with (_zip if _begins(path) == b"PK" else _tar)(path, most) as entries:
            _check(path, entries, keep, most)
            left = most
            for entry in entries:
                target = _target(path, folder, entry)
                if not _wanted(entry.name, keep):
                    continue
                left -= entry.size
                if left < 0:
                    raise _too_much(path, most)
                target.parent.mkdir(parents=True, exist_ok=True)
                with entry.open() as source, target.open("wb") as copy:
                    _copy(source, copy, entry, path, report)
    except DataError:
        raise
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno in DISK:
            raise
        reason = shortened(str(error), 200)  # it may hold half of a damaged file
        raise DataError(f"{path} cannot be unpacked: {reason}. Is it cut off, encrypted, or no archive?") from error


def _begins(path):
    with open(path, "rb") as file:
        return file.read(2)


def _wanted(name, keep):
    """Whether a name is wanted, and neither hidden nor one of those that macOS adds."""
    parts = name.replace("\\", "/").split("/")
    return not parts[-1].startswith(".") and "__MACOSX" not in parts and (keep is None or keep(name))


def _check(path, entries, keep, most):
    """Refuse a .zip, which says first what it holds, before anything is written."""
    if isinstance(entries, list):
        wanted = [entry for entry in entries if _wanted(entry.name, keep)]
        if len(wanted) > MOST_FILES or sum(entry.size for entry in wanted) > most:
            raise _too_much(path, most)


def _target(path, folder, entry):
    """Where an entry goes; DataError where it may go nowhere."""
    target = inside(folder, entry.name)
    if target is None:
        raise DataError(f"{path} holds {entry.name!r}, which would lead out of its folder")
    if entry.other:
        raise DataError(f"{path} holds {entry.name!r}, {entry.other}, which would lead out of its folder or wait for "
                        "ever: data sets have none")
    return target


def _too_much(path, most):
    return DataError(f"{path} would become more than {most:,} bytes, or more than {MOST_FILES:,} files: that is not "
                     "unpacked. Unpack it yourself if you trust it, and give the folder")


def _copy(source, copy, entry, path, report):
    left = entry.size
    while block := source.read(min(BLOCK, left + 1)):
        left -= len(block)
        if left < 0:
            raise DataError(f"{path}: {entry.name} holds more than the archive says")
        copy.write(block)
        if report is not None:
            report(len(block))
    if left:
        raise DataError(f"{path}: {entry.name} is cut off")


@contextlib.contextmanager
def _zip(path: Path, most: int) -> Iterator[list[Entry]]:
    """The entries of a .zip, all at once."""
    with zipfile.ZipFile(path) as archive:
        yield [Entry(info.filename, info.file_size, _other_in_zip(info), partial(archive.open, info))
               for info in archive.infolist() if not info.filename.endswith("/")]


def _other_in_zip(info):
    kind = info.external_attr >> 28
    if kind not in (0, FILE):
        return {LINK: "a link", FOLDER: "a folder with content"}.get(kind, "a device or a pipe")
    if info.compress_type not in METHODS:
        raise DataError(f"{info.filename} is packed by a method that is not read (number {info.compress_type}): unpack "
                        "the archive yourself, and give the folder")
    return ""


@contextlib.contextmanager
def _tar(path: Path, most: int) -> Iterator[Iterable[Entry]]:
    """The entries of a .tar or .tar.gz, one after the other."""
    with contextlib.ExitStack() as stack:
        file: Any = stack.enter_context(open(path, "rb"))
        if _begins(path) == b"\x1f\x8b":
            file = stack.enter_context(gzip.GzipFile(fileobj=file))
        stream: Any = _Forward(file, path, most)
        yield _tar_entries(stack.enter_context(tarfile.TarFile(fileobj=stream)), stream)


def _tar_entries(archive, stream):
    count = 0
    while (info := archive.next()) is not None:
        archive.members.clear()  # it would keep every one of them
        count += 1
        if count > MOST_FILES:
            raise _too_much(stream.path, stream.most)
        if info.size < 0:
            raise DataError(f"{stream.path}: {info.name!r} has {info.size} bytes, it is damaged")
        if not info.isdir():
            stream.at_once = 2 * BLOCK
            yield Entry(info.name, info.size, _other_in_tar(info), partial(archive.extractfile, info))
            stream.at_once = HEADER
    if stream.last != EMPTY:  # tarfile takes what it cannot read for the end
        raise DataError(f"{stream.path} cannot be unpacked: it is cut off or damaged after {count:,} entries")
    while stream.read(HEADER):  # to the end, where gzip keeps its checksum
        pass


def _other_in_tar(info):
    if info.islnk() or info.issym():
        return "a link"
    return "" if info.isreg() and not info.issparse() else "a device, a pipe or a file with holes"


class _Forward:
    """What tarfile reads from: forward only, not too much at once, and not too much in all."""

    def __init__(self, stream, path, most):
        self.stream, self.path, self.most = stream, path, most
        self.at_once, self.last = HEADER, b""
        self.end = 2 * most + BLOCK  # headers, and what is left out, come on top

    def tell(self):
        return self.stream.tell()

    def seek(self, place):
        here = self.tell()
        if place < here:
            raise DataError(f"{self.path} cannot be unpacked: it goes back from byte {here:,} to {place:,}")
        if place > self.end:
            raise _too_much(self.path, self.most)
        self.stream.seek(place)

    def read(self, size):
        if not 0 <= size <= self.at_once:
            raise DataError(f"{self.path} cannot be unpacked: something in it claims a name of {size:,} bytes")
        if self.tell() + size > self.end:
            raise _too_much(self.path, self.most)
        self.last = self.stream.read(size)
        return self.last
