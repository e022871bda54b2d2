"""The search for the numbers of an object on which its output depends, and for their gradients."""

import re

import numpy as np

from tinycnn.gradient_check.pairing import OfSeveral, gradients_of_owners, owners, pair_lists
from tinycnn.gradient_check.parts import is_array, is_float, is_odd
from tinycnn.gradient_check.reachable import ITEM, Path, children, follow, places
from tinycnn.gradient_check.trees import same_bits, to_host
from tinycnn.gradient_check.variables import (
    LOOKED_FOR,
    PARAMETER,
    Variable,
    declared,
    display_name,
    find_gradient,
)

NOT_FOUND = ("y depends on it, and no gradient of it was found (looked for {looked_for}). If it is a constant, say so: "
             'gradcheck(..., constants=["{name}"]), or let its name begin with an underscore')
ORPHAN = ("a gradient is stored here, and the numbers that it is of were not found. Keep them in an attribute, a "
          "list or a dictionary, under a name like it")
MOST = 400  # numbers and arrays that are tried one by one


def search(under_test, dys, constants):
    """Find all numbers on which y depends; fills under_test.variables, unseen, constants and moved.

    constants: names that the caller declared to be constants
    """
    constants = [constants] if isinstance(constants, str) else list(constants)
    run = under_test.run()
    before = places(run.obj)
    integers = places(run.obj, is_odd)
    run.forward()
    kept = {path: to_host(value).copy() for path, value in before.items()}
    run.backward_raw(dys)
    under_test.moved = _moved_by_backward(run, kept)
    again = run.forward()
    run.backward_raw(dys)
    if callable(getattr(run.obj, "forget", None)):
        run.obj.forget()
    if not same_bits(again, run.forward()):
        again = None  # random: nothing can be learned from a change of y
    depends = _depends(run, before, again)
    depends = list((dict(_dead(run, before, dict(depends))) | dict(depends)).items())
    # What the first forward makes: weights, if the second one uses them; else what it keeps for backward.
    made = any(path not in before for path, _ in depends)
    run.forward()
    run.backward_raw(dys)
    taken = {path for path, _ in depends}
    left_over, owned = dict(enumerate(under_test.extra)), owners(run.obj)
    found: dict[str, Variable] = {}
    without = []
    for path, value in depends:
        name = _unique(display_name(path, run.obj), {*found, *under_test.roles, *under_test.variables})
        if any(c in (name, str(path)) or name.endswith(f".{c}") for c in constants):
            under_test.constants.append(name)
            continue
        gradient = find_gradient(run.obj, path, value, taken, run.named)
        shares = gradients_of_owners(run, path, value, taken, owned)
        if isinstance(gradient, Path | None) and {*shares, gradient} - {gradient, None}:
            found[name] = shared = OfSeveral(name, path, list(dict.fromkeys([*filter(None, [gradient]), *shares])))
            if len(shared.gradients) > 1:
                under_test.notes.append(f"{name} is one array in several places: the gradients at "
                                        f"{', '.join(map(str, shared.gradients))} are its parts, and were added")
            continue
        if gradient is None:
            same = [i for i, g in left_over.items() if np.shape(g) == np.shape(value)]
            gradient = str(same[0]) if same else None
            left_over.pop(same[0], None) if same else None
        if gradient is None:
            without.append((name, path))
        else:
            found[name] = Variable(name, path, gradient)
    for name, path in without:
        last = path.names[-1] if path.names else name
        if _surely_a_parameter(path, last, found, run):
            found[name] = Variable(name, path)
        elif any(part.startswith("_") and not part.startswith("__") for part in path.names):
            under_test.constants.append(name)
        else:
            under_test.unseen[name] = NOT_FOUND.format(looked_for=LOOKED_FOR.format(last.strip("_")), name=name)
    if left_over:
        under_test.refuse(len(under_test.source) + len(under_test.extra))
    under_test.notes += pair_lists(run, found)
    if made:
        run.forget()
        under_test.template = run.obj
    _odd(under_test, run, integers, again, found)
    _orphans(under_test, run, found)
    _one_of_two(under_test, run, found)
    under_test.variables |= dict(sorted(found.items(), key=lambda item: _position(run.obj, item[1].path)))
    for variable in found.values():
        variable.clear(under_test.template)


def _moved_by_backward(run, kept):
    """Names of numbers that backward itself changes and that y depends on: it takes the optimizer's step as well."""
    changed = {}
    for path, value in kept.items():
        now = _get(run.obj, path)
        if is_float(now) and np.shape(now) == value.shape and not np.array_equal(to_host(now), value, equal_nan=True):
            changed[path] = value
    moved, after = [], run.forward() if changed else None
    for path, value in changed.items():
        variable, now = Variable("", path), to_host(_get(run.obj, path)).copy()
        variable.write(run.obj, value)
        if not same_bits(after, run.forward()):
            moved.append(display_name(path, run.obj))
        else:
            variable.write(run.obj, now)
    return moved


def _odd(under_test, run, integers, y, found):
    """Integers are checked as floats if they have a gradient; complex numbers and objects are named if y needs them."""
    given = [id(a) for a in run.arrays.values()]
    for path, value in integers.items():
        if id(value) in given or path.outside and not is_array(value):
            continue
        kind = np.dtype(value.dtype).kind if is_array(value) else "c"
        name = _unique(display_name(path, run.obj), {*found, *under_test.roles, *under_test.variables})
        if kind in "iu":
            gradient = find_gradient(run.obj, path, value, (), run.named, only_beside=True)
            if gradient is None:
                continue  # a table of indices, a shape
            for obj in (run.obj, under_test.template):
                path.set(obj, to_host(_get(obj, path)).astype(np.float64))
            found[name] = Variable(name, path, gradient)
        elif y is not None and is_array(value) and _matters(run, path, value, y):
            what = {"c": "complex numbers", "O": "objects", "V": "several fields"}[kind]
            under_test.unseen[name] = f"y depends on it, and it holds {what}, which cannot be moved as numbers are here"


