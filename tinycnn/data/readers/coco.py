"""COCO: one JSON file with three lists, images, annotations, and categories.

A box is [x, y, width, height] in float pixels, so half-open already: (x, y, x + width, y + height). Crowds (iscrowd 1,
one box around many) are not used. Files named for their part, instances_train2017.json and instances_val2017.json, or
folders train/, valid/, test/ with one file each, become the parts. (T.-Y. Lin et al., "Microsoft COCO: Common Objects
in Context", 2014, and the format description on the COCO site.)
"""

import json

from tinycnn.data.readers.records import Record, first_file, inside, part_of, read_text
from tinycnn.errors import DataError

MAX_BYTES = 2**30  # COCO's own instances_train2017.json has 470 MB
LAYOUT = (
    "a .json file (instances_train2017.json, annotations.json, train.json ...) in the folder, in annotations/, or in "
    "train/, valid/, test/, with the lists images, annotations, and categories"
)
OTHER_TASKS = ("captions", "person_keypoints", "panoptic", "stuff", "image_info")  # COCO's own files without our boxes


def find(path):
    """The annotation files of a folder (or the file itself); none if it is not in this format."""
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" else []
    folders = [path, path / "annotations", path / "train", path / "valid", path / "val", path / "test"]
    files = [file for folder in folders for file in sorted(folder.glob("*.json")) if not file.name.startswith(".")]
    files = [file for file in files if not file.stem.startswith(OTHER_TASKS)]
    instances = [file for file in files if file.stem.startswith("instances")]
    return instances or [file for file in files if "annotations" in file.stem or part_of(file.stem)]


def records(root, files, ledger):
    """A Record per picture, and the classes in the order in which the files list them."""
    found: list[Record] = []
    classes: dict[str, None] = {}  # an ordered set
    for file in files:
        images, annotations, categories = _load(file)
        names = {_field(file, "categories", c, "id"): str(_field(file, "categories", c, "name")) for c in categories}
        classes |= dict.fromkeys(names.values())
        by_id = {}
        for image in images:
            name = str(_field(file, "images", image, "file_name"))
            path = _picture(root, file, name)
            if path is None:
                ledger.leave_out(name, "the file name in its annotation leads out of the folder")
            record = by_id[_field(file, "images", image, "id")] = Record(path, [], _part(root, file), _size(image))
            if path is not None:
                found.append(record)
        for annotation in annotations:
            listed = by_id.get(_field(file, "annotations", annotation, "image_id"))
            if listed is None:
                ledger.remark(str(annotation["image_id"]), "annotations of pictures that the file does not list")
            elif not annotation.get("iscrowd"):
                name = names.get(_field(file, "annotations", annotation, "category_id"), "")
                listed.objects.append((name, _box(annotation.get("bbox"))))
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


def _box(bbox):
    try:
        x, y, width, height = (float(number) for number in bbox)
    except (TypeError, ValueError, OverflowError):
        return (float("nan"),) * 4
    return x, y, x + width, y + height


def _size(image):
    height, width = image.get("height"), image.get("width")
    return (height, width) if isinstance(height, int) and isinstance(width, int) and min(height, width) > 0 else None


def _part(root, file):
    return part_of(file.stem) or (part_of(file.parent.name) if file.parent != root else None)


def _picture(root, file, name):
    """Where the picture lies, or would lie if it is missing; None if its name leads out of the folder."""
    if inside(root, name) is None:
        return None
    year = file.stem.partition("_")[2]  # instances_train2017 -> train2017, where COCO keeps those pictures
    folders = [file.parent, root, root / "images"]
    folders += [base / year for base in (root, root / "images") if part_of(year)]
    candidates = [inside(folder, name) for folder in folders]
    return first_file(candidates) or candidates[0]
