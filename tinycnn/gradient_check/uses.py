"""Which uses of a tensor reach its gradient: forward is run with one use at a time moved.

A weight that an RNN uses at every step, an input that goes into a branch and around it, a number that a batch
normalization also takes the mean of: the gradient is the sum over all uses. The slope along each use alone is measured
by giving forward an array that knows, whenever NumPy is about to compute with it, the how manieth time this is.
"""

import numpy as np

from tinycnn.gradient_check.run import random_signed

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
        self.counter = getattr(obj, "counter", None) or Counter()

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


def match_uses(differences, tensor):
    """(family, sentence) where the gradient lacks some uses of the tensor, or has one too often; else None."""
    name, rng = tensor.name, np.random.default_rng(1)
    value, under_test = differences.values[name], differences.under_test
    # A tensor of few numbers has few directions; several dy tell its uses apart all the same.
    dys = [differences.dys]
    dys += [] if under_test.is_loss else [[random_signed(rng, dy.shape) for dy in differences.dys] for _ in range(3)]
    gradients = [differences.gradients[name], *(under_test.gradients(each)[name] for each in dys[1:])]
    if any(g is None or g.shape != value.shape for g in gradients):
        return None
    try:
        names = _forward(differences, name, value, np.zeros(value.shape), None)[0].names
        if not 2 <= len(names) <= MOST_USES:
            return None
        directions = [random_signed(rng, value.shape) for _ in range(min(len(names) + 3, value.size))]
        changes = [[_change(differences, name, value, r, use) for use in range(len(names))] for r in directions]
    except Exception:  # code that looks at types, or turns numbers into Python's, cannot be traced
        return None
    slopes = np.array([[sum(np.sum(dy * part) for dy, part in zip(each, change, strict=True)) for change in row]
                       for each in dys for row in changes])
    claimed = np.array([np.sum(g * r) for g in gradients for r in directions])
    return _told(name, names, slopes, claimed) if np.isfinite(slopes).all() and np.isfinite(claimed).all() else None


def _told(name, names, slopes, claimed):
    """What the uses' slopes, one column each, say of the gradient."""
    reaching = abs(slopes).max(axis=0) > 1e-9 * abs(slopes).max()
    if reaching.sum() < 2 or np.linalg.matrix_rank(slopes[:, reaching], 1e-7 * abs(slopes).max()) < reaching.sum():
        return None
    counts = np.linalg.lstsq(slopes[:, reaching], claimed, rcond=None)[0]
    if np.linalg.norm(slopes[:, reaching] @ counts - claimed) > 1e-5 * float(np.linalg.norm(claimed)):
        return None
    whole = np.round(counts)
    if abs(counts - whole).max() > 1e-3 or (whole == 1).all() or whole.min() < 0 or whole.max() > 2 or not whole.any():
        return None
    numbers, used = np.flatnonzero(reaching), len(names)
    listed = [f"{i + 1} ({names[i]})" for i in numbers[whole != 1]]
    what = f"{name} is used {used} times in forward ({', '.join(names)})"
    if (whole == 2).any():
        return "extra term", f"{what}; its use {' and '.join(listed)} is counted twice"
    kept = numbers[whole == 1]
    if len(kept) == 1 and len({names[i] for i in numbers}) == 1:
        return "last use", (f"{what}, and only use {kept[0] + 1} is in the gradient: assigned (=) at each use "
                            "instead of added up (+=)")
    return "term missing", f"{what}; what comes by use {' and '.join(listed)} is missing: add the gradients of all uses"


def _change(differences, name, value, r, use):
    """How each output changes along r at one use alone."""
    h = 1e-5 * differences.scales[name]
    plus, minus = (_forward(differences, name, value, s * h * r, use)[1] for s in (1, -1))
    return [(a - b) / (2 * h) for a, b in zip(plus, minus, strict=True)]


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
