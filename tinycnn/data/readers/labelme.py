"""LabelMe: one JSON file per picture, usually beside it, with a list of shapes.

    {"version": "5.4.1", "flags": {}, "shapes": [
        {"label": "cat", "points": [[20.0, 10.0], [50.5, 40.0]], "group_id": null, "shape_type": "rectangle",
         "flags": {}}], "imagePath": "x.jpg", "imageData": "...", "imageHeight": 480, "imageWidth": 640}

Points are float pixels that count from the upper left corner of the upright picture, so a box around them is
half-open already. A rectangle has two opposite corners, in any order; a circle its middle and a point on it. Around a
polygon the upright box is taken. Lines, points and masks are not used. Shapes of one label with the same group_id are
pieces of one object, as in LabelMe's own converters, so the box goes around all of them.

imageData is the picture itself as text (base64). It is never decoded: the picture is opened as a file like any other.
(LabelMe, github.com/wkentaro/labelme; X-AnyLabeling writes the same form.)
"""

import json
import math
import posixpath
import re

from tinycnn.data.readers.part_lists import folder_parts, place
from tinycnn.data.readers.pictures import Pictures
from tinycnn.data.readers.records import NO_BOX, Record, both_ends, first_file, inside, plain, read_text, walk
from tinycnn.errors import DataError

MAX_BYTES = 64 * 2**20  # of one file: it may hold the picture, a third larger than the picture's own file
LAYOUT = "one .json file per picture as LabelMe writes it (with shapes and imagePath), beside it or in another folder"
KEY = re.compile(rb'"(shapes|shape_type|imagePath|imageData|imageHeight|regions|_via_[a-z_]+|images|categories)"\s*:')
OWN_NAME = "found by its annotation file's own name, since there is no picture of the name that is written in it"
NOT_OWN = "its annotation file is named like another picture; the name written in the file counts"
GROUPED = "several shapes of one group taken as one object"
CORNERS = ("rectangle", "polygon", "oriented_rectangle", "rotation")  # the last is X-AnyLabeling's turned one
UNUSED = {"point": "a point", "points": "points", "line": "a line", "linestrip": "a line", "mask": "a mask"}
ONLY = "not used: only rectangles, polygons and circles are"


def find(path):
    """The annotation files of a folder (or the file itself); none if it is not in this format.

    Beside files of this format, one that ends before its time counts, too, so that somebody says so.
    """
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" and _kind(path) == "ours" else []
    kinds = {file: _kind(file) for file in walk(path, {".json"})}
    return [file for file, kind in kinds.items() if kind != "other"] if "ours" in kinds.values() else []


def _kind(file):
    """"ours", "cut off" or "other", by what the first and the last letters of a file show."""
    start, end = both_ends(file)  # the picture as text lies between them
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    keys = {key.decode() for part in (start, end) for key in KEY.findall(part)}
    theirs = keys & {"regions", "images", "categories"} or any(key.startswith("_via_") for key in keys)
    known = "shapes" in keys and len(keys) > 1 or {"imagePath", "imageData"} <= keys
    if known and not theirs and start.startswith(b"{"):
        return "ours"
    return "cut off" if not theirs and start[:1] in (b"{", b"") and not end.rstrip().endswith(b"}") else "other"


def records(root, files, ledger):
    """A Record per annotated picture, and no order of the classes (None: by name)."""
    pictures, found = Pictures(root), {}
    known: set = set()  # pictures whose annotation cannot be used
    for file in files:
        try:
            content = _load(file)
            path, remark = _picture(root, file, content, pictures)
        except DataError as error:
            ledger.leave_out(file.name, str(error))
            known.update(pictures.by_stem.get(plain(file.stem), ()))
            continue
        if path is None:
            ledger.leave_out(str(content.get("imagePath") or file.name)[:200], remark)
            continue
        record = found[file] = Record(path, [], None, _size(content))
        remarks = [remark] if remark else []
        record.objects, said = _objects(content["shapes"])
        if said and not record.objects:
            record.nothing = "no rectangle, polygon or circle is marked in it"
        for sentence in remarks + said:
            ledger.remark(path.name, sentence)
    by_folder = folder_parts(root, {file: {label for label, _ in record.objects} for file, record in found.items()})
    for file, record in found.items():
        record.part = by_folder.get(file)
    pictures.report_unannotated([record.path for record in found.values()], ledger, known)
    return list(found.values()), None


