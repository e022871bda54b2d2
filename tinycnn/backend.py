"""Which array library computes: NumPy on the host, CuPy on a GPU, or the strict stand-in on a machine without one.

The data decide. A layer asks `xp = array_module(x)` and calls `xp.exp`, `xp.empty` ...; there is no global switch, so
a network on the GPU and one on the CPU live side by side. This is the only file that may import CuPy.
"""

import numpy as np

from tinycnn.errors import DeviceError


def array_module(*arrays):
    """The module that owns all of `arrays`: numpy, cupy, or the simulated device's.

    Raises DeviceError when they live on different devices, or when one is not an array at all.
    """
    module = _module_of(arrays[0])
    for array in arrays[1:]:
        other = _module_of(array)
        if other is not module:
            raise DeviceError(
                f"arrays of two devices met: one belongs to {_name(module)}, another to {_name(other)}. "
                "Was the model moved and the data not, or the other way round? "
                "Move both with model.to(device) and tinycnn.backend.to_device(array, device)."
            )
    return module


def _module_of(array):
    if isinstance(array, np.ndarray | np.generic):
        return np
    kind = type(array)
    if kind.__module__.partition(".")[0] == "cupy":
        import cupy

        return cupy
    # The simulated device's array class names its own array module.
    module = getattr(kind, "__array_module__", None)
    if module is None:
        raise DeviceError(
            f"expected a NumPy or CuPy array, got {kind.__module__}.{kind.__qualname__}. "
            "Lists become arrays with numpy.asarray(values, dtype='float32'); PyTorch tensors with tensor.numpy()."
        )
    return module


def _name(module):
    return module.__name__.rpartition(".")[2]
