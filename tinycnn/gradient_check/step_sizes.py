"""Sweeping the step size: the same slope measured with h from a tenth down to a billionth of a tensor's scale.

The error |analytic - numeric| against h tells what is the matter, and no threshold could (Chainer and others use one):

    right         falls as h ** 2 with the step, then rises as 1 / h when rounding takes over
    wrong         flat: no step makes the two agree
    kink          a step: right below the distance of the kink, wrong above it
    rounding      1 / h from the start: forward computes with too few digits to be checked

The verdict follows from the numeric side alone. Neighboring steps give an extrapolated slope (Richardson 1911) and
its uncertainty; an analytic value outside of that uncertainty is wrong, and a slope whose steps do not agree proves
nothing.
"""

from dataclasses import dataclass, field

import numpy as np

STEPS = 10.0 ** -np.arange(1, 9.1, 0.5)
OK, WRONG, KINK, UNCLEAR, NOTHING = "ok", "wrong", "kink", "unclear", "nothing"
CONCLUSIVE = 1e-6  # a slope known worse than this, relative to its size, proves nothing
EXACT = 1e-10  # agreement that float64 reaches in any well-behaved computation


@dataclass
class Sweep:
    """One slope, measured with every step size. Arrays have one entry for each step h."""

    where: str  # "all directions at once", or the index of one element
    analytic: float
    scale: float  # typical size of such a slope, to which errors are relative
    h: np.ndarray
    slopes: np.ndarray
    jumps: np.ndarray  # difference of the two one-sided slopes: falls with h on a smooth function, not at a kink
    noise: float  # rounding of phi; divided by h it is the rounding of a slope
    crossings: list = field(default_factory=list)  # for each step, the kinks crossed
    estimate: float = np.nan
    uncertainty: float = np.inf
    left_out: bool = True  # are steps that cross kinks left out of the estimate?
    verdict: str = UNCLEAR

    @property
    def errors(self):
        """|analytic - numeric| for each step, relative to the scale."""
        return abs(self.analytic - self.slopes) / self.size

    @property
    def size(self):
        return max(abs(self.analytic), abs(self.estimate) if np.isfinite(self.estimate) else 0.0, self.scale) or 1.0

    @property
    def error(self):
        """Relative error at the best estimate; NaN when there is none."""
        return abs(self.analytic - self.estimate) / self.size


def plain_error(differences, directions, where, steps=STEPS):
    """How far the slope along the directions is off, if by more than a millionth, relative to it; else 0.

    Where rules ask, digits do not matter.
    """
    sweep = sweep_step_sizes(differences, directions, where, steps=steps)
    return sweep.error if sweep.verdict == WRONG and not sweep.error <= CONCLUSIVE else 0.0


def sweep_step_sizes(differences, directions, where, scale=0.0, steps=STEPS):
    """The Sweep along `directions`, judged. scale: typical size of such a slope, when it is known."""
    analytic, typical = differences.analytic(directions)
    measured = [differences.slope(directions, h) for h in steps]
    slopes, jumps = (np.array([m[i] for m in measured]) for i in range(2))
    # The smallest steps are all rounding; how far they scatter shows what the rounding inside forward amounts to. One
    # jump among them is none: there the steps became too small to leave a tie.
    gaps = abs(np.diff(slopes[-4:])) * steps[1:][-3:]
    noise = max(differences.noise, float(np.median(gaps[np.isfinite(gaps)])) if np.isfinite(gaps).any() else 0.0)
    sweep = Sweep(where, analytic, max(scale, typical), steps, slopes, jumps, noise, [m[2] for m in measured])
    clean = [i for i, crossed in enumerate(sweep.crossings) if not crossed]
    sweep.estimate, sweep.uncertainty = _extrapolate(sweep, clean)
    if not sweep.uncertainty <= CONCLUSIVE * sweep.size and len(clean) < len(steps):
        # Not every change of sides is a kink: among equal numbers that move together, any may win. The slopes decide.
        estimate, uncertainty = _extrapolate(sweep, range(len(steps)))
        if uncertainty < sweep.uncertainty:
            sweep.estimate, sweep.uncertainty, sweep.left_out = estimate, uncertainty, False
    sweep.verdict = _judge(sweep)
    return sweep


def _extrapolate(sweep, indices):
    """The slope as h goes to 0, and how well it is known: (estimate, uncertainty), or (nan, inf)."""
    usable = [i for i in indices if np.isfinite(sweep.slopes[i])]
    d, noise = sweep.slopes, sweep.noise / sweep.h
    first = {}  # index of a step -> slope from it and the next step, without the error in h ** 2
    candidates = []  # (uncertainty, index of the step, estimate)
    for i in usable:
        if i + 1 in usable:
            first[i] = d[i + 1] + (d[i + 1] - d[i]) / 9  # steps differ by the square root of 10
            candidates.append((abs(d[i + 1] - d[i]) / 9 + 2 * noise[i + 1], i + 1, first[i]))
    for i in first:
        if i + 1 in first:  # and without the error in h ** 4
            better, gap = first[i + 1] + (first[i + 1] - first[i]) / 99, abs(first[i + 1] - first[i])
            # Where the slope itself has a kink, as that of a squared hinge, the error falls with h and not with h ** 2:
            # taking off an error in h ** 2 then leaves as much as it takes, and nothing is known better than before.
            left = gap / 99 if gap < 0.3 * abs(d[i + 2] - d[i + 1]) else gap
            candidates.append((left + 3 * noise[i + 2], i + 2, better))
    for uncertainty, last, estimate in sorted(candidates):
        # Two large steps may agree by accident, or on the far side of a kink: all smaller steps must say the same.
        smaller = [j for j in usable if j > last and j - 1 in usable]
        if all(abs(d[j] - estimate) <= 10 * (noise[j] + uncertainty) + abs(d[j] - d[j - 1]) for j in smaller):
            return estimate, uncertainty
    return np.nan, np.inf


def _judge(sweep):
    if not np.isfinite(sweep.estimate):
        return KINK if any(sweep.crossings) else UNCLEAR
    distance, tolerance = abs(sweep.analytic - sweep.estimate), 10 * sweep.uncertainty + EXACT * sweep.size
    # At a kink the central difference is a mean of two slopes; to agree with it proves no more than to differ. Several
    # kinks partly cancel in the sum, so a jump much smaller than the distance may still explain it.
    if _has_jump(sweep, at_least=max(CONCLUSIVE * sweep.size, 1e-3 * distance)):
        return KINK
    # On a smooth function the slopes to both sides meet at some step; a jump that no step is without explains a lot.
    if distance > max(tolerance, 1e-3 * sweep.size) and np.nanmin(abs(sweep.jumps)) > 0.01 * distance:
        return KINK
    if not sweep.left_out and sweep.uncertainty > CONCLUSIVE * sweep.size:
        return KINK
    if distance > tolerance:
        return WRONG
    if sweep.analytic == sweep.scale == 0:
        return NOTHING
    return OK if sweep.uncertainty <= CONCLUSIVE * sweep.size else UNCLEAR


def _has_jump(sweep, at_least):
    """Do the slopes to both sides differ by `at_least` however small h is? On a smooth function they become equal."""
    jumps = abs(sweep.jumps)
    seen = [i for i in range(2, len(jumps)) if sweep.noise / sweep.h[i] < 0.02 * at_least and np.isfinite(jumps[i])]
    # Between a step and the next but one, h changes by a factor of ten; so does the jump where there is no kink.
    return bool(seen) and jumps[seen[-1]] >= at_least and jumps[seen[-1] - 2] < 3 * jumps[seen[-1]]
