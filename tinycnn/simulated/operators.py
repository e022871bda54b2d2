"""What x[i], x[i] = y, x + y, x += y and x < y do on the simulated device.

Python looks operators up on the class of the array, where `add_operators` puts them: they need the rules (rules.py),
and the rules need the class (array.py).
"""

import operator

import numpy as np

from tinycnn.errors import DeviceError
from tinycnn.simulated import rules, transfers
from tinycnn.simulated.array import SCALARS, ndarray, wrap
from tinycnn.simulated.launches import launched


def _get_elements(self, key):
    key, integers, masks = rules.to_index(key)
    if integers or masks:
        launched("take")
        return wrap(rules.in_range(self.numbers.__getitem__, key))
    return wrap(self.numbers[key])


def _set_elements(self, key, value):
    key, integers, masks = rules.to_index(key)
    launched("put" if integers or masks else "copy")
    if type(value) is ndarray:
        value = value.numbers
    elif not isinstance(value, SCALARS) and np.ndim(value):
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


def _part(name):
    """The property `real` or `imag`."""

    def read(self):
        return wrap(getattr(self.numbers, name))

    def write(self, value):
        setattr(self.numbers, name, rules.operand(value, f"ndarray.{name}"))

    return property(read, write)


def _unary(compute):
    def operation(self):
        return rules.compute(compute, self.numbers)

    return operation


def _binary(compute):
    def operation(self, other):
        if type(other) is ndarray:
            return rules.compute(compute, self.numbers, other.numbers)
        if isinstance(other, SCALARS):
            return rules.compute(compute, self.numbers, other)
        if isinstance(other, np.ndarray):
            raise rules.mixing(other, compute.__name__)
        return NotImplemented

    return operation


def _reflected(compute):
    def reflected(mine, other):
        return compute(other, mine)

    reflected.__name__ = compute.__name__
    return _binary(reflected)


def _in_place(compute):
    def operation(self, other):
        rules.refuse_overlap(self.numbers)
        with np.errstate(all="ignore"):
            self.numbers = compute(self.numbers, rules.operand(other, compute.__name__))
        launched(compute.__name__)
        return self

    return operation


def _comparison(compute):
    def operation(self, other):
        if isinstance(other, np.ndarray) and other.ndim == 0:
            other = other.item()  # CuPy does the same
        if type(other) is ndarray or isinstance(other, SCALARS + (np.ndarray,)):
            return rules.compute(compute, self.numbers, rules.operand(other, compute.__name__))
        if compute in (operator.eq, operator.ne) and (other is None or type(other).__eq__ is object.__eq__):
            return wrap(np.full(self.shape, compute is operator.ne))
        return NotImplemented

    return operation


def add_operators():
    """Give the class ndarray its elements, its parts and its operators."""
    ndarray.__getitem__, ndarray.__setitem__ = _get_elements, _set_elements
    ndarray.real, ndarray.imag = _part("real"), _part("imag")
    for name in ("neg", "pos", "abs", "invert"):
        setattr(ndarray, f"__{name}__", _unary(getattr(operator, name)))
    for name in "lt le eq ne gt ge".split():
        setattr(ndarray, f"__{name}__", _comparison(getattr(operator, name)))
    for name in "add sub mul matmul truediv floordiv mod pow lshift rshift and or xor".split():
        plain = f"{name}_" if name in ("and", "or") else name
        setattr(ndarray, f"__{name}__", _binary(getattr(operator, plain)))
        setattr(ndarray, f"__r{name}__", _reflected(getattr(operator, plain)))
        if name != "matmul":  # cupy.ndarray has no __imatmul__: x @= y makes a new array there
            setattr(ndarray, f"__i{name}__", _in_place(getattr(operator, f"i{name}")))
    ndarray.__divmod__ = _binary(divmod)
    ndarray.__rdivmod__ = _reflected(divmod)
