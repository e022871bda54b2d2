"""What the lessons grade with and draw: hidden inputs, and what right answers and known mistakes give for them.

    from tinycnn.course import check

    check("01.iou", iou)          # in a notebook the answer appears as a card; elsewhere, print it

A check never raises for what a learner wrote. It says "not written yet", what was raised and for which shapes, which
known mistake was met and where to look, the first number that differs, or that all is right; and where an exercise has
a backward, what the gradient checker says. The right answers themselves are not in here (exercise.py); figures are in
`drawings/`.

This is the one place where fast mode is described. With the environment variable TINYCNN_FAST=1, `FAST` is True and
the lessons use less data and fewer epochs: every cell runs, in seconds, but pictures and numbers are those of a network
that has hardly trained. It is meant for machines that only want to know whether a lesson still runs.
"""

import os

from tinycnn.course.catalog import named, names
from tinycnn.course.exercise import Case, Exercise
from tinycnn.course.judge import case, check
from tinycnn.course.library import read
from tinycnn.course.own import keep, mine
from tinycnn.course.result import Result

FAST = os.environ.get("TINYCNN_FAST", "0") not in ("", "0")

__all__ = ["FAST", "Case", "Exercise", "Result", "case", "check", "keep", "mine", "named", "names", "read"]
