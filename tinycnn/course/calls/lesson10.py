"""Calls of lesson 10."""

import numpy as np


def _of_each_run(function, args, kwargs):
    """Both numbers for several runs: one pair alone is met by chance."""
    scores, patience = args
    pairs = [function(row.copy(), patience) for row in scores]
    if any(pair is None for pair in pairs):
        return [None, None]
    if any(np.shape(pair) != (2,) for pair in pairs):
        raise TypeError(f"expected two numbers, the best epoch and the last one, got {pairs[0]!r}")
    return [[pair[k] for pair in pairs] for k in (0, 1)]


CALLS = {"early_stopping": _of_each_run}
