"""Naming the mistake by where a gradient is wrong: at the border, where windows overlap, behind a mask, all shifted.

The whole numeric gradient is measured, element by element (a part of it, if the tensor is large), and compared with
maps of what each mistake would spoil.
"""

import numpy as np

from tinycnn.gradient_check.elements import choose, column, compare
from tinycnn.gradient_check.ladder import KINK, OK, WRONG
from tinycnn.gradient_check.transforms import SPATIAL, axis_names

FOR_A_PICTURE, FOR_A_DIAGNOSIS = 500, 2000  # the largest tensors of which every element is measured
SAME = 1e-6


def measure_all(probe, tensor, rng, largest=FOR_A_PICTURE):
    """Measure every element of a wrong tensor; of one with more than `largest` elements the usual sample."""
    everything = int(np.prod(tensor.shape)) <= largest
    if everything or tensor.elements is None:
        now = compare(probe, tensor.name, choose(tensor.shape, rng, everything), tensor.linear)
        tensor.elements = _merge(tensor.elements, now)


def by_place(probe, tensor, rng):
    """(family or None, sentence) from the pattern of wrong elements."""
    measure_all(probe, tensor, rng, FOR_A_DIAGNOSIS)
    place = Place(probe, tensor)
    for suspicion in (_shift, _overlap, _at_labels, _border, _leak, _some_indices, _mask, _out_of_order):
        found = suspicion(place)
        if found is not None:
            return found
    e = tensor.elements
    return None, f"wrong in {e.count(WRONG)} of {len(e.states) - e.count(KINK)} elements looked at, in no known pattern"


def _merge(before, now):
    """The new list, keeping what ladders have settled already."""
    if before is not None:
        for i, index in enumerate(now.indices):
            if index in before.ladders:
                j = before.indices.index(index)
                now.states[i], now.numeric[i] = before.states[j], before.numeric[j]
        now.ladders = before.ladders
    return now


class Place:
    """The map: true and claimed gradient as arrays (NaN where not measured), and which elements are wrong."""

    def __init__(self, probe, tensor):
        self.probe, self.tensor, self.shape = probe, tensor, tensor.shape
        e = tensor.elements
        self.true, self.claimed = np.full(self.shape, np.nan), np.full(self.shape, np.nan)
        self.wrong, self.right = np.zeros(self.shape, bool), np.zeros(self.shape, bool)
        for index, a, n, state in zip(e.indices, e.analytic, e.numeric, e.states, strict=True):
            if state in (OK, WRONG):
                self.claimed[index], self.true[index] = a, n
                self.wrong[index], self.right[index] = state == WRONG, state == OK
        self.tiny = SAME * e.scale
        self.names = axis_names(tensor.role, len(self.shape))
        self.spatial = [i for i, name in enumerate(self.names) if name in SPATIAL]

    def same(self, a, b):
        return abs(a - b) <= self.tiny + SAME * abs(b)


