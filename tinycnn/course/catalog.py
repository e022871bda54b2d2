"""All exercises by name: the number of a lesson, a dot, and the name within that lesson, such as 06.conv_forward."""

from tinycnn.course import lesson00, lesson01, lesson05, lesson06, lesson07, lesson09
from tinycnn.errors import TinyCNNError

LESSONS = {"00": lesson00, "01": lesson01, "05": lesson05, "06": lesson06, "07": lesson07, "09": lesson09}
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
