"""The right answers, and the mistakes that are known: whole programs, from which the checks' numbers are made.

They are not in what students install. `python -m lessons.index` writes down what they give for the hidden inputs
(store.py), `python -m lessons.known` prints what the checks make of every one of them.
"""

from lessons.known.catalog import EXERCISES, known

__all__ = ["EXERCISES", "known"]
