"""The matrix of all exercises: python -m lessons.known

For every exercise: does the right answer pass, does the cell as handed out count as what it is, is every known mistake
recognized as itself, and is an answer with an unknown mistake left unattributed? Exits with 1 if anything is amiss.
"""

import sys

import numpy as np

from lessons.known.catalog import EXERCISES, known
from tinycnn.course import check


def stub(*args, **kwargs):
    """The cell as a learner finds it."""


def off(exercise):
    """An answer with a mistake that nobody knows: every number is a little off, none in the same way."""
    def function(*args, **kwargs):
        found = exercise.solution(*args, **kwargs)
        several = isinstance(found, tuple)
        parts = [part + 0.123 + 0.07 * np.arange(np.size(part)).reshape(np.shape(part))
                 for part in (found if several else (found,))]
        return tuple(parts) if several else parts[0]
    return function


def row(name):
    """Yield (answer, what should be said, Result): right, as handed out, every mistake, an unknown one."""
    exercise = known(name)
    yield "right answer", "right", check(name, exercise.solution)
    yield "as handed out", exercise.stub_says or "not written yet", check(name, exercise.stub or stub)
    for key, mistake in exercise.mistakes.items():
        yield f"mistake: {key}", key, check(name, mistake.function)
    yield "unknown mistake", "wrong", check(name, exercise.unknown or off(exercise))


def said(result):
    """The key of a known mistake, or else the verdict."""
    return ", ".join(result.mistakes) or result.verdict


def matrix():
    """Print the matrix; returns 1 if an answer was judged wrongly."""
    amiss, met = 0, 0
    for name in EXERCISES:
        print(f"\n{name}: {known(name).title}")
        for answer, expected, result in row(name):
            as_expected = said(result) == expected
            amiss += not as_expected
            met += as_expected and answer.startswith("mistake")
            print(f"  {'✓' if as_expected else '✗'} {answer.ljust(40)} {said(result)}")
    print(f"\n{len(EXERCISES)} exercises, {met} known mistakes recognized, {amiss} answers judged wrongly")
    return 1 if amiss else 0


if __name__ == "__main__":
    sys.exit(matrix())
