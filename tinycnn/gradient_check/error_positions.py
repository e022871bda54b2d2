"""Naming the mistake by its positions: at the border, where windows overlap, behind a mask, below 0, all shifted.

The whole numeric gradient is measured, element by element (a part of it, if the tensor is large), and compared with
maps of what each mistake would spoil.
"""

import itertools
import math

import numpy as np

from tinycnn.gradient_check.elements import jacobian_column
from tinycnn.gradient_check.error_map import FOR_A_DIAGNOSIS, SAME, ErrorMap, measure_all
from tinycnn.gradient_check.step_sizes import KINK, OK, WRONG
from tinycnn.gradient_check.terms import forgotten_path
from tinycnn.gradient_check.uses import match_uses
from tinycnn.gradient_check.wrong_gradient import few_digits

FEW_DIGITS = 1e-4  # smaller errors may be of digits alone
SURE = 1e5  # orders in which the wrong elements could lie, of which a pattern allows one: less may be chance


def match_positions(differences, tensor, rng):
    """(family or None, sentence) from the pattern of wrong elements."""
    measure_all(differences, tensor, rng, FOR_A_DIAGNOSIS)
    errors = ErrorMap(differences, tensor)
    off, fine = (tensor.elements.errors[tensor.elements.states == state] for state in (WRONG, OK))
    if off.size and fine.size and off.max() < FEW_DIGITS and fine.max() > 0.01 * off.min():  # no line between them
        where = f"right in {len(fine)} of {len(off) + len(fine)} elements looked at, and in the others"
        return few_digits(differences, tensor.name, where, float(off.max()))
    for pattern in (_clipped, _shift, _at_labels, _repeated_rows, _region, _border, _overlap, _elsewhere, _some_indices,
                    _few, _mask, _out_of_order, _own_factors, _uses, forgotten_path):
        found = pattern(errors)
        if found is not None:
            return found
    e = tensor.elements
    return None, (f"wrong in {e.count(WRONG)} of {len(e.states) - e.count(KINK)} elements looked at, in no "
                  f"known pattern; the worst: {_worst(e)}")


def _worst(e, count=3):
    order = [i for i in np.argsort(-np.nan_to_num(e.errors, nan=np.inf)) if e.states[i] == WRONG][:count]
    return ", ".join(f"{list(e.indices[i])} is {e.analytic[i]:.5g} and should be {e.numeric[i]:.5g}" for i in order)


def _few(errors):
    """A handful among many."""
    wrong, known = int(errors.wrong.sum()), int((errors.wrong | errors.right).sum())
    if wrong and known >= 12 and errors.telling.sum() >= 4 and wrong <= max(2, 0.05 * known):
        return "some indices", f"wrong in {wrong} of {known} elements looked at: {_worst(errors.tensor.elements)}"
    return None


def _clipped(errors):
    """What should be larger ends at one number, and nothing that is right exceeds it."""
    claimed, true = abs(errors.claimed[errors.wrong]), abs(errors.true[errors.wrong])
    if len(claimed) < 2 or not errors.telling.any():
        return None
    limit = float(claimed.max())
    if np.allclose(claimed, limit, rtol=1e-9) and (true > limit).all() and limit and \
            (abs(errors.true[errors.telling]) <= limit * (1 + SAME)).all():
        return "clipped", f"its numbers end at {limit:.6g}: clipped. Clipping is the optimizer's business"
    return None


def _overlap(errors):
    """Where an element feeds several windows, its gradient is only one window's share."""
    wrong, right = np.argwhere(errors.wrong), np.argwhere(errors.right)
    y = errors.differences.y
    if errors.tensor.role != "input" or not len(wrong) or len(y) != 1 or y[0].ndim not in (2, 3, 4):
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
    other = (0, dy.ndim - 1) if dy.ndim > 2 else (0,)
    shares = (dy * change).sum(axis=other).ravel()  # (OH * OW,)
    return shares[(abs(change) > 1e-9 * max(abs(change).max(), 1e-300)).any(axis=other).ravel()]


def _labels(errors):
    """(name, array) of the integer inputs without a gradient."""
    leaves = dict(errors.differences.under_test.leaves())
    for name in errors.differences.under_test.constants:
        labels = np.asarray(leaves[name]) if hasattr(leaves.get(name), "dtype") else np.zeros(0)
        if labels.dtype.kind in "iu":
            yield name, labels


