"""Reading pictures with classes and boxes from files, in the formats that annotation tools and public sets use.

`read` looks at a folder, recognizes its format, opens every picture once, and gives a `Dataset`. Each format is one
module with two functions: `find` (is this folder in my format?) and `records` (what do the annotations say?). All that
does not depend on the format, from damaged files to the parts, is in `assemble`.
"""

import os
from collections import Counter
from importlib import import_module
from pathlib import Path
from types import ModuleType

from tinycnn.data.dataset import Dataset
from tinycnn.data.formats import FORMATS, PARTICULAR
from tinycnn.data.photographs import SUFFIXES, PixelCache
from tinycnn.data.readers import groups
from tinycnn.data.readers.archive import unpack
from tinycnn.data.readers.assemble import assemble
from tinycnn.data.readers.orientation import READINGS
from tinycnn.data.readers.records import Ledger, walk
from tinycnn.errors import DataError, require

READERS = {name: import_module(module) for name, module in FORMATS.items()}


class UnknownFormat(DataError):
    """A folder without annotations that can be read. The message lists the layouts; `short` says it in one line."""

    def __init__(self, what: str) -> None:
        layouts = "".join(f"\n  {name}: {reader.LAYOUT}" for name, reader in READERS.items())
        super().__init__(f"{what} The formats are:{layouts}")
        self.short = f"{what} Formats: {', '.join(READERS)}; --debug says how each looks on disk"


def read(path: str | Path, format: str | None = None, valid_fraction: float = 0.1, test_fraction: float | None = None,
         seed: int = 0, *, max_side: int | None = 1024, memory: int = 2**30, units: str | None = None,
         orientation: str | None = None, difficult: bool = False, group_by: str | None = None) -> Dataset:
    r"""Read a folder of annotated pictures, an annotation file, or a .zip into a Dataset. Needs Pillow (extra: images).

    format: one of tinycnn.data.formats.FORMATS, such as "voc", "coco", "csv", "yolo"; None to recognize it
    valid_fraction: the share of the training pictures split off to choose settings with; 0 for none
    test_fraction: the share of all pictures kept for the test, .2 if None; only for sets without parts of their own
    seed: of the split, which is stratified by class; the same seed gives the same parts
    max_side: larger pictures are reduced to this many pixels, and their boxes with them; None keeps every size
    memory: bytes of decoded pictures to keep, all parts together
    units: what boxes count in, "pixels", "shares" (0..1) or "percent" of the picture; None for what the format says.
        Where that is pixels, boxes that all lie within 0..1 are read as shares, what looks like percentages is refused
    orientation: what boxes refer to in photographs that EXIF turns, the picture as "stored" or "upright"; None to tell
        by stated sizes and boxes; for a picture in which these tell nothing by the others, and else upright
    difficult: take in the objects that VOC marks difficult, COCO as crowds, and Open Images as groups
    group_by: which pictures stay in one part when parts are made here: "folder", those of one folder; or a regular
        expression with one pair of parentheses, those in whose paths it finds the same, as r"(video\d+)_frame"

    Parts: those the set brings are kept. For a set with train and val only (Tiny ImageNet, Pascal VOC 2012, COCO)
    results are published on val: that becomes `test`, and `valid` is split off `train`. Files with the same bytes are
    one picture, so no picture is in two parts.

    Boxes: half-open float pixels of the upright picture; several objects in a picture: the one with the largest area
    is the main subject. A photograph is turned upright as its EXIF orientation says, and the box with it where it was
    drawn in the picture as stored; `notes` say how many were.

    What cannot be used (a damaged picture, a box without area) is left out and counted in `notes`. DataError if the
    format is not recognized, or if nothing remains.
    """
    require("PIL.Image", extra="images")
    for what, fraction in (("valid_fraction", valid_fraction), ("test_fraction", test_fraction)):
        if fraction is not None and not 0 <= fraction < 1:
            raise DataError(f"{what} is a share of the pictures, from 0 to less than 1, not {fraction!r}")
    if orientation not in (None, *READINGS):
        raise DataError(f'orientation is "stored" or "upright": what boxes refer to, not {orientation!r}')
    if units not in (None, "pixels", "shares", "percent"):
        raise DataError(f'units are "pixels", "shares" or "percent" of the picture, not {units!r}')
    if group_by is not None:
        groups.check(group_by)
    given = Path(os.path.expanduser(path))  # a ~ of nobody stays as it is
    place = _unwrapped(unpack(given) if given.is_file() and given.suffix.lower() == ".zip" else given)
    reader, files = recognize(place, format)
    root = place if place.is_dir() else place.parent
    if place.is_file() and root.name == "annotations":  # COCO keeps its JSON files in a folder beside the pictures
        root = root.parent
    ledger = Ledger()
    records, classes = reader.records(root, files, ledger)
    choices = {"valid_fraction": valid_fraction, "test_fraction": test_fraction, "seed": seed, "max_side": max_side,
               "units": units, "orientation": orientation, "difficult": difficult, "group_by": group_by}
    name = given.resolve().stem if given.is_file() else given.resolve().name
    return assemble(name, root, records, classes, ledger, cache=PixelCache(memory), **choices)


