"""Wrong backwards that a person could really write, and that the gradient checker must catch.

Each mutant is an edit of the shipped source (edits.py): a class of the library in which one piece of one method reads
differently, with a sentence that says what is wrong and the family of mistakes that the checker should name, or None
where no family applies. `python -m tests.mutants` from the root of the repository prints the table.
"""

from . import blocks, convolution, elementwise, habits, linear, losses, models, pooling  # noqa: F401  registers the mutants
from .edits import mutate
from .registry import MUTANTS, Mutant, caught_by

__all__ = ["MUTANTS", "Mutant", "caught_by", "mutate"]
