"""What a sweep varies, read from the command line, and one folder's name for each combination of the values.

Settings stand in the order of SETTINGS, and values in theirs, however they were typed: who types them in another order
the next time finds the same runs, and the same table.
"""

import argparse
import hashlib
import itertools
import re

from tinycnn.cli.failures import UsageError
from tinycnn.cli.options import GROUPS, OF_THE_LIST, SETTINGS, Parser

LONGEST = 100  # letters of a folder's name
YES_NO = {"yes": True, "true": True, "no": False, "false": False}


def varied_options():
    """A parser with one option for each setting of a training; each takes several values, separated by commas."""
    parser = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    groups = {title: parser.add_argument_group(title) for title in GROUPS}
    for setting in SETTINGS:
        title = next(title for title, members in GROUPS.items() if setting in members)
        mark = separator(setting)
        values = "yes,no" if setting.parse is bool else ",".join(str(c).lower() for c in setting.choices or ()) or None
        groups[title].add_argument(f"--{setting.name.replace('_', '-')}", type=_several(setting), metavar=f"A{mark}B",
                                   help=setting.help + (f" ({values})" if values else ""))  # fmt: skip
    return parser


def separator(setting):
    """What stands between two values: a comma, and a slash for settings whose values have commas in them."""
    return "/" if setting.name in OF_THE_LIST else ","


def _several(setting):
    def parse(text):
        values = [_one(setting, word) for word in str(text).split(separator(setting))]
        return sorted(set(values), key=lambda value: _place(setting, value))

    return parse


def _place(setting, value):
    """What values of one setting are sorted by: as its choices stand, else none first and then by size or letters."""
    return setting.choices.index(value) if setting.choices else (value is not None, value)


def _one(setting, word):
    if setting.parse is bool:
        if word.lower() not in YES_NO:
            raise argparse.ArgumentTypeError(f"expected yes or no, or both, got {word!r}")
        return YES_NO[word.lower()]
    try:
        value = setting.parse(word)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{word!r} is no value of {setting.name.replace('_', '-')}") from None
    if setting.choices and value not in setting.choices:
        raise argparse.ArgumentTypeError(f"expected some of {', '.join(map(str, setting.choices))}, got {word!r}")
    return value


def varied(arguments):
    """({setting: its values} where there are several, {setting: its value} where there is one), in order."""
    found = {s.name: getattr(arguments, s.name) for s in SETTINGS if hasattr(arguments, s.name)}
    several = {name: values for name, values in found.items() if len(values) > 1}
    if not several:
        raise UsageError("nothing is varied: give an option several values, as in: tinycnn sweep --lr 0.01,0.03 "
                         "--seed 0,1,2 --out runs/sweep -- --epochs 4")
    return several, {name: values[0] for name, values in found.items() if len(values) == 1}


def combinations(several):
    """[{setting: value}]: every combination of the values, those of the last setting changing fastest."""
    return [dict(zip(several, values, strict=True)) for values in itertools.product(*several.values())]


def word(value):
    """A value as it is written in a folder's name."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)


def folder_name(combination):
    """dropout=0.5,lr=0.01: always the same name for the same values, and other names for others."""
    names = [setting.name for setting in SETTINGS if setting.name in combination]
    exact = ",".join(f"{name.replace('_', '-')}={word(combination[name])}" for name in names)
    name = re.sub(r"[^\w.,=+-]+", "-", exact)
    if name == exact and len(name) <= LONGEST:
        return name
    return f"{name[:LONGEST]}-{hashlib.sha256(exact.encode()).hexdigest()[:8]}"  # letters were left out


def told(combination):
    """dropout 0.5, lr 0.01"""
    return ", ".join(f"{name.replace('_', '-')} {word(value)}" for name, value in combination.items())
