"""Saving models and loading them: a plain .npz archive, arrays and one JSON text, nothing that could run code.

    tc.save(model, "model.npz");    model = tc.load("model.npz")

The arrays are parameters and buffers; the JSON text holds the architecture's arguments and the class names. So a loaded
model predicts in pixels at once. A file from outside is not trusted: no network is built that has more weights than
the file, sizes are compared with what the architecture needs before anything is read, and pickled content is refused.
"""

import json
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np

from tinycnn.backend import Array, to_device, to_numpy
from tinycnn.errors import CheckpointError
from tinycnn.files import atomic_write
from tinycnn.layers import Layer
from tinycnn.layers.initial import at_most
from tinycnn.models.architectures import build
from tinycnn.models.base import PictureModel, has_own_methods, layers_inside, structure
from tinycnn.models.localizer import Localizer
from tinycnn.text import kind, shortened

FORMAT = "tinycnn-2"
EARLIER = "tinycnn-1"  # the statistics of the boxes stood in the JSON text, and there were no other buffers
META_LIMIT = 16 * 2**20  # bytes of JSON; 1000 class names need 50 thousand
LEAST = 2  # bytes of a stored number
FREE, MOST_TIMES = 2**24, 100  # bytes that any archive may become, and how many times its own size on top of them
DAMAGED = (ValueError, EOFError, OSError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error,
           tokenize.TokenError, SyntaxError)  # of an array's head, which NumPy reads as Python's literals


