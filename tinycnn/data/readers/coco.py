"""COCO: one JSON file with three lists, images, annotations, and categories.

A box is [x, y, width, height] in float pixels, so half-open already: (x, y, x + width, y + height). Where there is
none, the polygons' own is taken. Crowds (iscrowd 1, one box around many) are set aside. The file may have any name; if
it speaks of a part, instances_train2017.json and instances_val2017.json, or folders train/, valid/, test/ with one file
each, these become the parts. (T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", 2014, and the format
description on the COCO site.)
"""

import json

from tinycnn.data.readers.pictures import Pictures
from tinycnn.data.readers.records import NO_BOX, Record, both_ends, part_folders, part_of, part_of_file, read_text
from tinycnn.errors import DataError

CROWD = "a crowd (one box around many)"
MAX_BYTES = 2**30  # COCO's own instances_train2017.json has 470 MB
LAYOUT = (
    "a .json file of any name in the folder, in annotations/, labels/, or in train/, valid/, test/, with the lists "
    "images, annotations, and categories"
)
MARKS = (b'"images"', b'"annotations"', b'"image_id"', b'"file_name"')
OTHER_MARKS = (b'"shapes"', b'"imagePath"', b'"regions"', b'"_via_')  # of other tools that write JSON
OTHER_TASKS = ("captions", "person_keypoints", "panoptic", "stuff", "image_info")  # COCO's own files without our boxes


def find(path):
    """The annotation files of a folder (or the file itself); none if it is not in this format."""
    if path.is_file():
        is_json = path.suffix.lower() == ".json"
        return [path] if is_json and not _shows(path, OTHER_MARKS) else []
    folders = [path, *(path / name for name in ("annotations", "labels", "train", "valid", "val", "test"))]
    files = [file for folder in folders for file in sorted(folder.glob("*.json")) if not file.name.startswith(".")]
    files = [file for file in files if not file.stem.startswith(OTHER_TASKS)]
    instances = [file for file in files if file.stem.startswith("instances")]
    named = [file for file in files if "annotations" in file.stem or part_of(file.stem)]
    if instances:
        return instances
    if named:
        return [file for file in named if not _shows(file, OTHER_MARKS)]
    return [file for file in files if _shows(file, MARKS) and not _shows(file, OTHER_MARKS)]


def _shows(file, marks):
    """Does one of these stand among the first or the last letters of a file?"""
    ends = b"".join(both_ends(file))
    return any(mark in ends for mark in marks)


def records(root, files, ledger):
    """A Record per picture, and the classes in the order in which the files list them."""
    found: list[Record] = []
    classes: dict[str, None] = {}  # an ordered set
    pictures = Pictures(root)
    for file in files:
        images, annotations, categories = _load(file)
        names = {_key(file, "categories", c, "id"): str(_field(file, "categories", c, "name")) for c in categories}
        classes |= dict.fromkeys(names.values())
        by_id: dict[str, Record | None] = {}
        by_path: dict[object, Record] = {}
        for image in images:
            name = str(_field(file, "images", image, "file_name"))
            path, remark = pictures.find(name, *_near(root, file))
            if path is None:
                ledger.leave_out(name, remark)
            elif remark:
                ledger.remark(path.name, remark)
            record = None
            if path is not None:
                fresh = Record(path, [], part_of_file(root, file), _size(image), source=file.name)
                record = by_path.setdefault(path, fresh)
            by_id[_key(file, "images", image, "id")] = record
        found += by_path.values()
        for annotation in annotations:
            key = _key(file, "annotations", annotation, "image_id")
            if key not in by_id:
                ledger.remark(key, "annotations of pictures that the file does not list")
                continue
            record = by_id[key]
            if record is None:
                continue
            name = names.get(_key(file, "annotations", annotation, "category_id"), "")
            if annotation.get("iscrowd"):
                record.nothing = "all its objects are crowds (iscrowd)"
                record.aside.append((CROWD, name, _box(annotation)))
            else:
                record.objects.append((name, _box(annotation)))
    pictures.report_unannotated([record.path for record in found], ledger)
    return found, list(classes)


def _load(file):
    try:
        content = json.loads(read_text(file, MAX_BYTES))
    except (json.JSONDecodeError, RecursionError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{file} is not valid JSON: {error}") from error
    lists = [content.get(key) if isinstance(content, dict) else None for key in ("images", "annotations", "categories")]
    if not all(isinstance(entries, list) for entries in lists):
        raise DataError(f"{file} is not a COCO file of objects: it must hold the lists images, annotations, categories")
    return lists


def _field(file, where, entry, key):
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, int | str):
        raise DataError(f"{file}: an entry of the list {where} has no usable {key!r}: {str(entry)[:100]}")
    return value


def _key(file, where, entry, key):
    """An id as text: some tools write 7, some 7.0, some "7", and not always the same in both lists."""
    value = entry.get(key) if isinstance(entry, dict) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None and isinstance(entry, dict) and where == "images":
        return f"null {entry.get('file_name')}"
    if not isinstance(value, int | str):
        raise DataError(f"{file}: an entry of the list {where} has no usable {key!r}: {str(entry)[:100]}")
    return str(value).strip()


def _box(annotation):
    try:
        if annotation.get("bbox"):
            x, y, width, height = (float(number) for number in annotation["bbox"])
            return x, y, x + width, y + height
        points = [float(number) for polygon in annotation["segmentation"] for number in polygon]
        return min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])
    except (TypeError, ValueError, OverflowError, KeyError):  # a run-length code has no corners to read
        return NO_BOX


def _size(image):
    height, width = image.get("height"), image.get("width")
    return (height, width) if isinstance(height, int) and isinstance(width, int) and min(height, width) > 0 else None


def _near(root, file):
    """Folders to look in first: COCO's instances_train2017.json speaks of pictures in train2017."""
    year = file.stem.partition("_")[2]
    folders = [*part_folders((file.parent, root, root / "images"), part_of_file(root, file)), file.parent, root,
               root / "images"]
    return folders + [base / year for base in (root, root / "images") if part_of(year)]
