"""What a mutant is, and the list of all."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinycnn.gradient_check import gradcheck
from tinycnn.gradient_check.rule import BROKEN
from tinycnn.gradient_check.step_sizes import WRONG
from tinycnn.layers import Conv2d, Dropout, Linear

from .edits import mutate

MUTANTS = []


@dataclass(frozen=True)
class Mutant:
    """A wrong backward: what is changed in which shipped class, what is wrong, and the family that is to be named.

    edits, at: see edits.mutate    inputs: rng -> arguments of forward    build: (class, rng) -> object
    """

    name: str
    cls: type
    words: str
    family: str | None
    edits: tuple
    at: str
    inputs: Any = field(repr=False)
    build: Any = field(repr=False)

    @property
    def layer(self):
        return self.cls.__name__

    def make(self, rng):
        return self.build(mutate(self.cls, *self.edits, at=self.at), rng)

    def make_twin(self, rng):
        """The same object by the same mechanism, with nothing changed."""
        return self.build(mutate(self.cls, at=self.at), rng)

    def check(self, seed=0, twin=False):
        rng = np.random.default_rng(seed)
        thing = self.make_twin(rng) if twin else self.make(rng)
        return gradcheck(thing, *self.inputs(rng), seed=seed, title=self.name)


def plant(cls, name, family, words, *edits, inputs, at="backward", build=None, **arguments):
    """Register a mutant of `cls`.

    arguments: of the class, besides rng; or build: (class, rng) -> object
    """
    if cls in (Conv2d, Linear, Dropout):
        build = build or (lambda cls, rng: cls(**arguments, rng=rng))
    MUTANTS.append(Mutant(name, cls, words, family, edits, at, inputs, build or (lambda cls, rng: cls(**arguments))))


def caught_by(report):
    """Which witnesses spoke: "adjoint", "elements", "steps", "no gradient", and the names of broken rules."""
    found = []
    for t in report.tensors:
        if t.verdict == WRONG:
            found += ["no gradient"] if t.problem else []
            found += ["adjoint"] if (t.adjoint or 0) > 1e-11 else []
            found += ["elements"] if t.elements is not None and t.elements.count(WRONG) else []
            found += ["steps"] if any(sweep.verdict == WRONG for sweep in t.sweeps) else []
    found += [f"rule: {c.name}" for c in report.checks if c.verdict == BROKEN]
    return list(dict.fromkeys(found))
