"""Arrays as text: what comes out is what went in, or, where a page would be too large, as much of it as fits."""

import base64
import zlib

import numpy as np
import pytest

from tinycnn.explorer import pack as packing
from tinycnn.explorer.pack import FEWEST, FRACTION, LARGE, pack, rounded


def unpacked(index, text):
    """The arrays again, as page/numbers.js does it."""
    assert not set("<&") & set(text)
    data, found, start = zlib.decompress(base64.b85decode(text.replace(".", "<").replace(",", "&"))), {}, 0
    for entry in index:
        size, dtype = int(np.prod(entry["shape"])), np.dtype(entry["type"])
        planes = np.frombuffer(data, np.uint8, size * dtype.itemsize, start).reshape(dtype.itemsize, size)
        array = np.ascontiguousarray(planes[::-1].T)
        if dtype == np.float32:
            whole = array.view(np.uint32)
            array = whole >> np.uint32(1) | whole << np.uint32(31)
        found[entry["key"]] = array.view(dtype).reshape(entry["shape"])
        start += size * dtype.itemsize
    assert start == len(data)
    return found


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {"w": rng.standard_normal((300, 200)).astype("float32"), "b": rng.standard_normal(7).astype("float32"),
            "pixels": rng.integers(0, 256, (2, 4, 4, 3)).astype(np.uint8), "i": np.arange(-3, 3, dtype=np.int32),
            "odd": np.array([0, -0.0, 1e-40, 3e38, np.inf], np.float32)}


def test_every_bit_comes_back(arrays):
    index, text = pack(arrays)
    for key, array in unpacked(index, text).items():
        assert array.dtype == arrays[key].dtype and array.tobytes() == arrays[key].tobytes()
    assert {entry["bits"] for entry in index} == {FRACTION}


def test_a_page_that_would_be_too_large_rounds_its_largest_arrays(arrays):
    whole = len(pack(arrays)[1])
    index, text = pack(arrays, 0.85 * whole)
    assert len(text) <= 0.85 * whole
    found, bits = unpacked(index, text), {entry["key"]: entry["bits"] for entry in index}
    assert FEWEST <= bits["w"] < FRACTION and bits["b"] == bits["odd"] == FRACTION and arrays["w"].size >= LARGE
    assert np.abs(found["w"] / arrays["w"] - 1).max() <= 2.0 ** -(bits["w"] + 1)
    assert found["w"].tobytes() != arrays["w"].tobytes() and found["b"].tobytes() == arrays["b"].tobytes()


def test_no_more_is_lost_than_needed(arrays):
    whole = len(pack(arrays)[1])
    bits = [pack(arrays, share * whole)[0][0]["bits"] for share in (1, 0.95, 0.9, 0.8, 0.1)]
    assert bits == sorted(bits, reverse=True) and bits[0] == FRACTION and bits[-1] == FEWEST


def test_rounding_is_to_the_nearest():
    values = np.array([1 + 2.0**-13, 1 + 2.0**-15, -3.0, 0], np.float32)
    assert rounded(values, 13).tolist() == [1 + 2.0**-13, 1, -3, 0]
    assert packing.rounded(values, FRACTION) is values
