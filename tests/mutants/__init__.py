"""Wrong backwards that a person could really write, and that the gradient checker must catch.

Each mutant is one small change to a plain, correct layer (plain.py): a class with the sentence that says what is wrong
with it, and the family of mistakes that the checker should name, or None where no family applies. `python -m
tests.mutants` from the root of the repository prints the table.
"""

from . import convolution, elementwise, habits, linear, losses, models, pooling  # noqa: F401  registers the mutants
from .registry import MUTANTS, Mutant, caught_by

__all__ = ["MUTANTS", "Mutant", "caught_by"]
