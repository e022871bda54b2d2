"""Writes down what right answers and known mistakes give for the hidden inputs, for the checks: see course/stored.py.

What differs by rounding alone from what is stored already is left as it is: another machine changes no byte.
"""

import inspect
import json

import numpy as np

from lessons.known.catalog import LESSONS
from tinycnn.course.stored import FOLDER, NOTHING, adapters, decoded

FINE = 0.1  # of an exercise's tolerance: a mistake's numbers are kept in float32 where that is no further from them


def written(lesson):
    """(what the JSON holds, {dtype: numbers}) of one lesson."""
    rows, listed = _Rows(adapters(lesson)[2]), {}
    for name, exercise in LESSONS[lesson].items():
        cases = exercise.hidden_cases()
        with np.errstate(all="ignore"):
            right = [exercise.outputs(exercise.solution, case) for case in cases]
            theirs = {key: [exercise.outputs(mistake.function, case) for case in cases]
                      for key, mistake in exercise.mistakes.items()}
        mistakes = {key: {"says": exercise.mistakes[key].says, "differs": {
            f"{c}.{k}": rows.result(part, exercise.tolerance) for c, answer in enumerate(found)
            for k, part in enumerate(answer) if not _same(part, right[c][k])}} for key, found in theirs.items()}
        listed[name] = {
            "title": exercise.title, "returns": exercise.returns, "parameters": _parameters(exercise),
            "arrays": _arrays(exercise, right), "takes": exercise.takes, "elements": exercise.elements,
            "keeps_dtype": exercise.keeps_dtype, "tolerance": exercise.tolerance, "stub_says": exercise.stub_says,
            "cases": [{"args": rows.value(case.args), "kwargs": rows.value(case.kwargs)} for case in cases],
            "expected": [[rows.result(part) for part in answer] for answer in right], "mistakes": mistakes}
    return json.loads(json.dumps(listed)), rows.joined()


def stale(lesson):
    """Is what is stored of a lesson anything else than what its programs give, rounding apart?"""
    listed, rows = written(lesson)
    try:
        before = json.loads((FOLDER / f"lesson{lesson}.json").read_text("utf-8"))
        with np.load(FOLDER / f"lesson{lesson}.npz", allow_pickle=False) as numbers:
            earlier = dict(numbers)
    except (OSError, ValueError):
        return True
    functions = adapters(lesson)[2]
    return not _alike(listed, before, lambda part: decoded(part, rows, functions),
                      lambda part: decoded(part, earlier, functions))


def store(lesson):
    """Write both files of a lesson, if they are stale; returns whether they were."""
    if not stale(lesson):
        return False
    listed, rows = written(lesson)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"lesson{lesson}.json").write_text(json.dumps(listed, indent=None, separators=(",", ":")).replace(
        '"title":', '\n"title":').replace('{"says":', '\n{"says":') + "\n", "utf-8")
    np.savez_compressed(FOLDER / f"lesson{lesson}.npz", **rows)
    return True


def left_over():
    """Files of lessons that are gone."""
    return [path for path in sorted(FOLDER.glob("lesson*")) if path.stem[-2:] not in LESSONS]


class _Rows:
    """Numbers in one long row for each dtype. What was put there before is not put there again."""

    def __init__(self, functions):
        self.names, self.rows, self.seen = {function: name for name, function in functions.items()}, {}, {}

    def value(self, thing):
        """An argument, so that it can be read again as it was."""
        if isinstance(thing, np.ndarray | np.generic):
            return self._array(np.asarray(thing))
        if isinstance(thing, tuple | list):
            return {type(thing).__name__: [self.value(part) for part in thing]}
        if isinstance(thing, dict):
            return {"dict": {name: self.value(part) for name, part in thing.items()}}
        return {"function": self.names[thing]} if callable(thing) else thing

    def result(self, thing, tolerance=0.0):
        """A result, as it is compared. tolerance: that of the exercise, where fewer digits will do"""
        try:
            array = np.asarray(thing)
        except ValueError:  # lists of different lengths
            return {NOTHING: None}
        if array.dtype.kind not in "biuf":
            return {NOTHING: None}
        if array.dtype == np.float64 and tolerance and np.isfinite(array).all():
            with np.errstate(over="ignore"):
                fewer = array.astype(np.float32)
            if abs(fewer - array).max(initial=0) <= FINE * tolerance * abs(array).max(initial=0):
                array = fewer
        return self._array(array)

    def _array(self, array):
        dtype, flat = array.dtype.str[1:], np.ravel(array)
        key = dtype, flat.tobytes()
        if key not in self.seen:
            row = self.rows.setdefault(dtype, [])
            self.seen[key] = sum(map(len, row))
            row.append(flat)
        return {"array": [dtype, list(array.shape), self.seen[key]]}

    def joined(self):
        return {dtype: np.concatenate(parts) for dtype, parts in self.rows.items()}


def _arrays(exercise, right):
    """Places of the results that are arrays, in every case of the right answer; none where lists will do."""
    return [k for k in range(len(exercise.returns) if not exercise.lists else 0)
            if all(isinstance(answer[k], np.ndarray) and answer[k].ndim for answer in right)]


def _parameters(exercise):
    try:
        return list(inspect.signature(exercise.solution).parameters)
    except ValueError:
        return []


def _same(a, b):
    a, b = (np.asarray(part, dtype=object if isinstance(part, list) and _ragged(part) else None) for part in (a, b))
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _ragged(part):
    try:
        np.asarray(part)
    except ValueError:
        return True
    return False


def _alike(a, b, read_a, read_b):
    """Do two stored trees hold the same words, and the same numbers but for rounding?"""
    if isinstance(a, dict) and isinstance(b, dict):
        if "array" in a and "array" in b:
            x, y = np.asarray(read_a(a)), np.asarray(read_b(b))
            size = abs(y[np.isfinite(y)]).max(initial=0) if y.dtype.kind == "f" else 0
            return x.shape == y.shape and x.dtype.kind == y.dtype.kind and np.allclose(
                x, y, rtol=0, atol=1e-9 * size if "f4" not in (a["array"][0], b["array"][0]) else 1e-6 * size,
                equal_nan=True)
        return a.keys() == b.keys() and all(_alike(a[key], b[key], read_a, read_b) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_alike(x, y, read_a, read_b) for x, y in zip(a, b, strict=True))
    return a == b
