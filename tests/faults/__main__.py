"""python -m tests.faults: the table of SECURITY.md. Kills, full disks, damage and the like, on a small training."""

import argparse
import os
import sys

os.environ.setdefault("TINYCNN_THREADS", "1")  # the arrays are tiny: threads would only wait for each other
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("all", "memory"), default="all",
                        help="memory: of an epoch over many JPEGs, with those of --pictures")
    parser.add_argument("--share", type=float, default=1.0, help="of the attempts of each kind (default 1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", help="those whose name contains this")
    parser.add_argument("--pictures", default="20,1000,10000,100000", help="for memory (default %(default)s)")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work or arguments.what == "memory":
        from tests.faults import memory

        if arguments.work:
            return memory.work(*arguments.work)
        return memory.measure([int(n) for n in arguments.pictures.split(",")]) | memory.measure_large()
    from tests.faults.run import attack
    from tinycnn.text import table

    rows, failures = [("what happens", "tried", "survived", "seconds")], []
    for row, wrong in attack(arguments.seed, arguments.share, arguments.kind or ""):
        rows.append(row)
        failures += wrong
        print(table([rows[0], row]), *wrong, sep="\n", flush=True)
    print(f"\n{table([*rows, ('all', *(sum(row[k] for row in rows[1:]) for k in (1, 2, 3)))], rules=(1, -1))}")
    print(*failures, sep="\n")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
