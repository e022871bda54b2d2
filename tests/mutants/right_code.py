"""Correct code: every layer and loss as it is, and at numbers that make a checker doubt it.

`checks(seed)` yields the layers and losses of the catalog as they are, and half of them under a condition; whole models
and a large convolution in every tenth seed. `sweep` runs many seeds.
"""

import collections
import copy
import time
from pathlib import Path

import numpy as np

from tinycnn.gradient_check import gradcheck
from tinycnn.gradient_check.catalog import cases

RARELY = 2  # each case meets a condition in every second seed
LARGE, LARGE_RARELY = ("localizer", "residual localizer", "PoseNet", "Conv2d(48"), 10
PLAIN = "as it is"


def sweep(seeds, record=None, minutes=None):
    """Check correct code with all `seeds`, print what is accused and the totals; returns how many were accused.

    record: a CSV file to which each seed adds a line; what it holds already is not done again
    minutes: after so long no further seed is begun
    """
    done = _read(record)
    start = time.perf_counter()
    for seed in seeds:
        if minutes and time.perf_counter() - start > 60 * minutes:
            break
        if seed in done:
            continue
        done[seed] = counts = collections.Counter()
        for name, thing, inputs, condition in checks(seed):
            report = gradcheck(thing, *inputs, seed=seed, title=name)
            # What is as it is has to be ok; under a condition there may be nothing that can be measured.
            state = "accused" if report.verdict == "wrong" or condition == PLAIN and not report.ok else report.verdict
            counts.update({"checks": 1, "ok": state == "ok", "accused": state == "accused"})
            if state == "accused":
                print(f"ACCUSED, seed {seed}, {condition}\n{report}", flush=True)
        if record:
            with Path(record).open("a") as file:
                file.write(f"{seed},{counts['checks']},{counts['ok']},{counts['accused']}\n")
    total = sum((done[seed] for seed in seeds if seed in done), collections.Counter())
    number = sum(seed in done for seed in seeds)
    print(f"{total['accused']} accused in {total['checks']} checks of correct code, {total['ok']} ok, "
          f"{total['checks'] - total['ok'] - total['accused']} not settled ({number} of {len(seeds)} seeds; "
          f"{time.perf_counter() - start:.0f} s now)")
    return total["accused"]


def _read(record):
    lines = Path(record).read_text().split() if record and Path(record).exists() else []
    rows = [[int(number) for number in line.split(",")] for line in lines]
    return {row[0]: collections.Counter(dict(zip(("checks", "ok", "accused"), row[1:], strict=True))) for row in rows}


def checks(seed, only=None):
    """(name, object, inputs, condition) of one seed: all cases as they are, and half of them under a condition.

    only: all cases under this one condition instead
    """
    plain = [case for case in cases(seed) if seed % LARGE_RARELY == 0 or not case[0].startswith(LARGE)]
    if only is None:
        yield from ((name, thing, inputs, PLAIN) for name, thing, inputs in plain)
    for number, (name, thing, inputs) in enumerate(plain):
        if only is not None or number % RARELY == seed % RARELY:
            condition = only or list(CONDITIONS)[(seed // RARELY + number // RARELY) % len(CONDITIONS)]
            rng = np.random.default_rng([seed, number])
            yield name, *CONDITIONS[condition](copy.deepcopy(thing), inputs, rng), condition


def _numbers(tree, change):
    """Inputs with `change` made to their first floating-point array; targets, masks and labels stay."""
    if isinstance(tree, tuple):
        return (_numbers(tree[0], change), *tree[1:])
    return change(tree).astype(tree.dtype) if tree.dtype.kind == "f" else tree


def _of_inputs(change):
    return lambda thing, inputs, rng: (thing, _numbers(inputs, lambda x: change(x, rng)))


def _shifted_bias(size):
    """Biases so far from zero that the units behind them are dead, or always on."""

    def change(thing, inputs, rng):
        for parameter in thing.parameters().values():
            if parameter.value.ndim == 1:
                parameter.value[...] += size
        return thing, inputs

    return change


CONDITIONS = {
    "tiny inputs": _of_inputs(lambda x, rng: x * 10 ** rng.uniform(-8, -2)),
    "large inputs": _of_inputs(lambda x, rng: x * 10 ** rng.uniform(0, 4)),
    "huge inputs": _of_inputs(lambda x, rng: x * 10 ** rng.uniform(4, 6)),
    "ties": _of_inputs(lambda x, rng: np.round(x)),
    "many zeros": _of_inputs(lambda x, rng: x * (rng.random(x.shape) < 0.3)),
    "only zeros": _of_inputs(lambda x, rng: 0 * x),
    "one value": _of_inputs(lambda x, rng: 0 * x + rng.standard_normal()),
    "far from zero": _of_inputs(lambda x, rng: x + 10 ** rng.uniform(0, 3)),
    "dead units": _shifted_bias(-20),
    "units always on": _shifted_bias(20),
    "saturated": _of_inputs(lambda x, rng: 1000 * np.sign(x)),
}
