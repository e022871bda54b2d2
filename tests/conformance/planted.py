"""Calls that are legal in NumPy and would fail, or silently differ, on a GPU; and calls that are legal in both.

    python -m tests.conformance.planted        # which planted calls the simulated device catches, and how

The simulated device must refuse all of PLANTED and none of LEGAL. `form` names the call that CuPy's signatures must
refuse as well: tests/conformance/test_cupy.py binds it to the real package. Where it is None the signature fits and
only the rules of a device catch the call.
"""

import math
from typing import NamedTuple

import numpy as np

from tinycnn.simulated import Call, xp


class Planted(NamedTuple):
    title: str
    run: object  # called with the array module and x (4, 4)
    form: Call | None = None


def x_on(module):
    """x (4, 4), distinct float32 numbers, on the device of `module`."""
    return module.asarray(np.random.default_rng(0).permutation(16).reshape(4, 4).astype("float32") - 7.5)


def form(path, positionals, *keywords):
    return Call(path, positionals, keywords)


PLANTED = [
    # Keywords that CuPy has not
    Planted("sum(where=)", lambda m, x: m.sum(x, where=x > 0), form("sum", 1, "where")),
    Planted("x.sum(where=)", lambda m, x: x.sum(where=x > 0), form("ndarray.sum", 0, "where")),
    Planted("mean(where=)", lambda m, x: m.mean(x, where=x > 0), form("mean", 1, "where")),
    Planted("max(initial=)", lambda m, x: m.max(x, initial=-1.0), form("max", 1, "initial")),
    Planted("x.max(initial=)", lambda m, x: x.max(initial=-1.0), form("ndarray.max", 0, "initial")),
    Planted("var(correction=)", lambda m, x: m.var(x, correction=1), form("var", 1, "correction")),
    Planted("std(mean=)", lambda m, x: m.std(x, axis=0, mean=x[:1]), form("std", 1, "axis", "mean")),
    Planted("add(where=)", lambda m, x: m.add(x, 1, out=x, where=x > 0), form("add", 2, "out", "where")),
    Planted("exp(subok=)", lambda m, x: m.exp(x, subok=False), form("exp", 1, "subok")),
    Planted("einsum(out=)", lambda m, x: m.einsum("ij->i", x, out=m.empty(4, "f")), form("einsum", 2, "out")),
    Planted("argsort(stable=)", lambda m, x: m.argsort(x, stable=True), form("argsort", 1, "stable")),
    Planted("x.sort(stable=)", lambda m, x: x.sort(stable=True), form("ndarray.sort", 0, "stable")),
    Planted("zeros(device=)", lambda m, x: m.zeros(3, device="cpu"), form("zeros", 1, "device")),
    Planted("zeros(like=)", lambda m, x: m.zeros(3, like=x), form("zeros", 1, "like")),
    Planted("isin(kind=)", lambda m, x: m.isin(x, x[0], kind="sort"), form("isin", 2, "kind")),
    Planted("take(mode=)", lambda m, x: m.take(x, m.asarray([1]), mode="clip"), form("take", 2, "mode")),
    Planted("quantile(weights=)", lambda m, x: m.quantile(x, 0.5, weights=abs(x), method="inverted_cdf"),
            form("quantile", 2, "method", "weights")),
    Planted("as_strided(writeable=)", lambda m, x: m.lib.stride_tricks.as_strided(x, (2, 2), (16, 4), writeable=False),
            form("lib.stride_tricks.as_strided", 3, "writeable")),
    Planted("broadcast_to(subok=)", lambda m, x: m.broadcast_to(x, (2, 4, 4), subok=True),
            form("broadcast_to", 2, "subok")),
    # The same argument under another name
    Planted("take_along_axis(arr=)", lambda m, x: m.take_along_axis(arr=x, indices=m.argsort(x, axis=1), axis=1),
            form("take_along_axis", 0, "arr", "axis", "indices")),
    Planted("stack(arrays=)", lambda m, x: m.stack(arrays=[x, x]), form("stack", 0, "arrays")),
    Planted("clip(min=, max=)", lambda m, x: m.clip(x, min=0, max=1), form("clip", 1, "max", "min")),
    Planted("reshape(shape=)", lambda m, x: m.reshape(x, shape=(2, 8)), form("reshape", 1, "shape")),
    Planted("flip(m=)", lambda m, x: m.flip(m=x), form("flip", 0, "m")),
    Planted("x.item(0)", lambda m, x: x.item(0), form("ndarray.item", 1)),
    # Names that CuPy has not
    Planted("errstate", lambda m, x: m.errstate(over="ignore"), form("errstate", 0, "over")),
    Planted("vecdot", lambda m, x: m.vecdot(x, x), form("vecdot", 2)),
    Planted("unstack", lambda m, x: m.unstack(x), form("unstack", 1)),
    Planted("linalg.multi_dot", lambda m, x: m.linalg.multi_dot([x, x]), form("linalg.multi_dot", 1)),
    Planted("linalg.vector_norm", lambda m, x: m.linalg.vector_norm(x), form("linalg.vector_norm", 1)),
    Planted("maximum.reduce", lambda m, x: m.maximum.reduce(x, axis=0), form("maximum.reduce", 1, "axis")),
    Planted("logaddexp.reduce", lambda m, x: m.logaddexp.reduce(x, axis=1), form("logaddexp.reduce", 1, "axis")),
    Planted("maximum.accumulate", lambda m, x: m.maximum.accumulate(x), form("maximum.accumulate", 1)),
    Planted("multiply.at", lambda m, x: m.multiply.at(x, m.asarray([0]), 2), form("multiply.at", 3)),
    Planted("Generator.normal", lambda m, x: m.random.default_rng(0).normal(0, 1, (3,)),
            form("random.Generator.normal", 3)),
    Planted("Generator.permutation", lambda m, x: m.random.default_rng(0).permutation(4),
            form("random.Generator.permutation", 1)),
    Planted("Generator.choice", lambda m, x: m.random.default_rng(0).choice(4), form("random.Generator.choice", 1)),
    Planted("Generator.shuffle", lambda m, x: m.random.default_rng(0).shuffle(x), form("random.Generator.shuffle", 1)),
    Planted("x.flags.writeable", lambda m, x: x.flags.writeable),
    Planted("x.ctypes", lambda m, x: x.ctypes, form("ndarray.ctypes", 0)),
    # The call fits, the value does not
    Planted("pad(mode='median')", lambda m, x: m.pad(x, 1, mode="median")),
    Planted("sort(kind='quicksort')", lambda m, x: m.sort(x, kind="quicksort")),
    Planted("astype(casting='safe')", lambda m, x: x.astype("float64", casting="safe")),
    Planted("argmax(x, 0, out)", lambda m, x: m.argmax(x, 0, m.empty(4, "int64"))),
    Planted("dtype=object", lambda m, x: m.zeros(3, dtype=object)),
    Planted("dtype=longdouble", lambda m, x: x.astype(np.longdouble)),
    Planted("array of strings", lambda m, x: m.asarray(["cat", "dog"])),
    Planted("sort a transposed array in place", lambda m, x: x.T.sort()),
    # Host and device mixed
    Planted("numpy.asarray(x)", lambda m, x: np.asarray(x)),
    Planted("x + host array", lambda m, x: x + np.ones((4, 4), "float32")),
    Planted("host array * x", lambda m, x: np.ones((4, 4), "float32") * x),
    Planted("host array += x", lambda m, x: np.add(np.ones(4), x[0], out=np.ones(4))),
    Planted("x += host array", lambda m, x: x.__iadd__(np.ones(4, "float32"))),
    Planted("x[:] = host array", lambda m, x: x.__setitem__(slice(None), np.ones((4, 4)))),
    Planted("x[0] = list", lambda m, x: x.__setitem__(0, [1.0, 2.0, 3.0, 4.0])),
    Planted("full(shape, host array)", lambda m, x: m.full((4, 4), np.arange(4.0))),
    Planted("sum of a host array", lambda m, x: m.sum(np.ones(3))),
    Planted("sum of a list", lambda m, x: m.sum([1.0, 2.0])),
    Planted("concatenate with a host array", lambda m, x: m.concatenate([x, np.ones((1, 4), "float32")])),
    Planted("where(mask, list, 0)", lambda m, x: m.where(x > 0, [1.0, 2.0, 3.0, 4.0], 0.0)),
    Planted("maximum(x, list)", lambda m, x: m.maximum(x, [0.0, 0.0, 0.0, 0.0])),
    Planted("array of a device scalar and a number", lambda m, x: m.asarray([x.sum(), 1.0])),
    Planted("ascontiguousarray(host array)", lambda m, x: m.ascontiguousarray(np.ones(3))),
    # A number on the device where Python needs one
    Planted("zeros(device scalar)", lambda m, x: m.zeros(m.asarray(3))),
    Planted("x[:device scalar]", lambda m, x: x[: m.asarray(2)]),
    Planted("range(device scalar)", lambda m, x: range(m.asarray(2))),
    Planted("sum(axis=device scalar)", lambda m, x: m.sum(x, axis=m.asarray(0))),
    Planted("round(device scalar)", lambda m, x: round(x.sum())),
    # Undefined, or different in each run
    Planted("x[repeated] = values", lambda m, x: x.__setitem__(m.asarray([0, 0]), m.asarray(np.eye(2, 4)))),
    Planted("put_along_axis, repeated", lambda m, x: m.put_along_axis(x, m.zeros((4, 2), "int64"), x[:, :2], 1)),
    Planted("add.at on floats, repeated", lambda m, x: m.add.at(x[0], m.asarray([1, 1]), m.asarray([0.1, 0.2]))),
    Planted("overlapping windows +=", lambda m, x: m.lib.stride_tricks.as_strided(x, (3, 2), (4, 4)).__iadd__(1.0)),
    Planted("out= overlapping windows",
            lambda m, x: m.add(x[:3, :2], 1, out=m.lib.stride_tricks.as_strided(x, (3, 2), (4, 4)))),
    Planted("as_strided beyond the array", lambda m, x: m.lib.stride_tricks.as_strided(x, (5, 5), (16, 4))),
]  # fmt: skip

