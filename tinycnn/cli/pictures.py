"""Which pictures are meant: files, folders and patterns on a command line, and what their drawings are called.

Some shells expand patterns and some do not. Here a pattern becomes the files that a shell would have made of it, and
a folder all pictures in it and below it. Hidden files are left out of both, as are the drawings that predict itself has
made; who wants one of them names it.
"""

import glob
import os
import re
import tempfile
from pathlib import Path
from typing import NamedTuple

from tinycnn.cli.failures import UsageError
from tinycnn.data.photographs import SUFFIXES
from tinycnn.files import holds
from tinycnn.text import is_address

MARK = "Software", "tinycnn predict"  # in each drawing
IN_FILE = b"\0".join(word.encode() for word in MARK)  # as PNG has it


class Asked(NamedTuple):
    """A picture that is asked for, or an argument that stands for none, with the reason."""

    path: Path | str  # an address stays as it was typed
    problem: str | None = None


def find(arguments):
    """[Asked] for what stands on the command line: in its order, folders and patterns in natural order, none twice."""
    found, seen = [], set()
    for text in arguments:
        for asked in _meant(text):
            key = os.path.normcase(os.path.realpath(asked.path))
            if key not in seen:
                seen.add(key)
                found.append(asked)
    return found


def _meant(text):
    if is_address(text):
        return [Asked(text, "addresses are not fetched: download the picture, and give the file's path")]
    if os.path.isdir(text):
        return _in_folder(Path(text)) or [
            Asked(Path(text), "the folder holds no pictures (hidden files and drawings of predict do not count)")]
    if os.path.lexists(text) or not glob.has_magic(text):  # a name may have brackets in it
        return [Asked(Path(text))]
    found = []
    for path in sorted(map(Path, glob.glob(_pattern(text), recursive=True)), key=_natural):
        found += _in_folder(path) if path.is_dir() else [] if holds(path, IN_FILE) else [Asked(path)]
    return found or [Asked(Path(text), "nothing fits this pattern (hidden files and drawings of predict do not count)")]


def _pattern(text):
    """The pattern, in which folders that are there are meant as they are written, brackets and all."""
    parts, known = Path(text).parts, 0
    while os.path.lexists(Path(*parts[: known + 1])):
        known += 1
    return os.path.join(*map(glob.escape, parts[:known]), *parts[known:])


def _in_folder(folder):
    found, problems = [], []
    for where, folders, names in os.walk(folder, onerror=problems.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(where, name) for name in names
                  if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES]  # fmt: skip
    closed = [Asked(Path(error.filename), f"the folder cannot be opened ({error.strerror})") for error in problems]
    pictures = [Asked(path) for path in sorted(found, key=_natural) if not holds(path, IN_FILE)]
    return pictures + closed


def _natural(path):
    """A key that sorts img2 before img10."""
    return [[int(piece) if i % 2 else piece.casefold() for i, piece in enumerate(re.split(r"(\d+)", part))]
            for part in path.parts], str(path)  # fmt: skip


def targets(asked, folder):
    """One name for each picture: never that of a file that is not our own drawing, never the same name twice."""
    paths = [Path(path) for path, _ in asked]
    taken = set(map(_name, paths))
    numbers, found = {}, []
    for path in paths:
        stem = path.stem[:200] if len(os.fsencode(path.stem)) < 240 else path.stem[:50]  # names have 255 bytes
        number = numbers.get(stem, 1)
        target = folder / f"{stem}.png" if number == 1 else folder / f"{stem}-{number}.png"
        while _name(target) in taken or os.path.lexists(target) and not holds(target, IN_FILE):
            number += 1
            target = folder / f"{stem}-{number}.png"
        numbers[stem] = number
        taken.add(_name(target))
        found.append(target)
    return found


def _name(path):
    return str(path.absolute()).casefold()  # there are disks on which A.png is a.png


def expect_writable(folder):
    """UsageError or OSError, one line, where `folder` can neither be made nor written into."""
    there = folder
    while not os.path.lexists(there):
        there = there.parent
    if not there.is_dir():
        raise UsageError(f"--out {folder}: {there} is no folder. Choose another name")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from error
