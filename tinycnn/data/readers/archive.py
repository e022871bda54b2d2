"""A .zip of a data set, as annotation tools export it: unpacked into a temporary folder, as long as the program runs.

An archive from elsewhere is not trusted. Names that lead out of the folder, links and encrypted entries are refused,
and sizes are limited before anything is written: a file of a few kilobytes can claim to hold terabytes.
"""

import atexit
import shutil
import tempfile
import zipfile
from pathlib import Path

from tinycnn.data.photographs import SUFFIXES
from tinycnn.data.readers.records import inside
from tinycnn.errors import DataError

MOST_BYTES, MOST_FILES, MOST_TIMES = 32 * 2**30, 500_000, 200  # unpacked; and how many times as large as packed
WANTED = {*SUFFIXES, ".txt", ".json", ".csv", ".xml", ".yaml", ".yml", ".names", ".tsv"}
_unpacked: dict[tuple, Path] = {}  # one folder for one archive, however often it is read


def unpack(path: Path) -> Path:
    """The folder that holds what is in the archive: the pictures and the annotations, nothing else."""
    key = path.resolve(), path.stat().st_mtime_ns, path.stat().st_size
    if key not in _unpacked:
        folder = Path(tempfile.mkdtemp(prefix="tinycnn-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        try:
            _unpack(path, folder)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise DataError(f"{path} cannot be unpacked: {error}. Is it cut off, encrypted, or no .zip?") from error
        _unpacked[key] = folder
    return _unpacked[key]


def _unpack(path, folder):
    with zipfile.ZipFile(path) as archive:
        entries = [e for e in archive.infolist() if not e.is_dir() and Path(e.filename).suffix.lower() in WANTED]
        size, packed = (sum(getattr(e, name) for e in entries) for name in ("file_size", "compress_size"))
        if len(entries) > MOST_FILES or size > MOST_BYTES or size > 2**20 + MOST_TIMES * packed:
            raise DataError(f"{path} would become {size:,} bytes in {len(entries):,} files, from {packed:,}: that is "
                            "not unpacked. Unpack it yourself if you trust it, and give the folder")
        for entry in entries:
            target = inside(folder, entry.filename)
            if target is None or entry.external_attr >> 28 == 0xA:  # a link
                raise DataError(f"{path} holds {entry.filename!r}, which would lead out of its folder")
            if "__MACOSX" in target.parts or target.name.startswith("."):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, target.open("wb") as copy:
                left = entry.file_size
                while block := source.read(min(2**20, left + 1)):
                    left -= len(block)
                    if left < 0:
                        raise DataError(f"{path}: {entry.filename} holds more than the archive says")
                    copy.write(block)
