"""Open Images: a CSV table per part, one line per box, and a second table that gives the classes their names.

    ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside
    000026e7ee790996,freeform,CODE,1,0.071905,0.145346,0.206591,0.391306,0,1,1,0,0

Coordinates are shares of the picture's width and height, and both x stand before both y. The tables are called
train-annotations-bbox.csv, validation-... and test-annotations-bbox.csv; later versions put oidv6- before that and
columns behind. ImageID is the picture's file name without ending. class-descriptions-boxable.csv (lines of
CODE,Tree) names the classes. Boxes around a group of objects (IsGroupOf 1) and of what was looked for and not seen
(Confidence 0) are not used. (A. Kuznetsova et al., "The Open Images Dataset V4", 2020, and the data formats on its
site.)

The tables have up to fifteen million lines, and hardly anybody downloads all pictures. So a table is read in pieces,
and of lines whose picture is not there nothing is kept but their number.
"""

import csv
import filecmp
import re

from tinycnn.data.readers.pictures import BY_NAME, SEVERAL, Pictures
from tinycnn.data.readers.records import Record, part_of, plain, read_text, walk
from tinycnn.errors import DataError

COLUMNS = ("imageid", "labelname", "xmin", "ymin", "xmax", "ymax")  # in lower case; the box in our order
MAX_ROWS = 4_000_000  # that are kept, a gigabyte of them
MAX_LINE = 2**16
MAX_NAMES_BYTES = 64 * 2**20  # of a table of class names; the longest has twenty thousand
PIECE = 2**20
LAYOUT = (
    "train-annotations-bbox.csv, validation-annotations-bbox.csv, test-annotations-bbox.csv with the columns "
    "ImageID, LabelName, XMin, XMax, YMin, YMax, and class-descriptions-boxable.csv, beside the pictures or their "
    "folders"
)
GROUP = "a box around a group of objects (IsGroupOf)"
UNSEEN = "a box with Confidence 0 not used"


def find(path):
    """The tables of a folder (or the file itself); none if it is not in this format."""
    files = [path] if path.is_file() else walk(path, {".csv"})
    return [file for file in files if file.suffix.lower() == ".csv" and set(COLUMNS) <= set(_header(file))]


def _header(file):
    """The names of a table's columns in lower case; [] if it has none."""
    return [cell.lower() for cell in _first_cells(file)]


