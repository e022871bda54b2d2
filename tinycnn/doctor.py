"""Is everything in place? What is installed, what computes, whether a GPU can be used, and a short test of it all.

Most reports of "it does not work" or "it is slow" are answered by one of these lines: an extra that is missing, a BLAS
that uses one core, two CuPy packages at once, a driver that is too old.
"""

import functools
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from tinycnn.backend import gpu_problem, pick_device
from tinycnn.engine import thread_count
from tinycnn.errors import require
from tinycnn.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from tinycnn.losses import MultiTaskLoss
from tinycnn.models import localizer
from tinycnn.optim import Adam
from tinycnn.text import aligned, count
from tinycnn.version import __version__

# distribution, the module it brings, what it is for, the extra that installs it
EXTRAS = (
    ("pillow", "PIL", "reads and writes pictures"),
    ("matplotlib", "matplotlib", "draws figures"),
    ("tqdm", "tqdm", "shows progress"),
    ("threadpoolctl", "threadpoolctl", "shares the cores well: training is faster with it"),
)
BLAS_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
SEED = 0


@dataclass(frozen=True)
class Finding:
    """One line of the report. state: "ok", "note" (works, could be better) or "fail" """

    name: str
    text: str
    state: str = "ok"


def examine():
    """All findings on this machine, the self-test included; about two seconds."""
    forced = [Finding("BLAS kernel", forced_blas(), "note")] if forced_blas() else []
    return [versions(), *(package(*known) for known in EXTRAS), cores(), blas(), *forced, gpu(), gradients(),
            training()]


def healthy(findings):
    """Whether nothing failed."""
    return all(finding.state != "fail" for finding in findings)


def report(findings):
    """The findings as a table in plain text."""
    lines = aligned([(f"[{finding.state:^4}]", finding.name, finding.text) for finding in findings], left=3)
    end = "Everything that training needs works." if healthy(findings) else "Something that training needs is broken."
    return "\n".join([*lines, "", end])


def versions():
    """tinycnn, Python, NumPy and the system."""
    return Finding("versions", f"tinycnn {__version__}, Python {platform.python_version()} ({sys.executable}), "
                               f"NumPy {np.__version__}, {platform.system()} {platform.machine()}")


def package(distribution, module, purpose):
    """Whether one of the packages of EXTRAS can be imported; if not, how to install it."""
    try:
        require(module, "viz")
        return Finding(distribution, f"{metadata.version(distribution)}, {purpose}")
    except ImportError as error:
        why = f"cannot be imported ({error.__cause__}): pip install {distribution}"
        return Finding(distribution, f"{purpose}; {why}", "note")


def cores():
    """How many processors, and so how many threads."""
    n = thread_count()
    return Finding("processors", f"{n} usable, so {count(n, 'thread')} in each layer (TINYCNN_THREADS changes that)")


def blas():
    """The Finding about the library that multiplies matrices: its name, version and threads."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return Finding("BLAS", f"{built.get('name')} {built.get('version')}; its threads are unknown: threadpoolctl is "
                               "missing", "note")
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    if not found:
        return Finding("BLAS", "none that threadpoolctl knows: matrix products may be slow", "note")
    texts = [f"{library['internal_api']} {library['version']}, {count(library['num_threads'], 'thread')}"
             + (f", {library['architecture']}" if library.get("architecture") else "") for library in found]
    return Finding("BLAS", "; ".join(texts))


@functools.cache
def forced_blas():
    """What variables of the environment make OpenBLAS do, and what it would do without them; None without any."""
    forced = [name for name in BLAS_VARIABLES if os.environ.get(name)]
    if not forced:
        return None
    try:
        code = "from tinycnn.doctor import kernels; print(kernels())"
        free = {name: value for name, value in os.environ.items() if name not in forced}
        free["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
        own = subprocess.run([sys.executable, "-c", code], env=free, capture_output=True, text=True, timeout=60,
                             check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        own = ""
    sentence = f"{' and '.join(forced)}: OpenBLAS was told to run its kernel {kernels()}"
    return sentence + (f"; left alone it runs {own} here" if own != kernels() else "")


def kernels():
    """The names of the kernels that BLAS runs, such as "SkylakeX"; "unknown" without threadpoolctl."""
    from tinycnn.engine.threads import blas_libraries

    found = [library.architecture for library in getattr(blas_libraries(), "lib_controllers", ())
             if getattr(library, "architecture", None)]
    return ", ".join(found) or "unknown"


def gpu():
    """Whether a GPU can be used; if not, why."""
    problem = gpu_problem()
    if problem is not None:
        return Finding("GPU", f"not usable, so the CPU computes: {' '.join(str(problem).split())}", "note")
    return Finding("GPU", pick_device("cuda")[1].replace("the GPU was asked for ", "usable "))


def gradients():
    """Backward against differences of forward, for the layers of a localizer."""
    from tinycnn.gradient_check import gradcheck

    rng = np.random.default_rng(SEED)
    network = Sequential(Conv2d(3, 4, 3, padding=1, rng=rng), MaxPool2d(2), ReLU(), Flatten(), Linear(64, 5, rng=rng))
    start = time.perf_counter()
    try:
        checked = gradcheck(network.astype("float64"), rng.standard_normal((2, 8, 8, 3)))
    except Exception as error:  # whatever it is, it belongs into the report
        return Finding("gradients", f"{type(error).__name__}: {error}", "fail")
    seconds = time.perf_counter() - start
    if not checked.ok:
        return Finding("gradients", checked.summary, "fail")
    return Finding("gradients", f"backward agrees with differences of forward ({seconds:.1f} s)")


def training():
    """Twenty steps on sixteen pictures of noise: a network that cannot learn these by heart is broken."""
    rng = np.random.default_rng(SEED)
    start = time.perf_counter()
    try:
        model = localizer(4, image_size=16, channels=(8, 16), hidden=32, seed=SEED)
        x = model.normalize(rng.integers(0, 256, (16, 16, 16, 3), dtype=np.uint8))
        truth = np.arange(16) % 4, rng.standard_normal((16, 4)).astype(np.float32)
        loss, optimizer, values = MultiTaskLoss(), Adam(model, lr=3e-3), []
        for _ in range(20):
            values.append(float(loss.forward(model.forward(x), truth)))
            model.backward(*loss.backward())
            optimizer.step()
    except Exception as error:
        return Finding("training", f"{type(error).__name__}: {error}", "fail")
    seconds = time.perf_counter() - start
    text = f"the loss of a tiny network went from {values[0]:.2f} to {values[-1]:.2f} in 20 steps ({seconds:.1f} s)"
    return Finding("training", text, "ok" if values[-1] < 0.6 * values[0] else "fail")
