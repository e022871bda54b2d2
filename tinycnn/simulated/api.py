"""What CuPy offers, as the snapshot cupy_api.json has it, and whether a call fits.

Every call on the simulated device comes through `check` first: the name must exist in CuPy, and the number of
positional arguments and the keywords must bind to CuPy's own signature. A call form is looked at once and remembered.
The snapshot is made from the real package by tests/conformance/make_snapshot.py.
"""

import functools
import inspect
import json
import types
from pathlib import Path
from typing import NamedTuple

from tinycnn.errors import DeviceError
from tinycnn.simulated.collect import Collectors


class MissingOnDevice(DeviceError, AttributeError):
    """A name that NumPy has and CuPy has not, or that the simulated device does not model."""


class OutOfRange(DeviceError, IndexError):
    """An index array points outside. NumPy raises; CuPy wraps around without a word, so this is refused."""


class Call(NamedTuple):
    """One form of a call: the path in CuPy ("sum", "linalg.norm", "ndarray.sum", "add.at"), and how it was called."""

    path: str
    positionals: int
    keywords: tuple


_names: dict = {}  # form of a call -> the parameter name behind each argument, once it has been found to fit
_recordings = Collectors()  # sets of Call
_ORDINARY, _KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY

HINTS = {
    "errstate": "a GPU gives no floating-point warnings; put numpy.errstate around host code",
    "vecdot": "use (a * b).sum(-1) or einsum",
    "unstack": "index the axis instead: x[i]",
    "random.Generator.normal": "use mean + std * standard_normal(), or better draw on the host and move",
    "random.Generator.permutation": "draw on the host with numpy.random and move",
    "random.Generator.shuffle": "draw on the host with numpy.random and move",
    "random.Generator.choice": "draw on the host with numpy.random and move",
    "maximum.reduce": "use xp.max(x, axis)",
    "minimum.reduce": "use xp.min(x, axis)",
}


@functools.cache
def snapshot():
    """The snapshot: attributes cupy, dtypes, host, elsewhere, properties, ufuncs, functions, positional, methods ..."""
    with (Path(__file__).parent / "cupy_api.json").open(encoding="utf-8") as file:
        content = json.load(file)
    words = {name: frozenset(content[name].split()) for name in ("host", "elsewhere", "properties")}
    return types.SimpleNamespace(**(content | words))


def record():
    """Collect every distinct form of a call on the simulated device, as a set of Call.

    >>> from tinycnn.simulated import xp
    >>> with record() as calls:
    ...     y = xp.sum(xp.zeros((2, 3)), axis=1)
    >>> sorted(calls)
    [Call(path='sum', positionals=1, keywords=('axis',)), Call(path='zeros', positionals=1, keywords=())]
    """
    return _recordings.collect(set())


def check(path, args, kwargs):
    """Bind a call to CuPy's signature; return the parameter name of each argument, positional ones first.

    Raises DeviceError when CuPy would not take the call.
    """
    form = (path, len(args), *kwargs)
    names = _names.get(form)
    if names is None:
        names = _names[form] = _bind(Call(path, len(args), tuple(kwargs)))
    _recordings.tell(lambda calls: calls.add(Call(path, len(args), tuple(sorted(kwargs)))))
    return names


def missing(path):
    """The error for a name that cannot be used on the device."""
    if path in snapshot().elsewhere or _parameters(path) is not None:
        return MissingOnDevice(
            f"cupy.{path} exists, but the simulated device does not model it. Code that needs it must look for the "
            "real CuPy first."
        )
    hint = f": {HINTS[path]}" if path in HINTS else ". NumPy may have it; on a GPU this line fails"
    return MissingOnDevice(f"CuPy {snapshot().cupy} has no {path}{hint}")


def signature(path):
    """CuPy's signature of a function, ufunc, method or ufunc method, as inspect.Signature; None when it has none."""
    text = _parameters(path)
    return None if text is None else _signature(text)


def _parameters(path):
    known = snapshot()
    owner, _, name = path.rpartition(".")
    if owner == "ndarray":
        return known.methods.get(name)
    if owner == "random.Generator":
        return known.generator.get(name)
    if path in known.functions:
        return known.functions[path]
    if path in known.ufuncs:
        inputs, outputs, *_ = known.ufuncs[path].split()
        given = [f"x{i + 1}" for i in range(int(inputs))]
        results = ["out="] if outputs == "1" else [f"out{i + 1}=" for i in range(int(outputs))]
        return ", ".join([*given, "/", *results, "*", *(["out="] if outputs != "1" else []), "casting=", "dtype="])
    if owner in known.ufuncs and name in known.ufuncs[owner].split():
        return known.ufunc_methods[name]
    return None


@functools.cache
def _signature(text):
    """inspect.Signature of 'a, axis=, *, out=': "=" marks a parameter that may be left out."""
    parameters, kind = [], _ORDINARY
    for token in filter(None, text.split(", ")):
        name, optional = token.strip("*="), token.endswith("=")
        if token == "/":
            parameters = [p.replace(kind=inspect.Parameter.POSITIONAL_ONLY) for p in parameters]
        elif token == "*":
            kind = _KEYWORD
        elif token.startswith("**"):
            parameters.append(inspect.Parameter(name, inspect.Parameter.VAR_KEYWORD))
        elif token.startswith("*"):
            parameters.append(inspect.Parameter(name, inspect.Parameter.VAR_POSITIONAL))
            kind = _KEYWORD
        else:
            parameters.append(inspect.Parameter(name, kind, default=None if optional else inspect.Parameter.empty))
    return inspect.Signature(parameters)


def _bind(call):
    found = signature(call.path)
    if found is None:
        raise missing(call.path)
    try:
        found.bind(*range(call.positionals), **dict.fromkeys(call.keywords))
    except TypeError as error:
        raise DeviceError(
            f"cupy.{call.path} does not take this call: {error}. "
            f"Its parameters in CuPy {snapshot().cupy} are ({_parameters(call.path)}); NumPy's differ."
        ) from None
    shared = snapshot().positional.get(call.path)
    if shared is not None and call.positionals > shared:
        raise DeviceError(
            f"cupy.{call.path} and numpy.{call.path} order their arguments differently after the first {shared}: "
            "the same call would mean two things. Pass the others by keyword."
        )
    names = []
    for parameter in found.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [parameter.name] * (call.positionals - len(names))
        elif parameter.kind is not _KEYWORD:
            names.append(parameter.name)
    return (*names[: call.positionals], *call.keywords)
