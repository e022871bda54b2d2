"""All exercises by name, with their programs: the number of a lesson, a dot, and the name within that lesson."""

import importlib
import re
from dataclasses import replace
from pathlib import Path

from tinycnn.course.stored import adapters


def of_lesson(number):
    """{name: Exercise} of one lesson, as its module has them, with the calls that the checks make."""
    calls, gradients, _ = adapters(number)
    module = importlib.import_module(f"lessons.known.lesson{number}")
    return {name: replace(exercise, call=calls.get(name), gradient=gradients.get(name))
            for name, exercise in module.EXERCISES.items()}


# A lesson brings its exercises in a module lessonNN.py in this folder, as a dictionary EXERCISES.
LESSONS = {path.stem[-2:]: of_lesson(path.stem[-2:]) for path in sorted(Path(__file__).parent.glob("lesson*.py"))
           if re.fullmatch(r"lesson\d\d", path.stem)}
EXERCISES = {f"{lesson}.{name}": exercise for lesson, exercises in LESSONS.items()
             for name, exercise in exercises.items()}  # fmt: skip


def known(name):
    """The Exercise called `name`, with its right answer and its mistakes."""
    return EXERCISES[name]
