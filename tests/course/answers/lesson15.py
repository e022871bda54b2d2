"""Answers to lesson 15, from the split to the worst pictures; they are in the two files named here."""

from tests.course.answers.measure15 import INTERVAL, RECALL, WORST
from tests.course.answers.split15 import BEST_RUN, SPLIT

ANSWERS = {"15.split": SPLIT, "15.best_run": BEST_RUN, "15.interval": INTERVAL, "15.recall": RECALL, "15.worst": WORST}
