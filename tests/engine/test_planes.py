"""Patches as planes: the same numbers as the layer's formula, biases included, and who is computed with them."""

import numpy as np
import pytest
from engine.networks import BLAS_MAY_WARN, using
from harness import DTYPES, LAYOUTS, numbers, run
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycnn.engine.convolution import Patches, choose
from tinycnn.engine.planes import Planes
from tinycnn.gradient_check import gradcheck
from tinycnn.layers import Conv2d, Sequential

pytestmark = BLAS_MAY_WARN


@st.composite
def geometries(draw):
    kernel, groups = draw(st.tuples(st.integers(1, 5), st.integers(1, 5))), draw(st.integers(1, 8))
    arguments = {
        "in_channels": groups * draw(st.integers(1, 3)), "out_channels": groups * draw(st.integers(1, 3)),
        "kernel_size": kernel, "padding": draw(st.tuples(st.integers(0, 5), st.integers(0, 5))), "groups": groups,
        "bias": draw(st.booleans()),
    }  # fmt: skip
    return arguments, (draw(st.integers(0, 5)), draw(st.integers(5, 9)), draw(st.integers(5, 24)))


@settings(max_examples=60)
@given(geometries(), DTYPES, LAYOUTS, st.integers(1, 3), st.sampled_from([1, 10**5, 10**9]))
def test_they_equal_the_formula(geometry, dtype, layout, threads, scratch_bytes):
    arguments, (n, h, w) = geometry
    layer = Conv2d(**arguments, rng=np.random.default_rng(2)).astype(dtype)
    if layer.b is not None:
        layer.b.value = numbers(layer.b.value.shape, dtype, seed=3)
    with using(Planes):
        assert type(choose(layer, *layer.output_shape((h, w, layer.in_channels))[:2], n)) is Planes
        run(layer, numbers((n, h, w, layer.in_channels), dtype), "cpu", layout, threads, scratch_bytes)


def test_the_first_layer_takes_them_and_so_do_many_groups():
    assert type(choose(Conv2d(3, 16, 3, padding=1), 64, 64, 8)) is Planes
    assert type(choose(Conv2d(16, 16, 3, padding=1, groups=8), 64, 64, 8)) is Planes
    assert type(choose(Conv2d(3, 16, 3, padding=1), 8, 8, 8)) is Patches  # rows of 8 pixels are no long runs
    assert type(choose(Conv2d(8, 16, 3), 64, 64, 1)) is Patches  # and rows of 24 numbers no crumbs
    assert type(choose(Conv2d(3, 96, 11, stride=4), 55, 55, 8)) is Patches


@pytest.mark.slow
@pytest.mark.parametrize("groups", [1, 3])
def test_they_pass_the_gradient_check(groups):
    with using(Planes):
        report = gradcheck(Sequential(Conv2d(3, 6, 3, padding=1, groups=groups)), numbers((2, 6, 7, 3)), seed=1)
    assert report.ok, str(report)
