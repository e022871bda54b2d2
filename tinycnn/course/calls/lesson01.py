"""Calls of lesson 01."""

import numpy as np


def _shares(function, args, kwargs):
    """The share over all pictures, and over several parts of them: one number alone is met by chance."""
    answers = [function(*(array[part] for array in args)) for part in (np.s_[:], np.s_[::2], np.s_[1::3], np.s_[:3])]
    return [None if any(answer is None for answer in answers) else answers]


CALLS = {"joint": _shares}
