"""What all targets share: where a failure begins, files by name, and code that must not run."""

import tempfile
from pathlib import Path

OUTSIDE = "outside.png"  # lies beside the folder, and must never be reached


class Failure(AssertionError):
    """Something was read that should not have been, or was lost or changed without a word."""


def files_below(folder):
    found = sorted(path for path in Path(folder).rglob("*") if path.is_file())  # the order decides what is drawn
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def put(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class Marker:
    """What leaves a file behind when it is unpickled: code that ran."""

    where = Path(tempfile.gettempdir()) / "tinycnn-fuzz-code-has-run"

    def __reduce__(self):
        return open, (str(self.where), "w")
