"""Every number that an object can reach: in attributes, slots, lists, dictionaries, closures, classes and globals.

A gradient can be wrong only for a number that somebody keeps somewhere, and people keep numbers in many ways. A Path is
the way from the object to one of them, so that the same number can be found in any copy of the object.
"""

import functools
import sys
import types
from collections import UserDict, UserList, deque
from dataclasses import dataclass

import numpy as np

from tinycnn.gradient_check.parts import attributes, has, is_array, is_float, is_odd, is_ours

ATTRIBUTE, ITEM, CELL, DEFAULT, GLOBAL, CLASS, BOUND, PARTIAL, CALL = (
    "attribute", "item", "closure", "default", "global", "class", "self", "partial", "call")
LIBRARIES = {"numpy", "cupy", "scipy", "torch", "matplotlib", "PIL", "tinycnn"} | sys.stdlib_module_names - {"__main__"}
MOST_PLACES, DEEPEST = 5000, 12  # of an object that holds a whole data set, the rest is not looked at


@dataclass(frozen=True)
class Path:
    """The steps from an object to a number: (kind, key) each."""

    steps: tuple

    @property
    def names(self):
        """The readable names on the way: attributes, keys and variables."""
        return [str(key) for kind, key in self.steps if kind != ITEM or isinstance(key, str)]

    @property
    def outside(self):
        """Does the number belong to a class or a module, and so to all copies of the object at once?"""
        return any(kind in (CLASS, GLOBAL) for kind, _ in self.steps)

    def __str__(self):
        text = ""
        for kind, key in self.steps:
            if kind == ITEM and not isinstance(key, str):
                text += f"[{key}]"
            elif kind not in (BOUND, PARTIAL):
                text += f".{key}" if text else str(key)
        return text or "value"

    def then(self, *steps):
        return Path((*self.steps, *steps))

    def get(self, root):
        """What lies there in this copy of the object; KeyError where there is nothing."""
        for step in self.steps:
            root = follow(root, *step)
        return root

    def set(self, root, value):
        """Put `value` there. Tuples on the way are made anew."""
        *before, (kind, key) = self.steps
        parent_path = Path(tuple(before))
        parent = parent_path.get(root)
        if kind == ITEM and isinstance(parent, tuple):
            items = [value if i == key else item for i, item in enumerate(parent)]
            parent_path.set(root, type(parent)(*items) if hasattr(parent, "_fields") else type(parent)(items))
        elif kind == PARTIAL:
            args, keywords = list(parent.args), dict(parent.keywords)
            (keywords if isinstance(key, str) else args)[key] = value
            parent_path.set(root, functools.partial(parent.func, *args, **keywords))
        elif kind == ITEM:
            parent[key] = value
        elif kind == CELL:
            _cells(parent)[key].cell_contents = value
        elif kind == GLOBAL:
            _function(parent).__globals__[key] = value
        elif kind == CLASS:
            setattr(_holder(parent, key), key, value)
        elif kind == ATTRIBUTE:
            object.__setattr__(parent, key, value)
        elif kind == DEFAULT:
            function = _function(parent)
            if key in (function.__kwdefaults__ or {}):
                function.__kwdefaults__[key] = value
            else:
                i = _default_names(function).index(key)
                function.__defaults__ = tuple(value if j == i else v for j, v in enumerate(function.__defaults__))
        else:
            raise KeyError(key)


def places(obj, wanted=is_float, every=False):
    """{Path: value} of every array and number of floating point that can be reached from the object.

    wanted: which values instead of these; what is looked for among integers may also be a plain number
    every: with all the ways to one array, instead of the first
    """
    found: dict[Path, object] = {}
    seen, queue = set(), deque([(Path(()), obj, True)])
    while queue and len(found) < MOST_PLACES:
        path, value, named = queue.popleft()
        if wanted(value):
            # One array in two places is one; two equal numbers are two. A layer of this library names its own.
            if named and (every or not (is_array(value) and id(value) in seen)):
                seen.add(id(value))
                found[path] = value
            continue
        if id(value) in seen or len(path.steps) > DEEPEST or is_array(value):
            continue
        seen.add(id(value))
        if not isinstance(value, dict | list | tuple | deque):
            named = not is_ours(value) or has(value, "grad")
        queue.extend((path.then(step), child, named) for step, child in children(value))
    return found


