"""Which array library computes: NumPy on the host, CuPy on a GPU, or the strict stand-in on a machine without one.

The data decide. A layer asks `xp = array_module(x)` and calls `xp.exp`, `xp.empty` ...; there is no global switch, so
a network on the GPU and one on the CPU live side by side. `to_device` and `to_numpy` are the only two doors between
host and device, and this is the only file that may import CuPy.

A device is named as a string: "cpu", "cuda" (the current GPU), "cuda:1" (the second one), or "simulated" (NumPy
arithmetic behind CuPy's rules, see tinycnn.simulated). `pick_device("auto")` takes the GPU where there is one. Each
kind of device is a `Device`; `register_device` makes a further one known.
"""

import functools
import re
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from tinycnn.errors import DeviceError, MissingExtra
from tinycnn.text import first_line

CUDA_EXTRAS = (
    "pip install 'cupy-cuda12x>=14,<15'  (driver for CUDA 12)  or  pip install 'cupy-cuda13x>=14,<15'  (CUDA 13)"
)

# The words of the type hints.
Array = np.ndarray  # of NumPy; an array of another device has the same interface and passes for one
Shape = tuple[int, ...]
Labels = Array | Sequence[int]
ArrayLike = Array | Sequence[float] | Sequence[Sequence[float]] | Sequence[Array]  # what np.asarray takes
MaybeNone = Any  # in `Array | MaybeNone`: None in a case that the caller knows, and need not ask for

_devices: dict[str, Callable[[], "Device"]] = {}  # kind of device -> function that returns its Device


def register_device(name: str, load: Callable[[], "Device"]) -> None:
    """Make a further kind of device known: from now on to_device(array, name) and the other functions here take it.

    name: a word, without a colon; an earlier device of that name is replaced
    load: function without arguments that returns the Device. It is called once, when the device is first needed, so
        that a module that is slow to import is imported only then.
    """
    _devices[name] = functools.cache(load)


def array_module(*arrays: Array) -> ModuleType:
    """The module that owns all of `arrays`: numpy, cupy, or the simulated device's.

    Raises DeviceError when they live on different devices, or when one is not an array at all.
    """
    for array in arrays:
        if not isinstance(array, np.ndarray):
            break
    else:  # as nearly always
        return np
    module = _module_of(arrays[0])
    for array in arrays[1:]:
        other = _module_of(array)
        if other is not module:
            one, another = (xp.__name__.rpartition(".")[2] for xp in (module, other))
            raise DeviceError(
                f"arrays of two devices met: one belongs to {one}, another to {another}. "
                "Was the model moved and the data not, or the other way round? "
                "Move both with model.to(device) and tinycnn.backend.to_device(array, device)."
            )
    return module


def to_device(array: Array, device: str) -> Array:
    """`array` on `device`: the same object if it is there already, else a copy. "cuda:1" becomes the current GPU.

    array: a NumPy, CuPy or simulated array of any shape; its dtype is kept.
    device: "auto", "cpu", "cuda", "cuda:<index>" or "simulated".
    Raises DeviceError for an unknown or unusable device, MissingExtra when CuPy is not installed.
    """
    kind, index = _usable(pick_device()[0] if device == "auto" else device)
    return kind.put(array, index)


def to_numpy(array: Array) -> np.ndarray:
    """`array` as a NumPy array on the host; waits for the device. A NumPy array is returned as it is."""
    return np.asarray(array) if _module_of(array) is np else array.get()  # type: ignore[attr-defined]  # not NumPy's


def device_of(array: Array) -> str:
    """The name of the device that holds `array`: "cpu", "cuda:0", "simulated" ...; to_device takes it back."""
    return _holder(array).name_of(array)


def synchronize(where: Array | str) -> None:
    """Wait until the device has finished everything asked of it; call it before reading a clock.

    where: an array or a device name. On the CPU there is nothing to wait for.
    """
    if not isinstance(where, str):
        where = device_of(where)
    kind, index = _usable(pick_device()[0] if where == "auto" else where)
    kind.synchronize(index)


