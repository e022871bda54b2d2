"""The search for the numbers of an object on which its output depends, and for their gradients."""

import numpy as np

from tinycnn.gradient_check.parts import is_array, is_float
from tinycnn.gradient_check.reachable import ITEM, children, follow, places
from tinycnn.gradient_check.trees import to_host
from tinycnn.gradient_check.variables import (
    LOOKED_FOR,
    PARAMETER,
    Variable,
    declared,
    display_name,
    find_gradient,
)

MOST = 400  # numbers and arrays that are tried one by one


def search(under_test, dys, constants):
    """Find all numbers on which y depends; fills under_test.variables, unseen and constants.

    constants: names that the caller declared to be constants
    """
    constants = [constants] if isinstance(constants, str) else list(constants)
    run = under_test.run()
    before = places(run.obj)
    run.forward()
    run.backward_raw(dys)
    again = run.forward()
    run.backward_raw(dys)
    if callable(getattr(run.obj, "forget", None)):
        run.obj.forget()
    if not _same(again, run.forward()):
        again = None  # random: nothing can be learned from a change of y
    depends = _depends(run, before, again)
    depends = list((dict(_dead(run, before, dict(depends))) | dict(depends)).items())
    # What the first forward makes: weights, if the second one uses them; else what it keeps for backward.
    made = any(path not in before for path, _ in depends)
    run.forward()
    run.backward_raw(dys)
    taken = {path for path, _ in depends}
    left_over = dict(enumerate(under_test.extra))
    found: dict[str, Variable] = {}
    without = []
    for path, value in depends:
        name = _unique(display_name(path, run.obj), {*found, *under_test.roles, *under_test.variables})
        if any(c in (name, str(path)) or name.endswith(f".{c}") for c in constants):
            under_test.constants.append(name)
            continue
        gradient = find_gradient(run.obj, path, value, taken, run.named)
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
            under_test.unseen[name] = LOOKED_FOR.format(last.strip("_"))
    if left_over:
        under_test.refuse(len(under_test.order) + len(under_test.extra))
    if made:
        run.forget()
        under_test.template = run.obj
    under_test.variables |= dict(sorted(found.items(), key=lambda item: _position(run.obj, item[1].path)))
    for variable in found.values():
        variable.clear(under_test.template)


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
    return changed is None or not _same(y, changed)


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


def _same(a, b):
    return all(np.array_equal(p, q, equal_nan=p.dtype.kind == "f") for p, q in zip(a, b, strict=True))


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
