"""CVAT for images 1.1: one XML file, annotations.xml, with an element per picture and in it an element per shape.

    <annotations> <version>1.1</version> <meta> ... </meta>
      <image id="0" name="sub/x.jpg" subset="Train" width="640" height="480">
        <box label="cat" occluded="0" xtl="10.00" ytl="20.00" xbr="110.50" ybr="220.00" rotation="30.00" z_order="0"/>

Coordinates are float pixels that count from the picture's upper left corner, so (xtl, ytl, xbr, ybr) is half-open
already. `rotation` turns a box or an ellipse about its own middle, in degrees; the upright box around what comes out
is taken, as it is around a polygon. Masks, points, lines, skeletons, cuboids and tags are not used. A subset named
Train, Validation or Test is a part; "default" is CVAT's name for none. The export of a project names the subset at
each picture, that of a task once, in `meta`. (CVAT's documentation, "XML annotation format".)

A project has one file for all of its pictures, so the file is read in pieces and no tree of it is built.
"""

import math
from typing import NamedTuple
from xml.etree import ElementTree

from tinycnn.data.readers import voc
from tinycnn.data.readers.pictures import Pictures
from tinycnn.data.readers.records import NO_BOX, Record, both_ends, inside, part_of, part_of_file, walk
from tinycnn.errors import DataError

MAX_BYTES = 256 * 2**20
MAX_DEPTH = 32  # of elements within elements; CVAT's own files have eight
PIECE = 2**20
LAYOUT = "an annotations.xml as CVAT exports it in the format \"CVAT for images 1.1\", with the pictures in images/"
UNUSED = {
    "polyline": "a polyline", "points": "points", "mask": "a mask", "skeleton": "a skeleton", "cuboid": "a cuboid",
    "tag": "a tag (a class of the whole picture)",
}
ONLY = "not used: only boxes, polygons and ellipses are"
TURNED = "a turned box or ellipse replaced by the upright box around it"


class Image(NamedTuple):
    """What one <image> element says."""

    key: str  # to be named by where it has no name
    name: str
    subset: str
    size: tuple | None  # (H, W)
    objects: list  # as in Record
    remarks: list


def find(path):
    """The annotation files of a folder (or the file itself); none if it is not in this format."""
    if path.is_file():
        return [path] if path.suffix.lower() == ".xml" and _is_ours(path) else []
    return [file for file in walk(path, {".xml"}) if _is_ours(file)]


def _is_ours(file):
    """Is its outermost element <annotations>? That of Pascal VOC, of which a folder has thousands, lacks the s."""
    head = voc.ROOT.match(both_ends(file)[0].removeprefix(b"\xef\xbb\xbf"))
    return head is not None and head[1] == b"annotations"


def records(root, files, ledger):
    """A Record per picture, and the classes in the order in which the files list them."""
    pictures, found = Pictures(root), []
    classes: dict[str, None] = {}  # an ordered set
    for file in files:
        reader = _Reader()
        used: dict[str, None] = {}
        for image in _images(file, reader):
            subset = image.subset or reader.subset
            path, remark = pictures.find(image.name, *_near(file, subset))
            if path is None:
                ledger.leave_out(image.name or image.key, remark)
                continue
            for sentence in [*([remark] if remark else []), *image.remarks]:
                ledger.remark(path.name, sentence)
            record = Record(path, image.objects, _part(root, file, subset, path, ledger), image.size)
            if image.remarks:
                record.nothing = "no box, polygon or ellipse is marked in it"
            found.append(record)
            used |= dict.fromkeys(label for label, _ in image.objects)
        classes |= dict.fromkeys(reader.labels) | used
    pictures.report_unannotated([record.path for record in found], ledger)
    return found, list(classes)


def _near(file, subset):
    """Where an export has its pictures: images/, that of a project images/Train/."""
    images = file.parent / "images"
    return [folder for folder in (inside(images, subset), images, file.parent) if folder is not None]


def _part(root, file, subset, path, ledger):
    part = part_of(subset)
    if part is None and subset and subset.casefold() != "default":
        ledger.remark(path.name, f"its subset {subset[:40]!r} is not Train, Validation or Test, so it has no part")
        return None
    return part or part_of_file(root, file)


def _images(file, reader):
    """Every Image of a file, as soon as it has been read."""
    parser = ElementTree.XMLParser(target=reader)
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise DataError(f"it has {size:,} bytes; more than {MAX_BYTES:,} is not read, to protect memory. Export "
                            "the tasks of the project one by one")
        with file.open("rb") as opened:
            while piece := opened.read(PIECE):
                parser.feed(piece)
                yield from reader.take()
        parser.close()
        yield from reader.take()
    except OSError as error:
        raise DataError(f"{file} cannot be opened ({error.strerror})") from error
    except DataError as error:
        raise DataError(f"{file}: {error}") from error
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise DataError(
            f"{file}, line {line}: expected XML that ends with </annotations>, but it is damaged or cut off "
            f"({error}): export it from CVAT again"
        ) from error
    except (LookupError, ValueError) as error:  # an encoding that does not exist, or that the parser does not know
        raise DataError(f"{file} is not text in the encoding that it declares ({error}): save it as UTF-8") from error


