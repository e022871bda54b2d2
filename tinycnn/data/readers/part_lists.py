"""The parts that a Pascal VOC set brings, or a table: text files that list names, or folders named for a part.

A list lies in ImageSets/Main (or ImageSets), or in the data set's own folder, and is called train.txt, val.txt,
trainval.txt or test.txt, in any capitals. Each line names a picture or its annotation, in whichever way the tool that
wrote it likes: with or without folders and ending, and with a column of 1 or -1 behind.

A word like `train` may also be what the pictures show, so a folder is a part only if its whole name says so, and not
if it is a class.
"""

import re
from pathlib import Path

from tinycnn.data.photographs import SUFFIXES
from tinycnn.data.readers.records import PARTS, plain, read_text, walk

MAX_LIST_BYTES = 64 * 2**20
NAMES = PARTS | {"trainval": "train"}
CONTENTS = frozenset(  # words that say what lies in a folder, and nothing about which pictures
    "annotation annotations annots ann anns xml xmls label labels bbox bboxes box boxes image images img imgs "
    "jpegimages picture pictures photo photos data dataset set voc".split()
)
IN_TWO = "listed in two parts, kept in the later of train, val, test"
PURE = 0.9  # a folder of one class holds hardly anything else; a part that shares its name with a class does


def place(folders):
    """Folder names without the words that only say what lies in them: equal for a picture's and its annotation's.

    >>> place(["Annotations", "CLS-LOC", "train"]) == place(["Data", "CLS-LOC", "train"])
    True
    """
    words = ([w for w in re.split(r"[_\-\s]+", plain(name)) if w and w not in CONTENTS] for name in folders)
    return tuple(" ".join(kept) for kept in words if kept)


def listed_parts(root, files, ledger):
    """({file: part}, the files that lists should name and do not): only for files that have lists.

    files: XML files, or annotated pictures
    """
    lists = _lists(root)
    homes: dict[Path, list] = {}
    for xml in files:
        home = next((folder for folder in xml.parents if folder in lists), None)  # the innermost
        if home is not None:
            homes.setdefault(home, []).append(xml)
    parts: dict[Path, str] = {}
    unlisted = set()
    for home, governed in homes.items():
        where, named = lists[home]
        found = _read_lists(named, home, governed, ledger)
        if not found:
            ledger.remark(where, "lists of parts that name none of the annotated pictures, and are not used")
            continue
        parts |= found
        for xml in governed:
            if xml not in found:
                unlisted.add(xml)
                ledger.leave_out(xml.name, f"it is not listed in {where}")
    return parts, unlisted


def _lists(root):
    """{folder whose pictures the lists name: (where they lie, {train, val, trainval, test: [files]})}."""
    found: dict[Path, dict] = {}
    for path in walk(root, {".txt"}):
        name = plain(path.stem)
        if name not in NAMES:
            continue
        name = name if name == "trainval" else {"valid": "val"}.get(NAMES[name], NAMES[name])
        above = [plain(folder.name) for folder in (path.parent, path.parent.parent)]
        if above == ["main", "imagesets"]:
            home, rank = path.parent.parent.parent, 0
        elif above[0] == "imagesets":
            home, rank = path.parent.parent, 1
        elif path.parent == root:
            home, rank = root, 2
        else:
            continue
        found.setdefault(home, {}).setdefault(rank, {}).setdefault(name, []).append(path)
    best = {home: min(ranks.items()) for home, ranks in found.items()}  # the official place, where there are several
    return {home: (_where(rank, named), named) for home, (rank, named) in best.items()}


def _where(rank, named):
    names = ", ".join(sorted(path.name for paths in named.values() for path in paths))
    return ("ImageSets/Main", "ImageSets", names)[rank]


