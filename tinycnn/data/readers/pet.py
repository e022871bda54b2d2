"""Oxford-IIIT Pet: cats and dogs of 37 breeds, in images/ and annotations/.

The class is the breed, which the name of a picture says: american_bulldog_10.jpg. Boxes in annotations/xmls are like
those of Pascal VOC, count from 1 with both ends, and enclose the animal's HEAD; nearly all belong to the training
pictures. Where there is none, the box comes from the picture in annotations/trimaps (1 the animal, 2 the background,
3 the border between them) and encloses the whole animal: half-open pixels that count from 0.

Lists have a line for each picture, `Abyssinian_100 1 1 1`: its name, the number of its breed, 1 for a cat or 2 for a
dog, and the number of the breed among those. trainval.txt is the train part, test.txt the test part. (O. Parkhi,
A. Vedaldi, A. Zisserman and C. V. Jawahar, "Cats and Dogs", 2012, and the README among the annotations.)
"""

import re

import numpy as np

from tinycnn.data.readers import voc
from tinycnn.data.readers.pictures import Pictures
from tinycnn.data.readers.records import Record, read_text
from tinycnn.errors import DataError, require

USE_TRIMAPS = True  # False: leave out the pictures without a box of the head, which is nearly the whole test part
MAX_BYTES = 16 * 2**20  # of a list, they have 250,000, and of a trimap, which have a few thousand
MAX_PIXELS = 2**26  # of a trimap
LAYOUT = (
    "images/*.jpg and annotations/ with xmls/ and trimaps/, and trainval.txt and test.txt or list.txt (lines like "
    "Abyssinian_100 1 1 1)"
)
LISTS = {"trainval.txt": "train", "test.txt": "test", "list.txt": None}
LINE = re.compile(r"(?P<breed>[^\s/\\]+)_[0-9]+\s+(?P<number>[0-9]{1,9})\s+[0-9]{1,9}\s+[0-9]{1,9}")
HEAD = "the box encloses the whole animal, from its trimap, since none of its head is there"
NOT_USED = "the box of the head is not used, since"
MALFORMED = "its line is not a name and three numbers, like Abyssinian_100 1 1 1"
UNLISTED = "it is in neither trainval.txt nor test.txt"


def find(path):
    """The lists of a folder; none if it is not in this format."""
    folders = [path / "annotations", *sorted(path.glob("*/annotations"))] if path.is_dir() else []
    for folder in folders:
        if (folder / "xmls").is_dir() or (folder / "trimaps").is_dir():
            files = [folder / name for name in LISTS if (folder / name).is_file()]
            if any(_looks_like_it(file) for file in files if file.name != "test.txt"):
                return files
    return []


def _looks_like_it(file):
    with file.open("rb") as opened:
        lines = opened.read(4096).decode("latin-1").split("\n")
    first = next((line for line in map(str.strip, lines) if line and not line.startswith("#")), "")
    return LINE.fullmatch(first) is not None


def records(root, files, ledger):
    """A Record per listed picture, and the breeds in the order of their numbers."""
    folder = files[0].parent
    listed, classes = _read(files, ledger)
    pictures = Pictures(root)
    near = (folder.parent, folder.parent.parent / "images")  # images/images/, as the archive is sometimes unpacked
    found = []
    known = set()
    for name, (breed, part) in listed.items():
        path, remark = pictures.find(f"images/{name}.jpg", *near)
        if path is not None and folder in path.parents:
            path, remark = None, "the picture is missing"  # its trimap has its name, and is no picture
        if path is None:
            ledger.leave_out(f"{name}.jpg", remark)
            continue
        known.add(path)
        if remark:
            ledger.remark(path.name, remark)
        if part is None and len(files) > 1:
            ledger.leave_out(path.name, UNLISTED)
            continue
        try:
            boxes, size, first = _boxes(folder, name, ledger)
        except DataError as error:
            ledger.leave_out(path.name, str(error))
            continue
        found.append(Record(path, [(breed, box) for box in boxes], part, size, first=first))
    for path in pictures.unused([record.path for record in found], known):
        ledger.leave_out(path.name, "it is in none of the lists")
    return found, classes


def _read(files, ledger):
    """({name: (breed, part)}, the breeds in the order of their numbers)"""
    listed: dict[str, tuple] = {}
    numbers: dict[str, int] = {}
    for file in files:  # list.txt, which says nothing of parts, comes last
        for count, line in enumerate(read_text(file, MAX_BYTES).split("\n"), 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            match = LINE.fullmatch(line)
            if match is None:
                ledger.leave_out(f"{file.name}, line {count}", MALFORMED)
                continue
            name, part = line.split()[0], LISTS[file.name]
            breed = match["breed"].replace("_", " ")
            numbers.setdefault(breed, int(match["number"]))
            if name not in listed:
                listed[name] = breed, part
            elif part and listed[name][1] != part:
                ledger.remark(name, "listed in two parts, kept in test")
                listed[name] = breed, "test"
    return listed, sorted(numbers, key=lambda breed: (numbers[breed], breed))


def _boxes(folder, name, ledger):
    """(boxes, (H, W) of the picture that they were drawn in or None, what they count from); DataError says why not."""
    xml, trimap = folder / "xmls" / f"{name}.xml", folder / "trimaps" / f"{name}.png"
    problem = "there is no box of its head in xmls/"
    if xml.is_file():
        try:
            annotation = voc.parse(xml)
            if annotation.objects:
                return [box for _, box in annotation.objects], annotation.size, 1
            problem = annotation.nothing
        except DataError as error:
            problem = str(error)
        ledger.remark(xml.name, f"{NOT_USED} {problem}")
    if not USE_TRIMAPS:
        raise DataError(problem)
    if not trimap.is_file():
        raise DataError(f"{problem}, and no trimap")
    box, size = _animal(trimap)
    ledger.remark(f"{name}.jpg", HEAD)
    return [box], size, 0


def _animal(path):
    """(the box around the pixels 1 and 3 of a trimap, its (H, W))"""
    Image = require("PIL.Image", extra="images")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"its trimap is larger than {MAX_BYTES:,} bytes")
        with Image.open(path, formats=("PNG",)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise DataError(f"its trimap has more than {MAX_PIXELS:,} pixels")
            values = np.asarray(image)  # (H, W), whether the file calls them grays or numbers of a palette
    except (DataError, MemoryError):
        raise
    except Exception as error:  # a damaged file makes Pillow's decoders raise nearly anything
        raise DataError("its trimap is damaged or cut off") from error
    if values.ndim != 2 or values.dtype != np.uint8 or not np.isin(values, (1, 2, 3)).all():
        raise DataError("its trimap holds other values than 1, 2 and 3")
    animal = values != 2
    rows, columns = np.flatnonzero(animal.any(axis=1)), np.flatnonzero(animal.any(axis=0))
    if not rows.size:
        raise DataError("its trimap shows background alone")
    box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
    return box, values.shape
