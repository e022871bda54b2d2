"""tinycnn predict: what is in these pictures, and where?

One picture after the other is read, shown to the network, drawn and forgotten. So memory is what the model takes and,
for the largest picture, its file and 7 bytes a pixel: 3 as an array, and 4 in Pillow or, for one channel, as float32. A
picture that cannot be read is named and costs the others nothing.
"""

import contextlib
import functools
import json
import sys
import textwrap
from pathlib import Path

import numpy as np

from tinycnn.cli import pictures, runs
from tinycnn.cli.failures import UsageError
from tinycnn.cli.option_types import numbers_of_a_box, place
from tinycnn.cli.options import DEVICE, count, given, options, resolve
from tinycnn.errors import DataError
from tinycnn.models.pose import PoseNet
from tinycnn.text import aligned, columns, for_json, legible


def _asked(text):
    """A type for argparse: what is no picture is said of each picture; nothing at all is a wrong call."""
    return text or place(text)


def add(commands):
    parser = commands.add_parser(
        "predict", parents=[options(DEVICE)], help="class, probability and box of pictures",
        description="Say what is in each picture, and where, in the picture's own pixels: xmin ymin xmax ymax. "
                    "A copy of each, with its box drawn, is written to --out. A picture that cannot be read is named "
                    "and left out; the status is then 1.")
    parser.add_argument("images", type=_asked, nargs="+", metavar="PICTURE",
                        help="picture files, patterns as photos/*.jpg or photos/**/*.jpg, and folders: all pictures in "
                             "them and below them, but hidden ones and drawings of predict")
    parser.add_argument("--model", type=place, dest="trained", metavar="MODEL",
                        help="model.npz or the folder of a run (default: the newest run)")
    parser.add_argument("--out", type=place, metavar="FOLDER", default="predictions", help="default: predictions")
    parser.add_argument("--top", type=count, metavar="K", help="the K most probable classes of each picture")
    parser.add_argument("--person", type=numbers_of_a_box, metavar="BOX",
                        help="for a pose: the person's box in every picture, as xmin,ymin,xmax,ymax (default: all)")
    parser.add_argument("--no-draw", action="store_true", help="write no pictures")
    parser.add_argument("--json", action="store_true",
                        help='print JSON: a list, one entry for each picture, with "error" where there is no answer')
    parser.set_defaults(run=run)


def run(arguments):
    with _json() if arguments.json else contextlib.nullcontext() as show:
        _run(arguments, show)


def _run(arguments, show):
    folder = Path(arguments.out)
    if not arguments.no_draw:
        pictures.expect_writable(folder)
    model, _ = runs.load_model(arguments.trained, resolve(given(arguments))["device"])
    if arguments.person and not isinstance(model, PoseNet):
        raise UsageError("--person is for models that learned poses; this one finds the box itself")
    if arguments.top and isinstance(model, PoseNet):
        raise UsageError("--top is for models that learned classes; this one says where joints are")
    asked = pictures.find(arguments.images)
    targets = [None] * len(asked) if arguments.no_draw else pictures.targets(asked, folder)
    show = show or _printer(model, asked)
    failed = drawn = 0
    for (path, problem), target in zip(asked, targets, strict=True):
        try:
            if problem:
                raise DataError(f"{path}: {problem}")
            answer = _predict(model, path, target, arguments)
        except (DataError, MemoryError) as error:
            reason = str(error) if isinstance(error, DataError) else f"{path}: there is not enough memory for it"
            reason = " ".join(reason.split())
            failed += 1
            if arguments.json:
                show({"image": str(path), "error": reason.removeprefix(f"{path}: ")})
            if len(asked) == 1:
                raise DataError(reason) from error
            print(f"tinycnn: {reason}", file=sys.stderr, flush=True)
            continue
        drawn += "picture" in answer
        show(answer)
    if drawn and not arguments.json:
        print(f"With the boxes drawn: {folder}", flush=True)
    if failed:
        raise DataError(f"{failed:,} of {len(asked):,} could not be used and {'is' if failed == 1 else 'are'} named "
                        f"above; {len(asked) - failed:,} predicted")


