"""Rules about numbers: any dy, any layout in memory, float32, a network's engine, equal numbers."""

import numpy as np

from tinycnn.backend import array_module
from tinycnn.engine import switched_on
from tinycnn.gradient_check.finite_differences import FiniteDifferences, equals_together, typical_size
from tinycnn.gradient_check.rule import BROKEN, EXACT, NOTE, SINGLE, SKIPPED, Check, apart, same_branches
from tinycnn.gradient_check.run import random_signed
from tinycnn.gradient_check.step_sizes import plain_error
from tinycnn.layers import Layer, Sequential

SIZES = (1e8, 1e4, 1e2, 1e-2, 1e-4, 1e-8)  # of dy, relative to the usual one: losses are sums, or means over a lot
NOT_LINEAR = {"dy ignored", "extra term", "clipped", "not finite", "never stored", "shape", "not summed", "axes"}
GROSS = 1e-2  # a float32 gradient that is off by more is of no use in training


def linear_in_dy(under_test, dys, rng, wrong):
    """backward(a * d1 + b * d2) = a * backward(d1) + b * backward(d2), whatever the layer: it is a matrix product."""
    if under_test.is_loss:
        return None
    known = {name for name, family in wrong.items() if family in NOT_LINEAR}  # not named twice
    rough = {name for name, family in wrong.items() if family == "float32"}  # seven digits; but these have to be linear
    others = [random_signed(rng, dy.shape) for dy in dys]
    one, two = under_test.gradients(dys), under_test.gradients(others)
    mixed = under_test.gradients([0.7 * d - 1.3 * e for d, e in zip(dys, others, strict=True)])
    expected = _combined({n: g for n, g in one.items() if n not in known | rough}, two, 0.7, -1.3)
    found = apart(expected, mixed, EXACT)
    if found and not apart(one, two, 0.0):
        return Check("linear in dy", BROKEN, "the gradients do not depend on dy at all", "dy ignored")
    for size in SIZES:
        scaled = under_test.gradients([size * dy for dy in dys])
        wanted = {name: None if g is None else size * g for name, g in one.items() if name not in known}
        exact = {n: g for n, g in wanted.items() if n not in rough}
        if name := apart(exact, scaled, EXACT) or apart(wanted, scaled, SINGLE):
            return Check("linear in dy", BROKEN, *_clipped(name, wanted[name], scaled[name], size))
    if found:
        return Check("linear in dy", BROKEN, f"the gradient of {found} for a sum of two dy is not the sum of its "
                     "gradients: does backward look at the sign or at the size of dy?", "nonlinear")
    for words, kept in _parts_of(dys, rng):
        part = under_test.gradients([np.where(keep, dy, 0.0) for keep, dy in zip(kept, dys, strict=True)])
        rest = under_test.gradients([np.where(keep, 0.0, dy) for keep, dy in zip(kept, dys, strict=True)])
        if name := next((n for n, g in part.items() if n not in known and g is not None and not np.isfinite(g).all()
                         and np.isfinite(one[n]).all()), None):
            return Check("linear in dy", BROKEN, f"the gradient of {name} is NaN or infinite where dy is 0: is "
                         "something divided by dy, or its logarithm taken?", "not finite")
        together = _combined({n: g for n, g in part.items() if n not in known | rough}, rest, 1.0, 1.0)
        if name := apart(together, one, EXACT):
            return Check("linear in dy", BROKEN, f"with {words} the gradient of {name} is not what dy's parts give "
                         "together: does backward ask whether dy is 0?", "nonlinear")
    run = under_test.run()
    for each in (dys, [np.zeros(dy.shape) for dy in dys]):
        run.forward()
        last = run.backward(each)
    if name := next((n for n, g in last.items() if n not in known and g is not None and g.any()), None):
        return Check("linear in dy", BROKEN, f"for a dy of zeros the gradient of {name} is not 0 but what an earlier "
                     "backward left", "stale")
    for words, special in (("ones", [np.ones(dy.shape) for dy in dys]), ("one-hot rows", [_one_hot(dy) for dy in dys])):
        alone = under_test.gradients(special)
        both = under_test.gradients([a + b for a, b in zip(special, others, strict=True)])
        together = _combined({n: g for n, g in alone.items() if n not in known | rough}, two, 1.0, 1.0)
        if name := apart(together, both, EXACT):
            return Check("linear in dy", BROKEN, f"for a dy of {words} the gradient of {name} is computed in another "
                         "way than for others", "nonlinear")
    return Check("linear in dy")


def _one_hot(dy):
    found = np.zeros(dy.shape)
    if dy.size:
        found.reshape(-1, dy.shape[-1] if dy.ndim else 1)[:, 0] = 1.0
    return found


def _combined(a, b, p, q):
    return {name: None if g is None or b[name] is None or g.shape != b[name].shape else p * g + q * b[name]
            for name, g in a.items()}


