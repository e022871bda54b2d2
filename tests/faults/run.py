"""Attempts of every kind, and what became of them."""

import tempfile
import time
import zlib
from pathlib import Path

import numpy as np

from tests.faults.attacked import Child, left, train
from tests.faults.kinds import KINDS

LATE = 5  # times as many attempts as are wanted, of which some come too late to count


def whole(folder):
    """What a run that is left alone leaves, how long it takes, and how many bytes it writes, about."""
    end = Child(train, folder / "whole").wait()
    assert end.status == 0, end.said
    last = (folder / "whole/checkpoint.npz").stat().st_size
    return {"left": left(folder / "whole"), "seconds": end.seconds, "bytes": 4 * last * 1.6}


def attack(seed=0, share=1.0, only="", right=None):
    """Yield ((kind, tried, survived, seconds), [what was wrong]) for every kind. right: what `whole` gave"""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        right = right or whole(Path(folder))
        for name, (kind, count) in KINDS.items():
            if only not in name:
                continue
            tried, wrong, start, count = 0, [], time.monotonic(), max(1, round(count * share))
            for number in range(LATE * count):
                rng = np.random.default_rng((seed, zlib.crc32(name.encode()), number))
                out = Path(folder) / f"{kind.__name__}-{number}"
                said = kind(rng, out, right)
                if said is not None:
                    tried += 1
                    wrong += [f"{name}, number {number}: {' '.join(said.split())}"] * bool(said)
                if tried == count:
                    break
            yield (name, tried, tried - len(wrong), round(time.monotonic() - start)), wrong
