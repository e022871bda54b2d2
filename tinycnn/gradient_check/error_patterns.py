"""Naming the mistake by its numbers: what is a wrong gradient the right gradient of?

Most wrong backwards compute something sensible, only not for this problem: the right gradient for a dy in reverse
order, for a kernel that was not turned, N times over, shifted by the padding. So each pattern is an experiment: change
dy, another tensor or the gradient itself as the suspected mistake would, and see whether all differences vanish. A few
random directions decide, so a layer's size does not matter. What remains is told by *where* it is wrong
(error_positions.py). A diagnosis is given only with evidence that excludes its rivals; else the worst elements are
named.
"""

import numpy as np

from tinycnn.gradient_check.error_positions import match_positions
from tinycnn.gradient_check.rearrangements import REARRANGED, rearranged_partner
from tinycnn.gradient_check.run import random_signed
from tinycnn.gradient_check.step_sizes import OK, WRONG
from tinycnn.gradient_check.terms import added_term, only_one_part, several_outputs
from tinycnn.gradient_check.wrong_gradient import SAME, WrongGradient, few_digits


def diagnose(differences, tensor, rng):
    """(family, sentence) for a tensor whose gradient is wrong; family None when no known pattern fits."""
    wrong = WrongGradient(differences, tensor, rng)
    for pattern in PATTERNS:
        found = pattern(wrong)
        if found is not None:
            return found
    return match_positions(differences, tensor, rng)


# --- patterns, the surest first; each returns (family, sentence) or None ---


def _no_gradient(wrong):
    problem, g, name = wrong.tensor.problem, wrong.g, wrong.name
    if problem == "missing":
        where = "return it from backward" if wrong.tensor.role == "input" else "store it in backward"
        return "never stored", f"there is no gradient of {name}; {where}"
    if problem == "not finite":
        return "not finite", f"{np.sum(~np.isfinite(g))} numbers of the gradient are NaN or infinite"
    if problem is not None:
        return _wrong_shape(wrong)
    if not g.any():
        return "never stored", (f"all numbers of the gradient are 0, but y depends on {name}: was the result of "
                                "backward never stored, or was it multiplied by a wrong mask?")
    return None


def _wrong_shape(wrong):
    g, shape, name = wrong.g, wrong.tensor.shape, wrong.name
    has = f"the gradient has shape {g.shape} instead of {shape}"
    if g.size == int(np.prod(shape)) and tuple(n for n in g.shape if n != 1) == tuple(n for n in shape if n != 1):
        right = wrong.factor(g=g.reshape(shape)) is not None
        numbers = ", and the right numbers" if right else ""
        return "shape", f"{has}{numbers}: a sum with keepdims, or an axis of length 1 more"
    if sorted(g.shape) == sorted(shape):
        return "axes", f"{has}: axes are swapped"
    leading = tuple(range(g.ndim - len(shape)))
    if leading and g.shape[len(leading):] == shape and wrong.factor(g=g.sum(axis=leading)) is not None:
        return "not summed", (f"{has}: {name} is used for every image and position, so its gradient is the sum over "
                              f"them; summed over {'axis 0' if len(leading) == 1 else f'axes {leading}'} it is right")
    return "shape", has


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
    c, rest = wrong.fit()
    if c is None or wrong.g.size <= 2 and not wrong.is_steady(c):
        return None
    if abs(c - 1) <= SAME and not _everywhere(wrong.tensor):
        return None
    if abs(c - 1) <= SAME and rest > abs(c - 1) / 10:  # not one factor, but an error of a few digits
        found = added_term(wrong)
        if found is not None:
            return found
        if np.array_equal(wrong.g, wrong.g.astype(np.float32)):
            return "float32", "right only in single precision: somewhere in backward numbers pass through float32"
        return few_digits(wrong.differences, wrong.name, "right", max(rest, abs(c - 1)))
    small = 1e-4
    if not wrong.differences.under_test.is_loss:
        gentle = wrong.differences.under_test.gradients([small * dy for dy in wrong.differences.dys])[wrong.name]
        c_small = wrong.factor(g=gentle) if gentle is not None and gentle.shape == wrong.g.shape else None
        if c_small is not None and abs(c_small / small - 1) <= max(1e-7, abs(c - 1) / 100):
            return "clipped", (f"{c:.6g} times the right one for this dy, and right for a dy of a ten-thousandth: it "
                               f"is clipped by its norm ({np.linalg.norm(wrong.g):.6g}). Clipping is the optimizer's "
                               "business")
    if not wrong.is_steady(c):
        return "nonlinear", (f"{c:.6g} times the right one for this dy, and another number of times for another: is it "
                             "scaled by the size of dy, or by that of another output's?")
    if abs(c - 1) <= SAME:
        return "factor", f"{c:.10g} times the right one everywhere: a constant is a little off, perhaps by an epsilon"
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


def _everywhere(tensor):
    """Are most elements that were looked at wrong? Else a small error of the whole is a larger one in a few places."""
    e = tensor.elements
    return e is None or not e.count(WRONG) or e.count(WRONG) > 0.5 * (e.count(WRONG) + e.count(OK))


def _guess(size, wrong):
    """Where a constant factor may come from."""
    y, shape = wrong.differences.y[0], wrong.tensor.shape
    for name, value in _constants(wrong.differences.under_test.template):
        for words, number in ((name, value), (f"1 - {name}", 1 - value)):
            if number > 0 and abs(number - 1) > SAME:
                for found, say in ((number, words), (1 / number, f"1 / ({words})" if " " in words else f"1 / {words}")):
                    if abs(size / found - 1) <= SAME:
                        return f"; {say} has this value"
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
                return f"; {'' if found == n else '1 over '}{words} has this value: perhaps {say}"
    if abs(size - 2) <= SAME:
        return ": counted twice, or halved in forward only"
    if abs(size - 0.5) <= SAME:
        return ": is the 2 of a square missing, or were two paths averaged instead of added?"
    return ": perhaps a constant of forward is missing in backward, or is there once too often"


def _constants(obj):
    """(name, positive number) of the settings that a factor may be made of: p, box_weight, the area of a kernel."""
    for name, value in getattr(obj, "__dict__", {}).items():
        if isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, int) for v in value):
            yield f"the area of {name}", float(value[0] * value[1])
        elif isinstance(value, float | np.floating) and value > 0:
            yield name, float(value)


PATTERNS = (_no_gradient, _ignores_dy, _constant_factor, several_outputs, *REARRANGED, only_one_part,
            rearranged_partner, added_term)
