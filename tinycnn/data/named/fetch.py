"""Fetching a named set: every archive once, checked before it is opened, unpacked beside its place and renamed into it.

Whatever ends this in the middle (Ctrl-C, a kill, a full disk, a lost connection) leaves what was fetched where it is,
and the next call goes on from there. Until the last step there is no folder with the set's name.
"""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tinycnn.data.named import cache
from tinycnn.data.named.cache import VARIABLE, cache_folder, downloads, folder_of, missing, part_of
from tinycnn.data.named.catalog import NamedSet
from tinycnn.data.named.download import Broken, Download, Patience, Refused, notes_of
from tinycnn.data.readers.unpacking import DISK, unpack
from tinycnn.errors import DataError
from tinycnn.progress import byte_bar
from tinycnn.text import byte_size

FULL = {errno.ENOSPC, errno.EDQUOT}
MOST = 3  # times what is expected, of an archive whose size is not known
Say = Callable[[str], object]


def fetch(named: NamedSet, say: Say = print, progress: bool = True, patience: Patience | None = None) -> Path:
    """Bring a set into the cache, or find it there. Returns its folder.

    say: is told what happens, in sentences    progress: show a bar, where tqdm is installed and someone is watching

    DataError says in one line what stopped it and what to do. KeyboardInterrupt passes through.
    """
    if cache.is_there(named):  # also where nothing may be written
        return folder_of(named)
    try:
        with cache.alone(named, say):
            if not cache.is_there(named):
                _fetch(named, say, progress, patience or Patience())
        return folder_of(named)
    except OSError as error:
        if error.errno not in DISK:
            raise
        what = "the disk is full" if error.errno in FULL else f"{error.strerror}: {error.filename or cache_folder()}"
        room = f"free about {byte_size(named.size + named.unpacked)} and " if error.errno in FULL else ""
        raise DataError(f"{what}. What was fetched is kept in {downloads(named)}: {room}give the same command again, "
                        f"or choose another folder with {VARIABLE}=FOLDER") from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt("what was fetched is kept, and the same command goes on from there") from None


def _fetch(named, say, progress, patience):
    target = folder_of(named)
    if target.exists():
        raise DataError(f"{target} is there, but {', '.join(missing(named, target))} is missing in it: move it away or "
                        "delete it, and fetch again")
    _sweep(named)
    _expect_room(named)
    archives = [(archive, *_obtain(named, archive, say, progress, patience)) for archive in named.archives]
    folder = Path(tempfile.mkdtemp(prefix=f".{named.name}.", dir=cache_folder()))
    try:
        for archive, path, _ in archives:
            say(f"unpacking {path.name.removesuffix('.part')}")
            _unpack(named, archive, path, folder, progress)
        root = _root(named, folder)
        for archive, path, source in archives:
            _remember(named, archive, path, source, say)
        if hasattr(os, "sync"):
            os.sync()  # else a power cut could leave the name, and files without content
        os.chmod(root, 0o777 & ~_umask())  # mkdtemp makes it private
        os.replace(root, target)
    except DataError:
        for archive, _, source in archives:
            if archive.checksum is None and source is not None:  # nothing says that it is right, so it is not kept
                _forget(named, archive)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for archive in named.archives:
        _forget(named, archive)
    by_hand = [str(path) for _, path, source in archives if source is None]
    if by_hand:
        say(f"not needed any more: {', '.join(by_hand)}")
    say(f"{named.title} is in {target}")


def _umask():
    umask = os.umask(0)
    os.umask(umask)
    return umask


def _sweep(named):
    """Remove what a killed process was unpacking."""
    for folder in cache_folder().glob(f".{named.name}.*"):
        shutil.rmtree(folder, ignore_errors=True)


def _forget(named, archive):
    """Remove what was fetched of an archive; what was placed by hand stays."""
    part = part_of(named, archive.name)
    for path in (part, notes_of(part)):
        path.unlink(missing_ok=True)


def _expect_room(named):
    """Say before an hour of fetching that the disk is too small."""
    here = sum(path.stat().st_size for archive in named.archives
               for path in (downloads(named) / archive.name, part_of(named, archive.name)) if path.is_file())
    needed, free = named.unpacked + max(0, named.size - here), shutil.disk_usage(cache_folder()).free
    if free < needed:
        raise DataError(f"{named.name} needs about {byte_size(needed)} in {cache_folder()}, and {byte_size(free)} are "
                        f"free: make room, or choose another folder with {VARIABLE}=FOLDER")


