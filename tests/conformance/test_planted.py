"""Every planted incompatible call is caught, and no legal call is refused."""

import numpy as np
import pytest

from tests.conformance.planted import LEGAL, PLANTED, refusal, x_on
from tinycnn.simulated import ndarray, xp


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.title)
def test_a_planted_call_is_legal_in_numpy_and_refused_on_the_device(planted):
    planted.run(np, x_on(np))
    assert refusal(planted) is not None


@pytest.mark.parametrize("legal", LEGAL, ids=lambda legal: legal.title)
def test_a_legal_call_gives_what_numpy_gives(legal):
    expected, given = legal.run(np, x_on(np)), legal.run(xp, x_on(xp))
    if isinstance(given, ndarray):
        assert given.dtype == np.asarray(expected).dtype
        given = given.get()
    np.testing.assert_array_equal(given, expected)
