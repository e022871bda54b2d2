"""Wrong backwards and right ones in the forms in which people write them, none of them from this library.

Every mutant was written from a description of the mistake alone, without a look at the checker, together with its
correct twin. `python -m tests.strangers` prints what is made of them.
"""

import importlib
import pkgutil

from .registry import Found, judge

KINDS = ("unseen", "size_of_dy", "another_call", "float32", "one_in_many", "families", "hardest", "right")
CASES = [case for module in pkgutil.iter_modules(__path__) if module.name.startswith(KINDS)
         for case in importlib.import_module(f"{__name__}.{module.name}").CASES]
MUTANTS = [case for case in CASES if case.kind != "right"]
RIGHT = [case for case in CASES if case.kind == "right"]

__all__ = ["CASES", "MUTANTS", "RIGHT", "Found", "judge"]
