"""Matrices of MATLAB files: the same as SciPy reads, and nothing worse than a sentence where SciPy crashes."""

import struct
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from tinycnn.data.people.matlab import MOST, read_matrix
from tinycnn.errors import DataError


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
@pytest.mark.parametrize("shape", [(14, 3, 5), (3, 14, 2), (1, 1), (0, 3), (2, 2, 1, 3)])
def test_the_same_as_scipy(tmp_path, shape, dtype, packed):
    matrix = np.random.default_rng(0).uniform(0, 100, shape).astype(dtype)
    others = {"a": "text", "b": np.array([1j]), "joint": np.ones(3), "c": {"joints": 3}}
    savemat(tmp_path / "x.mat", others | {"joints": matrix, "z": matrix}, do_compression=packed)
    found = read_matrix(tmp_path / "x.mat", "joints")
    assert found.dtype == np.float64 and found.shape == shape
    np.testing.assert_array_equal(found, loadmat(tmp_path / "x.mat")["joints"])


def element(kind, content, order="<"):
    return struct.pack(f"{order}II", kind, len(content)) + content + bytes(-len(content) % 8)


def file_of(*elements, order="<"):
    return b"MATLAB 5.0".ljust(124) + (b"\0\1IM" if order == "<" else b"\1\0MI") + b"".join(elements)


def matrix_of(order="<", kind=4, numbers=None, shape=(2, 3)):
    """A matrix of doubles that are kept as smaller numbers, as MATLAB does where these are whole."""
    numbers = np.arange(6, dtype=f"{order}u2").tobytes() if numbers is None else numbers
    return element(14, element(6, struct.pack(f"{order}II", 6, 0), order)
                   + element(5, struct.pack(f"{order}{len(shape)}i", *shape), order) + element(1, b"joints", order)
                   + element(kind, numbers, order), order)  # fmt: skip


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_orders_of_bytes_and_smaller_numbers(tmp_path, order):
    path = tmp_path / "x.mat"
    path.write_bytes(file_of(matrix_of(order), order=order))
    assert read_matrix(path, "joints").tolist() == [[0, 2, 4], [1, 3, 5]]
    np.testing.assert_array_equal(read_matrix(path, "joints"), loadmat(path)["joints"])


BOMB = zlib.compress(bytes(MOST + 1))


@pytest.mark.parametrize("content, words", [
    (b"", "no MATLAB file"), (b"MATLAB 5.0".ljust(300), "no MATLAB file"),
    (b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM", "no MATLAB file"),
    (file_of(), "no matrix of numbers called joints"), (file_of(matrix_of())[:-8], "cut off"),
    (file_of(element(14, b"")), "no matrix of numbers"), (file_of(element(15, b"")), "cut off"),
    (file_of(matrix_of(shape=(2, -3))), "damaged: joints"), (file_of(matrix_of(shape=(2**30,) * 2)), "damaged: joints"),
    (file_of(matrix_of(kind=9)), "damaged: joints"), (file_of(matrix_of(kind=99)), "no matrix of numbers"),
    (file_of(matrix_of(shape=(6,))), "damaged: joints"), (file_of(struct.pack("<II", 7 << 16, 0)), "cut off"),
    (file_of(struct.pack("<II", 15, 8) + b"no zlib!"), "damaged"),
    (file_of(struct.pack("<II", 15, len(BOMB)) + BOMB), "would become"),
])  # fmt: skip
def test_files_that_are_damaged_or_others(tmp_path, content, words):
    (tmp_path / "x.mat").write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_matrix(tmp_path / "x.mat", "joints")


def test_the_real_one(shared_data):
    path = shared_data / "lsp-extended/joints.mat"
    np.testing.assert_array_equal(read_matrix(path, "joints"), loadmat(path)["joints"])
