"""What a rule says, and how two sets of arrays are compared."""

from dataclasses import dataclass

import numpy as np

from tinycnn.gradient_check.kinks import branches, kinked_layers

HOLDS, BROKEN, NOTE, SKIPPED = "holds", "broken", "note", "skipped"
EXACT, SINGLE = 1e-9, 1e-3  # agreement expected of float64 and of float32 gradients, relative to the largest number


@dataclass
class Check:
    """One rule: its name, whether it holds, what was seen if not, and the family of the mistake."""

    name: str
    verdict: str = HOLDS
    words: str = ""
    family: str | None = None


def apart(a, b, tolerance, floor=0.0):
    """The first name whose arrays differ by more than `tolerance`, relative to the largest number; else None.

    An array whose numbers are all far below those of the others is compared with these: it may be rounding alone.
    floor: numbers are never compared with less than this
    """
    everything = [abs(p).max() for d in (a, b) for p in d.values() if p is not None and p.size]
    finite = [float(size) for size in everything if np.isfinite(size)]
    floor = max(floor, {EXACT: 1e-3, SINGLE: 1e-2}.get(tolerance, 0.0) * max(finite, default=0.0))
    for name, p in a.items():
        q = b[name]
        if p is None or q is None:
            if (p is None) != (q is None):
                return name
            continue
        if p.shape != q.shape:
            return name
        allowed = max(tolerance, 1e-5) if tolerance and np.float32 in (p.dtype, q.dtype) else tolerance
        p, q = p.astype(np.float64), q.astype(np.float64)
        size = max(float(abs(p).max()), float(abs(q).max()), floor) if p.size else 0.0
        if p.size and not np.array_equal(p, q, equal_nan=True) and not float(abs(p - q).max()) <= allowed * size:
            return name
    return None


def same_branches(*runs):
    """Are all ReLUs and winners of two runs on the same side?"""
    before, after = (branches(kinked_layers(run.obj)) for run in runs)
    return all(np.array_equal(a, after.get(name)) for name, a in before.items())
