"""Which gradients belong to which numbers: lists in another order, an array with two owners."""

import collections

import numpy as np

from tinycnn.gradient_check.parts import is_array
from tinycnn.gradient_check.reachable import ITEM, Path, places
from tinycnn.gradient_check.trees import to_host
from tinycnn.gradient_check.variables import Variable, find_gradient


class OfSeveral(Variable):
    """An array that several objects hold, each of which keeps the gradient of its own use: y's slope is their sum."""

    def __init__(self, name, path, gradients):
        super().__init__(name, path, gradients[0])
        self.gradients = gradients

    @property
    def kept_at(self):
        return self.gradients

    def _parts(self, obj):
        found = [Variable(self.name, self.path, path).grad(obj, {}) for path in self.gradients]
        return list({id(g): g for g in found if g is not None}.values())

    def grad(self, obj, returned):
        parts = [to_host(g) for g in self._parts(obj)]
        if not parts or any(g.shape != parts[0].shape for g in parts):
            return parts[0] if parts else None
        whole = all(np.array_equal(g, parts[0]) for g in parts)  # each keeps the sum of all uses
        return parts[0] if whole else sum(parts[1:], parts[0])

    def clear(self, obj):
        for g in self._parts(obj):
            if is_array(g):
                g[...] = 0


def owners(obj):
    """{id of an array: all Paths to it} of those that several objects hold, as tied weights are."""
    found = collections.defaultdict(list)
    for path, value in places(obj, every=True).items():
        if is_array(value):
            found[id(value)].append(path)
    return {key: paths for key, paths in found.items() if len(paths) > 1}


def gradients_of_owners(run, path, value, taken, owned):
    """Paths of the gradients that stand beside the other places of this array, different arrays alone."""
    found: dict[int, Path] = {}
    for other in owned.get(id(value), []):
        gradient = find_gradient(run.obj, other, value, taken, {}, only_beside=True) if other != path else None
        if gradient is not None and np.shape(gradient.get(run.obj)) == np.shape(value):
            found.setdefault(id(gradient.get(run.obj)), gradient)
    return list(found.values())


def pair_lists(run, found):
    """Where a list of gradients has another order than the list of numbers, pair them by it; returns sentences.

    The order is another one only if shapes say so: reversed, layer by layer reversed, else number by number as shapes
    allow. Of one shape all, they are taken as they stand, as an optimizer would.
    """
    lists = collections.defaultdict(list)
    for variable in found.values():
        steps, others = variable.path.steps, getattr(variable.gradient, "steps", ())
        at = next((i for i, (a, b) in enumerate(zip(steps, others, strict=False)) if a != b), None)
        if at is not None and steps[at + 1 :] == others[at + 1 :] and any(
                kind == ITEM and isinstance(key, int) for kind, key in steps[at + 1 :]):
            lists[steps[: at + 1], others[: at + 1]].append(variable)
    said = []
    for (numbers, gradients), variables in lists.items():
        wanted = [np.shape(v.read(run.obj)) for v in variables]
        paths = [v.gradient for v in variables]
        have = [np.shape(path.get(run.obj)) for path in paths]
        if wanted == have or sorted(wanted) != sorted(have):
            continue
        words, order = _order(wanted, have)
        for variable, i in zip(variables, order, strict=True):
            variable.gradient = paths[i]
        said.append(f"{Path(gradients)} has another order than {Path(numbers)}: paired {words}. Whoever goes through "
                    "both lists together, as an optimizer does, would exchange them")
    return said


def _order(wanted, have):
    """(words, indices): have[indices[i]] is the shape wanted[i]."""
    n = len(wanted)
    for size in range(1, n):
        blocks = [range(start, min(start + size, n)) for start in range(0, n, size)]
        order = [i for block in reversed(blocks) for i in block]
        if n % size == 0 and [have[i] for i in order] == wanted:
            return "in reverse order" if size == 1 else f"in reverse order, {size} by {size}", order
    left, order = list(range(n)), []
    for shape in wanted:
        order.append(next(i for i in left if have[i] == shape))
        left.remove(order[-1])
    return "by their shapes", order