def _at_labels(errors):
    """Exactly the elements that integer labels pick."""
    for name, labels in _labels(errors):
        if len(errors.shape) < 2 or labels.shape != errors.shape[:1] or not len(labels):
            continue
        rows, k = np.arange(len(labels)), errors.shape[1]
        if labels.min() < 0 or labels.max() >= k:
            continue
        picked = np.zeros(errors.shape, bool)
        picked[rows, labels] = True
        if errors.wrong.any() and (errors.wrong == (picked & (errors.wrong | errors.right))).all():
            return "label", f"wrong only at the element that {name} picks in each row: the - 1 of the true class"
        if errors.wrong.any() and not (errors.wrong & ~picked).any() and errors.wrong.sum() < len(labels) // 2 + 1:
            found = ", ".join(str(i) for i in np.flatnonzero(errors.wrong.any(axis=tuple(range(1, errors.wrong.ndim)))))
            return "label", f"wrong only at the element that {name} picks, in row {found}: the - 1 of the true class"
        if errors.telling.any() and errors.wrong.any() and not (errors.wrong & picked).any() and \
                not (errors.telling & ~picked).any():
            return "label", f"right only at the element that {name} picks in each row"
        for step in (-1, 1):
            other = np.zeros(errors.shape, bool)
            other[rows, (labels + step) % k] = True
            if errors.wrong.any() and (errors.wrong == (picked | other) & (errors.wrong | errors.right)).all():
                return "label", (f"wrong at the element that {name} picks and at the one "
                                 f"{'before' if step < 0 else 'after'} it: are labels counted from 0 in one place "
                                 "and from 1 in another?")
    return None


def _repeated_rows(errors):
    """Rows that an index names more than once: += on an indexed array keeps the last one only."""
    for name, index in _labels(errors):
        if errors.tensor.role != "parameter" or not index.size or index.min() < 0 or index.max() >= errors.shape[0]:
            continue
        counts = np.bincount(index.ravel(), minlength=errors.shape[0])
        wrong = errors.wrong.reshape(errors.shape[0], -1).any(axis=1)
        telling = errors.telling.reshape(errors.shape[0], -1).any(axis=1)
        several = counts > 1
        if wrong.any() and (wrong == several & (wrong | telling)).all() and not (telling & several).any() and \
                (wrong.sum() > 1 or telling.any()):
            return "repeated rows", (f"some indices, exactly the rows that {name} names more than once, are wrong: "
                                     "a[index] += b adds only the last of them. Use np.add.at")
    return None


def _region(errors):
    """Wrong on one side of a number, right on the other: a branch of a function that is defined piece by piece."""
    differences, name = errors.differences, errors.tensor.name
    wrong, right = errors.wrong, errors.telling
    if wrong.sum() < 3 or right.sum() < 3 or math.comb(int(wrong.sum() + right.sum()), int(wrong.sum())) < SURE:
        return None
    value = differences.values[name]
    candidates = {name: value}
    for other, leaf in differences.under_test.leaves():
        if other != name and np.shape(leaf) == errors.shape and getattr(leaf, "dtype", None) is not None:
            candidates[f"{name} - {other}"] = value - np.asarray(differences.values.get(other, leaf), float)
    candidates |= {f"|{words}|": abs(v) for words, v in candidates.items()}
    for words, v in candidates.items():
        for below in (True, False):
            low, high = (v[wrong].max(), v[right].min()) if below else (v[right].max(), v[wrong].min())
            if low < high:
                edge = next((e for e in (0.0, 1.0, -1.0) if low <= e <= high), (low + high) / 2)
                side = "below" if below else "above"
                return "region", f"wrong only where {words} is {side} {edge:.3g}, and everywhere there: see that branch"
    return None


def _border(errors):
    if not errors.spatial or errors.tensor.role == "parameter":
        return None
    sides: dict[str, tuple[int, bool]] = {}
    for axis, (first, last) in zip(errors.spatial, _side_names(errors), strict=True):
        sides |= {first: (axis, False), last: (axis, True)}
    known = errors.wrong | errors.telling
    for depth in (1, 2, 3):
        rim, found = np.zeros(errors.shape, bool), []
        for side, (axis, end) in sides.items():
            n = errors.shape[axis]
            line = np.arange(n) >= n - depth if end else np.arange(n) < depth
            line = line.reshape([-1 if i == axis else 1 for i in range(len(errors.shape))])
            strip = np.broadcast_to(line, errors.shape)
            if (known & strip).sum() >= 2 and (errors.wrong & strip).sum() >= 0.8 * (known & strip).sum():
                rim |= strip
                found.append(side)
        inside = errors.telling & ~rim
        if found and not (errors.wrong & ~rim).any() and inside.sum() >= 4:
            at = "" if len(found) == len(sides) else f" ({' and '.join(found)})"
            where = "in the outermost pixels" if depth == 1 else f"in the outer {depth} rows and columns"
            return "border", (f"right inside, wrong {where}{at}: is the padding counted, cropped or divided by "
                              "differently in backward?")
    return None


def _side_names(errors):
    return (("top", "bottom"), ("left", "right")) if len(errors.spatial) == 2 else (("first", "last"),)


def _uses(errors):
    return match_uses(errors.differences, errors.tensor)


