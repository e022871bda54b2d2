"""YOLO: one .txt file per picture, one line per object: class number, centre x, centre y, width, height.

The four numbers are shares of the picture's width and height; classes count from 0. More numbers are the corners of
an outline (x y x y ..., its bounding box is taken); a sixth one is a network's confidence, which is not used.
data.yaml names the classes and the folders of the parts; darknet, the oldest of these programs, and LabelImg list the
names, one a line. (Ultralytics' description of detection and segmentation data sets.)

YAML is a large language, of which data.yaml needs little: texts, lists, and numbered lists. These are read here. What
goes beyond (tags, references, texts over several lines) is refused in the keys that count and skipped in all others.
"""

import json
import math
import os.path
import re
from itertools import islice
from pathlib import Path
from typing import Any

from tinycnn.data.photographs import SUFFIXES
from tinycnn.data.readers.pictures import SEVERAL, Pictures
from tinycnn.data.readers.records import PARTS, Record, both_ends, inside, part_of, plain, read_text, walk
from tinycnn.errors import DataError

MAX_BYTES = 4 * 2**20  # of one picture's file; a hundred outlines of a thousand corners have two million letters
MAX_NAMES_BYTES, MAX_LIST_BYTES = 2**20, 64 * 2**20
LAYOUT = (
    "one .txt file per picture with the lines `class cx cy w h` (shares of the picture), beside it or in labels/ "
    "with the pictures in images/ (and, for the names and parts, data.yaml, classes.txt, train.txt)"
)
YAML, TEXTS = (".yaml", ".yml"), (".txt", ".names", ".labels")
NAMES = ("classes.txt", "obj.names", "labels.txt", "_darknet.labels")
KEYS = {"names", "nc", "path", "kpt_shape", *PARTS}  # what counts in data.yaml
ORDER = ("train", "valid", "test")
SLACK = 0.01  # a drawn corner may lie a little outside; assemble cuts the box at the border

# Repetitions with a second + are possessive: no text can make the search try them again and again.
QUOTED = r"""'(?:[^']|'')*+'|"(?:[^"\\]|\\.)*+\""""
NUMBER = r"""(?:(["']?)(\d{1,6})\1\s*:)"""
KEY = re.compile(r"""(["']?)([A-Za-z_][\w.-]*+)\1\s*:(?:\s+(.*)|$)""")
ITEM = re.compile(rf"""(?:-|{NUMBER})\s+(.*)""")
LABEL = re.compile(rb"(?:\xef\xbb\xbf)?\s*+\d++(?:\.0*+)?(?:[ \t]+[-+.\deE]++){4,}+[ \t\r]*+(?:\n|\Z)")
LISTED = re.compile(rb"\s*+[^\n]*\.(?:%b)\s*?(?:\n|\Z)" % "|".join(s[1:] for s in sorted(SUFFIXES)).encode(), re.I)
PIECE = re.compile(rf"""\s*+{NUMBER}?\s*+({QUOTED}|[^\s,'"\[\]{{}}][^,\[\]{{}}]*+|)\s*+(?:,|\Z)""")


