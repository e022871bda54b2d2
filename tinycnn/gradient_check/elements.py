"""One element at a time: which ones are looked at, how each is measured, and what is said about it."""

from dataclasses import dataclass, field

import numpy as np

from tinycnn.gradient_check.step_sizes import CONCLUSIVE, KINK, NOTHING, OK, STEPS, UNCLEAR, WRONG, sweep_step_sizes

SMALL = 100  # a tensor of at most so many elements is checked element by element in auto mode
SAMPLE = 48  # elements that are looked at in a larger one
SWEEPS = 12  # doubtful elements that get a sweep of step sizes of their own
SMALLER = 8, 11  # indices in STEPS to which elements at a kink go on


@dataclass
class ElementSlope:
    """The slope along one element: its uncertainty, the kinks crossed, and the jump of the slope for both steps."""

    slope: float
    uncertainty: float
    crossings: list
    jumps: tuple


@dataclass
class Elements:
    """What was found for single elements of a tensor. All arrays have one entry for each index."""

    indices: list
    analytic: np.ndarray
    numeric: np.ndarray
    states: np.ndarray  # ok, wrong, kink, unclear or nothing
    scale: float  # the largest gradient in the tensor
    kinks: dict = field(default_factory=dict)  # index -> the kinks that a step from it crossed
    sweeps: dict = field(default_factory=dict)  # index -> Sweep, for the doubtful ones

    @property
    def errors(self):
        """Relative to the larger of the two numbers, or to a thousandth of the tensor's largest gradient."""
        size = np.maximum(np.maximum(abs(self.analytic), abs(self.numeric)), 1e-3 * self.scale)
        return abs(self.analytic - self.numeric) / np.where(size == 0, 1.0, size)

    def count(self, *states):
        return sum(1 for state in self.states if state in states)


def check_elements(differences, name, indices, linear):
    """Compare analytic and numeric gradient at `indices`; doubtful elements get a sweep of step sizes."""
    elements = compare(differences, name, indices, linear)
    distance = np.nan_to_num(abs(elements.analytic - elements.numeric), nan=np.inf)
    doubtful = [i for i in np.argsort(-distance) if elements.states[i] not in (OK, NOTHING)]
    for i in doubtful[:SWEEPS]:
        index = elements.indices[i]
        direction, scale = {name: _unit(differences, name, index)}, elements.scale * differences.scales[name]
        sweep = sweep_step_sizes(differences, direction, str(list(index)), scale)
        elements.sweeps[index] = sweep
        elements.states[i] = sweep.verdict
        if np.isfinite(sweep.estimate):
            elements.numeric[i] = sweep.estimate / differences.scales[name]
        if sweep.verdict != KINK:
            elements.kinks.pop(index, None)
    return elements


def compare(differences, name, indices, linear):
    """Elements judged from two steps each; where these meet a kink, from two smaller ones, and again."""
    shape, gradient = differences.values[name].shape, differences.gradients[name]
    if gradient is None or gradient.shape != shape:
        gradient = np.zeros(shape)
    analytic = np.array([gradient[index] for index in indices], float)
    measured = [_measure(differences, name, index, linear) for index in indices]
    known = np.array([np.max(abs(gradient), initial=0.0), *(abs(m.slope) for m in measured)])
    scale = float(np.max(known[np.isfinite(known)], initial=0.0))
    states = [_state(a, m, scale) for a, m in zip(analytic, measured, strict=True)]
    for first in SMALLER:
        for i in [i for i, state in enumerate(states) if state in (KINK, UNCLEAR)]:
            measured[i] = _measure(differences, name, indices[i], linear, first)
            states[i] = _state(analytic[i], measured[i], scale)
    kinks = {indices[i]: m.crossings for i, m in enumerate(measured) if m.crossings and states[i] == KINK}
    numeric = np.array([m.slope for m in measured], float)
    return Elements(indices, analytic, numeric, np.array(states, object), scale, kinks)


def _state(analytic, m, scale):
    """What two steps tell of one element."""
    # Slopes to both sides that differ by as much for the smaller step: a kink at the very point, or just beside it.
    if m.jumps[1] > 0.6 * m.jumps[0] and m.jumps[1] > CONCLUSIVE * scale + 40 * m.uncertainty:
        return KINK
    if scale == 0:
        return NOTHING
    distance = abs(analytic - m.slope)
    if distance <= 1e-8 * scale + 10 * m.uncertainty and m.uncertainty <= 10 * CONCLUSIVE * scale:
        return OK
    if m.crossings:
        return KINK
    return UNCLEAR if distance <= 1e-8 * scale + 100 * m.uncertainty else WRONG  # NaN is wrong


def choose_indices(shape, rng, everything=False, samples=None):
    """Indices to look at: all of a small tensor; corners, edges and interior of a larger one.

    samples: at most so many, instead of all of SMALL and SAMPLE of more
    """
    if everything or int(np.prod(shape)) <= (samples or SMALL):
        return list(np.ndindex(shape))
    count = samples or SAMPLE
    corners = [[rng.choice([0, n - 1]) for n in shape] for _ in range(count // 4)]
    edges = [[rng.integers(n) for n in shape] for _ in range(count // 4)]
    for row in edges:
        axis = rng.integers(len(shape))
        row[axis] = rng.choice([0, shape[axis] - 1])
    rest = count - 2 * (count // 4)
    interior = [[rng.integers(1, n - 1) if n > 2 else rng.integers(n) for n in shape] for _ in range(rest)]
    return sorted({tuple(int(i) for i in row) for row in corners + edges + interior})


def jacobian_column(differences, name, index, linear):
    """How every output changes with one element: dy/d(element), one array for each output. index: of the element"""
    h = 0.5 if linear else 1e-4
    plus, minus, _ = differences.both_sides({name: _unit(differences, name, index)}, h)
    return [(a - b) / (2 * h * differences.scales[name]) for a, b in zip(plus, minus, strict=True)]


def _measure(differences, name, index, linear, first=4):
    """The slope of phi with respect to one element, from the steps `first` and `first` + 1 of STEPS."""
    direction, scale = {name: _unit(differences, name, index)}, differences.scales[name]
    if linear:
        slope, _, crossed = differences.slope(direction, 0.5)
        return ElementSlope(slope / scale, 2 * differences.noise / scale, crossed, (0.0, 0.0))
    (far, jump_far, crossed), (near, jump_near, crossed_too) = (
        differences.slope(direction, h) for h in STEPS[first : first + 2])
    uncertainty = abs(near - far) / 9 + 2 * differences.noise / STEPS[first + 1]
    jumps = abs(jump_far) / scale, abs(jump_near) / scale
    return ElementSlope((near + (near - far) / 9) / scale, uncertainty / scale, crossed + crossed_too, jumps)


def _unit(differences, name, index):
    direction = np.zeros(differences.values[name].shape)
    direction[index] = 1.0
    return direction
