"""The simulated device's array: a NumPy array that behaves as if its numbers lay on a GPU.

It looks like cupy.ndarray and offers no more than that. Arithmetic with NumPy arrays raises, sums stay on the device as
0-d arrays, and whatever brings numbers to the host (get, item, float, if, print) is counted as a download.
"""

import operator
import warnings
from collections import namedtuple

import numpy as np

from tinycnn.errors import DeviceError
from tinycnn.simulated import api, rules, transfers

NO_CONVERSION = (
    "Implicit conversion to a NumPy array is not allowed. "
    "Please use `.get()` to construct a NumPy array explicitly."
)
COMPARISONS = frozenset("less less_equal equal not_equal greater greater_equal".split())


class Flags(namedtuple("Flags", "c_contiguous f_contiguous owndata fnc forc")):
    """The memory layout of an array, as attributes or as flags["C_CONTIGUOUS"]."""

    __slots__ = ()

    def __getitem__(self, name):
        return getattr(self, name.lower())


class ndarray:  # noqa: N801 the name that NumPy and CuPy give it
    """An array on the simulated device. Made by xp.asarray, xp.zeros ...; ndarray(shape, dtype) is uninitialized."""

    __slots__ = ("numbers",)
    __array_priority__ = 100
    __hash__ = None

    def __init__(self, shape, dtype=float, memptr=None, strides=None, order="C"):
        if memptr is not None or strides is not None:
            raise api.MissingOnDevice("the simulated device models no memory pointers: use xp.lib.stride_tricks")
        self.numbers = rules.wrap(np.empty(shape, dtype, order)).numbers

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
    T = property(lambda self: rules.wrap(self.numbers.T))
    mT = property(lambda self: rules.wrap(self.numbers.mT))  # noqa: N815

    @property
    def shape(self):
        return self.numbers.shape

    @shape.setter
    def shape(self, shape):
        self.numbers = self.numbers.reshape(shape, copy=False)

    @property
    def real(self):
        return rules.wrap(self.numbers.real)

    @real.setter
    def real(self, value):
        self.numbers.real = rules.operand(value, "ndarray.real")

    @property
    def imag(self):
        return rules.wrap(self.numbers.imag)

    @imag.setter
    def imag(self, value):
        self.numbers.imag = rules.operand(value, "ndarray.imag")

    @property
    def base(self):
        """The array that owns the memory of this view, or None."""
        owner = rules.owner(self.numbers)
        return None if owner is self.numbers else rules.wrap(owner)

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
        return rules.wrap(self.numbers.copy())

    def __deepcopy__(self, memo):
        return rules.wrap(self.numbers.copy())

    # Elements

    def __getitem__(self, key):
        key, integers, masks = rules.to_index(key)
        if integers or masks:
            return rules.wrap(rules.in_range(self.numbers.__getitem__, key))
        return rules.wrap(self.numbers[key])

    def __setitem__(self, key, value):
        key, integers, masks = rules.to_index(key)
        if type(value) is ndarray:
            value = value.numbers
        elif not isinstance(value, rules.SCALARS) and np.ndim(value):
            if not (integers or masks):
                raise DeviceError(
                    f"{type(value)} cannot be assigned to a slice of a device array: CuPy takes only scalars and "
                    "device arrays there. Move it first with to_device."
                )
            value = np.asarray(value, self.dtype)  # behind an index array CuPy uploads the values by itself
            transfers.uploaded(value.nbytes)
        if not (integers or masks):
            target = self.numbers[key]
            rules.refuse_overlap(target)
            target[...] = value
            return
        rules.refuse_overlap(self.numbers)
        if integers and np.size(value) > 1:
            rules.refuse_conflicts(self.numbers, key, value)
        rules.in_range(self.numbers.__setitem__, key, value)

    # Everything else that cupy.ndarray has: the NumPy method of that name, behind CuPy's signature

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        from tinycnn.simulated.namespace import method

        setattr(ndarray, name, method(name))
        return getattr(self, name)

    def __array_ufunc__(self, ufunc, kind, *inputs, **kwargs):
        from tinycnn.simulated.namespace import xp

        function = getattr(xp, ufunc.__name__)
        if kind != "__call__":
            function = getattr(function, kind)
        if "out" in kwargs and len(kwargs["out"]) == 1:
            kwargs["out"] = kwargs["out"][0]
        if ufunc.__name__ in COMPARISONS:  # for `numpy_scalar < x` NumPy makes an array of the scalar; CuPy undoes it
            inputs = [x.item() if isinstance(x, np.ndarray) and x.ndim == 0 else x for x in inputs]
        return function(*inputs, **kwargs)

    def __array_function__(self, function, types, args, kwargs):
        from tinycnn.simulated.namespace import xp

        owner = xp
        for part in function.__module__.split(".")[1:]:
            owner = getattr(owner, part)
        return getattr(owner, function.__name__)(*args, **kwargs)


def _upload(numbers):
    transfers.uploaded(numbers.nbytes)
    return ndarray.around(numbers)


def _unary(compute):
    def operation(self):
        return rules.compute(compute, self.numbers)

    return operation


def _binary(compute):
    def operation(self, other):
        if type(other) is ndarray:
            return rules.compute(compute, self.numbers, other.numbers)
        if isinstance(other, rules.SCALARS):
            return rules.compute(compute, self.numbers, other)
        if isinstance(other, np.ndarray):
            raise rules.mixing(other, compute.__name__)
        return NotImplemented

    return operation


def _reflected(compute):
    return _binary(lambda mine, other: compute(other, mine))


def _in_place(compute):
    def operation(self, other):
        rules.refuse_overlap(self.numbers)
        with np.errstate(all="ignore"):
            self.numbers = compute(self.numbers, rules.operand(other, compute.__name__))
        return self

    return operation


def _comparison(compute):
    def operation(self, other):
        if isinstance(other, np.ndarray) and other.ndim == 0:
            other = other.item()  # CuPy does the same
        if type(other) is ndarray or isinstance(other, rules.SCALARS + (np.ndarray,)):
            return rules.compute(compute, self.numbers, rules.operand(other, compute.__name__))
        if compute in (operator.eq, operator.ne) and (other is None or type(other).__eq__ is object.__eq__):
            return rules.wrap(np.full(self.shape, compute is operator.ne))
        return NotImplemented

    return operation


for _name in ("neg", "pos", "abs", "invert"):
    setattr(ndarray, f"__{_name}__", _unary(getattr(operator, _name)))
for _name in "lt le eq ne gt ge".split():
    setattr(ndarray, f"__{_name}__", _comparison(getattr(operator, _name)))
for _name in "add sub mul matmul truediv floordiv mod pow lshift rshift and or xor".split():
    _plain = f"{_name}_" if _name in ("and", "or") else _name
    setattr(ndarray, f"__{_name}__", _binary(getattr(operator, _plain)))
    setattr(ndarray, f"__r{_name}__", _reflected(getattr(operator, _plain)))
    if _name != "matmul":  # cupy.ndarray has no __imatmul__: x @= y makes a new array there
        setattr(ndarray, f"__i{_name}__", _in_place(getattr(operator, f"i{_name}")))
ndarray.__divmod__ = _binary(divmod)
ndarray.__rdivmod__ = _reflected(divmod)
