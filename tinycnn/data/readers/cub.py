"""Caltech-UCSD Birds-200-2011: photographs of birds in images/, one bird and one box in each, and tables beside them.

    images.txt               1 001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg
    image_class_labels.txt   1 1                          the number of a picture, that of its class
    classes.txt              1 001.Black_footed_Albatross
    bounding_boxes.txt       1 60.0 27.0 325.0 304.0      x, y, width, height, counted from 0
    train_test_split.txt     1 0                          1: to learn from, 0: to test on

(C. Wah, S. Branson, P. Welinder, P. Perona and S. Belongie, "The Caltech-UCSD Birds-200-2011 Dataset", 2011, and its
README.) A class is called by its name without number: Black footed Albatross.
"""

import re

from tinycnn.data.photographs import SUFFIXES
from tinycnn.data.readers.records import NO_BOX, Record, inside, read_text, walk
from tinycnn.errors import DataError

MAX_BYTES = 64 * 2**20  # of a table; the largest has one million
LAYOUT = "images/, images.txt, image_class_labels.txt, classes.txt, bounding_boxes.txt and train_test_split.txt"
TABLES = ("images.txt", "image_class_labels.txt", "classes.txt", "bounding_boxes.txt")
PARTS = {"1": "train", "0": "test"}


def find(path):
    """The tables of a folder; none if it is not in this format."""
    there = path.is_dir() and (path / "images").is_dir() and all((path / name).is_file() for name in TABLES)
    return [path / name for name in (*TABLES, "train_test_split.txt") if (path / name).is_file()] if there else []


def records(root, files, ledger):
    """A Record per picture of images.txt, and the classes in the order of their numbers."""
    tables = {file.name: _rows(file, ledger) for file in files}
    classes = {number: _class_name(text) for number, text in tables["classes.txt"].items()}
    if len(set(classes.values())) < len(classes):
        classes = tables["classes.txt"]  # two birds of one name: their numbers tell them apart
    parts, found = tables.get("train_test_split.txt"), []
    for number, name in tables["images.txt"].items():
        path = inside(root / "images", name)
        label = classes.get(tables["image_class_labels.txt"].get(number, ""))
        if path is None:
            ledger.leave_out(name, "the file name in its annotation leads out of the folder")
        elif label is None:
            ledger.leave_out(name, "its class is not in classes.txt")
        elif parts is not None and parts.get(number) not in PARTS:
            ledger.leave_out(name, "its part is neither 1 nor 0 in train_test_split.txt")
        else:
            box = _box(tables["bounding_boxes.txt"].get(number, ""))
            found.append(Record(path, [(label, box)], PARTS[parts[number]] if parts is not None else None))
    listed = set(tables["images.txt"].values())
    for path in walk(root / "images", SUFFIXES):
        if path.relative_to(root / "images").as_posix() not in listed:
            ledger.leave_out(path.name, "it is not in images.txt")
    return found, list(classes.values())


def _rows(file, ledger):
    """{number as it is written: the rest of its line}"""
    rows: dict[str, str] = {}
    for count, line in enumerate(read_text(file, MAX_BYTES).split("\n"), 1):
        number, _, rest = line.strip().partition(" ")
        if not number:
            continue
        if not rest or not re.fullmatch("[0-9]{1,9}", number):
            raise DataError(f"{file}, line {count}: a number, a space and more were expected: {line[:80]!r}")
        if rows.setdefault(number, rest.strip()) != rest.strip():
            ledger.remark(f"{file.name}, line {count}", "a number is there twice, and the first counts")
    return rows


def _class_name(text):
    """001.Black_footed_Albatross -> Black footed Albatross"""
    return re.sub(r"^[0-9]+\.", "", text).replace("_", " ").strip() or text


def _box(text):
    try:
        x, y, width, height = map(float, text.split())
    except ValueError:
        return NO_BOX
    return (x, y, x + width, y + height)
