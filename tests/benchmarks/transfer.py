"""Does a trunk that has learned before help a localizer? Ten classes in two halves, three beginnings, three seeds.

    python -m tests.benchmarks.transfer --data tiny-imagenet-10 --out runs/transfer

One trunk learns to classify the first five classes of wnids.txt, without a box (--box-weight 0); one learns drawn
scenes, classes and boxes. Each has seen about as many pictures as the other. Then a localizer learns the other five
classes, from either of them or from random weights, with the same number of epochs. How many epochs the trunk is frozen
and what its rate is then is chosen on the validation pictures, with the first seed and the trunk that classified; the
test pictures are looked at in the table alone. Everything is a `tinycnn train` in a folder of its own: the same command
again goes on after an interruption, and keeps what has ended.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

from tinycnn.cli import records
from tinycnn.cli.sweep import spread
from tinycnn.text import table

MODEL = ["--model", "resnet"]
TRUNKS = {"classes": ["--box-weight", "0", "--epochs", "15"], "scenes": ["--size", "4000", "--epochs", "8"]}
TRIED = (0, 1.0), (2, 0.3)  # frozen epochs, and the rate of the trunk afterwards
MEASURED = ("accuracy", "mean_iou", "joint")
EARLY = (1, 3)  # epochs after which joint is shown too
GUESSES = ("mean_box", "whole_frame")


def main(data, out, epochs, seeds, limit):
    learned, asked = halves(Path(data).resolve(), out)
    for name, options in TRUNKS.items():
        source = ["--data", str(learned)] if name == "classes" else []
        train(out / f"trunk-{name}", *options, *source)
    # Of the trunk that only classified, the last epoch's weights: the best epoch is chosen by the boxes too.
    begin = {"random weights": None, "five other classes": out / "trunk-classes" / "checkpoint.npz",
             "drawn scenes": out / "trunk-scenes"}
    common = ["--data", str(asked), "--epochs", str(epochs), *([] if limit is None else ["--size", str(limit)])]
    few = "" if limit is None else f"-{limit}"

    def fine_tune(name, seed, frozen, rate):
        start = begin[name]
        how = [] if start is None else ["--init", str(start), "--trunk-rate", str(rate)]
        how += ["--freeze", f"trunk:{frozen}"] if start is not None and frozen else []
        word = name.replace(" ", "-") + ("" if start is None else f"-frozen{frozen}-rate{rate}")
        return train(out / f"{word}-{epochs}epochs{few}-seed{seed}", *common, *how, "--seed", str(seed))

    tried = {(f, r): fine_tune("five other classes", seeds[0], f, r) for f, r in TRIED}
    valid = {setting: run.score("valid", "joint") for setting, run in tried.items()}
    chosen = max(valid, key=lambda setting: valid[setting])  # of equals the first
    runs = {name: [fine_tune(name, seed, *chosen) for seed in seeds] for name in begin}
    print(report(valid, chosen, runs, records.read(out / "trunk-classes")))


def halves(data, out):
    """Two folders in Tiny ImageNet's layout with the first and the last half of the classes, by links alone."""
    wnids, found = (data / "wnids.txt").read_text().split(), []
    for name, part in (("first-half", wnids[: len(wnids) // 2]), ("last-half", wnids[len(wnids) // 2 :])):
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "wnids.txt").write_text("\n".join(part) + "\n")  # the reader takes these classes, and no others
        for each in ("words.txt", "train", "val"):
            if not (folder / each).is_symlink():
                (folder / each).symlink_to(data / each)
        found.append(folder)
    return found


def train(folder, *options):
    """The record of a run, which is trained, continued, or was there."""
    if not (folder / "metrics.json").exists():
        how = ["--resume"] if (folder / "config.json").exists() else [*MODEL, *options]
        command = [sys.executable, "-m", "tinycnn", "train", *how, "--out", str(folder), "--quiet"]
        print(" ".join(command[2:]), flush=True)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return records.read(folder)


def report(valid, chosen, runs, trunk):
    last = trunk.history.rows[-1]["valid_accuracy"]
    rows = [("frozen epochs", "then a rate of", "joint, validation")]
    rows += [(*setting, f"{joint:.3f}" + " *" * (setting == chosen)) for setting, joint in valid.items()]
    parts = [f"The trunk that classifies: accuracy {last:.3f} on validation pictures of its own five classes.",
             table(rows, left=0), "* chosen, for both trunks. On the test pictures, and joint on the validation "
                                  "pictures; of random weights nothing is frozen:"]
    first = [epoch for epoch in EARLY if epoch < runs["random weights"][0].metrics["epochs"]]
    rows = [("begun with", "class", "IoU", "joint", "valid joint", *(f"after {epoch}" for epoch in first), "seconds")]
    for name, found in runs.items():
        rows.append((name, *(spread([run.score("test", key) for run in found]) for key in MEASURED),
                     spread([run.score("valid", "joint") for run in found]),
                     *(spread([run.history.rows[epoch - 1]["valid_joint"] for run in found]) for epoch in first),
                     f"{statistics.fmean(run.metrics['seconds'] for run in found):.0f}"))
    one = next(iter(runs.values()))[0]
    for guess in GUESSES:
        rows.append((f"{guess.replace('_', ' ')}, majority class",
                     f"{one.score('test', 'majority_class/accuracy'):.3f}",
                     *(f"{one.score('test', f'{guess}/{key}'):.3f}" for key in MEASURED[1:]),
                     f"{one.score('valid', f'{guess}/joint'):.3f}", *[""] * (len(first) + 1)))
    return "\n\n".join([*parts, table(rows)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a folder in Tiny ImageNet's layout")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=8, help="of a localizer")
    parser.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--limit", type=int, help="training pictures of a localizer; all, where it is not given")
    main(**vars(parser.parse_args()))