def _matters(run, path, value, y):
    """Does y change when one of these is negated, or lost?"""
    copied = value.copy()
    try:
        if value.dtype.kind == "V":
            value[...] = np.zeros_like(value)
        else:
            value[...] = -1.5 * copied
        changed = run.forward()
    except Exception:
        changed = None
    value[...] = copied
    return changed is None or not same_bits(y, changed)


def _orphans(under_test, run, found):
    """Gradients that are stored and belong to nothing that was found: what they are of was not looked at."""
    used = {place for variable in found.values() for place in variable.kept_at}
    for path in places(run.obj):
        name = path.names[-1] if path.names else ""
        core = re.sub(r"^_*(grads?|gradient|d|g)_?(?=[A-Za-z])|_?(grads?|gradient)$", "", name)
        if path in used or core == name or not PARAMETER.fullmatch(core) or len(core) == 1 and name.startswith("g"):
            continue
        if any(step[1] in ("cache", "memory") for step in path.steps) or run.named:
            continue
        under_test.unseen.setdefault(display_name(path, run.obj), ORPHAN)


def _one_of_two(under_test, run, found):
    """Views of one vector of all parameters: the parts are checked, the whole has the same numbers."""
    arrays = {name: v.read(run.obj) for name, v in found.items() if isinstance(v.read(run.obj), np.ndarray)}
    for name, a in arrays.items():
        parts = [other for other, b in arrays.items() if other != name and b.size < a.size and np.shares_memory(a, b)]
        if parts:
            del found[name]
            under_test.constants.append(f"{name} (the same numbers as {', '.join(parts)})")


def _dead(run, before, depends):
    """[(path, value)] of numbers that have a gradient though y does not depend on them here: behind dead units."""
    found, known = [], [id(variable.read(run.obj)) for variable in declared(run.obj).values()]
    for path, value in before.items():
        if path in depends or path.outside or not is_array(value) or id(value) in known:
            continue
        if value is _get(run.obj, path):
            gradient = find_gradient(run.obj, path, value, depends, {}, only_beside=True)
            if gradient is not None and np.shape(_get(run.obj, gradient)) == value.shape:
                found.append((path, value))
    return found


def _depends(run, before, y):
    """[(path, value)] of the numbers of run.obj that change y. before: the places before the first forward"""
    if y is None:
        return []
    known = [id(variable.read(run.obj)) for variable in declared(run.obj).values()]
    given = [id(a) for a in run.arrays.values()] + [id(a) for a in run.raw_outputs]
    now = places(run.obj)
    # Under the name it had at first: a forward often keeps w a second time, beside x.
    candidates, seen = {}, set(known + given)
    for path in [*before, *now]:
        value = _get(run.obj, path)
        if path in candidates or not is_float(value) or is_array(value) and (id(value) in seen or not value.size):
            continue
        seen.add(id(value))
        candidates[path] = value
    early = [c for c in candidates.items() if c[0] in before]
    late = [c for c in candidates.items() if c[0] not in before]
    return [c for c in early[:MOST] if _changes(run, [c], y)] + _halve(run, late[:MOST], y)


def _halve(run, candidates, y):
    """Those of the candidates that change y: all at once first, since most are only kept for backward."""
    if not candidates or not _changes(run, candidates, y):
        return []
    if len(candidates) == 1:
        return candidates
    middle = len(candidates) // 2
    return _halve(run, candidates[:middle], y) + _halve(run, candidates[middle:], y)


def _changes(run, candidates, y):
    """Does y change when these numbers do?"""
    variables = [Variable("", path) for path, _ in candidates]
    before = []
    try:
        for variable in variables:
            value = variable.read(run.obj)
            before.append(to_host(value).copy())
            variable.write(run.obj, 1.5 * before[-1] + 0.5)
    except (KeyError, AttributeError, TypeError, ValueError):  # what cannot be written cannot be a parameter
        _put_back(run, variables, before)
        return False
    try:
        changed = run.forward()
    except Exception:
        changed = None
    _put_back(run, variables, before)
    return changed is None or not same_bits(y, changed)


def _put_back(run, variables, before):
    for variable, value in zip(variables, before, strict=False):
        try:
            variable.write(run.obj, value)
        except (KeyError, AttributeError, TypeError, ValueError):
            continue


def _surely_a_parameter(path, last, found, run):
    """No gradient, but beside it lie numbers with one, and it is called like a weight: it was forgotten."""
    *before, (kind, _) = path.steps
    beside = [v for v in found.values() if v.path.steps[:-1] == tuple(before)]
    return bool(beside) and (bool(PARAMETER.fullmatch(last)) or kind == ITEM)


def _get(obj, path):
    try:
        return path.get(obj)
    except KeyError:
        return None


def _position(obj, path):
    """Where a path lies among its siblings, level by level: the order in which people wrote their layers."""
    position = []
    for step in path.steps:
        siblings = [each for each, _ in children(obj)]
        position.append(siblings.index(step) if step in siblings else len(siblings))
        obj = follow(obj, *step)
    return position


def _unique(name, taken):
    number, first = 2, name
    while name in taken:
        name, number = f"{first} ({number})", number + 1
    return name
