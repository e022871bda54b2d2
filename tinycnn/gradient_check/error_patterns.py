"""Naming the mistake by its numbers: what is a wrong gradient the right gradient of?

Most wrong backwards compute something sensible, only not for this problem: the right gradient for a dy in reverse
order, for a kernel that was not turned, N times over, shifted by the padding. So each pattern is an experiment: change
dy, another tensor or the gradient itself as the suspected mistake would, and see whether all differences vanish. A few
random directions decide, so a layer's size does not matter. What remains is told by *where* it is wrong
(error_positions.py).
"""

import numpy as np

from tinycnn.gradient_check.error_positions import match_positions
from tinycnn.gradient_check.object_under_test import random_signed
from tinycnn.gradient_check.permutations import channel_rolls, flips_and_transposes

DIRECTIONS = 5
SAME = 1e-5  # two quantities that differ by less, relative to their size, are one


def diagnose(differences, tensor, rng):
    """(family, sentence) for a tensor whose gradient is wrong; family None when no known pattern fits."""
    wrong = WrongGradient(differences, tensor, rng)
    for pattern in PATTERNS:
        found = pattern(wrong)
        if found is not None:
            return found
    return match_positions(differences, tensor, rng)


class WrongGradient:
    """One wrong gradient `g` with a few random directions r and what forward does along them.

    responses: for each direction, how every output changes (dy/dt . r); <dy, response> is the true slope for any dy
    """

    def __init__(self, differences, tensor, rng):
        self.differences, self.tensor, self.rng, self.name = differences, tensor, rng, tensor.name
        self.g = differences.gradients[tensor.name]
        self.usable = tensor.problem is None
        self.directions = [random_signed(rng, tensor.shape) for _ in range(DIRECTIONS)]
        self.responses = [self.response(r) for r in self.directions] if self.usable else []
        first = next((name for name, role in differences.under_test.roles.items() if role == "input"), None)
        self.batch = differences.values[first].shape[0] if first is not None and differences.values[first].ndim else 1

    def response(self, r, changes=None):
        """How the outputs change along r, at the point or with other values for some tensors."""
        differences, base = self.differences, self.differences.values | (changes or {})
        for h in (1e-4, 1e-5, 1e-6, 1e-7):
            step = h * differences.scales[self.name] * r
            (plus, crossed), (minus, crossed_too) = (
                differences.outputs((changes or {}) | {self.name: base[self.name] + s * step}) for s in (1, -1))
            if changes or not (crossed or crossed_too):  # elsewhere the winners are others anyway
                break
        return [(a - b) / (2 * h * differences.scales[self.name]) for a, b in zip(plus, minus, strict=True)]

    def factor(self, g=None, dys=None, responses=None):
        """c if g = c * (gradient for dys) along all directions, else None. Defaults: what was found, what was given."""
        g = self.g if g is None else g
        dys = self.differences.dys if dys is None else dys
        claimed = np.array([np.sum(g * r) for r in self.directions])
        true = np.array([sum(np.sum(d * part) for d, part in zip(dys, response, strict=True))
                         for response in (responses or self.responses)])
        if not (np.isfinite(true).all() and abs(true).max() > 1e-12 * max(1e-300, abs(claimed).max())):
            return None
        c = float(claimed @ true / (true @ true))
        return c if c and np.linalg.norm(claimed - c * true) <= SAME * np.linalg.norm(claimed) else None


# --- patterns, the surest first; each returns (family, sentence) or None ---


def _no_gradient(wrong):
    problem, g, name, shape = wrong.tensor.problem, wrong.g, wrong.name, wrong.tensor.shape
    if problem == "missing":
        where = "return it from backward" if wrong.tensor.role == "input" else "store it in backward"
        return "never stored", f"there is no gradient of {name}; {where}"
    if problem == "not finite":
        return "not finite", f"{np.sum(~np.isfinite(g))} numbers of the gradient are NaN or infinite"
    if problem is not None:
        if sorted(g.shape) == sorted(shape):
            return "axes", f"the gradient has shape {g.shape} instead of {shape}: axes are swapped"
        if g.shape[-len(shape):] == shape:
            return "not summed", (f"the gradient has shape {g.shape} instead of {shape}: {name} is used for every "
                                  "image and position, so its gradient is the sum over them")
        return "shape", f"the gradient has shape {g.shape} instead of {shape}"
    if not g.any():
        return "never stored", (f"all numbers of the gradient are 0, but y depends on {name}: was the result of "
                                "backward never stored, or was it multiplied by a wrong mask?")
    return None


