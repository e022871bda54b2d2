"""Copies that share nothing with the original: closures, default arguments and globals of functions included.

copy.deepcopy leaves functions as they are, so two copies of a closure would use one memory. What belongs to a class or
to a module is not copied, since the methods of an object find it there; it is put back when the check is over.
"""

import contextlib
import copy
import functools
import types
from collections import deque

import numpy as np

from tinycnn.gradient_check.parts import attributes, is_array, is_ours
from tinycnn.gradient_check.reachable import CLASS, GLOBAL, LIBRARIES, children, places, used_globals

CONTAINERS = dict | list | deque
SIMPLE = (int, float, bool, str, type(None), np.float64, np.int64)


def private_copy(obj):
    """A deep copy; functions that keep something get a memory of their own, shared among them as before."""
    return _Copier().copy(obj)


class _Copier:
    def __init__(self):
        self.memo, self.functions, self.cells, self.globals, self.visited = {}, {}, {}, {}, set()

    def copy(self, value):
        if isinstance(value, type | types.ModuleType):
            return value
        if not self.memo:
            self.keep_views(value)
        return self.own(copy.deepcopy(value, self.memo))

    def keep_views(self, value):
        """Arrays that lie in one another, W in a flat vector of all parameters, lie in one another in the copy too."""
        arrays = [a for a in places(value).values() if isinstance(a, np.ndarray) and not is_ours(value)]
        of = {id(a): a.base if isinstance(a.base, np.ndarray) else a for a in arrays}
        shared = [a for a in arrays if sum(base is of[id(a)] for base in of.values()) > 1]
        copies: dict[int, np.ndarray] = {}
        for a in shared:
            base = of[id(a)]
            new = copies.setdefault(id(base), base.copy())
            if base.flags.c_contiguous and new.strides == base.strides and base.dtype == a.dtype:
                offset = a.__array_interface__["data"][0] - base.__array_interface__["data"][0]
                view = new if a is base else np.ndarray(a.shape, a.dtype, new, offset, a.strides)
                self.memo[id(a)] = view
                self.memo.setdefault(id(self), []).append(a)

    def own(self, value):
        """The same copy with functions of its own in place of the original's."""
        if isinstance(value, types.FunctionType):
            return self.function(value)
        if isinstance(value, functools.partial):
            return functools.partial(self.own(value.func), *map(self.own, value.args),
                                     **{name: self.own(child) for name, child in value.keywords.items()})
        if id(value) in self.visited:
            return value
        if isinstance(value, tuple):
            items = [self.own(item) for item in value]
            if all(a is b for a, b in zip(items, value, strict=True)):
                return value
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        self.visited.add(id(value))
        self.memo.setdefault(id(self), []).append(value)  # kept alive, so that its id is not used again
        if isinstance(value, CONTAINERS):
            for key, child in list(value.items() if isinstance(value, dict) else enumerate(value)):
                if (new := self.own(child)) is not child:
                    value[key] = new
        elif isinstance(value, types.MethodType):
            self.own(value.__self__)
        elif _has_attributes(value):
            for name, child in attributes(value).items():
                if (new := self.own(child)) is not child:
                    object.__setattr__(value, name, new)
        return value

    def function(self, function):
        """A function that computes the same with a memory of its own; itself where it keeps nothing."""
        if id(function) in self.functions:
            return self.functions[id(function)]
        used = _changeable_globals(function)
        keeps = function.__closure__ or function.__defaults__ or function.__kwdefaults__ or used
        if not keeps or is_ours(function):
            return function
        scope = self.scope(function.__globals__) if used else function.__globals__
        cells = tuple(self.cells.setdefault(id(cell), types.CellType()) for cell in function.__closure__ or ())
        new = types.FunctionType(function.__code__, scope, function.__name__, None, cells or None)
        new.__module__, new.__qualname__ = function.__module__, function.__qualname__
        self.functions[id(function)] = new
        self.memo.setdefault(id(self), []).append(function)
        new.__defaults__ = self.copy(function.__defaults__)
        new.__kwdefaults__ = self.copy(function.__kwdefaults__)
        for old, cell in zip(function.__closure__ or (), cells, strict=True):
            with contextlib.suppress(ValueError):  # a cell that is still empty
                if _is_empty(cell):
                    cell.cell_contents = self.copy(old.cell_contents)
        for name in used:
            if scope[name] is function.__globals__[name]:
                with contextlib.suppress(TypeError):  # what holds a lock or a file stays the module's
                    scope[name] = self.copy(function.__globals__[name])
        return new

    def scope(self, names):
        """A copy of a module's globals, one for all its functions."""
        return self.globals.setdefault(id(names), dict(names))