def _obtain(named, archive, say, progress, patience):
    """(path of the whole and right archive, the address it came from or None if it was placed by hand)"""
    by_hand = downloads(named) / archive.name
    if by_hand.is_file():
        wrong = _wrong(named, archive, by_hand)
        if wrong:
            raise DataError(f"{by_hand}, which was placed by hand, is not the file that is expected: {wrong}. Replace "
                            "it, or delete it, and fetch again")
        say(f"{by_hand} was placed by hand, and is taken")
        return by_hand, None
    failures = []
    for address in archive.addresses:
        try:
            return _from(named, archive, address, say, progress, patience), address
        except (Broken, Refused) as error:
            failures.append(f"{address} {error}")
            if address != archive.addresses[-1]:
                say(f"{failures[-1]}. Trying the next address")
    raise DataError(f"{archive.name} could not be fetched: {'; '.join(failures)}. Look for it at {named.page} with a "
                    f"browser, put it into {by_hand.parent}, and give the same command again")


def _from(named, archive, address, say, progress, patience):
    """The path of the right archive from one address. What was put together and does not fit is fetched once more."""
    part, certain = part_of(named, archive.name), archive.checksum is not None
    most = archive.size or MOST * archive.about
    for continued in (True, False):
        had = part.is_file()
        with byte_bar(archive.name, progress) as report:
            download = Download(part, archive.size, most, certain, say, report, patience)
            download.run(address)
        wrong = _wrong(named, archive, part)
        if not wrong:
            return part
        download.begin_anew()
        if not (had and continued):
            break
        say(f"{archive.name}: {wrong}. It was put together from several attempts, so it is fetched once more")
    raise Refused(f"sends another file than expected: {wrong}")


def _wrong(named, archive, path):
    """Why a file is not the archive, or None; also where nothing is known to tell by."""
    size = path.stat().st_size
    if archive.size is not None and size != archive.size:
        return f"it has {size:,} bytes instead of {archive.size:,}"
    known = archive.checksum
    if known is None:
        first = cache.pinned(named, archive.name)
        if first is None:
            return None
        found = checksum(path, first["checksum"].partition(":")[0])
        if found == first["checksum"]:
            return None
        return (f"its checksum is {found}, that of {first['when']} from {first['from']} was {first['checksum']}. If "
                f"its publisher has replaced it, delete {downloads(named) / 'pins.json'}")
    found = checksum(path, known.partition(":")[0])
    return None if found == known else f"its checksum is {found} instead of {known}"


def checksum(path: Path, method: str) -> str:
    """sha256:..., or another method of hashlib, of a file. DataError for an unknown method."""
    if method not in ("sha256", "md5"):
        raise DataError(f"{method!r} is no checksum that is known here")
    with path.open("rb") as file:
        return f"{method}:{hashlib.file_digest(file, lambda: hashlib.new(method, usedforsecurity=False)).hexdigest()}"


def _unpack(named, archive, path, folder, progress):
    try:
        with byte_bar(f"unpacking {archive.name}", progress) as report:
            written = 0

            def count(more):
                nonlocal written
                written += more
                report(written, None)

            unpack(path, folder, named.wants, count)
    except DataError as error:
        raise DataError(f"{error} (it is from {named.page})") from error


def _root(named, folder):
    """The folder in which the set lies: the one that was unpacked into, or one in it that an archive has wrapped it in.

    DataError where neither has what a whole set has.
    """
    inner = [path for path in folder.iterdir() if path.is_dir()]
    for root in (folder, *(inner if len(inner) == 1 else [])):
        if not missing(named, root):
            return root
    raise DataError(f"the archives of {named.name} do not hold {', '.join(missing(named, folder))}: they are others "
                    f"than those that are known. {named.page} may say what has changed")


def _remember(named, archive, path, source, say):
    """Pin the checksum of an archive for which none is known, the first time that one could be used."""
    if archive.checksum is None and cache.pinned(named, archive.name) is None:
        found = checksum(path, "sha256")
        cache.pin(named, archive.name, found, source or "a file placed by hand")
        say(f"no checksum of {archive.name} is known. That of this one is remembered, and others are refused from now "
            f"on: {found}")
