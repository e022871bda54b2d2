"""How the tests are run, and fixtures that every test may ask for: the device under test, and the photographs that lie
beside the project."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tinycnn.backend import gpu_problem

# The same examples in every run, so that a failure is never a matter of luck; and a slow machine is not a failure.
settings.register_profile("tinycnn", derandomize=True, deadline=None)
settings.load_profile("tinycnn")

# Without a GPU the same tests run on two devices, and the report says once why the third is missing.
NO_GPU = gpu_problem()
DEVICES = ["cpu", "simulated"] + ([pytest.param("cuda", marks=pytest.mark.gpu)] if NO_GPU is None else [])

MOST_WORKERS = 8  # each takes up to 1 GB, and reads all tests before it runs its share
WORKER = "PYTEST_XDIST_WORKER"  # pytest-xdist names its workers there


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks at its options
def pytest_cmdline_main(config):
    """Share the tests out over the processors, but where -n or --dist says how, a debugger is asked for, or only files
    are named; and where there is a GPU, of which there is one. A worker, and what its tests start, has none of its own.

    Processes whose BLAS has threads of its own would wait for each other, so each has one.
    """
    option = config.option
    if WORKER in os.environ or not hasattr(option, "numprocesses"):  # the latter: pytest-xdist is not installed
        return
    files = config.args_source is config.ArgsSource.ARGS and not any(Path(name).is_dir() for name in config.args)
    closely = files or option.usepdb or option.collectonly or NO_GPU is None
    if option.numprocesses is None and option.dist == "no" and not closely:
        option.numprocesses = min(processors(), MOST_WORKERS)
        option.dist = "worksteal"  # neighbours stay together, and with them what the tests of a file share
    if option.numprocesses:
        for library in ("OPENBLAS", "OMP", "MKL"):
            os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def processors():
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pytest_report_header(config):
    return "devices: cpu, simulated" + (", cuda" if NO_GPU is None else f"; SKIPPED on cuda: {NO_GPU}")


@pytest.fixture(scope="session", params=DEVICES)  # one string for the whole session, so @given may be used with it
def device(request):
    """The device on which the test's arrays live; move them there with to_device and back with to_numpy."""
    return request.param


@pytest.fixture
def watch(monkeypatch):
    """watch(owner, name) -> calls: from now on every call of owner.name adds its (arguments, result) to that list."""

    def start(owner, name):
        calls, function = [], getattr(owner, name)

        def watched(*arguments):
            result = function(*arguments)
            calls.append((arguments, result))
            return result

        monkeypatch.setattr(owner, name, watched)
        return calls

    return start


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real photographs beside the repository; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the repository: real photographs are not part of it")
    return folder
