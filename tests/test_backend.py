"""The door between host and device: which module owns an array, how arrays move, and sentences for what goes wrong."""

from types import SimpleNamespace

import numpy as np
import pytest

from tinycnn import backend
from tinycnn.backend import (
    array_module,
    device_of,
    devices,
    gpu_problem,
    pick_device,
    register_device,
    synchronize,
    to_device,
    to_numpy,
)  # fmt: skip
from tinycnn.errors import DeviceError, MissingExtra


def test_numpy_owns_numpy_arrays():
    assert array_module(np.ones(2)) is np
    assert array_module(np.ones(2), np.float32(1), np.ones((1, 1), int)) is np


@pytest.mark.parametrize("thing, kind", [([1, 2], "list"), (3.0, "float"), (None, "NoneType")])
def test_things_that_are_no_arrays(thing, kind):
    with pytest.raises(DeviceError, match=rf"got builtins.{kind}\. Lists become arrays with numpy.asarray"):
        array_module(np.ones(2), thing)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64", "bool"])
def test_there_and_back_keeps_numbers_and_dtype(device, dtype):
    a = np.arange(6).reshape(2, 3).astype(dtype)
    back = to_numpy(to_device(a, device))
    assert isinstance(back, np.ndarray) and back.dtype == dtype
    np.testing.assert_array_equal(back, a)


def test_an_array_that_is_there_already_is_not_copied(device):
    there = to_device(np.ones(3), device)
    assert to_device(there, device) is there


def test_an_array_knows_its_device(device):
    there = to_device(np.ones(3), device)
    assert device_of(there).partition(":")[0] == device
    assert device_of(to_device(np.zeros(2), device_of(there))) == device_of(there)
    synchronize(there)
    synchronize(device)


def test_the_cpu_is_always_usable():
    assert devices()[0] == "cpu"
    assert pick_device("cpu")[0] == "cpu"
    assert pick_device("auto")[0] == ("cpu" if gpu_problem() else "cuda")
    assert pick_device("auto")[1]


class Elsewhere:
    """An array of a device that somebody else brings."""

    def __init__(self, numbers):
        self.numbers = numbers

    def get(self):
        return self.numbers.copy()


class ElsewhereDevice(backend.Device):
    name, xp, waits = "elsewhere", SimpleNamespace(__name__="elsewhere"), 0

    def owns(self, kind):
        return kind is Elsewhere

    def put(self, array, index):
        return array if isinstance(array, Elsewhere) else Elsewhere(to_numpy(array))

    def chosen(self, index):
        return "elsewhere was asked for"

    def synchronize(self, index):
        self.waits += 1


def test_a_device_that_is_registered_is_like_any_other(monkeypatch):
    monkeypatch.setattr(backend, "_devices", dict(backend._devices))
    loaded = []
    register_device("elsewhere", lambda: loaded.append(ElsewhereDevice()) or loaded[-1])
    to_device(np.ones(2), "cpu"), array_module(np.ones(2))
    assert not loaded  # nothing needed it so far
    there = to_device(np.ones(3), "elsewhere")
    assert isinstance(there, Elsewhere) and to_device(there, "elsewhere") is there
    assert device_of(there) == "elsewhere" and array_module(there).__name__ == "elsewhere"
    assert to_numpy(there).tolist() == to_device(there, "cpu").tolist() == [1, 1, 1]
    with pytest.raises(DeviceError, match="one belongs to elsewhere, another to numpy"):
        array_module(there, np.ones(3))
    assert pick_device("elsewhere") == ("elsewhere", "elsewhere was asked for") and "elsewhere" in devices()
    synchronize(there), synchronize("elsewhere")
    assert len(loaded) == 1 and loaded[0].waits == 2
    with pytest.raises(DeviceError, match="'simulated' or 'elsewhere'"):
        to_device(there, "somewhere")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "simulated:0", "CPU", 0, None])
def test_unknown_devices(name):
    with pytest.raises(DeviceError, match="unknown device.*expected 'auto', 'cpu', 'cuda'"):
        to_device(np.ones(1), name)


@pytest.mark.skipif(gpu_problem() is None, reason="there is a usable GPU here")
def test_without_a_gpu_the_reason_is_given():
    with pytest.raises((DeviceError, MissingExtra), match="device 'cuda' cannot be used: "):
        to_device(np.ones(1), "cuda")
    assert str(gpu_problem()) in pick_device("auto")[1]


class CUDARuntimeError(RuntimeError):
    pass


