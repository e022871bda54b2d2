"""Print the table: every mutant, what caught it, what it was taken for; then the false alarms of correct code.

    python -m tests.mutants                  all mutants, and 200 seeds of every layer
    python -m tests.mutants --seeds 5        fewer seeds
"""

import argparse
import os
import sys
import time

os.environ.setdefault("TINYCNN_THREADS", "1")  # the arrays are tiny: threads would only wait for each other

from tinycnn.gradient_check.catalog import cases  # noqa: E402
from tinycnn.gradient_check.check import gradcheck  # noqa: E402

from .registry import MUTANTS, caught_by  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200, help="seeds with which correct code is checked")
    parser.add_argument("--words", action="store_true", help="print the diagnoses in full")
    arguments = parser.parse_args()
    missed = print_mutants(arguments.words)
    alarms = print_false_alarms(arguments.seeds)
    return 1 if missed or alarms else 0


def print_mutants(in_full):
    caught = named = expected = 0
    print(f"{'layer':<20} {'mutant':<38} {'expected':<15} {'named':<28} caught by")
    for mutant in MUTANTS:
        report = mutant.check()
        witnesses = caught_by(report)
        right = mutant.family is None or mutant.family in report.families
        caught += bool(witnesses)
        named += right and mutant.family is not None
        expected += mutant.family is not None
        mark = " " if witnesses and right else "!"
        print(f"{mutant.layer:<20} {mutant.name:<38} {mutant.family or '(none)':<15} "
              f"{', '.join(report.families) or '(none)':<28} {', '.join(witnesses) or 'NOT CAUGHT'} {mark}".rstrip())
        if in_full:
            print(f"{'':<20} {mutant.words}")
            for line in [f"{t.name}: {t.words}" for t in report.tensors if t.words] + \
                    [c.words for c in report.checks if c.words]:
                print(f"{'':<20} > {line}")
    print(f"\n{caught} of {len(MUTANTS)} mutants caught; family named in {named} of {expected} that have one")
    return len(MUTANTS) - caught + expected - named


def print_false_alarms(seeds):
    start, runs, alarms = time.perf_counter(), 0, 0
    for seed in range(seeds):
        for name, thing, inputs in cases(seed):
            report = gradcheck(thing, *inputs, seed=seed, title=name)
            runs += 1
            if not report.ok:
                alarms += 1
                print(f"FALSE ALARM, seed {seed}\n{report}")
    seconds = time.perf_counter() - start
    print(f"{alarms} false alarms in {runs} checks of correct code ({seeds} seeds; {seconds:.0f} s)")
    return alarms


if __name__ == "__main__":
    sys.exit(main())