def _parts_of(dys, rng):
    """Which numbers of dy are kept: none, every other one, a single one."""
    yield "a dy of zeros", [np.zeros(dy.shape, bool) for dy in dys]
    yield "half of dy 0", [rng.random(dy.shape) < 0.5 for dy in dys]
    one = [np.zeros(dy.shape, bool) for dy in dys]
    for keep in one:
        if keep.size:
            keep.flat[rng.integers(keep.size)] = True
    yield "a dy of one number", one


def _clipped(name, wanted, got, size):
    """(words, family) of a gradient that is not `size` times as large for a dy `size` times as large."""
    times = f"for a dy {size:g} times as large, the gradient of {name} is not {size:g} times as large"
    if got is None or got.shape != wanted.shape:
        return f"{times}: it is missing, or has another shape", "nonlinear"
    if not np.isfinite(got).all():
        return f"{times}: it is NaN or infinite. Does a number pass through float16, or is a power taken?", "not finite"
    if np.allclose(got * size, wanted, rtol=1e-9) and got.any():
        return f"the gradient of {name} is the same for a dy of any size: is only its sign used?", "nonlinear"
    w, g = abs(wanted), abs(got)
    largest = g.max(initial=0.0)
    at_limit = np.isclose(g, largest, rtol=1e-9) & (w > largest)
    below = np.isclose(got, wanted, rtol=1e-6)
    if size > 1 and largest and at_limit.any() and (at_limit | below).all() and (at_limit.sum() > 1 or w.size < 4):
        return f"{times}: it is clipped at {largest:.6g}. Clipping is the optimizer's business", "clipped"
    ratio = float(np.sum(got * wanted) / np.sum(wanted * wanted)) if w.any() else 0.0
    if size > 1 and 0 < ratio < 1 and np.allclose(got, ratio * wanted, rtol=1e-6, atol=1e-9 * w.max(initial=0)):
        return (f"{times}, all of it {ratio:.4g} of that: it is clipped by its norm ({np.linalg.norm(got):.6g}). "
                "Clipping is the optimizer's business"), "clipped"
    if size < 1 and not got[~below].any():
        return f"{times}: small numbers become 0. Is there a threshold, or are digits rounded away?", "nonlinear"
    return f"{times}: is it clipped, normalized or rounded, or is a constant added?", "nonlinear"


def any_layout(under_test, dys, rng, wrong):
    """Arrays that do not lie in memory in one piece give the same result."""
    plain, run = under_test.run(), under_test.run()
    for layout in (_every_other, _reversed_axes):
        y, other = plain.forward(), run.forward(layout=layout)
        if not same_branches(plain, run):
            return Check("any layout", SKIPPED, "sums in another order end on the other side of a kink")
        found = apart(dict(enumerate(y)), dict(enumerate(other)), EXACT, _floor_of_y(under_test, y, 1e-7))
        found = f"y ({found})" if found else apart(plain.backward(dys), run.backward(dys, layout=layout), EXACT,
                                                   1e-7 * _floor(under_test, dys))
        if found:
            words = f"inputs or dy that are not contiguous in memory (a slice, a transpose) change {found}"
            return Check("any layout", BROKEN, words, "layout")
    return Check("any layout")


def dtype_kept(under_test, dys, rng, wrong):
    """float64 in, float64 out; float32 in, float32 out: outputs and gradients."""
    for dtype in (np.float64, np.float32):
        run = under_test.run(dtype)
        run.forward()
        found = {f"output {i}": leaf for i, leaf in enumerate(run.raw_outputs)}
        found |= {f"the gradient of {name}": g for name, g in run.backward(dys, host=False).items() if g is not None}
        for name, a in found.items():
            kind = getattr(a, "dtype", np.dtype(float))
            if kind != dtype and (hasattr(a, "dtype") or not isinstance(a, float)):
                return Check("dtype", BROKEN, f"given {np.dtype(dtype)} alone, {name} is {kind}: an array made "
                             "without a dtype, or a NumPy number among the settings?", "dtype")
    return Check("dtype")


