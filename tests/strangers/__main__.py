"""Print what gradcheck makes of strangers' code: every mutant with its twin, then the correct code.

    python -m tests.strangers [--words] [--against torch] [NAME ...]
"""

import argparse
import os
import sys
import time

os.environ.setdefault("TINYCNN_THREADS", "1")  # the arrays are tiny: threads would only wait for each other

from . import MUTANTS, RIGHT, judge  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.strangers", description=__doc__.splitlines()[0])
    parser.add_argument("--words", action="store_true", help="print the reports of what is not as it should be")
    parser.add_argument("--against", choices=["torch"], help="also ask torch.autograd.gradcheck")
    parser.add_argument("names", nargs="*", help="parts of names of cases; default all")
    arguments = parser.parse_args()
    if arguments.against:
        from .torch_peer import compare

        return compare([c for c in MUTANTS + RIGHT if _chosen(c, arguments.names)])
    mutants = [c for c in MUTANTS if _chosen(c, arguments.names)]
    right = [c for c in RIGHT if _chosen(c, arguments.names)]
    start, results = time.perf_counter(), [(case, judge(case)) for case in mutants]
    bad = 0
    for case, found in results:
        fault = not found.caught or not found.named or found.twin == "accused"
        bad += fault
        if fault or arguments.names:
            print(f"{'caught' if found.caught else 'MISSED':<7} {'named' if found.named else 'NOT NAMED':<9} "
                  f"twin {found.twin:<11} {case.kind}: {case.name}\n{'':<17} "
                  f"asked for {', '.join(case.families) or '-'}; got {', '.join(found.families) or '-'}")
            if arguments.words:
                print("\n".join(f"{'':<20}{line}" for line in found.text.splitlines()))
    print(f"{sum(f.caught for _, f in results)} of {len(mutants)} mutants caught, "
          f"{sum(f.named for _, f in results)} named "
          f"by family, {sum(f.twin == 'ok' for _, f in results)} twins ok, "
          f"{sum(f.twin == 'accused' for _, f in results)} twins accused; {time.perf_counter() - start:.0f} s")
    states = []
    for case in right:
        found = judge(case)
        states.append(found.twin)
        if found.twin != "ok" or arguments.names:
            print(f"{found.twin:<11} {case.name}")
            if arguments.words:
                print("\n".join(f"{'':<20}{line}" for line in found.twin_text.splitlines()))
    print(f"{len(right)} pieces of correct code: " + ", ".join(f"{states.count(s)} {s}" for s in sorted(set(states))))
    return 1 if bad or "accused" in states else 0


def _chosen(case, names):
    return not names or any(name in f"{case.kind}: {case.name}" for name in names)


if __name__ == "__main__":
    sys.exit(main())
