"""Pictures in files: decoded when they are asked for, and kept in memory while there is room.

A data set of photographs can be larger than memory, and a JPEG file takes a hundred times longer to decode than to
copy. So `Photographs` looks like a list of arrays, opens a file only when its picture is used, and keeps what it has
decoded until a limit is reached. After that, pictures that found no room are decoded each time. (Throwing the oldest
out would not help: training visits every picture once an epoch, so the oldest is always the next one needed.)

Every picture comes out as uint8 (H, W, 3), RGB, upright, whatever the file holds.
"""

import functools
import hashlib
import io
import operator
import stat
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinycnn.backend import ArrayLike
from tinycnn.errors import DataError, MissingExtra, require

MISSING = "the picture is missing"  # a reason
SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm",
                      ".heic", ".heif", ".avif"})  # fmt: skip
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # nothing that would start another program (EPS does)
NEWER = {  # how the file begins, after "ftyp" -> Pillow's name of a format that needs more than every Pillow has
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIF"),
}
MAX_FILE_BYTES = 256 * 2**20
TILE = 2**20  # pixels that are converted at once: a copy of Pillow's takes four bytes a pixel, and there are several
ORIENTATION = 0x0112  # the EXIF tag in which a camera says how it was held, 1 (upright) to 8


class PictureError(DataError):
    """A picture cannot be used; `reason` says why without naming the file, so that equal reasons can be counted."""

    def __init__(self, path: str | Path, reason: str, detail: object = "") -> None:
        super().__init__(f"{path}: {reason}" + (f" ({detail})" if str(detail) else ""))
        self.reason = reason


class Picture(NamedTuple):
    """One decoded file."""

    pixels: np.ndarray  # uint8 (H, W, 3): upright, and reduced if it was larger than max_side
    stored_size: tuple[int, int]  # (H, W) of the pixels as the file stores them, before turning and reducing
    orientation: int  # EXIF orientation, 1 to 8; 1 means that nothing was turned, 5 and more swap H and W
    digest: bytes  # of the file's bytes: two files with the same digest are the same picture

    @property
    def upright_size(self) -> tuple[int, int]:
        """(H, W) after turning, before reducing."""
        return self.stored_size[::-1] if self.orientation >= 5 else self.stored_size


def read_image(path: str | Path, max_side: int | None = None) -> np.ndarray:
    """The picture in a file: uint8 (H, W, 3), RGB.

    It is turned upright as its EXIF orientation says; gray and palette pictures become RGB; transparent ones are laid
    on white; 16-bit ones keep their upper 8 bits; of an animation the first frame is taken. A picture whose longer side
    exceeds `max_side` pixels is reduced to it. It takes 7 bytes of memory a pixel while it is decoded. PictureError, a
    DataError, names a file that is missing, damaged, cut off, or too large: Pillow warns above its limit
    (PIL.Image.MAX_IMAGE_PIXELS, 89 million) and opens nothing above twice as many.
    """
    return decode(path, max_side).pixels


def decode(path: str | Path, max_side: int | None = None) -> Picture:
    """`read_image` with all that can be learned on the way: a `Picture`. Decodes the whole file, so damage shows."""
    Image = require("PIL.Image", extra="images")
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for somebody who writes into it
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe, a device or a socket"
            raise PictureError(path, f"this is {kind}, not the file of a picture")
        if status.st_size > MAX_FILE_BYTES:
            raise PictureError(path, f"the picture's file is larger than {MAX_FILE_BYTES:,} bytes")
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise PictureError(path, MISSING) from None
    except OSError as error:
        raise PictureError(path, f"the picture cannot be opened ({error.strerror})") from error
    if not data:
        raise PictureError(path, "the picture is an empty file")
    try:
        with Image.open(io.BytesIO(data), formats=_formats(data)) as image:
            return _decode(image, max_side, digest_of(data))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:  # the warning, where it is an error
        raise PictureError(path, "the picture has more pixels than Pillow opens", error) from error
    except Image.UnidentifiedImageError as error:
        raise PictureError(path, f"the picture is no {', '.join(FORMATS)}, or its beginning is damaged") from error
    except MemoryError:
        raise
    except Unusable as error:
        raise PictureError(path, str(error)) from error
    except Exception as error:  # a damaged file makes Pillow's decoders raise nearly anything: OSError, SyntaxError ...
        raise PictureError(path, "the picture is damaged or cut off", error) from error