def _read_lists(named, home, files, ledger):
    """{XML file: part}"""
    by_stem: dict[str, list] = {}
    for xml in files:
        folders = place(xml.relative_to(home).parts[:-1])
        for stem in {plain(xml.stem), _bare(plain(xml.stem))}:
            by_stem.setdefault(stem, []).append((xml, folders))
    order = ("train", "val", "test") if "train" in named else ("trainval", "val", "test")
    parts: dict[Path, str] = {}
    source: dict[Path, str] = {}
    for name in order:  # test comes last and wins: what is reported on must not be learned from
        text = "\n".join(read_text(path, MAX_LIST_BYTES) for path in named.get(name, ()))
        for line in dict.fromkeys(filter(None, map(str.strip, text.split("\n")))):
            for xml in _meant(line, by_stem):
                if source.get(xml, name) != name and (source[xml], name) != ("trainval", "val"):
                    ledger.remark(xml.stem, IN_TWO)
                parts[xml], source[xml] = NAMES[name], name
    return parts


def _meant(line, by_stem):
    """The XML files that a line of a list names."""
    line = line.replace("\\", "/")
    for _ in range(4):
        *folders, name = line.split("/")
        name = plain(name)
        candidates = by_stem.get(name) or by_stem.get(_bare(name), [])
        shared = {xml: _agreement(place(folders), its) for xml, its in candidates}
        best = max(shared.values(), default=-1)
        if best >= 0:
            return [xml for xml, count in shared.items() if count == best]
        *rest, last = line.rsplit(None, 1) or [""]
        if not rest or not (last in ("1", "-1", "0") or plain(last).endswith(".xml")):
            break  # only "000005 -1" and "a.jpg a.xml" hold more than a name
        line = rest[0]
    return []


def _agreement(a, b):
    """How many folders two names share, from the last on; -1 if they differ before one of them ends."""
    count = 0
    while count < min(len(a), len(b)) and a[-1 - count] == b[-1 - count]:
        count += 1
    return count if count == min(len(a), len(b)) else -1


def _bare(name):
    """A plain name without the ending of a picture or an annotation; other dots belong to it."""
    stem, dot, ending = name.rpartition(".")
    return stem if stem and dot + ending in SUFFIXES | {".xml"} else name


def folder_parts(root, shown):
    """{XML file: part}, from the folders that it lies in. shown: {XML file: the names of what its picture shows}"""
    folders = {xml: list(xml.relative_to(root).parents)[:-1] for xml in shown}  # the innermost first
    below: dict[Path, list] = {}
    for xml, names in shown.items():
        for folder in folders[xml]:
            if names and _part(folder.name) is not None:
                below.setdefault(folder, []).append({_words(name) for name in names})
    one_class = len({_words(name) for names in shown.values() for name in names}) == 1
    of_class = {
        folder for folder, pictures in below.items()
        if not one_class and sum(_words(folder.name) in names for names in pictures) > PURE * len(pictures)
    }
    parts, by_word = {}, False
    for xml in shown:
        said = [(_part(folder.name), folder) for folder in folders[xml] if folder not in of_class]
        certain = [part for part, folder in said if part and _words(re.sub("[0-9]", "", folder.name)) in NAMES]
        likely = [part for part, _ in said if part]
        if likely:
            parts[xml] = (certain or likely)[0]
            by_word |= not certain
    return {} if by_word and len(parts) < len(shown) else parts  # old_val beside folders of no part is just a name


def _part(name):
    """The part that a folder's whole name speaks of, or None: VOC_val, train_images, val2017, not train_station."""
    if not re.fullmatch(r"[a-z_\-0-9]+", plain(name)):
        return None
    words = re.findall("[a-z]+", plain(name))
    said = {NAMES[word] for word in words if word in NAMES}
    others = [word for word in words if word not in NAMES]
    if len(said) != 1 or not (words[-1] in NAMES or CONTENTS.issuperset(others)):
        return None
    return said.pop()


def _words(name):
    return " ".join(filter(None, re.split(r"[_\-\s]+", plain(name))))
