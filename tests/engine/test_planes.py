"""Patches as planes: the same numbers as patches, biases included."""

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, expect_close, lay_out, numbers
from hypothesis import given
from hypothesis import strategies as st
from tinycnn.shortcuts import choose
from tinycnn.shortcuts.planes import Planes

from tinycnn.layers import Conv2d


@st.composite
def geometries(draw):
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    arguments = {
        "in_channels": draw(st.integers(1, 3)), "out_channels": draw(st.integers(1, 9)), "kernel_size": kernel,
        "padding": draw(st.tuples(st.integers(0, 5), st.integers(0, 5))), "bias": draw(st.booleans()),
    }  # fmt: skip
    return arguments, (draw(st.integers(0, 5)), draw(st.integers(5, 9)), draw(st.integers(20, 30)))


@given(geometries(), DTYPES, LAYOUTS, st.sampled_from([1, 10**5, 10**9]))
def test_they_equal_patches(geometry, dtype, layout, scratch_bytes):
    arguments, (n, h, w) = geometry
    layer = Conv2d(**arguments, rng=np.random.default_rng(2)).astype(dtype)
    if layer.b is not None:
        layer.b.value = numbers(layer.b.value.shape, dtype, seed=3)
    x, found = lay_out(numbers((n, h, w, layer.in_channels), dtype), layout, "cpu"), []
    for switch in "10":
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TINYCNN_ENGINE", switch)
            patch.setattr("tinycnn.parallel.CPU_BYTES", scratch_bytes)
            y = layer.forward(x)
            dx = layer.backward(lay_out(numbers(y.shape, dtype, seed=1), layout, "cpu"))
        found.append([y, dx, *(parameter.grad for parameter in layer.parameters().values())])
    for one, other in zip(*found, strict=True):
        expect_close(one, other, dtype)


def test_the_first_layer_takes_them():
    conv = Conv2d(3, 16, 3, padding=1)
    assert isinstance(choose(np, conv, 64, 64, 8), Planes)
    assert choose(np, conv, 8, 8, 8) is None  # rows of 8 pixels are no long runs
    assert choose(np, Conv2d(8, 16, 3), 64, 64, 1) is None  # and rows of 24 numbers no crumbs
    assert choose(np, Conv2d(3, 96, 11, stride=4), 55, 55, 8) is None
