"""Makes undefined memory show: np.empty and np.divide(..., where=) without out= are full of zeros by luck alone.

Small arrays get the memory of arrays that were freed just before. So before every line of the learner's, blocks of the
sizes in question are filled with an odd number and freed again; whoever reads what was never written finds that number.
"""

import contextlib
import sys

import numpy as np

ODD = -8.25e88
KEPT = 8  # more blocks of one size than NumPy keeps for reuse
LINES = 2000  # of one call; a loop does not need it again and again


@contextlib.contextmanager
def filled(function, sizes):
    """While this is open, free memory for arrays of `sizes` numbers is not 0 at the beginning of each line."""
    code = getattr(function, "__code__", None) or getattr(getattr(function, "forward", None), "__code__", None)
    before, left = sys.gettrace(), LINES

    def on_line(frame, event, argument):
        nonlocal left
        if left > 0:
            left -= 1
            _fill(sizes)
        return on_line if left > 0 else None

    def on_call(frame, event, argument):
        return on_line if left > 0 and frame.f_code.co_filename == code.co_filename else None

    _fill(sizes)
    if code is None or before is not None:  # a debugger is at work
        yield
        return
    sys.settrace(on_call)
    try:
        yield
    finally:
        sys.settrace(before)


def _fill(sizes):
    for size in sizes:
        blocks = [np.full(size, ODD) for _ in range(KEPT)]
        del blocks