def devices() -> list[str]:
    """The devices usable on this machine, each a name that to_device takes: ["cpu", "simulated", "cuda:0", ...]."""
    names = [name for load in _devices.values() for name in load().names()]
    return sorted(names, key=lambda name: name.startswith("cuda"))  # the GPUs last


def pick_device(device: str = "auto") -> tuple[str, str]:
    """Settle on a device: (name, reason), where reason is a sentence for people.

    "auto" takes the GPU if CuPy and a driver work, else the CPU, and the reason says why not the other. Any other
    name is checked and returned; a GPU that cannot be used raises DeviceError or MissingExtra.

    >>> pick_device("cpu")
    ('cpu', 'the CPU was asked for')
    """
    if device == "auto":
        problem = gpu_problem()
        if problem is not None:
            return "cpu", f"the CPU, since no GPU can be used: {problem}"
        return "cuda", f"the GPU ({_gpu_name(None)}); pass device='cpu' to compute on the host"
    kind, index = _usable(device)
    return device, kind.chosen(index)


class Device:
    """A kind of device: what the functions above ask of it. As it stands it is the host; other kinds override it.

    name: as in to_device    xp: the module that owns its arrays; these have a method get() -> NumPy array
    index: which of the devices of this kind, or None
    """

    name = "cpu"
    xp: Any = np

    def owns(self, kind: type) -> bool:
        """Whether arrays of this type lie on it."""
        return issubclass(kind, np.ndarray | np.generic)

    def put(self, array: Array, index: int | None) -> Array:
        """`array`, which may lie anywhere, on the device; the same object if it is there already."""
        return to_numpy(array)

    def name_of(self, array: Array) -> str:
        """The name of the device that holds `array`, one of names()."""
        return self.name

    def names(self) -> list[str]:
        """The names of the usable devices of this kind."""
        return [self.name]

    def check(self, device: str, index: int | None) -> None:
        """Raise DeviceError or MissingExtra if the one called `device` cannot be used."""

    def chosen(self, index: int | None) -> str:
        """The sentence that tells people that it was asked for."""
        return "the CPU was asked for"

    def synchronize(self, index: int | None) -> None:
        """Wait until it has finished everything asked of it."""


class _Cuda(Device):
    """The GPUs, behind CuPy."""

    name, xp = "cuda", property(lambda self: _cupy())

    def owns(self, kind):
        return kind.__module__.partition(".")[0] == "cupy"

    def put(self, array, index):
        # The one place where host memory goes to a GPU. CuPy stages the bytes in page-locked (pinned) memory here, so
        # that the transfer runs beside the computation, and keeps that buffer until the copy is done.
        array = array if self.owns(type(array)) else to_numpy(array)
        if index is not None:
            self.xp.cuda.Device(index).use()  # CuPy computes on the current GPU, so the one named becomes it
        return self.xp.asarray(array)  # an array of a GPU is copied only when it lies on another one

    def name_of(self, array):
        return f"cuda:{array.device.id}"

    def names(self):
        usable = gpu_problem() is None
        return [f"cuda:{index}" for index in range(self.xp.cuda.runtime.getDeviceCount())] if usable else []

    def check(self, device, index):
        problem = gpu_problem()
        if problem is not None:
            raise type(problem)(f"device {device!r} cannot be used: {problem}")
        count = self.xp.cuda.runtime.getDeviceCount()
        if index is not None and index >= count:
            raise DeviceError(f"device {device!r} does not exist: this machine has {count} GPU(s), from cuda:0 on")

    def chosen(self, index):
        return f"the GPU was asked for ({_gpu_name(index)})"

    def synchronize(self, index):
        self.xp.cuda.Device(index).synchronize()


register_device("cpu", Device)
register_device("cuda", _Cuda)


