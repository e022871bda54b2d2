"""VGG Image Annotator (VIA), versions 1 and 2: one JSON file for all pictures, or a CSV table with JSON in its cells.

    {"x.jpg1234": {"filename": "x.jpg", "size": 1234, "file_attributes": {}, "regions": [
        {"shape_attributes": {"name": "rect", "x": 20, "y": 10, "width": 30, "height": 30},
         "region_attributes": {"class": "cat"}}]}}

    #filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes
    x.jpg,1234,"{}",1,0,"{""name"":""rect"",""x"":20,...}","{""class"":""cat""}"

Version 1 numbers the regions of a picture in a dictionary, {"0": {...}}, version 2 lists them. A saved project holds
the same below the key _via_img_metadata. Coordinates are pixels that count from the picture's upper left corner, so a
rectangle is half-open: (x, y, x + width, y + height). Around polygons, polylines, circles and ellipses (theta turns
one, in radians) the upright box is taken; a point has no area.

What the attributes of a region mean is up to whoever annotates, so the one that is the class must be guessed: the
only one there is, or else the first of CLASS_NAMES that occurs. An attribute `split` of a file may name its part.
(A. Dutta and A. Zisserman, "The VIA Annotation Software for Images, Audio and Video", 2019, and VIA's own exports.)
"""

import json
import math
import re
from typing import Any, NamedTuple

from tinycnn.data.readers.dialect import LOOSE, SPLIT, SPLITS, parse
from tinycnn.data.readers.part_lists import folder_parts
from tinycnn.data.readers.pictures import Pictures
from tinycnn.data.readers.records import (
    NO_BOX,
    Record,
    both_ends,
    inside,
    part_folders,
    part_of,
    part_of_file,
    read_text,
    walk,
)
from tinycnn.errors import DataError

MAX_BYTES = 256 * 2**20
LAYOUT = "a .json or .csv file as the VGG Image Annotator (VIA 1 or 2) exports or saves it, in any folder"
CLASS_NAMES = ("class", "label", "name", "type", "category", "object")
COLUMNS = ("filename", "file_attributes", "region_shape_attributes", "region_attributes")
KEY = re.compile(rb'"(_via_img_metadata|_via_settings|regions|file_attributes|shape_attributes|fileref)"\s*:')
ONE_CLASS = "object"
UNNAMED = f"no region has an attribute that could be its class, so all are of one class, {ONE_CLASS!r}"
UNREADABLE = "a region that is not as VIA writes it, not used"
POINT = "a point has no area, not used"
TICKED = "a region with several classes ticked, not used"


class Entry(NamedTuple):
    """What a file says of one picture, or one line of a table of one region in it."""

    file: object
    folder: str  # of the pictures, as the project's settings have it
    name: str
    attributes: dict  # of the picture
    regions: list  # (shape, attributes) of each, two dictionaries, or None


def find(path):
    """The annotation files of a folder (or the file itself); none if it is not in this format."""
    files = [path] if path.is_file() else walk(path, {".json", ".csv"})
    return [file for file in files if _is_ours(file)]


def _is_ours(file):
    ends = both_ends(file)
    if file.suffix.lower() == ".csv":
        return all(name.encode() in ends[0].lstrip().split(b"\n")[0] for name in COLUMNS)
    keys = {key for part in ends for key in KEY.findall(part)}
    exported = b"regions" in keys and len(keys) > 1 or {b"fileref", b"file_attributes"} <= keys
    return file.suffix.lower() == ".json" and (exported or b"_via_img_metadata" in keys or b"_via_settings" in keys)


