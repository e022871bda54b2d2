"""One element at a time: which ones are looked at, how each is measured, and what is said about it."""

from dataclasses import dataclass, field

import numpy as np

from tinycnn.gradient_check.ladder import CONCLUSIVE, KINK, NOTHING, OK, STEPS, UNCLEAR, WRONG, climb

SMALL = 100  # a tensor of at most so many elements is checked element by element in auto mode
SAMPLE = 48  # elements that are looked at in a larger one
LADDERS = 12  # doubtful elements that get a ladder of their own


@dataclass
class Elements:
    """What was found for single elements of a tensor. All arrays have one entry for each index."""

    indices: list
    analytic: np.ndarray
    numeric: np.ndarray
    states: np.ndarray  # ok, wrong, kink, unclear or nothing
    scale: float  # the largest gradient in the tensor
    kinks: dict = field(default_factory=dict)  # index -> the flips that a step from it caused
    ladders: dict = field(default_factory=dict)  # index -> Ladder, for the doubtful ones

    @property
    def errors(self):
        """Relative to the larger of the two numbers, or to a thousandth of the tensor's largest gradient."""
        size = np.maximum(np.maximum(abs(self.analytic), abs(self.numeric)), 1e-3 * self.scale)
        return abs(self.analytic - self.numeric) / np.where(size == 0, 1.0, size)

    def count(self, *states):
        return sum(1 for state in self.states if state in states)


def check_elements(probe, name, indices, linear):
    """Compare analytic and numeric gradient at `indices`; doubtful elements get a ladder of their own."""
    elements = compare(probe, name, indices, linear)
    distance = np.nan_to_num(abs(elements.analytic - elements.numeric), nan=np.inf)
    doubtful = [i for i in np.argsort(-distance) if elements.states[i] not in (OK, NOTHING)]
    for i in doubtful[:LADDERS]:
        index = elements.indices[i]
        ladder = climb(probe, {name: _unit(probe, name, index)}, str(list(index)), elements.scale * probe.scales[name])
        elements.ladders[index] = ladder
        elements.states[i] = ladder.verdict
        if np.isfinite(ladder.estimate):
            elements.numeric[i] = ladder.estimate / probe.scales[name]
        if ladder.verdict != KINK:
            elements.kinks.pop(index, None)
    return elements


def compare(probe, name, indices, linear):
    """Elements with states from two steps alone: doubtful ones are "kink" where one was crossed, else "unclear"."""
    shape, gradient = probe.values[name].shape, probe.gradients[name]
    if gradient is None or gradient.shape != shape:
        gradient = np.zeros(shape)
    measured = [_measure(probe, name, index, linear) for index in indices]
    numeric, uncertainty = (np.array([m[i] for m in measured], float) for i in range(2))
    analytic = np.array([gradient[index] for index in indices], float)
    known = [abs(part[np.isfinite(part)]).max(initial=0.0) for part in (gradient, numeric)]
    scale, crossed = float(max(known)), np.array([bool(m[2]) for m in measured], bool)
    distance = abs(analytic - numeric)
    fine = ~crossed & (distance <= 1e-8 * scale + 10 * uncertainty) & (uncertainty <= 10 * CONCLUSIVE * scale)
    wrong = ~crossed & ~(distance <= 100 * uncertainty + 1e-8 * scale)  # written so that NaN counts as wrong
    states = np.where(fine, OK, np.where(wrong, WRONG, np.where(crossed, KINK, UNCLEAR))).astype(object)
    if scale == 0:
        states[:] = NOTHING
    # Slopes to both sides that differ by as much for a smaller step: a kink at the very point.
    bends = np.array([m[3] for m in measured], float).reshape(-1, 2)
    with np.errstate(invalid="ignore"):
        jumps = (bends[:, 1] > 0.6 * bends[:, 0]) & (bends[:, 1] > CONCLUSIVE * scale + 40 * uncertainty)
    states[jumps] = KINK
    kinks = {index: m[2] for index, m in zip(indices, measured, strict=True) if m[2]}
    return Elements(indices, analytic, numeric, states, scale, kinks)


def choose(shape, rng, everything=False):
    """Indices to look at: all of a small tensor; corners, edges and interior of a larger one."""
    if everything or int(np.prod(shape)) <= SMALL:
        return list(np.ndindex(shape))
    corners = [[rng.choice([0, n - 1]) for n in shape] for _ in range(SAMPLE // 4)]
    edges = [[rng.integers(n) for n in shape] for _ in range(SAMPLE // 4)]
    for row in edges:
        axis = rng.integers(len(shape))
        row[axis] = rng.choice([0, shape[axis] - 1])
    interior = [[rng.integers(1, n - 1) if n > 2 else rng.integers(n) for n in shape] for _ in range(SAMPLE // 2)]
    return sorted({tuple(int(i) for i in row) for row in corners + edges + interior})


def column(probe, name, index, linear):
    """How every output changes with one element: dy/d(element), one array for each output."""
    h = 0.5 if linear else 1e-4
    plus, minus, _ = probe.both_sides({name: _unit(probe, name, index)}, h)
    return [(a - b) / (2 * h * probe.scales[name]) for a, b in zip(plus, minus, strict=True)]


def _measure(probe, name, index, linear):
    """(slope of phi with respect to one element, its uncertainty, kinks crossed, bends for two steps)."""
    direction, scale = {name: _unit(probe, name, index)}, probe.scales[name]
    if linear:
        slope, _, crossed = probe.slope(direction, 0.5)
        return slope / scale, 2 * probe.noise / scale, crossed, (0.0, 0.0)
    (far, bend_far, crossed), (near, bend_near, crossed_too) = (probe.slope(direction, h) for h in STEPS[4:6])
    slope, noise = near + (near - far) / 9, 2 * probe.noise / STEPS[5]
    bends = abs(bend_far) / scale, abs(bend_near) / scale
    return slope / scale, (abs(near - far) / 9 + noise) / scale, crossed + crossed_too, bends


def _unit(probe, name, index):
    direction = np.zeros(probe.values[name].shape)
    direction[index] = 1.0
    return direction
