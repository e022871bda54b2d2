"""xp, the simulated device's array module: CuPy's names, each with NumPy's arithmetic behind it.

An attribute is built when it is first asked for. What CuPy has not is missing here too, with a sentence that says so.
"""

import numpy as np

from tinycnn.errors import DeviceError
from tinycnn.simulated import api, rules
from tinycnn.simulated.array import ndarray
from tinycnn.simulated.launches import launched
from tinycnn.simulated.operators import add_operators
from tinycnn.simulated.special import HOST_RESULTS, NOT_MODELED, SPECIAL, WAITS, check_limits, limits

MODULES = frozenset(["fft", "lib", "lib.stride_tricks", "linalg", "random"])
# CuPy reads .dtype, .sum ... of these first parameters without converting them: a list or a number has none.
ARRAYS = frozenset("a x arr ary array m v val z filt ar ar1 arr1 a1 x1 y condition prototype mask".split())
TAKES_SCALARS = frozenset("isclose allclose array_equal atleast_1d atleast_2d atleast_3d meshgrid".split())
COMPARISONS = frozenset("less less_equal equal not_equal greater greater_equal".split())


class Namespace:
    """A module of the simulated device: xp itself, xp.linalg, xp.lib.stride_tricks ..."""

    def __init__(self, name, path):
        self.__name__, self._path = name, path

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        path = f"{self._path}.{name}".lstrip(".")
        built = Namespace(f"{self.__name__}.{name}", path) if path in MODULES else _build(path)
        setattr(self, name, built)
        return built

    def __repr__(self):
        return f"<the simulated device's array module {self.__name__}, as of CuPy {api.snapshot().cupy}>"

    def __dir__(self):
        known = api.snapshot()
        paths = {*MODULES, *known.host, *known.ufuncs, *known.functions, *SPECIAL, "ndarray"}
        inside = (path.rpartition(".") for path in paths if _modeled(path) and not path.startswith("ndarray."))
        return sorted(name for owner, _, name in inside if owner == self._path)

    def __reduce__(self):
        return _module, (self._path,)  # copies and pickles are the same module

    def __deepcopy__(self, memo):
        return self


def _modeled(path):
    # Of random only generators: numbers drawn from a hidden global state have no place in this library.
    return path not in NOT_MODELED and (not path.startswith("random.") or path == "random.default_rng")


def _build(path):
    known = api.snapshot()
    if path == "ndarray":
        return ndarray
    if path in known.host:
        return _numpy(path)
    if not _modeled(path):
        raise api.missing(path)
    if path in SPECIAL:
        return _checked(path, SPECIAL[path])
    if path in known.ufuncs:
        return Ufunc(path)
    if path in known.functions:
        return _function(path)
    raise api.missing(path)


def _numpy(path):
    found = np
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _module(path):
    found = xp
    for part in filter(None, path.split(".")):
        found = getattr(found, part)
    return found


def _checked(path, function):
    """One of our own functions, behind CuPy's signature (the names that only CuPy has bring their own)."""

    limited, in_numpy = limits(path), path in api.snapshot().functions

    def call(*args, **kwargs):
        if in_numpy:
            check_limits(limited, path, api.check(path, args, kwargs), (*args, *kwargs.values()))
        return function(*args, **kwargs)

    call.__name__ = path.rpartition(".")[2]
    return call


def _function(path):
    """NumPy's function of that name, behind CuPy's signature."""
    function, limited, host, name = _numpy(path), limits(path), path in HOST_RESULTS, path.rpartition(".")[2]

    def call(*args, **kwargs):
        names = api.check(path, args, kwargs)
        if not host and path not in TAKES_SCALARS:
            _expect_arrays(path, names, args)
        if limited:
            check_limits(limited, path, names, (*args, *kwargs.values()))
        out = kwargs.get("out")
        args, kwargs = _arguments(path, names, args, kwargs)
        if host:
            return function(*args, **kwargs)
        if path in WAITS:
            rules.waited_for_size()
        result = rules.in_range(rules.compute, function, *args, **kwargs)
        return result if out is None else out

    call.__name__ = call.__qualname__ = name
    return call


def _expect_arrays(path, names, args):
    if not args:
        return
    first = args[0] if names[0] == "tup" else args[:1] if names[0] in ARRAYS else ()
    if not isinstance(first, list | tuple | ndarray):
        raise rules.mixing(first, f"cupy.{path}")
    for item in first:
        if type(item) is not ndarray:
            raise DeviceError(f"cupy.{path} needs device arrays, got {type(item)}: xp.asarray makes one")


def _arguments(path, names, args, kwargs):
    given = [rules.argument(value, path, name) for name, value in zip(names, args, strict=False)]
    return given, {name: rules.argument(value, path, name) for name, value in kwargs.items()}


