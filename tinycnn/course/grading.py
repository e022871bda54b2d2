"""Grading what was handed in: python -m tinycnn.course grade FOLDER [--out FOLDER] [--lessons 03 06] [--seconds 60]

FOLDER holds a folder for each student with their notebooks, or notebooks named after the students. Which exercises
count, and for how many points, is a fixed list (exercises.json), whatever checks a notebook still holds. Only
definitions, imports and plain constants of a notebook are run, each exercise in a process of its own with a time limit,
a limit of memory, and no network. What is missing, broken, endless or taken from the library scores 0.

A grade is as honest as those who hand in: this stops mistakes and idle tricks, not a determined attacker. Run it where
strangers' code can do no harm.
"""

import csv
import html
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tinycnn.course.result import HEADS, Result
from tinycnn.files import atomic_write
from tinycnn.text import aligned

LISTED = Path(__file__).with_name("exercises.json")
TIMEOUT, BROKEN, BORROWED, MISSING = "too slow", "broken", "taken from the library", "missing"
WORDS = HEADS | {TIMEOUT: "stopped: it took too long", BROKEN: "the process ended", BORROWED: "taken from the library",
                 MISSING: "not in the notebook"}


def exercises(lessons=None):
    """{exercise: {"answer", "points", "uses"}} of these lessons ("03"), or of all."""
    listed = json.loads(LISTED.read_text("utf-8"))
    return {name: entry for name, entry in listed.items() if lessons is None or name[:2] in lessons}


def submissions(folder):
    """{student: {lesson: notebook's path}}. A file beside the folders counts as a student's of its own name."""
    found = {}
    for path in sorted(Path(folder).rglob("*.ipynb")):
        lesson = re.search(r"(?<!\d)(\d\d)_", path.name)
        if lesson is None or ".ipynb_checkpoints" in path.parts:
            continue
        inside = path.relative_to(folder).parts
        student = inside[0] if len(inside) > 1 else path.stem
        found.setdefault(student, {}).setdefault(lesson[1], path)
    return found


def code_of(path):
    """The code cells of a notebook as texts; [] if it cannot be read as one."""
    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        return ["".join(cell["source"]) for cell in cells if cell.get("cell_type") == "code"]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def grade(cells, exercise, entry, seconds=60, mine=None):
    """(verdict, sentences, mistakes) for one exercise of one notebook, in a process of its own.

    cells: texts    entry: of `exercises`    mine: the student's folder of kept answers, if they handed one in
    """
    task = json.dumps({"cells": cells, "exercise": exercise, **entry})
    environment = os.environ | {"TINYCNN_FAST": "1", "TINYCNN_MINE": str(mine or os.devnull), "MPLBACKEND": "agg",
                                "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "tinycnn.course.grading_worker"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
                               start_new_session=True)
    try:
        said, _ = process.communicate(task, timeout=seconds)
        found = json.loads(said.rsplit("\n", 2)[-2])
        return found["verdict"], found["lines"], found["mistakes"]
    except subprocess.TimeoutExpired:
        return TIMEOUT, [f"It was stopped after {seconds} seconds. Does a loop never end?"], []
    except (ValueError, IndexError, KeyError):
        return BROKEN, ["The process that ran it ended without an answer: out of memory, or ended by the answer."], []
    finally:
        _end(process)


def _end(process):
    """End the process and whatever it has started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def main(folder, out=None, lessons=None, seconds=60):
    """Grade all that was handed in; writes grades.csv, mistakes.csv and a page for each student."""
    folder, listed, grades, tally = Path(folder), exercises(lessons), {}, Counter()
    handed_in = submissions(folder)
    if not handed_in:
        print(f"{folder} holds no notebook whose name has a lesson's number, such as 06_convolution.ipynb")
        return 1
    out = Path(out) if out is not None else folder / "grades"
    out.mkdir(parents=True, exist_ok=True)
    for student, notebooks in handed_in.items():
        grades[student] = {}
        for exercise, entry in listed.items():
            path = notebooks.get(exercise[:2])
            if path is None:
                grades[student][exercise] = MISSING, [], []
                continue
            kept = path.parent / "mine"
            verdict, lines, mistakes = grade(code_of(path), exercise, entry, seconds, kept if kept.is_dir() else None)
            grades[student][exercise] = verdict, lines, mistakes
            tally.update((exercise, mistake) for mistake in mistakes or ([verdict] if verdict != "right" else []))
        with atomic_write(out / f"{re.sub(r'[^-_. 0-9A-Za-z]', '_', student)}.html", "w") as file:
            file.write(page(student, grades[student], listed))
    _write(out / "grades.csv", _table(grades, listed))
    _write(out / "mistakes.csv", [("exercise", "mistake", "students"),
                                  *((*key, number) for key, number in tally.most_common())])
    right = {student: sum(verdict == "right" for verdict, *_ in found.values()) for student, found in grades.items()}
    points = {student: points_of(found, listed) for student, found in grades.items()}
    table = [("student", "points", "right"), *((name, str(points[name]), str(right[name])) for name in grades)]
    print(*aligned(table), sep="\n")
    print(f"of {sum(entry['points'] for entry in listed.values())} points in {len(listed)} exercises; tables and pages "
          f"are in {out}")
    return 0


def points_of(found, listed):
    """The sum of the points of right answers."""
    return sum(listed[exercise]["points"] for exercise, (verdict, *_) in found.items() if verdict == "right")


def _table(grades, listed):
    yield "student", "points", *listed
    for student, found in grades.items():
        yield student, points_of(found, listed), *(found[exercise][0] for exercise in listed)


def _write(path, rows):
    with atomic_write(path, "w") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@" else cell for cell in row] for row in rows)


def page(student, found, listed):
    """A student's feedback as a page of HTML: for each exercise what the check says."""
    total = sum(entry["points"] for entry in listed.values())
    parts = ["<!doctype html><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
             "<style>body{font:16px/1.5 sans-serif;max-width:46em;margin:2em auto;padding:0 1em}</style>",
             f"<title>{html.escape(student)}</title><h1>{html.escape(student)}: {points_of(found, listed)} of {total} "
             "points</h1>"]
    for exercise, (verdict, lines, mistakes) in found.items():
        got = listed[exercise]["points"] if verdict == "right" else 0
        points = f"{got} of {listed[exercise]['points']} points"
        if verdict in HEADS:
            parts.append(Result(exercise, points, verdict, lines, tuple(mistakes))._repr_html_())
        else:
            said = "".join(f"<div>{html.escape(line)}</div>" for line in lines)
            parts.append(f"<p><b>{html.escape(WORDS[verdict])}</b> {points}, {exercise}{said}</p>")
    return "\n".join(parts) + "\n"
