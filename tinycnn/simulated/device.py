"""The simulated device as tinycnn.backend sees it: how arrays come to it, what it is called, how to wait for it."""

from tinycnn.backend import Device, to_numpy
from tinycnn.simulated import transfers
from tinycnn.simulated.array import ndarray
from tinycnn.simulated.namespace import xp


class SimulatedDevice(Device):
    """device="simulated"."""

    name, xp = "simulated", xp

    def owns(self, kind):
        return kind is ndarray

    def put(self, array, index):
        return array if type(array) is ndarray else xp.asarray(to_numpy(array))

    def chosen(self, index):
        return "the simulated device was asked for: NumPy arithmetic behind CuPy's rules, no GPU"

    def synchronize(self, index):
        transfers.synchronize()
