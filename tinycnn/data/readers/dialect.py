"""How people's tables are written and what they call their columns: encodings, delimiters, decimal commas, headers.

The same six columns come from many programs. A delimiter is chosen by what it makes of the first lines: the one under
which the columns are understood. A table without a header is understood by where its numbers stand.
"""

import csv
import io
import itertools
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from tinycnn.data.photographs import SUFFIXES
from tinycnn.data.readers.records import PARTS, part_of, read_bytes
from tinycnn.errors import DataError

COLUMNS = ("image", "label", "xmin", "ymin", "xmax", "ymax")
IMAGE = set("image filename file imagepath path imageid imagename img filepath imagefile imagefilename imgpath "
            "imgname imgid imageurl picture photo".split())
LABEL = set("label class classname category name object labelname categoryname classlabel objectname".split())
LABEL_NUMBER = set("classid labelid categoryid classindex labelindex classidx".split())  # where no name is given
SPLIT = ("split", "subset", "set", "part", "usage", "mluse")
LOOSE = ("set", "part", "usage")  # words that mean other things, too: used only where the cells speak of parts
FLAGS = {"isvalid": "valid", "isval": "valid", "istest": "test"}  # as fastai has it
SPLITS = PARTS | {"unassigned": None}
NO_VALUE = {"", "nan", "na", "none", "null", "[]"}  # what programs write where there is nothing

_STARTS = ("x y", "xmin ymin", "x1 y1", "left top", "minx miny", "xtl ytl", "x0 y0", "topleftx toplefty",
           "colx rowy")
_CENTRES = ("xcenter ycenter", "xcentre ycentre", "centerx centery", "centrex centrey", "cx cy", "xc yc", "xmid ymid")
_SIZES = ("w h", "width height")
GROUPS = [(kind, tuple(names.split())) for kind, listed in (
    ("corners", ("x1 y1 x2 y2 x3 y3 x4 y4", "x0 y0 x1 y1 x2 y2 x3 y3")),  # of a turned box: two of them are no box
    ("edges", ("xmin ymin xmax ymax", "x1 y1 x2 y2", "x0 y0 x1 y1", "left top right bottom",
               "minx miny maxx maxy", "xtl ytl xbr ybr", "topleftx toplefty bottomrightx bottomrighty")),
    ("centre", [f"{centre} {size}" for centre in _CENTRES for size in _SIZES]),
    ("size", [f"{start} {size}" for start in _STARTS for size in _SIZES]),
) for names in listed]
ONE_COLUMN = {"bbox": "size", "box": "size", "boundingbox": "size", "bndbox": "size", "xywh": "size", "xyxy": "edges"}
_WORDS = {name for _, names in GROUPS for name in names}
_PREFIX = re.compile("^(?:bbox|bndbox|boundingbox|box|rect|region)(?=.)")
_PICTURE = re.compile("^(?:image|img|im|picture|photo|orig|original|frame)(width|height|w|h)$")
LAYOUTS = (  # of tables without a header
    ("image", "xmin", "ymin", "xmax", "ymax", "label"),  # keras-retinanet
    COLUMNS,
    ("label", "x", "y", "w", "h", "image", "imagewidth", "imageheight"),  # Make Sense
    ("split", "image", "label", "xmin", "ymin", "", "", "xmax", "ymax", "", ""),  # Google's AutoML
)
SAMPLE = 2**16  # characters that are looked at to understand a table
END = "\x1e"  # stands after the last line: if it lands in a cell, a quotation mark was never closed


@dataclass
class Columns:
    """Which column is what, by its number; None or empty where there is none."""

    image: int | None = None
    label: int | None = None
    split: int | None = None
    flag: tuple | None = None  # (column that is true for the pictures of a part, the part); the others are for training
    size: tuple | None = None  # (height, width) of the picture
    box: tuple = ()
    kind: str = "edges"  # what the numbers of the box are, as in GROUPS
    missing: tuple = COLUMNS[2:]  # names of the box's columns that are not there
    problem: str = ""  # which columns could mean the same
    remarks: list = field(default_factory=list)


@dataclass
class Table:
    """A table whose dialect is known."""

    file: Path
    text: str
    delimiter: str
    skip: int  # lines before the header
    header: list | None  # cells of the first line, or None if that is an object already
    columns: Columns
    remarks: list

    @property
    def boxes(self):
        """Is it about boxes, though perhaps incompletely? Class lists and lists of pictures are not."""
        return bool(self.columns.box) or len(self.columns.missing) == 1

    def rows(self):
        """(line number, cells) of every object's line."""
        for line, cells in parse(self.file, self.text, self.delimiter, self.skip):
            if cells != self.header:  # also where tables were put one below the other
                yield line, cells


