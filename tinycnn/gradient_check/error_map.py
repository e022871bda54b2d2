"""The whole numeric gradient beside the claimed one, as far as it can be measured, and where the two differ."""

import numpy as np

from tinycnn.gradient_check.elements import choose_indices, compare
from tinycnn.gradient_check.permutations import SPATIAL, axis_names
from tinycnn.gradient_check.run import random_signed
from tinycnn.gradient_check.step_sizes import OK, STEPS, WRONG, sweep_step_sizes

FOR_A_PICTURE, FOR_A_DIAGNOSIS = 500, 2000  # the largest tensors of which every element is measured
SAME = 1e-6
SEARCHES = 80  # sweeps spent on finding wrong elements of a large tensor


def measure_all(differences, tensor, rng, largest=FOR_A_PICTURE):
    """Measure every element of a wrong tensor; of one with more than `largest` elements the usual sample."""
    everything = int(np.prod(tensor.shape)) <= largest
    if everything or tensor.elements is None:
        now = compare(differences, tensor.name, choose_indices(tensor.shape, rng, everything), tensor.linear)
        tensor.elements = _merge(tensor.elements, now)
    if not everything and not tensor.elements.count(WRONG) and differences.gradients[tensor.name] is not None:
        found = _locate(differences, tensor, rng)
        if found:
            indices = sorted({*tensor.elements.indices, *found})
            tensor.elements = _merge(tensor.elements, compare(differences, tensor.name, indices, tensor.linear))


def _locate(differences, tensor, rng):
    """Indices of wrong elements that no sample met: groups whose sum is wrong are halved."""
    size = int(np.prod(tensor.shape))
    groups = [np.arange(size)]
    found: list[tuple[int, ...]] = []
    for _ in range(SEARCHES):
        if not groups or len(found) >= 3:
            break
        group = groups.pop()
        direction = np.zeros(size)
        direction[group] = random_signed(rng, len(group))
        directions = {tensor.name: direction.reshape(tensor.shape)}
        if sweep_step_sizes(differences, directions, "", steps=STEPS[4:12]).verdict == WRONG:
            if len(group) == 1:
                found.append(tuple(int(i) for i in np.unravel_index(group[0], tensor.shape)))
            else:
                groups.extend(np.array_split(group, 2))
    return found


def _merge(before, now):
    """The new list, keeping what sweeps have settled already."""
    if before is not None:
        for i, index in enumerate(now.indices):
            if index in before.sweeps:
                j = before.indices.index(index)
                now.states[i], now.numeric[i] = before.states[j], before.numeric[j]
        now.sweeps = before.sweeps
    return now


class ErrorMap:
    """The true and the claimed gradient as arrays (NaN where not measured), and which elements are wrong.

    telling: elements that are right and not 0. Where both are 0, behind a dead unit, a mistake could not show.
    """

    def __init__(self, differences, tensor):
        self.differences, self.tensor, self.shape = differences, tensor, tensor.shape
        e = tensor.elements
        self.true, self.claimed = np.full(self.shape, np.nan), np.full(self.shape, np.nan)
        self.wrong, self.right = np.zeros(self.shape, bool), np.zeros(self.shape, bool)
        for index, a, n, state in zip(e.indices, e.analytic, e.numeric, e.states, strict=True):
            if state in (OK, WRONG):
                self.claimed[index], self.true[index] = a, n
                self.wrong[index], self.right[index] = state == WRONG, state == OK
        self.tiny = SAME * e.scale
        self.telling = self.right & (abs(self.true) > self.tiny)
        self.names = axis_names(tensor.role, len(self.shape))
        self.spatial = [i for i, name in enumerate(self.names) if name in SPATIAL]

    def same(self, a, b):
        return abs(a - b) <= self.tiny + SAME * abs(b)