# Legal in both, and each close to something above. The values must agree with NumPy's.
LEGAL = [
    Planted("sum(axis=, keepdims=)", lambda m, x: m.sum(x, axis=1, keepdims=True)),
    Planted("sum(dtype=, out=)", lambda m, x: m.sum(x, axis=0, dtype="float64", out=m.empty(4, "float64"))),
    Planted("x.max(axis=(0, 1))", lambda m, x: x.max(axis=(0, 1))),
    Planted("var(ddof=)", lambda m, x: m.var(x, axis=0, ddof=1)),
    Planted("argmax(axis=)", lambda m, x: m.argmax(x, axis=1)),
    Planted("argsort", lambda m, x: m.argsort(x, axis=1, kind="stable")),
    Planted("clip(x, 0, 1)", lambda m, x: m.clip(x, 0, 1)),
    Planted("x.clip(min=0)", lambda m, x: x.clip(min=0)),
    Planted("maximum(out=)", lambda m, x: m.maximum(x, 0, out=x)),
    Planted("add with positional out", lambda m, x: m.add(x, x, x)),
    Planted("add(out=tuple, casting=)", lambda m, x: m.add(x, 1, out=(x,), casting="same_kind")),
    Planted("divmod", lambda m, x: m.divmod(x, 3.0)[1]),
    Planted("add.reduce", lambda m, x: m.add.reduce(x, axis=1)),
    Planted("multiply.accumulate", lambda m, x: m.multiply.accumulate(x, axis=0)),
    Planted("subtract.outer", lambda m, x: m.subtract.outer(x[0], x[1])),
    Planted("add.at on integers", lambda m, x: _after(m.zeros(4, "int64"), m.add.at, m.asarray([1, 1, 2]), 1)),
    Planted("maximum.at on floats", lambda m, x: _after(x[0], m.maximum.at, m.asarray([1, 1]), m.asarray([3.0, 9.0]))),
    Planted("add.at on floats, unique", lambda m, x: _after(x[0], m.add.at, m.asarray([1, 2]), 0.5)),
    Planted("einsum(optimize=)", lambda m, x: m.einsum("ij,jk->ik", x, x, optimize=True)),
    Planted("tensordot", lambda m, x: m.tensordot(x, x, axes=((1,), (0,)))),
    Planted("matmul(out=)", lambda m, x: m.matmul(x, x.T, out=m.empty((4, 4), "float32"))),
    Planted("x @ x.T", lambda m, x: x @ x.T),
    Planted("take_along_axis by position", lambda m, x: m.take_along_axis(x, m.argsort(x, axis=1), axis=1)),
    Planted("put_along_axis, unique", lambda m, x: _after(x, m.put_along_axis, m.zeros((4, 1), "int64"), 5.0, 1)),
    Planted("stack, concatenate", lambda m, x: m.concatenate([m.stack([x, x]), x[None]], axis=0)),
    Planted("pad(constant_values=)", lambda m, x: m.pad(x, ((1, 0), (0, 2)), mode="constant", constant_values=-1)),
    Planted("pad(mode='edge')", lambda m, x: m.pad(x, 1, mode="edge")),
    Planted("sliding_window_view", lambda m, x: m.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(0, 1))),
    Planted("as_strided, read only", lambda m, x: m.lib.stride_tricks.as_strided(x, (3, 2), (4, 4)).sum(axis=1)),
    Planted("where(mask, x, 0.0)", lambda m, x: m.where(x > 0, x, 0.0)),
    Planted("full(-inf), full_like", lambda m, x: m.full((2, 2), -math.inf, x.dtype) + m.full_like(x[:2, :2], 3)),
    Planted("zeros, ones, empty_like", lambda m, x: m.zeros((4, 4), "float32") + m.ones_like(x)),
    Planted("arange, linspace, eye", lambda m, x: m.arange(4) + m.linspace(0, 1, 4) + m.eye(4)),
    Planted("float64 scalars stay scalars", lambda m, x: 2 * x + 0.5 - x / 3.0),
    Planted("NumPy scalars", lambda m, x: np.float32(2) * x - np.int64(1)),
    Planted("x ** 2, abs, -x", lambda m, x: abs(-x) ** 2),
    Planted("x % 3, x // 2", lambda m, x: x % 3 + x // 2),
    Planted("comparisons and masks", lambda m, x: ((x > 0) & ~(x >= 5)) | (x == x[0, 0])),
    Planted("x[mask]", lambda m, x: x[x > 0]),
    Planted("x[mask] = scalar", lambda m, x: _after(x, type(x).__setitem__, x > 0, 0.0)),
    Planted("x[list], x[host indices]", lambda m, x: x[[0, 2]] + x[np.array([1, 3])]),
    Planted("x[rows, columns]", lambda m, x: x[m.arange(4), m.asarray([3, 2, 1, 0])]),
    Planted("x[rows, columns] -= 1", lambda m, x: _minus_one(x, m.arange(4), m.asarray([3, 2, 1, 0]))),
    Planted("x[unique] = values", lambda m, x: _after(x, type(x).__setitem__, m.asarray([2, 0]), x[:2].copy())),
    Planted("x[repeated] = one value", lambda m, x: _after(x, type(x).__setitem__, m.asarray([1, 1]), 5.0)),
    Planted("x[..., None, ::2]", lambda m, x: x[..., None, ::2]),
    Planted("strided +=", lambda m, x: _after(x[1:, ::2], type(x).__iadd__, x[:3, :2])),
    Planted("take(list)", lambda m, x: m.take(x, [2, 0], axis=1)),
    Planted("astype(copy=False)", lambda m, x: x.astype("int64", copy=False)),
    Planted("reshape, transpose, ravel", lambda m, x: x.reshape(2, -1).transpose(1, 0).ravel()),
    Planted("moveaxis, swapaxes, T", lambda m, x: m.moveaxis(x[None], 0, 2).swapaxes(0, 1).T),
    Planted("numpy.exp(x) dispatches", lambda m, x: np.exp(x)),
    Planted("numpy.sum(x) dispatches", lambda m, x: np.sum(x, axis=0)),
    Planted("Generator.standard_normal", lambda m, x: m.random.default_rng(0).standard_normal((3,), dtype="float32")),
    Planted("linalg.norm", lambda m, x: m.linalg.norm(x, axis=1)),
    Planted("allclose", lambda m, x: m.allclose(x, x + 1e-9)),
    Planted("unique", lambda m, x: m.unique(x)),
    Planted("float of a 0-d array", lambda m, x: float(x.sum()) + x.max().item()),
    Planted("f-string of a 0-d array", lambda m, x: f"{x.sum():.3f}"),
    Planted("sum() of arrays, max() of 0-d ones", lambda m, x: sum([x, x]) + max(x.sum(), x.max())),
]  # fmt: skip


def _after(target, change, *args):
    """`target` after an operation that changes it in place."""
    change(target, *args)
    return target


def _minus_one(x, *key):
    x[key] -= 1
    return x


def refusal(planted):
    """The error with which the simulated device refuses the call; None when it lets it pass."""
    try:
        planted.run(xp, x_on(xp))
    except (TypeError, ValueError, AttributeError, IndexError, NotImplementedError) as error:
        return error
    return None


def main():
    caught = [(planted, refusal(planted)) for planted in PLANTED]
    for planted, error in caught:
        said = "NOT CAUGHT" if error is None else f"{type(error).__name__}: {str(error).partition('. ')[0]}"
        print(f"{planted.title:38} {said}")
    wrongly = [planted.title for planted in LEGAL if refusal(planted) is not None]
    print(f"\ncaught / planted: {sum(error is not None for _, error in caught)} / {len(PLANTED)}")
    print(f"legal calls refused: {len(wrongly)} / {len(LEGAL)} {wrongly or ''}")


if __name__ == "__main__":
    main()
