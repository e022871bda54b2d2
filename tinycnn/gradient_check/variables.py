"""Which numbers of an object are to be checked, and where backward leaves their gradients.

Nothing is asked of the object but forward and backward. Every number on which the output depends is found by changing
it and looking (reachable.py says where numbers may be). Its gradient is looked for under the usual names: dw, d_w,
grad_w, w_grad, gw beside w; the same below lists and dictionaries (params and grads, theta and dtheta); .grad, .g or
.gradient beside .data, .value or .val; an entry of what backward returns. A number without one is either a constant,
marked by an underscore before its name or by gradcheck(..., constants=...), or it is named and leaves the report
incomplete.
"""

import re
from dataclasses import dataclass

import numpy as np

from tinycnn.gradient_check.parts import has, is_array, is_float, is_float_array, is_ours, walk
from tinycnn.gradient_check.reachable import ATTRIBUTE, CALL, ITEM, Path, children, places
from tinycnn.gradient_check.trees import like

VALUES = {"params", "parameters", "param", "weights", "theta", "value", "values", "val", "data", "array", "tensor"}
GRADS = {"grads", "grad", "gradients", "gradient", "g", "derivative", "derivatives", "weightgrads", "paramgrads"}
LOOKED_FOR = "d{0}, d_{0}, grad_{0}, {0}_grad, g{0}"
PARAMETER = re.compile(r"_*(w|b|k|u|v|weights?|bias(es)?|gamma|beta|kernels?|scale|shift|theta|filters?)\w?\d*$", re.I)


@dataclass
class Variable:
    """One array or number of the object: its name, the way to it, the way to its gradient."""

    name: str
    path: Path
    gradient: Path | str | None = None  # a string: the key in what backward returns

    @property
    def kept_at(self):
        """All places of its gradient: Paths, or a key in what backward returns."""
        return [] if self.gradient is None else [self.gradient]

    def read(self, obj):
        return self.path.get(obj)

    def write(self, obj, value):
        """Change it in this copy: arrays in place, since other objects may hold the same one."""
        now = self.read(obj)
        if is_array(now):
            _fill(now, value)
        else:
            self.path.set(obj, float(value) if isinstance(now, float) and not isinstance(now, np.generic)
                          else type(now)(value))

    def replace(self, obj, array):
        """Put another array in its place."""
        self.path.set(obj, array)

    def grad(self, obj, returned):
        if isinstance(self.gradient, str):
            return returned.get(self.gradient)
        try:
            found = self.gradient.get(obj) if self.gradient is not None else None
        except KeyError:
            return None
        return found if is_array(found) or isinstance(found, float | np.floating) else None

    def clear(self, obj):
        """Forget a gradient of an earlier backward: zeros, where there is an array."""
        found = self.grad(obj, {})
        if is_array(found):
            found[...] = 0


class Declared(Variable):
    """A Parameter that the object lists itself, by name: an object with .value or .data, and .grad."""

    def __init__(self, name):
        super().__init__(name, Path(()))

    def held(self, obj):
        return obj.parameters()[self.name]

    def read(self, obj):
        held = self.held(obj)
        return getattr(held, value_name(held))

    def write(self, obj, value):
        _fill(self.read(obj), value)

    def replace(self, obj, array):
        held = self.held(obj)
        setattr(held, value_name(held), array)

    def grad(self, obj, returned):
        return self.held(obj).grad

    def clear(self, obj):
        self.held(obj).grad = None


class Listed:
    """The parameters of a layer of this library, listed once: forward and backward leave them the same objects."""

    def __init__(self, layer):
        self._parameters = layer.parameters()

    def parameters(self):
        return self._parameters


def declared(obj):
    """{name: Declared} of what parameters() lists; empty where there is none, or where it lists something else."""
    named = follow_call(obj, "parameters")
    if not isinstance(named, dict) or not all(value_name(p) for p in named.values()):
        return {}
    return {name: Declared(name) for name in named}


def lists_all(obj):
    """Is every part of it a layer of this library? These list all that they learn; the rest are their settings."""
    return all(is_ours(part) for _, part in walk(obj))


def value_name(obj):
    """The attribute in which a Parameter-like object keeps its array: "value" or "data"; None for other objects."""
    if not has(obj, "grad"):
        return None
    return next((name for name in ("value", "data") if has(obj, name) and is_float_array(getattr(obj, name))), None)


