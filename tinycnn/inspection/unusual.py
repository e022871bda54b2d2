"""What is unusual in a training step, in words.

The thresholds are rules of thumb, and wide: a healthy run passes them from its first step to its last. They are
constants of this file, so that a reader may disagree with one.
"""

import math

from tinycnn.inspection.taps import short
from tinycnn.text import figure_of, percent

DEAD = 0.5  # share of a layer's units that never fire for any image of the batch
FAST, SLOW = 0.05, 1e-6  # update:weight of one step; about 1e-3 is usual
FAST_HEAD = 1.0  # the same for the heads, which start almost at 0: against that, any step is large
FADED, GROWN = 1e-3, 1e3  # typical size of the gradients at a layer, relative to where they enter the trunk
FLAT, LOUD = 1e-3, 1e3  # standard deviation of a layer's output


def unusual(layers, parameters):
    """Sentences about what is unusual, the most serious first; layers and parameters as in Trace."""
    broken = [*_not_finite(layers, parameters)]
    if broken:
        return broken  # every number behind the first NaN is one as well: other findings would follow from this
    return [*_dead(layers), *_without_gradient(parameters), *_updates(parameters), *_gradients(layers),
            *_outputs(layers)]


def _not_finite(layers, parameters):
    for a in layers:
        if not math.isfinite(a.output.norm):
            yield f"{short(a.name)}: its output holds NaN or infinity, and so does everything behind it. " \
                  "Was the learning rate too high in an earlier step?"
            return
    for a in reversed(layers):
        if a.gradient is not None and not math.isfinite(a.gradient.norm):
            yield f"{short(a.name)}: the gradient that arrives here holds NaN or infinity, although no output does"
            return
    for p in parameters:
        if p.gradient_norm is not None and not math.isfinite(p.gradient_norm):
            yield f"{short(p.name)}: its gradient holds NaN or infinity"


def _without_gradient(parameters):
    for value, words in ((None, "backward wrote no gradient, so it never learns"),
                         (0, "the gradient is exactly 0 everywhere, so nothing is learned from this batch")):
        names = [short(p.name) for p in parameters if p.gradient_norm == value]
        if names:
            yield f"{', '.join(names)}: {words}"


def _dead(layers):
    for before, a in zip((None, *layers), layers, strict=False):
        if a.dead >= DEAD * a.units:
            # A ReLU is silent because of the layer that feeds it: that is the name people look for.
            feeder = _feeder(layers, a) if before is not None else a
            yield f"{short(feeder.name)}: {percent(a.dead / a.units)} of its {a.units} units are never active " \
                  f"({short(a.name)} gives 0 at every position of every image); no gradient comes back through them"


def _feeder(layers, silent):
    """The layer with weights whose output becomes that of `silent`."""
    for a in reversed(layers[: layers.index(silent)]):
        if a.output.shape[-1] != silent.units:
            break
        if a.kind.startswith(("Conv2d", "Linear")):
            return a
    return silent


def _updates(parameters):
    # Biases start at 0, so at first any step is large against them.
    weights = [p for p in parameters if p.ratio is not None and len(p.shape) > 1]
    fast = [p for p in weights if p.ratio > (FAST if p.name.startswith("trunk") else FAST_HEAD)]
    slow = [p for p in weights if 0 < p.ratio < SLOW]
    for group, verdict in ((fast, "rate too high"), (slow, "rate too low, or hardly any gradient")):
        if group:
            low, high = (figure_of(pick(p.ratio for p in group), 1) for pick in (min, max))
            ratio = low if low == high else f"{low} to {high}"
            yield f"updates {ratio} of weights in one step (usual: about 0.001) in " \
                  f"{', '.join(short(p.name) for p in group)}: {verdict}"


def _gradients(layers):
    """The size of gradients on their way down the trunk, against the first layer that they reach."""
    trunk = [a for a in layers if a.name.startswith("trunk") and a.gradient is not None and a.gradient.norm > 0]
    if len(trunk) < 2:
        return
    top = trunk[-1]
    # The norm, not the mean: a large map spreads the same gradient over more numbers.
    for a in reversed(trunk[:-1]):
        ratio = a.gradient.norm / top.gradient.norm
        if not FADED <= ratio <= GROWN:
            what = "fades" if ratio < 1 else "explodes"
            yield f"{short(a.name)}: the gradient {what} on its way down: its norm is {figure_of(ratio, 1)} times " \
                  f"that at {short(top.name)}"
            return


def _outputs(layers):
    for a in layers:
        if a.output.std > LOUD:
            yield f"{short(a.name)}: outputs are very large (standard deviation {figure_of(a.output.std)}): " \
                  "is the input normalized, and are the weights started in proportion to their number?"
            return
        if a.name.startswith("trunk") and 0 < a.output.std < FLAT:
            yield f"{short(a.name)}: outputs hardly differ (standard deviation {figure_of(a.output.std)}): " \
                  "the weights before it are too small for anything to come through"
            return
