"""The simulated device's array: a NumPy array that behaves as if its numbers lay on a GPU.

It looks like cupy.ndarray and offers no more than that. Arithmetic with NumPy arrays raises, sums stay on the device as
0-d arrays, and whatever brings numbers to the host (get, item, float, if, print) is counted as a download.

This file holds the memory, its description and the way to the host. What computes is put on the class by the files that
build on this one: elements and operators by operators.py, methods and NumPy's functions by namespace.py.
"""

import functools
import warnings
from collections import namedtuple

import numpy as np

from tinycnn.errors import DeviceError
from tinycnn.simulated import api, transfers

NO_CONVERSION = (
    "Implicit conversion to a NumPy array is not allowed. "
    "Please use `.get()` to construct a NumPy array explicitly."
)
SCALARS = (bool, int, float, complex, np.generic)


class Flags(namedtuple("Flags", "c_contiguous f_contiguous owndata fnc forc")):
    """The memory layout of an array, as attributes or as flags["C_CONTIGUOUS"]."""

    __slots__ = ()

    def __getitem__(self, name):
        return getattr(self, name.lower())


class ndarray:  # noqa: N801 the name that NumPy and CuPy give it
    """An array on the simulated device. Made by xp.asarray, xp.zeros ...; ndarray(shape, dtype) is uninitialized."""

    __slots__ = ("numbers",)
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]  # Python's own way to say: not hashable

    def __init__(self, shape, dtype=float, memptr=None, strides=None, order="C"):
        if memptr is not None or strides is not None:
            raise api.MissingOnDevice("the simulated device models no memory pointers: use xp.lib.stride_tricks")
        self.numbers = wrap(np.empty(shape, dtype, order)).numbers

    @classmethod
    def around(cls, numbers):
        """The device array over the memory of `numbers`, without a copy."""
        made = object.__new__(cls)
        made.numbers = numbers
        return made

    # What an array says about itself

    dtype = property(lambda self: self.numbers.dtype)
    ndim = property(lambda self: self.numbers.ndim)
    size = property(lambda self: self.numbers.size)
    nbytes = property(lambda self: self.numbers.nbytes)
    itemsize = property(lambda self: self.numbers.itemsize)
    strides = property(lambda self: self.numbers.strides)
    T = property(lambda self: wrap(self.numbers.T))
    mT = property(lambda self: wrap(self.numbers.mT))  # noqa: N815

    @property
    def shape(self):
        return self.numbers.shape

    @shape.setter
    def shape(self, shape):
        self.numbers = self.numbers.reshape(shape, copy=False)

    @property
    def base(self):
        """The array that owns the memory of this view, or None."""
        memory = owner(self.numbers)
        return None if memory is self.numbers else wrap(memory)

    @property
    def flags(self):
        """c_contiguous, f_contiguous, owndata, fnc, forc: all that CuPy has (there is no writeable)."""
        return Flags(*(getattr(self.numbers.flags, name) for name in Flags._fields))

    def __len__(self):
        return len(self.numbers)

    def __iter__(self):
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # The way to the host

    def get(self, *args, **kwargs):
        """A copy as a NumPy array; the host waits for it."""
        api.check("ndarray.get", args, kwargs)
        transfers.downloaded(self.nbytes)
        out, order = kwargs.get("out"), kwargs.get("order", "C")
        if out is None:
            return self.numbers.copy(order)
        out[...] = self.numbers
        return out

    def set(self, *args, **kwargs):
        """Fill with a NumPy array of the same shape and dtype."""
        api.check("ndarray.set", args, kwargs)
        source = kwargs.get("arr", args[0] if args else None)
        if not isinstance(source, np.ndarray) or source.shape != self.shape or source.dtype != self.dtype:
            raise DeviceError(f"set() takes a NumPy array of shape {self.shape} and dtype {self.dtype}, nothing else")
        transfers.uploaded(self.nbytes)
        self.numbers[...] = source

    def item(self, *args, **kwargs):
        api.check("ndarray.item", args, kwargs)
        return self.get().item()

    def tolist(self):
        return self.get().tolist()

    def tobytes(self, order="C"):
        return self.get().tobytes(order)

    def __bool__(self):
        if self.size > 1:
            raise ValueError("The truth value of an array with more than one element is ambiguous. Use a.any()")
        if self.size == 0:
            warnings.warn("The truth value of an empty array is ambiguous.", DeprecationWarning, stacklevel=2)
            return False
        return bool(self.get())

    def __float__(self):
        return float(self.get())

    def __int__(self):
        return int(self.get())

    def __complex__(self):
        return complex(self.get())

    def __repr__(self):
        return repr(self.get())

    def __str__(self):
        return str(self.get())

    def __format__(self, spec):
        return format(self.get(), spec)

    def __array__(self, dtype=None, copy=None):
        raise DeviceError(NO_CONVERSION)

    def __reduce__(self):
        return _upload, (self.get(),)

    def __copy__(self):
        return wrap(self.numbers.copy())

    def __deepcopy__(self, memo):
        return wrap(self.numbers.copy())


def _upload(numbers):
    transfers.uploaded(numbers.nbytes)
    return ndarray.around(numbers)


def wrap(result):
    """NumPy's result as the device's: arrays and scalars become device arrays, reductions 0-d ones."""
    if isinstance(result, np.ndarray):
        if result.dtype not in _dtypes():
            raise DeviceError(f"Unsupported dtype {result.dtype}: CuPy has booleans, integers, floats up to 64 bits")
        return ndarray.around(result)
    if isinstance(result, SCALARS):
        return wrap(np.asarray(result))
    if isinstance(result, list):
        return [wrap(item) for item in result]
    if isinstance(result, tuple):
        return tuple(wrap(item) for item in result)
    return result


@functools.cache
def _dtypes():
    return frozenset(np.dtype(char) for char in api.snapshot().dtypes)


def owner(numbers):
    """The array that owns the memory of `numbers`."""
    base = numbers
    while base is not None:
        if isinstance(base, np.ndarray):
            numbers = base
        base = getattr(base, "base", None)  # as_strided puts an object that is no array in between
    return numbers
