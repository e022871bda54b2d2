"""What is attacked: each target makes right files, spoils them, reads them, and knows what would be a failure.

A target is a function (rng or None, folder) -> callable. It writes its files below `folder`, spoiled by rng (None: as
they are), and returns what reads them: that gives a word for the outcome, or raises what makes the input a failure.
"""

import contextlib
import functools
import importlib.util
import io
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.named import layouts
from tests.fuzz.mutate import pick, spoiled, spoiled_bytes
from tinycnn.data import read, read_image, read_people
from tinycnn.data.readers import READERS
from tinycnn.data.readers.unpacking import unpack
from tinycnn.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
PICTURES = {".jpg", ".jpeg", ".png"}
OUTSIDE = "outside.png"  # lies beside the folder, and must never be reached


class Failure(AssertionError):
    """Something was read that should not have been, or was lost or changed without a word."""


def files_below(folder):
    found = sorted(path for path in Path(folder).rglob("*") if path.is_file())  # the order decides what is drawn
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def put(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


# --- annotations ---


@functools.cache
def right_files(name):
    """{name: content} of a small set in a format: eight drawn scenes, or one of the layouts of real sets."""
    with tempfile.TemporaryDirectory() as folder:
        if name in ("pet", "people"):
            for file, content in (layouts.pets(each=3) if name == "pet" else layouts.lsp_extended(n=6)).items():
                put(Path(folder), {f"../{Path(folder).name}.{file}": content})
                archive = Path(folder).parent / f"{Path(folder).name}.{file}"
                unpack(archive, folder)
                archive.unlink()
        else:
            spec = importlib.util.spec_from_file_location("make_samples", ROOT / "datasets/make_samples.py")
            script = sys.modules["make_samples"] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(script)
            script.WRITERS[name](Path(folder), [drawn for drawn in script.draw() if drawn.stem.endswith("_0")])
        return files_below(folder)


def annotations(name, rng, folder):
    files = dict(right_files(name))
    texts = [file for file in files if Path(file).suffix not in PICTURES | {".JPEG"} or "trimaps" in file]
    if rng is not None:
        for file in dict.fromkeys(pick(rng, texts) for _ in range(int(rng.integers(1, 3)))):
            match int(rng.integers(20)):
                case 0:
                    del files[file]
                case 1:
                    files[file] = b""
                case _:
                    change = spoiled_bytes if file.endswith((".mat", ".png")) else functools.partial(_by_name, file)
                    files[file] = change(rng, files[file])
    put(folder / "set", files)
    put(folder, {OUTSIDE: layouts.picture(999)})
    return functools.partial(_read_set, name, folder / "set", rng is None)


def _by_name(file, rng, content):
    return spoiled(rng, file, content)


@functools.cache
def right_counts(name):
    with tempfile.TemporaryDirectory() as folder:
        data = annotations(name, None, Path(folder))()
        return data


def _read_set(name, folder, right):
    data = read_people(folder, 0.0) if name == "people" else read(folder, valid_fraction=0.0)
    total = sum(map(len, data.parts.values()))
    for part in data.parts.values():
        for path, (height, width) in zip(part.images.paths, part.images.sizes, strict=True):
            if folder.resolve() not in path.resolve().parents:
                raise Failure(f"{path} lies outside of the folder")
            assert 0 < height <= 4096 and 0 < width <= 4096
        boxes = np.asarray(part.boxes, float)
        if not np.isfinite(boxes).all() or not (boxes[:, 2:] > boxes[:, :2]).all():
            raise Failure(f"boxes without area, or no numbers: {boxes.tolist()}")
        if name == "people":
            if not np.isfinite(part.joints[part.visible]).all():
                raise Failure("a visible joint is no number")
            continue
        limits = np.asarray(part.images.sizes)[:, ::-1] if len(part) else np.zeros((0, 2))
        if (boxes[:, :2] < 0).any() or (boxes[:, 2:] > limits + 1e-3).any():
            raise Failure(f"boxes outside of their pictures: {boxes.tolist()}")
        if not all(part.classes) or len(set(part.classes)) < len(part.classes):
            raise Failure(f"classes without or with the same name: {part.classes}")
    str(data)
    if right:
        return total, set(data.notes)
    most, usual = right_counts(name)
    if total < most and not set(data.notes) - usual:
        raise Failure(f"{most - total} of {most} pictures are not there, and nothing is said")
    return "read"


# --- pictures ---


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


# --- archives ---


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


# --- what tinycnn has written ---


@functools.cache
def right_model():
    """(bytes of a model.npz, {name: bytes} of its arrays)"""
    import tinycnn as tc

    model = tc.models.localizer(3, image_size=16, channels=(4,), hidden=8, classes=("a", "b", "c"), seed=1)
    model.set_box_statistics(np.random.default_rng(0).random((9, 4)))
    with tempfile.TemporaryDirectory() as folder:
        tc.save(model, Path(folder) / "model.npz", {"epoch": 3}, {"samples/x": np.arange(5)})
        return (Path(folder) / "model.npz").read_bytes(), _numbers(model)


def _numbers(model):
    return {name: (held.value.dtype, held.value.shape, held.value.tobytes())
            for name, held in (model.parameters() | model.buffers()).items()}


def models(rng, folder):
    import tinycnn as tc

    content, numbers = right_model()
    exact = True  # nothing but the bytes is spoiled: whatever is loaded must be what was saved
    if rng is not None:
        exact = bool(rng.integers(2))
        for _ in range(int(rng.integers(1, 4))):
            content = spoiled_bytes(rng, content) if exact else other_arrays(rng, content)
    put(folder, {"model.npz": content})

    def load():
        model = tc.load(folder / "model.npz")
        if exact and _numbers(model) != numbers:
            raise Failure("other numbers than those that were saved")
        if exact and model.classes != ("a", "b", "c"):
            raise Failure(f"other classes than those that were saved: {model.classes}")
        return "read"

    return load


def other_arrays(rng, content):
    """An archive of arrays with one that is missing, of another type or shape, pickled, or claims another size."""
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        name = pick(rng, sorted(members))
        array = np.load(io.BytesIO(members[name]))
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, RuntimeError, NotImplementedError, IndexError):
        return spoiled_bytes(rng, content)
    match int(rng.integers(8)):
        case 0:
            del members[name]
        case 1:
            array = array.astype(pick(rng, ("float64", "int8", "complex64", "float16", "bool", ">f4", "U3", "M8[s]")))
        case 2:
            array = array.reshape(*array.shape, 1) if rng.integers(2) else array.reshape(-1)[: array.size // 2]
        case 3:
            array = np.array([Marker()], dtype=object)
        case 4:
            array = np.full_like(array, np.nan if array.dtype.kind == "f" else 255)
        case 5:
            members[f"model/{pick(rng, ('../x', 'x', 'trunk.conv1.w', ''))}.npy"] = members[name]
        case 6:
            members[name] = members[name].replace(b"(", b"(9999999", 1)
        case _ if name == "meta.npy":
            array = np.frombuffer(spoiled(rng, "meta.json", bytes(array)), np.uint8)
        case _:
            array = np.asfortranarray(array)
    buffer = io.BytesIO()
    if name in members and members[name][-len(array.tobytes()) :] != array.tobytes() or array.dtype == object:
        np.save(buffer, array, allow_pickle=True)
        members[name] = buffer.getvalue()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", pick(rng, (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, member in members.items():
            archive.writestr(zipfile.ZipInfo(name), member, archive.compression)
    return buffer.getvalue()


class Marker:
    """What leaves a file behind when it is unpickled: code that ran."""

    where = Path(tempfile.gettempdir()) / "tinycnn-fuzz-code-has-run"

    def __reduce__(self):
        return open, (str(self.where), "w")


@functools.cache
def right_checkpoint():
    """The bytes of a checkpoint.npz and of a config.json."""
    import tinycnn as tc
    from tinycnn.cli import main

    with tempfile.TemporaryDirectory() as folder:
        data = tc.data.scenes(n=12, image_size=32, valid=4, test=4)
        model = tc.models.localizer(len(data.classes), image_size=32, channels=(4,), hidden=8, classes=data.classes)
        tc.fit(model, data.train, data.valid, epochs=1, out=folder, progress=False)
        call = ["train", "--size", "12", "--image-size", "32", "--channels", "4", "--hidden", "8", "--epochs", "1"]
        with contextlib.redirect_stdout(io.StringIO()):
            assert main([*call, "--quiet", "--device", "cpu", "--out", f"{folder}/run"]) == 0
        return (Path(folder) / "checkpoint.npz").read_bytes(), (Path(folder) / "run/config.json").read_bytes()


def checkpoints(rng, folder):
    from tinycnn.checkpoint import read_checkpoint
    from tinycnn.models.weights import load_with_extra

    content = right_checkpoint()[0]
    for _ in range(0 if rng is None else int(rng.integers(1, 4))):
        content = (spoiled_bytes if rng.integers(2) else other_arrays)(rng, content)
    put(folder, {"checkpoint.npz": content})

    def load():
        read_checkpoint(folder / "checkpoint.npz")
        load_with_extra(folder / "checkpoint.npz")
        return "read"

    return load


def settings(rng, folder):
    from tinycnn.cli.runs import read_config

    content = right_checkpoint()[1]
    put(folder, {"config.json": content if rng is None else spoiled(rng, "config.json", content)})
    return lambda: read_config(folder) and "read"


# --- weights of others ---


@functools.cache
def right_weights():
    """{name: array} by torchvision's names, far smaller than AlexNet's."""
    rng = np.random.default_rng(0)
    shapes = {f"features.{k}.weight": (2, 2, 3, 3) for k in (0, 3, 6, 8, 10)} | {
        "classifier.1.weight": (3, 72), "classifier.4.weight": (3, 3)}  # fmt: skip
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    return arrays | {name.replace("weight", "bias"): array[:, 0].reshape(len(array), -1)[:, 0] * 1
                     for name, array in arrays.items()}  # fmt: skip


def _begin(path):
    import tinycnn as tc
    from tinycnn.models import initialize

    initialize(tc.models.localizer(3, image_size=16, channels=(4,), hidden=8), path)
    raise Failure("weights of another network were taken")


def safetensors(rng, folder):
    from safetensors.numpy import save

    content = save(right_weights())
    if rng is not None:
        length = int.from_bytes(content[:8], "little")
        if rng.integers(2):
            head = spoiled(rng, "head.json", content[8 : 8 + length])
            size = len(head) if rng.integers(4) else int(pick(rng, (0, 2**63, 2**31, length + 10**6)))
            content = size.to_bytes(8, "little") + head + content[8 + length :]
        else:
            content = spoiled_bytes(rng, content)
    put(folder, {"weights.safetensors": content})
    return functools.partial(_begin, folder / "weights.safetensors")


def torch_weights(rng, folder):
    import torch

    buffer = io.BytesIO()
    state = {name: torch.from_numpy(array) for name, array in right_weights().items()}
    kind = 9 if rng is None else int(rng.integers(6))
    if kind == 0:
        state["features.0.weight"] = Marker()  # code
    elif kind == 1:
        state = pick(rng, ([1, 2], {"a": 1}, torch.zeros(2), {"features.0.weight": None}, {1: torch.zeros(2)}, {}))
    torch.save(state, buffer, _use_new_zipfile_serialization=rng is None or bool(rng.integers(3)))
    content = buffer.getvalue()
    if kind > 1 and rng is not None:
        for _ in range(int(rng.integers(1, 4))):
            content = spoiled_bytes(rng, content)
    put(folder, {"weights.pth": content})
    return functools.partial(_begin, folder / "weights.pth")


TARGETS: dict[str, Callable] = {name: functools.partial(annotations, name) for name in (*READERS, "people")}
TARGETS |= {"pictures": pictures, "archives": archives, "model.npz": models, "checkpoint.npz": checkpoints,
            "config.json": settings, "safetensors": safetensors, ".pth": torch_weights}  # fmt: skip
REFUSALS = (DataError,)
