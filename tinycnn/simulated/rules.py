"""The rules between host and device: what may go in, what comes out, and what CuPy leaves undefined.

A device array wraps a NumPy array. `argument` unwraps it for the NumPy function that does the arithmetic, `compute`
wraps the result again, and in between everything is refused that a GPU would refuse, or, worse, would do differently
without a word.
"""

import numpy as np

from tinycnn.errors import DeviceError
from tinycnn.simulated.api import OutOfRange
from tinycnn.simulated.array import SCALARS, ndarray, wrap
from tinycnn.simulated.launches import launched_for
from tinycnn.simulated.transfers import uploaded, waited_for_size

# Parameters that must be Python numbers or tuples: a device array there would have to be read back first.
PLAIN = frozenset(
    "shape newshape axis axes axis1 axis2 axisa axisb axisc source destination dimensions dims pad_width reps n N M k "
    "num ndim window_shape strides order dtype keepdims mode decimals ddof offset size sections copy".split()
)
# CuPy's scatter kernels exist for these dtypes (cupy/_core/_routines_indexing.pyx); float16 only for add.
AT_DTYPES = {"add": "ilqILQefd", "subtract": "iI", "maximum": "ilqILQfd", "minimum": "ilqILQfd"}


def mixing(value, name):
    """The error for host data in a call of a device function."""
    return DeviceError(
        f"Unsupported type {type(value)} in {name}: CuPy never moves host data by itself. "
        "Move it once, where it enters: tinycnn.backend.to_device(array, device)."
    )


def operand(value, name):
    """An operand of elementwise arithmetic: a device array, or a Python or NumPy scalar."""
    if type(value) is ndarray:
        return value.numbers
    if isinstance(value, SCALARS):
        return value
    raise mixing(value, name)


def numbers_of(value, name):
    """The NumPy array inside a device array; anything else is refused."""
    if type(value) is not ndarray:
        raise mixing(value, name)
    return value.numbers


def argument(value, path, name):
    """An argument of any other function, unwrapped; sequences of device arrays as well."""
    if type(value) is ndarray:
        if name in PLAIN:
            raise DeviceError(
                f"cupy.{path}: {name!r} must be a Python number or tuple, not a device array; int() would download it"
            )
        return value.numbers
    if isinstance(value, np.ndarray) and name not in PLAIN:
        raise mixing(value, path)
    if type(value) in (list, tuple):
        return type(value)(argument(item, path, name) for item in value)
    return value


def compute(function, *args, **kwargs):
    """Run NumPy's function and hand back its result as device arrays; silently, since a GPU warns of nothing."""
    out = kwargs.get("out")
    for target in out if isinstance(out, tuple) else (out,):
        if target is not None:
            refuse_overlap(target)
    with np.errstate(all="ignore"):
        result = function(*args, **kwargs)
    launched_for(function, result, args, out)
    return wrap(result)


def to_index(key):
    """(key for NumPy, whether an integer array is in it, whether a boolean one is) of x[key].

    CuPy takes lists and host arrays as indices and uploads them, so they are counted. A boolean mask makes the host
    wait for the number of its true elements.
    """
    parts, integers, masks = [], False, False
    for part in key if type(key) is tuple else (key,):
        if part is None or part is Ellipsis or isinstance(part, slice | int | np.integer) and type(part) is not bool:
            parts.append(part)
            continue
        if type(part) is ndarray:
            numbers = part.numbers
        elif isinstance(part, list | tuple | np.ndarray | bool | np.bool_):
            numbers = np.asarray(_lists(part))
            numbers = numbers.astype(np.int32) if not numbers.size and isinstance(part, list | tuple) else numbers
            uploaded(numbers.nbytes)
        else:
            raise DeviceError(f"{type(part)} cannot be an index of a device array")
        if numbers.dtype.kind == "b":
            masks = True
            waited_for_size()
        else:
            integers = True
        parts.append(numbers)
    if not any(part is Ellipsis for part in parts):
        parts.append(Ellipsis)  # so that x[0, 0] stays an array, as it does on a GPU
    return tuple(parts), integers, masks


def _lists(part):
    if type(part) is ndarray:
        raise DeviceError("a list of device arrays cannot be an index: stack them first")
    return [_lists(item) for item in part] if isinstance(part, list | tuple) else part


def in_range(function, *args, **kwargs):
    """Run an indexing function; an index outside becomes an error that says what a GPU would do."""
    try:
        return function(*args, **kwargs)
    except np.exceptions.AxisError:
        raise
    except IndexError as error:
        if "out of bounds" not in str(error):
            raise
        raise OutOfRange(
            f"{error}. CuPy does not raise here: it wraps the index around and computes with the wrong element. "
            "Check indices on the host, where they come from."
        ) from None


def positions(numbers, key):
    """Where in memory order each element of numbers[key] lies."""
    return in_range(np.arange(numbers.size).reshape(numbers.shape).__getitem__, key)


def refuse_conflicts(numbers, key, values):
    """Refuse numbers[key] = values when an element would be written twice with different values: undefined on a GPU."""
    where = positions(numbers, key)
    if np.unique(where).size == where.size:
        return
    trial = numbers.copy()
    trial[key] = values
    if not np.array_equal(trial[key], np.broadcast_to(values, where.shape).astype(numbers.dtype), equal_nan=True):
        raise DeviceError(
            "an assignment through repeated indices: on a GPU any of the values may end up there, another in each run. "
            "Add or reduce them first, or make the indices unique."
        )


def refuse_at(ufunc, numbers, key):
    """Refuse ufunc.at where CuPy has no kernel, or where its atomic sums depend on the order of the threads."""
    if numbers.dtype.char not in AT_DTYPES.get(ufunc, "ilqILQ"):
        raise DeviceError(f"cupy.{ufunc}.at does not exist for {numbers.dtype}")
    where = positions(numbers, key)
    if ufunc == "add" and numbers.dtype.kind == "f" and np.unique(where).size < where.size:
        raise DeviceError(
            "add.at with repeated indices on floats: a GPU adds atomically, in another order in each run, so the sum "
            "differs in its last bits and no run can be repeated. Loop over strided slices with += as col2im does."
        )


def refuse_overlap(numbers):
    """Refuse to write into an array in which two elements share memory (overlapping windows, broadcast axes)."""
    if numbers.flags.c_contiguous or numbers.flags.f_contiguous:
        return
    reach = numbers.itemsize
    for stride, length in sorted((abs(s), n) for s, n in zip(numbers.strides, numbers.shape, strict=True) if n > 1):
        if stride < reach:
            raise DeviceError(
                "writing into a view whose elements share memory (as_strided windows, broadcast_to): on a GPU all "
                "threads write at once, so additions are lost. Loop over the offsets instead, one strided += each."
            )
        reach += stride * (length - 1)
