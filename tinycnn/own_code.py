"""What somebody's own functions and classes do, as a few letters: a run goes on only with the code that it began with.

A name says nothing of what stands behind it, and an address is another one in every process. So a function is known by
its instructions, and by what else decides what it does: its defaults, what it closes over, the numbers and functions
of its own file that it names. Comments, docstrings and places in a file do not count. An object is known by its class
and by what was given when it was made, as far as that is kept under the same name. What is installed, as NumPy and
tinycnn are, is known by its name.
"""

import contextlib
import functools
import hashlib
import inspect
import re
import sys
import sysconfig
import types
from pathlib import Path
from typing import Any

import numpy as np

from tinycnn.layers import Buffer, Parameter

MOST_BYTES = 2**20  # of an array whose numbers are looked at
PLAIN = (int, float, complex, str, bytes, bool, type(None), type(...))
INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def own_code(**parts: Any) -> dict[str, str]:
    """{part: letters that say what it does} for each part in which there is code of somebody's own; None has none.

    The instructions are those of one version of Python: "python" says which, and two of them are not compared.
    """
    told = {}
    for name, part in parts.items():
        seen: dict[int, Any] = {}
        text = _described(part, seen)
        if any(map(_is_own, seen.values())):
            told[name] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return told | {"python": "{}.{}".format(*sys.version_info)} if told else {}


def name_of(part: Any) -> str:
    """A part of a training as it is compared on resume: how it prints itself, or its name, but never an address."""
    if isinstance(part, functools.partial):
        given = [*map(name_of, part.args), *(f"{name}={name_of(value)}" for name, value in part.keywords.items())]
        return f"partial({', '.join([name_of(part.func), *given])})"
    if hasattr(part, "__qualname__"):
        return f"{part.__module__}.{part.__qualname__}"
    return ADDRESS.sub("", repr(part)) if type(part).__repr__ is not object.__repr__ else type(part).__qualname__


def _is_own(thing):
    """Whether a function or class was written by whoever uses the library, as far as that can be known."""
    module = sys.modules.get(getattr(thing, "__module__", None) or "")
    if module is None or module.__name__.partition(".")[0] == "tinycnn" or module.__name__ in sys.builtin_module_names:
        return False
    file = getattr(module, "__file__", None)
    return file is None or not str(Path(file)).startswith(INSTALLED)


def _described(thing, seen):
    """A text that is the same in every process, and another one wherever something else would be done."""
    if type(thing) in PLAIN:
        return repr(thing)
    if isinstance(thing, list | tuple):
        return f"[{', '.join(_described(each, seen) for each in thing)}]"
    if isinstance(thing, set | frozenset | dict):
        pairs = thing.items() if isinstance(thing, dict) else [(each, None) for each in thing]
        return "{" + ", ".join(sorted(f"{_described(k, seen)}: {_described(v, seen)}" for k, v in pairs)) + "}"
    if isinstance(thing, np.ndarray | np.generic):
        small = thing.nbytes <= MOST_BYTES and thing.dtype != object
        return f"{thing.dtype} {thing.shape} {hashlib.sha256(thing.tobytes()).hexdigest() if small else ''}"
    if isinstance(thing, Parameter | Buffer):  # training changes them
        return repr(thing)
    if id(thing) in seen:
        return f"again {name_of(thing) if hasattr(thing, '__qualname__') else type(thing).__qualname__}"
    if isinstance(thing, types.CodeType):
        return f"{thing.co_code.hex()} {thing.co_names} {_described(thing.co_consts, seen)}"
    seen[id(thing)] = thing
    if isinstance(thing, functools.partial):
        return f"partial {_described([thing.func, thing.args, thing.keywords], seen)}"
    if isinstance(thing, types.MethodType):
        return f"method {_described([thing.__func__, thing.__self__], seen)}"
    if isinstance(thing, staticmethod | classmethod | property):
        inner = [thing.fget, thing.fset] if isinstance(thing, property) else thing.__func__
        return f"{type(thing).__name__} {_described(inner, seen)}"
    if isinstance(thing, type | types.FunctionType):
        if not _is_own(thing):
            return name_of(thing)
        return _class(thing, seen) if isinstance(thing, type) else _function(thing, seen)
    return f"{_described(type(thing), seen)} {_described(_given(thing), seen)}"


def _function(function, seen):
    code, cells = function.__code__, function.__closure__ or ()
    consts = code.co_consts[function.__doc__ is not None and code.co_consts[:1] == (function.__doc__,):]
    held = []
    for cell in cells:
        with contextlib.suppress(ValueError):  # one that nothing was put into yet
            held.append(cell.cell_contents)
    held = [each for each in held if not isinstance(each, list | dict | set)]  # those may be notes that it takes
    around = function.__globals__
    used = {name: around[name] for name in _names(code) & around.keys() if isinstance(
        around[name], (*PLAIN, tuple, types.FunctionType, type, functools.partial))}
    return (f"function {code.co_code.hex()} {code.co_names} "
            f"{_described([consts, function.__defaults__, function.__kwdefaults__, held, used], seen)}")


def _names(code):
    """What a function, and those within it, may look up outside."""
    inner = [_names(each) for each in code.co_consts if isinstance(each, types.CodeType)]
    return set(code.co_names).union(*inner)


def _class(cls, seen):
    """Its methods and plain values, and the classes that it inherits from."""
    members = {name: value for name, value in sorted(vars(cls).items()) if isinstance(value, (
        *PLAIN, list, tuple, types.FunctionType, staticmethod, classmethod, property)) and name not in (
        "__module__", "__doc__", "__qualname__", "__firstlineno__", "__static_attributes__")}
    return f"class {_described([members, cls.__bases__], seen)}"


def _given(thing):
    """What an object was given when it was made, as far as it keeps that under the same name; and methods of its own.

    What it keeps besides may be of the step before, and would be other in a run that is resumed with the same object.
    """
    try:
        names = [*inspect.signature(type(thing)).parameters]
    except (TypeError, ValueError):
        names = []
    held = getattr(thing, "__dict__", {})
    return {name: value for name, value in held.items() if isinstance(value, types.FunctionType | types.MethodType)
            or name in names}
