"""Fixtures that every test may ask for: the device under test, and the photographs that lie beside the project."""

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
