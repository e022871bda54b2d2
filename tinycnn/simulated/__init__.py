"""A strict stand-in for CuPy on machines without a GPU: device="simulated".

It computes with NumPy and obeys CuPy's rules. Host and device arrays do not mix, nothing is converted silently, only
the names, keywords and dtypes exist that CuPy has (cupy_api.json, made from the real package), and what CuPy leaves
undefined (assignment through repeated indices, indices out of range, writing into overlapping views, atomic sums of
floats) is refused. A program that runs here and binds to the real CuPy's signatures has no excuse left to fail on a GPU
but the GPU itself.

    xp          the array module, as `numpy` and `cupy` are
    count()     counts uploads, downloads, synchronizations:  with simulated.count() as transfers: ...
    launches()  counts what is put into the device's queue:   with simulated.launches() as counted: ...
    record()    collects the forms of all calls:              with simulated.record() as calls: ...

The files, each importing only from those before: api, transfers and launches (what CuPy offers; what is counted),
array, rules, operators, kernels, special, namespace (xp), device (what tinycnn.backend asks of it).

What it does not model: speed, memory limits, streams and asynchronous errors, kernels in CUDA C, the memory layout of
elementwise results (CuPy makes them C-contiguous, NumPy follows the inputs), the last bits of a GPU's sums and
functions, and CuPy's own random numbers.
"""

from tinycnn.simulated.api import Call, MissingOnDevice, OutOfRange, record
from tinycnn.simulated.array import ndarray
from tinycnn.simulated.device import SimulatedDevice
from tinycnn.simulated.launches import launches
from tinycnn.simulated.namespace import xp
from tinycnn.simulated.transfers import Transfers, count, synchronize

__all__ = ["Call", "MissingOnDevice", "OutOfRange", "SimulatedDevice", "Transfers", "count", "launches", "ndarray",
           "record", "synchronize", "xp"]
