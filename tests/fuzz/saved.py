"""What tinycnn has written: models, checkpoints, settings; and weights that others have."""

import contextlib
import functools
import io
import tempfile
from pathlib import Path

import numpy as np

from tests.fuzz.common import Failure, Marker, put
from tests.fuzz.mutate import pick, spoiled, spoiled_bytes


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
    from tinycnn.generations import read_checkpoint
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
