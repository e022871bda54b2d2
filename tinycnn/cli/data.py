"""tinycnn data: what a data set looks like before anything is trained on it, and public ones fetched by name."""

import os
from pathlib import Path

from tinycnn.cli import runs
from tinycnn.cli.failures import UsageError
from tinycnn.cli.option_types import place
from tinycnn.cli.options import DATA, DRAWN, MODEL, count, given, options, resolve
from tinycnn.data.named import CATALOG, describe, find
from tinycnn.data.named.cache import VARIABLE, cache_folder, is_there, state
from tinycnn.progress import say
from tinycnn.text import byte_size, table


def add(commands):
    parser = commands.add_parser("data", help="look at a data set, and fetch public ones")
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=type(parser))
    shown = [setting for setting in DATA + MODEL if setting.name in
             ("format", "units", "orientation", "difficult", "size", "valid_fraction", "test_fraction", "group_by",
              "data_seed", "image_size")]
    show = actions.add_parser(
        "show", parents=[options(*shown)], help="counts, sizes and boxes as a table, and pictures on one sheet",
        description="Describe a data set, and put some of its pictures on one sheet with their boxes and classes. Of a "
                    "named set that is not there yet: what it is, where it is from, and on what terms.")
    show.add_argument("data", type=place, nargs="?", default="scenes", metavar="DATA",
                      help="a folder or file of annotated pictures, the name of a public set, or the word scenes "
                           "(default)")
    show.add_argument("--out", type=place, metavar="FILE", default="contact.png", help="default: contact.png")
    show.add_argument("--part", choices=("train", "valid", "test"), default="train", help="default: train")
    show.add_argument("--count", type=count, default=40, metavar="X", help="pictures on the sheet (default 40)")
    show.add_argument("--force", action="store_true", help="replace --out if it exists")
    show.set_defaults(run=run)
    listed = actions.add_parser("list", help="the public sets that can be fetched, and which are there",
                                description="List the public data sets that can be fetched by name.")
    listed.set_defaults(run=list_sets)
    fetched = actions.add_parser(
        "fetch", help="bring a public set into the cache",
        description="Say where a public data set is from and on what terms, then fetch it into the cache. What was "
                    "interrupted goes on where it stopped.")
    fetched.add_argument("name", metavar="NAME", help=", ".join(CATALOG))
    fetched.add_argument("--quiet", action="store_true", help="no progress bar")
    fetched.set_defaults(run=fetch_set)
    for each in (show, listed, fetched):
        each.add_argument("--debug", action="store_true", help="show the traceback of an error")


def list_sets(arguments):
    """tinycnn data list"""
    rows = [("name", "in the cache", "to fetch", "holds")]
    rows += [(named.name, state(named), byte_size(named.size), named.holds) for named in CATALOG.values()]
    print(table(rows, left=(0, 1, 3)))
    print(f"The cache is {cache_folder()}; {VARIABLE}=FOLDER chooses another one. tinycnn data show NAME: terms and "
          "addresses")


def fetch_set(arguments):
    """tinycnn data fetch NAME"""
    from tinycnn.data.named.fetch import fetch

    named = find(arguments.name)
    print(describe(named), end="\n\n", flush=True)
    there = is_there(named)
    folder = fetch(named, say=say, progress=not arguments.quiet)
    if there:
        print(f"It is in {folder} already")
    print(f"Train on it: tinycnn train --data {named.name}")


def run(arguments):
    from tinycnn import plots
    from tinycnn.plots.labels import title

    named = None if os.path.lexists(arguments.data) else CATALOG.get(arguments.data)
    if named is not None:
        print(describe(named), end="\n\n")
        if not is_there(named):
            print(f"It is not in {cache_folder()}. Fetch it: tinycnn data fetch {named.name}")
            return
    out = Path(arguments.out)
    if out.exists() and not arguments.force:
        raise UsageError(f"{out} exists already and stays as it is: choose another name with --out, or give --force")
    settings = resolve(given(arguments))
    if settings["data"] == "scenes" and not hasattr(arguments, "size"):
        settings["size"] = max(400, arguments.count)  # enough to look at; drawing all of them takes a minute
    data = runs.load_data(settings)
    print(data.describe())
    part = data.parts[arguments.part]
    words = f"{title(data.name, 'the data set')}: {len(part):,} {arguments.part} pictures"
    plots.save(_sheet(part, settings, data, arguments.count, words), out)
    print(f"Some of them, with their {'joints' if settings['task'] == 'pose' else 'boxes'}: {out}")


def _sheet(part, settings, data, most, words):
    from tinycnn import plots
    from tinycnn.data.twins import near_twins, sentence

    if settings["task"] == "pose":
        some = part.subset(slice(most))
        return plots.poses(some, some.joints, title=words)
    if settings["data"] not in DRAWN.values():  # no two drawn pictures are of one film
        alike = sentence(data.parts, near_twins(data.parts))
        if alike:
            print(f"note: {alike}")
    return plots.contact_sheet(part, most, title=words)
