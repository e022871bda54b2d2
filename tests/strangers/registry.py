"""What a stranger's mutant is: one function that makes the wrong thing and its correct twin."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinycnn.gradient_check import gradcheck


@dataclass(frozen=True)
class Case:
    """make(wrong) gives the object, or the pair (forward, backward); inputs() the arguments of forward.

    kind: the kind of mistake; "right" for correct code, whose make is only ever called with wrong=False
    families: the names that a report may give it, any of them right; empty where only being caught is asked
    """

    name: str
    kind: str
    make: Callable[[bool], Any]
    inputs: Callable[[], tuple]
    families: tuple[str, ...] = ()


class Cases(list[Case]):
    """The cases of one file. As a decorator: @CASES.add("name", "kind", inputs, "family", ...) above make."""

    def add(self, name, kind, inputs, *families):
        def keep(make):
            self.append(Case(name, kind, make, inputs, families))
            return make

        return keep


def rn(*shape, seed=0):
    """Standard normal numbers, float64."""
    return np.random.default_rng(seed).standard_normal(shape)


@dataclass(frozen=True)
class Found:
    """What gradcheck says of a case: of the mutant, and of its twin ("ok", "incomplete", "unclear" or "accused")."""

    caught: bool
    named: bool
    families: list
    text: str
    twin: str
    twin_text: str


def judge(case, seed=0):
    """Check the mutant and its twin; an exception is as good as a finding in a mutant, and an accusation in a twin."""
    _, twin, twin_text, _ = _check(case, False, seed)
    if case.kind == "right":
        return Found(False, False, [], "", twin, twin_text)
    ok, verdict, text, families = _check(case, True, seed)
    # A number of which no gradient can be found has no family: the report says that it was not looked at.
    named = not ok and (not case.families or bool({*families} & {*case.families}) or verdict == "incomplete")
    return Found(not ok, named, families, text, twin, twin_text)


def _check(case, wrong, seed):
    try:
        report = gradcheck(case.make(wrong), *case.inputs(), seed=seed)
    except Exception as error:
        return False, "accused", f"raised {type(error).__name__}: {error}", ["raises"]
    verdict = "accused" if report.verdict == "wrong" else report.verdict
    return report.ok, verdict, str(report), report.families
