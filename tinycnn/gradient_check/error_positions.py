"""Naming the mistake by its positions: at the border, where windows overlap, behind a mask, all shifted.

The whole numeric gradient is measured, element by element (a part of it, if the tensor is large), and compared with
maps of what each mistake would spoil.
"""

import numpy as np

from tinycnn.gradient_check.elements import choose_indices, compare, jacobian_column
from tinycnn.gradient_check.permutations import SPATIAL, axis_names
from tinycnn.gradient_check.step_sizes import KINK, OK, WRONG

FOR_A_PICTURE, FOR_A_DIAGNOSIS = 500, 2000  # the largest tensors of which every element is measured
SAME = 1e-6


def measure_all(differences, tensor, rng, largest=FOR_A_PICTURE):
    """Measure every element of a wrong tensor; of one with more than `largest` elements the usual sample."""
    everything = int(np.prod(tensor.shape)) <= largest
    if everything or tensor.elements is None:
        now = compare(differences, tensor.name, choose_indices(tensor.shape, rng, everything), tensor.linear)
        tensor.elements = _merge(tensor.elements, now)


def match_positions(differences, tensor, rng):
    """(family or None, sentence) from the pattern of wrong elements."""
    measure_all(differences, tensor, rng, FOR_A_DIAGNOSIS)
    errors = ErrorMap(differences, tensor)
    for pattern in (_shift, _overlap, _at_labels, _border, _leak, _some_indices, _mask, _out_of_order):
        found = pattern(errors)
        if found is not None:
            return found
    e = tensor.elements
    return None, f"wrong in {e.count(WRONG)} of {len(e.states) - e.count(KINK)} elements looked at, in no known pattern"


def _merge(before, now):
    """The new list, keeping what sweeps have settled already."""
    if before is not None:
        for i, index in enumerate(now.indices):
            if index in before.sweeps:
                j = before.indices.index(index)
                now.states[i], now.numeric[i] = before.states[j], before.numeric[j]
        now.sweeps = before.sweeps
    return now


class ErrorMap:
    """The true and the claimed gradient as arrays (NaN where not measured), and which elements are wrong."""

    def __init__(self, differences, tensor):
        self.differences, self.tensor, self.shape = differences, tensor, tensor.shape
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


