"""What the gradient checker adds to the verdict on an exercise with a backward.

The checker compares to nearly all digits of float64, and calls the rounding of float32 a wrong gradient. An answer in
float32 is as right as it can be, so a difference of that size is rounding here: it is said, and no mistake is named
for it.
"""

from tinycnn.gradient_check import gradcheck
from tinycnn.gradient_check.rule import BROKEN
from tinycnn.gradient_check.step_sizes import OK, WRONG

ROUNDING = 1e-5  # relative to the tensor's largest number; float32 has 7 digits, and a few sums spoil the last


def diagnosed(exercise, function):
    """Sentences about a backward that is wrong in an unknown way; none about one that is right but for rounding."""
    report = _gradcheck(exercise, function)
    return [] if report is None else [
        f"The gradient checker says of d{tensor.name}: {tensor.family or 'wrong'}: {tensor.words}"
        for tensor in report.tensors if tensor.words and not _rounded(tensor)]


def confirmed(exercise, function):
    """Sentences about a right answer. A backward that gives the right numbers passes the gradient check too."""
    report = _gradcheck(exercise, function)
    if report is None:
        return []
    fits = all(tensor.verdict == OK or _rounded(tensor) for tensor in report.tensors)
    if not report.tensors or not fits or report.unseen or any(rule.verdict == BROKEN for rule in report.checks):
        return ["All hidden inputs pass. The gradient checker remarks:", *str(report).splitlines()]
    worst, tensors = max(t.worst[0] for t in report.tensors), ", ".join(f"d{t.name}" for t in report.tensors)
    fit, digits = "fits" if len(report.tensors) == 1 else "fit", "" if report.ok else ", as near as float32 comes"
    return [f"The gradient checker agrees: {tensors} {fit} the forward, worst relative error {worst:.0e}{digits}."]


def ask_the_library(forward, backward, x):
    """Is backward(dy, x) wrong? For lesson 11, in the place of lesson 05's checker where a learner has kept none."""
    return not gradcheck((forward, backward), x, invariants=False).ok


def _rounded(tensor):
    """Is a gradient called wrong for the rounding of float32 alone?"""
    return tensor.verdict == WRONG and tensor.problem is None and tensor.worst[0] <= ROUNDING


def _gradcheck(exercise, function):
    """A Report, or None where there is no backward or where the learner's code raises for the checker's inputs."""
    try:
        return None if exercise.gradient is None else exercise.gradient(function)
    except Exception:
        return None
