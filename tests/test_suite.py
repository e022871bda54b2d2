"""How the tests themselves are run (conftest.py): on all processors, or in one process where somebody looks closely."""

import os
from types import SimpleNamespace
from unittest import mock

import pytest

from tests import conftest
from tests.conftest import MOST_WORKERS, WORKER, processors, pytest_cmdline_main

SHARED = min(processors(), MOST_WORKERS)
FREE = {"numprocesses": None, "dist": "no", "usepdb": False, "collectonly": False}


def workers(names=(), environment=(), no_gpu="no driver", **options):
    """What the call of pytest with these names and options makes of -n, and how many threads BLAS then has."""
    sources = pytest.Config.ArgsSource
    config = SimpleNamespace(option=SimpleNamespace(**FREE | options), args=names or ["tests"], ArgsSource=sources,
                             args_source=sources.ARGS if names else sources.TESTPATHS)
    with mock.patch.dict(os.environ, dict(environment), clear=True), mock.patch.object(conftest, "NO_GPU", no_gpu):
        pytest_cmdline_main(config)
        return config.option.numprocesses, os.environ.get("OPENBLAS_NUM_THREADS")


def test_folders_are_shared_out_and_files_are_not(request):
    assert workers() == workers([str(request.path.parent / "layers")]) == (SHARED, "1")
    for name in (str(request.path), f"{request.path}::test_it"):
        assert workers([name]) == (None, None)


def test_who_says_how_or_looks_closely_gets_what_he_asks_for():
    assert workers(numprocesses=3) == (3, "1") and workers(numprocesses=0) == (0, None)
    assert workers(usepdb=True) == workers(collectonly=True) == workers(dist="load") == (None, None)
    assert workers(no_gpu=None) == (None, None) and workers(no_gpu=None, numprocesses=2) == (2, "1")
    assert workers(environment={"OPENBLAS_NUM_THREADS": "2"}) == (SHARED, "2")


def test_a_worker_has_none_of_its_own():
    """Else it would start some, and they would start some."""
    assert workers(environment={WORKER: "gw0"}) == (None, None)
