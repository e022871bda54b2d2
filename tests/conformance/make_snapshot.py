"""Write down what the real CuPy offers: names, signatures, keywords, dtypes. The simulated device obeys this list.

    python -m tests.conformance.make_snapshot      # needs CuPy (no GPU), rewrites tinycnn/simulated/cupy_api.json

Everything comes from the installed package itself: Python functions through inspect.signature, Cython functions and
methods through the first line of their docstring (Cython writes the signature there), keywords behind **kwargs from
the function's code, ufunc methods by calling them on a probe. Nothing is typed in by hand.

    host        names that CuPy takes over from NumPy as they are: dtypes, constants, dtype arithmetic
    ufuncs      name: number of inputs, number of outputs, methods
    functions   path: parameters; "=" marks those that may be left out
    positional  path: how many leading arguments mean the same in CuPy and NumPy, where not all do
    elsewhere   names that CuPy has and NumPy has not, or that are no functions
"""

import __future__

import ast
import inspect
import json
import re
import textwrap
from pathlib import Path

import numpy as np

SNAPSHOT = Path(__file__).resolve().parents[2] / "tinycnn" / "simulated" / "cupy_api.json"
MODULES = ("", "fft", "lib.stride_tricks", "linalg", "random")
PARENTS = ("fft", "lib", "lib.stride_tricks", "linalg", "random")


def make():
    import cupy

    functions, positional, host, ufuncs, elsewhere = {}, {}, [], {}, []
    missing = object()
    for module in MODULES:
        theirs, ours = find(cupy, module), find(np, module)
        for name in public(theirs):
            thing, twin = getattr(theirs, name), getattr(ours, name, missing)
            path = f"{module}.{name}".lstrip(".")
            if isinstance(thing, __future__._Feature) or (inspect.ismodule(thing) and thing is twin) or path in PARENTS:
                continue
            if thing is twin:
                host.append(path)  # CuPy passes NumPy's own object on
            elif isinstance(thing, cupy.ufunc):
                ufuncs[name] = " ".join([str(thing.nin), str(thing.nout), *ufunc_methods(thing)])
            elif twin is missing or signature(thing) is None:
                elsewhere.append(path)  # CuPy alone has it, or it is a class rather than a function
            else:
                functions[path] = text(signature(thing))
                shared = shared_positions(signature(thing), signature(twin))
                if shared is not None:
                    positional[path] = shared
    methods, properties = members(cupy.ndarray)
    return {
        "cupy": cupy.__version__,
        "dtypes": "".join(dict.fromkeys(np.dtype(char).char for char in np.typecodes["All"] if has_dtype(char))),
        "host": " ".join(host),
        "elsewhere": " ".join(elsewhere),
        "properties": " ".join(properties),
        "ufuncs": ufuncs,
        "functions": functions,
        "positional": positional,
        "methods": methods,
        "ufunc_methods": members(cupy.ufunc)[0],
        "generator": members(cupy.random.Generator)[0],
    }


def find(root, dotted):
    for part in filter(None, dotted.split(".")):
        root = getattr(root, part)
    return root


def public(owner):
    return [name for name in dir(owner) if not name.startswith("_")]


def members(kind):
    """({method: signature}, [properties]) of a class."""
    methods, properties = {}, []
    for name in public(kind):
        found = signature(getattr(kind, name))
        if found is None:
            properties.append(name)
        else:
            methods[name] = text(found, skip_self=True)
    return methods, properties


def signature(thing):
    """The signature of a function or method of CuPy or NumPy, or None when it is something else."""
    if inspect.isclass(thing) or not callable(thing):
        return None
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        found = docstring_signature(thing)
    if found is None or not any(p.kind is p.VAR_KEYWORD for p in found.parameters.values()):
        return found
    return spelled_out(thing, found)


def docstring_signature(thing):
    """Cython's 'sum(self, axis=None, int n=1) -> type' as a signature: one parameter each, types dropped."""
    first = (getattr(thing, "__doc__", None) or "\n").splitlines()[0]
    match = re.fullmatch(r"[\w.]*?(\w+)\((.*)\)(?: -> .*)?", first)
    if match is None:
        return None
    arguments = [re.sub(r"^\w+ (?=\w)", "", argument) for argument in match[2].split(", ")]
    scope = {}
    try:
        exec(f"def f({', '.join(arguments)}): pass", {"numpy": np}, scope)  # text of the package we already imported
    except SyntaxError:
        return None
    return inspect.signature(scope["f"])


def spelled_out(thing, found):
    """Replace **kwargs by the keywords that the function's code takes out of it, where it does so by name."""
    try:
        code = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    except (OSError, TypeError):  # compiled: no source to read
        return found
    name = next(p.name for p in found.parameters.values() if p.kind is p.VAR_KEYWORD)
    keywords = {}
    for node in ast.walk(code):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=owner), attr="pop" | "get"), args=[ast.Constant(keyword), *_]
            ) if owner == name:
                keywords[keyword] = inspect.Parameter(keyword, inspect.Parameter.KEYWORD_ONLY, default=None)
    if not keywords:
        return found
    kept = [p for p in found.parameters.values() if p.kind is not p.VAR_KEYWORD]
    return found.replace(parameters=[*kept, *keywords.values()])


def text(found, skip_self=False):
    """A signature as 'a, axis=, *, out=': names, which are optional, which are by position or keyword only."""
    parameters = [p for p in found.parameters.values() if not (skip_self and p.name == "self")]
    plain = [p.replace(annotation=p.empty, default=p.empty if p.default is p.empty else 0) for p in parameters]
    return str(inspect.Signature(plain))[1:-1].replace("=0", "=")


def shared_positions(theirs, ours):
    """How many leading arguments mean the same in CuPy and NumPy by position; None when all of them do."""
    if theirs is None or ours is None:
        return None
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    first, second = ([p.name for p in s.parameters.values() if p.kind in by_position] for s in (theirs, ours))
    for i, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b and (a in second or b in first):  # the same name stands elsewhere: the order differs
            return i
    return None


def ufunc_methods(ufunc):
    """Which of reduce, accumulate, reduceat, outer, at this CuPy ufunc has, found by calling it on a probe."""

    class Probe:
        def __getattr__(self, name):
            return lambda *args: "it works"

    found = ["outer"] + (["at"] if ufunc._scatter_op is not None else [])
    for name, arguments in (("reduce", ()), ("accumulate", ()), ("reduceat", ([0],))):
        try:
            getattr(ufunc, name)(Probe(), *arguments)
            found.append(name)
        except NotImplementedError:
            pass
    return found


def has_dtype(char):
    from cupy._core._scalar import get_typename

    try:
        get_typename(np.dtype(char))
        return True
    except (TypeError, ValueError):
        return False


def main():
    SNAPSHOT.write_text(json.dumps(make(), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {SNAPSHOT}, {SNAPSHOT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
