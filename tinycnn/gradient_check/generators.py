"""Other people's random numbers: the generators that an object holds, and the global ones of NumPy and Python.

This library draws from generators that are handed to it. What is checked here may draw from any, so all are put back.
"""

import contextlib
import random

import numpy as np

from tinycnn.gradient_check.parts import attributes, walk


def generators(obj):
    """Every generator of random numbers of the object and its parts: what a dropout draws its mask from."""
    values = (v for _, part in walk(obj) for v in attributes(part).values())
    kinds = np.random.Generator | np.random.RandomState | random.Random
    return list({id(v): v for v in values if isinstance(v, kinds)}.values())


def state_of(generator):
    """Where a generator of random numbers stands."""
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    return generator.get_state() if isinstance(generator, np.random.RandomState) else generator.getstate()


def put_back(generator, state):
    """Let a generator begin there again."""
    if isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(state)
    else:
        generator.setstate(state)


@contextlib.contextmanager
def undisturbed():
    """Within the with block global random numbers may be drawn; afterwards nobody notices."""
    states = np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        np.random.set_state(states[0])
        random.setstate(states[1])
