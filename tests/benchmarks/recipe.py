"""What of `tinycnn train --model resnet` carries its result? One thing changed at a time, everything else as it was.

    python -m tests.benchmarks.recipe --data tiny-imagenet-10 --out runs/recipe --epochs 30

The whole recipe is trained with several seeds, which says how much chance does, and each change with the first of them.
Two changes take a part out of the trunk, so there is no option for them; the others are options of `tinycnn train`.
Each run has a folder of its own: the same command again goes on after an interruption, and keeps what has ended.
"""

import argparse
import json
import statistics
from pathlib import Path

import numpy as np

from tinycnn.cli import fitting, runs
from tinycnn.cli.options import resolve
from tinycnn.cli.presets import PRESETS
from tinycnn.cli.sweep import spread
from tinycnn.files import atomic_write
from tinycnn.generations import has_checkpoint
from tinycnn.layers import BatchNorm2d, Conv2d, Residual, Sequential
from tinycnn.text import table
from tinycnn.training import evaluate

WHOLE, MIRROR = "the whole recipe", "no answers of the mirror image"
RECIPE = {name: value for name, value in PRESETS["resnet"].items() if name not in ("channels", "hidden")}
CHANGES = {
    WHOLE: {},
    "the plain localizer, by this recipe": {"model": "localizer"},
    "no batch normalization, but biases": {"trunk": "norm"},
    "no shortcuts": {"trunk": "shortcut"},
    "no augmentation": {"augment": "none"},
    "SGD with momentum, rate .05, decay 5e-4": {"optimizer": "sgd", "lr": 0.05, "weight_decay": 5e-4},
    "no weight decay": {"weight_decay": 0.0},
    "a constant rate, so no warm-up either": {"schedule": "constant"},
    "no dropout": {"dropout": 0.0},
    "no label smoothing": {"label_smoothing": 0.0},
    "L2 instead of smooth L1": {"box_loss": "l2"},
    "the box loss counts once, not twice": {"box_weight": 1.0},
    "no warm-up": {"warmup": 0.0},
}
MEASURED = ("accuracy", "mean_iou", "joint")


def main(data, out, epochs, seeds, size, ended):
    read, results = None, {}
    for name, change in CHANGES.items():
        for seed in seeds if name == WHOLE else seeds[:1]:
            short = f"{''.join(c if c.isalnum() else '-' for c in name)}-{epochs}epochs"
            folder = out / f"{short}{'' if size is None else f'-{size}'}-seed{seed}"
            if ended and not (folder / "result.json").exists():
                continue
            if not (folder / "result.json").exists():
                known = RECIPE | {"model": "resnet", "data": str(data), "epochs": epochs, "seed": seed, "size": size}
                settings = resolve(known | {key: value for key, value in change.items() if key != "trunk"})
                read = runs.load_data(settings) if read is None else read
                print(f"{name}, seed {seed}", flush=True)
                train(folder, settings, read, change.get("trunk"))
            results.setdefault(name, []).append(json.loads((folder / "result.json").read_text()))
    print(report(results))


def train(folder, settings, data, without):
    """Train one network, and write what the weights of its best epoch give, with the mirror image's answers and not."""
    model = runs.build_model(settings, data.classes)
    if without is not None:
        layers = changed(model.trunk, without, np.random.default_rng(settings["seed"]))
        side = settings["image_size"]
        model.trunk = Sequential(*layers, input_shape=(side, side, 3))
    folder.mkdir(parents=True, exist_ok=True)
    how = argparse.Namespace(resume=has_checkpoint(folder), quiet=True)
    history = fitting.by_epochs(model, data, settings, folder, how, {"without": without})
    found = {"seconds": sum(history.column("seconds")), "best_epoch": history.best_epoch}
    for mirror in (True, False):
        model.mirror = mirror
        for part, samples in (("valid", data.valid), ("test", data.test)):
            found[f"{part}, mirror {mirror}"] = evaluate(model, samples, data.train)
    with atomic_write(folder / "result.json", "w") as file:
        json.dump(found, file)


def changed(layers, without, rng):
    """The layers of a trunk without its shortcuts, or without normalization, for whose shift biases stand in."""
    for layer in layers:
        if isinstance(layer, Residual):
            body = list(changed(layer.body, without, rng))
            if without == "shortcut":
                yield from body
            else:
                yield Residual(*body, shortcut=Sequential(*changed(layer.shortcut, without, rng)))
        elif without == "norm" and isinstance(layer, Conv2d):
            k, _, c, f = layer.w.value.shape
            yield Conv2d(c, f, k, stride=layer.stride, padding=layer.padding, rng=rng)
        elif without != "norm" or not isinstance(layer, BatchNorm2d):
            yield layer


def report(results):
    rows = [("", "class, test", "IoU, test", "joint, test", "joint, valid", "gained by it: test", "valid", "seconds")]
    whole = mean_joints(results[WHOLE][:1], True)
    for name, found in results.items():
        rows.append(row(name, found, True, whole))
    rows.insert(2, row(MIRROR, results[WHOLE], False, mean_joints(results[WHOLE], True)))
    return table(rows)


def row(name, found, mirror, whole):
    joints = mean_joints(found[:1] if name == WHOLE else found, mirror)
    return (name, *(spread([one[f"test, mirror {mirror}"][key] for one in found]) for key in MEASURED),
            spread([one[f"valid, mirror {mirror}"]["joint"] for one in found]),
            *(f"{there - here:+.3f}" for there, here in zip(whole, joints, strict=True)),
            f"{statistics.fmean(one['seconds'] for one in found):.0f}")


def mean_joints(found, mirror):
    """(test, valid)"""
    return [statistics.fmean(one[f"{part}, mirror {mirror}"]["joint"] for one in found) for part in ("test", "valid")]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="photographs, as of tinycnn train")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--size", type=int, help="training pictures; all, where it is not given")
    parser.add_argument("--ended", action="store_true", help="train nothing, and show what has ended")
    main(**vars(parser.parse_args()))