def children(value):
    """((kind, key), child) of everything directly inside a value that may hold numbers."""
    if isinstance(value, dict):
        yield from (((ITEM, key), child) for key, child in list(value.items()))
    elif isinstance(value, list | tuple | deque):
        yield from (((ITEM, i), child) for i, child in enumerate(list(value)))
    elif isinstance(value, types.ModuleType):
        yield from (((ATTRIBUTE, name), child) for name, child in list(vars(value).items()) if not name.startswith("__")
                    and (is_float(child) or is_odd(child) or isinstance(child, dict | list)))
    elif type(value).__module__.startswith("scipy.sparse"):
        if has(value, "data"):
            yield (ATTRIBUTE, "data"), value.data
    elif isinstance(value, types.FunctionType):
        yield from _of_function(value)
    elif isinstance(value, types.MethodType):
        yield (BOUND, "self"), value.__self__
        yield from _of_function(value.__func__)
    elif isinstance(value, functools.partial):
        yield (PARTIAL, "func"), value.func
        yield from (((PARTIAL, i), child) for i, child in enumerate(value.args))
        yield from (((PARTIAL, key), child) for key, child in value.keywords.items())
    elif _is_object(value):
        own = attributes(value)
        yield from (((ATTRIBUTE, name), child) for name, child in own.items() if name not in ("training", "rng"))
        if not is_ours(value):
            yield from _of_class(value, own)


def _of_function(function):
    for name, cell in _cells(function).items():
        try:
            yield (CELL, name), cell.cell_contents
        except ValueError:  # not filled yet
            continue
    yield from (((DEFAULT, name), child) for name, child in zip(
        _default_names(function), function.__defaults__ or (), strict=True))
    yield from (((DEFAULT, name), child) for name, child in (function.__kwdefaults__ or {}).items())
    for name in sorted(used_globals(function)):
        child = function.__globals__[name]
        if _holds_numbers(child):
            yield (GLOBAL, name), child


def _of_class(value, own):
    """Attributes of the classes of an object that are numbers or hold some, and what their methods refer to."""
    seen = set(own)
    for cls in type(value).__mro__:
        if cls.__module__.split(".")[0] in LIBRARIES:
            continue
        for name, child in list(vars(cls).items()):
            if name.startswith("__") and name not in ("__init__", "__call__") or name in seen:
                continue
            seen.add(name)
            child = getattr(child, "__func__", child) if isinstance(child, staticmethod | classmethod) else child
            if _holds_numbers(child):
                yield (CLASS, name), child


def _holds_numbers(value):
    """May a global or an attribute of a class hold numbers that matter? Functions of other libraries do not."""
    if isinstance(value, types.FunctionType):
        return (value.__module__ or "").split(".")[0] not in LIBRARIES
    if isinstance(value, types.ModuleType):
        return value.__name__.split(".")[0] not in LIBRARIES
    return is_float(value) or is_odd(value) or isinstance(value, dict | list | tuple)


def used_globals(function):
    """Names of the globals that a function, and the functions inside it, look up."""
    codes, names = [function.__code__], set()
    for code in codes:  # it grows on the way
        names.update(code.co_names)
        codes.extend(constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return {name for name in names if name in function.__globals__}


def _is_object(value):
    """An instance of somebody's class: not a module, a class, a generator of random numbers, something of a library."""
    if isinstance(value, type | types.ModuleType | types.BuiltinFunctionType | np.random.Generator | np.generic):
        return False
    if isinstance(value, types.SimpleNamespace | UserDict | UserList) or is_ours(value):
        return True
    return type(value).__module__.split(".")[0] not in LIBRARIES


def follow(parent, kind, key):
    """What lies one step further: KeyError where there is nothing."""
    try:
        if kind == ATTRIBUTE:
            return getattr(parent, key)
        if kind == ITEM:
            return parent[key]
        if kind == CALL:
            return getattr(parent, key)()
        if kind == CELL:
            return _cells(parent)[key].cell_contents
        if kind == BOUND:
            return parent.__self__
        if kind == PARTIAL:
            return parent.func if key == "func" else parent.keywords[key] if isinstance(key, str) else parent.args[key]
        if kind == DEFAULT:
            function = _function(parent)
            if key in (function.__kwdefaults__ or {}):
                return function.__kwdefaults__[key]
            return function.__defaults__[_default_names(function).index(key)]
        if kind == GLOBAL:
            return _function(parent).__globals__[key]
        found = vars(_holder(parent, key))[key]
        return getattr(found, "__func__", found) if isinstance(found, staticmethod | classmethod) else found
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise KeyError(key) from error


def _function(value):
    return value.__func__ if isinstance(value, types.MethodType) else value


def _default_names(function):
    """The arguments that its __defaults__ belong to: the last of the positional ones."""
    code, count = function.__code__, len(function.__defaults__ or ())
    return code.co_varnames[code.co_argcount - count : code.co_argcount]


def _cells(value):
    function = _function(value)
    return dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))


def _holder(obj, name):
    return next((cls for cls in type(obj).__mro__ if name in vars(cls)), type(obj))
