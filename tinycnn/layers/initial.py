"""The numbers that weights begin with, and how many of them a network may have that a file describes."""

import contextlib
import contextvars
import math
from collections.abc import Iterator

import numpy as np

from tinycnn.backend import Array, Shape

_left: contextvars.ContextVar[list[int] | None] = contextvars.ContextVar("numbers that may still be made", default=None)


def he_normal(shape: Shape, rng: "np.random.Generator | None") -> Array:
    """Weights, float32, normal with standard deviation sqrt(2 / inputs per output) (He et al. 2015, section 2.2).

    shape: that of the inputs, and last the outputs: (D, F), (KH, KW, C, F)    rng: None for default_rng(0)
    """
    expect_room(*shape)
    rng = np.random.default_rng(0) if rng is None else rng
    return rng.standard_normal(shape, dtype=np.float32) * np.float32((2 / math.prod(shape[:-1])) ** 0.5)


@contextlib.contextmanager
def at_most(numbers: int) -> Iterator[None]:
    """For the length of a with block, a network of more weights than that is refused, with ValueError, before the one
    too many is made: a file of a few bytes may describe one that no memory holds.
    """
    token = _left.set([numbers, numbers])
    try:
        yield
    finally:
        _left.reset(token)


def expect_room(*shape: int) -> None:
    """Raise ValueError where at_most allows no further array of this shape."""
    left = _left.get()
    if left is None:
        return
    left[1] -= math.prod(shape)
    if left[1] < 0:
        raise ValueError(f"it has more than the {left[0]:,} numbers that there is room for, with one array of "
                         f"{' x '.join(f'{n:,}' for n in shape)}")
