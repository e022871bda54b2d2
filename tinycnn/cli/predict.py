"""tinycnn predict: what is in these pictures, and where?"""

import json
import sys
from functools import partial
from pathlib import Path

from tinycnn.cli import runs
from tinycnn.cli.failures import UsageError
from tinycnn.cli.options import DEVICE, given, numbers_of_a_box, options, resolve
from tinycnn.errors import DataError
from tinycnn.models.pose import PoseNet
from tinycnn.models.weights import load
from tinycnn.text import aligned, legible

MARK = "Software", "tinycnn predict"  # in each drawing
AT_ONCE = 32  # pictures in memory at the same time


def add(commands):
    parser = commands.add_parser(
        "predict", parents=[options(DEVICE)], help="class, probability and box of pictures",
        description="Say what is in each picture, and where, in the picture's own pixels: xmin ymin xmax ymax. "
                    "A copy of each, with its box drawn, is written to --out.")
    parser.add_argument("images", nargs="+", metavar="PICTURE", help="picture files")
    parser.add_argument("--model", dest="trained", metavar="MODEL",
                        help="model.npz or the folder of a run (default: the newest run)")
    parser.add_argument("--out", metavar="FOLDER", default="predictions", help="default: predictions")
    parser.add_argument("--person", type=numbers_of_a_box, metavar="BOX",
                        help="for a pose: the person's box in every picture, as xmin,ymin,xmax,ymax (default: all)")
    parser.add_argument("--no-draw", action="store_true", help="write no pictures")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments):
    model = load(runs.find_model(arguments.trained), device=resolve(given(arguments))["device"])
    paths = [Path(name) for name in arguments.images]
    folders = [path for path in paths if path.is_dir()]
    if folders:
        raise DataError(f"{folders[0]} is a folder: give its pictures, for example {folders[0]}/*.jpg")
    of_people = isinstance(model, PoseNet)
    if arguments.person and not of_people:
        raise UsageError("--person is for models that learned poses; this one finds the box itself")
    targets = [None] * len(paths) if arguments.no_draw else _targets(paths, Path(arguments.out))
    answers = []
    for i in range(0, len(paths), AT_ONCE):
        some = paths[i : i + AT_ONCE], targets[i : i + AT_ONCE]
        group = _predict_pose(model, *some, arguments.person) if of_people else _predict(model, *some)
        answers += group
        if not arguments.json:
            (_print_pose if of_people else _print)(group)
    if arguments.json:
        print(json.dumps(answers, indent=2))
    elif not arguments.no_draw:
        print(f"With the boxes drawn: {arguments.out}")


def _predict(model, paths, targets):
    from tinycnn.data.photographs import read_image
    from tinycnn.plots.annotate import annotate, written

    images = [read_image(path) for path in paths]
    prediction, answers = model.predict(images), []
    shown = dict(zip(model.classes, written(model.classes), strict=True))
    for i, (path, target, image) in enumerate(zip(paths, targets, images, strict=True)):
        name, probability, box = prediction[i]
        height, width = image.shape[:2]
        answers.append({"image": str(path), "width": width, "height": height, "class": name,
                        "probability": round(probability, 4), "box": [round(float(v), 1) for v in box]})
        _draw(answers[-1], target, partial(annotate, image, box, f"{shown[name]} {probability:.0%}"))
    return answers


def _draw(answer, target, draw):
    """Write one drawing. What goes wrong in it costs the drawing alone: the answer counts."""
    from tinycnn.files import atomic_write

    if target is None:
        return
    try:
        drawn = draw()
    except Exception as error:
        what = legible(f"{answer['image']} was not drawn ({type(error).__name__}: {error})")
        print(f"tinycnn: note: {what}", file=sys.stderr)
        return
    with atomic_write(target) as file:
        drawn.save(file, format="PNG", pnginfo=_mark())
    answer["picture"] = str(target)


def _predict_pose(model, paths, targets, person):
    from tinycnn.data.photographs import read_image
    from tinycnn.plots import annotate_pose

    images = [read_image(path) for path in paths]
    prediction, answers = model.predict(images, None if person is None else [person] * len(images)), []
    for i, (path, target, image) in enumerate(zip(paths, targets, images, strict=True)):
        height, width = image.shape[:2]
        joints = {name: [round(x, 1), round(y, 1)] for name, (x, y) in prediction[i].items()}
        answers.append({"image": str(path), "width": width, "height": height, "joints": joints})
        _draw(answers[-1], target, partial(annotate_pose, image, prediction.joints[i]))
    return answers


def _print_pose(answers):
    for answer in answers:
        print(f"{legible(answer['image'])}, {answer['width']} x {answer['height']}:")
        rows = [(f"  {name}", f"{x:.1f}", f"{y:.1f}") for name, (x, y) in answer["joints"].items()]
        print(*aligned(rows), sep="\n")


def _print(answers):
    rows = [(answer["image"], answer["class"], f"{answer['probability']:6.1%}",
             "box " + " ".join(f"{v:7.1f}" for v in answer["box"]), f"of {answer['width']} x {answer['height']}")
            for answer in answers]
    print(*aligned(rows, left=(0, 1, 4)), sep="\n")


def _targets(paths, folder):
    """One name for each picture: never that of a file that is not our own drawing, never the same name twice."""
    taken = {path.absolute() for path in paths}
    targets = []
    for path in paths:
        number, target = 1, folder / f"{path.stem}.png"
        while target.absolute() in taken or target.exists() and not _drawn_here(target):
            number += 1
            target = folder / f"{path.stem}-{number}.png"
        taken.add(target.absolute())
        targets.append(target)
    return targets


def _mark():
    """What is written into a drawing, so that a later run may replace it, and nothing else."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text(*MARK)
    return info


def _drawn_here(path):
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.info.get(MARK[0]) == MARK[1]
    except Exception:  # no picture: somebody else's file
        return False