def open_table(file, limit, only_start=False):
    """The Table of a file of at most `limit` bytes; DataError if it is no text. only_start: of its first lines."""
    if only_start:
        with file.open("rb") as opened:
            data = opened.read(SAMPLE)
        data = data[: data.rfind(b"\n") + 1 or None] if len(data) == SAMPLE else data  # no half letter at the end
    else:
        data = read_bytes(file, limit)
    text, remarks = _decode(file, data)
    first = io.StringIO(text, newline="").readline().strip(' "\r\n')
    skip = 1 if re.fullmatch(r"sep=(\\t|.?)", first, re.IGNORECASE) else 0  # a line that only Excel reads
    said = {"": "", "\\t": "\t"}.get(first[4:], first[4:5]) if skip else ""
    candidates = []
    for delimiter in (said,) if said not in ("", '"', "\r") else ",;\t|":
        rows = _sample(file, text, delimiter, skip)
        header, columns = understand(rows, delimiter != ",")
        alike = sum(len(row) == len(rows[0]) for row in rows) / max(1, len(rows)) if rows and len(rows[0]) > 1 else 0
        known = 4 * bool(columns.box) + (columns.image is not None) + (columns.label is not None)
        score = (known, 4 - len(columns.missing), alike, len(rows[0]) if rows else 0)
        candidates.append((score, Table(file, text, delimiter, skip, header, columns, remarks)))
    return max(candidates, key=lambda candidate: candidate[0])[1]


def _decode(file, data):
    """(text, what to remark): UTF-8, UTF-16 with its mark, or else what Windows wrote before."""
    remarks = []
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
            remarks = ["it is not UTF-8 and was read as Windows-1252"]
    if "\0" in text:
        raise DataError(f"{file} is not a table in text form (it has zero bytes): save it as CSV in UTF-8")
    return text, remarks


def parse(file, text, delimiter, skip=0):
    """(line number, cells without blanks around them) of every line that is not empty."""
    lines = itertools.chain(itertools.islice(io.StringIO(text, newline=""), skip, None), [END])
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    start = 0
    try:
        for cells in reader:
            start, before = reader.line_num, start
            if cells and cells[-1].endswith(END):
                if cells == [END]:
                    return
                raise DataError(f"{file}, line {before + 1 + skip}: a quotation mark opens and is never closed")
            cells = [cell.strip() for cell in cells]
            if any(cells):
                yield reader.line_num + skip, cells
    except csv.Error as error:
        raise DataError(f"{file}, line {reader.line_num + skip}: not a table in CSV form ({error})") from error


def _sample(file, text, delimiter, skip):
    rows = []
    try:
        for _, cells in itertools.islice(parse(file, text[:SAMPLE], delimiter, skip), 60):
            rows.append(cells)
    except DataError:
        pass  # what comes before is enough; whoever reads all of it meets the error again
    return rows


def understand(rows, comma):
    """(header or None, Columns) of the first lines of a table; comma: may numbers be written 1,5?"""
    if not rows:
        return [], Columns()
    fitting = [layout for layout in LAYOUTS if _fits(layout, rows, comma)]
    if len(fitting) > 1:  # classes that are numbers: only one of both may give boxes with an area
        fitting = [layout for layout in fitting if _areas(layout, rows, comma)] or fitting
    if not fitting:
        return rows[0], name_columns(rows[0], rows[1:])
    columns = name_columns(fitting[0], rows)
    if len(fitting) > 1:
        columns.problem = f"without a header the columns could be {' or '.join(','.join(names) for names in fitting)}"
    return None, columns


def _fits(layout, rows, comma):
    """Does the first line hold an object, or a picture without any, in this layout? And is there an object at all?"""
    def fits(cells):
        row = dict(zip(layout, cells + [""] * len(layout), strict=False))
        values = [cell for name, cell in row.items() if name in _WORDS]
        label, image = row["label"], row["image"]
        named = image and math.isnan(number(image, comma)) and not _is_picture(label) and not any(cells[len(layout):])
        if layout[0] != "image":  # then a name is not enough to know it by
            named = named and _is_picture(image) and _plain(row.get("split", "train")) in SPLITS
        if all(cell.casefold() in NO_VALUE for cell in values):
            return bool(named) and label.casefold() in NO_VALUE and len(cells) > 4, False
        return bool(named) and not any(math.isnan(number(cell, comma)) for cell in values), True

    return fits(rows[0])[0] and any(fits(row) == (True, True) for row in rows)


