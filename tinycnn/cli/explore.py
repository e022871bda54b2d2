"""tinycnn explore: one training step of a run, forward and backward, as a page to walk through in a browser."""

import os
from pathlib import Path

from tinycnn.cli import ingredients, runs
from tinycnn.cli.failures import UsageError
from tinycnn.cli.option_types import number, place
from tinycnn.cli.options import DATA, DEVICE, given, options
from tinycnn.models.localizer import Localizer
from tinycnn.models.weights import load

PARTS = ("test", "valid", "train")


def add(commands):
    parser = commands.add_parser(
        "explore", parents=[options(*DATA, DEVICE)], help="walk through one training step in a browser: one HTML page",
        description="Write one training step of a network, forward and backward, with every number, as an HTML page "
                    "that needs no server and no network. The pictures are those of the training's data, or others.")
    parser.add_argument("trained", type=place, nargs="?", metavar="MODEL",
                        help="model.npz or the folder of a run (default: newest)")
    parser.add_argument("--part", choices=PARTS, metavar="PART",
                        help=f"of the data, whose pictures are shown: {', '.join(PARTS)} (default: the first that has "
                             "any)")
    parser.add_argument("--picture", type=number(int, least=0), metavar="NUMBER",
                        help="of the part, counted from 0: the picture that is shown first")
    parser.add_argument("--out", type=place, metavar="FILE", default="explore.html", help="default: explore.html")
    parser.set_defaults(run=run)


def run(arguments):
    from tinycnn.explorer import explore
    from tinycnn.explorer.epochs import read_if_sound

    path = runs.find_model(arguments.trained)
    model = load(path, device="cpu")
    if not isinstance(model, Localizer):
        raise UsageError(f"{path} holds a {type(model).__name__}; explore shows localizers, which have a class head "
                         "and a box head")
    data, _ = runs.data_for_model(model, path, given(arguments))
    part = arguments.part or next((name for name in PARTS if len(data.parts[name])), "train")
    samples, picture = data.parts[part], arguments.picture
    if not len(samples):
        raise UsageError(f"the part {part} has no pictures; others have: "
                         f"{', '.join(name for name in PARTS if len(data.parts[name])) or 'none'}")
    if picture is not None and picture >= len(samples):
        raise UsageError(f"--picture {picture} is not there: the part {part} has {len(samples)} pictures, numbered 0 "
                         f"to {len(samples) - 1}")
    out = Path(arguments.out)
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder: give the name of a file, as {out / 'explore.html'}")
    page = explore(model, samples, out, loss=ingredients.loss_of_run(path), picture=picture,
                   name=path.parent.name or path.name, epochs=read_if_sound(path.parent))
    print(f"{page.title}: {out} ({os.path.getsize(out) / 1e6:.1f} MB). Open it in a browser.")
