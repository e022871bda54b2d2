"""The right numbers in the wrong order, or of the wrong tensor: flipped, transposed, shifted, exchanged."""

import numpy as np

from tinycnn.gradient_check.permutations import channel_rolls, flips_and_transposes, turns
from tinycnn.gradient_check.wrong_gradient import DIRECTIONS, SAME, WrongGradient


def _rearranged_gradient(wrong):
    layout = wrong.tensor.role, wrong.tensor.shape
    for family, words, undo in [way for ways in (flips_and_transposes, channel_rolls, turns)
                                for way in ways(*layout, undo=True)]:
        c = wrong.factor(g=undo(wrong.g))
        if c is not None:
            return family, f"the right numbers in the wrong places: {words}{_times(c)}"
    return None


def _rearranged_dy(wrong):
    dys = wrong.differences.dys
    for k, dy in enumerate(dys):
        output = f"y[{k}]" if len(dys) > 1 else "dy"
        for family, words, change in [way for ways in (flips_and_transposes, channel_rolls, turns)
                                      for way in ways("output", dy.shape)]:
            c = wrong.factor(dys=[*dys[:k], change(dy), *dys[k + 1 :]])
            if c is not None:
                return family, f"right for another dy: {output} {words}{_times(c)}"
    return None


def rearranged_partner(wrong):
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


def _exchanged(wrong):
    """The gradient of another tensor, or for the dy of another output, of the same shape."""
    differences, dys = wrong.differences, wrong.differences.dys
    for other, value in differences.values.items():
        if other != wrong.name and value.shape == wrong.tensor.shape:
            partner = WrongGradient(differences, _Named(other, wrong.tensor), wrong.rng)
            c = partner.factor(g=wrong.g)
            if c is not None:
                back = differences.gradients[other]
                mutual = back is not None and back.shape == wrong.g.shape and wrong.factor(g=back) is not None
                names = f"{wrong.name} and {other}"
                both = f", and the other way round: the gradients of {names} are exchanged" if mutual else ""
                return "exchanged", f"this is the gradient of {other}{both}{_times(c)}"
    for j in range(len(dys)):
        for k in range(j):
            if dys[j].shape == dys[k].shape:
                swapped = list(dys)
                swapped[j], swapped[k] = dys[k], dys[j]
                c = wrong.factor(dys=swapped)
                if c is not None:
                    return "exchanged", (f"right if the gradients of y[{k}] and y[{j}] were exchanged: is backward "
                                         "given them in the order of forward's outputs, and does it use them "
                                         f"so?{_times(c)}")
    return None


class _Named:
    """Another tensor of the same shape, as far as a pattern asks."""

    problem = None

    def __init__(self, name, tensor):
        self.name, self.shape, self.role = name, tensor.shape, tensor.role


REARRANGED = (_exchanged, _rearranged_gradient, _rearranged_dy)


def _times(c):
    return "" if abs(c - 1) <= SAME else f", and {c:.4g} times as large"
