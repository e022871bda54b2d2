"""Every channel by itself: the loops' numbers for any window, and who is computed this way."""

import numpy as np
import pytest
from harness import LAYOUTS, expect_close, numbers, run
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycnn import reference
from tinycnn.engine.convolution import choose
from tinycnn.engine.depthwise import Depthwise
from tinycnn.layers import Conv2d, Sequential


@st.composite
def geometries(draw):
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    arguments = {
        "kernel_size": kernel, "stride": draw(st.tuples(st.integers(1, 3), st.just(1))),
        "padding": draw(st.tuples(st.integers(0, 4), st.integers(0, 4))), "bias": draw(st.booleans()),
    }  # fmt: skip
    channels = draw(st.sampled_from([2, 3, 16]))
    if channels == 16:  # long enough without its neighbor
        arguments["stride"] = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return channels, arguments, (draw(st.sampled_from([2, 0, 1, 3])), draw(st.integers(4, 7)), draw(st.integers(4, 7)))


@settings(max_examples=60)
@given(geometries(), st.sampled_from(["float64", "float32"]), LAYOUTS, st.integers(1, 3), st.sampled_from([1, 10**9]))
def test_they_equal_the_loops(geometry, dtype, layout, threads, scratch_bytes):
    channels, arguments, (n, h, w) = geometry
    layer = Conv2d(channels, channels, groups=channels, **arguments, rng=np.random.default_rng(2)).astype(dtype)
    if layer.b is not None:
        layer.b.value = numbers(channels, dtype, seed=3)
    assert type(choose(layer, *layer.output_shape((h, w, channels))[:2], n)) is Depthwise
    x = numbers((n, h, w, channels), dtype)
    got = run(Sequential(layer), x, "cpu", layout, threads, scratch_bytes)
    how = {"stride": layer.stride, "padding": layer.padding, "groups": channels}
    b = np.zeros(channels, dtype) if layer.b is None else layer.b.value
    expect_close(got.y, reference.conv2d(x, layer.w.value, b, **how), dtype)
    expected = reference.conv2d_backward(got.dy, x, layer.w.value, **how)
    for one, other in zip((got.dx, *got.grads.values()), expected, strict=False):
        expect_close(one, other, dtype)


@pytest.mark.parametrize("channels, filters, groups, stride", [(4, 8, 4, 1), (4, 4, 2, 1), (1, 1, 1, 1), (4, 4, 4, 2)])
def test_others_are_computed_otherwise(channels, filters, groups, stride):
    conv = Conv2d(channels, filters, 3, stride, groups=groups)
    assert type(choose(conv, 8, 8, 2)) is not Depthwise