def _overlap(errors):
    """Where an element feeds several windows, its gradient is only one window's share."""
    wrong, right = np.argwhere(errors.wrong), np.argwhere(errors.right)
    y = errors.differences.y
    if errors.tensor.role != "input" or not len(wrong) or len(y) != 1 or y[0].ndim != 4:
        return None
    for index in wrong[:: max(1, len(wrong) // 8)][:8]:
        shares = _shares(errors, tuple(index))
        if len(shares) < 2 or not any(errors.same(errors.claimed[tuple(index)], share) for share in shares):
            return None
    several = sum(len(_shares(errors, tuple(index))) > 1 for index in right[:: max(1, len(right) // 8)][:8])
    if several > len(right[:8]) // 2:
        return None
    return "overlap", ("wrong where windows overlap: such an element keeps one window's share only, assigned (=) "
                       "instead of accumulated (+=)")


def _shares(errors, index):
    """What each output position contributes to the gradient of one element; positions that do not are left out."""
    differences, tensor = errors.differences, errors.tensor
    (dy,), (change,) = differences.dys, jacobian_column(differences, tensor.name, index, tensor.linear)
    shares = (dy * change).sum(axis=(0, 3)).ravel()  # (OH * OW,)
    return shares[(abs(change) > 1e-9 * max(abs(change).max(), 1e-300)).any(axis=(0, 3)).ravel()]


def _at_labels(errors):
    """Exactly the elements that integer labels pick."""
    leaves = dict(errors.differences.under_test.leaves())
    for name in errors.differences.under_test.constants:
        labels = np.asarray(leaves[name]) if hasattr(leaves[name], "dtype") else np.zeros(0)
        if len(errors.shape) >= 2 and labels.dtype.kind in "iu" and labels.shape == errors.shape[:1]:
            picked = np.zeros(errors.shape, bool)
            picked[np.arange(len(labels)), labels] = True
            if errors.wrong.any() and (errors.wrong == (picked & (errors.wrong | errors.right))).all():
                return "label", f"wrong only at the element that {name} picks in each row: the - 1 of the true class"
            if errors.right.any() and errors.wrong.any() and not (errors.wrong & picked).any() and \
                    not (errors.right & ~picked).any():
                return "label", f"right only at the element that {name} picks in each row"
    return None


def _border(errors):
    if len(errors.spatial) != 2 or errors.tensor.role == "parameter":
        return None
    depth = np.full(errors.shape, np.inf)  # distance from the nearest edge of the picture
    for axis in errors.spatial:
        n = errors.shape[axis]
        line = np.minimum(np.arange(n), np.arange(n)[::-1])
        depth = np.minimum(depth, line.reshape([-1 if i == axis else 1 for i in range(len(errors.shape))]))
    deepest = depth[errors.wrong].max(initial=-1)
    inside = depth > deepest
    if deepest < 0 or not (errors.right & inside).sum() >= 4 or (errors.wrong & ~inside).sum() < 2:
        return None
    height, width = errors.spatial
    ends = {"top": (height, 0), "bottom": (height, -1), "left": (width, 0), "right": (width, -1)}
    sides = [side for side, (axis, end) in ends.items() if np.take(errors.wrong, end, axis).any()]
    at = "" if len(sides) in (0, 4) else f" ({' and '.join(sides)})"
    rim = "in the outermost pixels" if deepest == 0 else f"in the outer {int(deepest) + 1} rows and columns"
    return "border", (f"right inside, wrong {rim}{at}: is the padding counted, cropped or divided by differently in "
                      "backward?")


def _leak(errors):
    """A mask that lets pass what it should not; one that only blocks too much may be a forgotten index."""
    silent = abs(errors.true) <= errors.tiny
    return _mask(errors) if (silent & (abs(errors.claimed) > errors.tiny)).any() else None


def _mask(errors):
    """The right numbers where something passes, but it passes at the wrong elements."""
    seen = errors.wrong | errors.right
    silent = seen & (abs(errors.true) <= errors.tiny)
    blocked = seen & ~silent & (abs(errors.claimed) <= errors.tiny)
    leaking = silent & (abs(errors.claimed) > errors.tiny)
    others = seen & ~silent & ~blocked
    if not (leaking.any() or blocked.any()) or not (others.any() or leaking.any() and blocked.any()):
        return None
    ratio = np.median(errors.claimed[others] / errors.true[others]) if others.any() else 1.0
    if not errors.same(errors.claimed[others], ratio * errors.true[others]).all() or not ratio:
        return None
    parts = [f"passes at {leaking.sum()} elements on which y does not depend"] if leaking.any() else []
    parts += [f"is 0 at {blocked.sum()} elements on which y depends"] if blocked.any() else []
    scaled = f"; elsewhere it is {ratio:.4g} times the right one" if abs(ratio - 1) > SAME else ""
    return "mask", f"the gradient {' and '.join(parts)}{scaled}: does backward use the mask (the winner) of forward?"


def _shift(errors):
    """The right picture, moved: the padding was cut off on one side only."""
    if len(errors.spatial) != 2 or not np.isfinite(errors.true).all():
        return None
    height, width = errors.spatial
    steps = [(i, j) for i in range(-3, 4) for j in range(-3, 4) if (i, j) != (0, 0)]
    for di, dj in sorted(steps, key=lambda step: abs(step[0]) + abs(step[1])):
        if abs(di) >= errors.shape[height] - 1 or abs(dj) >= errors.shape[width] - 1:
            continue
        here, there = [slice(None)] * len(errors.shape), [slice(None)] * len(errors.shape)
        for axis, d in ((height, di), (width, dj)):
            n = errors.shape[axis]
            here[axis], there[axis] = slice(max(0, -d), n - max(0, d)), slice(max(0, d), n - max(0, -d))
        a, b = errors.claimed[tuple(here)], errors.true[tuple(there)]
        if errors.same(a, b).all() and (abs(b) > errors.tiny).sum() >= 4:
            return "shift", (f"the right picture, moved by ({-di}, {-dj}) pixels (down, right): is the padding cut off "
                             "on both sides, as much as forward added?")
    return None


def _some_indices(errors):
    """Along one axis some indices are wrong altogether, and the others right altogether."""
    for axis, name in enumerate(errors.names):
        rest = tuple(i for i in range(len(errors.shape)) if i != axis)
        wrong = errors.wrong.any(axis=rest, keepdims=True)
        right_there = errors.right & wrong & (abs(errors.true) > errors.tiny)
        if wrong.any() and (errors.right & ~wrong).any() and not right_there.any():
            found = ", ".join(str(i) for i in np.flatnonzero(wrong))
            return "some indices", f"wrong only where {name} is {found}, and everywhere there"
    return None


def _out_of_order(errors):
    """The same numbers, but elsewhere, in an order that no flip or transpose explains."""
    if not np.isfinite(errors.true).all() or errors.true.size < 6:
        return None
    if errors.same(np.sort(errors.claimed, axis=None), np.sort(errors.true, axis=None)).all():
        return "axes", ("the right numbers in the wrong places: is an array reshaped where its axes should be moved, "
                        "or read in another order than it was written in?")
    return None