def _unwrapped(path: Path) -> Path:
    """The folder in which a set really lies, where people wrapped it in others: each holds one folder and no more."""
    inside = path
    while len(inner := _folders(inside)) == 1:
        if _readable(inside):
            return inside
        inside = inner[0]
    return inside if inside == path or _readable(inside) else path


def _folders(path):
    entries = path.iterdir() if path.is_dir() else ()
    return [entry for entry in entries if entry.is_dir() and not entry.name.startswith((".", "__"))]


def _readable(path):
    return any(reader.find(path) for reader in READERS.values())


def recognize(path: str | Path, format: str | None = None) -> tuple[ModuleType, list[Path]]:
    """(reader module, annotation files) for a path; DataError says what was found and what would be recognized."""
    path = Path(path)
    if not path.exists():
        raise DataError(f"there is no file or folder {path} (looked from {Path.cwd()})")
    if format is not None:
        name = str(format).lower().replace("_", "-")
        if name not in READERS:
            raise DataError(f"the format {format!r} is not known: use {', '.join(map(repr, READERS))}, or None")
        files = READERS[name].find(path)
        if not files:
            raise DataError(f"{path} holds {_contents(path)}, but not {READERS[name].LAYOUT}, as the format {name} has")
        return READERS[name], files
    found = {name: files for name, reader in READERS.items() if (files := reader.find(path))}
    particular = next((name for name in PARTICULAR if name in found), None)
    if particular is not None:
        found = {particular: found[particular]}
    if len(found) > 1:
        examples = ", ".join(f"{name} ({files[0].relative_to(path)})" for name, files in found.items())
        raise DataError(f"{path} could be read as {examples}: say which, as read(path, format={next(iter(found))!r}), "
                        "or on the command line with --format")
    if not found:
        contents = _contents(path)
        link = "and" if contents.startswith("no ") else "but"
        raise UnknownFormat(
            f"{path} holds {contents}, {link} no annotations in a known format. Pictures alone are not enough: "
            "each needs a class and a box, drawn with an annotation tool."
        )
    return READERS[next(iter(found))], next(iter(found.values()))


def _contents(path):
    """What lies in a folder, in a few words, for an error."""
    if path.is_file():
        return f"no folder but one {path.suffix or 'nameless'} file"
    pictures = len(walk(path, SUFFIXES))
    suffixes = Counter(file.suffix.lower() or file.name for file in path.iterdir() if file.is_file())
    others = [f"{count} {suffix}" for suffix, count in suffixes.most_common(5) if suffix not in SUFFIXES]
    folders = sorted(folder.name + "/" for folder in _folders(path))
    shown = others + folders[:5] + (["..."] if len(folders) > 5 else [])
    return f"{pictures or 'no'} pictures" + (f", {', '.join(shown)}" if shown else "")
