"""A .zip of a data set, as annotation tools export it: unpacked into a temporary folder, as long as the program runs.

An archive from elsewhere is not trusted: tinycnn/data/readers/unpacking.py says what is refused.
"""

import atexit
import shutil
import tempfile
from pathlib import Path

from tinycnn.data.photographs import SUFFIXES
from tinycnn.data.readers.unpacking import unpack as unpack_into

WANTED = {*SUFFIXES, ".txt", ".json", ".csv", ".xml", ".yaml", ".yml", ".names", ".tsv"}
_unpacked: dict[tuple, Path] = {}  # one folder for one archive, however often it is read


def unpack(path: Path) -> Path:
    """The folder that holds what is in the archive: the pictures and the annotations, nothing else."""
    key = path.resolve(), path.stat().st_mtime_ns, path.stat().st_size
    if key not in _unpacked:
        folder = Path(tempfile.mkdtemp(prefix="tinycnn-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        try:
            unpack_into(path, folder, keep=lambda name: Path(name).suffix.lower() in WANTED)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        _unpacked[key] = folder
    return _unpacked[key]
