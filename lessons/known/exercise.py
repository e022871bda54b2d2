"""What an exercise is made of: a right answer, hidden inputs, and known wrong answers with a sentence each.

A lesson's exercises are in a module of their own (lesson01.py ...), in a dictionary EXERCISES; catalog.py lists them
all. Nothing of this is in the package: store.py writes down what these programs give for the hidden inputs, and the
checks compare with that.
"""

from dataclasses import dataclass

import numpy as np

from tinycnn.course.exercise import Case, run

__all__ = ["Case", "Exercise", "Mistake"]


@dataclass(frozen=True)
class Mistake:
    """A known wrong answer.

    function: called like the learner's    says: what was done, and where to look; never how to do it
    """

    function: object
    says: str


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson, as tinycnn/course/exercise.py has it, and the programs.

    solution: a right answer, called like the learner's function
    cases: function (rng) -> list of Case, the hidden inputs; together they tell all mistakes apart
    mistakes: {key: Mistake}
    call, gradient: set by catalog.py, from tinycnn/course/calls
    lists: may its arrays be lists as well? Only where no cell that comes later minds
    stub, unknown: what the learner finds and an answer with an unknown mistake, where a plain function would not do
    stub_says: the key of the known mistake that the stub makes, where a bug is to be found; else it is empty
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
    lists: bool = False
    tolerance: float = 1e-6

    def hidden_cases(self):
        """The inputs, always the same: a check that fails today fails tomorrow."""
        return self.cases(np.random.default_rng(20121209))

    def outputs(self, function, case):
        """What `function` answers for one case, as a list: one entry for each name in `returns`."""
        return run(function, *case.for_call(), self.call, self.returns)