def _overlap(place):
    """Where an element feeds several windows, its gradient is only one window's share."""
    wrong, right = np.argwhere(place.wrong), np.argwhere(place.right)
    if place.tensor.role != "input" or not len(wrong) or len(place.probe.y) != 1 or place.probe.y[0].ndim != 4:
        return None
    for index in wrong[:: max(1, len(wrong) // 8)][:8]:
        shares = _shares(place, tuple(index))
        if len(shares) < 2 or not any(place.same(place.claimed[tuple(index)], share) for share in shares):
            return None
    several = sum(len(_shares(place, tuple(index))) > 1 for index in right[:: max(1, len(right) // 8)][:8])
    if several > len(right[:8]) // 2:
        return None
    return "overlap", ("wrong where windows overlap: such an element keeps one window's share only, assigned (=) "
                       "instead of accumulated (+=)")


def _shares(place, index):
    """What each output position contributes to the gradient of one element; positions that do not are left out."""
    (dy,), (change,) = place.probe.dys, column(place.probe, place.tensor.name, index, place.tensor.linear)
    shares = (dy * change).sum(axis=(0, 3)).ravel()  # (OH * OW,)
    return shares[(abs(change) > 1e-9 * max(abs(change).max(), 1e-300)).any(axis=(0, 3)).ravel()]


def _at_labels(place):
    """Exactly the elements that integer labels pick."""
    leaves = dict(place.probe.subject.leaves())
    for name in place.probe.subject.constants:
        labels = np.asarray(leaves[name]) if hasattr(leaves[name], "dtype") else np.zeros(0)
        if len(place.shape) >= 2 and labels.dtype.kind in "iu" and labels.shape == place.shape[:1]:
            picked = np.zeros(place.shape, bool)
            picked[np.arange(len(labels)), labels] = True
            if place.wrong.any() and (place.wrong == (picked & (place.wrong | place.right))).all():
                return "label", f"wrong only at the element that {name} picks in each row: the - 1 of the true class"
            if place.right.any() and place.wrong.any() and not (place.wrong & picked).any() and \
                    not (place.right & ~picked).any():
                return "label", f"right only at the element that {name} picks in each row"
    return None


def _border(place):
    if len(place.spatial) != 2 or place.tensor.role == "parameter":
        return None
    depth = np.full(place.shape, np.inf)  # distance from the nearest edge of the picture
    for axis in place.spatial:
        n = place.shape[axis]
        line = np.minimum(np.arange(n), np.arange(n)[::-1])
        depth = np.minimum(depth, line.reshape([-1 if i == axis else 1 for i in range(len(place.shape))]))
    deepest = depth[place.wrong].max(initial=-1)
    inside = depth > deepest
    if deepest < 0 or not (place.right & inside).sum() >= 4 or (place.wrong & ~inside).sum() < 2:
        return None
    height, width = place.spatial
    ends = {"top": (height, 0), "bottom": (height, -1), "left": (width, 0), "right": (width, -1)}
    sides = [side for side, (axis, end) in ends.items() if np.take(place.wrong, end, axis).any()]
    at = "" if len(sides) in (0, 4) else f" ({' and '.join(sides)})"
    rim = "in the outermost pixels" if deepest == 0 else f"in the outer {int(deepest) + 1} rows and columns"
    return "border", (f"right inside, wrong {rim}{at}: is the padding counted, cropped or divided by differently in "
                      "backward?")


def _leak(place):
    """A mask that lets pass what it should not; one that only blocks too much may be a forgotten index."""
    silent = abs(place.true) <= place.tiny
    return _mask(place) if (silent & (abs(place.claimed) > place.tiny)).any() else None


def _mask(place):
    """The right numbers where something passes, but it passes at the wrong elements."""
    seen = place.wrong | place.right
    silent = seen & (abs(place.true) <= place.tiny)
    blocked = seen & ~silent & (abs(place.claimed) <= place.tiny)
    leaking = silent & (abs(place.claimed) > place.tiny)
    others = seen & ~silent & ~blocked
    if not (leaking.any() or blocked.any()) or not (others.any() or leaking.any() and blocked.any()):
        return None
    ratio = np.median(place.claimed[others] / place.true[others]) if others.any() else 1.0
    if not place.same(place.claimed[others], ratio * place.true[others]).all() or not ratio:
        return None
    parts = [f"passes at {leaking.sum()} elements on which y does not depend"] if leaking.any() else []
    parts += [f"is 0 at {blocked.sum()} elements on which y depends"] if blocked.any() else []
    scaled = f"; elsewhere it is {ratio:.4g} times the right one" if abs(ratio - 1) > SAME else ""
    return "mask", f"the gradient {' and '.join(parts)}{scaled}: does backward use the mask (the winner) of forward?"


def _shift(place):
    """The right picture, moved: the padding was cut off on one side only."""
    if len(place.spatial) != 2 or not np.isfinite(place.true).all():
        return None
    height, width = place.spatial
    steps = [(i, j) for i in range(-3, 4) for j in range(-3, 4) if (i, j) != (0, 0)]
    for di, dj in sorted(steps, key=lambda step: abs(step[0]) + abs(step[1])):
        if abs(di) >= place.shape[height] - 1 or abs(dj) >= place.shape[width] - 1:
            continue
        here, there = [slice(None)] * len(place.shape), [slice(None)] * len(place.shape)
        for axis, d in ((height, di), (width, dj)):
            n = place.shape[axis]
            here[axis], there[axis] = slice(max(0, -d), n - max(0, d)), slice(max(0, d), n - max(0, -d))
        a, b = place.claimed[tuple(here)], place.true[tuple(there)]
        if place.same(a, b).all() and (abs(b) > place.tiny).sum() >= 4:
            return "shift", (f"the right picture, moved by ({-di}, {-dj}) pixels (down, right): is the padding cut off "
                             "on both sides, as much as forward added?")
    return None


def _some_indices(place):
    """Along one axis some indices are wrong altogether, and the others right altogether."""
    for axis, name in enumerate(place.names):
        rest = tuple(i for i in range(len(place.shape)) if i != axis)
        wrong = place.wrong.any(axis=rest, keepdims=True)
        right_there = place.right & wrong & (abs(place.true) > place.tiny)
        if wrong.any() and (place.right & ~wrong).any() and not right_there.any():
            found = ", ".join(str(i) for i in np.flatnonzero(wrong))
            return "some indices", f"wrong only where {name} is {found}, and everywhere there"
    return None


def _out_of_order(place):
    """The same numbers, but elsewhere, in an order that no flip or transpose explains."""
    if not np.isfinite(place.true).all() or place.true.size < 6:
        return None
    if place.same(np.sort(place.claimed, axis=None), np.sort(place.true, axis=None)).all():
        return "axes", ("the right numbers in the wrong places: is an array reshaped where its axes should be moved, "
                        "or read in another order than it was written in?")
    return None
