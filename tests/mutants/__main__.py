"""Print the table: every mutant, what caught it, what it was taken for; then the false alarms of correct code.

    python -m tests.mutants                     all mutants, and 200 seeds of correct code
    python -m tests.mutants --seeds 5           fewer seeds
    python -m tests.mutants --seed 1 --seeds 0  the mutants alone, with other numbers
    python -m tests.mutants --right 0:40        correct code alone, with the seeds 0 to 39
    python -m tests.mutants --right 0:200 --record right.csv --minutes 4
                                                the same in parts: the next call goes on where this one stops
"""

import argparse
import os
import sys

os.environ.setdefault("TINYCNN_THREADS", "1")  # the arrays are tiny: threads would only wait for each other

from .registry import MUTANTS, caught_by  # noqa: E402
from .right_code import sweep  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200, help="seeds with which correct code is checked")
    parser.add_argument("--seed", type=int, default=0, help="of the mutants' numbers")
    parser.add_argument("--right", metavar="FIRST:END", help="check correct code alone, with these seeds")
    parser.add_argument("--record", help="a file that keeps a line for each seed done; seeds in it are passed over")
    parser.add_argument("--minutes", type=float, help="begin no further seed after so long")
    parser.add_argument("--words", action="store_true", help="print the diagnoses in full")
    arguments = parser.parse_args()
    missed = 0 if arguments.right else print_mutants(arguments.seed, arguments.words)
    first, _, end = (arguments.right or f"0:{arguments.seeds}").rpartition(":")
    accused = sweep(range(int(first or 0), int(end)), arguments.record, arguments.minutes)
    return 1 if missed or accused else 0


def print_mutants(seed, in_full):
    caught = named = expected = 0
    print(f"{'layer':<20} {'mutant':<38} {'expected':<15} {'named':<28} caught by")
    for mutant in MUTANTS:
        report = mutant.check(seed)
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


if __name__ == "__main__":
    sys.exit(main())
