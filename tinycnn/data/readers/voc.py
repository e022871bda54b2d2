"""Pascal VOC: one XML file per picture.

VOC counts pixels from 1 and includes both ends, so `xmin 1, xmax 10` are the first ten columns. Here boxes are
half-open and count from 0: (xmin - 1, ymin - 1, xmax, ymax), which makes those ten columns 0 to 10. (M. Everingham and
J. Winn, "The PASCAL Visual Object Classes Challenge 2007 Development Kit", section on annotations.)

Objects marked `difficult` are not used, as in the challenge's own evaluation.

XML can name other files and can define entities that expand to gigabytes. Both need a DOCTYPE, which an annotation
never has, so the parser refuses every DOCTYPE before it reads what is in it.
"""

from pathlib import Path
from xml.etree import ElementTree

from tinycnn.data.photographs import SUFFIXES
from tinycnn.data.readers.records import Record, first_file, inside, part_of, read_text, walk
from tinycnn.errors import DataError

MAX_BYTES = 2**20  # of one XML file; they have about a thousand
MAX_LIST_BYTES = 64 * 2**20
LAYOUT = (
    "one .xml file per picture, beside it or in Annotations/ with the pictures in JPEGImages/ (and, for the parts, "
    "ImageSets/Main/train.txt, val.txt, test.txt)"
)


def find(path):
    """The annotation files of a folder; none if it is not in this format."""
    return walk(path, {".xml"}) if path.is_dir() else []


def records(root, files, ledger):
    """A Record per annotated picture, and no order of the classes (None: by name)."""
    lists = _lists(root, ledger)
    pictures: dict[str, list[Path]] = {}
    for path in walk(root, SUFFIXES):
        pictures.setdefault(path.stem, []).append(path)
    found = []
    for xml in files:
        listed = lists.get(xml.parent.parent)
        if listed is not None and xml.stem not in listed:
            ledger.leave_out(xml.name, "it is not listed in ImageSets/Main")
            continue
        try:
            filename, size, objects = parse(xml)
        except DataError as error:
            ledger.leave_out(xml.name, str(error))
            continue
        path, problem = _picture(root, xml, filename, pictures)
        if path is None:
            ledger.leave_out(xml.name, problem)
            continue
        part = listed[xml.stem] if listed is not None else part_of(xml.relative_to(root).parts[0])
        found.append(Record(path, objects, part, size))
    _report_unannotated(found, pictures, ledger)
    return found, None


class _Target(ElementTree.TreeBuilder):
    def doctype(self, name, pubid, system):
        raise DataError("it declares a DOCTYPE, which is refused: it could expand to gigabytes or name other files")


def parse(path):
    """(filename or "", stated (H, W) or None, objects) of one XML file; DataError says what is wrong with it."""
    parser = ElementTree.XMLParser(target=_Target())
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"its annotation is larger than {MAX_BYTES:,} bytes")
        parser.feed(path.read_bytes())
        tree = parser.close()
    except OSError as error:
        raise DataError(f"its annotation cannot be opened ({error.strerror})") from error
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # LookupError: an encoding that does not exist
        if isinstance(error, DataError):
            raise
        raise DataError("its annotation is not well-formed XML") from error
    if tree.tag != "annotation":
        raise DataError("it is not a Pascal VOC file: its outermost element is not <annotation>")
    size = (_number(tree, "size/height"), _number(tree, "size/width"))
    objects = []
    for element in tree.findall("object"):
        if element.findtext("difficult", "0").strip() == "1":
            continue
        xmin, ymin, xmax, ymax = (_number(element, f"bndbox/{name}") for name in ("xmin", "ymin", "xmax", "ymax"))
        objects.append((element.findtext("name", "").strip(), (xmin - 1, ymin - 1, xmax, ymax)))
    return tree.findtext("filename", "").strip(), size if min(size) > 0 else None, objects


def _number(element, path):
    try:
        return float(element.findtext(path, "nan"))
    except ValueError:
        return float("nan")  # becomes the reason "its box is not four numbers" when the box is examined


def _picture(root, xml, filename, pictures):
    """(the picture an XML file belongs to, or its likely path if it is missing, None), or (None, what is wrong).

    The XML file's own name decides, because it survives renaming and moving; its filename element is asked second.
    """
    same_name = pictures.get(xml.stem, [])
    for folder in (xml.parent, xml.parent.parent / "JPEGImages", xml.parent.parent / "images"):
        for path in same_name:
            if path.parent == folder:
                return path, None
    if filename:
        if inside(root, filename) is None:
            return None, "the file name in its annotation leads out of the folder"
        path = first_file(inside(folder, filename) for folder in (xml.parent, xml.parent.parent / "JPEGImages", root))
        if path is not None:
            return path, None
    if len(same_name) == 1:
        return same_name[0], None
    return (None, "several pictures have its name") if same_name else (xml.with_suffix(".jpg"), None)


def _lists(root, ledger):
    """{folder that holds ImageSets: {name without suffix: part}} for the official parts, where a set brings them."""
    lists: dict[Path, dict[str, list[str]]] = {}
    for path in walk(root, {".txt"}):
        if path.parent.parts[-2:] == ("ImageSets", "Main") and path.stem in ("train", "val", "trainval", "test"):
            lists.setdefault(path.parent.parent.parent, {})[path.stem] = read_text(path, MAX_LIST_BYTES).split("\n")
    return {folder: _parts(named, ledger) for folder, named in lists.items()}


def _parts(named, ledger):
    order = ("train", "val", "test") if "train" in named else ("trainval", "val", "test")
    parts = {}
    for name in order:  # test comes last and wins: what is reported on must not be learned from
        for stem in filter(None, map(str.strip, named.get(name, ()))):
            if stem in parts:
                ledger.remark(stem, "listed in two parts, kept in the later of train, val, test")
            parts[stem] = "train" if name == "trainval" else part_of(name)
    return parts


def _report_unannotated(found, pictures, ledger):
    used = {record.path for record in found}
    folders = {path.parent for path in used}
    described = {Path(name).stem for names in ledger.left_out.values() for name in names}
    for path in sorted(path for paths in pictures.values() for path in paths):
        if path.parent in folders and path not in used and path.stem not in described:
            ledger.leave_out(path.name, "it has no annotation")
