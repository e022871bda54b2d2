"""The functions of CuPy that are not simply NumPy's function of that name on unwrapped arrays.

Doors between host and device, functions that fill and scatter, functions whose result stays on the host, and the
values that CuPy does not take for an argument that it has.
"""

import numpy as np

from tinycnn.errors import DeviceError
from tinycnn.simulated import api, rules, transfers
from tinycnn.simulated.array import ndarray, owner, wrap
from tinycnn.simulated.kernels import ElementwiseKernel
from tinycnn.simulated.launches import launched

# Their results are Python objects in CuPy as well.
HOST_RESULTS = frozenset(
    "shape ndim size result_type can_cast iscomplexobj isrealobj isscalar isfortran common_type min_scalar_type "
    "may_share_memory shares_memory base_repr binary_repr".split()
)
# The size of the result depends on the data, or the data are looked at for errors: CuPy reads a number back.
WAITS = frozenset(
    "nonzero flatnonzero argwhere extract compress place unique unique_all unique_counts unique_inverse unique_values "
    "union1d intersect1d setdiff1d setxor1d delete trim_zeros bincount histogram histogram2d histogramdd choose "
    "unravel_index ravel_multi_index nanmax nanmin ndarray.nonzero ndarray.compress ndarray.choose".split()
)
# CuPy has them; nothing here needs them: files, text, Python callbacks, polynomials, raw memory.
NOT_MODELED = frozenset(
    "load save savez savez_compressed savetxt loadtxt genfromtxt fromfile frombuffer fromfunction fromiter fromstring "
    "from_dlpack array_repr array_str array2string format_float_positional format_float_scientific show_config "
    "apply_along_axis apply_over_axes piecewise mask_indices poly polyadd polyfit polymul polysub polyval roots "
    "ndarray.data ndarray.device ndarray.flat ndarray.cstruct ndarray.mdspan ndarray.toDlpack ndarray.dump "
    "ndarray.dumps ndarray.tofile ndarray.reduced_view ndarray.byteswap".split()
)


# Values that CuPy does not take for an argument that it has: (paths, argument, what it takes).
LIMITS = (
    ("sort argsort ndarray.sort ndarray.argsort", "kind", lambda value: value in (None, "stable")),
    ("ndarray.astype", "casting", lambda value: value is None),
    ("ndarray.astype empty_like ones_like zeros_like full_like", "subok", lambda value: value is None),
    ("array", "subok", lambda value: not value),
    ("lib.stride_tricks.sliding_window_view", "writeable", lambda value: not value),
    ("pad", "mode", lambda value: isinstance(value, str) and value != "median"),
    ("packbits unpackbits", "axis", lambda value: value is None),
)


def limits(path):
    """{argument: test} of the arguments whose values are limited."""
    return {argument: takes for paths, argument, takes in LIMITS if path in paths.split()}


def check_limits(limited, path, names, values):
    """Raise a DeviceError for the first argument with a value that CuPy does not take."""
    for argument, value in zip(names, values, strict=True):
        if argument in limited and not limited[argument](value):
            raise DeviceError(f"cupy.{path} does not take {argument}={value!r} (CuPy {api.snapshot().cupy})")


def _array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
    if type(obj) is ndarray:
        numbers = np.array(obj.numbers, dtype, copy=copy, order=order or "K", ndmin=ndmin)
        return obj if numbers is obj.numbers else _copied(numbers, obj.numbers)
    if subok:
        raise NotImplementedError("cupy.array takes no subok")
    if isinstance(obj, list | tuple) and any(_leaves(obj)):
        if not all(_leaves(obj)):
            raise DeviceError("a list mixes device arrays with numbers or host arrays: CuPy builds no array from it")
        launched("stack")
        return wrap(np.array(rules.argument(obj, "array", "obj"), dtype, order=order or "K", ndmin=ndmin))
    if copy is False:
        raise ValueError("host data cannot become a device array without a copy")
    numbers = np.array(obj, dtype, copy=True, order=order or "K", ndmin=ndmin)
    numbers = numbers.astype(numbers.dtype.newbyteorder("="), copy=False)
    made = wrap(numbers)
    transfers.uploaded(numbers.nbytes)
    return made


def _leaves(nested):
    """For each leaf of nested sequences: is it a device array?"""
    for item in nested:
        if isinstance(item, list | tuple):
            yield from _leaves(item)
        else:
            yield type(item) is ndarray


def _asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    return _array(a, dtype, copy, order)


def _contiguous(function):
    def call(a, dtype=None):
        # In CuPy this is no door for host data: the argument is typed as a device array.
        numbers = function(rules.numbers_of(a, function.__name__), dtype)
        return a if numbers is a.numbers else _copied(numbers, a.numbers)

    return call


def _copied(numbers, source):
    """A device array of what was made from `source` by a kernel that copies, or of a view of it."""
    if not np.may_share_memory(numbers, source):
        launched("copy")
    return wrap(numbers)


def _asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
    if type(a) is ndarray:
        return a.get(order=order, out=out)
    return np.asarray(a, order=order)


def _where(condition, x=None, y=None):
    condition = rules.numbers_of(condition, "where")
    if x is None and y is None:
        rules.waited_for_size()
        return rules.compute(np.nonzero, condition)
    return rules.compute(np.where, condition, rules.operand(x, "where"), rules.operand(y, "where"))


