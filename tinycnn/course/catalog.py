"""All exercises by name: the number of a lesson, a dot, and the name within that lesson, such as 06.conv_forward."""

from tinycnn.course import stored
from tinycnn.errors import TinyCNNError


def names():
    """Names of all exercises, in order: 00.normalize ... 01.convert, 01.iou ..."""
    return [f"{lesson}.{name}" for lesson in stored.lessons() for name in stored.exercises(lesson)]


def named(name):
    """The Exercise called `name`; TinyCNNError for a name that does not exist."""
    lesson, _, own = name.partition(".")
    if lesson not in stored.lessons() or own not in stored.exercises(lesson):
        raise TinyCNNError(f"no exercise is called {name!r}; there are: {', '.join(names())}")
    return stored.exercises(lesson)[own]
