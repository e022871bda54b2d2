"""One input: made, read, and judged."""

import resource
import tempfile
import time
import traceback
import warnings
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.fuzz.common import Marker
from tests.fuzz.targets import TARGETS
from tinycnn.errors import TinyCNNError

SECONDS, MEGABYTES = 20.0, 400.0  # that one input may take; it is a few kilobytes


class Outcome(NamedTuple):
    """What became of one input. wrong: in a line, or "" """

    wrong: str
    word: str  # "read", or "refused"
    details: str = ""


def try_input(target: str, number: int, seed: int = 0) -> Outcome:
    """Input `number` of a target."""
    rng = np.random.default_rng((seed, zlib.crc32(target.encode()), number))
    Marker.where.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        attempt = TARGETS[target](rng, Path(folder))
        before, start = _peak(anew=True), time.monotonic()
        wrong, word, details = "", "refused", ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                word = attempt()
            except TinyCNNError as error:
                if not str(error) or len(str(error)) > 20_000:
                    wrong = f"a reason of {len(str(error))} letters"
            except Exception as error:
                wrong, details = f"{type(error).__name__}: {str(error)[:200]}", traceback.format_exc()
        took, grown = time.monotonic() - start, _peak() - before
    if took > SECONDS:
        wrong = wrong or f"{took:.0f} s"
    if grown > MEGABYTES:
        wrong = wrong or f"{grown:.0f} MB"
    if Marker.where.exists():
        wrong = "code in the file was run"
    return Outcome(wrong, word, details)


def _peak(anew=False):
    """The most memory that this process has had, MB; where Linux tells, since it was last asked for `anew`."""
    try:
        if anew:
            Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
