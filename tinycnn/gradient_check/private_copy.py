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
from tinycnn.gradient_check.reachable import CLASS, GLOBAL, children, used_globals

CONTAINERS = dict | list | deque


def private_copy(obj):
    """A deep copy; functions that keep something get a memory of their own, shared among them as before."""
    return _Copier().copy(obj)


class _Copier:
    def __init__(self):
        self.memo, self.functions, self.cells, self.globals, self.visited = {}, {}, {}, {}, set()

    def copy(self, value):
        if isinstance(value, type | types.ModuleType):
            return value
        return self.own(copy.deepcopy(value, self.memo))

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
                if kind == CLASS and not isinstance(child, types.FunctionType):
                    holder = next((cls for cls in type(value).__mro__ if key in vars(cls)), type(value))
                    self.held.append((functools.partial(setattr, holder, key), vars(holder)[key]))
                if kind == GLOBAL and not isinstance(child, types.FunctionType):
                    function = getattr(value, "__func__", value)
                    self.held.append((functools.partial(function.__globals__.__setitem__, key), child))
                queue.append((child, outside or kind in (CLASS, GLOBAL)))
            function = getattr(value, "__func__", value)
            if outside and isinstance(function, types.FunctionType):
                for cell in function.__closure__ or ():
                    if not _is_empty(cell):
                        self.held.append((functools.partial(setattr, cell, "cell_contents"), cell.cell_contents))

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
    return bool(getattr(value, "__dict__", None)) or hasattr(type(value), "__slots__") and not is_ours(value)


def _write(array, value):
    array[...] = value


def _refill(container, value):
    container.clear()
    container.update(value) if isinstance(container, dict) else container.extend(value)
