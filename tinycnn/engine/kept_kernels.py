"""Kernels prepared for an algorithm, kept from one prediction to the next for as long as the weights are untouched.

NumPy does not say that somebody has written into an array. So a copy of the weights is kept beside what was made from
them, and compared with them, bit by bit, each time: that costs a fifth of making it anew, and nothing that happens to
weights, by an optimizer, by loading, by hand, can be missed. A training step changes its weights, so it keeps nothing.
"""

import weakref

import numpy as np

LARGEST = 2 * 2**20  # bytes of weights; of larger ones, four times as much would be held for a small part of the time
_kept: dict = {}  # id(weights) -> (weak reference to them, their copy, {name: what was made})


def kept(w, name, make):
    """make(w), or what an earlier call with this name made of this very array, if that holds the same bits still."""
    if w.nbytes > LARGEST or not w.flags.c_contiguous:
        return make(w)
    entry = _kept.get(id(w))
    if entry is None or entry[0]() is not w or not _same_bits(w, entry[1]):
        key, copy = id(w), w.copy()
        entry = _kept[key] = weakref.ref(w, lambda gone: _drop(key, gone)), copy, {}
    made = entry[2]
    if name not in made:
        made[name] = make(entry[1])  # of the copy: nobody writes into that meanwhile
    return made[name]


def _same_bits(a, b):
    """Whether two arrays are the same, NaN and the sign of 0 included."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    number = np.int64 if a.nbytes % 8 == 0 else np.uint8
    return bool((a.reshape(-1).view(number) == b.reshape(-1).view(number)).all())


def _drop(key, gone):
    """The weights are gone; unless other ones have taken their place already."""
    if key in _kept and _kept[key][0] is gone:
        del _kept[key]
