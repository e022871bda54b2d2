"""Rules about calls: twice the same, after another one, beside another object, with another batch."""

import itertools

import numpy as np

from tinycnn.backend import to_numpy
from tinycnn.gradient_check.finite_differences import FiniteDifferences, typical_size
from tinycnn.gradient_check.parts import is_array
from tinycnn.gradient_check.rule import BROKEN, EXACT, NOTE, SKIPPED, Check, apart, same_branches
from tinycnn.gradient_check.run import random_signed
from tinycnn.gradient_check.step_sizes import STEPS, plain_error
from tinycnn.gradient_check.trees import is_numbers, rebuild, same_bits, to_host

IMPRECISE = 1e-4  # an error below is one of digits, and no mistaken size, weight or row


def same_result(under_test, dys, rng, wrong):
    """Two runs give the same bits; the generator of a dropout mask is put back in between."""
    a, b = under_test.run(), under_test.run()
    ya, yb, y_again = a.forward(), b.forward(), b.forward()
    if not same_bits(ya, yb):
        return Check("repeatable", BROKEN, "two forwards of the same input differ. A random mask? Keep its "
                     "numpy.random.Generator in an attribute (self.rng), so that it can be put back", "random")
    if not same_bits(ya, y_again):
        return Check("repeatable", BROKEN, "the second forward of the same input gives another result than the first: "
                     "forward changes something that it uses. A running average that it both uses and moves? Check "
                     "layer.eval(). A random mask? Keep its numpy.random.Generator in an attribute "
                     "(self.rng)", "random")
    found = apart(a.backward(dys), b.backward(dys), 0.0)
    if found:
        return Check("repeatable", BROKEN, f"two fresh copies give different gradients of {found} for the same "
                     "numbers: is something kept outside of self, in a default argument, a class or a "
                     "module?", "shared")
    return Check("repeatable")


def nothing_modified(under_test, dys, rng, wrong):
    """forward and backward leave x, dy, y and the parameters as they are."""
    if under_test.moved:
        return Check("inputs kept", BROKEN, f"backward changes {', '.join(under_test.moved)}, which forward uses: "
                     "the step of the optimizer belongs outside of backward, or its gradient cannot be "
                     "compared", "modified")
    run = under_test.run()
    parameters = {name: run.read(name).copy() for name in run.variables}
    y = run.forward()
    for step in ("forward", "backward"):
        if step == "backward":
            run.backward(dys)
            given = [np.asarray(dy, to_host(there).dtype) for dy, there in zip(dys, run.dys, strict=True)]
        for name, leaf in under_test.leaves():
            if is_array(leaf) or is_numbers(leaf):
                before = under_test.values[name] if name in under_test.values else to_host(leaf)
                if not np.array_equal(to_host(run.arrays[name]), before, equal_nan=before.dtype.kind == "f"):
                    return Check("inputs kept", BROKEN, f"{step} writes into its input {name}", "modified")
        for name, before in parameters.items():
            if not np.array_equal(run.read(name), before):
                words = f"{step} changes the parameter {name}; only an optimizer may"
                return Check("inputs kept", BROKEN, words, "modified")
    pairs = [(to_numpy(there), dy) for there, dy in zip(run.dys, given, strict=True) if is_array(there)]
    if any(not np.array_equal(there, dy) for there, dy in pairs):
        return Check("inputs kept", BROKEN, "backward writes into dy, which others may still need", "modified")
    if any(not np.array_equal(to_numpy(there), part, equal_nan=True)
           for there, part in zip(run.raw_outputs, y, strict=True) if is_array(there)):
        return Check("inputs kept", BROKEN, "backward writes into y, which is the next layer's input", "modified")
    return Check("inputs kept")


def _another_point(under_test, dys, rng):
    """Other values for everything, and another dy: what a second step of a training would see."""
    others = [dy if under_test.is_loss else random_signed(rng, dy.shape) for dy in dys]
    return others, {name: v + 0.3 * typical_size(v) * random_signed(rng, v.shape)
                    for name, v in under_test.values.items()}