@pytest.fixture
def machine(monkeypatch):
    """Pretend another machine: machine(wheels=[...], gpus=number, or the error that CuPy raises, libraries=...)."""

    def pretend(wheels=("cupy-cuda12x",), gpus=0, libraries=(12, 9)):
        def answer():
            if isinstance(gpus, Exception):
                raise gpus
            return gpus

        def version():
            if isinstance(libraries, Exception):
                raise libraries
            return libraries

        def cupy():
            if not wheels:
                raise ImportError("No module named 'cupy'")
            properties = {"name": b"NVIDIA Pretend"}
            runtime = SimpleNamespace(getDeviceCount=answer, CUDARuntimeError=CUDARuntimeError,
                                      getDeviceProperties=lambda number: properties)  # fmt: skip
            return SimpleNamespace(cuda=SimpleNamespace(
                runtime=runtime, nvrtc=SimpleNamespace(getVersion=version),
                Device=lambda index=None: SimpleNamespace(id=index or 0)))  # fmt: skip

        monkeypatch.setattr(backend, "_cupy_wheels", lambda: list(wheels))
        monkeypatch.setattr(backend, "_cupy", cupy)
        gpu_problem.cache_clear()

    yield pretend
    monkeypatch.undo()
    gpu_problem.cache_clear()


def test_without_cupy_the_lines_to_install_it_are_given(machine):
    machine(wheels=[])
    with pytest.raises(MissingExtra) as caught:
        pick_device("cuda")
    assert "pip install 'cupy-cuda12x>=14,<15'" in str(caught.value)
    assert "pip install 'cupy-cuda13x>=14,<15'" in str(caught.value)
    name, reason = pick_device("auto")
    assert name == "cpu" and "CuPy is not installed" in reason


def test_two_wheels_of_cupy(machine):
    machine(wheels=["cupy-cuda12x", "cupy-cuda13x"])
    with pytest.raises(DeviceError, match="2 CuPy packages are installed.*pip uninstall -y cupy-cuda12x cupy-cuda13x"):
        pick_device("cuda")


def test_no_driver(machine):
    machine(gpus=CUDARuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient"))
    with pytest.raises(DeviceError, match="there is no NVIDIA driver, or one too old.*nvidia-smi"):
        to_device(np.ones(2), "cuda")
    assert "CuPy is imported, but there is no NVIDIA driver" in pick_device("auto")[1]
    assert devices() == ["cpu", "simulated"]


def test_a_gpu_that_cannot_be_seen(machine):
    machine(gpus=0)
    assert "CUDA_VISIBLE_DEVICES" in pick_device("auto")[1]
    machine(gpus=CUDARuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected"))
    assert "cudaErrorNoDevice" in pick_device("auto")[1]


def test_a_gpu_without_the_libraries_of_cuda(machine):
    machine(gpus=1, libraries=RuntimeError('Failure finding "libnvrtc.so.12"\nmore'))
    name, reason = pick_device("auto")
    assert name == "cpu" and reason.endswith(
        """(Failure finding "libnvrtc.so.12"). Install them with: pip install 'cupy-cuda12x[ctk]'""")  # fmt: skip


def test_a_gpu_is_taken_where_there_is_one(machine):
    machine(gpus=2)
    assert pick_device("auto") == ("cuda", "the GPU (NVIDIA Pretend); pass device='cpu' to compute on the host")
    assert pick_device("cuda:1") == ("cuda:1", "the GPU was asked for (NVIDIA Pretend)")
    assert devices() == ["cpu", "simulated", "cuda:0", "cuda:1"]
    with pytest.raises(DeviceError, match=r"'cuda:2' does not exist: this machine has 2 GPU\(s\)"):
        pick_device("cuda:2")


def test_the_way_to_a_gpu_and_back(machine, monkeypatch):
    """With a pretended CuPy: which calls of it are made, in which order."""

    class Array:
        __module__ = "cupy._core.core"

        def __init__(self, numbers, gpu=0):
            self.numbers, self.device = numbers, SimpleNamespace(id=gpu)

        def get(self):
            return self.numbers

    machine(gpus=2)
    asked, cupy = [], backend._cupy()
    cupy.__name__, cupy.asarray = "cupy", lambda array: array if isinstance(array, Array) else Array(array)
    cupy.cuda.Device = lambda index=None: SimpleNamespace(
        id=index or 0, use=lambda: asked.append(f"use {index}"), synchronize=lambda: asked.append(f"wait {index}"))
    monkeypatch.setattr(backend, "_cupy", lambda: cupy)
    host = np.arange(3.0)
    there = to_device(host, "cuda")
    assert isinstance(there, Array) and array_module(there) is cupy and device_of(there) == "cuda:0"
    assert to_device(there, "cuda:1") is there and to_numpy(there) is host and to_device(there, "cpu") is host
    assert isinstance(to_device(to_device(host, "simulated"), "cuda"), Array)
    synchronize(there), synchronize("cuda"), synchronize("cuda:1")
    assert asked == ["use 1", "wait 0", "wait None", "wait 1"]
    with pytest.raises(DeviceError, match="one belongs to cupy, another to numpy"):
        array_module(there, host)
