"""What right answers and known mistakes give for the hidden inputs, read from stored/: lessonNN.json and lessonNN.npz.

The JSON holds for every exercise its words, its cases, what is expected, and for every mistake the results in which it
differs from that. Numbers are in the other file, in a row for each dtype; {"array": [dtype, shape, start]} says where.
lessons/known/store.py writes both: `python -m lessons.index`.
"""

import functools
import importlib
import json
import math
from pathlib import Path

import numpy as np

from tinycnn.course.exercise import Case, Exercise, Met

FOLDER = Path(__file__).with_name("stored")
NOTHING = "nothing"  # in place of an answer that cannot be compared


def lessons():
    """The numbers of the lessons that have exercises, in order: 00, 01 ..."""
    return sorted(path.stem[-2:] for path in FOLDER.glob("lesson*.json"))


@functools.cache
def exercises(lesson):
    """{name: Exercise} of one lesson, named by its two digits."""
    listed = json.loads((FOLDER / f"lesson{lesson}.json").read_text("utf-8"))
    calls, gradients, functions = adapters(lesson)
    with np.load(FOLDER / f"lesson{lesson}.npz", allow_pickle=False) as numbers:
        rows = dict(numbers)

    def value(stored):
        return decoded(stored, rows, functions)

    found = {}
    for name, entry in listed.items():
        expected = [[value(part) for part in case] for case in entry["expected"]]
        mistakes = {}
        for key, mistake in entry["mistakes"].items():
            outputs = [[*case] for case in expected]
            for place, part in mistake["differs"].items():
                case, result = map(int, place.split("."))
                outputs[case][result] = value(part)
            mistakes[key] = Met(mistake["says"], outputs)
        words = {key: tuple(entry[key]) for key in ("returns", "parameters", "takes", "elements", "arrays")}
        found[name] = Exercise(
            title=entry["title"], expected=expected, mistakes=mistakes, call=calls.get(name),
            cases=[Case(*value(case["args"]), **value(case["kwargs"])) for case in entry["cases"]],
            gradient=gradients.get(name), keeps_dtype=entry["keeps_dtype"], tolerance=entry["tolerance"],
            stub_says=entry["stub_says"], **words)
    return found


def adapters(lesson):
    """(CALLS, GRADIENTS, FUNCTIONS) of a lesson's module in calls/; empty where it needs none."""
    try:
        module = importlib.import_module(f"tinycnn.course.calls.lesson{lesson}")
    except ModuleNotFoundError:
        return {}, {}, {}
    return tuple(getattr(module, name, {}) for name in ("CALLS", "GRADIENTS", "FUNCTIONS"))


def decoded(stored, rows, functions):
    """A value as it was. rows: {dtype: all its numbers}    functions: {name: function}, where a case holds some"""
    if not isinstance(stored, dict):
        return stored
    ((kind, held),) = stored.items()
    if kind == "array":
        dtype, shape, start = held
        return rows[dtype][start : start + math.prod(shape)].reshape(shape)
    if kind == "function":
        return functions[held]
    if kind == NOTHING:
        return None
    if kind == "dict":
        return {name: decoded(part, rows, functions) for name, part in held.items()}
    return {"tuple": tuple, "list": list}[kind](decoded(part, rows, functions) for part in held)
