"""The folder in which fetched data sets lie, on this machine and for all projects.

    pets/                       a set, whole: it is renamed to this when everything is in it
    downloads/pets/             what is being fetched: images.tar.gz.part; files placed by hand: images.tar.gz
    downloads/pets/pins.json    checksums that were not known, as they were at the first time
    downloads/pets.lock         held by whoever fetches it
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tinycnn.claims import lock
from tinycnn.data.named.catalog import NamedSet
from tinycnn.errors import DataError
from tinycnn.files import atomic_write
from tinycnn.text import byte_size

VARIABLE = "TINYCNN_DATA"
LOOK = 0.2  # seconds between two looks whether the other process has ended


def cache_folder() -> Path:
    """$TINYCNN_DATA, or tinycnn/ where this system keeps what can be had again: ~/.cache, as XDG says."""
    try:
        if os.environ.get(VARIABLE):
            folder = Path(os.environ[VARIABLE]).expanduser().absolute()
            if folder.exists() and not folder.is_dir():
                raise DataError(f"{VARIABLE} says {folder}, which is a file: give a folder")
            return folder
        if sys.platform == "win32":
            base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        elif sys.platform == "darwin":
            base = Path.home() / "Library" / "Caches"
        else:
            given = os.environ.get("XDG_CACHE_HOME", "")
            base = given if os.path.isabs(given) else Path.home() / ".cache"  # XDG: relative ones are ignored
        return Path(base) / "tinycnn"
    except RuntimeError as error:  # nobody's home is known
        raise DataError(f"the folder for data sets is not known ({error}): say which, as {VARIABLE}=FOLDER") from None


def folder_of(named: NamedSet) -> Path:
    """Where a set lies, or will lie."""
    return cache_folder() / named.name


def downloads(named: NamedSet) -> Path:
    """Where its archives are fetched to, and where they are placed by hand."""
    return cache_folder() / "downloads" / named.name


def missing(named: NamedSet, folder: Path) -> list[str]:
    """What a whole set has, and this folder has not."""
    return [mark for mark in named.marks if not (folder / mark).exists()]


def is_there(named: NamedSet) -> bool:
    """Whether the set lies in the cache, whole."""
    return not missing(named, folder_of(named))


def state(named: NamedSet) -> str:
    """In a few words, what of a set is in the cache."""
    folder = folder_of(named)
    if folder.exists():
        gone = missing(named, folder)
        return f"not whole: {gone[0]} is missing" if gone else "there"
    begun = sum(path.stat().st_size for archive in named.archives
                for path in (downloads(named) / archive.name, part_of(named, archive.name)) if path.is_file())
    return f"begun: {byte_size(begun)}" if begun else "-"


def part_of(named: NamedSet, name: str) -> Path:
    """The file that an archive is fetched into. It keeps this name: what has the archive's own was placed by hand."""
    return downloads(named) / f"{name}.part"


@contextlib.contextmanager
def alone(named: NamedSet, say: Callable[[str], object]) -> Iterator[None]:
    """For the length of a with block nobody else fetches this set; waits for whoever does, and says so.

    The operating system holds the lock, so it ends with the process that has it, however that ends.
    """
    downloads(named).mkdir(parents=True, exist_ok=True)
    handle = os.open(downloads(named).parent / f"{named.name}.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not lock(handle):
            say(f"another process is fetching {named.name}: waiting until it has ended (Ctrl-C ends the waiting alone)")
            while not lock(handle):
                time.sleep(LOOK)
        yield
    finally:
        os.close(handle)


def pinned(named: NamedSet, name: str) -> dict[str, str] | None:
    """{"checksum", "when", "from"} of an archive as it was at the first time, or None. DataError if unreadable."""
    path = downloads(named) / "pins.json"
    if not path.exists():
        return None
    try:
        pin = json.loads(path.read_text("utf-8")).get(name)
        return None if pin is None else {key: str(pin[key]) for key in ("checksum", "when", "from")}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}, which holds the checksums of what was fetched before, is damaged ({error}): "
                        "mend it, or delete it to begin anew") from error


def pin(named: NamedSet, name: str, checksum: str, source: str) -> None:
    """Remember the checksum of an archive for which none is known."""
    path = downloads(named) / "pins.json"
    pins = json.loads(path.read_text("utf-8")) if path.exists() else {}
    pins[name] = {"checksum": checksum, "when": time.strftime("%Y-%m-%d"), "from": source}
    with atomic_write(path, "w") as file:
        json.dump(pins, file, indent=2)
        file.write("\n")
