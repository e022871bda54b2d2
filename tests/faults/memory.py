"""The memory of an epoch over many JPEGs: pictures are decoded when they are needed, and kept while there is room.

And that of a prediction of one very large picture.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tinycnn.text import table

SIDE, ROOM = 32, 64 * 2**20  # pixels; bytes of decoded pictures that are kept
FIXED, EACH = 200e6, 3000  # bytes that an epoch may take on top of what was there before it, and for each picture
LARGE, A_PIXEL = (12_000, 9_000), 8  # a picture's width and height, and bytes that its prediction may take a pixel
MODULES = 60e6  # bytes of what is imported for it


def make(folder, count):
    """Small JPEGs, each another one, a few hundred in each folder, and a table of their boxes."""
    from PIL import Image

    rng, rows = np.random.default_rng(0), ["image,label,xmin,ymin,xmax,ymax"]
    for i in range(count):
        if i % 500 == 0:
            (folder / f"{i // 500:03}").mkdir()
        image = np.empty((SIDE, SIDE, 3), np.uint8)
        image[:] = rng.integers(0, 256, 3)
        x, y = rng.integers(0, SIDE // 2, 2)
        image[y : y + 12, x : x + 12] = rng.integers(0, 256, 3)
        name = f"{i // 500:03}/{i:06}.jpg"
        Image.fromarray(image).save(folder / name, quality=80)
        rows.append(f"{name},{'abcde'[i % 5]},{x},{y},{x + 12},{y + 12}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")


def work(folder, out):
    """Read, train for an epoch, and print what that took: JSON of seconds and bytes."""
    import tinycnn as tc
    from tinycnn.data.augment import Augment

    if folder.endswith(".npz"):
        return predict(folder, out)

    steps = {"begin": (time.perf_counter(), now())}
    data = tc.data.read(folder, memory=ROOM, test_fraction=0)
    steps["read"] = time.perf_counter(), now()
    model = tc.models.localizer(len(data.classes), image_size=16, channels=(4,), hidden=8)
    tc.fit(model, data, epochs=1, out=out, workers=2, augment=Augment.light(), progress=False)
    steps["epoch"] = time.perf_counter(), now()
    seconds = {name: steps[name][0] - steps[before][0] for name, before in (("read", "begin"), ("epoch", "read"))}
    bytes_ = {name: memory for name, (_, memory) in steps.items()}
    print(json.dumps({"pictures": len(data.train) + len(data.valid), "seconds": seconds, "bytes": bytes_,
                      "kept": data.train.images.cache.bytes}))


def predict(model, picture):
    """tinycnn predict, and what that took."""
    from tinycnn.cli import main

    before = now()
    status = main(["predict", picture, "--model", model, "--no-draw"])
    print(json.dumps({"status": status, "bytes": now() - before}))


def now():
    """The most memory that this process has had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def measure(counts):
    """Print the table; 1 where an epoch takes more than it may."""
    rows = [("pictures", "read, s", "epoch, s", "before, MB", "read, MB", "epoch, MB", "of them decoded pictures, MB")]
    wrong = 0
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="memory-") as folder:
            pictures = Path(folder) / "pictures"
            pictures.mkdir()
            make(pictures, count)
            call = [sys.executable, "-m", "tests.faults", "--work", str(pictures), f"{folder}/run"]
            found = _last_line(call)
        took = found["bytes"]
        wrong += found["pictures"] != count or took["epoch"] - took["begin"] > FIXED + ROOM + EACH * count
        rows.append((f"{count:,}", *(f"{found['seconds'][name]:.1f}" for name in ("read", "epoch")),
                     *(f"{took[name] / 1e6:.0f}" for name in ("begin", "read", "epoch")), f"{found['kept'] / 1e6:.0f}"))
        print(table(rows, rules=(1,)), flush=True)
    return int(bool(wrong))


def measure_large(size=LARGE):
    """Print what the prediction of a large picture takes, as JPEG and PNG; 1 where that is more than it may."""
    from PIL import Image

    import tinycnn as tc

    rows, wrong = [("one picture", "pixels", "MB", "bytes a pixel")], 0
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        model = f"{folder}/model.npz"
        tc.save(tc.models.localizer(2, image_size=32, channels=(4,), hidden=8), model)
        for kind in ("jpg", "png"):
            Image.linear_gradient("L").resize(size).convert("RGB").save(f"{folder}/large.{kind}")
            found = _last_line([sys.executable, "-m", "tests.faults", "--work", model, f"{folder}/large.{kind}"])
            each = found["bytes"] / (size[0] * size[1])
            wrong += found["status"] != 0 or found["bytes"] > A_PIXEL * size[0] * size[1] + MODULES
            rows.append((kind, f"{size[0]:,} x {size[1]:,}", f"{found['bytes'] / 1e6:.0f}", f"{each:.1f}"))
    print(table(rows, rules=(1,)), flush=True)
    return int(bool(wrong))


def _last_line(call):
    """What a process prints last, as JSON."""
    return json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
