"""How the text of an option becomes a value: types for argparse, each of which says what it expected."""

import argparse
import math
import os

from tinycnn.text import is_address


def number(kind, least=None, most=None, below=None, above=None):
    """A type for argparse: an int or float within bounds."""

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = float("nan")
        if not math.isfinite(value):
            value = float("nan")
        bounds = [f"at least {least}"] * (least is not None) + [f"at most {most}"] * (most is not None)
        bounds += [f"less than {below}"] * (below is not None) + [f"more than {above}"] * (above is not None)
        if not ((least is None or value >= least) and (most is None or value <= most)
                and (below is None or value < below) and (above is None or value > above) and value == value):
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"expected {', '.join([what, *bounds])}, got {text!r}")
        return value

    return parse


def numbers(text):
    """A type for argparse: 16,32,64"""
    return tuple(number(int, least=1)(part) for part in str(text).split(","))


def numbers_of_a_box(text):
    """A type for argparse: 10,20,110,180"""
    try:
        box = tuple(float(part) for part in str(text).split(","))
    except ValueError:
        box = ()
    if len(box) != 4 or not all(map(math.isfinite, box)) or not (box[2] > box[0] and box[3] > box[1]):
        raise argparse.ArgumentTypeError(f"expected a box xmin,ymin,xmax,ymax with an area, got {text!r}")
    return box


def part_and_epochs(text):
    """A type for argparse: trunk:3"""
    part, _, epochs = str(text).rpartition(":")
    if not part:
        raise argparse.ArgumentTypeError(f"expected a part and a number of epochs, as trunk:3, got {text!r}")
    return part, number(int, least=0)(epochs)


def weights_of_classes(text):
    """A type for argparse: balanced, or cat=2,dog=0.5, as it was written"""
    names = []
    for pair in () if text == "balanced" else str(text).split(","):
        name, _, weight = pair.rpartition("=")
        names.append(name.strip())
        if names.count(names[-1]) > 1:
            raise argparse.ArgumentTypeError(f"{names[-1]!r} has two weights in {text!r}")
        if not names[-1]:
            raise argparse.ArgumentTypeError(f"expected balanced, or classes with their weights, as cat=2,dog=0.5, "
                                             f"got {text!r}")
        number(float, least=0)(weight)
    return str(text)


def place(text):
    """A type for argparse: a file or folder. Nothing at all would be the current folder, which nobody means."""
    if not text:
        raise argparse.ArgumentTypeError(f"expected the path of a file or folder, got {text!r}")
    if is_address(text):
        raise argparse.ArgumentTypeError(f"expected the path of a file or folder, got {text}. Addresses are not "
                                         "fetched: download it, and give the file's path")
    if text.startswith("~") and not os.path.lexists(text) and os.path.expanduser(text) == text:
        user = text[1:].partition("/")[0]
        raise argparse.ArgumentTypeError(f"there is no user {user!r}, whose home folder {text} would be in. A name "
                                         "that begins with ~ is given as ./~")
    return text


def optional(parse):
    """The type, or the word none."""

    def parse_optional(text):
        return None if str(text).lower() == "none" else parse(text)

    return parse_optional
