"""Classes that stand in for a learner's: as it is handed out, and wrong in a way that no check knows."""

import numpy as np


def empty(right):
    """The class as a learner finds it: its methods return nothing. right: the class of the right answer"""
    def nothing(self, *arguments, **options):
        return None
    return type("Empty", (right,), {"forward": nothing, "backward": nothing})


def unknown(right):
    """A class whose backward is off by other numbers everywhere."""
    def backward(self, *arguments):
        found = right.backward(self, *arguments)
        return found + 0.1 * np.arange(1, found.size + 1).reshape(found.shape)
    return type("Unknown", (right,), {"backward": backward})
