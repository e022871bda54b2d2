"""All exercises by name: the number of a lesson, a dot, and the name within that lesson, such as 06.conv_forward."""

import importlib
import re
from pathlib import Path

from tinycnn.errors import TinyCNNError

# A lesson brings its exercises in a module lessonNN.py in this folder, as a dictionary EXERCISES.
LESSONS = {path.stem[-2:]: importlib.import_module(f"tinycnn.course.{path.stem}")
           for path in sorted(Path(__file__).parent.glob("lesson*.py")) if re.fullmatch(r"lesson\d\d", path.stem)}
EXERCISES = {f"{lesson}.{name}": exercise for lesson, module in LESSONS.items()
             for name, exercise in module.EXERCISES.items()}  # fmt: skip


def names():
    """Names of all exercises, in order: 00.normalize ... 01.convert, 01.iou ..."""
    return list(EXERCISES)


def named(name):
    """The Exercise called `name`; TinyCNNError for a name that does not exist."""
    if name not in EXERCISES:
        raise TinyCNNError(f"no exercise is called {name!r}; there are: {', '.join(EXERCISES)}")
    return EXERCISES[name]
