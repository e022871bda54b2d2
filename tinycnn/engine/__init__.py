"""How a processor computes rows of layers sooner. No layer knows of this room, and nobody needs it to understand one.

    y, tape = forward(layers, x)          layers one behind the other; tape: what backward needs
    dx = backward(tape, dy)               walks the rows of that forward from their end, writes every Parameter.grad

A network of layers could be run by a loop over them. On a processor that is slow for four reasons, and each has its
files here. Large arrays travel to main memory and back: so a few images at a time go through several layers (rows.py,
segments.py, workers.py). The system takes long to hand out memory: so that of earlier results is used again
(memory.py). One core works while others wait: so the batch is shared out (threads.py). And there are cheaper algorithms
than the formulas: Winograd's, for instance (steps.py, convolution.py and those it names).

Every result is that of the layers' own formulas to rounding; TINYCNN_ENGINE=0 runs those. On a GPU, layers run their
formula one by one, in chunks that bound the memory of patches.
"""

import numpy as np

from tinycnn.backend import array_module
from tinycnn.engine.on_device import around, observed
from tinycnn.engine.recorder import Recorder
from tinycnn.engine.rows import plan
from tinycnn.engine.steps import workspace_bytes
from tinycnn.engine.threads import enabled, one_blas_thread, switched_off, switched_on, thread_count
from tinycnn.engine.update import in_blocks

__all__ = ["Recorder", "backward", "enabled", "forward", "in_blocks", "observed", "one_blas_thread", "plan",
           "switched_off", "switched_on", "thread_count", "workspace_bytes"]


def forward(layers, x):
    """x through `layers`: (y, tape)."""
    tape, xp = [], array_module(x)
    rows = plan(layers, xp)
    for place, row in enumerate(rows):
        if xp is np:
            x, kept = row.forward(x)
        else:
            with around(row, "forward", place, len(rows), x, xp):
                x, kept = row.forward(x)
        tape.append((row, kept))
    return x, tape


def backward(tape, dy, input_gradient=True):
    """dy back through the rows of a forward: dx, or None without input_gradient."""
    first = 0
    if not input_gradient:  # nothing below the first row that learns has work to do
        first = next((i for i, (row, _) in enumerate(tape) if row.learns()), len(tape))
        for row, _ in tape[:first]:
            row.forget()
    xp, count = array_module(dy), len(tape)
    while len(tape) > first:
        row, kept = tape.pop()  # and what it kept is free for the rows below
        if xp is np:
            dy = row.backward(kept, dy, input_gradient or len(tape) > first)
        else:
            with around(row, "backward", len(tape), count, dy, xp):
                dy = row.backward(kept, dy, input_gradient or len(tape) > first)
    return dy if input_gradient else None
