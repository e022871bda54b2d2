"""Pictures of every kind, and archives."""

import contextlib
import functools
import io
import warnings

import numpy as np
from PIL import Image

from tests.data.named import layouts
from tests.fuzz.common import OUTSIDE, Failure, put
from tests.fuzz.mutate import pick, spoiled_bytes
from tinycnn.data import read_image
from tinycnn.data.readers.unpacking import unpack


@functools.cache
def right_pictures():
    """{name: content}: every kind that is read, in all ways in which its pixels are kept."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 17, 4), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    made = {}

    def add(name, array, mode, **options):
        buffer = io.BytesIO()
        image = array if isinstance(array, Image.Image) else Image.fromarray(array, mode)
        image.save(buffer, **options)
        made[name] = buffer.getvalue()

    rgb = Image.fromarray(pixels[..., :3])
    add("rgb.jpg", rgb, None, format="JPEG", exif=exif)
    add("progressive.jpg", rgb, None, format="JPEG", progressive=True)
    add("gray.jpg", rgb.convert("L"), None, format="JPEG")
    add("cmyk.jpg", rgb.convert("CMYK"), None, format="JPEG")
    add("rgb.png", rgb, None, format="PNG", exif=exif)
    add("alpha.png", Image.fromarray(pixels), None, format="PNG")
    add("palette.png", rgb.convert("P"), None, format="PNG", transparency=3)
    add("bits.png", rgb.convert("1"), None, format="PNG")
    add("gray-alpha.png", rgb.convert("LA"), None, format="PNG")
    add("deep.png", Image.fromarray(pixels[..., 0].astype(np.uint16) * 250), None, format="PNG")
    add("one.png", rgb.crop((0, 0, 1, 1)), None, format="PNG")
    add("frames.gif", rgb.convert("P"), None, format="GIF", save_all=True, append_images=[rgb.convert("P")] * 2)
    add("rgb.bmp", rgb, None, format="BMP")
    add("packed.tif", rgb, None, format="TIFF", compression="tiff_lzw")
    add("float.tif", Image.fromarray(pixels[..., 0].astype(np.float32)), None, format="TIFF")
    add("rgb.webp", rgb, None, format="WEBP")
    add("rgb.ppm", rgb, None, format="PPM")
    return made


def pictures(rng, folder):
    name = pick(rng, sorted(right_pictures())) if rng is not None else "rgb.png"
    content = right_pictures()[name]
    for _ in range(0 if rng is None else int(rng.integers(1, 4))):
        content = _larger(rng, name, content) if rng.integers(6) == 0 else spoiled_bytes(rng, content)
    put(folder, {name: content})

    def look():
        pixels = read_image(folder / name, max_side=1024)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise Failure(f"a picture of {pixels.dtype} {pixels.shape}")
        return "read"

    return look


def _larger(rng, name, content):
    """The same with other sizes in its head: as wide, or as high, as its kind may say."""
    at, order = {"png": (16, "big"), "bmp": (18, "little"), "gif": (6, "little")}.get(name.rpartition(".")[2], (0, ""))
    if not order:
        return spoiled_bytes(rng, content)
    width = 2 if name.endswith("gif") else 4
    size = pick(rng, (0, 1, 255, 65535, 2**24, 2**31 - 1)) % 256**width
    at += int(rng.integers(2)) * width
    return content[:at] + size.to_bytes(width, order) + content[at + width :]


def archives(rng, folder):
    kinds = {kind: layouts.packed(kind, {"set/a.txt": b"one" * 50, "set/b/c.png": bytes(range(256)), "d.txt": b""})
             for kind in ("zip", "tar", "tar.gz")}  # fmt: skip
    kind = pick(rng, sorted(kinds)) if rng is not None else "zip"
    content = kinds[kind]
    if rng is not None:
        if kind == "tar.gz" and rng.integers(2):
            import gzip

            content = gzip.compress(spoiled_bytes(rng, gzip.decompress(content)), mtime=0)
        elif rng.integers(4) == 0:
            name = pick(rng, ("../" * 3 + OUTSIDE, "/x", "a/../../b", "\\\\x\\y", "C:x", "a\0b", "x" * 300, "a/", ""))
            with contextlib.suppress(ValueError, IndexError), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                content = layouts.packed(kind, {name: b"x", "set/a.txt": b"y"})
        for _ in range(int(rng.integers(1, 4))):
            content = spoiled_bytes(rng, content)
    put(folder, {"archive": content})
    (folder / "out").mkdir()

    def take():
        unpack(folder / "archive", folder / "out")
        return "read"

    def watched():
        try:
            return take()
        finally:
            beside = {path.name for path in folder.iterdir()} - {"archive", "out"}
            links = [path for path in (folder / "out").rglob("*") if path.is_symlink()]
            if beside or links or sum(p.stat().st_size for p in (folder / "out").rglob("*") if p.is_file()) > 2**24:
                raise Failure(f"beside the folder: {beside}; links: {links}; or far too much")

    return watched