def _areas(layout, rows, comma):
    for cells in rows:
        x1, y1, x2, y2 = (number((cells + [""] * 6)[layout.index(name)], comma) for name in COLUMNS[2:])
        if x2 <= x1 or y2 <= y1:
            return False
    return True


def name_columns(header, rows):
    """Columns for these names; `rows` tell names apart that could mean the same."""
    names = [_plain(name) for name in header]
    cells = [[row[k] for row in rows if k < len(row) and row[k]] for k in range(len(names))]
    pictures = {k for k, column in enumerate(cells) if column and sum(map(_is_picture, column)) * 2 > len(column)}
    columns = Columns()
    places = _box(names, columns)
    for name in ("split", "subset", "mluse", *LOOSE):
        if name in names and columns.split is None:
            k = names.index(name)
            if name not in LOOSE or any(_plain(cell) in SPLITS or part_of(cell) for cell in cells[k]):
                columns.split = k
            else:
                columns.remarks.append(f"its column {header[k]!r} does not speak of train, valid, test; not used")
    if columns.split is None:
        columns.flag = next(((names.index(n), part) for n, part in FLAGS.items() if n in names), None)
    free = [k for k in range(len(names)) if k not in places and k != columns.split]
    images = [k for k in free if names[k] in IMAGE] or [k for k in free if k in pictures]
    named = [k for k in images if k in pictures]
    columns.image = _one(named or images, header, cells, "the picture", columns, _last)
    labels = [k for k in free if names[k] in LABEL and k != columns.image and k not in pictures]
    words = [k for k in labels if any(math.isnan(number(cell, True)) for cell in cells[k])]
    labels = words or labels or [k for k in free if names[k] in LABEL_NUMBER]
    columns.label = _one(labels, header, cells, "the class", columns, str)
    return columns


def _one(candidates, header, cells, what, columns, key):
    """The one candidate; of several that say the same, the one that says it at greatest length (a path)."""
    if len({tuple(map(key, cells[k])) for k in candidates}) > 1:
        shown = " and ".join(repr(header[k]) for k in candidates)
        columns.problem = f"the columns {shown} could each be {what}: delete or rename those that are not"
    return max(candidates, key=lambda k: sum(map(len, cells[k])), default=None)


def _box(names, columns):
    """Find the box among the names, fill in `columns`, and give the numbers of all columns that are used for it."""
    bare = {name: k for k, name in reversed(list(enumerate(names))) if name in _WORDS}
    prefixed = {word: k for k, name in enumerate(names) if (word := _PREFIX.sub("", name)) in _WORDS and word != name}
    places = bare | prefixed  # bbox_width is the box's, and a width beside it the picture's
    stated = {found[1][0]: k for k, name in enumerate(names) if (found := _PICTURE.match(name))}
    for kind, group in GROUPS:
        if all(name in places for name in group):
            columns.kind, columns.box, columns.missing = kind, tuple(places[name] for name in group), ()
            break
    else:
        for k, name in enumerate(names):
            word = name if name in ONE_COLUMN else _PREFIX.sub("", name)
            if word in ONE_COLUMN and not columns.box:
                columns.kind, columns.box, columns.missing = ONE_COLUMN[word], (k,), ()
    if not columns.box:
        nearest = max((g for _, g in GROUPS if len(g) == 4), key=lambda g: sum(n in places for n in g[:2] + g))
        if any(name in places for name in nearest[:2]):
            columns.missing = tuple(name for name in nearest if name not in places)
    twice = {names[k] for k in columns.box if names.count(names[k]) > 1}
    if twice:
        columns.problem = f"the column {', '.join(sorted(twice))} is there twice: delete one of both"
    if "h" in stated and "w" in stated:
        columns.size = stated["h"], stated["w"]
    elif {"width", "height"} <= bare.keys() and not {bare["width"], bare["height"]} & set(columns.box):
        columns.size = bare["height"], bare["width"]
    return set(columns.box)


def number(text, comma):
    """The number that a cell holds, or nan. comma: 1,5 and 1.234,5 are numbers, too."""
    if comma and text.count(",") == 1:
        text = text.replace(".", "").replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return math.nan


def _plain(name):
    return re.sub(r"[\W_]+", "", name.casefold())


def _last(name):
    return re.split(r"[\\/]", name)[-1]


def _is_picture(name):
    return Path(name).suffix.lower() in SUFFIXES