def _formats(data):
    """The formats that a file may have: what phones write is known by its beginning, since a name may say anything."""
    kind = NEWER.get(data[8:12]) if data[4:8] == b"ftyp" else None
    if kind is None:
        return FORMATS
    if kind == "HEIF" and b"avif" in data[16 : int.from_bytes(data[:4], "big")][:64]:  # mif1 is said of both
        kind = "AVIF"
    needed = {"HEIF": "pip install pillow-heif", "AVIF": "pip install -U 'pillow>=11.3'"}[kind]
    if not (_has_heif() if kind == "HEIF" else _has_avif()):
        raise Unusable(f"the picture is {'HEIC' if kind == 'HEIF' else kind}, which Pillow cannot read here: {needed}")
    return (kind,)


@functools.cache
def _has_heif():
    try:
        require("pillow_heif", extra="heic").register_heif_opener()
    except MissingExtra:
        return False
    return True


@functools.cache
def _has_avif():
    try:
        return require("PIL.AvifImagePlugin", extra="images").SUPPORTED
    except MissingExtra:
        return False


def digest_of(data: bytes) -> bytes:
    """16 bytes that tell the content of one file from that of any other."""
    return hashlib.blake2b(data, digest_size=16).digest()


class Unusable(ValueError):
    """A whole picture that says too little about itself."""


def _decode(image, max_side, digest):
    from PIL import ImageOps

    stored_size = (image.height, image.width)
    if max_side and max(stored_size) > max_side:
        image.draft("RGB", (max_side, max_side))  # JPEG alone: decode at 1/2, 1/4 or 1/8 of the size, not below this
    image.load()
    orientation = _orientation(image)
    if max_side and max(stored_size) > max_side:
        upright = ImageOps.exif_transpose(image) if orientation > 1 else image
        upright = _as_rgb(upright, _bits(upright))
        upright.thumbnail((max_side, max_side))
        pixels = np.array(upright)  # (H, W, 3)
    else:
        pixels = _pixels(image)
        image.close()  # its memory is free before the next copy
        pixels = np.ascontiguousarray(TURNED[orientation](pixels))
    pixels.flags.writeable = False  # it may be shared: whoever wants to paint on it takes a copy
    return Picture(pixels, stored_size, orientation, digest)


# By EXIF orientation, how stored pixels (H, W, 3) become upright.
TURNED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2), 6: lambda p: np.rot90(p, -1), 7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90,
}  # fmt: skip


def _pixels(image):
    """uint8 (H, W, 3) of a decoded picture as it is stored, in 3 bytes a pixel beside what Pillow holds of it."""
    pixels, bits = np.empty((image.height, image.width, 3), np.uint8), _bits(image)
    for left, top, right, bottom in _tiles(image):
        pixels[top:bottom, left:right] = _as_rgb(image.crop((left, top, right, bottom)), bits)
    return pixels


