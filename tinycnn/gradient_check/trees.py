"""Inputs and outputs as people pass them: arrays inside tuples, lists and dictionaries, as a flat list with names."""

import numpy as np

from tinycnn.backend import device_of, to_device, to_numpy
from tinycnn.gradient_check.parts import is_array


def is_numbers(tree):
    """Is it a list of Python numbers, or of such lists, all of one length? That is one array, written by hand."""
    if not isinstance(tree, list) or not tree:
        return False
    kinds = {type(item) for item in tree}
    if kinds <= {int, float}:
        return True
    return kinds == {list} and len({len(item) for item in tree}) == 1 and all(map(is_numbers, tree))


def leaves(tree, name):
    """(name, leaf) of all inputs, those inside tuples included: outputs[0], outputs[1], labels."""
    if isinstance(tree, dict):
        for key, branch in tree.items():
            yield from leaves(branch, f"{name}[{key!r}]")
    elif isinstance(tree, tuple | list) and not is_numbers(tree):
        for i, branch in enumerate(tree):
            yield from leaves(branch, f"{name}[{i}]")
    else:
        yield name, tree


def rebuild(tree, name, found):
    """The same tree with the named leaves in their places."""
    if isinstance(tree, dict):
        return {key: rebuild(branch, f"{name}[{key!r}]", found) for key, branch in tree.items()}
    if isinstance(tree, tuple | list) and not is_numbers(tree):
        items = [rebuild(branch, f"{name}[{i}]", found) for i, branch in enumerate(tree)]
        if isinstance(tree, list):
            return items
        return type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)
    return found[name]


def like(value, leaf, dtype=None):
    """A host array on the device, in the dtype and in the form of `leaf`: an array, a list or a number."""
    if is_array(leaf):
        return of_kind(to_device(np.array(value, dtype or np.dtype(leaf.dtype)), device_of(leaf)), leaf)
    if isinstance(leaf, list):
        return np.asarray(value, float).tolist()
    if dtype is None:
        return np.asarray(value).astype(getattr(leaf, "dtype", np.float64))[()]
    return float(value)


def of_kind(array, leaf):
    """A numpy.matrix where `leaf` is one: its * is a matrix product."""
    return np.asmatrix(array) if isinstance(leaf, np.matrix) else array


def same_bits(a, b):
    """Are two lists of arrays the same, NaN where the other has NaN?"""
    return all(np.array_equal(p, q, equal_nan=p.dtype.kind == "f") for p, q in zip(a, b, strict=True))


def to_host(a):
    """Any array, number or list of numbers as a NumPy array, its dtype kept."""
    return np.asarray(to_numpy(a) if is_array(a) else a)
