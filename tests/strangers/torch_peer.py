"""The same cases for torch.autograd.gradcheck, each wrapped as a torch.autograd.Function.

PyTorch's checker is told by ours which numbers are parameters, since it has no way to find them.
"""

import collections
import time

import numpy as np
import torch

from tinycnn.gradient_check import gradcheck
from tinycnn.gradient_check.object_under_test import under_test

LARGEST = 3000  # numbers in all tensors together: PyTorch's checker looks at each one by itself


def compare(cases):
    """Print, for each kind, what both checkers catch and accuse, and how long they take."""
    torch.set_num_threads(1)
    rows = collections.defaultdict(collections.Counter)
    for case in cases:
        row = rows[case.kind if case.kind in KINDS else "families"]
        for wrong in (False, True) if case.kind != "right" else (False,):
            start = time.perf_counter()
            ours = _ours(case, wrong)
            middle = time.perf_counter()
            theirs = _theirs(case, wrong)
            end = time.perf_counter()
            if theirs is None:
                row["too large"] += 1
                continue
            row["cases"] += wrong
            row["correct"] += not wrong
            row["ours"] += wrong and not ours
            row["theirs"] += wrong and not theirs
            row["accused by ours"] += not wrong and ours is False
            row["accused by theirs"] += not wrong and not theirs
            row["our seconds"] += middle - start
            row["their seconds"] += end - middle
    total = sum(rows.values(), collections.Counter())
    print(f"{'':<14} {'caught':>17} {'correct code accused':>22} {'seconds':>18}")
    print(f"{'':<14} {'tinycnn':>8} {'PyTorch':>8} {'tinycnn':>12} {'PyTorch':>9} {'tinycnn':>9} {'PyTorch':>8}")
    for kind, row in [*rows.items(), ("all", total)]:
        of, right = row["cases"], row["correct"]
        accused = f"{row['accused by ours']:>8}/{right:<3} {row['accused by theirs']:>5}/{right:<3}"
        print(f"{kind:<14} {row['ours']:>4}/{of:<3} {row['theirs']:>4}/{of:<3} {accused} "
              f"{row['our seconds']:>9.1f} {row['their seconds']:>8.1f}")
    print(f"left out, since of more than {LARGEST} numbers: {total['too large']}")
    return 0


KINDS = ("unseen", "size of dy", "another call", "float32", "one in many", "right")


def _ours(case, wrong):
    """True for ok, False for wrong, None for neither."""
    try:
        report = gradcheck(case.make(wrong), *case.inputs())
    except Exception:
        return False
    return True if report.ok else False if wrong or report.verdict == "wrong" else None


def _theirs(case, wrong):
    """True where PyTorch's checker agrees; None for what is too large for it."""
    try:
        with np.errstate(all="ignore"), under_test(case.make(wrong), case.inputs(), np.random.default_rng(0)) as thing:
            names = list(thing.roles)
            if sum(thing.values[name].size for name in names) > LARGEST:
                return None
            tensors = [torch.tensor(thing.values[name], requires_grad=True) for name in names]
            return torch.autograd.gradcheck(_wrapped(thing, names), tensors, raise_exception=False)
    except Exception:
        return False


def _wrapped(thing, names):
    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            run = thing.run()
            changes = {name: t.detach().numpy() for name, t in zip(names, tensors, strict=True)}
            run.set(changes)
            ctx.run = run
            return tuple(torch.from_numpy(np.asarray(y, np.float64)) for y in run.forward(changes))

        @staticmethod
        def backward(ctx, *dys):
            grads = ctx.run.backward([dy.numpy() for dy in dys])
            return tuple(None if g is None else torch.from_numpy(np.asarray(g, np.float64))
                         for g in (grads[name] for name in names))

    return Wrapped.apply