def save(model: Layer, path: str | Path, extra: dict[str, Any] | None = None,
         arrays: dict[str, Array] | None = None, previous: str | Path | None = None) -> None:
    """Write `model` to `path` as one .npz, whole or not at all.

    model: a Localizer, or any other layer or network, which `load` then reads with into=
    extra: a JSON-able dict kept beside the model    arrays: more arrays to keep, by name (an optimizer's state)
    previous: another name in the folder, under which what `path` held is kept
    """
    if not isinstance(model, Layer):
        raise TypeError(f"save: a layer or a network can be saved, got {kind(model)}")
    meta = {"format": FORMAT, "config": _config_of(model), "classes": list(getattr(model, "classes", ())),
            "pixels": [getattr(model, "pixel_mean", None), getattr(model, "pixel_scale", None)],
            "pixels_inside": {name: [each.pixel_mean, each.pixel_scale] for name, each in _pictured(model)},
            "has_statistics": bool(getattr(model, "has_statistics", False)),
            "named": bool(getattr(model, "named", True)), "extra": extra or {}}
    members: dict[str, Any] = {f"model/{name}": to_numpy(p.value) for name, p in model.parameters().items()}
    members |= {f"buffer/{name}": to_numpy(b.value) for name, b in model.buffers().items()}
    members |= {f"more/{name}": to_numpy(array) for name, array in (arrays or {}).items()}
    meta["arrays"] = sorted(members)  # so that one that is lost is missed
    members["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    with atomic_write(path, previous=previous) as file:
        np.savez(file, **members)


Any_Layer = TypeVar("Any_Layer", bound=Layer)


@overload
def load(path: str | Path, into: None = None, device: str = "cpu") -> Localizer: ...
@overload
def load(path: str | Path, into: Any_Layer, device: str = "cpu") -> Any_Layer: ...
def load(path: str | Path, into: Any = None, device: str = "cpu") -> Any:
    """Read a model written by `save`: a Localizer, or what else was saved, a PoseNet for instance. `into`: a layer or
    network of your own that receives the weights, in the file's dtype.

    Raises CheckpointError, one sentence, for a file that is cut off, foreign, or made for another architecture.
    """
    return load_with_extra(path, into, device)[0]


def load_with_extra(path: str | Path, into: Layer | None = None,
                    device: str = "cpu") -> tuple[Any, dict[str, Any], dict[str, np.ndarray]]:
    """Like `load`, with what was kept beside the model: (model, extra dict, arrays by name on the host)."""
    if into is not None and not isinstance(into, Layer):
        raise TypeError(f"load: into takes a layer or network that was built, got {kind(into)}")
    with _open(path) as archive:
        meta = _meta(archive, path)
        if into is None and meta["config"] is None:
            raise CheckpointError(
                f"{path} holds weights of which only your code can build the network. One of your own, or one that was "
                "changed after it was built is read with tinycnn.load(path, into=model)"
            )
        members = {name for name in archive.namelist() if name.startswith(("model/", "buffer/"))}
        stored = sum(archive.getinfo(name).file_size for name in members)
        try:
            with at_most(stored // LEAST):
                model = into if into is not None else build(meta["config"])
        except (TypeError, ValueError, KeyError) as error:
            raise CheckpointError(f"{path}: its architecture cannot be built ({error})") from error
        wanted: dict[str, Any] = {f"model/{name}.npy": p for name, p in model.parameters().items()}
        if meta["format"] == FORMAT:
            wanted |= {f"buffer/{name}.npy": b for name, b in model.buffers().items()}
        if members != set(wanted):
            different = sorted(name.partition("/")[2][:-4] for name in members ^ set(wanted))
            fix = ". A network that was changed after it was built is read with tinycnn.load(path, into=model)"
            raise CheckpointError(f"{path} does not fit the model: parameters or buffers differ, first {different[:3]}"
                                  + (fix if into is None else ""))
        loaded = {name: _array(archive, name, path, p.value.shape, p.value.dtype) for name, p in wanted.items()}
        more = {name[5:-4]: _array(archive, name, path) for name in archive.namelist() if name.startswith("more/")}
    # Only now, when everything has been read, is the model changed.
    model.to(device)  # also a buffer that the file does not hold
    for name, held in wanted.items():
        held.value = to_device(loaded[name], device)
    if meta["classes"] and len(meta["classes"]) == len(getattr(model, "classes", ())):
        model.classes = tuple(meta["classes"])  # type: ignore[union-attr]
    if isinstance(model, Localizer):
        model.named = bool(meta.get("named", True))
    if isinstance(model, Localizer) and meta["format"] == EARLIER:
        model.box_statistics.value = to_device(np.array([meta["box_mean"], meta["box_std"]], np.float64), device)
    if isinstance(model, PictureModel):
        model.has_statistics = meta["has_statistics"]
        mean, scale = meta.get("pixels", (None, meta.get("pixel_scale")))  # at first only the scale was kept
        model.pixel_mean = _of_pixels(mean, model.pixel_mean, path)
        model.pixel_scale = _of_pixels(scale, model.pixel_scale, path)
    for name, each in _pictured(model):
        mean, scale = meta.get("pixels_inside", {}).get(name, (None, None))
        each.pixel_mean = _of_pixels(mean, each.pixel_mean, path)
        each.pixel_scale = _of_pixels(scale, each.pixel_scale, path)
        each.has_statistics = meta["has_statistics"]
    return model, meta["extra"], more


def read_extra(path: str | Path, prefix: str | None = "") -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `save` kept beside the model, without the model: (extra dict, the arrays whose names begin with prefix).

    prefix: None for no array at all
    """
    with _open(path) as archive:
        extra = _meta(archive, path)["extra"]
        return extra, {name[5:-4]: _array(archive, name, path) for name in archive.namelist()
                       if prefix is not None and name.startswith(f"more/{prefix}")}  # fmt: skip


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every array of a file, by its member's name without .npy, from the arrays' heads alone."""
    found = {}
    with _open(path) as archive:
        for name in archive.namelist():
            try:
                with archive.open(name) as member:
                    version = np.lib.format.read_magic(member)
                    head = np.lib.format.read_array_header_1_0 if version == (1, 0) else \
                        np.lib.format.read_array_header_2_0
                    found[name.removesuffix(".npy")] = head(member)[0]
            except DAMAGED as error:
                raise CheckpointError(f"{path}: {name} is no array ({_few(error)})") from error
    return found


def _pictured(model):
    """(name, network) of those within `model` that are shown pictures of their own: a second stage."""
    return [(name, layer) for name, layer in layers_inside(model) if isinstance(layer, PictureModel)]


def _of_pixels(value, usual, path):
    """What a file says of pixels: one number, or one for each channel; None: as usual."""
    numbers = value if isinstance(value, list) else [value]
    if value is None:
        return usual
    if len(numbers) not in (1, 3) or any(type(number) not in (int, float) for number in numbers):
        raise CheckpointError(f"{path}: pixels are made smaller by one number or three, it says {value!r}"[:200])
    return tuple(value) if isinstance(value, list) else value


def _config_of(model):
    """What builds the same network again; None for one whose class or methods are of somebody's own, or that was
    changed after it was built. Its mirror, and what else is its own attribute, is as it is now.
    """
    config, built = getattr(model, "config", None), getattr(model, "built", None)
    if config is None or has_own_methods(model) or not type(model).__module__.startswith("tinycnn."):
        return None
    if built is not None and built != structure(model):
        return None
    return config | {name: vars(model)[name] for name in config if name in vars(model)}


def _open(path):
    if not isinstance(path, str | Path):
        raise TypeError(f"a model is read from the path of a file, got {kind(path)}")
    try:
        archive = zipfile.ZipFile(path)
        size, most = sum(info.file_size for info in archive.infolist()), FREE + MOST_TIMES * Path(path).stat().st_size
        if size > most:
            archive.close()
            raise CheckpointError(f"{path} would become {size:,} bytes, {MOST_TIMES} times as many as it has: no model "
                                  "is packed so, and it is not read")
        return archive
    except FileNotFoundError:
        raise CheckpointError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise CheckpointError(f"{path} is a folder; give the model.npz inside it") from None
    except DAMAGED as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"{path} is not a whole model file ({_few(error)}). It was cut off or is something else; "
            "save the model again, or use an earlier checkpoint."
        ) from error


def _few(error):
    """The first words of a reason, which may hold half of a damaged file."""
    return shortened(str(error), 200)


def _meta(archive, path):
    data = _array(archive, "meta.npy", path, limit=META_LIMIT)
    try:
        meta = json.loads(bytes(data.astype(np.uint8)))
        needed = {FORMAT: set(), EARLIER: {"box_mean", "box_std"}}[meta["format"]]
        known = {"config", "classes", "has_statistics", "extra"} | needed <= set(meta)
        known = known and isinstance(meta["extra"], dict)
    except (ValueError, KeyError, TypeError, RecursionError):
        known = False
    if not known:
        raise CheckpointError(f"{path} is an archive, but not one of {FORMAT}: it was written by something else")
    stated = meta.get("arrays")  # earlier versions did not say; those of the model are compared with the model
    there = set(archive.namelist())
    for name in stated if isinstance(stated, list) else ():
        if str(name).startswith("more/") and f"{name}.npy" not in there:
            raise CheckpointError(f"{path} is damaged: {shortened(name[5:], 200)} is lost")
    return meta


def _array(archive, name, path, shape=None, dtype=None, limit=None):
    """One member as an array, its size checked before it is read."""
    try:
        info = archive.getinfo(name)
        if shape is not None:
            limit = int(np.prod(shape)) * 8 + 4096
        if limit is not None and info.file_size > limit:
            raise CheckpointError(f"{path}: {name} claims {info.file_size} bytes, more than the model can use")
        with archive.open(info) as member:
            array = np.lib.format.read_array(member, allow_pickle=False)
            member.read()  # to the end, so that the archive's checksum is compared
    except KeyError:
        raise CheckpointError(f"{path} has no {name}: it is cut off or was written by something else") from None
    except DAMAGED as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path}: {name} is damaged or pickled, which is refused ({_few(error)})") from error
    if shape is not None and (array.shape != tuple(shape) or array.dtype.kind != np.dtype(dtype).kind):
        raise CheckpointError(f"{path}: {name} is {array.dtype} {array.shape}, but the model needs {dtype} {shape}")
    return array