def _elsewhere(errors):
    """0 where something passes and something where nothing does: another winner, and no forgotten index."""
    silent = abs(errors.true) <= errors.tiny
    leaks = silent & (abs(errors.claimed) > errors.tiny)
    blocks = errors.wrong & ~silent & (abs(errors.claimed) <= errors.tiny)
    return _mask(errors) if leaks.any() and blocks.any() else None


def _mask(errors):
    """The right numbers where something passes, but it passes at the wrong elements."""
    seen = errors.wrong | errors.right
    silent = seen & (abs(errors.true) <= errors.tiny)
    blocked = seen & ~silent & (abs(errors.claimed) <= errors.tiny)
    leaking = silent & (abs(errors.claimed) > errors.tiny)
    others = seen & ~silent & ~blocked
    if blocked.sum() + leaking.sum() < 2 or not (others.any() or leaking.any() and blocked.any()):
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
    if not errors.spatial or not np.isfinite(errors.true).all():
        return None
    nonzero = int((abs(errors.true) > errors.tiny).sum())
    steps = [step for step in itertools.product(range(-3, 4), repeat=len(errors.spatial)) if any(step)]
    for step in sorted(steps, key=lambda step: sum(map(abs, step))):
        if any(abs(d) >= errors.shape[axis] - 1 for axis, d in zip(errors.spatial, step, strict=True)):
            continue
        if len(step) == 1 and 2 * abs(step[0]) >= errors.shape[errors.spatial[0]]:
            continue  # too little of it is left to recognize
        here, there = [slice(None)] * len(errors.shape), [slice(None)] * len(errors.shape)
        for axis, d in zip(errors.spatial, step, strict=True):
            n = errors.shape[axis]
            here[axis], there[axis] = slice(max(0, -d), n - max(0, d)), slice(max(0, d), n - max(0, -d))
        a, b = errors.claimed[tuple(here)], errors.true[tuple(there)]
        if errors.same(a, b).all() and (abs(b) > errors.tiny).sum() >= max(4, 0.5 * nonzero * (len(step) == 1)):
            moved = ", ".join(str(-d) for d in step)
            words = f"({moved}) pixels (down, right)" if len(step) == 2 else f"{moved} places"
            return "shift", (f"the right picture, moved by {words}: is the padding cut off on both sides, as much as "
                             "forward added?")
    return None


def _own_factors(errors):
    """Along one axis every index is wrong by a factor of its own: the scale of each column, or of each image."""
    for axis, name in enumerate(errors.names):
        known = (abs(errors.true) > 1e3 * errors.tiny) & (errors.wrong | errors.telling)
        rows = [(a[k], b[k]) for a, b, k in zip(*(np.moveaxis(part, axis, 0) for part in (
            errors.claimed, errors.true, known)), strict=True) if k.sum() > 1]
        factors = [float(np.median(a / b)) for a, b in rows]
        if len(rows) > 1 and sum(len(a) for a, _ in rows) >= 3 * len(rows) and np.ptp(factors) > SAME and all(
                f and errors.same(a, f * b).all() for f, (a, b) in zip(factors, rows, strict=True)):
            some = ", ".join(f"{f:.4g}" for f in factors[:4]) + (" ..." if len(factors) > 4 else "")
            return "factor", (f"each {name} is wrong by a factor of its own, {some}: is the scale of each {name} "
                              "forgotten in backward, or used once too often?")
    return None


def _some_indices(errors):
    """Along one axis some indices are wrong altogether, and the others right altogether."""
    for axis, name in enumerate(errors.names):
        rest = tuple(i for i in range(len(errors.shape)) if i != axis)
        wrong = errors.wrong.any(axis=rest, keepdims=True)
        if wrong.any() and (errors.telling & ~wrong).any() and not (errors.telling & wrong).any() and (
                errors.wrong.sum() > 1 or errors.wrong.ndim == 1):
            found = ", ".join(str(i) for i in np.flatnonzero(wrong))
            return "some indices", f"wrong only where {name} is {found}, and everywhere there"
    return None


def _out_of_order(errors):
    """The same numbers, but elsewhere, in an order that no flip or transpose explains."""
    if not np.isfinite(errors.true).all() or errors.true.size < 6:
        return None
    if errors.wrong.sum() > 2:
        for axis, name in enumerate(errors.names):
            a, b = (np.moveaxis(part, axis, 0).reshape(errors.shape[axis], -1)
                    for part in (errors.claimed, errors.true))
            order = [next((j for j in range(len(b)) if errors.same(row, b[j]).all()), -1) for row in a]
            if a.shape[1] > 1 and sorted(order) == list(range(len(b))):
                family = "batch order" if name == "batch" else "axes"
                return family, f"the right numbers, with {name} in another order: {order[:8]} instead of 0, 1, 2 ..."
    if errors.same(np.sort(errors.claimed, axis=None), np.sort(errors.true, axis=None)).all():
        return "axes", ("the right numbers in the wrong places: is an array reshaped where its axes should be moved, "
                        "or read in another order than it was written in?")
    return None
