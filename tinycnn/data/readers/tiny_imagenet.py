"""Tiny ImageNet: 64 x 64 pictures in folders by class number ("wnid", as in n01443537), boxes in text files.

    wnids.txt                          one number a line: the classes to use, in the order of their labels
    words.txt                          number, tab, names with commas between them; the first one names the class
    train/<wnid>/images/*.JPEG         train/<wnid>/<wnid>_boxes.txt: file, x0, y0, x1, y1
    val/images/*.JPEG                  val/val_annotations.txt: file, wnid, x0, y0, x1, y1

Pixels count from 0 and both ends are included, so the box is (x0, y0, x1 + 1, y1 + 1). Where x0 = x1 or y0 = y1 the box
of the full-size picture was lost in the reduction to 64 pixels (a goldfish of one column), and it counts as empty.
The test folder has no answers, so `val` is the test part here, and `valid` is split off from `train`.
"""

import os

from tinycnn.data.photographs import SUFFIXES
from tinycnn.data.readers.records import Record, inside, read_text
from tinycnn.errors import DataError

MAX_BYTES = 64 * 2**20
LAYOUT = "wnids.txt, words.txt, train/<class>/images with <class>_boxes.txt, and val/images with val_annotations.txt"


def find(path):
    """The file that marks the format; none if the folder is not in it."""
    return [path / "wnids.txt"] if (path / "wnids.txt").is_file() and (path / "train").is_dir() else []


def records(root, files, ledger):
    """A Record per picture, and the classes in the order of wnids.txt."""
    wnids = list(dict.fromkeys(read_text(files[0], MAX_BYTES).split()))
    for wnid in wnids:
        if inside(root, wnid) is None or "/" in wnid:
            raise DataError(f"{files[0]}: {wnid!r} is not the name of a class folder")
    names = _class_names(root, wnids)
    found = []
    for wnid in wnids:
        folder = root / "train" / wnid
        rows = [(row[0], wnid, row[1:]) for row in _rows(folder / f"{wnid}_boxes.txt", 5)]
        found += _records(folder / "images", rows, names, "train", ledger)
    rows = [(row[0], row[1], row[2:]) for row in _rows(root / "val" / "val_annotations.txt", 6)]
    found += _records(root / "val" / "images", rows, names, "valid", ledger)
    return found, list(names.values())


def _class_names(root, wnids):
    """{wnid: name}; the wnid itself where words.txt has none, and added where two classes have the same first name."""
    words = {}
    if (root / "words.txt").is_file():
        for line in read_text(root / "words.txt", MAX_BYTES).splitlines():
            wnid, _, synonyms = line.partition("\t")
            words[wnid.strip()] = synonyms.partition(",")[0].strip()
    names = {wnid: words.get(wnid) or wnid for wnid in wnids}
    taken = list(names.values())
    return {wnid: f"{name} ({wnid})" if taken.count(name) > 1 else name for wnid, name in names.items()}


def _rows(file, columns):
    if not os.path.isfile(file):  # nor where its name is longer than names may be, at which Path.is_file raises
        return []
    rows = [line.split("\t") for line in read_text(file, MAX_BYTES).splitlines() if line.strip()]
    for number, row in enumerate(rows, start=1):
        if len(row) != columns:
            raise DataError(f"{file}, line {number}: {columns} columns with tabs between them were expected: {row}")
    return rows


def _records(folder, rows, names, part, ledger):
    found = []
    for name, wnid, corners in rows:
        path = inside(folder, name)
        if path is None:
            ledger.leave_out(name, "the file name in its annotation leads out of the folder")
        elif wnid not in names:
            ledger.leave_out(name, "its class is not in wnids.txt")
        else:
            found.append(Record(path, [(names[wnid], _box(corners))], part))
    listed = {name for name, *_ in rows}
    if os.path.isdir(folder):
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in SUFFIXES and path.name not in listed:
                ledger.leave_out(path.name, "it has no annotation")
    return found


def _box(corners):
    try:
        x0, y0, x1, y1 = map(float, corners)
    except ValueError:
        return (float("nan"),) * 4
    return (x0, y0, x1 + 1, y1 + 1) if x0 < x1 and y0 < y1 else (x0, y0, x0, y0)
