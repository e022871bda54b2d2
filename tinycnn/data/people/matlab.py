"""One matrix of numbers out of a MATLAB file of version 5, 6 or 7, as LSP has it.

Such a file is a row of elements, each with its kind and its size: `joints` is one of the kind matrix, perhaps within
one that is packed by zlib, and consists of elements itself: what it holds, its size along each axis, its name, its
numbers column by column. Nothing else is read, and what does not add up is refused. (MathWorks, "MAT-File Format".)
"""

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tinycnn.errors import DataError

HEAD = 128  # bytes: a text, then the version, then two letters that show the order of bytes
ORDERS = {b"IM": "<", b"MI": ">"}
MATRIX, PACKED = 14, 15
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
NUMBERS = range(6, 16)  # the classes of matrices of numbers, from double to uint64; others are texts, cells, objects
COMPLEX = 0x800
MOST = 2**26  # bytes that a packed element may become


def read_matrix(path: str | Path, name: str) -> np.ndarray:
    """The matrix of this name, float64. DataError says why there is none: another kind of file, damaged, cut off."""
    data = Path(path).read_bytes()
    order = ORDERS.get(data[HEAD - 2 : HEAD])
    if order is None or data[:4] == b"\x89HDF" or b"MATLAB 7.3" in data[:HEAD]:
        raise DataError("it is no MATLAB file of version 5 to 7")
    for kind, content in _elements(memoryview(data)[HEAD:], order):
        if kind == PACKED:
            kind, content = next(_elements(_unpacked(content), order), (0, content))
        if kind == MATRIX and (found := _matrix(content, order, name)) is not None:
            return found
    raise DataError(f"it holds no matrix of numbers called {name}")


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """(kind, content) of each element. One of up to four bytes has its size in the upper half of its kind."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        start = at + 8
        if kind >> 16:
            kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
        if start + size > len(data) or start == at + 4 and size > 4:
            raise DataError("it is cut off")
        yield kind, data[start : start + size]
        at = start + size if kind == PACKED else at + 8 if start == at + 4 else start + -(-size // 8) * 8


def _unpacked(content):
    packer = zlib.decompressobj()
    try:
        whole = packer.decompress(content, MOST)
    except zlib.error as error:
        raise DataError(f"it is damaged ({error})") from error
    if packer.unconsumed_tail or not packer.eof:
        raise DataError(f"it is cut off, or would become more than {MOST:,} bytes")
    return memoryview(whole)


def _matrix(content, order, name):
    """The numbers of a matrix, or None where it is another one."""
    elements = _elements(content, order)
    (_, flags), (_, sizes), (_, called) = (next(elements, (0, b"")) for _ in range(3))
    if bytes(called) != name.encode() or len(flags) != 8 or len(sizes) % 4:
        return None
    flags, shape = struct.unpack(f"{order}II", flags)[0], struct.unpack(f"{order}{len(sizes) // 4}i", sizes)
    kind, numbers = next(elements, (0, b""))
    if flags & 0xFF not in NUMBERS or flags & COMPLEX or kind not in TYPES:
        return None
    dtype = np.dtype(f"{order}{TYPES[kind]}")
    if not 2 <= len(shape) <= 8 or min(shape) < 0 or math.prod(shape) * dtype.itemsize != len(numbers):
        raise DataError(f"it is damaged: {name} has {len(numbers):,} bytes for a shape of {shape}")
    return np.frombuffer(numbers, dtype).astype(np.float64).reshape(shape, order="F")