def fresh_memory(under_test, dys, rng, wrong):
    """backward belongs to the forward just before it: not to an earlier one, and nothing is added up."""
    others, changed = _another_point(under_test, dys, rng)
    differences = FiniteDifferences(under_test, others, changed)
    want, first = differences.gradients, under_test.gradients(dys)
    for backward_between in (True, False):
        run = under_test.run()
        run.forward()
        if backward_between:
            run.backward(dys)
        run.set(changed)
        run.forward(changed)
        got = run.backward(others)
        found = apart(got, want, EXACT)
        if not found:
            continue
        total = {name: None if want[name] is None or first[name] is None else want[name] + first[name] for name in want}
        if backward_between and all(apart({n: got[n]}, {n: want[n]}, EXACT) is None or
                                    apart({n: got[n]}, {n: total[n]}, EXACT) is None for n in got):
            return Check("fresh memory", BROKEN, f"the second backward adds to the first one's gradient of {found}; "
                         "a gradient is written (=), not accumulated (+=)", "accumulated")
        return Check("fresh memory", BROKEN, f"after a second forward, the gradient of {found} is not the second "
                     "one's: something from the first forward, or from the start, is still in use", "stale")
    learned = {name: random_signed(rng, v.shape) for name, v in changed.items()
               if name not in wrong and name not in under_test.unsettled}
    if learned and not under_test.simple and not _in_float32(differences) and (
            off := plain_error(differences, learned, "all at once", STEPS[3:13])):
        if off < IMPRECISE:
            return _imprecise("fresh memory", "other numbers", off)
        words = "right for the numbers given, wrong for others: "
        under_test.outside.restore()  # what a class or a module remembers: without it the same gradient is right
        remembers = not plain_error(FiniteDifferences(under_test, others, changed), learned, "all at once", STEPS[3:13])
        if remembers:
            return Check("fresh memory", BROKEN, f"{words}a class, a module or a function keeps something of the first "
                         "ones, which backward goes on with", "stale")
        if not under_test.variables:
            return Check("fresh memory", BROKEN, f"{words}is a part of their range treated otherwise?", "region")
        return Check("fresh memory", BROKEN, f"{words}after a step of an optimizer backward goes on with old weights, "
                     "or a part of their range is treated otherwise", "stale")
    return Check("fresh memory")


def own_memory(under_test, dys, rng, wrong):
    """Two instances, called in turns, do not disturb each other: a cache belongs to the instance, not to the class."""
    others, changed = _another_point(under_test, dys, rng)
    want = under_test.gradients(dys)
    one, two = under_test.run(), under_test.run()
    one.forward()
    two.forward(changed)
    found = apart(one.backward(dys), want, EXACT)
    if not found:
        two.backward(others)
        one.forward()
        two.forward(changed)
        two.backward(others)
        found = apart(one.backward(dys), want, EXACT)
    if found:
        return Check("own memory", BROKEN, f"the gradient of {found} changes when a second instance runs between "
                     "forward and backward: they share a memory. Is it kept in the class, in a default argument or in "
                     "a module, and not in self?", "shared")
    return Check("own memory")


def any_batch(under_test, dys, rng, wrong):
    """Fewer images, one alone, another order: right as well, on a fresh object and on one that had another batch."""
    found = dict(under_test.leaves())
    first = next((name for name, role in under_test.roles.items() if role == "input"), None)
    if first is None or not np.ndim(found[first]):
        return None
    n = len(found[first])
    others = [name for name, leaf in found.items() if name != first and (is_array(leaf) or is_numbers(leaf))
              and np.ndim(leaf) and len(leaf) == n]
    follows = any(shape[:1] == (n,) for shape in under_test.output_shapes)
    if np.ndim(found[first]) == 1 and not follows and not others:
        return None  # one vector of features
    tried = 0
    widths = {size for leaf in found.values() for size in np.shape(leaf)[1:]} | {
        size for shape in under_test.output_shapes for size in shape[1:]}
    as_many = [list(range(width)) for width in sorted(widths) if 1 < width < n - 1][:2]  # as features: axes mixed up?
    # Which inputs have a batch axis is not known where some have the batch's length by chance, unless y shows it.
    ways = [{first, *batched} for count in range(len(others), -1, -1)
            for batched in itertools.combinations(others[:4], count)]
    turned = [*range(1, n), 0]
    known = [way for way in ways if n > 1 and _follows(under_test, found, way, turned, n)][:1]
    for rows in (list(range(n - 1)), *as_many, turned, [n - 1]):
        if not rows or rows == list(range(n)):
            continue
        problems = []
        for way in [*known, *ways]:
            other = _another_batch(under_test, found, way, rows, n)
            if other is not None:
                problems.append(_one_batch(under_test, other, dys, rng, wrong, len(rows), n))
            if None in problems or problems and known and way is known[0]:
                break
        tried += bool(problems)
        if problems and None not in problems:
            return problems[0]
    return Check("any batch") if tried else Check("any batch", SKIPPED, f"forward takes a batch of {n} only")