def _ignores_dy(wrong):
    differences = wrong.differences
    if differences.under_test.is_loss:
        return None
    others = [random_signed(wrong.rng, dy.shape) for dy in differences.dys]
    again = differences.under_test.gradients(others)[wrong.name]
    if again is None or again.shape != wrong.g.shape or not np.allclose(again, wrong.g, rtol=1e-12, atol=0):
        return None
    c = wrong.factor(dys=[np.ones(dy.shape) for dy in differences.dys])
    ones = " (it is the one for a dy of all ones)" if c is not None and abs(c - 1) < SAME else ""
    return "dy ignored", f"the gradient is the same for every dy{ones}: multiply by dy (chain rule)"


def _constant_factor(wrong):
    c = wrong.factor()
    if c is None:
        return None
    if abs(c - 1) <= SAME:
        apart = "in single precision" if np.array_equal(wrong.g, wrong.g.astype(np.float32)) else "to about 7 digits"
        return "float32", (f"right only {apart}: somewhere in backward numbers pass through float32, or a small "
                           "constant (an epsilon) is in forward or in backward but not in both")
    if abs(c + 1) <= SAME:
        return "sign", "every number has the wrong sign"
    sign = "of the wrong sign and " if c < 0 else ""
    size, n = abs(c), wrong.batch
    if n > 1 and abs(size / n - 1) <= SAME:
        return "batch mean", f"{sign}{n} times too large, the batch size: the mean over the batch is missing"
    if n > 1 and abs(size * n - 1) <= SAME:
        return "batch mean", (f"{sign}{n} times too small, the batch size: the mean over the batch is taken twice (the "
                              "loss divides by N already)")
    return "factor", f"{sign}{c:.6g} times the right one everywhere{_guess(size, wrong)}"


def _guess(size, wrong):
    """Where a constant factor may come from."""
    y, shape = wrong.differences.y[0], wrong.tensor.shape
    for name, value in _constants(wrong.differences.under_test.template):
        for words, number in ((name, value), (f"1 - {name}", 1 - value)):
            if number > 0 and abs(number - 1) > SAME:
                for found, say in ((number, words), (1 / number, f"1 / ({words})" if " " in words else f"1 / {words}")):
                    if abs(size / found - 1) <= SAME:
                        return f", which is {say}"
    numbers = {"the number of elements": int(np.prod(shape))}
    if y.ndim == 4:
        n, oh, ow, _ = y.shape
        numbers |= {"the number of output positions": oh * ow, "batch size times output positions": n * oh * ow}
    if y.ndim:
        numbers["the number of outputs"] = y.size
    numbers |= {f"the length of axis {i}": n for i, n in enumerate(shape)}
    for words, n in numbers.items():
        for found, say in ((n, "a mean there is missing"), (1 / n, "a mean was taken instead of a sum")):
            if n > 2 and abs(size / found - 1) <= SAME:
                return f", {'' if found == n else '1 over '}{words}: {say}"
    if abs(size - 2) <= SAME:
        return ": counted twice, or halved in forward only"
    if abs(size - 0.5) <= SAME:
        return ": is the 2 of a square missing, or were two paths averaged instead of added?"
    return ": a constant of forward is missing in backward, or is there once too often"


def _constants(obj):
    """(name, positive number) of the settings that a factor may be made of: p, box_weight, the area of a kernel."""
    for name, value in getattr(obj, "__dict__", {}).items():
        if isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, int) for v in value):
            yield f"the area of {name}", float(value[0] * value[1])
        elif isinstance(value, float | np.floating) and value > 0:
            yield name, float(value)


def _rearranged_gradient(wrong):
    layout = wrong.tensor.role, wrong.tensor.shape
    for family, words, undo in [*flips_and_transposes(*layout, undo=True), *channel_rolls(*layout, undo=True)]:
        c = wrong.factor(g=undo(wrong.g))
        if c is not None:
            return family, f"the right numbers in the wrong places: {words}{_times(c)}"
    return None


def _rearranged_dy(wrong):
    dys = wrong.differences.dys
    for k, dy in enumerate(dys):
        output = f"y[{k}]" if len(dys) > 1 else "dy"
        for family, words, change in [*flips_and_transposes("output", dy.shape), *channel_rolls("output", dy.shape)]:
            c = wrong.factor(dys=[*dys[:k], change(dy), *dys[k + 1 :]])
            if c is not None:
                return family, f"right for another dy: {output} {words}{_times(c)}"
    return None


