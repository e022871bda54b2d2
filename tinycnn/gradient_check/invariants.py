"""Rules that a good backward keeps and that no difference quotient sees.

A gradient can have the right numbers and still ruin a training run: because backward writes into its input, uses what
the forward before last remembered, adds to the gradient of the last step, or works only on arrays that lie in memory
in one piece. Each rule here is one short experiment on private copies.
"""

from dataclasses import dataclass

import numpy as np

from tinycnn.backend import array_module, to_numpy
from tinycnn.engine import switched_on
from tinycnn.gradient_check.finite_differences import FiniteDifferences, equals_together, typical_size
from tinycnn.gradient_check.kinks import branches, kinked_layers
from tinycnn.gradient_check.object_under_test import random_signed
from tinycnn.gradient_check.parameter_finder import is_array
from tinycnn.gradient_check.step_sizes import WRONG, sweep_step_sizes
from tinycnn.layers import Layer, Sequential

HOLDS, BROKEN, NOTE, SKIPPED = "holds", "broken", "note", "skipped"
EXACT, SINGLE = 1e-9, 1e-3  # agreement expected of float64 and of float32 gradients, relative to the largest number


@dataclass
class Check:
    """One rule: its name, whether it holds, what was seen if not, and the family of the mistake."""

    name: str
    verdict: str = HOLDS
    words: str = ""
    family: str | None = None


def check_invariants(under_test, dys, rng, wrong):
    """All rules that apply. wrong: {name: family} of the tensors whose gradients are known to be wrong already."""
    checks = []
    for name, rule in RULES.items():
        try:
            found = rule(under_test, dys, rng, wrong)
        except Exception as error:  # whatever the object raises in an ordinary situation is a finding
            found = Check(name, BROKEN, f"raised {type(error).__name__}: {error}", "raises")
        if found is not None:
            # A learner's code may compute in one precision only; the library's own layers may not.
            if name in ("dtype", "float32") and found.verdict == BROKEN and not isinstance(under_test.template, Layer):
                found.verdict = NOTE
            checks.append(found)
            if found.family == "random":
                break  # what the other rules would find is chance
    return checks


def _same_result(under_test, dys, rng, wrong):
    """Two runs give the same bits; the generator of a dropout mask is put back in between."""
    a, b = under_test.run(), under_test.run()
    ya, yb, y_again = a.forward(), b.forward(), b.forward()
    if any(not np.array_equal(p, q) for other in (yb, y_again) for p, q in zip(ya, other, strict=True)):
        return Check("repeatable", BROKEN, "two forwards of the same input differ. A random mask? Keep its "
                     "numpy.random.Generator in an attribute (self.rng), so that it can be put back. A running "
                     "average that forward both uses and moves? Check layer.eval()", "random")
    found = _apart(a.backward(dys), b.backward(dys), 0.0)
    return Check("repeatable", BROKEN, f"two runs give different gradients of {found}", "random") if found else \
        Check("repeatable")


def _nothing_modified(under_test, dys, rng, wrong):
    """forward and backward leave x, dy, y and the parameters as they are."""
    run = under_test.run()
    parameters = {name: to_numpy(parameter.array).copy() for name, parameter in run.parameters.items()}
    y = [part.copy() for part in run.forward()]
    for step in ("forward", "backward"):
        if step == "backward":
            run.backward(dys)
        for name, leaf in under_test.leaves():
            if is_array(leaf):
                before = under_test.values[name] if name in under_test.values else to_numpy(leaf)
                if not np.array_equal(to_numpy(run.arrays[name]), before, equal_nan=before.dtype.kind == "f"):
                    return Check("inputs kept", BROKEN, f"{step} writes into its input {name}", "modified")
        for name, before in parameters.items():
            if not np.array_equal(to_numpy(run.parameters[name].array), before):
                words = f"{step} changes the parameter {name}; only an optimizer may"
                return Check("inputs kept", BROKEN, words, "modified")
    if any(not np.array_equal(to_numpy(there), dy) for there, dy in zip(run.dys, dys, strict=True) if is_array(there)):
        return Check("inputs kept", BROKEN, "backward writes into dy, which others may still need", "modified")
    if any(not np.array_equal(to_numpy(there), part) for there, part in zip(run.raw_outputs, y, strict=True)
           if is_array(there)):
        return Check("inputs kept", BROKEN, "backward writes into y, which is the next layer's input", "modified")
    return Check("inputs kept")


