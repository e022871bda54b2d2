"""Gradient checking: does backward compute what forward says?

    report = tc.gradcheck(Conv2d(3, 8, 3, padding=1), x)
    report.ok          True only if every gradient was really compared, and agreed
    print(report)      a table: each tensor, its worst error, where, and a diagnosis in words
    report.plot()      the error against the step size, and a map of where a gradient is wrong

`gradcheck` takes layers, losses, models, objects that you wrote yourself, and pairs of functions. `quick_check` checks
a whole model during training for the price of a few forward passes; `check_all_layers` checks this library.

A wrong gradient gets the name of its family where the evidence excludes its rivals (`report["w"].family`,
`report.families`); else the worst elements are shown:

    never stored, shape, not summed, not finite      no gradient, or no usable one
    sign, factor, batch mean                         right but for a number
    dy ignored, output ignored                       the chain rule stops
    exchanged, axes, flip, batch order, groups, shift    the right numbers in the wrong places
    border, overlap, mask, label, region, some indices, repeated rows    right in one part, wrong in another
    term missing, extra term, last use               a path, a penalty or a use left out, or counted twice
    clipped, nonlinear                               wrong for a dy of another size
    stale, shared, accumulated, another batch        right in the first call, wrong in another
    float32, imprecise, ties, modified, random, layout, dtype, input_gradient, engine, raises

The files, from the bottom up:

    parts, reachable, private_copy, trees            looking into any object, copying it, taking its inputs apart
    adapters, variables, pairing, search, run, object_under_test  its numbers and their gradients, behind one interface
    kinks, finite_differences, step_sizes, linearity, elements  measuring one slope, and how well it is known
    rule, call_rules, number_rules, invariants       the rules beside the numbers
    permutations, wrong_gradient, rearrangements, terms, uses, error_map, error_positions, error_patterns
                                                     from a wrong gradient to the name of the mistake
    layer_by_layer, report, plot, check, catalog     which layer it is; what people see; gradcheck itself
"""

from tinycnn.gradient_check.catalog import check_all_layers
from tinycnn.gradient_check.check import gradcheck, quick_check
from tinycnn.gradient_check.report import Report, TensorReport

__all__ = ["Report", "TensorReport", "check_all_layers", "gradcheck", "quick_check"]
