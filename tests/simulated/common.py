"""What the tests of the simulated device share."""

import numpy as np

from tinycnn.backend import to_device
from tinycnn.simulated import xp


def on(array):
    return to_device(np.asarray(array), "simulated")


def same(device_array, expected):
    """Same numbers, same dtype, and the result is still on the device."""
    assert type(device_array) is xp.ndarray
    assert device_array.dtype == np.asarray(expected).dtype and device_array.shape == np.shape(expected)
    np.testing.assert_array_equal(device_array.get(), expected)
