"""What the four readers share: the record of one picture, the ledger of what was left out, and careful opening.

Annotation files come from elsewhere and are not trusted: their size is limited before they are opened, and a file name
written in them may not lead out of the data set's folder.
"""

import contextlib
import math
import os
import posixpath
import re
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from tinycnn.data.photographs import SUFFIXES
from tinycnn.errors import DataError

RUN = {"config.json", "model.npz"}  # in the folder of a training
LOOK = 4096  # bytes
NO_BOX = (math.nan,) * 4  # becomes the reason "its box is not four numbers" when the box is examined
PARTS = {"train": "train", "val": "valid", "valid": "valid", "validation": "valid", "test": "test",
         "training": "train", "testing": "test"}


@dataclass
class Record:
    """One picture as an annotation describes it, before anybody has opened it."""

    path: Path
    objects: list = field(default_factory=list)  # (class name, (xmin, ymin, xmax, ymax)), half-open pixels, or parts
    part: str | None = None  # "train", "valid", "test", or None where the data set has no parts of its own
    stated_size: tuple | None = None  # (H, W) of the picture the annotator saw, where the annotation says so
    nothing: str = "no object is marked in it"  # why it has no objects, where the annotation tells
    first: int = 0  # what the first pixel is called: 1 for VOC, where xmax and ymax are the last one inside
    source: str | None = None  # the file that it is from, where each may count in its own units
    whole: float | None = None  # what the picture's width and height count as: None pixels, 1.0 shares, 100.0 percent
    aside: list = field(default_factory=list)  # objects that it does not count: (what they are, class name, box)


class Ledger:
    """Counts what is left out or changed, and why, with the first few names, so that nothing happens silently."""

    def __init__(self):
        self.left_out = {}  # reason -> names of the pictures that are not in the data set
        self.remarks = {}  # sentence -> names of pictures that are in it, but not entirely as annotated

    def leave_out(self, name, reason):
        self.left_out.setdefault(reason, []).append(name)

    def remark(self, name, sentence):
        self.remarks.setdefault(sentence, []).append(name)

    def sentences(self, kept):
        """All of it as sentences, for Dataset.notes; `kept` is the number of pictures that remained."""
        total = kept + sum(map(len, self.left_out.values()))
        lines = [f"left out {len(n)} of {total}: {reason} ({_first(n)})" for reason, n in self.left_out.items()]
        return lines + [f"{sentence}: {len(n)} ({_first(n)})" for sentence, n in self.remarks.items()]


def plain(text):
    """A name as it is compared: without regard to capitals, and to how the letters' accents are stored."""
    return unicodedata.normalize("NFC", str(text)).casefold()


def _first(names, most=3):
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def part_of(text):
    """The part that a file or folder name speaks of ("instances_val2017" -> "valid"), or None.

    >>> part_of("train"), part_of("instances_val2017"), part_of("labels")
    ('train', 'valid', None)
    """
    found = {PARTS[word] for word in re.findall("[a-z]+", text.lower()) if word in PARTS}
    return found.pop() if len(found) == 1 else None


def part_of_file(root, file):
    """The part that an annotation file speaks of by its name, or else by that of its folder below `root`; or None."""
    return part_of(file.stem) or (part_of(file.parent.name) if file.parent != root else None)


def part_folders(bases, part):
    """The folders for a part that there are: base/train, base/val ..."""
    words = [word for word, meaning in PARTS.items() if part and meaning == part]
    return [base / word for base in dict.fromkeys(bases) for word in words if (base / word).is_dir()]


def expect_file(path):
    """DataError for a pipe or a device: one would be waited for, the other may have no end."""
    with contextlib.suppress(OSError):  # a link to nowhere, and the like: whoever opens it says so
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise DataError(f"{path} is a pipe or a device, and is not read: put the file itself in its place")


def both_ends(file, most=None):
    """(the first bytes of a file, its last), LOOK or `most` of them, which show which tool wrote it; it may be huge.

    Both are empty if it cannot be opened.
    """
    most = LOOK if most is None else most
    expect_file(file)
    try:
        with file.open("rb") as opened:
            start = opened.read(most)
            opened.seek(max(0, file.stat().st_size - most))
            return start, opened.read()
    except OSError:
        return b"", b""


def inside(folder, name):
    """The path of `name` in `folder`, or None if the name would lead out of it (absolute, or with too many ..).

    Backslashes count as slashes, since many annotations were written on Windows. The check looks at the name alone:
    links that you made yourself in your folder are followed.
    """
    name = str(name).replace("\\", "/")
    normal = posixpath.normpath(name)
    if not name or "\0" in name or normal.startswith(("/", "../")) or normal in ("..", ".") or ":" in normal[:2]:
        return None
    return Path(folder) / normal


def first_file(candidates):
    """The first of these paths that is a file, or None. A name that no file system accepts is no file."""
    for path in candidates:
        try:
            if path.is_file():
                return path
        except (OSError, ValueError):
            continue
    return None


def read_bytes(path, limit):
    """The bytes of a file, of which it may have at most `limit`."""
    expect_file(path)
    if path.stat().st_size > limit:
        raise DataError(f"{path} has {path.stat().st_size:,} bytes; more than {limit:,} is not read, to protect memory")
    return path.read_bytes()


def read_text(path, limit):
    """The text of a file of at most `limit` bytes, UTF-8 with or without a byte order mark."""
    try:
        text = read_bytes(path, limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text ({error}): save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def walk(root, suffixes):
    """All files below `root` with one of these suffixes, sorted; but hidden ones, what macOS adds to archives, and what
    a training has written: a folder below `root` with a config.json and a model.npz.

    DataError for a pipe or a device, unless it is in place of a picture: those are looked at one by one later.
    """
    found, visited = [], set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in visited:  # a link back to a folder above would go round for ever
            folders.clear()
            continue
        if folder != os.fspath(root) and RUN <= {*files}:
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        names = (name for name in files if not name.startswith("."))
        found += [Path(folder) / name for name in names if os.path.splitext(name)[1].lower() in suffixes]
    for path in () if SUFFIXES.issuperset(suffixes) else found:
        expect_file(path)
    return sorted(found)