def _follows(under_test, found, batched, rows, n):
    """Does y come in the order of these inputs' rows? A number that belongs to no image has to stay the same."""
    other = _another_batch(under_test, found, batched, rows, n)
    if other is None:
        return False
    before, after = under_test.run().forward(), other.run().forward()
    wanted = {i: y[rows] if y.ndim and len(y) == n else y for i, y in enumerate(before)}
    return apart(wanted, dict(enumerate(after)), EXACT) is None


def _another_batch(under_test, found, batched, rows, n):
    """The same object at these rows of the inputs; None where forward does not take them so."""
    taken = {name: _rows(leaf, rows) if name in batched else leaf for name, leaf in found.items()}
    try:
        other = under_test.with_inputs([rebuild(tree, name, taken) for name, tree in zip(
            under_test.input_names, under_test.inputs, strict=True)])
    except Exception:  # it takes this one size only, and says so
        return None
    pairs = zip(under_test.output_shapes, other.output_shapes, strict=True)
    return other if all((len(rows), *a[1:]) == b if a and a[0] == n else a == b for a, b in pairs) else None


def _one_batch(under_test, other, dys, rng, wrong, m, n):
    size = f"a batch of {m}" + (f" instead of {n}" if m != n else " in another order")
    other_dys = dys if under_test.is_loss else [random_signed(rng, shape) for shape in other.output_shapes]
    try:
        differences = FiniteDifferences(other, other_dys)
    except Exception as error:
        return Check("any batch", BROKEN, f"for {size} backward raised {type(error).__name__}: {error}", "raises")
    for name, g in differences.gradients.items():
        shape = differences.values[name].shape
        if name not in wrong and g is not None and g.shape != shape:
            words = f"for {size} the gradient of {name} has the shape {g.shape} instead of {shape}"
            return Check("any batch", BROKEN, words, "shape")
        if name not in wrong and g is not None and not np.isfinite(g).all() and all(
                np.isfinite(y).all() for y in differences.y):
            return Check("any batch", BROKEN, f"for {size} the gradient of {name} is NaN or infinite", "not finite")
    names = [name for name in other.roles if name not in wrong and name not in under_test.unsettled]
    if names and not other.simple and not _in_float32(differences):
        directions = {name: random_signed(rng, differences.values[name].shape) for name in names}
        if off := plain_error(differences, directions, size, STEPS[3:13]):
            if off < IMPRECISE:
                return _imprecise("any batch", size, off)
            return Check("any batch", BROKEN, f"right for the batch given, wrong for {size}: is a number used that was "
                         "made for another size, or something undefined for so few?", "another batch")
    want, full = differences.gradients, under_test.gradients(dys)
    for first, then, d1, d2, expected in ((under_test, other, dys, other_dys, want),
                                          (other, under_test, other_dys, dys, full)):
        run = first.run()
        run.forward()
        run.backward(d1)
        run.under_test = then
        try:
            run.forward()
        except Exception as error:  # loud, and nothing was computed wrong
            return Check("any batch", NOTE, f"{size} after the other raised {type(error).__name__} in forward: {error}")
        try:
            got = run.backward(d2)
        except Exception as error:
            words = f"{size} after the other raised {type(error).__name__}: {error}"
            return Check("any batch", BROKEN, f"{words}. Is something kept that belongs to the first batch?", "stale")
        found = apart(got, expected, EXACT)
        if found and same_branches(run, then.run()):
            return Check("any batch", BROKEN, f"in a second call, with {size}, the gradient of {found} is another one "
                         "than in a first call: something of the first batch, its size perhaps, is still in "
                         "use", "stale")
    return None


def _imprecise(rule, where, error):
    return Check(rule, BROKEN, f"right for the numbers given, for {where} only to {-np.log10(error):.0f} digits: an "
                 "iteration that stops early, or a difference quotient in place of a derivative?", "imprecise")


def _in_float32(differences):
    """Does the object keep gradients in float32, whatever it is given? Then slopes are known better than they are."""
    return any(g is not None and g.dtype == np.float32 for g in differences.gradients.values())


def _rows(leaf, rows):
    return [leaf[i] for i in rows] if isinstance(leaf, list) else leaf[rows]