def _predict(model, path, target, arguments):
    """What is said of one picture, as JSON has it; drawn too. Nothing of the picture is kept."""
    from tinycnn.data.photographs import read_image
    from tinycnn.plots import annotate_pose
    from tinycnn.plots.annotate import annotate

    image = read_image(path)
    height, width = image.shape[:2]
    answer = {"image": str(path), "width": width, "height": height}
    if isinstance(model, PoseNet):
        prediction = model.predict([image], arguments.person)
        answer["joints"] = {name: [round(x, 1), round(y, 1)] for name, (x, y) in prediction[0].items()}
    else:
        prediction = model.predict([image])
        name, probability, box = prediction[0]
        answer |= {"class": name, "probability": round(probability, 4), "box": [round(float(v), 1) for v in box]}
        if arguments.top:
            order = np.argsort(-prediction.probabilities[0], kind="stable")[: arguments.top]
            answer["top"] = [{"class": prediction.classes[k],
                              "probability": round(float(prediction.probabilities[0, k]), 4)} for k in order]
    if target is not None:
        if isinstance(model, PoseNet):
            _draw(answer, target, functools.partial(annotate_pose, image, prediction.joints[0]))
        else:
            text = f"{_shown(tuple(model.classes))[name]} {probability:.0%}"
            _draw(answer, target, functools.partial(annotate, image, box, text))
    return answer


@functools.cache
def _shown(classes):
    """{name of a class: how it can be drawn here}"""
    from tinycnn.plots.annotate import written

    return dict(zip(classes, written(classes), strict=True))


def _draw(answer, target, draw):
    """Write one drawing, with our mark in it, so that a later run may replace it, and nothing else.

    What goes wrong in drawing costs the drawing alone: the answer counts.
    """
    from PIL.PngImagePlugin import PngInfo

    from tinycnn.files import atomic_write

    try:
        drawing = draw()
    except Exception as error:
        what = legible(f"{answer['image']} was not drawn ({type(error).__name__}: {error})")
        print(f"tinycnn: note: {what}", file=sys.stderr)
        return
    info = PngInfo()
    info.add_text(*pictures.MARK)
    with atomic_write(target) as file:
        drawing.save(file, format="PNG", pnginfo=info)
    answer["picture"] = str(target)


@contextlib.contextmanager
def _json():
    """A function that prints one entry of a list; the list is closed whatever happens, so it is JSON in any case."""
    before = "[\n"

    def show(answer):
        nonlocal before
        text = before + textwrap.indent(json.dumps(for_json(answer), indent=2, allow_nan=False), "  ")
        before = ",\n"
        print(text, end="")

    try:
        yield show
    finally:
        print("[]" if before == "[\n" else "\n]", flush=True)


def _printer(model, asked):
    """A function that prints one answer for people, in columns that are as wide as the widest."""
    if isinstance(model, PoseNet):
        return _print_pose
    widest = max(columns(legible(str(path))) for path, _ in asked)
    names = max(columns(legible(name)) for name in model.classes)

    def line(image, entry):
        return f"{_padded(image, widest)}  {_padded(entry['class'], names)}  {entry['probability']:6.1%}"

    def show(answer):
        box = "box " + " ".join(f"{v:7.1f}" for v in answer["box"])
        print(f"{line(answer['image'], answer)}  {box}  of {answer['width']} x {answer['height']}", flush=True)
        for other in answer.get("top", ())[1:]:
            print(line("", other), flush=True)

    return show


def _padded(text, width):
    """Text as a terminal can show it, filled up to a number of columns."""
    text = legible(text)
    return text + " " * (width - columns(text))


def _print_pose(answer):
    print(f"{legible(answer['image'])}, {answer['width']} x {answer['height']}:")
    rows = [(f"  {name}", f"{x:.1f}", f"{y:.1f}") for name, (x, y) in answer["joints"].items()]
    print(*aligned(rows), sep="\n", flush=True)