def _linear_in_dy(under_test, dys, rng, wrong):
    """backward(a * d1 + b * d2) = a * backward(d1) + b * backward(d2), whatever the layer: it is a matrix product."""
    if under_test.is_loss:
        return None
    others = [random_signed(rng, dy.shape) for dy in dys]
    one, two = under_test.gradients(dys), under_test.gradients(others)
    mixed = under_test.gradients([0.7 * d - 1.3 * e for d, e in zip(dys, others, strict=True)])
    expected = {name: None if one[name] is None or two[name] is None else 0.7 * one[name] - 1.3 * two[name]
                for name in mixed if wrong.get(name) is None}  # a mistake that has a name is not named twice
    found = _apart(expected, mixed, EXACT)
    if not found:
        return Check("linear in dy")
    if not _apart(one, two, 0.0):
        return Check("linear in dy", BROKEN, "the gradients do not depend on dy at all", "dy ignored")
    return Check("linear in dy", BROKEN, f"twice the dy does not give twice the gradient of {found}: is it clipped, "
                 "normalized, or is a constant added?", "nonlinear")


def _fresh_memory(under_test, dys, rng, wrong):
    """backward belongs to the forward just before it: not to an earlier one, and nothing is added up."""
    others = [dy if under_test.is_loss else random_signed(rng, dy.shape) for dy in dys]
    changed = {name: v + 0.3 * typical_size(v) * random_signed(rng, v.shape) for name, v in under_test.values.items()}
    want, first = under_test.gradients(others, changed), under_test.gradients(dys)
    for backward_between in (True, False):
        run = under_test.run()
        run.forward()
        if backward_between:
            run.backward(dys)
        run.set(changed)
        run.forward(changed)
        got = run.backward(others)
        found = _apart(got, want, EXACT)
        if not found:
            continue
        total = {name: None if want[name] is None or first[name] is None else want[name] + first[name] for name in want}
        if backward_between and all(_apart({n: got[n]}, {n: want[n]}, EXACT) is None or
                                    _apart({n: got[n]}, {n: total[n]}, EXACT) is None for n in got):
            return Check("fresh memory", BROKEN, f"the second backward adds to the first one's gradient of {found}; "
                         "a gradient is written (=), not accumulated (+=)", "accumulated")
        return Check("fresh memory", BROKEN, f"after a second forward, the gradient of {found} is not the second "
                     "one's: something from the first forward, or from the start, is still in use", "stale")
    return Check("fresh memory")


def _any_layout(under_test, dys, rng, wrong):
    """Arrays that do not lie in memory in one piece give the same result."""
    plain, run = under_test.run(), under_test.run()
    for layout in (_every_other, _reversed_axes):
        y, other = plain.forward(), run.forward(layout=layout)
        if not _same_branches(plain, run):
            return Check("any layout", SKIPPED, "sums in another order end on the other side of a kink")
        found = _apart(dict(enumerate(y)), dict(enumerate(other)), EXACT)
        found = f"y ({found})" if found else _apart(plain.backward(dys), run.backward(dys, layout=layout), EXACT)
        if found:
            words = f"inputs or dy that are not contiguous in memory (a slice, a transpose) change {found}"
            return Check("any layout", BROKEN, words, "layout")
    return Check("any layout")


def _dtype_kept(under_test, dys, rng, wrong):
    """float64 in, float64 out; float32 in, float32 out: outputs and gradients."""
    for dtype in (np.float64, np.float32):
        run = under_test.run(dtype)
        run.forward()
        found = {f"output {i}": leaf for i, leaf in enumerate(run.raw_outputs)}
        found |= {f"the gradient of {name}": g for name, g in run.backward(dys, host=False).items() if g is not None}
        for name, a in found.items():
            kind = getattr(a, "dtype", np.dtype(float))
            if kind != dtype:
                return Check("dtype", BROKEN, f"{name} is {kind} where everything else is {np.dtype(dtype)}", "dtype")
    return Check("dtype")


def _float32_agrees(under_test, dys, rng, wrong):
    """The float32 backward, used for training, gives the float64 gradients but for rounding."""
    double, single = under_test.run(), under_test.run(np.float32)
    double.forward()
    single.forward()
    if not _same_branches(double, single):
        return Check("float32", SKIPPED, "a kink lies between the float32 and the float64 numbers")
    found = _apart(single.backward(dys), double.backward(dys), SINGLE)
    if found:
        return Check("float32", BROKEN, f"in float32 the gradient of {found} is another one", "float32")
    return Check("float32")


