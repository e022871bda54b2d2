"""What the bench and the profiler's ranges ask of a GPU fits the signatures of the real CuPy. No GPU has run it."""

import inspect

import pytest

from tests.conformance.make_snapshot import signature

cupy = pytest.importorskip("cupy", reason="CuPy is not installed: pip install 'cupy-cuda12x>=14,<15', no GPU needed")


@pytest.mark.parametrize("path, count", [
    ("cuda.nvtx.RangePush", 1), ("cuda.nvtx.RangePop", 0), ("cuda.Event.record", 1), ("cuda.Event.synchronize", 1),
    ("cuda.get_elapsed_time", 2), ("get_default_memory_pool", 0), ("cuda.MemoryPool.used_bytes", 1)])  # fmt: skip
def test_the_call_binds(path, count):
    thing = cupy
    for part in path.split("."):
        thing = getattr(thing, part)
    found = signature(thing)
    if found is None:  # compiled, and silent about its parameters
        assert callable(thing)
    else:
        found.bind(*range(count))


def test_an_event_is_made_without_arguments():
    assert inspect.isclass(cupy.cuda.Event)
