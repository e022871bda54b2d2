"""Pascal VOC: one XML file per picture.

VOC counts pixels from 1 and includes both ends, so `xmin 1, xmax 10` are the first ten columns. Here boxes are
half-open and count from 0: (xmin - 1, ymin - 1, xmax, ymax), which makes those ten columns 0 to 10. (M. Everingham
and J. Winn, "The PASCAL Visual Object Classes Challenge 2007 Development Kit", section on annotations.)

Objects marked `difficult` are set aside, as in the challenge's own evaluation.

XML can name other files and can define entities that expand to gigabytes. Both need a DOCTYPE, which an annotation
never has, so the parser refuses every DOCTYPE before it reads what is in it. The bytes are made text here and not by
the parser, which knows four encodings only: annotations are written in those of the whole world.
"""

import codecs
import math
import re
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from tinycnn.data.photographs import SUFFIXES
from tinycnn.data.readers.part_lists import folder_parts, listed_parts, place
from tinycnn.data.readers.pictures import BY_NAME, SEVERAL, Pictures
from tinycnn.data.readers.records import Record, first_file, inside, plain, walk
from tinycnn.errors import DataError

DIFFICULT = "an object marked difficult"
MAX_BYTES = 2**20  # of one XML file; they have about a thousand
LAYOUT = (
    "one .xml file per picture, beside it or in Annotations/ with the pictures in JPEGImages/ (and, for the parts, "
    "ImageSets/Main/train.txt, val.txt, test.txt)"
)
ROOT = re.compile(rb"(?:\s|(?><\?.*?\?>)|(?><!--.*?-->))*+<([A-Za-z_][\w.:-]*)[\s/>]", re.DOTALL)  # never goes back
DECLARED = re.compile(rb"""\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z][\w.-]{0,39})["']""")
MARKS = (  # how a text begins that needs no declaration; UTF-32 before UTF-16, whose mark begins alike
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"),
)
WIDER = {  # what Windows means by these names, with more letters than the standards of that name have
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "cp950",
}
NO_TEXT = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined")  # for other ends, and some slow


class Annotation(NamedTuple):
    """What one XML file says."""

    filename: str  # as it is written, or ""
    folder: str
    size: tuple | None  # (H, W)
    objects: list  # as in Record, but counted from 1
    nothing: str  # why there are no objects
    aside: list  # as in Record: those marked difficult


def find(path):
    """The annotation files of a folder; none if it is not in this format."""
    files = walk(path, {".xml"}) if path.is_dir() else []
    return files if any(map(_could_be, files)) else []


def _could_be(file):
    """Is its outermost element <annotation>, or too damaged to tell? Other tools write XML of their own."""
    try:
        with file.open("rb") as opened:
            head = ROOT.match(opened.read(4096).replace(b"\0", b"").lstrip(codecs.BOM_UTF8))
    except OSError:
        return True
    return head is None or head[1] == b"annotation"


def records(root, files, ledger):
    """A Record per annotated picture, and no order of the classes (None: by name)."""
    parts, unlisted = listed_parts(root, files, ledger)
    finder = _Finder(root)
    found = {}
    for xml in files:
        if xml in unlisted:
            finder.not_used(xml)
            continue
        try:
            annotation = parse(xml)
            path, remark = finder.picture(xml, annotation)
        except DataError as error:
            ledger.leave_out(xml.name, str(error))
            finder.not_used(xml)
            continue
        if remark:
            ledger.remark(path.name, remark)
        found[xml] = Record(path, annotation.objects, None, annotation.size, annotation.nothing, first=1,
                            aside=annotation.aside)
    by_folder = folder_parts(root, {xml: {label for label, _ in record.objects} for xml, record in found.items()})
    for xml, record in found.items():
        record.part = parts.get(xml, by_folder.get(xml))
    finder.report_unannotated([record.path for record in found.values()], ledger)
    return list(found.values()), None


class Target(ElementTree.TreeBuilder):
    """What a parser builds the tree with; it refuses every DOCTYPE."""

    def doctype(self, name, pubid, system):
        raise DataError("it declares a DOCTYPE, which is refused: it could expand to gigabytes or name other files")


def parse_xml(path, limit=MAX_BYTES):
    """The outermost element of an XML file of at most `limit` bytes; DataError says what is wrong with it."""
    parser = ElementTree.XMLParser(target=Target())
    try:
        if path.stat().st_size > limit:
            raise DataError(f"its annotation is larger than {limit:,} bytes")
        parser.feed(_text(path.read_bytes()))  # text overrules the encoding that it declares
        return parser.close()
    except OSError as error:
        raise DataError(f"its annotation cannot be opened ({error.strerror})") from error
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError("its annotation is not well-formed XML") from error


def _text(data):
    """The text of an XML file: in the encoding that its first bytes show, else the declared one, else UTF-8."""
    stated = DECLARED.match(data)
    declared = stated[1].decode("latin-1") if stated else None
    shown = next((encoding for mark, encoding in MARKS if data.startswith(mark)), None)
    wider = WIDER.get(plain(declared).replace("-", "_"))
    for encoding in filter(None, [shown] if shown else [declared, "utf-8", wider]):
        try:
            if codecs.lookup(encoding).name.replace("_", "-") in NO_TEXT:
                continue
            text = data.decode(encoding).lstrip("\ufeff \t\r\n")
        except (LookupError, ValueError):  # no such encoding, or not in this one
            continue
        if text.startswith("<") or not text:  # "utf-16" in a file of single bytes decodes too, to letters of any kind
            return text
    if declared and not shown:
        raise DataError(f"its annotation is text neither in {declared}, as declared, nor in UTF-8: save it as UTF-8")
    if data.isascii():
        raise DataError("its annotation is not well-formed XML")
    what = f"text in {shown}, as it begins" if shown else "UTF-8 text, and declares no other encoding"
    raise DataError(f"its annotation is not {what}: save it as UTF-8")


