"""python -m tests.fuzz: the table of SECURITY.md. Each target runs in a process of its own, which may crash or hang."""

import argparse
import os
import selectors
import subprocess
import sys
import time

os.environ.setdefault("TINYCNN_THREADS", "1")  # the arrays are tiny: threads would only wait for each other

PATIENCE = 120.0  # seconds without an answer


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000, help="in all, the same number for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", help="this one alone")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="one input, with its traceback")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        return work(arguments.work[0], int(arguments.work[1]), int(arguments.work[2]), arguments.seed)
    from tests.fuzz.run import try_input
    from tests.fuzz.targets import TARGETS
    from tinycnn.text import table

    if arguments.only is not None:
        outcome = try_input(arguments.target, arguments.only, arguments.seed)
        print(outcome.details or outcome.word)
        return outcome.wrong and print(outcome.wrong) or int(bool(outcome.wrong))
    chosen = [arguments.target] if arguments.target else list(TARGETS)
    each = -(-arguments.inputs // len(chosen))
    rows, failures = [("what reads it", "inputs", "read", "refused", "failures", "seconds")], []
    for target in chosen:
        start = time.monotonic()
        words, wrong = attack(target, each, arguments.seed)
        rows.append((target, each, words["read"], words["refused"], len(wrong), f"{time.monotonic() - start:.0f}"))
        failures += [f"{target} --only {number}: {why}" for number, why in wrong]
        print(table([rows[0], rows[-1]]), *failures[-len(wrong):] if wrong else (), sep="\n", flush=True)
    sums = [sum(int(row[k]) for row in rows[1:]) for k in range(1, 6)]
    print(f"\n{table([*rows, ('all', *sums)], rules=(1, -1))}")
    print(*failures, sep="\n")
    return int(bool(failures))


def attack(target, count, seed):
    """({"read": n, "refused": n}, [(number, what was wrong)]) of `count` inputs, whatever becomes of the processes."""
    words, wrong, number = {"read": 0, "refused": 0}, [], 0
    while number < count:
        call = [sys.executable, "-m", "tests.fuzz", "--seed", str(seed), "--work", target, str(number), str(count)]
        with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            selector = selectors.DefaultSelector()
            selector.register(process.stdout, selectors.EVENT_READ)
            while selector.select(PATIENCE):
                line = process.stdout.readline()
                if not line:
                    break
                _, word, why = line.rstrip("\n").split("\t", 2)
                words[word] += not why
                wrong += [(number, why)] * bool(why)
                number += 1
            else:
                process.kill()
                wrong.append((number, f"no answer for {PATIENCE:.0f} s"))
                number += 1
                continue
            if process.wait() and number < count:
                wrong.append((number, f"the process ended with {process.returncode}"))
                number += 1
    return words, wrong


def work(target, first, last, seed):
    from tests.fuzz.run import try_input

    for number in range(first, last):
        outcome = try_input(target, number, seed)
        print(number, outcome.word, " ".join(outcome.wrong.split()), sep="\t", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
