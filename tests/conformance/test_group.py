"""Many GPUs: the calls that reach NCCL through CuPy fit the signatures of the real one. No GPU has run them."""

import inspect

import numpy as np
import pytest

from tinycnn import backend

cupy = pytest.importorskip("cupy", reason="CuPy is not installed: pip install 'cupy-cuda12x>=14,<15', no GPU needed")
distributed = pytest.importorskip("cupyx.distributed")


def test_the_group_is_asked_for_as_cupy_takes_it(monkeypatch):
    theirs, asked = inspect.signature(distributed.init_process_group), []
    monkeypatch.setattr(cupy.cuda.nccl, "available", True)
    monkeypatch.setattr(distributed, "init_process_group", lambda *given, **named: asked.append((given, named)))
    backend.gpu_group(4, 1)
    ((given, named),) = asked
    bound = theirs.bind(*given, **named).arguments
    assert bound == {"n_devices": 4, "rank": 1, "use_mpi": True}


def test_arrays_are_added_up_as_cupy_takes_it(monkeypatch):
    mpi4py = pytest.importorskip("mpi4py.MPI", reason="mpi4py is not installed: pip install -e '.[mpi]'")
    from tinycnn.processes import Processes

    asked = []

    class Group:
        def all_reduce(self, *given, **named):
            asked.append((given, named))

    processes, array = Processes(mpi4py.COMM_SELF), np.ones(3, np.float32)
    monkeypatch.setattr("tinycnn.processes.device_of", lambda array: "cuda:1")
    monkeypatch.setattr("tinycnn.processes.gpu_group", lambda size, rank: Group())
    processes._sum(array)
    ((given, named),) = asked
    bound = inspect.signature(distributed.NCCLBackend.all_reduce).bind(None, *given, **named)
    bound.apply_defaults()
    assert bound.arguments["in_array"] is array and bound.arguments["out_array"] is array
    assert bound.arguments["op"] == "sum"


def test_without_nccl_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(cupy.cuda.nccl, "available", False)
    with pytest.raises(backend.MissingExtra, match="nvidia-nccl-cu12"):
        backend.gpu_group(2, 0)
