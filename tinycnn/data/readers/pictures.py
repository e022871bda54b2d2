"""Which picture an annotation means: people move, rename and convert pictures after they have marked them.

A name is looked up as it is written first, then below the data set's folder by its last parts: whatever folders stood
before them, whatever the capitals, the ending, and the way in which a letter's accent is stored. A picture is only ever
taken from the data set's folder: a name that leads out of it is looked for inside.
"""

import re
from pathlib import Path

from tinycnn.data.photographs import SUFFIXES
from tinycnn.data.readers.records import first_file, inside, plain, walk
from tinycnn.files import holds

BESIDE = frozenset(  # words of folders that hold pictures which nobody annotated
    "mask masks segmentation segmentations segmentationclass segmentationobject seg segs trimap trimaps gt groundtruth "
    "thumb thumbs thumbnail thumbnails preview previews label labels annotation annotations depth overlay "
    "overlays".split()
)
SEVERAL = "several pictures have its name"
BY_NAME = "found by its name, in another folder or with another ending than its annotation says"


DRAWN = b"Software\0tinycnn "  # in each PNG that predict, or a figure, has drawn


def drawn(path):
    """Whether it is a drawing of ours: beside the picture it shows, it has that one's name, and is not meant."""
    return path.suffix.lower() == ".png" and holds(path, DRAWN)


class Pictures:
    """All pictures below a folder, to be asked for by the name that an annotation gives."""

    def __init__(self, root):
        self.root = Path(root)
        self.by_stem: dict[str, list[Path]] = {}  # plain name without ending -> paths
        self.paths = [path for path in walk(self.root, SUFFIXES) if not drawn(path)]
        for path in self.paths:
            self.by_stem.setdefault(plain(path.stem), []).append(path)
            if plain(path.name) != plain(path.stem):
                self.by_stem.setdefault(plain(path.name), []).append(path)  # x.jpg of x.jpg.xml

    def find(self, name, *near):
        """(path, what to remark or None) of the picture called `name`; (None, why not) where there is none to tell.

        near: folders to look in first, for the name exactly as it is written
        """
        name = str(name).replace("\\", "/").strip()
        written = [inside(folder, name) for folder in (*near, self.root, self.root / "images")]
        path = first_file(candidate for candidate in written if candidate is not None)
        if path is not None:
            return path, None
        absolute = Path(name)
        if absolute.is_absolute() and first_file([absolute]) and self.root.resolve() in absolute.resolve().parents:
            return absolute, None
        parts = [plain(part) for part in name.split("/") if part not in ("", ".", "..")]
        if not parts:
            return None, "its annotation names no picture"
        found = self.by_stem.get(parts[-1]) or self.by_stem.get(plain(Path(parts[-1]).stem)) or []
        same_ending = [p for p in found if plain(p.suffix) == plain(Path(parts[-1]).suffix)]
        found = self._closest(same_ending or found, parts)
        if len(found) > 1:  # the masks or thumbnails of a set often bear the names of its pictures
            found = [path for path in found if not self.beside(path)] or found
        if len(found) == 1:
            return found[0], BY_NAME
        return None, SEVERAL if found else "the picture is missing"

    def beside(self, path):
        """Whether a folder above it says that it holds what goes with pictures, and not pictures themselves."""
        folders = path.relative_to(self.root).parts[:-1]
        return any(BESIDE.intersection(re.findall("[a-z]+", plain(folder))) for folder in folders)

    def unused(self, used, known=()):
        """The pictures in the folders of those that are used, which are neither used nor known otherwise."""
        folders, used = {path.parent for path in used}, set(used)
        return [path for path in self.paths if path.parent in folders and path not in used and path not in known]

    def report_unannotated(self, used, ledger, known=()):
        """Count the pictures without annotation that lie in folders where others have one: nothing goes in silence.

        known: those whose annotation cannot be used, which the ledger says already
        """
        for path in self.unused(used, known):
            if not self.beside(path):
                ledger.leave_out(path.name, "it has no annotation")

    def _closest(self, found, parts):
        """Those that share the most folders before their name with the name that is looked for."""
        folders = {path: [plain(part) for part in path.relative_to(self.root).parts[:-1]] for path in found}
        shared = {path: _shared(folders[path], parts[:-1]) for path in found}
        most = max(shared.values(), default=0)
        return [path for path in dict.fromkeys(found) if shared[path] == most]


def _shared(a, b):
    count = 0
    while count < min(len(a), len(b)) and a[-1 - count] == b[-1 - count]:
        count += 1
    return count
