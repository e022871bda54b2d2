"""Answers as learners write them: several right ones in other styles, and many wrong ones, for every exercise.

A lesson's answers are in lessonNN.py of this folder, as ANSWERS = {exercise: Answers(right=[...], wrong=[...])}. They
are written from scratch, not by changing the right answer of the check. `python -m tests.course.matrix` prints what the
checks make of them; tests/course/test_answers.py holds them to it.
"""

import importlib
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Wrong:
    """A wrong answer, and the known mistake as which it should be met; None where no mistake may be named."""

    function: object
    known: str | None = None


@dataclass(frozen=True)
class Answers:
    """right: functions or classes that must pass    wrong: list of Wrong"""

    right: list
    wrong: list


def wrong(function, known=None):
    """A wrong answer. known: key of the known mistake; two at once as "one, other"."""
    return Wrong(function, known)


def answers(lesson=None):
    """{exercise: Answers} of one lesson, or of all that have any."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("lesson*.py")):
        if re.fullmatch(r"lesson\d\d", path.stem) and lesson in (None, path.stem[-2:]):
            found |= importlib.import_module(f"tests.course.answers.{path.stem}").ANSWERS
    return found
