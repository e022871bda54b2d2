"""tinycnn data show: what a data set looks like, before anything is trained on it."""

from pathlib import Path

from tinycnn.cli import runs
from tinycnn.cli.failures import UsageError
from tinycnn.cli.options import DATA, DRAWN, MODEL, count, given, options, place, resolve


def add(commands):
    parser = commands.add_parser("data", help="look at a data set")
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=type(parser))
    shown = [setting for setting in DATA + MODEL if setting.name in
             ("format", "units", "orientation", "difficult", "size", "valid_fraction", "test_fraction", "group_by",
              "data_seed", "image_size")]
    show = actions.add_parser(
        "show", parents=[options(*shown)], help="counts, sizes and boxes as a table, and pictures on one sheet",
        description="Describe a data set, and put some of its pictures on one sheet with their boxes and classes.")
    show.add_argument("data", type=place, nargs="?", default="scenes", metavar="DATA",
                      help="a folder or file of annotated pictures, or the word scenes (default)")
    show.add_argument("--out", type=place, metavar="FILE", default="contact.png", help="default: contact.png")
    show.add_argument("--part", choices=("train", "valid", "test"), default="train", help="default: train")
    show.add_argument("--count", type=count, default=40, metavar="X", help="pictures on the sheet (default 40)")
    show.add_argument("--force", action="store_true", help="replace --out if it exists")
    show.add_argument("--debug", action="store_true", help="show the traceback of an error")
    show.set_defaults(run=run)


def run(arguments):
    from tinycnn import plots
    from tinycnn.data.twins import near_twins, sentence
    from tinycnn.plots.labels import title

    out = Path(arguments.out)
    if out.exists() and not arguments.force:
        raise UsageError(f"{out} exists already and stays as it is: choose another name with --out, or give --force")
    settings = resolve(given(arguments))
    if settings["data"] == "scenes" and not hasattr(arguments, "size"):
        settings["size"] = max(400, arguments.count)  # enough to look at; drawing all of them takes a minute
    data = runs.load_data(settings)
    print(data.describe())
    if settings["data"] not in DRAWN.values():  # no two drawn pictures are of one film
        alike = sentence(data.parts, near_twins(data.parts))
        if alike:
            print(f"note: {alike}")
    part = data.parts[arguments.part]
    words = f"{title(data.name, 'the data set')}: {len(part):,} {arguments.part} pictures"
    sheet = plots.contact_sheet(part, arguments.count, title=words)
    plots.save(sheet, out)
    print(f"Some of them, with their boxes: {out}")