class Outside:
    """What an object keeps in classes and modules, and how it was: `with Outside(obj): ...` puts it back."""

    def __init__(self, obj):
        self.held = []  # (how to put it back, what was there)
        seen: set[tuple[int, bool]] = set()
        queue = deque([(obj, False)])
        while queue:
            value, outside = queue.popleft()
            if (id(value), outside) in seen or len(seen) > 20_000:
                continue
            seen.add((id(value), outside))
            if outside and is_array(value):
                self.held.append((functools.partial(_write, value), value.copy()))
            if outside and isinstance(value, CONTAINERS):
                self.held.append((functools.partial(_refill, value), copy.copy(value)))
            for (kind, key), child in children(value):
                if kind == CLASS and not isinstance(child, types.FunctionType | types.ModuleType):
                    holder = next((cls for cls in type(value).__mro__ if key in vars(cls)), type(value))
                    self.held.append((functools.partial(setattr, holder, key), vars(holder)[key]))
                if kind == GLOBAL and not isinstance(child, types.FunctionType | types.ModuleType):
                    function = value.__func__ if isinstance(value, types.MethodType) else value
                    self.held.append((functools.partial(function.__globals__.__setitem__, key), child))
                queue.append((child, outside or kind in (CLASS, GLOBAL)))
            function = value.__func__ if isinstance(value, types.MethodType) else value
            self._hold_simple(value, function)
            if outside and isinstance(function, types.FunctionType):
                for cell in function.__closure__ or ():
                    if not _is_empty(cell):
                        self.held.append((functools.partial(setattr, cell, "cell_contents"), cell.cell_contents))

    def _hold_simple(self, value, function):
        """Counters and flags of classes and modules: plain values, that are replaced and not changed."""
        if isinstance(function, types.FunctionType):
            names = function.__globals__
            self.held += [(functools.partial(names.__setitem__, name), names[name])
                          for name in used_globals(function) if type(names[name]) in SIMPLE]
        elif not isinstance(value, CONTAINERS | tuple | type | types.ModuleType) and not is_array(value):
            for cls in type(value).__mro__:
                if cls.__module__.split(".")[0] not in LIBRARIES:
                    self.held += [(functools.partial(setattr, cls, name), child) for name, child in vars(cls).items()
                                  if type(child) in SIMPLE and not name.startswith("__")]

    def restore(self):
        for put_back, value in self.held:
            put_back(value)


def _changeable_globals(function):
    """Names of the globals a function uses that some call could change: arrays, containers, functions beside it."""
    found = []
    for name in sorted(used_globals(function)):
        value = function.__globals__[name]
        beside = isinstance(value, types.FunctionType) and value.__globals__ is function.__globals__
        numbers = is_array(value) or type(value) in (int, float, np.float64)
        if numbers or isinstance(value, CONTAINERS | tuple) or beside:
            found.append(name)
    return found


def _is_empty(cell):
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return True
    return False


def _has_attributes(value):
    if isinstance(value, type | types.ModuleType | types.BuiltinFunctionType) or is_array(value):
        return False
    try:
        own = bool(value.__dict__)
    except Exception:
        own = False
    return own or hasattr(type(value), "__slots__") and not is_ours(value)


def _write(array, value):
    array[...] = value


def _refill(container, value):
    container.clear()
    container.update(value) if isinstance(container, dict) else container.extend(value)