def _without_input_gradient(under_test, dys, rng, wrong):
    """backward(dy, input_gradient=False) saves dx and nothing else."""
    if not getattr(under_test.template, "skips_input_gradient", False) or not under_test.parameters:
        return None
    full, lean = under_test.run(), under_test.run()
    full.forward()
    lean.forward()
    a, b = full.backward(dys), lean.backward(dys, input_gradient=False)
    found = _apart({n: a[n] for n in under_test.parameters}, {n: b[n] for n in under_test.parameters}, 0.0)
    if found:
        words = f"input_gradient=False changes the gradient of {found}, and should only save dx"
        return Check("without dx", BROKEN, words, "input_gradient")
    return Check("without dx")


def _engine_agrees(under_test, dys, rng, wrong):
    """A network, whose layers the engine runs a few images at a time, gives what the layers' own formulas give."""
    if not isinstance(under_test.template, Layer) or under_test.is_loss:
        return None
    for changes in ({}, {name: v * (1 + 1e-3 * random_signed(rng, v.shape)) for name, v in under_test.values.items()}):
        plain, fast = under_test.run(), under_test.run()
        if len(under_test.inputs) == len(under_test.output_shapes) == 1:
            fast.obj = Sequential(fast.obj)  # a layer alone is run by the engine in a chain of one
        plain.set(changes)
        fast.set(changes)
        y, gradients = plain.forward(changes), plain.backward(dys)
        with switched_on(most_images=1):
            found = _apart(dict(enumerate(y)), dict(enumerate(fast.forward(changes))), EXACT)
            found = f"y ({found})" if found else _apart(gradients, fast.backward(dys), EXACT)
        if not found:  # a kink may lie between two sums of another order, but not twice
            return Check("engine")
    return Check("engine", BROKEN, f"run on one image after the other, as a network may, {found} is another one. Does "
                 "a layer with per_image = True look at other images, or keep something of its own?", "engine")


def _ties(under_test, dys, rng, wrong):
    """Equal numbers share one gradient among them: moved together, they move y as one.

    At an exact tie no single element has a slope. But along a direction that moves equal numbers equally, the winner
    changes as all of them do, so every lawful choice of winner agrees with the numeric slope.
    """
    for name, role in under_test.roles.items():
        value = under_test.values[name]
        if role != "input" or name in wrong or value.ndim < 2 or not value.size:
            continue
        step = typical_size(value)
        coarse = (np.floor(value / step) + 0.5) * step  # a few different numbers, none of them 0
        direction = {name: equals_together(coarse, rng)}
        differences = FiniteDifferences(under_test, dys, {name: coarse})
        if sweep_step_sizes(differences, direction, "equal numbers moved together").verdict == WRONG:
            return Check("ties", BROKEN, f"right for distinct numbers in {name}, wrong where some are equal: is the "
                         "gradient of a maximum given to every one of the equals?", "ties")
    return Check("ties")


RULES = {
    "repeatable": _same_result, "inputs kept": _nothing_modified, "linear in dy": _linear_in_dy,
    "fresh memory": _fresh_memory, "any layout": _any_layout, "dtype": _dtype_kept, "float32": _float32_agrees,
    "without dx": _without_input_gradient, "engine": _engine_agrees, "ties": _ties,
}


def _same_branches(*runs):
    before, after = (branches(kinked_layers(run.obj)) for run in runs)
    return all(np.array_equal(a, after.get(name)) for name, a in before.items())


def _every_other(a):
    """The same numbers in every other place of an array twice as large."""
    if not a.ndim:
        return a
    xp = array_module(a)
    wide = xp.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    wide[..., ::2] = a
    return wide[..., ::2]


def _reversed_axes(a):
    """The same numbers, the first axis fastest in memory."""
    if a.ndim < 2:
        return a
    return array_module(a).ascontiguousarray(a.T).T


def _apart(a, b, tolerance):
    """The first name whose arrays differ by more than `tolerance`, relative to the largest number; else None.

    An array whose numbers are all far below those of the others is compared with these: it may be rounding alone.
    """
    everything = [abs(p).max() for d in (a, b) for p in d.values() if p is not None and p.size]
    floor = {EXACT: 1e-5, SINGLE: 1e-2}.get(tolerance, 0.0) * float(max(everything, default=0.0))
    for name, p in a.items():
        q = b[name]
        if p is None or q is None:
            if (p is None) != (q is None):
                return name
            continue
        if p.shape != q.shape:
            return name
        p, q = p.astype(np.float64), q.astype(np.float64)
        size = max(float(abs(p).max()), float(abs(q).max()), floor) if p.size else 0.0
        if p.size and not np.array_equal(p, q, equal_nan=True) and not float(abs(p - q).max()) <= tolerance * size:
            return name
    return None