def records(root, files, ledger):
    """A Record per annotated picture, and no order of the classes (None: by name)."""
    readers = {".csv": _table, ".json": _json}
    entries = [entry for file in files for entry in readers[file.suffix.lower()](file, ledger)]
    attribute = _class_attribute(files, entries)
    pictures = Pictures(root)
    found: dict = {}
    looked_up: dict[tuple, tuple] = {}
    for entry in entries:
        part = _part(root, entry, ledger)
        key = entry.file.parent, entry.folder, entry.name, part
        if key not in looked_up:  # a table has a line per region
            looked_up[key] = pictures.find(entry.name, *_near(root, entry, part))
            path, remark = looked_up[key]
            if path is None:
                ledger.leave_out(entry.name[:200] or "a picture without name", remark)
            elif remark:
                ledger.remark(path.name, remark)
        path, _ = looked_up[key]
        if path is not None:
            record = found.setdefault((path, part), Record(path, [], part))
            _add(record, entry.regions, attribute, ledger)
    everything = list(found.values())
    if all(record.part is None for record in everything):
        shown = {record.path: {label for label, _ in record.objects} for record in everything
                 if record.path.is_relative_to(root)}
        by_folder = folder_parts(root, shown)
        for record in everything:
            record.part = by_folder.get(record.path)
    pictures.report_unannotated([record.path for record in everything], ledger)
    return everything, None


def _json(file, ledger):
    """The entries of a JSON file: an export, or a project."""
    try:
        content = json.loads(read_text(file, MAX_BYTES))
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{file} is not valid JSON, perhaps cut off ({str(error)[:200]}): export it from VIA again"
                        ) from error
    project = isinstance(content, dict) and ("_via_img_metadata" in content or "_via_settings" in content)
    listed = content.get("_via_img_metadata") if project else content
    if not isinstance(listed, dict):
        what = "a dictionary _via_img_metadata" if project else "a dictionary"
        raise DataError(f"{file} is not a file of the VGG Image Annotator: expected {what} of an entry per picture, "
                        f"got {type(listed).__name__}: export it from VIA again")
    folder = _get(_get(_get(content, "_via_settings"), "core"), "default_filepath") if project else ""
    for key, entry in listed.items():
        name = _get(entry, "filename")
        if not isinstance(name, str) or not name.strip():
            ledger.leave_out(key[:200], "its entry names no picture")
            continue
        regions = _get(entry, "regions")
        regions = list(regions.values()) if isinstance(regions, dict) else regions or []
        pairs = [_pair(region) for region in regions] if isinstance(regions, list) else [None]
        attributes = _get(entry, "file_attributes")
        yield Entry(file, folder if isinstance(folder, str) else "", name.strip(),
                    attributes if isinstance(attributes, dict) else {}, pairs)


def _get(entry, key):
    return entry.get(key) if isinstance(entry, dict) else None


def _pair(region):
    """(shape, attributes) of a region, or None if it has no shape."""
    shape, attributes = _get(region, "shape_attributes"), _get(region, "region_attributes")
    return (shape, attributes if isinstance(attributes, dict) else {}) if isinstance(shape, dict) else None


def _table(file, ledger):
    """The entries of a CSV table: one per line, with one region or none."""
    text = read_text(file, MAX_BYTES)
    first = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first.count)  # spreadsheets of some countries write ; for ,
    lines = parse(file, text, delimiter)
    header = [cell.lstrip("#").strip() for cell in next(lines, (0, []))[1]]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise DataError(f"{file}, line 1: expected VIA's columns {', '.join(COLUMNS)}, got {first[:100]!r}, without "
                        f"{', '.join(missing)}: export it from VIA again")
    columns = [header.index(name) for name in COLUMNS]
    for line, cells in lines:
        if len(cells) <= max(columns):
            ledger.leave_out(f"{file.name}, line {line}", "its line has fewer cells than the first line has names")
            continue
        name, picture, shape, attributes = (cells[k] for k in columns)
        if not name:
            ledger.leave_out(f"{file.name}, line {line}", "its line names no picture")
            continue
        shape = _cell(shape)
        regions = [] if shape == {} else [None if shape is None else (shape, _cell(attributes) or {})]
        yield Entry(file, "", name, _cell(picture) or {}, regions)


