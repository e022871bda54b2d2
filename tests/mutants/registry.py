"""What a mutant is, and the list of all."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinycnn.gradient_check import gradcheck
from tinycnn.gradient_check.invariants import BROKEN
from tinycnn.gradient_check.step_sizes import WRONG

MUTANTS = []


@dataclass(frozen=True)
class Mutant:
    """A wrong backward: what it breaks, what is wrong, the family to be named, and how to build one with its inputs."""

    name: str
    layer: str
    words: str
    family: str | None
    make: Any
    inputs: Any

    def check(self, seed=0):
        rng = np.random.default_rng(seed)
        return gradcheck(self.make(rng), *self.inputs(rng), seed=seed, title=self.name)


def mutant(family, inputs, **arguments):
    """Register a class as a mutant. inputs: rng -> arguments of forward; arguments: of the class, besides rng."""

    def register(cls):
        name = re.sub(r"(?<!^)(?=[A-Z])", " ", cls.__name__).lower()
        accepts_rng = cls.layer in ("Conv2d", "Linear", "Dropout", "Localizer")
        MUTANTS.append(Mutant(name, cls.layer, " ".join(cls.__doc__.split()), family,
                              lambda rng: cls(**arguments, **({"rng": rng} if accepts_rng else {})), inputs))
        return cls

    return register


def caught_by(report):
    """Which witnesses spoke: "adjoint", "elements", "ladder", "no gradient", and the names of broken rules."""
    found = []
    for t in report.tensors:
        if t.verdict == WRONG:
            found += ["no gradient"] if t.problem else []
            found += ["adjoint"] if (t.adjoint or 0) > 1e-11 else []
            found += ["elements"] if t.elements is not None and t.elements.count(WRONG) else []
            found += ["ladder"] if any(sweep.verdict == WRONG for sweep in t.sweeps) else []
    found += [f"rule: {c.name}" for c in report.checks if c.verdict == BROKEN]
    return list(dict.fromkeys(found))
