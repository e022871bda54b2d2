"""Which uses of a tensor reach its gradient: forward is run with one use at a time moved.

A weight that an RNN uses at every step, an input that goes into a branch and around it, a number that a batch
normalization also takes the mean of: the gradient is the sum over all uses. The slope along each use alone is measured
by giving forward an array that knows, whenever NumPy is about to compute with it, the how manieth time this is.
"""

import numpy as np

from tinycnn.gradient_check.object_under_test import random_signed

MOST_USES = 12


class Counter:
    """How often a traced array has been used, by which function, and at which use the step is taken."""

    def __init__(self):
        self.names, self.chosen = [], None

    def plain(self, argument, moved):
        if isinstance(argument, Traced):
            both = np.asarray(argument)
            return both.real + both.imag if moved else both.real
        if isinstance(argument, list | tuple):
            return type(argument)(self.plain(each, moved) for each in argument)
        return argument

    def call(self, function, name, arguments, options):
        moved = self.chosen == len(self.names)
        self.names.append(name)
        return function(*(self.plain(a, moved) for a in arguments),
                        **{key: self.plain(a, moved) for key, a in options.items()})


class Traced(np.ndarray):
    """A real array with a step beside it in the imaginary part, so that slices and transposes keep both."""

    counter: Counter

    def __new__(cls, value, step, counter):
        self = (value + 1j * step).view(cls)
        self.counter = counter
        return self

    def __array_finalize__(self, obj):
        self.counter = getattr(obj, "counter", None)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        name = ufunc.__name__ if method == "__call__" else {"add": "sum", "maximum": "max"}.get(ufunc.__name__, method)
        return self.counter.call(getattr(ufunc, method), name, inputs, options)

    def __array_function__(self, function, types, arguments, options):
        if function in MOVES:
            return super().__array_function__(function, types, arguments, options)
        return self.counter.call(function, function.__name__, arguments, options)

    def dot(self, other, out=None):
        return np.dot(self, other)

    def astype(self, *arguments, **options):
        return self.counter.call(lambda a: a.astype(*arguments, **options), "astype", (self,), {})


MOVES = {np.reshape, np.transpose, np.swapaxes, np.moveaxis, np.squeeze, np.expand_dims, np.ravel, np.flip, np.copy,
         np.atleast_2d, np.broadcast_to, np.split, np.array_split}


def uses_of(differences, name):
    """(names of the functions that use the tensor, slopes: directions x uses, directions); None where it cannot be told.
    """
    value, rng = differences.values[name], np.random.default_rng(1)
    h = 1e-5 * differences.scales[name]
    try:
        counter, _ = _forward(differences, name, value, np.zeros(value.shape), None)
        names = counter.names
        if not 2 <= len(names) <= MOST_USES:
            return None
        directions = [random_signed(rng, value.shape) for _ in range(len(names) + 3)]
        slopes = np.array([[_slope(differences, name, value, h * r, use) / h for use in range(len(names))]
                           for r in directions])
    except Exception:  # code that looks at types, or turns numbers into Python's, cannot be traced
        return None
    return (names, slopes, directions) if np.isfinite(slopes).all() else None


def _slope(differences, name, value, step, use):
    plus, minus = (differences.dot(_forward(differences, name, value, s * step, use)[1]) for s in (1, -1))
    return (plus - minus) / 2


def _forward(differences, name, value, step, use):
    run, counter = differences.under_test.run(), Counter()
    counter.chosen = use
    traced = Traced(value, step, counter)
    if differences.under_test.roles[name] == "input":
        y = run.forward(given={name: traced})
    else:
        run.variables[name].replace(run.holder, traced)
        y = run.forward()
    if any(np.iscomplexobj(part) for part in y):
        raise TypeError("complex numbers got through")
    return counter, y


def match_uses(differences, tensor):
    """(family, sentence) where the gradient lacks some uses of the tensor, or has one too often; else None."""
    found = uses_of(differences, tensor.name)
    if found is None:
        return None
    names, slopes, directions = found
    claimed = np.array([np.sum(differences.gradients[tensor.name] * r) for r in directions])
    reaching = abs(slopes).max(axis=0) > 1e-9 * abs(slopes).max()
    if reaching.sum() < 2 or np.linalg.matrix_rank(slopes[:, reaching], 1e-7 * abs(slopes).max()) < reaching.sum():
        return None
    counts = np.linalg.lstsq(slopes[:, reaching], claimed, rcond=None)[0]
    if np.linalg.norm(slopes[:, reaching] @ counts - claimed) > 1e-5 * max(np.linalg.norm(claimed), 1e-300):
        return None
    whole = np.round(counts)
    if abs(counts - whole).max() > 1e-3 or (whole == 1).all() or whole.min() < 0 or whole.max() > 2 or not whole.any():
        return None
    numbers, used = np.flatnonzero(reaching), len(names)
    listed = [f"{i + 1} ({names[i]})" for i in numbers[whole != 1]]
    what = f"{tensor.name} is used {used} times in forward ({', '.join(names)})"
    if (whole == 2).any():
        return "extra term", f"{what}; its use {' and '.join(listed)} is counted twice"
    kept = numbers[whole == 1]
    alike = {names[i] for i in numbers}
    if len(kept) == 1 and len(alike) == 1:
        return "last use", (f"{what}, and only use {kept[0] + 1} is in the gradient: assigned (=) at each use instead of "
                            "added up (+=)")
    return "term missing", f"{what}; what comes by use {' and '.join(listed)} is missing: add the gradients of all uses"
