"""CSV: a table that anybody can type, and that many programs export. One line per object:

    image,label,xmin,ymin,xmax,ymax,split
    photos/cat1.jpg,cat,12,30,140,160,train

Boxes are half-open pixels: (0, 0, W, H) is the whole picture. Numbers that all lie within 0 and 1 are shares of the
picture's width and height. `split` (train, valid, test) may be left away; columns of other names are ignored. A
picture with several objects has several lines; one without box and class says that nothing is marked in its picture.
Where no table has a split, train.txt, val.txt and test.txt beside it may list the pictures of each part.

The columns go by many names (filename, class, x1, width, bbox), or by none; `dialect` knows them. Sources: the tables
of the TensorFlow Object Detection API (xml_to_csv), Roboflow, keras-retinanet, VoTT, Make Sense, Open Images.
"""

import math
import re

from tinycnn.data.readers.dialect import COLUMNS, NO_VALUE, SPLITS, number, open_table
from tinycnn.data.readers.part_lists import listed_parts
from tinycnn.data.readers.pictures import Pictures
from tinycnn.data.readers.records import NO_BOX, PARTS, Record, part_folders, part_of, part_of_file, walk
from tinycnn.errors import DataError

MAX_BYTES = 256 * 2**20
LAYOUT = (
    f"a .csv or .tsv table with the columns {','.join(COLUMNS)} or their usual other names (and, for the parts, "
    "split), in the folder, in annotations/, or in train/, valid/, test/"
)
FOLDERS = (*PARTS, "annotations")
FOREIGN = "region_shape_attributes"  # a table of the VGG Image Annotator, with shapes written as JSON in its cells
SCORES = {"score", "scores", "confidence", "conf", "prob", "probability"}
AS_SIZE = "box of one column read as x, y, width, height (call it xyxy if it holds corners)"


def find(path):
    """The tables of a folder (or the file itself); none if it is not in this format.

    A table without boxes is claimed only where no other annotations are: then the error that it causes explains most.
    """
    folders = [path] if path.is_file() else [path, *sorted(f for f in path.iterdir() if _is_one_of(f, FOLDERS))]
    files = [file for f in folders for file in (sorted(f.iterdir()) if f.is_dir() else [f]) if _is_table(file)]
    starts = {file: _start(file) for file in files}
    files = [file for file in files if starts[file] is None or FOREIGN not in (starts[file].header or ())]
    if path.is_file() or any(starts[file] is not None and starts[file].boxes for file in files):
        return files
    others = [file for file in walk(path, {".json", ".xml", ".yaml", ".yml", ".txt"}) if files]
    return [] if [file for file in others if not file.stem.lower().startswith(("readme", "license"))] else files


def _is_one_of(folder, names):
    return folder.name.casefold() in names and folder.is_dir()


def _is_table(file):
    return file.suffix.lower() in (".csv", ".tsv") and not file.name.startswith(".") and file.is_file()


def _start(file):
    """The Table that the first lines of a file make, or None if it is no text."""
    try:
        return open_table(file, MAX_BYTES, only_start=True)
    except (DataError, OSError):
        return None


def records(root, files, ledger):
    """A Record per line, and no order of the classes (None: by name)."""
    starts = [_start(file) for file in files]
    some = any(start is not None and start.boxes for start in starts)
    pictures, found = Pictures(root), []
    known: set = set()  # pictures of lines that cannot be used
    for file, start in zip(files, starts, strict=True):
        reason = start and _why_not(start, [other for other in starts if other not in (None, start)])
        if some and reason:
            ledger.remark(file.name, reason)
        else:
            found += _read(root, file, pictures, ledger, known)
    pictures.report_unannotated([record.path for record in found], ledger, known)
    if found and all(record.part is None for record in found):  # then train.txt and the like may say it
        parts, unlisted = listed_parts(root, sorted({record.path for record in found}), ledger)
        found = [record for record in found if record.path not in unlisted]
        for record in found:
            record.part = parts.get(record.path)
    return found, None


def _why_not(table, others):
    """Why a table beside others is not what the boxes of the set are read from, or None."""
    if not table.boxes:
        return "a table without boxes, not used"
    if not any(other.boxes for other in others):
        return None
    if table.file.stem.casefold().startswith(("sample_submission", "submission")):
        return "a table of answers to a competition, not used"
    scored = [SCORES.intersection(re.sub(r"[\W_]+", "", name.casefold()) for name in other.header or ())
              for other in (table, *others)]
    return "a table with scores, taken for predictions and not used" if scored[0] and not all(scored) else None


def _read(root, file, pictures, ledger, known):
    """The records of one table. known: gets the pictures of lines that cannot be used"""
    table = open_table(file, MAX_BYTES)
    columns, comma = table.columns, table.delimiter != ","
    _refuse_unclear(table)
    for remark in table.remarks + columns.remarks + ([AS_SIZE] if _unsaid(table) else []):
        ledger.remark(file.name, remark)
    found, raw, paths = [], [], {}
    width = len(table.header) if table.header is not None else None
    for line, cells in table.rows():
        name, label = _cell(cells, columns.image), _cell(cells, columns.label)
        if any("\n" in cell or "\r" in cell for cell in (name, label)):
            raise DataError(
                f"{file}, line {line}: the name of a picture or class goes over several lines, "
                f"{(label if chr(10) in label else name)[:40]!r}: close the quotation mark that opens above"
            )
        if not name:
            ledger.leave_out(f"line {line}", "its line names no picture")
            continue
        if width is not None and any(cells[width:]):
            ledger.leave_out(name, "its line has more cells than the first line has names")
            known.add(pictures.find(name)[0])
            continue
        part = _part(root, table, line, cells)
        if (name, part) not in paths:
            paths[name, part] = _look_up(root, file, name, part, pictures, ledger)
        if paths[name, part] is None:
            continue
        texts, size = _box_cells(cells, columns), _size(cells, columns, comma)
        if label.casefold() in NO_VALUE and all(text.casefold() in NO_VALUE for text in texts):
            found.append(Record(paths[name, part], [], part, size, source=file.name))
            continue
        numbers = [number(text, comma) for text in texts]
        raw.append(numbers)
        box = _box(columns.kind, numbers)
        found.append(Record(paths[name, part], [(label, box)], part, size, source=file.name))
    _refuse_sizes_for_corners(table, raw)
    sizes = [(record.stated_size, box) for record in found for _, box in record.objects]
    if sizes and all(size == (box[3] - box[1], box[2] - box[0]) for size, box in sizes):
        for record in found:  # width and height are those of the boxes, beside their corners
            record.stated_size = None
    return found


