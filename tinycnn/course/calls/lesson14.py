"""Calls of lesson 14: on the host and on the simulated device."""

import numpy as np

from tinycnn import simulated
from tinycnn.errors import DeviceError


def _on_both(function, args, kwargs):
    """Called with NumPy arrays and with device arrays; what the second call moved is counted."""
    given = [simulated.xp.asarray(a.copy()) for a in args]  # as they were, if the first call changes its own
    here = function(*args)
    if here is None:
        return [None] * 4
    with simulated.count() as transfers:
        there = function(*given)
    lies_there = isinstance(there, simulated.ndarray)
    numbers = there.get() if lies_there else there
    return here, numbers, [float(lies_there)], [transfers.uploads, transfers.downloads]


def _trained(function, args, kwargs):
    """w and losses on the host and on the device; does w lie where it lay; what one step more moves there.

    Transfers are counted, and their bytes, which tell a loss from a w; of launches, whether there are any (1). What
    comes down in the end, together, is no transfer of a step. Each call begins with arrays as they were given, so a
    call that has changed its own is told of that, and not of numbers that another call has spoiled.
    """
    *arrays, steps, rate = args
    given = [a.copy() for a in arrays]
    here = function(*arrays, steps, rate)
    if here is None:
        return [None] * 4
    if not isinstance(here, tuple | list) or len(here) != 2:
        raise TypeError("expected two results, w and the losses: return w, losses")
    counts = []
    for many in (steps, 2 * steps):
        w, x, t = (a.copy() for a in given)
        with simulated.count() as transfers, simulated.launches() as launched:
            found = function(simulated.xp.asarray(w), x, t, many, rate)
        counts.append((transfers.uploads, transfers.bytes_uploaded, transfers.downloads, transfers.bytes_downloaded,
                       launched.total()))
        if many == steps:
            there = found
    moves = (np.array(counts[1]) - counts[0]) / steps
    moves[3] *= moves[2] > 0  # those that come down together are of any dtype
    moves[4] = min(moves[4], 1)
    w_here, w_there = here[0], there[0]
    lies = [float(not isinstance(w_here, simulated.ndarray)), float(isinstance(w_there, simulated.ndarray))]
    w_there = w_there.get() if lies[1] else w_there
    return [w_here, w_there], [_losses(here[1]), _losses(there[1])], lies, moves


def _losses(losses):
    """Losses as they should be, on the host; of a list, each."""
    some = losses[0] if isinstance(losses, list | tuple) and losses else losses
    if isinstance(losses, simulated.ndarray) or isinstance(some, simulated.ndarray):
        raise DeviceError("the losses come back as device arrays; one NumPy array on the host is asked for")
    return losses


def _all_threads(function, args, kwargs):
    """Every pixel by a call of its own, in no order: as a GPU does it."""
    cols, shape, stride, padding = args
    x, pixels = np.full(shape, np.nan), list(np.ndindex(*shape))
    for k in np.random.default_rng(0).permutation(len(pixels)):
        number = function(pixels[k], cols, stride, padding)
        if number is None:
            return [None]
        if np.ndim(number):
            raise TypeError(f"one call returns one number, that of x[at]; got shape {np.shape(number)}. Is an index "
                            "missing, or is the number in brackets?")
        x[pixels[k]] = number
    return [x]


CALLS = {"gradient": _on_both, "train": _trained, "pixel": _all_threads}
