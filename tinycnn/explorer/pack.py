"""Arrays as text in a page: typed arrays, deflated and in base 85, with an index that says where each one lies.

A float32 number goes in as four bytes, its sign moved from the front to the end, and the bytes of one rank lie
together: exponents, which repeat, are then beside each other and deflate shrinks them; the lowest bits of a fraction
are noise, which nothing shrinks. Where a page would be too large, the largest arrays keep fewer bits of their
fractions, and the index says how many. Base 85 writes four bytes as five letters; base 64 needs five and a third.
"""

import base64
import math
import zlib
from typing import Any

import numpy as np

FRACTION = 23  # bits of a float32's fraction
FEWEST = 13  # that are kept at least: four digits
LARGE = 50_000  # numbers of an array from which it may lose bits
LETTERS = bytes.maketrans(b"<&", b".,")  # what means something in HTML gives way to letters that base 85 leaves over


def pack(arrays: dict[str, np.ndarray], most: float = math.inf) -> tuple[list[dict[str, Any]], str]:
    """(index, text): the arrays (float32, uint8 or int32) as letters, of at most `most` characters if that is possible.

    index: for each array {"key", "shape", "type", "bits"}, in the order in which they lie in the text
    """
    text = _text(arrays, FRACTION)
    bits = FRACTION
    large = sum(array.size for array in arrays.values() if _loses(array))
    while len(text) > most and bits > FEWEST and large:
        saved_by_bit = large / 8 * 5 / 4
        bits = max(FEWEST, bits - max(1, math.ceil((len(text) - most) / saved_by_bit)))
        text = _text(arrays, bits)
    index = [{"key": key, "shape": list(array.shape), "type": str(array.dtype),
              "bits": bits if _loses(array) else FRACTION} for key, array in arrays.items()]
    return index, text


def _loses(array):
    return array.dtype == np.float32 and array.size >= LARGE


def _text(arrays, bits):
    parts = []
    for array in arrays.values():
        array = np.ascontiguousarray(rounded(array, bits) if _loses(array) else array)
        if array.dtype == np.float32:
            whole = array.view(np.uint32)
            array = whole << np.uint32(1) | whole >> np.uint32(31)
        planes = array.reshape(-1).view(np.uint8).reshape(array.size, array.dtype.itemsize)
        parts.append(np.ascontiguousarray(planes.T[::-1]).tobytes())  # the highest bytes first
    return base64.b85encode(zlib.compress(b"".join(parts), 9)).translate(LETTERS).decode()


def rounded(array: np.ndarray, bits: int) -> np.ndarray:
    """float32 numbers rounded to `bits` bits of their fraction: to one part in 2 ** (bits + 1)."""
    drop = FRACTION - bits
    if not drop:
        return array
    whole = np.ascontiguousarray(array).view(np.uint32)
    return ((whole + np.uint32(1 << (drop - 1))) & np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)).view(np.float32)
