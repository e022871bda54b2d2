"""Rules that a good backward keeps and that no difference quotient sees.

A gradient can have the right numbers and still ruin a training run: because backward writes into its input, uses what
the forward before last remembered, adds to the gradient of the last step, clips what is large, or works for one size
of batch. Each rule is one short experiment on private copies: call_rules.py has those about calls and memory,
number_rules.py those about dy, dtypes and ties.
"""

from tinycnn.gradient_check import call_rules, number_rules
from tinycnn.gradient_check.deadline import TooLong
from tinycnn.gradient_check.rule import BROKEN, NOTE, SKIPPED, Check
from tinycnn.layers import Layer
from tinycnn.progress import bar

RULES = {
    "repeatable": call_rules.same_result, "inputs kept": call_rules.nothing_modified,
    "linear in dy": number_rules.linear_in_dy, "fresh memory": call_rules.fresh_memory,
    "own memory": call_rules.own_memory, "any batch": call_rules.any_batch, "any layout": number_rules.any_layout,
    "dtype": number_rules.dtype_kept, "float32": number_rules.float32_agrees,
    "without dx": number_rules.without_input_gradient, "engine": number_rules.engine_agrees, "ties": number_rules.ties,
}
EXACT_RULES = ("linear in dy", "any layout", "dtype", "float32", "ties")  # of no use where forward has seven digits


def check_invariants(under_test, dys, rng, wrong, coarse=False, shown=False):
    """All rules that apply. wrong: {name: family} of the tensors whose gradients are known to be wrong already.

    shown: with a bar that says how far it is
    """
    if any(v.size == 0 for v in under_test.values.values()):
        return []  # an empty batch proves nothing
    checks: list[Check] = []
    spoiled: tuple[str, ...] = ()
    for name, rule in bar(RULES.items(), len(RULES), "gradcheck, rules", shown, "rule"):
        if coarse and name in EXACT_RULES or name in spoiled:
            continue
        try:
            found = rule(under_test, dys, rng, wrong)
        except TooLong as error:
            found = Check(name, SKIPPED, f"forward or backward {error} under this rule")
        except Exception as error:  # whatever the object raises in an ordinary situation is a finding
            found = Check(name, BROKEN, f"raised {type(error).__name__}: {error}", "raises")
        if found is not None:
            # A learner's code may compute in one precision only; the library's own layers may not.
            if name == "dtype" and found.verdict == BROKEN and not isinstance(under_test.template, Layer):
                found.verdict = NOTE
            checks.append(found)
            if found.family == "random":
                break  # what the other rules would find is chance
            if found.verdict == BROKEN and (name == "fresh memory" or under_test.moved):
                spoiled = ("fresh memory", "own memory", "any batch", "float32", "ties")  # by the same mistake
    return checks