def _first_cells(file):
    try:
        with file.open("rb") as opened:
            line = opened.read(4096).split(b"\n")[0]
        return _cells(line.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def _cells(line):
    return [cell.strip() for cell in next(csv.reader([line]), [])]


def records(root, files, ledger):
    """A Record per picture and table, and no order of the classes (None: by name)."""
    pictures, names = Pictures(root), _class_names(root)
    known = {name.encode(errors="surrogateescape") for name in pictures.by_stem}
    found: list[Record] = []
    nameless: dict[str, str] = {}
    others: dict[str, int] = {}  # table -> lines of pictures that are not there
    asked, kept = set(), 0
    for file in files:
        part = part_of(file.stem) or _part_of_folders(root, file)
        of_table: dict[str, Record | None] = {}
        for row in _rows(file, known, others):
            kept += 1
            if kept > MAX_ROWS:
                raise DataError(f"{file}: the pictures in {root} have more than {MAX_ROWS:,} boxes, which is too "
                                "many for memory: read a folder with fewer pictures")
            image = row["imageid"]
            if image not in of_table:
                of_table[image] = _look_up(root, pictures, image, part, ledger)
                asked.add(plain(image.rpartition("/")[2]))
            record = of_table[image]
            if record is None:
                continue
            grouped, unseen = _number(row.get("isgroupof")) == 1, _number(row.get("confidence")) == 0
            if grouped or unseen:
                record.nothing = "all its boxes are around groups (IsGroupOf) or have Confidence 0"
            if unseen:
                ledger.remark(record.path.name, UNSEEN)
                continue
            code = row["labelname"]
            label = names.get(code) or nameless.setdefault(code, code)
            box = tuple(_number(row[column]) for column in COLUMNS[2:])
            if grouped:
                record.aside.append((GROUP, label, box))
            else:
                record.objects.append((label, box))
        found += filter(None, of_table.values())
    for code in filter(None, nameless):
        ledger.remark(code, "no table of class descriptions names this class, which is called by its code")
    for table in others:
        total = sum(others.values())
        ledger.remark(table, f"{total:,} lines passed over, since their pictures are not in the folder; tables")
    for path in pictures.unused([record.path for record in found]):
        if plain(path.stem) not in asked:
            ledger.leave_out(path.name, "it has no annotation")
    return found, None


def _look_up(root, pictures, image, part, ledger):
    """The Record of a picture, without objects so far, or None if it cannot be told which one it is."""
    folder = {"valid": "validation", None: "images"}.get(part, part)
    path, remark = pictures.find(f"{folder}/{image}")  # the folder chooses, where several have one of that name
    if remark == SEVERAL:
        path, remark = _copy(pictures, image), SEVERAL
    if path is None:
        ledger.leave_out(image, remark)
        return None
    if remark not in (None, BY_NAME, SEVERAL):  # an ImageID has neither folder nor ending: no word about that
        ledger.remark(path.name, remark)
    return Record(path, [], part or _part_of_folders(root, path), whole=1.0)


def _copy(pictures, image):
    """One of several pictures of a name, if they are the same: some download tools sort them into a folder per class,
    and put those that show two classes into both.
    """
    same = pictures.by_stem.get(plain(image.rpartition("/")[2]), ())
    try:
        return same[0] if same and all(filecmp.cmp(same[0], path, shallow=False) for path in same[1:]) else None
    except OSError:
        return None


def _part_of_folders(root, path):
    """The outermost folder decides: `train` can be a class too, and those folders lie inside."""
    return next(filter(None, map(part_of, path.relative_to(root).parts[:-1])), None)


def _rows(file, known, others):
    """{column: text} for every line of a picture that is there; others[file's name] counts the rest."""
    header = _header(file)
    if not set(COLUMNS) <= set(header):
        raise DataError(f"{file}, line 1: expected the names of the columns, ImageID, LabelName, XMin, XMax, YMin "
                        f"and YMax among them, got {','.join(header)[:100]!r}: download the table again")
    at, passed = header.index("imageid"), 0
    for number, line in _lines(file):
        if number == 1:
            continue
        # Most lines are passed over: nothing more than their first cell is looked at, and that not as text.
        cells = line.split(b",", at + 1) if b'"' not in line else [c.encode() for c in _parse(file, number, line)]
        name = cells[at].strip().lower() if at < len(cells) else b""
        if name not in known and name.replace(b"\\", b"/").rpartition(b"/")[2] not in known:
            passed += bool(line.strip())
            continue
        texts = _parse(file, number, line)
        texts += [""] * (len(header) - len(texts))
        row = dict(zip(header, texts, strict=False))
        row["imageid"] = row["imageid"].replace("\\", "/")
        yield row
    if passed:
        name = file.name if file.name not in others else str(file)
        others[name] = passed


def _lines(file):
    """(number, line) of a file of any length; a line may have MAX_LINE bytes."""
    number, rest = 0, b""
    try:
        with file.open("rb") as opened:
            while piece := opened.read(PIECE):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    number += 1
                    yield number, line
                if len(rest) > MAX_LINE:
                    raise DataError(f"{file}, line {number + 1}: expected one box per line, but it has more than "
                                    f"{MAX_LINE:,} bytes: download the table again")
    except OSError as error:
        raise DataError(f"{file} cannot be opened ({error.strerror})") from error
    if rest:
        yield number + 1, rest


def _parse(file, number, line):
    try:
        return _cells((line if isinstance(line, str) else line.decode("utf-8")).rstrip("\r"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}, line {number}: expected a line of a CSV table in UTF-8, got {line[:40]!r} "
                        f"({error}): download the table again, or save it as UTF-8") from error


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return float("nan")  # becomes the reason "its box is not four numbers" when the box is examined


def _class_names(root):
    """{code: name} from all tables of two columns that begin as class descriptions do, with or without a header."""
    names: dict[str, str] = {}
    for file in walk(root, {".csv"}):
        first = _first_cells(file)
        titled = [cell.lower() for cell in first] == ["labelname", "displayname"]
        if not titled and not (len(first) == 2 and re.fullmatch(r"/[a-z]/\S+", first[0])):
            continue
        for number, line in enumerate(read_text(file, MAX_NAMES_BYTES).split("\n"), 1):
            cells = _parse(file, number, line)
            if len(cells) >= 2 and not (titled and number == 1):
                names.setdefault(cells[0], cells[1])
    return names
