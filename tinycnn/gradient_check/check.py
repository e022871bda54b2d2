"""gradcheck and quick_check: every gradient compared with what forward itself says.

For each tensor, input or parameter, four measurements are made:

    its gradient      is there, has the tensor's shape, is finite
    the adjoint test  if y is linear in the tensor: <dy, A u> = <A' dy, u>, exact, with no step size at all
    its elements      one by one: all of a small tensor, corners, edges and interior of a large one
    the step sizes    all elements at once along a random direction, over seventeen step sizes

The upstream gradient dy is random and never ones: a sum of ones hides a flipped kernel, a reversed batch, swapped axes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinycnn.backend import Array, to_numpy
from tinycnn.engine import switched_off
from tinycnn.gradient_check.adapters import ModelWithLoss
from tinycnn.gradient_check.elements import SAMPLE, check_elements, choose_indices
from tinycnn.gradient_check.error_map import measure_all
from tinycnn.gradient_check.error_patterns import diagnose
from tinycnn.gradient_check.finite_differences import FiniteDifferences, equals_together
from tinycnn.gradient_check.invariants import check_invariants
from tinycnn.gradient_check.layer_by_layer import check_layer_by_layer
from tinycnn.gradient_check.linearity import adjoint_error, linearity
from tinycnn.gradient_check.object_under_test import under_test
from tinycnn.gradient_check.report import Report, TensorReport
from tinycnn.gradient_check.run import random_signed
from tinycnn.gradient_check.step_sizes import KINK, NOTHING, OK, STEPS, UNCLEAR, WRONG, Sweep, sweep_step_sizes
from tinycnn.layers import Layer
from tinycnn.progress import bar

GROUPS = 40  # sweeps along groups of numbers of a tensor that is full of kinks
CALLS_OF_RULES, CALLS_OF_SWEEP, PATIENCE = 300, 45, 5  # forwards, as a guess of the time; seconds without a bar
LARGE_MODEL = 100_000  # numbers in all tensors together, beyond which single elements cost too much


@switched_off()  # the formulas are checked; invariants.py compares the engine with them
def gradcheck(obj: Any, *inputs: Any, seed: int = 0, mode: str = "auto", dy: Any = None,
              only: Sequence[str] | None = None, constants: Sequence[str] = (), invariants: bool = True,
              title: str | None = None, samples: int | None = None) -> Report:
    """Check the backward of `obj` against its forward; returns a Report.

    obj: a layer, a loss, a model; any object with forward(*inputs) and backward(dy); a pair of functions (forward,
        backward), in any of the forms that tinycnn.gradient_check.adapters lists; or one function
        loss(*inputs) -> (loss, gradients)
    inputs: what forward takes. Floating-point arrays, those inside tuples and dictionaries included, are
        differentiated; integers only if backward returns a gradient for them, the truth given to a loss not at all.
        Arrays may lie on any device.
    seed: of dy, of directions and of the numbers that replace zeros among the parameters
    mode: "auto" (a direction, and all elements of a small tensor or a sample of a large one), "directional" (a few
        directions only), "elementwise" (every element)
    dy: an upstream gradient of your own, a tuple for several outputs; default random
    only: names of the tensors to check; default all    invariants: also check the rules beyond the numbers
    constants: names of numbers on which y depends and which are not learned, such as a mean to subtract
    title: the report's heading
    samples: in mode "auto" look at no more than so many elements of a tensor one by one, where forward is slow; the
        report says so. The rules ask for as many forwards as before: invariants=False leaves them out

    Every number that y depends on is found, wherever the object keeps it (tinycnn.gradient_check.variables says how,
    and how its gradient is looked for). One whose gradient is not found leaves the report incomplete: neither ok nor
    wrong.
    All arithmetic is float64, on a private copy: `obj` and `inputs` come back exactly as they were, whatever happens.
    Where it takes more than a few seconds, a terminal and a notebook show how far it is.
    Errors that forward or backward raise for the inputs as they are reach the caller.
    """
    if mode not in ("auto", "directional", "elementwise"):
        raise ValueError(f'mode must be "auto", "directional" or "elementwise", got {mode!r}')
    if samples is not None and not (isinstance(samples, int | np.integer) and samples > 0):
        raise ValueError(f"samples must be a whole number of 1 or more, got {samples!r}")
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"), under_test(obj, inputs, rng, title, constants) as thing:
        # NaN and overflow are findings here, not warnings.
        for name, value in thing.values.items():
            if not np.isfinite(value).all():
                raise ValueError(f"{name} holds NaN or infinity: no slope can be measured there. Give finite numbers")
        dys, notes = _upstream(thing, dy, rng)
        names = _chosen(thing, only)
        differences = FiniteDifferences(thing, dys)
        seconds = _seconds(differences, names, samples)
        shown = bar(names, len(names), f"gradcheck, about {seconds:.0f} s", seconds > PATIENCE, "tensor")
        tensors = [check_tensor(differences, name, mode, rng, samples) for name in shown]
        coarse = differences.is_coarse(rng) or any(differences.is_quantized(name, rng) for name in names)
        if coarse:
            notes.append("forward computes in float32 although all it was given is float64: slopes cannot be measured")
            for tensor in tensors:
                tensor.verdict = UNCLEAR
        _explain(differences, tensors, rng)
        known = {tensor.name: tensor.family for tensor in tensors if tensor.verdict == WRONG}
        thing.unsettled = [tensor.name for tensor in tensors if tensor.verdict not in (OK, WRONG)]
        checks = check_invariants(thing, dys, rng, known, coarse, seconds > PATIENCE) if invariants else []
        notes += [sentence] if known and (sentence := check_layer_by_layer(thing, dys, gradcheck)) else []
        notes += thing.notes
        if samples is not None and mode == "auto":
            notes.append(f"samples={samples}: of each tensor no more elements than that were looked at one by one")
        if thing.constants:
            notes.append(f"not differentiated: {', '.join(thing.constants)}")
        unseen = dict(thing.unseen) if only is None else {}
        return Report(thing.title, seed, mode, tensors, checks, notes, unseen)


@switched_off()
def quick_check(model: Layer, loss: Layer, x: Array, targets: Any, seed: int = 0) -> Report:
    """Check all parameters of a model in the middle of training with a few forward passes; returns a Report.

    model, loss: as in a training step, value = loss.forward(model.forward(x), targets); neither is changed
    x, targets: a few examples, on the model's device

    One random direction moves all parameters at once, so a mistake in any of them shows. Only if it does are the
    tensors looked at one by one.
    """
    rng = np.random.default_rng(seed)
    notes: list[str] = []
    with np.errstate(all="ignore"), under_test(ModelWithLoss(model, loss), (x, targets), rng, look=False) as thing:
        names = thing.parameters
        differences = FiniteDifferences(thing, [np.ones(())])
        directions = {name: random_signed(rng, differences.values[name].shape) for name in names}
        sweep = _first_sweep(differences, directions, "all parameters at once", large=True)
        size = sum(differences.values[name].size for name in names)
        tensors = [TensorReport("all parameters", "parameter", (size,), sweep.verdict, sweeps=[sweep])]
        if sweep.verdict != OK or any(_problem(differences, name) for name in names):
            tensors = [check_tensor(differences, name, "directional", rng) for name in names]
            _explain(differences, tensors, rng)
            if any(tensor.verdict == WRONG for tensor in tensors):
                sentence = check_layer_by_layer(thing, differences.dys, gradcheck)
                notes += [sentence] if sentence else []
    dead = [tensor.name for tensor in tensors if tensor.verdict == NOTHING]
    if dead and len(dead) < len(tensors):  # a dead layer is no wrong gradient, and no reason to stop a training run
        tensors = [tensor for tensor in tensors if tensor.verdict != NOTHING]
        notes.append(f"not checked, since the loss does not depend on them here: {', '.join(dead)}")
    return Report(thing.title, seed, "quick", tensors, [], notes)


def _seconds(differences, names, samples):
    """About how long it will take, by the time of one forward."""
    elements = [min(differences.values[name].size, samples or SAMPLE) for name in names]
    return differences.under_test.seconds * (CALLS_OF_RULES + sum(4 * n + CALLS_OF_SWEEP for n in elements))


def check_tensor(differences, name, mode, rng, samples=None):
    """Make all measurements of one tensor; returns a TensorReport."""
    value = differences.values[name]
    large = sum(v.size for v in differences.values.values()) > LARGE_MODEL
    report = TensorReport(name, differences.under_test.roles[name], value.shape, problem=_problem(differences, name))
    u = {name: random_signed(rng, value.shape)}
    if report.problem is None and differences.cancels(name, u):
        report.verdict, report.words = OK, "0 but for rounding, as is the change of y with it"
        return report
    report.linear, responses, bent = linearity(differences, name, u, {name: random_signed(rng, value.shape)})
    if report.linear:
        report.adjoint = max(adjoint_error(differences, along, response, bent) for along, response in responses)
    if mode == "elementwise" or (mode == "auto" and not large):
        indices = choose_indices(value.shape, rng, mode == "elementwise", samples)
        report.elements = check_elements(differences, name, indices, report.linear)
    report.sweeps.append(_first_sweep(differences, u, "all elements at once", large))
    if mode == "directional" and not large:
        another = {name: random_signed(rng, value.shape)}
        report.sweeps.append(sweep_step_sizes(differences, another, "all elements at once"))
    if all(sweep.verdict in (KINK, UNCLEAR) for sweep in report.sweeps):
        report.sweeps += _around_kinks(differences, name, report, rng)
    report.verdict = _verdict(report)
    single = getattr(differences.gradients[name], "dtype", None) == np.float32
    if report.verdict == WRONG and single and not report.problem and report.worst[0] < 1e-5:
        report.verdict, report.words = OK, "as right as float32 is, in which its gradient is kept"
    return report


def _explain(differences, tensors, rng):
    for tensor in tensors:
        if tensor.verdict == WRONG:
            if tensor.elements is not None:
                measure_all(differences, tensor, rng)
            tensor.family, tensor.words = diagnose(differences, tensor, rng)


def _verdict(report):
    verdicts = [sweep.verdict for sweep in report.sweeps]
    states = list(report.elements.states) if report.elements else []
    influence = NOTHING not in verdicts or WRONG in verdicts + states
    if report.adjoint is not None and report.adjoint > 1e-11 or WRONG in verdicts or WRONG in states:
        return WRONG
    if report.problem and influence:
        return WRONG
    if UNCLEAR in states:
        return UNCLEAR
    if OK in verdicts and not report.problem:
        return OK
    return next((verdict for verdict in (UNCLEAR, KINK) if verdict in verdicts), NOTHING)


def _first_sweep(differences, directions, where, large):
    """All step sizes; of a large model a few small ones, since larger steps cross kinks, and the rest only in doubt."""
    sweep = sweep_step_sizes(differences, directions, where, steps=STEPS[8:12] if large else STEPS)
    return sweep_step_sizes(differences, directions, where, steps=STEPS[4:]) if large and sweep.verdict != OK else sweep


def _around_kinks(differences, name, report, rng):
    """Sweeps in directions without kinks: what is not 0, equal numbers together, what was found smooth one by one.

    At last groups of numbers, halved where one of them is at a kink, until all others have been looked at.
    """
    value = differences.values[name]
    flat = np.arange(value.size)
    tries = {"all elements that are not 0": _along(flat[value.ravel() != 0], value.shape, rng),
             "equal numbers moved together": equals_together(value, rng)}
    if report.elements is not None:
        found = zip(report.elements.indices, report.elements.states, strict=True)
        smooth = [np.ravel_multi_index(index, value.shape) for index, state in found if state == OK]
        tries[f"{len(smooth)} elements at once"] = _along(smooth, value.shape, rng)
    for where, direction in tries.items():
        if direction.any() and not (direction.all() and "not 0" in where):
            sweep = sweep_step_sizes(differences, {name: direction}, where)
            if sweep.verdict not in (KINK, UNCLEAR):
                if "not 0" in where or sweep.verdict == WRONG:
                    return [sweep]
                return [sweep, *_groups(differences, name, rng)]
    return _groups(differences, name, rng)


def _groups(differences, name, rng):
    """Sweeps along random groups of numbers; one with a kink is halved, as long as there are sweeps left."""
    value = differences.values[name]
    queue = np.array_split(rng.permutation(value.size), min(8, value.size))
    sweeps: list[Sweep] = []
    for group in queue:  # it grows on the way
        if len(sweeps) >= GROUPS:
            break
        direction = {name: _along(group, value.shape, rng)}
        sweep = sweep_step_sizes(differences, direction, f"{len(group)} elements at once", steps=STEPS[4:])
        sweeps.append(sweep)
        if sweep.verdict == WRONG:
            break
        if sweep.verdict in (KINK, UNCLEAR) and len(group) > 1:
            queue.extend(np.array_split(group, 2))
    return [sweep for sweep in sweeps if sweep.verdict not in (KINK, UNCLEAR, NOTHING)]


def _along(flat, shape, rng):
    """A random direction that moves only the elements with these flat indices."""
    direction = np.zeros(int(np.prod(shape)))
    direction[flat] = random_signed(rng, len(flat))
    return direction.reshape(shape)


def _problem(differences, name):
    """What is wrong with a gradient before its numbers are looked at; None when nothing is."""
    g, value = differences.gradients[name], differences.values[name]
    if g is None:
        return "missing"
    if g.shape != value.shape:
        return f"shape {g.shape}"
    return None if np.isfinite(g).all() else "not finite"


def _upstream(under_test, dy, rng):
    """The upstream gradients, one for each output, and what is to be said about them."""
    shapes = under_test.output_shapes
    if under_test.is_loss:
        return [np.ones(())], []
    if dy is None:
        return [random_signed(rng, shape) for shape in shapes], []
    dys = [to_numpy(d).astype(np.float64) for d in (dy if isinstance(dy, tuple | list) else (dy,))]
    if [d.shape for d in dys] != shapes:
        raise ValueError(f"dy must have the shape of y, {shapes}, got {[d.shape for d in dys]}")
    if any(d.size > 1 and (d == d.flat[0]).all() for d in dys):
        return dys, ["dy is one number everywhere: flipped, swapped or reordered gradients can pass. Use a random dy"]
    return dys, []


def _chosen(under_test, only):
    names = list(under_test.roles)
    if only is None:
        return names
    wanted = [only] if isinstance(only, str) else list(only)
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise ValueError(f"nothing here is called {', '.join(unknown)}; there are: {', '.join(names)}")
    return wanted
