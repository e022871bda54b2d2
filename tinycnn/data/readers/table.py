"""CSV: a table that anybody can type. One line per object:

    image,label,xmin,ymin,xmax,ymax,split
    photos/cat1.jpg,cat,12,30,140,160,train

Boxes are half-open pixels: (0, 0, W, H) is the whole picture. `split` (train, valid, test) may be left away; other
columns are ignored. A picture with several objects has several lines.
"""

import csv
import io

from tinycnn.data.readers.records import PARTS, Record, first_file, inside, part_of, read_text
from tinycnn.errors import DataError

MAX_BYTES = 256 * 2**20
COLUMNS = ("image", "label", "xmin", "ymin", "xmax", "ymax")
LAYOUT = f"a .csv file whose first line is {','.join(COLUMNS)} (and, for the parts, a column split)"


def find(path):
    """The tables of a folder (or the file itself); none if it is not in this format."""
    if path.is_file():
        return [path] if path.suffix.lower() == ".csv" else []
    return sorted(file for file in path.glob("*") if file.suffix.lower() == ".csv" and not file.name.startswith("."))


def records(root, files, ledger):
    """A Record per line, and no order of the classes (None: by name)."""
    found = []
    for file in files:
        for line, row in _rows(file):
            name = row["image"]
            if inside(root, name) is None:
                ledger.leave_out(name or f"line {line}", "the image column is empty or leads out of the folder")
                continue
            candidates = [inside(folder, name) for folder in (root, root / "images")]
            path = first_file(candidates) or candidates[0]  # a missing one is counted when it is opened
            box = tuple(_number(row[column]) for column in COLUMNS[2:])
            found.append(Record(path, [(row["label"], box)], _part(file, line, row)))
    return found, None


def _rows(file):
    """(line number, {column: text}) for every line below the header that is not empty."""
    text = read_text(file, MAX_BYTES)
    header = text.partition("\n")[0]
    delimiter = ";" if ";" in header and "," not in header else ","  # what spreadsheets write where 1,5 means 1.5
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        columns = [cell.strip().lower() for cell in next(reader, [])]
        missing = [column for column in COLUMNS if column not in columns]
        if missing:
            raise DataError(
                f"{file} has no column {', '.join(missing)}: its first line must name the columns "
                f"{','.join(COLUMNS)} and may add split; it is {header.strip()[:100]!r}"
            )
        for cells in reader:
            if any(cell.strip() for cell in cells):
                cells += [""] * (len(columns) - len(cells))
                yield reader.line_num, {name: cell.strip() for name, cell in zip(columns, cells, strict=False)}
    except csv.Error as error:
        raise DataError(f"{file}, line {reader.line_num}: not a table in CSV form ({error})") from error


def _number(text):
    try:
        return float(text)
    except ValueError:
        return float("nan")  # becomes the reason "its box is not four numbers" when the box is examined


def _part(file, line, row):
    word = row.get("split", "").lower()
    if word and word not in PARTS:
        raise DataError(f"{file}, line {line}: the split {word!r} is not one of {', '.join(PARTS)}")
    return PARTS[word] if word else part_of(file.stem)