def method(name):
    """cupy.ndarray's method `name`: NumPy's method behind CuPy's signature."""
    path, known = f"ndarray.{name}", api.snapshot()
    if path in NOT_MODELED or name not in known.methods or not hasattr(np.ndarray, name):
        raise api.missing(path) if name not in known.properties else api.MissingOnDevice(
            f"cupy.ndarray.{name} exists, but the simulated device does not model it"
        )
    function, limited = SPECIAL.get(path), limits(path)

    def call(self, *args, **kwargs):
        names = api.check(path, args, kwargs)
        if limited:
            check_limits(limited, path, names, (*args, *kwargs.values()))
        if function is not None:
            return function(self, *args, **kwargs)
        out = kwargs.get("out")
        args, kwargs = _arguments(path, names, args, kwargs)
        if path in WAITS:
            rules.waited_for_size()
        result = rules.in_range(rules.compute, getattr(self.numbers, name), *args, **kwargs)
        return result if out is None else out

    call.__name__ = call.__qualname__ = name
    return call


class Ufunc:
    """An elementwise function with the operands, keywords and methods that CuPy's has."""

    def __init__(self, name):
        self.__name__ = name
        counts = api.snapshot().ufuncs[name].split()
        self.nin, self.nout, self._methods = int(counts[0]), int(counts[1]), counts[2:]
        self.nargs = self.nin + self.nout
        self._function = getattr(np, name)

    def __call__(self, *args, **kwargs):
        api.check(self.__name__, args, kwargs)
        given = [rules.operand(value, self.__name__) for value in args[: self.nin]]
        out = kwargs.pop("out", args[self.nin :] or None)
        if out is None:
            return rules.compute(self._function, *given, **kwargs)
        targets = out if isinstance(out, tuple) else (out,)
        for target in targets:
            if target is not None and type(target) is not ndarray:
                raise rules.mixing(target, f"out= of {self.__name__}")
        numbers = tuple(None if target is None else target.numbers for target in targets)
        results = rules.compute(self._function, *given, out=numbers, **kwargs)
        if self.nout == 1:
            return results if targets[0] is None else targets[0]
        return tuple(result if target is None else target for result, target in zip(results, targets, strict=True))

    def __getattr__(self, name):
        if name.startswith("_") or not hasattr(np.ufunc, name) or name not in self._methods:
            raise api.missing(f"{self.__name__}.{name}")
        path = f"{self.__name__}.{name}"

        def call(*args, **kwargs):
            names = api.check(path, args, kwargs)
            if name == "at":
                return self._at(*args, **kwargs)
            args, kwargs = _arguments(path, names, args, kwargs)
            return rules.compute(getattr(self._function, name), *args, **kwargs)

        setattr(self, name, call)
        return call

    def _at(self, a, indices, b=None):
        if type(a) is not ndarray:
            raise rules.mixing(a, f"{self.__name__}.at")
        key, _, _ = rules.to_index(indices)
        rules.refuse_at(self.__name__, a.numbers, key)
        launched(f"{self.__name__}.at")
        self._function.at(a.numbers, key, rules.operand(b, f"{self.__name__}.at"))

    def __repr__(self):
        return f"<ufunc 'cupy_{self.__name__}' of the simulated device>"


xp = Namespace("tinycnn.simulated", "")


# What the array and CuPy's functions need to know of xp. They are put where they belong from here, since xp is made of
# them.


def _get_array_module(*args):
    return xp if any(type(arg) is ndarray for arg in args) else np


def _attribute(self, name):
    """A method of the array is built when it is first asked for, and kept."""
    if name.startswith("_"):
        raise AttributeError(name)
    setattr(ndarray, name, method(name))
    return getattr(self, name)


def _array_ufunc(self, ufunc, kind, *inputs, **kwargs):
    function = getattr(xp, ufunc.__name__)
    if kind != "__call__":
        function = getattr(function, kind)
    if "out" in kwargs and len(kwargs["out"]) == 1:
        kwargs["out"] = kwargs["out"][0]
    if ufunc.__name__ in COMPARISONS:  # for `numpy_scalar < x` NumPy makes an array of the scalar; CuPy undoes it
        inputs = [x.item() if isinstance(x, np.ndarray) and x.ndim == 0 else x for x in inputs]
    return function(*inputs, **kwargs)


def _array_function(self, function, types, args, kwargs):
    return getattr(_module(function.__module__.partition(".")[2]), function.__name__)(*args, **kwargs)


SPECIAL["get_array_module"] = _get_array_module
add_operators()
ndarray.__getattr__ = _attribute
ndarray.__array_ufunc__, ndarray.__array_function__ = _array_ufunc, _array_function
