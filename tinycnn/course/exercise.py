"""What an exercise is to the checks: hidden inputs, what a right answer gives for them, and what known mistakes give.

The programs that give it are no part of the package. They are in lessons/known, and what they gave is in stored/
(stored.py); so who has only the package has no solution. A mistake is not a pattern in the text of a program but a
whole wrong program: it was run on the same hidden inputs, and whoever gets the same wrong numbers has made the same
mistake. So nobody is accused of a mistake that they did not make.
"""

import inspect
from dataclasses import dataclass, field

import numpy as np


class Case:
    """Arguments of one call. `for_call` makes fresh copies, so that no call can spoil the next."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs

    def for_call(self, dtype=None):
        """(args, kwargs), arrays copied; with a dtype, arrays of floating-point numbers are converted to it."""
        return [_copy(a, dtype) for a in self.args], {name: _copy(a, dtype) for name, a in self.kwargs.items()}


@dataclass(frozen=True)
class Met:
    """A known mistake.

    says: what was done, and where to look; never how to do it
    outputs: what it gives, as Exercise.expected
    """

    says: str
    outputs: list


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson.

    title: what is to be written
    cases: list of Case, the hidden inputs, always the same; together they tell all mistakes apart
    expected: for each case a list of arrays, what a right answer gives: one for each name in `returns`
    mistakes: {key: Met}
    returns: names of what the function returns; several for a tuple
    parameters: names of the function's arguments, in order
    call: function (learner's function, args, kwargs) -> outputs, where a plain call would not do: classes, or
        one answer made of several calls (calls/). Default: call it
    elements: names of an answer's elements, where their numbers say little
    takes: names of a case's arguments where they are not those of the function, as for classes
    gradient: function (learner's function) -> a gradcheck Report, for exercises with a backward (calls/)
    keeps_dtype: float32 in, float32 out
    arrays: which results have to be arrays, by their place: where a list will not do for the cells that come later
    tolerance: relative to the largest number of an answer
    stub_says: the key of the known mistake that the cell makes as handed out, where a bug is to be found
    """

    title: str
    cases: list
    expected: list
    mistakes: dict = field(repr=False)
    returns: tuple = ("y",)
    parameters: tuple = ()
    call: object = None
    takes: tuple = ()
    elements: tuple = ()
    gradient: object = None
    keeps_dtype: bool = False
    arrays: tuple = ()
    tolerance: float = 1e-6
    stub_says: str | None = None

    def run(self, function, args, kwargs):
        """What `function` answers, as a list: one entry for each name in `returns`. The arguments are the caller's."""
        return run(function, args, kwargs, self.call, self.returns)

    def describe(self, case, function=None):
        """The call in words, arguments by the learner's names: (x: float64 (2, 5, 6, 3), stride: 2)"""
        return f"({', '.join(f'{name}: {_describe(a)}' for name, a in self.arguments(case, function).items())})"

    def arguments(self, case, function=None):
        """{name: argument} of a case, by the names of `function` if it takes that many, else by the exercise's."""
        if self.takes:
            return dict(zip(self.takes, case.args, strict=False)) | case.kwargs
        if self.call is not None:
            return {f"argument {i}": a for i, a in enumerate(case.args)} | case.kwargs
        try:
            return dict(inspect.signature(function).bind(*case.args, **case.kwargs).arguments)
        except (TypeError, ValueError):
            return dict(zip(self.parameters, case.args, strict=False)) | case.kwargs


def run(function, args, kwargs, call, returns):
    """The results of one call as a list. call: as in Exercise    returns: names of the results"""
    if call is not None:
        return list(call(function, args, kwargs))
    found = function(*args, **kwargs)
    return list(found) if len(returns) > 1 and isinstance(found, tuple | list) else [found]


def _copy(a, dtype):
    if not isinstance(a, np.ndarray):
        return a
    return a.astype(dtype) if dtype is not None and a.dtype.kind == "f" else a.copy()


def _describe(a):
    return f"{a.dtype} {a.shape}" if isinstance(a, np.ndarray) else repr(a)