def _cell(text):
    """The dictionary that a cell holds as JSON ({} if it is empty), or None."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _class_attribute(files, entries):
    """The attribute of regions that is their class, or None where regions have no attributes at all."""
    named: dict[str, bool] = {}  # attribute -> has it ever a value?
    for entry in entries:
        for _, attributes in filter(None, entry.regions):
            for name, value in attributes.items():
                named[name] = named.get(name, False) or _values(value) != []
    names = [name for name, filled in named.items() if filled] or list(named)
    if len(names) < 2:
        return names[0] if names else None
    for wanted in CLASS_NAMES:
        for name in names:
            if name.strip().casefold() == wanted:
                return name
    shown = ", ".join(repr(name[:40]) for name in names[:10]) + (", ..." if len(names) > 10 else "")
    where = f"{files[0]}" + (f" and {len(files) - 1} more" if len(files) > 1 else "")
    raise DataError(f"{where}: regions have the attributes {shown}, and it is not clear which of them is the class: "
                    f"expected one attribute, or one that is called {', '.join(CLASS_NAMES)}. In VIA, rename the one "
                    "that is the class to class, and export again")


def _values(value):
    """What an attribute says, as a list of texts: one, or what is ticked of several boxes, or nothing."""
    if isinstance(value, dict):
        ticked = (key for key, on in value.items() if on is True or str(on).strip().casefold() in ("true", "1", "on"))
        return [key.strip() for key in ticked if key.strip()]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return []
    return [text] if (text := str(value)[:1000].strip()) else []


def _part(root, entry, ledger):
    """The part that the picture's own attributes name, or else its file or the folder that the file lies in."""
    for name, value in entry.attributes.items():
        plain = re.sub(r"[\W_]+", "", name.casefold())
        words = _values(value) if plain in SPLIT else []
        part = SPLITS.get(words[0].casefold()) or part_of(words[0]) if len(words) == 1 else None
        if part is not None:
            return part
        if words and plain not in LOOSE:
            ledger.remark(entry.name[:200], f"its attribute {plain} is not train, valid or test, so it names no part")
    return part_of_file(root, entry.file)


def _near(root, entry, part):
    """Folders to look in first: the project's own, that of the file, and those named like the part."""
    beside = entry.file.parent
    of_part = part_folders((beside, root, root / "images"), part)
    project = inside(beside, entry.folder) if entry.folder.strip() else None
    return [*([project] if project else []), *of_part, beside, beside / "images"]


def _add(record, regions, attribute, ledger):
    """The objects of these regions, to a record's; each once, though a project and its export are both there."""
    for region in regions:
        shape, attributes = region if region else (dict(), dict())
        kind: Any = shape.get("name")
        classes = _values(attributes.get(attribute)) if attribute is not None else [ONE_CLASS]
        problem = None
        if region is None or not isinstance(kind, str):
            problem = UNREADABLE
        elif kind not in SHAPES:
            problem = POINT if kind == "point" else "a shape of an unknown kind, not used"
        elif len(classes) > 1:
            problem = TICKED
        if problem is not None:
            ledger.remark(record.path.name, problem)
            record.nothing = "no region in it can be used"
            continue
        if attribute is None and not record.objects:
            ledger.remark(record.path.name, UNNAMED)
        found = classes[0] if classes else "", SHAPES[kind](shape)
        if found not in record.objects:
            record.objects.append(found)


def _numbers(shape, *names):
    """The numbers of these names, nan where there is none."""
    return [_number(shape.get(name)) for name in names]


def _number(value):
    try:
        return float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return math.nan


def _rect(shape):
    x, y, width, height = _numbers(shape, "x", "y", "width", "height")
    return x, y, x + width, y + height


def _polygon(shape):
    xs, ys = ([_number(value) for value in values] if isinstance(values := shape.get(name), list) else []
              for name in ("all_points_x", "all_points_y"))
    if not xs or len(xs) != len(ys) or not all(map(math.isfinite, xs + ys)):  # min of nan depends on the order
        return NO_BOX
    return min(xs), min(ys), max(xs), max(ys)


def _circle(shape):
    x, y, r = _numbers(shape, "cx", "cy", "r")
    return x - r, y - r, x + r, y + r


def _ellipse(shape):
    x, y, rx, ry = _numbers(shape, "cx", "cy", "rx", "ry")
    theta = _number(shape.get("theta", 0))
    if rx > 0 and ry > 0 and theta != 0:  # of no area: turning would give it one
        if not math.isfinite(theta):
            return NO_BOX
        cos, sin = math.cos(theta), math.sin(theta)
        rx, ry = math.hypot(rx * cos, ry * sin), math.hypot(rx * sin, ry * cos)
    return x - rx, y - ry, x + rx, y + ry


SHAPES = {"rect": _rect, "polygon": _polygon, "polyline": _polygon, "ellipse": _ellipse, "circle": _circle}