def find(path):
    """The text files of a folder (data.yaml first); none if it is not in this format."""
    files = walk(path, YAML + TEXTS) if path.is_dir() else [path]
    yamls = [f for f in files if _ends(f, YAML) and re.search(rb"""(?m)^["']?names["']?\s*:""", _start(f, 2**16))]
    yamls = [f for f in yamls if path in (f, f.parent) or f.stem.lower() in ("data", "dataset")]
    texts = [f for f in files if _ends(f, TEXTS)]
    if yamls:
        return sorted(yamls, key=lambda f: (len(f.parts), ("data", "dataset").count(f.stem.lower()) == 0, f)) + texts
    labels = [f for f in texts if _ends(f, (".txt",)) and f.name.lower() not in NAMES]
    some = labels[:: 1 + len(labels) // 100] + labels  # from all folders first: many a file is empty
    alike = {plain(f.stem) for f in islice((f for f in some if _start(f).strip()), 100) if LABEL.match(_start(f))}
    known = {plain(name) for p in walk(path, SUFFIXES) for name in (p.stem, p.name)} if alike else ()
    return [] if alike.isdisjoint(known) else texts


def records(root, files, ledger):
    """A Record per picture with a .txt file, and the classes in the order of their numbers."""
    yaml = next((f for f in files if _ends(f, YAML)), None)
    texts = [f for f in files if _ends(f, TEXTS)] or walk(root, TEXTS)
    settings = _settings(yaml, ledger) if yaml else {}
    for other in (f for f in files if yaml and f != yaml and f.name == yaml.name):
        if _settings(other, ledger)["names"] != settings["names"]:
            raise DataError(f"{other} and {yaml} name the classes differently; expected one data set in {root}, got "
                            "several: read them one by one, or make their names alike")
    names, source = _names(settings, yaml, texts, ledger)
    pictures = Pictures(root)
    everything = pictures.paths
    lists = [f for f in texts if _part_named(f) and LISTED.match(_start(f))]
    lists = [f for f in lists if "ImageSets" not in f.relative_to(root).parts]  # Pascal VOC's own
    parts, missing = _parts(root, settings, yaml, lists, pictures, everything, ledger)
    found, labelled, used = [], set(), dict[int, str]()
    for label, path in _pairs(root, set(texts) - set(lists), pictures, everything, missing, ledger):
        labelled.add(path)
        part = next(filter(None, map(part_of, path.relative_to(root).parts[:-1])), None)
        if parts and path not in parts and part in {None, *parts.values()}:
            ledger.leave_out(path.name, "it is in none of the parts that data.yaml, train.txt, or the like name")
            continue
        try:
            objects, reason, detail = _objects(read_text(label, MAX_BYTES), "kpt_shape" in settings)
        except (OSError, DataError) as error:
            objects, reason, detail = [], f"its .txt file cannot be read: {getattr(error, 'strerror', error)}", ""
        unnamed = [n for n, _ in objects if names is not None and n not in names]
        if unnamed:
            reason, detail = f"its class number is not among the {len(names)} of {source}", f", class {unnamed[0]}"
        if reason:
            ledger.leave_out(path.name + detail, reason)
            continue
        used |= {n: (f"class {n}" if names is None else names[n]) for n, _ in objects}
        found.append(Record(path, [(used[n], box) for n, box in objects], parts.get(path, part), whole=1.0))
    for path in (p for p in everything if p not in labelled):
        ledger.leave_out(path.name, "no .txt file belongs to it, so no object is marked in it")
    for n in sorted(used) if names is None else ():
        ledger.remark(used[n], "classes called by their numbers, since no data.yaml or classes.txt names them")
    return found, list(dict.fromkeys(label for _, label in sorted((names or used).items())))


def _objects(text, posed):
    """([(class number, box)], "", ""), or ([], the reason to leave the picture out, which line it is)."""
    objects = []  # all or none: a line that cannot be read might be the largest object, the main subject
    for number, line in filter(lambda numbered: numbered[1].strip(), enumerate(text.splitlines(), 1)):
        detail = f", line {number}: {line.strip()[:60]}"
        try:
            values = [float(word) for word in line.split()]
        except ValueError:
            values = [math.nan]
        is_box = len(values) in (5, 6) or posed and len(values) > 5  # a pose has its box first, then its points
        shares = values[1:5] if is_box else values[1:]
        if not all(map(math.isfinite, values)):
            return [], "a line of its .txt file does not consist of numbers", detail
        if values[0] % 1 or not 0 <= values[0] < 10**6:
            return [], "a line of its .txt file does not begin with a class number, an integer from 0", detail
        if not is_box and (len(shares) < 6 or len(shares) % 2):
            return [], "a line of its .txt file has neither 4 numbers after the class nor pairs, 3 or more", detail
        if min(shares) < -SLACK or max(shares) > 1 + SLACK:
            return [], "numbers outside 0..1: YOLO counts in shares of the picture, not in pixels", detail
        box = (min(shares[::2]), min(shares[1::2]), max(shares[::2]), max(shares[1::2]))
        if is_box:
            x, y, width, height = shares
            box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        objects.append((int(values[0]), box))
    return objects, "", ""


def _pairs(root, texts, pictures, everything, missing, ledger):
    """(.txt file, its picture) for all that belong together; first those in their places, then the moved ones."""
    in_place, pairs, moved = dict[tuple, list](), [], []
    for path in everything:
        in_place.setdefault((path.parent, path.stem), []).append(path)
    for label in sorted(f for f in texts if _ends(f, (".txt",))):
        folders = list(label.relative_to(root).parts[:-1])
        last = max((k for k, folder in enumerate(folders) if folder.lower() == "labels"), default=None)
        if last is not None:
            folders[last] = "images"  # labels/train goes with images/train, train/labels with train/images
        here = in_place.get((root.joinpath(*folders), label.stem)) or in_place.get((label.parent, label.stem), [])
        if label.name.lower() in NAMES and not (here and LABEL.match(_start(label))):
            continue
        if len(here) == 1:
            pairs.append((label, here[0]))
        elif here:
            ledger.leave_out(label.name, SEVERAL)
        elif last is not None or LABEL.match(_start(label)):  # another text, such as README.txt, is no annotation
            moved.append((label, "/".join((*folders, label.stem))))
    described = {path for _, path in pairs}
    for label, name in moved:
        path, remark = pictures.find(name)
        if path is not None and (path in described or plain(label.stem) not in map(plain, (path.stem, path.name))):
            path, remark = None, "the picture is missing"  # another one's, or only the beginning of the name is alike
        if path is not None:
            ledger.remark(path.name, remark)
            pairs.append((label, path))
        elif plain(label.stem) not in missing:
            ledger.leave_out(label.name, remark)
    return pairs


def _parts(root, settings, yaml, lists, pictures, everything, ledger):
    """({picture: part} as data.yaml says, or else the lists; plain names of listed pictures that are missing)."""
    chosen, parts, missing = dict[Path, str](), dict[Path, str](), set()
    for part in ORDER:
        for entry in settings.get(f"{part} part", ()):
            place = _place((yaml.parent, root), settings["path"], entry)
            if place is None:
                ledger.remark(entry, f"{yaml.name} names a folder or list for a part that is not there")
            elif chosen.setdefault(place, part) != part:
                ledger.remark(entry, f"{yaml.name} gives one folder to several parts; read as {chosen[place]}")
    for file in () if chosen else lists:
        chosen[file] = _part_named(file)
    # Folders first, the outer ones before those in them, then lists: what comes later says more precisely.
    for place, part in sorted(chosen.items(), key=lambda c: (c[0].is_file(), len(c[0].parts), ORDER.index(c[1]))):
        if place.is_dir():
            parts |= {path: part for path in everything if place in path.parents}
            continue
        for name in filter(None, map(str.strip, read_text(place, MAX_LIST_BYTES).splitlines())):
            path, remark = pictures.find(name, place.parent)
            if path is None:
                missing.add(plain(Path(name.replace("\\", "/")).stem))
                ledger.leave_out(name, remark)
                continue
            if remark:
                ledger.remark(path.name, remark)
            if ORDER.index(parts.setdefault(path, part)) < ORDER.index(part):
                parts[path] = part
                ledger.remark(path.name, "listed in two parts, kept in the later of train, valid, test")
    return parts, missing


def _place(bases, path, entry):
    """The folder or list that data.yaml means. It was mostly written elsewhere, so only its last folders count, as
    many as are found in the data set: ../train/images, or the path on somebody's own disk.
    """
    words = [word for word in re.split(r"[/\\]", f"{path}/{entry}") if word not in ("", ".", "..")][-8:]
    places = (inside(base, "/".join(words[k:])) for base in bases for k in range(len(words)))
    places = (p for p in places if p and (os.path.isdir(p) or os.path.isfile(p) and _ends(p, (".txt",))))
    return next(places, None if words else bases[0])


def _names(settings, yaml, texts, ledger):
    """({class number: name}, the file that says so), or (None, None): data.yaml's, or else those of the lists."""
    known, source = settings.get("names"), yaml
    lists = (f for f in texts if (f.name.lower() in NAMES or _ends(f, (".names",))) and _start(f))
    for file in sorted(lists, key=lambda f: len(f.parts)):
        lines = [] if LABEL.match(_start(file)) else read_text(file, MAX_NAMES_BYTES).rstrip().splitlines()
        names = {n: line.strip() for n, line in enumerate(lines)}
        if known is None or source is not yaml and known.items() <= names.items():  # LabelImg's lists grow
            known, source = names or known, file
        elif source is yaml and names != known:
            ledger.remark(file.name, f"names the classes in another way than {yaml.name}, which is used")
        elif not names.items() <= known.items():
            raise DataError(f"{file} names the classes in another way than {source}; expected the same names in the "
                            f"same order, got {list(names.values())[:5]}: correct or remove one of the files")
    return known, source and source.name


def _settings(file, ledger):
    """What data.yaml says: names as {number: name}, path as text, "train part" and so on as lists of texts."""
    values, sections = dict[str, Any](names="", path=""), dict[str, list]()
    for number, line in enumerate(read_text(file, MAX_NAMES_BYTES).splitlines(), 1):
        line = re.sub(r"(?:^|\s)#.*", "", line).rstrip()
        match = KEY.match(line)
        if match:
            key, sections[match[2]] = match[2], [number] + [match[3]] * bool(match[3])
        elif line and sections and not line.startswith(("---", "...", "%")):
            sections[key].append(line)
    for key, (number, *lines) in sections.items():
        try:
            values |= {key: _value(lines)} if key in KEYS else {}
        except ValueError as error:
            raise DataError(f"{file}, line {number}: expected {key} as a text, as [cat, dog], or one `- cat` or "
                            f"`0: cat` a line, got {' '.join(lines)[:60]!r}: write it so") from error
    names, path = values["names"], values["path"]
    if not isinstance(names, list | dict) or not names:
        raise DataError(f"{file}: expected names of classes, got {names[:60]!r}: write names: [cat, dog]")
    values["names"] = names = dict(enumerate(names)) if isinstance(names, list) else names
    values["path"] = path if isinstance(path, str) and path not in ("~", "null") else ""
    if values.get("nc", str(len(names))) != str(len(names)):
        ledger.remark(file.name, f"nc is {str(values['nc'])[:20]}, but there are {len(names)} names, which are used")
    for word, part in PARTS.items():
        given = values.get(word, [])
        entries = list(given.values()) if isinstance(given, dict) else given if isinstance(given, list) else [given]
        values.setdefault(f"{part} part", []).extend(entry for entry in entries if entry not in ("", "~", "null"))
    return values


def _value(lines):
    text, pairs, start = "\n".join(lines).strip(), [], 1
    if text[:1] in ("[", "{"):
        inner = text[:-1].rstrip()
        if text[-1] != {"[": "]", "{": "}"}[text[0]]:
            raise ValueError
        while start < len(inner):
            match = PIECE.match(inner, start)
            if not match or (match[2] is None) != (text[0] == "["):
                raise ValueError
            pairs.append((match[2], _scalar(match[3])))
            start = match.end()
    elif not re.match(rf"-\s|{NUMBER}\s", text):
        return text and _scalar(text)
    else:
        items = [ITEM.fullmatch(line.strip()) for line in lines]
        pairs = [(item[2], _scalar(item[3])) for item in items if item]
        if len(pairs) < len(lines) or len({len(line) - len(line.lstrip()) for line in lines}) > 1:  # a list in a list
            raise ValueError
    if all(key is None for key, _ in pairs):
        return [value for _, value in pairs]
    if len({int(key) for key, _ in pairs if key}) < len(pairs):  # a number twice, or none
        raise ValueError
    return {int(key): value for key, value in pairs}


def _scalar(text):
    text = text.strip()
    if re.fullmatch(QUOTED, text):
        text = text[1:-1].replace("''", "'") if text[0] == "'" else json.loads(text)
        text.encode()  # half a character, as "\ud800" is, could not even be printed
    elif not text or text[0] in "'\"&*!|>%@`[]{}," or "\n" in text or re.search(r":\s|:$|^-\s", text):
        raise ValueError
    return text


def _part_named(file):
    """The part whose pictures a list of this name lists; Ultralytics' own division writes autosplit_train.txt."""
    return PARTS.get(file.stem.lower().removeprefix("autosplit_"))


def _start(file, most=None):
    return both_ends(file, most)[0]


def _ends(file, suffixes):
    return file.suffix.lower() in suffixes
