"""Asking for a GPU that is not there: one clear line, an exit status other than 0, and nothing left behind."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import tinycnn
from tests.conformance.runs import samples
from tinycnn import backend, training
from tinycnn.backend import gpu_problem
from tinycnn.cli import main
from tinycnn.errors import TinyCNNError, TrainingError
from tinycnn.models.localizer import localizer
from tinycnn.models.weights import save

without_gpu = pytest.mark.skipif(gpu_problem() is None, reason="there is a usable GPU here")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tiny():
    return localizer(num_classes=3, image_size=16, channels=(4,), hidden=4, seed=0)


@without_gpu
def test_train_in_a_process_of_its_own(here):
    command = [sys.executable, "-m", "tinycnn", "train", "--device", "cuda", "--size", "8", "--epochs", "1"]
    environment = os.environ | {"PYTHONPATH": str(Path(tinycnn.__file__).parents[1])}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert result.returncode == 1 and result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.split() == f"tinycnn: error: device 'cuda' cannot be used: {gpu_problem()}".split()
    assert not list(here.iterdir())


MACHINES = {
    "no CuPy": ([], None, ["CuPy is not installed", "pip install 'cupy-cuda12x>=14,<15'", "'cupy-cuda13x>=14,<15'"]),
    "two packages": (["cupy-cuda12x", "cupy-cuda13x"], None, ["pip uninstall -y cupy-cuda12x cupy-cuda13x"]),
    "no driver": (["cupy-cuda12x"], "cudaErrorInsufficientDriver: too old", ["no NVIDIA driver", "nvidia-smi"]),
    "no CUDA": (["cupy-cuda13x"], 1, ["CUDA's libraries", "libnvrtc", "pip install 'cupy-cuda13x[ctk]'"]),
    "no home": (["cupy-cuda12x"], PermissionError(13, "Permission denied"), ["importing it fails (", "denied"]),
    "hidden": (["cupy-cuda12x"], 0, ["no GPU is visible", "CUDA_VISIBLE_DEVICES"]),
}


@pytest.fixture(params=MACHINES)
def words(request, monkeypatch):
    """Pretend one of the machines; the words that its error must have."""
    wheels, gpus, expected = MACHINES[request.param]

    def count():
        if isinstance(gpus, str):
            raise RuntimeError(gpus)
        return gpus

    def version():
        raise RuntimeError('Failure finding "libnvrtc.so.12"')  # CuPy's words where the library is missing

    def cupy():
        if not wheels:
            raise ImportError("No module named 'cupy'")
        if isinstance(gpus, OSError):
            raise gpus
        runtime = SimpleNamespace(getDeviceCount=count, CUDARuntimeError=RuntimeError)
        return SimpleNamespace(cuda=SimpleNamespace(runtime=runtime, nvrtc=SimpleNamespace(getVersion=version)))

    monkeypatch.setattr(backend, "_cupy_wheels", lambda: wheels)
    monkeypatch.setattr(backend, "_cupy", cupy)
    gpu_problem.cache_clear()
    yield expected
    monkeypatch.undo()
    gpu_problem.cache_clear()


@pytest.mark.parametrize("command", ["train", "evaluate", "predict"])
def test_every_command_says_it_in_one_line(words, command, here, capsys):
    save(tiny(), "model.npz")
    (here / "picture.ppm").write_bytes(b"P6 1 1 255\n   ")
    before = sorted(here.iterdir())
    arguments = {"train": ["train"], "evaluate": ["evaluate", "model.npz", "--data", "scenes"],
                 "predict": ["predict", "picture.ppm", "--model", "model.npz"]}[command]  # fmt: skip
    assert main([*arguments, "--device", "cuda"]) != 0
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("tinycnn: error: device 'cuda' cannot be used: ")
    assert all(word in err for word in words), err
    assert sorted(here.iterdir()) == before


def test_fit_refuses_before_it_starts(words, here):
    net = tiny()
    before = {name: parameter.value.copy() for name, parameter in net.parameters().items()}
    with pytest.raises(TinyCNNError, match="cannot be used"):
        training.fit(net, samples(), epochs=1, device="cuda", out=here / "run", progress=False)
    assert not (here / "run").exists()
    for name, value in before.items():
        np.testing.assert_array_equal(net.parameters()[name].value, value)


def test_auto_trains_on_the_cpu_where_no_gpu_can_be_used(words):
    net = tiny()
    assert len(training.fit(net, samples(4), epochs=1, batch_size=4, device="auto", progress=False)) == 1
    assert net.device == "cpu"


def test_a_gpu_out_of_memory_ends_training_with_a_batch_size_that_fits(monkeypatch):
    class OutOfMemoryError(MemoryError):  # as CuPy's
        pass

    def step(*arguments):
        raise OutOfMemoryError("Out of memory allocating 2,000,000,000 bytes (allocated so far: 6,000,000,000 bytes, "
                               "limit set to: 6,500,000,000 bytes).")  # fmt: skip

    monkeypatch.setattr(training, "take_step", step)
    with pytest.raises(TrainingError, match="2 GB were asked for .* held 6 GB of 6.5 GB. .* try --batch-size 4"):
        training.fit(tiny().to("simulated"), samples(8), epochs=1, batch_size=8, progress=False)