def _cell(cells, k):
    return cells[k] if k is not None and k < len(cells) else ""


def _look_up(root, file, name, part, pictures, ledger):
    """The path of a picture, or None, as the ledger then says. Those of a part often lie in a folder of its name."""
    near = part_folders((file.parent, root, root / "images"), part)
    path, remark = pictures.find(name, *near, file.parent, file.parent / "images")
    if path is None:
        ledger.leave_out(name, remark)
    elif remark:
        ledger.remark(name, remark)
    return path


def _part(root, table, line, cells):
    if table.columns.flag is not None:
        k, part = table.columns.flag
        return part if _cell(cells, k).casefold() in ("true", "1", "1.0", "yes") else "train"
    word = _cell(cells, table.columns.split)
    plain = re.sub(r"[\W_]+", "", word.casefold())
    part = SPLITS.get(plain) or part_of(word)
    if plain not in SPLITS and plain and part is None:
        raise DataError(
            f"{table.file}, line {line}: the split {word!r} is not one of {', '.join(PARTS)}: write one of these in "
            "its column, or leave the column away"
        )
    return part or part_of_file(root, table.file)


def _box_cells(cells, columns):
    """The texts of a box's numbers: of their own columns, or of one that holds "[x, y, w, h]"."""
    if len(columns.box) > 1:
        return [_cell(cells, k) for k in columns.box]
    texts = [text for text in re.split(r"[\s,;]+", _cell(cells, columns.box[0]).strip("[](){} \t")) if text]
    return texts if len(texts) in (0, 4) else ["?"] * 4


def _box(kind, numbers):
    """(xmin, ymin, xmax, ymax) of edges, of a start and a size, of a centre and a size, or around four corners."""
    a, b, c, d = numbers[:4] or NO_BOX
    if kind == "corners":
        xs, ys = numbers[::2], numbers[1::2]
        whole = not any(map(math.isnan, numbers))
        return (min(xs), min(ys), max(xs), max(ys)) if whole else NO_BOX
    if kind == "centre":
        return a - c / 2, b - d / 2, a + c / 2, b + d / 2
    return (a, b, a + c, b + d) if kind == "size" else (a, b, c, d)


def _size(cells, columns, comma):
    """(H, W) of the picture that the annotator saw, or None where the table does not say it in whole pixels."""
    if columns.size is None:
        return None
    size = [number(_cell(cells, k), comma) for k in columns.size]
    return (int(size[0]), int(size[1])) if all(s >= 1 and s.is_integer() for s in size) else None


def _unsaid(table):
    """Is the box in one column whose name does not tell what its numbers are?"""
    columns = table.columns
    return len(columns.box) == 1 and not re.search("xywh|xyxy", table.header[columns.box[0]].casefold())


def _refuse_sizes_for_corners(table, raw):
    """No header said what the numbers are, and as corners many of them make no box: then the others are not right."""
    if table.header is not None or table.columns.kind != "edges":
        return
    bad = sum(n[2] <= n[0] or n[3] <= n[1] for n in raw)
    if bad > max(2, len(raw) / 5):
        raise DataError(
            f"{table.file} has no header, and read as xmin, ymin, xmax, ymax {bad} of its {len(raw)} boxes have no "
            "area: if the numbers are x, y, width, height, write these names in a first line, with image and label"
        )


def _refuse_unclear(table):
    """DataError if a column is missing, or if two could be the same one."""
    columns, file = table.columns, table.file
    if columns.image is not None and columns.label is not None and columns.box and not columns.problem:
        return
    first = next((line for line in table.text.splitlines()[table.skip:] if line.strip()), "").strip()
    header = table.header or []
    used = (("the picture", columns.image), ("the class", columns.label), ("the part", columns.split),
            *(("the box", k) for k in columns.box))
    taken = "; ".join(f"{header[k]!r} is {what}" for what, k in used if k is not None and k < len(header))
    known = f" Understood so far: {taken}." if taken else ""
    if columns.problem:
        raise DataError(f"{file}: {columns.problem}. Its first line is {first[:100]!r}.{known} A first line "
                        f"{','.join(COLUMNS)} is always understood")
    missing = [name for name, k in (("image", columns.image), ("label", columns.label)) if k is None]
    raise DataError(
        f"{file} has no column {', '.join([*missing, *columns.missing])}: its first line must name the columns "
        f"{','.join(COLUMNS)}, or usual other names for them, and may add split; it is {first[:100]!r}.{known} Write "
        "a first line of this kind, or rename columns in it; where all objects are of one class, add a column label "
        "with the same word in every line"
    )
