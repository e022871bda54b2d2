"""What an exercise is: a right answer, hidden inputs, and known wrong answers with a sentence each.

A lesson's exercises are in a module of their own (lesson01.py ...), in a dictionary EXERCISES; catalog.py lists them
all. A mistake is not a pattern in the text of a program but a whole wrong program: it runs on the same hidden inputs,
and whoever gets the same wrong numbers has made the same mistake. So nobody is accused of a mistake that they did not
make.
"""

import inspect
from dataclasses import dataclass

import numpy as np


class Case:
    """Arguments of one call. `for_call` makes fresh copies, so that no call can spoil the next."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs

    def for_call(self, dtype=None):
        """(args, kwargs), arrays copied; with a dtype, arrays of floating-point numbers are converted to it."""
        return [_copy(a, dtype) for a in self.args], {name: _copy(a, dtype) for name, a in self.kwargs.items()}


@dataclass(frozen=True)
class Mistake:
    """A known wrong answer.

    function: called like the learner's    says: what was done, and where to look; never how to do it
    """

    function: object
    says: str


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson.

    title: what is to be written
    solution: a right answer, called like the learner's function
    cases: function (rng) -> list of Case, the hidden inputs; together they tell all mistakes apart
    mistakes: {key: Mistake}
    returns: names of what the function returns; several for a tuple
    call: function (learner's function, args, kwargs) -> outputs, where a plain call would not do: classes, or
        one answer made of several calls. Default: call it
    elements: names of an answer's elements, where their numbers say little
    takes: names of a case's arguments where they are not those of the solution, as for classes
    gradient: function (learner's function) -> a gradcheck Report, for exercises with a backward
    stub, unknown: what the learner finds and an answer with an unknown mistake, where a plain function would not do
    stub_says: the key of the known mistake that the stub makes, where a bug is to be found; else it is empty
    keeps_dtype: float32 in, float32 out
    tolerance: relative to the largest number of an answer
    """

    title: str
    solution: object
    cases: object
    mistakes: dict
    returns: tuple = ("y",)
    call: object = None
    takes: tuple = ()
    elements: tuple = ()
    gradient: object = None
    stub: object = None
    stub_says: str | None = None
    unknown: object = None
    keeps_dtype: bool = False
    tolerance: float = 1e-6

    def hidden_cases(self):
        """The inputs, always the same: a check that fails today fails tomorrow."""
        return self.cases(np.random.default_rng(20121209))

    def outputs(self, function, case):
        """What `function` answers for one case, as a list: one entry for each name in `returns`."""
        return self.run(function, *case.for_call())

    def run(self, function, args, kwargs):
        """The same for arguments that belong to the caller, who wants to see what becomes of them."""
        if self.call is not None:
            return list(self.call(function, args, kwargs))
        found = function(*args, **kwargs)
        return list(found) if len(self.returns) > 1 and isinstance(found, tuple | list) else [found]

    def describe(self, case, function=None):
        """The call in words, arguments by the learner's names: (x: float64 (2, 5, 6, 3), stride: 2)"""
        return f"({', '.join(f'{name}: {_describe(a)}' for name, a in self.arguments(case, function).items())})"

    def arguments(self, case, function=None):
        """{name: argument} of a case, by the names of `function` if it takes that many, else by the solution's."""
        if self.takes:
            return dict(zip(self.takes, case.args, strict=False)) | case.kwargs
        for called in (function, self.solution) if self.call is None else ():
            try:
                return dict(inspect.signature(called).bind(*case.args, **case.kwargs).arguments)
            except (TypeError, ValueError):
                pass
        return {f"argument {i}": a for i, a in enumerate(case.args)} | case.kwargs


def _copy(a, dtype):
    if not isinstance(a, np.ndarray):
        return a
    return a.astype(dtype) if dtype is not None and a.dtype.kind == "f" else a.copy()


def _describe(a):
    return f"{a.dtype} {a.shape}" if isinstance(a, np.ndarray) else repr(a)
