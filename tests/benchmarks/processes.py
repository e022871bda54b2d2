"""How long a training step takes in many processes, and what it sends.

    python -m tests.benchmarks.processes                        one process, all threads
    mpirun -n 4 python -m tests.benchmarks.processes            four, which share the processors

The default localizer, batches of 64 drawn scenes, no augmentation. Prints one line: processes and threads of each, the
median time of a step and its quartiles, the bytes that each process hands over to be added up, and how long the adding
up of the gradients takes by itself.
"""

import argparse
import time

import numpy as np

import tinycnn as tc
from tinycnn.cli import launch
from tinycnn.engine.threads import sharing_machine, thread_count

WARM = 4  # steps that do not count


def main(steps, batch_size):
    processes = launch.processes()
    with sharing_machine(processes.threads if processes.size > 1 else thread_count()):
        measure(processes, steps, batch_size)


def measure(processes, steps, batch_size):
    data, clock, sent = tc.data.scenes(n=4 * batch_size, seed=0, valid=1, test=1), [], []
    model = tc.models.localizer(classes=data.classes)

    def on_step(what, model):
        clock.append(time.perf_counter())
        sent.append(getattr(processes, "sent", 0))

    tc.fit(model, data.train, epochs=-(-(WARM + steps) // 4), batch_size=batch_size, processes=processes,
           on_step=on_step, progress=False)
    times, adding = np.diff(clock)[WARM:], adding_up(processes)
    if processes.rank == 0:
        median, low, high = np.percentile(times, (50, 25, 75)) * 1e3
        print(f"{processes.size} x {thread_count()} threads, batch {batch_size}: {median:.0f} ms "
              f"({low:.0f} to {high:.0f}), {(sent[-1] - sent[-2]) / 1e6:.2f} MB, adding up {adding:.1f} ms")


def adding_up(processes, times=9):
    """Median milliseconds of one sum of the long array."""
    if processes.size == 1:
        return 0.0
    found = []
    for _ in range(times):
        processes.wait()
        start = time.perf_counter()
        processes._sum(processes.flat)
        found.append(time.perf_counter() - start)
    return 1e3 * float(np.median(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=64)
    main(**vars(parser.parse_args()))