def float32_agrees(under_test, dys, rng, wrong):
    """The float32 forward and backward, used for training, give the float64 ones but for rounding."""
    ours, worst = isinstance(under_test.template, Layer), None
    for step in (0.0, 1e-3, 1e-3):  # a kink may lie between two roundings of one number, but not at three points
        changes = {name: (v * (1 + step * rng.uniform(-1, 1, v.shape))).astype(np.float32).astype(np.float64)
                   for name, v in under_test.values.items()}
        double, single = under_test.run(), under_test.run(np.float32)
        double.set(changes)
        single.set(changes)
        y, rough = double.forward(changes), single.forward(changes)
        if not same_branches(double, single):
            return Check("float32", SKIPPED, "a kink lies between the float32 and the float64 numbers")
        g, rough_g = double.backward(dys), single.backward(dys)
        floor = 1e-3 * _floor(under_test, dys)
        pairs = [(f"y[{i}]" if len(y) > 1 else "y", a, b) for i, (a, b) in enumerate(zip(rough, y, strict=True))]
        known = [n for n in g if rough_g[n] is not None and g[n] is not None]
        pairs += [(f"the gradient of {n}", rough_g[n], g[n]) for n in known if not _is_rounding(n, known, g, rough_g)]
        lost = next((n for n, a, b in pairs if not np.isfinite(a).all() and np.isfinite(b).all()), None)
        if lost:
            return Check("float32", BROKEN, f"in float32 {lost} is NaN or infinite, in float64 it is not: a power or "
                         "an exponential is too large for it. Subtract the maximum first?", "float32")
        a, b = ({n: pair[side] for n, *pair in pairs if not n.startswith("y")} for side in (0, 1))
        ya, yb = ({n: pair[side] for n, *pair in pairs if n.startswith("y")} for side in (0, 1))
        rough_y = apart(ya, yb, GROSS, _floor_of_y(under_test, y, 1e-4))
        if not (found := rough_y or apart(a, b, SINGLE, floor)):
            return Check("float32")
        worst = rough_y or apart(a, b, GROSS, floor)
    if not ours and not worst:
        return Check("float32", NOTE, f"in float32 {found} has fewer than four right digits", "float32")
    return Check("float32", BROKEN, f"in float32 {found} is another one: two large numbers that nearly cancel, a "
                 "number too small for float32, or float16 on the way", "float32")


def _is_rounding(name, known, g, rough_g):
    """Is a gradient 0 but for rounding, and in float32 too? That of a bias before a BatchNorm is: a sum of numbers as
    large as other gradients, which cancel.
    """
    largest = max(np.linalg.norm(g[n]) for n in known)
    return np.linalg.norm(g[name]) <= 1e-10 * largest and np.linalg.norm(rough_g[name]) <= 1e-4 * largest


def _floor(under_test, dys):
    """The size of gradient that is never called small: a dy of its size, moved by a number of the inputs' size."""
    sizes = [typical_size(v) for name, v in under_test.values.items() if under_test.roles.get(name) == "input"]
    return max((float(abs(dy).max()) for dy in dys if dy.size), default=1.0) / max(1.0, *sizes, 1.0)


def _floor_of_y(under_test, y, digits):
    """Sums of numbers as large as the inputs may cancel in y."""
    sizes = [abs(v).max() for name, v in under_test.values.items() if v.size and under_test.roles[name] == "input"]
    return digits * max([0.0, *sizes]) if all(np.isfinite(part).all() for part in y) else 0.0


def without_input_gradient(under_test, dys, rng, wrong):
    """backward(dy, input_gradient=False) saves dx and nothing else."""
    if not getattr(under_test.template, "skips_input_gradient", False) or not under_test.parameters:
        return None
    full, lean = under_test.run(), under_test.run()
    full.forward()
    lean.forward()
    a, b = full.backward(dys), lean.backward(dys, input_gradient=False)
    held = under_test.template.parameters()
    learning = [n for n in under_test.parameters if not getattr(held.get(n), "frozen", False)]  # of others it saves all
    found = apart({n: a[n] for n in learning}, {n: b[n] for n in learning}, 0.0)
    if found:
        words = f"input_gradient=False changes the gradient of {found}, and should only save dx"
        return Check("without dx", BROKEN, words, "input_gradient")
    return Check("without dx")


def engine_agrees(under_test, dys, rng, wrong):
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
            found = apart(dict(enumerate(y)), dict(enumerate(fast.forward(changes))), EXACT)
            found = f"y ({found})" if found else apart(gradients, fast.backward(dys), EXACT)
        if not found:  # a kink may lie between two sums of another order, but not twice
            return Check("engine")
    return Check("engine", BROKEN, f"run on one image after the other, as a network may, {found} is another one. Does "
                 "a layer with per_image = True look at other images, or keep something of its own?", "engine")


def ties(under_test, dys, rng, wrong):
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
        distinct = coarse + 1e-3 * step * rng.permutation(value.size).reshape(value.shape) / value.size
        wrong_there = []
        for numbers in (coarse, distinct):
            try:
                differences = FiniteDifferences(under_test, dys, {name: numbers})
            except Exception as error:  # loud, and nothing was computed wrong
                return Check("ties", NOTE, f"numbers that are equal in {name} raised {type(error).__name__}: {error}")
            direction = {name: equals_together(numbers, rng)}
            wrong_there.append(plain_error(differences, direction, "equal numbers moved together"))
            if not wrong_there[0]:
                break
        else:
            if wrong_there[1]:
                return Check("ties", BROKEN, f"right for the {name} given, wrong for other numbers of the same size: "
                             "is a part of its range treated otherwise?", "region")
            return Check("ties", BROKEN, f"right for distinct numbers in {name}, wrong where some are equal: is the "
                         "gradient of a maximum given to every one of the equals?", "ties")
    return Check("ties")


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
