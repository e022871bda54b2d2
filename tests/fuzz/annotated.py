"""Sets of annotated pictures in every format, and people with their joints."""

import functools
import importlib.util
import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.data.named import layouts
from tests.fuzz.common import OUTSIDE, Failure, files_below, put
from tests.fuzz.mutate import pick, spoiled, spoiled_bytes
from tinycnn.data import read, read_people
from tinycnn.data.readers.unpacking import unpack

ROOT = Path(__file__).resolve().parents[2]
PICTURES = {".jpg", ".jpeg", ".png"}


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