def display_name(path, obj):
    """A path as people would write it: w, layers[0].w, W of params["W"], s of s.data."""
    steps = [step for step in path.steps if step != ("partial", "func") and step[0] != "self"]
    if len(steps) > 1 and steps[-1][0] == ATTRIBUTE and steps[-1][1] in ("value", "data", "val", "array"):
        steps = steps[:-1]
    if steps and steps[0] in ((ATTRIBUTE, "functions"), (ATTRIBUTE, "function")):  # of an adapter
        steps = steps[2 if len(steps) > 1 and steps[1][0] == ITEM else 1:]
    steps = [step for i, step in enumerate(steps) if not (
        step == (ATTRIBUTE, "params") and i + 1 < len(steps) and isinstance(steps[i + 1][1], str))]
    while len(steps) > 1 and steps[0][0] in ("class", "closure", "global") and callable(_peek(path, obj, steps[0])):
        steps = steps[1:]  # a method or function on the way says nothing
    return str(Path(tuple(steps)))


def _peek(path, obj, step):
    try:
        return Path(path.steps[: path.steps.index(step) + 1]).get(obj)
    except (KeyError, ValueError):
        return None


def find_gradient(obj, path, value, taken, returned, only_beside=False):
    """The Path to the gradient of the number at `path` after a backward, a key of `returned`, or None.

    taken: paths on which y depends, so that they are no gradients
    """
    name = next((str(key) for kind, key in reversed(path.steps) if isinstance(key, str)), "")
    shape = np.shape(value)
    for key in returned:
        if key != "" and (key in (name, str(path)) or is_gradient_name(key, name)):
            return key
    for candidate in [*_in_pairs(obj, value), *_beside(obj, path)]:
        if candidate not in taken and is_float(_get(obj, candidate)):
            return candidate
    if only_beside:
        return None
    elsewhere = [other for other, found in places(obj).items() if other not in taken and other != path
                 and np.shape(found) == shape and other.names and is_gradient_name(other.names[-1], name)]
    return elsewhere[0] if len(elsewhere) == 1 else None


def _in_pairs(obj, value):
    """The second of a pair (w, dw) that a method without arguments lists."""
    for name in ("parameters", "params", "params_and_grads", "named_parameters", "get_params"):
        listed = follow_call(obj, name)
        for i, pair in enumerate(listed if isinstance(listed, list | tuple) else ()):
            if isinstance(pair, list | tuple) and len(pair) in (2, 3) and pair[-2] is value:
                yield Path(((CALL, name), (ITEM, i), (ITEM, len(pair) - 1)))


def _beside(obj, path):
    """Paths at which a gradient would be expected: the same path with one name on it changed, the likeliest first."""
    usual, general = [], []
    for i in reversed(range(len(path.steps))):
        kind, key = path.steps[i]
        before, rest = Path(path.steps[:i]), path.steps[i + 1 :]
        if not isinstance(key, str):
            continue
        siblings = [(step, child) for step, child in children(before.get(obj)) if isinstance(step[1], str)]
        small = len(siblings) <= 4  # somebody's own Parameter, with w and g
        for step, child in siblings:
            if step == (kind, key):
                continue
            if is_gradient_name(step[1], key):
                usual.append(before.then(step, *rest))
            elif _plain(step[1]) in GRADS:
                if isinstance(child, dict):  # self.W and self.grads["W"] or self.grads["dW"]
                    names = [k for k in child if isinstance(k, str) and (k == key or is_gradient_name(k, key))]
                    usual += [before.then(step, (ITEM, k), *rest) for k in names]
                if _plain(key) in VALUES or small and not rest:
                    general.append(before.then(step, *rest))
    *before, (kind, key) = path.steps
    if kind == ITEM and key == 0:  # (w, dw) in a list of pairs
        pair = Path(tuple(before)).get(obj)
        if len(pair) == 2 and np.shape(pair[0]) == np.shape(pair[1]):
            general.append(Path((*before, (ITEM, 1))))
    return usual + general


def follow_call(obj, name):
    """What a method gives that takes nothing; None where there is none, or where it wants more."""
    try:
        return getattr(obj, name)() if callable(getattr(obj, name, None)) else None
    except Exception:  # it wants more, or it is no such thing
        return None


def _plain(name):
    return name.lower().replace("_", "")


def is_gradient_name(name, of):
    """dw, d_w, grad_w, w_grad, gw, w_gradient, weight_grads of weights ... whatever the underscores and capitals."""
    name, of = _plain(name), _plain(of)
    one = of[:-1] if of.endswith("s") else of
    forms = {f"{before}{of}" for before in ("d", "g", "grad", "grads", "gradient", "gradof", "delta", "del", "nabla")}
    forms |= {f"{each}{after}" for each in (of, one) for after in ("grad", "grads", "gradient", "gradients", "g")}
    forms |= {f"{before}{one}" for before in ("d", "grad")} | {f"d{one}s", f"ddata{of}"}
    return bool(of) and name in forms


def _get(obj, path):
    try:
        return path.get(obj)
    except KeyError:
        return None


def _fill(array, value):
    array[...] = like(value, array)
