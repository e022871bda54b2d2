"""Counting launches: how often the host asks the device to compute something.

A GPU computes nothing by itself. For each array operation the host puts a piece of work, a kernel, into the device's
queue, and that takes some microseconds, however small the arrays are. Views (reshape, a transpose, a slice) and arrays
without contents (empty) launch nothing. Here each call that computes counts as one; CuPy needs several for some of
them, such as a sum over a long axis or a mean, so the true number is this one or higher.
"""

from collections import Counter

import numpy as np

from tinycnn.simulated.collect import Collectors

NOTHING_TO_DO = frozenset(["empty", "empty_like"])

_counters = Collectors()  # Counter


def launches():
    """Count the launches of every thread while the block runs, by name, as a collections.Counter.

    >>> from tinycnn.simulated import xp
    >>> x = xp.ones((2, 3))
    >>> with launches() as counted:
    ...     y = (x.T @ x).reshape(9) + 1
    >>> dict(counted), counted.total()
    ({'matmul': 1, 'add': 1}, 2)
    """
    return _counters.collect(Counter())


def launched(name):
    """One kernel called `name` was put into the queue."""
    _counters.tell(lambda counter: counter.update([name]))


def launched_for(function, result, args, out=None):
    """The launch that NumPy's `function` stands for, if it computed anything: a view of its input is none."""
    if function.__name__ in NOTHING_TO_DO:
        return
    given = (getattr(function, "__self__", None), *args)  # of a method, also the array it belongs to
    arrays = [array for array in given if isinstance(array, np.ndarray)]
    results = result if isinstance(result, list | tuple) else [result]  # of split, a list of views
    if out is None and all(_seen_through(view, arrays) for view in results):
        return
    launched(function.__name__.strip("_"))


def _seen_through(result, arrays):
    return isinstance(result, np.ndarray) and any(np.may_share_memory(result, array) for array in arrays)
