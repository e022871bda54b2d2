"""The names that the simulated device's module offers, and how it says what CuPy has not."""

import copy
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest

from tests.simulated.common import same
from tinycnn.errors import DeviceError
from tinycnn.simulated import xp


def test_missing_names_are_missing_as_attributes_are():
    assert not hasattr(xp, "errstate") and not hasattr(xp, "ReductionKernel") and not hasattr(xp.linalg, "multi_dot")
    with pytest.raises(AttributeError, match=r"CuPy 14\.\d+\.\d+ has no vecdot: use"):
        xp.vecdot  # noqa: B018
    with pytest.raises(AttributeError, match="cupy.RawKernel exists, but the simulated device does not model it"):
        xp.RawKernel  # noqa: B018
    with pytest.raises(AttributeError, match="no ndarray.numpy"):
        xp.ones(2).numpy()


def test_every_listed_name_is_there():
    for module in (xp, xp.linalg, xp.fft, xp.random, xp.lib.stride_tricks):
        for name in dir(module):
            assert getattr(module, name, None) is not None or name == "newaxis"


def test_errors_name_cupys_parameters():
    with pytest.raises(DeviceError, match=r"keyword argument 'where'.*are \(a, axis=, dtype=, out=, keepdims="):
        xp.sum(xp.ones(2), where=True)


@pytest.mark.parametrize("dtype", [object, "U4", "datetime64[s]", ">f4", np.longdouble, "V8"])
def test_dtypes_that_cupy_has_not(dtype):
    with pytest.raises(DeviceError, match="Unsupported dtype"):
        xp.zeros(3, dtype)


def test_errors_of_shape_stay_numpys():
    with pytest.raises(ValueError, match="could not be broadcast"):
        xp.ones(3) + xp.ones(4)
    with pytest.raises(np.exceptions.AxisError):
        xp.ones(3).sum(axis=1)
    with pytest.raises(ValueError, match="ambiguous"):
        bool(xp.ones(3))


def test_arrays_are_copied_and_pickled_with_their_device():
    x = xp.arange(3)
    for other in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x)), x.copy(), xp.array(x)):
        other[0] = 9
        assert type(other) is xp.ndarray and x.get().tolist() == [0, 1, 2]
    assert copy.deepcopy(xp) is xp and pickle.loads(pickle.dumps(xp)) is xp
    with pytest.raises(TypeError, match="unhashable"):
        {x}  # noqa: B018


def test_asarray_of_an_array_on_the_device_is_that_array():
    x = xp.ones((2, 3), "float32")
    assert xp.asarray(x) is x and xp.ascontiguousarray(x) is x and x.astype("float32", copy=False) is x
    assert xp.asarray(x, "float64") is not x
    same(xp.asarray([x[0], x[1]]), np.ones((2, 3), "float32"))


def test_random_numbers_have_the_methods_of_cupys_generator():
    rng = xp.random.default_rng(3)
    assert rng.standard_normal((2, 3), dtype="float32").dtype == "float32"
    assert rng.integers(5, size=100).max().item() < 5
    with pytest.raises(AttributeError, match="random.Generator.normal: use mean"):
        rng.normal(0.0, 1.0, 3)


def test_the_array_prints_like_numpys():
    out = io.StringIO()
    print(xp.arange(3), xp.arange(2.0).sum(), file=out)
    assert out.getvalue() == "[0 1 2] 1.0\n"


def test_importing_tinycnn_does_not_load_the_simulated_device():
    code = "import sys, tinycnn; print([name for name in sys.modules if 'simulated' in name])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_arguments_that_stand_elsewhere_in_cupy_must_be_named():
    x = xp.ones((2, 3))
    with pytest.raises(DeviceError, match="order their arguments differently after the first 2"):
        xp.argmax(x, 0, xp.empty(3, "int64"))
    assert xp.argmax(x, 0, out=xp.empty(3, "int64")).get().tolist() == [0, 0, 0]
