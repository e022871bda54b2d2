"""What counts as an array, as a part of a network, as a number of its own."""

import types

import numpy as np


def is_array(a):
    """Is it a NumPy, CuPy or simulated array? Single NumPy numbers and Python numbers are not."""
    if isinstance(a, np.ndarray):
        return True
    if isinstance(a, type | np.generic | types.ModuleType) or type(a).__module__.startswith("scipy"):
        return False
    return all(has(a, name) for name in ("dtype", "shape", "astype"))


def has(obj, name):
    """hasattr for objects that answer any question, with any error."""
    try:
        getattr(obj, name)
    except Exception:
        return False
    return True


def is_float_array(a):
    """Is it an array of floating-point numbers, one that a gradient can belong to?"""
    return is_array(a) and np.dtype(a.dtype).kind == "f"


def is_float(a):
    """Is it an array of floating-point numbers, or one such number?"""
    return isinstance(a, float | np.floating) or is_float_array(a)


def is_odd(a):
    """Does it hold numbers that cannot be checked as they are: integers, complex ones, objects, several fields?"""
    return is_array(a) and np.dtype(a.dtype).kind in "iucOV" or isinstance(a, complex) and not isinstance(a, float)


def is_part(obj):
    """Has it a forward and a backward of its own? Classes have, but only as something to call later."""
    return not isinstance(obj, type) and all(
        has(obj, name) and callable(getattr(obj, name)) for name in ("forward", "backward"))


def is_ours(obj):
    """Is it of a class of this library? Such a layer says itself what its parameters are."""
    return type(obj).__module__.split(".")[0] == "tinycnn"


def walk(obj, name="", seen=None):
    """Yield (dotted name, object) for the object itself, named "", and for every part inside it, once each."""
    seen = set() if seen is None else seen
    if id(obj) in seen:
        return
    seen.add(id(obj))
    yield name, obj
    for child_name, child in _parts(obj):
        yield from walk(child, f"{name}.{child_name}" if name else child_name, seen)


def _parts(obj):
    children = obj.children() if callable(getattr(obj, "children", None)) else None
    if isinstance(children, dict):
        yield from children.items()
        return
    for name, value in attributes(obj).items():
        if is_part(value):
            yield name, value
        elif isinstance(value, dict):
            yield from ((f"{name}.{key}", v) for key, v in value.items() if is_part(v))
        elif isinstance(value, list | tuple):
            yield from ((f"{name}[{i}]", v) for i, v in enumerate(value) if is_part(v))


def attributes(obj):
    """{name: value} of the object's own attributes, those in __slots__ included."""
    found = dict(obj.__dict__) if has(obj, "__dict__") and isinstance(obj.__dict__, dict) else {}
    for cls in type(obj).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(obj, name):
                found.setdefault(name, getattr(obj, name))
    return found