def parse(path):
    """The Annotation in one XML file; DataError says what is wrong with it."""
    tree = parse_xml(path)
    if tree.tag != "annotation":
        raise DataError("it is not a Pascal VOC file: its outermost element is not <annotation>")
    size = (_number(tree, "size/height"), _number(tree, "size/width"))
    objects: list = []
    aside: list = []
    for element in tree.findall("object"):
        box = tuple(_number(element, f"bndbox/{name}") for name in ("xmin", "ymin", "xmax", "ymax"))
        name = element.findtext("name", "").strip()
        if element.findtext("difficult", "0").strip() == "1":
            aside.append((DIFFICULT, name, box))
        else:
            objects.append((name, box))
    usable = all(math.isfinite(side) and side > 0 for side in size)
    nothing = "all its objects are marked difficult" if aside and not objects else Record.nothing
    filename, folder = (tree.findtext(tag, "").replace("\\", "/").strip() for tag in ("filename", "folder"))
    return Annotation(filename, folder, size if usable else None, objects, nothing, aside)


def _number(element, path):
    try:
        return float(element.findtext(path, "nan"))
    except ValueError:
        return float("nan")  # becomes the reason "its box is not four numbers" when the box is examined


class _Finder:
    """The pictures of a data set, and which of them an XML file belongs to.

    The XML file's own name decides, because it survives renaming and moving, and of several pictures of that name
    the one in the same folder, or in the same place of the folders beside it (images/cat/1.jpg for
    annotations/cat/1.xml). The name written in the file chooses among those, and is asked where there is none.
    """

    def __init__(self, root):
        self.root, self.pictures = root, Pictures(root)
        self.by_name: dict[str, list[Path]] = {}
        self.folders: dict[tuple, list[Path]] = {}  # by what they have in common with folders of annotations
        self.described = set()  # pictures with an annotation that cannot be used
        for path in self.pictures.paths:
            for name in {plain(path.name), plain(path.stem)}:
                self.by_name.setdefault(name, []).append(path)
        for folder in dict.fromkeys(path.parent for path in self.pictures.paths):
            self.folders.setdefault(self._place(folder), []).append(folder)

    def picture(self, xml, annotation):
        """(the picture of an XML file, or its likely path if it is missing, what to remark or None), or DataError."""
        name, same, near = annotation.filename, self._named(xml), self._near(xml)
        close = [p for p in same if p.parent in near] or [p for p in self._written(name) if p.parent in near]
        if close:
            return self._one(close, xml, annotation), None
        path = first_file(filter(None, (inside(folder, name) for folder in (*near, self.root))))
        if path is not None:
            return path, None
        if same:
            return self._one(same, xml, annotation), BY_NAME
        if name:
            for full in (f"{annotation.folder}/{name}", name):
                path, remark = self.pictures.find(full)
                if path is not None:
                    return path, remark
            if inside(self.root, name) is None:
                raise DataError("the file name in its annotation leads out of the folder")
            if remark == SEVERAL:
                raise DataError(remark)
        return xml.with_suffix("" if plain(xml.stem).endswith(tuple(SUFFIXES)) else ".jpg"), None

    def not_used(self, xml):
        """Remember that a picture has an annotation, though one that cannot be used."""
        near, same = self._near(xml), self._named(xml)
        self.described.update([path for path in same if path.parent in near] or same)

    def report_unannotated(self, used, ledger):
        """Count the pictures without annotation, in folders where others have one."""
        self.pictures.report_unannotated(used, ledger, self.described)

    def _place(self, folder):
        return place(folder.relative_to(self.root).parts)

    def _near(self, xml):
        return dict.fromkeys([xml.parent, *self.folders.get(self._place(xml.parent), ())])

    def _named(self, xml):
        """Pictures of an XML file's name: x.jpg and x.png for x.xml, x.jpg for x.jpg.xml."""
        return self.by_name.get(plain(xml.stem)) or self._written(xml.stem)

    def _written(self, name):
        name = plain(name.rpartition("/")[2])
        stem = name.rpartition(".")[0] if name.endswith(tuple(SUFFIXES)) else name
        return self.by_name.get(name) or self.by_name.get(stem) or []

    def _one(self, paths, xml, annotation):
        """The one of these that the annotation means: each wish narrows the choice, unless it leaves none."""
        written = [plain(part) for part in annotation.filename.split("/")]
        wishes = (
            lambda path: [plain(part) for part in path.parts[-len(written):]] == written,
            lambda path: written[-1] in (plain(path.name), plain(path.stem)),
            lambda path: path.name == xml.stem,
            lambda path: path.parent == xml.parent,
            lambda path: path.parent.name == xml.parent.name,
            lambda path: plain(path.parent.name) == plain(annotation.folder),
            lambda path: path.parent.name == "JPEGImages",
            lambda path: path.parent.name == "images",
            lambda path: path.stem == xml.stem,
            lambda path: not self.pictures.beside(path),
        )
        for wish in wishes if len(paths) > 1 else ():
            paths = [path for path in paths if wish(path)] or paths
        if len(paths) > 1:
            raise DataError(SEVERAL)
        return paths[0]