class _Reader:
    """What the parser tells element by element; keeps the pictures until they are taken, and nothing else."""

    doctype = voc.Target.doctype  # refuses it, before the parser reads what is in it

    def __init__(self):
        self.labels, self.subset = [], ""
        self._open = []  # the tags of the elements that we are in
        self._text = None  # the text of the element we are in, if it is one that counts
        self._image = None
        self._ready = []

    def take(self):
        ready, self._ready = self._ready, []
        return ready

    def start(self, tag, attributes):
        self._open.append(tag)
        depth = len(self._open)
        if depth == 1 and tag != "annotations":
            raise DataError(f"it is not a file of CVAT: its outermost element is <{tag[:40]}>, not <annotations>")
        if depth > MAX_DEPTH:
            raise DataError(f"it is not a file of CVAT: more than {MAX_DEPTH} elements lie within each other")
        if depth == 2 and tag == "track":
            raise DataError(
                "it holds the tracks of a video, and not what is in each picture: export the task from CVAT again "
                'in the format "CVAT for images 1.1", with "Save images" switched on'
            )
        if depth == 2 and tag == "image":
            key, name, subset = (attributes.get(what, "").strip() for what in ("id", "name", "subset"))
            self._image = Image(f"image {key}", name, subset, _size(attributes), [], [])
        elif depth == 3 and self._image is not None:
            _add(self._image, tag, attributes)
        elif self._open[1:2] == ["meta"] and (
                self._open[-3:] == ["labels", "label", "name"] or self._open[2:] == ["task", "subset"]):
            self._text = []

    def data(self, text):
        if self._text is not None:
            self._text.append(text)

    def end(self, tag):
        if self._text is not None:
            text, self._text = "".join(self._text).strip(), None
            if tag == "subset":
                self.subset = text
            elif text:
                self.labels.append(text)
        if len(self._open) == 2 and self._image is not None:
            self._ready.append(self._image)
            self._image = None
        self._open.pop()

    def close(self):
        pass


def _size(attributes):
    try:
        size = int(attributes["height"]), int(attributes["width"])
    except (KeyError, ValueError):
        return None
    return size if min(size) > 0 else None


def _add(image, tag, attributes):
    """One shape: to the objects of a picture, or to the remarks."""
    if tag in SHAPES:
        box, turned = SHAPES[tag](attributes)
        image.objects.append((attributes.get("label", "").strip(), box))
        if turned:
            image.remarks.append(TURNED)
    else:
        image.remarks.append(f"{UNUSED.get(tag, 'a shape of an unknown kind')} {ONLY}")


def _box(attributes):
    xmin, ymin, xmax, ymax = _numbers(attributes, "xtl", "ytl", "xbr", "ybr")
    turn = _rotation(attributes)
    if turn == 0:
        return (xmin, ymin, xmax, ymax), False
    if not xmin < xmax or not ymin < ymax:  # of no area: turning would give it one
        return (xmin, ymin, xmax, ymax), False
    cos, sin, width, height = abs(math.cos(turn)), abs(math.sin(turn)), xmax - xmin, ymax - ymin
    return _around((xmin + xmax) / 2, (ymin + ymax) / 2, width * cos + height * sin, width * sin + height * cos), True


def _ellipse(attributes):
    x, y, rx, ry = _numbers(attributes, "cx", "cy", "rx", "ry")
    turn = _rotation(attributes)
    if not rx > 0 or not ry > 0 or turn == 0:
        return (x - rx, y - ry, x + rx, y + ry), False
    cos, sin = math.cos(turn), math.sin(turn)
    return _around(x, y, 2 * math.hypot(rx * cos, ry * sin), 2 * math.hypot(rx * sin, ry * cos)), True


def _polygon(attributes):
    try:
        points = [[float(number) for number in point.split(",")] for point in attributes["points"].split(";")]
        xs, ys = zip(*points, strict=True)
    except (KeyError, ValueError):
        return NO_BOX, False
    if not all(map(math.isfinite, xs + ys)):  # what min and max make of nan depends on the order
        return NO_BOX, False
    return (min(xs), min(ys), max(xs), max(ys)), False


SHAPES = {"box": _box, "ellipse": _ellipse, "polygon": _polygon}


def _around(x, y, width, height):
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _rotation(attributes):
    """In radians; nan if it is no number, which makes the box none either."""
    degrees, = _numbers(attributes, "rotation") if "rotation" in attributes else (0.0,)
    return math.radians(degrees) if math.isfinite(degrees) else math.nan


def _numbers(attributes, *names):
    try:
        return tuple(float(attributes[name]) for name in names)
    except (KeyError, ValueError):
        return (math.nan,) * len(names)