def _several_outputs(wrong):
    """g = a * (the part of y[0]) + b * (the part of y[1]) ... with factors that are not all 1."""
    dys = wrong.differences.dys
    if not 1 < len(dys) < DIRECTIONS - 1:
        return None
    parts = np.array([[np.sum(dy * part) for dy, part in zip(dys, response, strict=True)]
                      for response in wrong.responses])
    claimed = np.array([np.sum(wrong.g * r) for r in wrong.directions])
    reaching = abs(parts).max(axis=0) > 1e-12 * abs(parts).max()
    if reaching.sum() < 2 or not np.isfinite(claimed).all():
        return None
    factors = np.zeros(len(dys))
    factors[reaching] = np.linalg.lstsq(parts[:, reaching], claimed, rcond=None)[0]
    if np.linalg.norm(claimed - parts @ factors) > SAME * np.linalg.norm(claimed):
        return None
    k = next(k for k in np.flatnonzero(reaching) if abs(factors[k] - 1) > SAME)
    c = factors[k]
    if abs(c) <= SAME:
        return "output ignored", (f"right if the gradient of y[{k}] were 0: it never arrives here. Where two paths "
                                  "meet, their gradients are added (+)")
    by_batch = min(abs(c / wrong.batch - 1), abs(c * wrong.batch - 1)) <= SAME
    family = "sign" if abs(c + 1) <= SAME else "batch mean" if by_batch else "factor"
    return family, (f"the part that comes from y[{k}] is {c:.6g} times the right one, the others are right: where two "
                    "paths meet, their gradients are added as they are")


def _only_one_part(wrong):
    """Only one image, or one position, counts: assigned in a loop instead of added up."""
    dys = wrong.differences.dys
    for k in range(wrong.batch):
        only = [np.where(np.arange(len(dy)).reshape(-1, *[1] * (dy.ndim - 1)) == k, dy, 0) if dy.ndim else dy
                for dy in dys]
        if wrong.batch > 1 and not wrong.differences.under_test.is_loss and wrong.factor(dys=only) is not None:
            return "overlap", f"only image {k} of the batch counts: assigned (=) in a loop instead of accumulated (+=)"
    if len(dys) == 1 and dys[0].ndim == 4:
        _, oh, ow, _ = dys[0].shape
        for i, j in {(0, 0), (oh - 1, ow - 1)}:
            one = np.zeros(dys[0].shape)
            one[:, i, j] = dys[0][:, i, j]
            if oh * ow > 1 and wrong.factor(dys=[one]) is not None:
                return "overlap", f"only position ({i}, {j}) counts: assigned (=) in a loop instead of accumulated (+=)"
    return None


def _rearranged_partner(wrong):
    """Right for another tensor in another order: a kernel that was flipped, a matrix transposed once too often."""
    values, roles = wrong.differences.values, wrong.differences.under_test.roles
    for other, value in values.items():
        if other == wrong.name:
            continue
        layout = roles[other], value.shape
        for family, words, change in [*flips_and_transposes(*layout), *channel_rolls(*layout)]:
            changed = {other: change(value)}
            if wrong.factor(responses=_screen(wrong, changed)) is not None:
                return family, f"right for another {other}: {other} {words}. backward must use {other} as forward does"
    return None


def _screen(wrong, changed):
    """Responses with other values; the first direction alone settles most patterns."""
    first = wrong.response(wrong.directions[0], changed)
    claimed = float(np.sum(wrong.g * wrong.directions[0]))
    if abs(claimed - wrong.differences.dot(first)) > SAME * max(abs(claimed), abs(wrong.differences.dot(first))):
        return [[0 * part for part in first]] * DIRECTIONS  # cannot match
    return [first] + [wrong.response(r, changed) for r in wrong.directions[1:]]


def _extra_term(wrong):
    """gradient = right one + c * the tensor itself: a penalty that forward does not have."""
    value = wrong.differences.values[wrong.name]
    claimed = np.array([np.sum(wrong.g * r) for r in wrong.directions])
    rest = claimed - [wrong.differences.dot(response) for response in wrong.responses]
    along = np.array([np.sum(value * r) for r in wrong.directions])
    c = float(rest @ along / (along @ along)) if along.any() else 0.0
    if c and value.size > 1 and np.linalg.norm(rest - c * along) <= SAME * np.linalg.norm(claimed):
        return "extra term", (f"{c:.4g} times {wrong.name} itself is added: weight decay belongs into the optimizer, "
                              "or its penalty into forward too")
    return None


PATTERNS = (_no_gradient, _ignores_dy, _constant_factor, _several_outputs, _rearranged_gradient, _rearranged_dy,
            _only_one_part, _rearranged_partner, _extra_term)


def _times(c):
    return "" if abs(c - 1) <= SAME else f", and {c:.4g} times as large"