def _load(file):
    """What a file holds, a dictionary with a list of shapes; DataError says why it cannot be used."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise DataError(f"its annotation is larger than {MAX_BYTES:,} bytes: save it without imageData")
        text = read_text(file, MAX_BYTES)
    except OSError as error:
        raise DataError(f"its annotation cannot be opened ({error.strerror})") from error
    except DataError as error:
        if isinstance(error.__cause__, UnicodeDecodeError):
            raise DataError("its annotation is not UTF-8 text: save it as UTF-8") from error
        raise
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("its annotation is not valid JSON, perhaps cut off: save it in LabelMe again") from error
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        raise DataError("its annotation is not a LabelMe file: it must hold the list shapes")
    return content


def _picture(root, file, content, pictures):
    """(path of the picture, what to remark or None), or (None, why there is none to tell).

    The name in the file counts from the folder of the file. Where no picture is there, the file's own name is asked
    before the whole data set is searched: it survives when annotations and pictures are renamed together.
    """
    written = content.get("imagePath")
    written = written.replace("\\", "/").strip() if isinstance(written, str) else ""
    own = _from_root(root, file, file.stem)
    if not written:
        path, remark = pictures.find(own)
        return path, remark if path is None else None
    last = posixpath.basename(written)
    name, beside = (_from_root(root, file, text) for text in (written, last))
    exact = first_file(filter(None, (inside(root, name), inside(root, beside))))
    named, _ = pictures.find(own)
    if plain(file.stem) in (plain(last), plain(last).rpartition(".")[0]):  # x.jpg has x.jpg.json or x.json
        return (exact, None) if exact is not None else pictures.find(name)
    if exact is not None:
        return exact, NOT_OWN if named is not None and named.parent == file.parent else None
    if named is not None and _place(root, named) == _place(root, file):
        return named, OWN_NAME
    path, remark = pictures.find(name)
    return (named, OWN_NAME) if path is None and named is not None else (path, remark)


def _place(root, path):
    return place(path.parent.relative_to(root).parts)


def _from_root(root, file, name):
    """A name that counts from the folder of an annotation file, as it counts from the data set's folder."""
    if name.startswith("/") or ":" in name[:2]:
        return name  # of the computer on which it was annotated
    return posixpath.normpath(posixpath.join(file.parent.relative_to(root).as_posix(), name))


def _size(content):
    size = content.get("imageHeight"), content.get("imageWidth")
    return size if all(type(side) is int and side > 0 for side in size) else None


def _objects(shapes):
    """(objects as in Record, sentences to remark) of the list of shapes."""
    objects: list[tuple] = []
    remarks: list[str] = []
    groups: dict = {}
    for shape in shapes:
        if not isinstance(shape, dict):
            remarks.append("a shape that is not as LabelMe writes it, not used")
            continue
        kind = shape.get("shape_type")
        kind = "polygon" if kind is None else kind  # the first versions knew no others and did not say it
        if kind not in (*CORNERS, "circle"):
            known = UNUSED.get(kind) if isinstance(kind, str) else None
            remarks.append(f"{known or 'a shape of an unknown kind'} {ONLY}")
            continue
        label, group = shape.get("label"), shape.get("group_id")
        label = str(label).strip() if isinstance(label, str | int) and not isinstance(label, bool) else ""
        box = _box(kind, shape.get("points"))
        if isinstance(group, int | str) and group != "" and all(map(math.isfinite, box)):
            k = groups.setdefault((label, str(group)), len(objects))
            if k < len(objects):
                objects[k] = label, _around_both(objects[k][1], box)
                remarks += [GROUPED] * (GROUPED not in remarks)
                continue
        objects.append((label, box))
    return objects, remarks


def _box(kind, points):
    """The upright box around a shape, or four times nan."""
    try:
        pairs = [(_number(x), _number(y)) for x, y in points]
    except (TypeError, ValueError, OverflowError):
        return NO_BOX
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    if not pairs or not all(map(math.isfinite, xs + ys)):  # what min and max make of nan depends on the order
        return NO_BOX
    if kind != "circle":
        return min(xs), min(ys), max(xs), max(ys)
    if len(pairs) != 2:
        return NO_BOX
    radius = math.hypot(xs[1] - xs[0], ys[1] - ys[0])
    return xs[0] - radius, ys[0] - radius, xs[0] + radius, ys[0] + radius


def _number(value):
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError("not a number")
    return float(value)


def _around_both(a, b):
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