def _fill_value(value, name):
    """CuPy fills with scalars, also those in a host array of one element, and with device arrays."""
    if isinstance(value, np.ndarray) and value.size == 1:
        return value.reshape(())[()]
    return rules.operand(value, name)


def _full(shape, fill_value, dtype=None, order="C"):
    return rules.compute(np.full, shape, _fill_value(fill_value, "full"), dtype, order)


def _full_like(a, fill_value, dtype=None, order="K", subok=None, shape=None):
    like, value = rules.numbers_of(a, "full_like"), _fill_value(fill_value, "full_like")
    return rules.compute(np.full_like, like, value, dtype, order, shape=shape)


def _fill(self, value):
    if np.ndim(value.numbers if type(value) is ndarray else value):
        raise DeviceError("fill takes a scalar or a 0-d device array")
    rules.refuse_overlap(self.numbers)
    launched("fill")
    self.numbers.fill(_fill_value(value, "fill"))


def _copyto(dst, src, casting="same_kind", where=None):
    target = rules.numbers_of(dst, "copyto")
    rules.refuse_overlap(target)
    where = True if where is None else rules.numbers_of(where, "copyto")
    launched("copyto")
    np.copyto(target, _fill_value(src, "copyto"), casting=casting, where=where)


def _put(a, ind, v, mode="wrap"):
    numbers = rules.numbers_of(a, "put")
    (key, _), _, _ = rules.to_index(ind)
    values = np.resize(v.numbers if type(v) is ndarray else np.asarray(v, a.dtype), np.shape(key))
    rules.refuse_overlap(numbers)
    rules.refuse_conflicts(numbers.reshape(-1), (key,), values)
    launched("put")
    rules.in_range(numbers.put, key, values)


def _put_along_axis(arr, indices, values, axis):
    numbers, picked = rules.numbers_of(arr, "put_along_axis"), rules.numbers_of(indices, "put_along_axis")
    values, trial = rules.operand(values, "put_along_axis"), numbers.copy()
    rules.in_range(np.put_along_axis, trial, picked, values, axis)
    stored = np.take_along_axis(trial, picked, axis)
    if not np.array_equal(stored, np.broadcast_to(values, stored.shape).astype(stored.dtype), equal_nan=True):
        raise DeviceError("put_along_axis through repeated indices: on a GPU any of the values may end up there")
    rules.refuse_overlap(numbers)
    launched("put_along_axis")
    numbers[...] = trial


def _as_strided(x, shape=None, strides=None):
    numbers = rules.numbers_of(x, "as_strided")
    view = np.lib.stride_tricks.as_strided(numbers, shape, strides)
    (low, high), (first, last) = (np.lib.array_utils.byte_bounds(array) for array in (owner(numbers), view))
    if view.size and not low <= first <= last <= high:
        raise DeviceError(f"as_strided: shape {view.shape}, strides {view.strides} reach outside the array's memory")
    return wrap(view)


def _sorting(name):
    def call(self, *args, **kwargs):
        if not self.numbers.flags.c_contiguous:
            raise NotImplementedError("Sorting non-contiguous array is not supported.")  # CuPy's own words
        launched(name)
        getattr(self.numbers, name)(*args, **kwargs)

    return call


def _take(a, indices, axis=None, out=None):
    (key, *_), _, _ = rules.to_index(indices)
    target = None if out is None else rules.numbers_of(out, "take")
    return rules.in_range(rules.compute, np.take, rules.numbers_of(a, "take"), key, axis, target)


def _astype(self, dtype, order="K", casting=None, subok=None, copy=True):
    numbers = self.numbers
    with np.errstate(all="ignore"):
        numbers = numbers.astype(dtype, order=order, copy=copy)
    return self if numbers is self.numbers else _copied(numbers, self.numbers)


class Generator:
    """Random numbers on the device, with the methods that CuPy's Generator has. The numbers are NumPy's, not CuPy's."""

    def __init__(self, seed=None):
        self._rng = np.random.default_rng(seed)

    def __getattr__(self, name):
        path = f"random.Generator.{name}"
        if name.startswith("_") or name not in api.snapshot().generator:
            raise api.missing(path)

        def call(*args, **kwargs):
            names = api.check(path, args, kwargs)
            given = [rules.argument(value, path, which) for which, value in zip(names, args, strict=False)]
            named = {which: rules.argument(value, path, which) for which, value in kwargs.items()}
            return rules.compute(getattr(self._rng, name), *given, **named)

        return call


SPECIAL = {
    "array": _array,
    "asarray": _asarray,
    "asanyarray": _asarray,
    "ascontiguousarray": _contiguous(np.ascontiguousarray),
    "asfortranarray": _contiguous(np.asfortranarray),
    "asnumpy": _asnumpy,
    "where": _where,
    "full": _full,
    "full_like": _full_like,
    "copyto": _copyto,
    "put": _put,
    "put_along_axis": _put_along_axis,
    "take": _take,
    "lib.stride_tricks.as_strided": _as_strided,
    "random.default_rng": Generator,
    "ElementwiseKernel": ElementwiseKernel,
    "ndarray.fill": _fill,
    "ndarray.put": _put,
    "ndarray.take": _take,
    "ndarray.astype": _astype,
    "ndarray.sort": _sorting("sort"),
    "ndarray.partition": _sorting("partition"),
}