def _tiles(image):
    """Boxes of at most TILE pixels that cover a picture."""
    width, height = min(image.width, TILE), max(1, TILE // image.width)
    return [(left, top, min(left + width, image.width), min(top + height, image.height))
            for top in range(0, image.height, height) for left in range(0, image.width, width)]  # fmt: skip


def _bits(image):
    """How many of its 16 bits a gray picture uses, None for one of 8: many cameras put 10, 12 or 14 into 16."""
    if not image.mode.startswith("I"):
        return None
    needed = max(int(_sixteen(image.crop(box)).max(initial=1)) for box in _tiles(image)).bit_length()
    return next(b for b in (8, 10, 12, 14, 16) if needed <= b)


def _sixteen(image):
    return np.asarray(image).clip(0, 65535).astype(np.uint16)


def _orientation(image):
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # a damaged EXIF block does not spoil the picture: viewers show it as it is stored
        return 1
    return value if value in range(1, 9) else 1


def _as_rgb(image, bits):
    from PIL import Image

    if image.mode == "F":
        raise Unusable("its pixels are floating-point numbers, and nothing says which is white: save it with 8 bits")
    if image.mode.startswith("I"):  # 16 bits; Pillow's own conversion would turn all above 255 white
        return Image.fromarray((_sixteen(image) >> (bits - 8)).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


class PixelCache:
    """Decoded pictures by path, as long as they fit in `limit` bytes together. Safe to use from several threads."""

    def __init__(self, limit: int = 2**30) -> None:
        self.limit = limit
        self.bytes = 0
        self._pictures: dict[Path, np.ndarray] = {}
        self._lock = threading.Lock()

    def get(self, path: Path) -> np.ndarray | None:
        """The pixels kept for this path, or None."""
        return self._pictures.get(path)

    def offer(self, path: Path, pixels: np.ndarray) -> None:
        """Keep the pixels if there is room."""
        with self._lock:
            if path not in self._pictures and self.bytes + pixels.nbytes <= self.limit:
                self._pictures[path] = pixels
                self.bytes += pixels.nbytes


class Photographs:
    """A sequence of pictures in files; `photographs[i]` is uint8 (H, W, 3), read-only, RGB, upright.

    paths: N paths      sizes: (N, 2) (H, W) of each picture as it comes out, so that nobody must decode to know it
    max_side: as in `read_image`      cache: a `PixelCache`; parts of one data set share it, and so its limit
    digests: of the files' bytes, as `decode` gives them, where whoever checked the files kept them

    A slice, an index array or a mask gives the Photographs of that part. `read` makes these objects after checking
    every file; a file that vanishes or changes afterwards raises DataError when its picture is asked for.
    """

    def __init__(self, paths: Iterable[str | Path], sizes: ArrayLike, max_side: int | None = None,
                 cache: PixelCache | None = None, digests: Sequence[bytes] | None = None) -> None:
        self.paths = [Path(path) for path in paths]
        self.sizes = np.asarray(sizes, dtype=np.int64).reshape(-1, 2)
        self.max_side = max_side
        self.cache = PixelCache() if cache is None else cache
        self.digests = None if digests is None else list(digests)
        self.missing: set[Path] = set()  # files that were asked for and are gone (see `skipped` in batches.py)
        if len(self.paths) != len(self.sizes):
            raise DataError(f"there are {len(self.paths)} paths but {len(self.sizes)} sizes: each picture needs one")

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Any) -> Any:
        try:
            index = operator.index(index)
        except TypeError:
            chosen = np.arange(len(self))[index]
            digests = None if self.digests is None else [self.digests[i] for i in chosen]
            return Photographs([self.paths[i] for i in chosen], self.sizes[chosen], self.max_side, self.cache, digests)
        path = self.paths[index]
        pixels = self.cache.get(path)
        if pixels is None:
            # Two threads may decode the same picture at once; that costs a little time and harms nothing.
            pixels = read_image(path, self.max_side)
            if pixels.shape[:2] != tuple(self.sizes[index]):
                raise DataError(f"the picture {path} has changed its size since the data set was read: read it again")
            self.cache.offer(path, pixels)
        return pixels

    def thumbnail(self, index: int, side: int) -> np.ndarray:
        """Picture `index`, uint8 (h, w, 3), with less than twice `side` pixels on its longer side, for a rough look.

        What is in memory is reduced; what is not is decoded at about that size, which is quick, and not kept.
        """
        pixels = self.cache.get(self.paths[index])
        if pixels is None:
            return read_image(self.paths[index], side)
        factor = max(pixels.shape[:2]) // side
        if factor < 2:
            return pixels
        return np.asarray(require("PIL.Image", extra="images").fromarray(pixels).reduce(factor))

    def __repr__(self) -> str:
        return f"Photographs({len(self)} files, {self.cache.bytes / 2**20:.0f} MiB decoded and kept)"
