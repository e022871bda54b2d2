"""What the package knows of the exercises: python -m lessons.index [--check]

For each exercise of the lessons' sources: the name that the learner's function has, its points (the difficulty, 1 to 5)
and what of the library the solved answer uses. It is written to tinycnn/course/exercises.json, since those who grade
may have no more than the package. Beside it, in tinycnn/course/stored, lies what right answers and known mistakes give
for the hidden inputs: lessons/known/store.py.
"""

import contextlib
import io
import json
import linecache
import os
import re
import sys

from lessons.build import FOLDER, kept_in, sources
from lessons.cells import cells_of, tags_of
from lessons.known import store
from lessons.known.catalog import LESSONS
from tinycnn.course.written import library_uses

PATH = FOLDER.parent / "tinycnn" / "course" / "exercises.json"


def exercises(source):
    """{exercise: {"answer": name, "points": 1 to 5, "uses": [dotted names]}} of one lesson."""
    cells = [cell for cell in cells_of(source) if cell.cell_type == "code" and "exercise" not in tags_of(cell)]
    checks = [found for cell in cells for found in re.findall(r'^check\("([\w.]+)", (\w+)\)$', cell.source, re.M)]
    points = [int(number) for number in re.findall(r"Difficulty ([1-5])/5, about", source.read_text("utf-8"))]
    space = {"__name__": "__main__"}
    for i, cell in enumerate(cells):
        helper = "yours" in tags_of(cell) and (cell.source.startswith(("def ", "class ")) or "= mine(" in cell.source)
        if i == 0 or "solution" in tags_of(cell) or helper:
            text = cell.source.split("\n\n\nif ")[0]
            name = f"<{source.stem}, cell {i}>"
            linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
            exec(compile(text, name, "exec"), space)
    return {exercise: {"answer": answer, "points": number, "uses": sorted(library_uses(answer, space[answer]))}
            for (exercise, answer), number in zip(checks, points, strict=True)}


def text():
    """What the file should hold."""
    found = {}
    with kept_in(os.devnull), contextlib.redirect_stdout(io.StringIO()):  # with the library's pieces, nobody's own
        for source in sources():
            found |= exercises(source)
    return json.dumps(found, indent=1) + "\n"


def main(arguments):
    """Write the list, or say whether it is as it should be."""
    if "--check" in arguments:
        stale = [f"lesson {lesson}" for lesson in LESSONS if store.stale(lesson)]
        stale += [path.name for path in store.left_over()]
        stale += [] if PATH.exists() and PATH.read_text("utf-8") == text() else [PATH.name]
        print(f"run python -m lessons.index: {', '.join(stale)}" if stale else "what is stored agrees with the lessons")
        return 1 if stale else 0
    for lesson in LESSONS:
        if store.store(lesson):
            print("written: lesson", lesson)
    for path in store.left_over():
        path.unlink()
    PATH.write_text(text(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
