"""The list of all exercises, for grading: python -m lessons.index [--check]

For each exercise of the lessons' sources: the name that the learner's function has, its points (the difficulty, 1 to 5)
and what of the library the solved answer uses. It is written to tinycnn/course/exercises.json, since those who grade
may have no more than the package.
"""

import contextlib
import io
import json
import linecache
import os
import re
import sys

from lessons.build import FOLDER, _cells, _tags, kept_in, sources
from tinycnn.course.written import library_uses

PATH = FOLDER.parent / "tinycnn" / "course" / "exercises.json"


def exercises(source):
    """{exercise: {"answer": name, "points": 1 to 5, "uses": [dotted names]}} of one lesson."""
    cells = [cell for cell in _cells(source) if cell.cell_type == "code" and "exercise" not in _tags(cell)]
    checks = [found for cell in cells for found in re.findall(r'^check\("([\w.]+)", (\w+)\)$', cell.source, re.M)]
    points = [int(number) for number in re.findall(r"Difficulty ([1-5])/5, about", source.read_text("utf-8"))]
    space = {"__name__": "__main__"}
    for i, cell in enumerate(cells):
        helper = "yours" in _tags(cell) and (cell.source.startswith(("def ", "class ")) or "= mine(" in cell.source)
        if i == 0 or "solution" in _tags(cell) or helper:
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
    wanted = text()
    if "--check" in arguments:
        same = PATH.exists() and PATH.read_text("utf-8") == wanted
        print("exercises.json agrees with the lessons" if same else "run python -m lessons.index")
        return 0 if same else 1
    PATH.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