@functools.cache
def gpu_problem() -> DeviceError | MissingExtra | None:
    """Why no GPU can be used here: an error that says so and names the fix, not raised; None when one can be used."""
    wheels = _cupy_wheels()
    if len(wheels) > 1:
        return DeviceError(
            f"{len(wheels)} CuPy packages are installed at once ({', '.join(wheels)}) and overwrite each other. "
            f"Remove them all with: pip uninstall -y {' '.join(wheels)}  and then install one: {CUDA_EXTRAS}"
        )
    try:
        cupy = _cupy()
    except (ImportError, OSError) as error:  # OSError: it looks for a place to keep kernels in
        if not wheels:
            return MissingExtra(f"CuPy is not installed. Install it with: {CUDA_EXTRAS}")
        return MissingExtra(f"{wheels[0]} is installed, but importing it fails ({first_line(error)})")
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        if "InsufficientDriver" in str(error):
            return DeviceError(
                "CuPy is imported, but there is no NVIDIA driver, or one too old for this CuPy. nvidia-smi shows the "
                f"driver and the CUDA version it can run; CuPy must match it: {CUDA_EXTRAS}"
            )
        return DeviceError(f"CuPy is imported, but CUDA does not start ({first_line(error)})")
    if count == 0:
        return DeviceError("CuPy is imported, but no GPU is visible; is CUDA_VISIBLE_DEVICES set to nothing?")
    try:
        cupy.cuda.nvrtc.getVersion()
    except (RuntimeError, ImportError) as error:
        return DeviceError(
            f"there is a GPU, but CUDA's libraries, with which CuPy compiles and multiplies, are not installed "
            f"({first_line(error)}). Install them with: pip install '{(wheels or ['cupy-cuda12x'])[0]}[ctk]'"
        )
    return None


def gpu_memory() -> int:
    """Bytes of the current GPU's memory."""
    return _cupy().cuda.Device().mem_info[1]


def gpu_group(size: int, rank: int) -> Any:
    """NCCL between the current GPUs of `size` processes, started by mpirun, of which this is number `rank`.

    Its all_reduce(array, out) adds up CuPy arrays. Every process calls this once. MissingExtra where there is no NCCL.
    """
    if not _cupy().cuda.nccl.available:
        raise MissingExtra("several GPUs need NVIDIA's NCCL: pip install 'nvidia-nccl-cu12>=2.18'  (CUDA 12)  or  "
                           "pip install 'nvidia-nccl-cu13'  (CUDA 13)")
    from cupyx.distributed import init_process_group

    return init_process_group(size, rank, use_mpi=True)


def _holder(array):
    """The Device that holds `array`."""
    kind = type(array)
    for load in _devices.values():
        if (device := load()).owns(kind):
            return device
    raise DeviceError(
        f"expected a NumPy or CuPy array, got {kind.__module__}.{kind.__qualname__}. "
        "Lists become arrays with numpy.asarray(values, dtype='float32'); PyTorch tensors with tensor.numpy()."
    )


def _module_of(array):
    return np if isinstance(array, np.ndarray | np.generic) else _holder(array).xp  # most arrays are NumPy's


def _usable(device):
    """(Device, index or None) of a device name, once it is sure that it can be used here. Only GPUs have an index."""
    match = re.fullmatch(r"(\w+)|cuda:(\d+)", device) if isinstance(device, str) else None
    name, index = (match[1] or "cuda", int(match[2]) if match[2] else None) if match else (None, None)
    if name not in _devices:
        cpu, cuda, *registered = map(repr, _devices)
        *most, last = "'auto'", cpu, cuda, "'cuda:<index>' (for example 'cuda:1')", *registered
        raise DeviceError(f"unknown device {device!r}: expected {', '.join(most)} or {last}")
    found = _devices[name]()
    found.check(device, index)
    return found, index


def _cupy():
    import cupy

    return cupy


def _cupy_wheels():
    """The installed distributions that provide the package cupy; more than one break each other."""
    import importlib.metadata  # slow to import, and rarely needed

    names = (distribution.metadata["Name"] for distribution in importlib.metadata.distributions())
    return sorted({name for name in names if name and re.fullmatch(r"cupy(-cuda\w+|-rocm\S+)?", name)})


def _gpu_name(index):
    cupy = _cupy()
    number = cupy.cuda.Device(index).id
    return cupy.cuda.runtime.getDeviceProperties(number)["name"].decode()
