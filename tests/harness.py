"""What tests of layers share: random geometry, awkward arrays, and one forward and backward with every rule checked.

The rules hold for each layer, each device and each geometry, so they are checked in every run and not in tests of
their own: shapes as announced by output_shape, dtype kept at every boundary, nothing written into x or dy, and the
same bits in a second run.
"""

import contextlib
import os
from types import SimpleNamespace
from unittest import mock

import numpy as np
from hypothesis import strategies as st

from tinycnn.backend import to_device, to_numpy
from tinycnn.engine import workers
from tinycnn.layers import Dropout, Layer, Parameter, Sequential

LIMIT = {"float64": 1e-10, "float32": 1e-4}
DTYPES = st.sampled_from(["float64", "float32"])
LAYOUTS = st.sampled_from(["plain", "read-only", "channels first", "every other", "reversed"])


def difference(a, b):
    """Largest difference of two arrays, relative to the largest number of either; 0 when both are empty."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape, f"shapes differ: {a.shape} and {b.shape}"
    assert np.isfinite(a).all() and np.isfinite(b).all()
    if not a.size:
        return 0.0
    return float(abs(a - b).max() / max(abs(a).max(), abs(b).max(), 1e-30))


def expect_close(actual, expected, dtype):
    """Equal but for rounding: 1e-10 in float64, 1e-4 in float32, relative to the array's largest number."""
    assert difference(actual, expected) < LIMIT.get(str(dtype), 1e-2)  # float16: what its three digits allow


def numbers(shape, dtype="float64", seed=0):
    """Normal random numbers: an upstream gradient of ones would let most wrong backwards pass."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def distinct(shape, dtype="float64", seed=0):
    """Random numbers of which no two are nearly equal, so that every maximum has one winner."""
    size = int(np.prod(shape))
    return ((np.random.default_rng(seed).permutation(size) - size / 2) / 8).reshape(shape).astype(dtype)


def lay_out(x, layout, device):
    """The numbers of x (N, H, W, C) or (N, D) on `device`, laid out in memory in one of several awkward ways."""
    if layout == "channels first" and x.ndim == 4:
        return to_device(np.ascontiguousarray(x.transpose(0, 3, 1, 2)), device).transpose(0, 2, 3, 1)
    if layout == "every other":
        return to_device(np.repeat(x, 2, axis=-1), device)[..., ::2]
    if layout == "reversed":
        return to_device(np.ascontiguousarray(x[:, ::-1]), device)[:, ::-1]
    array = to_device(x.copy(), device)
    if layout == "read-only" and device == "cpu":
        array.flags.writeable = False
    return array


def run(layer, x, device, layout="plain", threads=None, scratch_bytes=None, seed=1):
    """forward and backward of `layer`; returns y, dy, dx and grads (by name) on the host, all rules checked.

    Twice by its own formula, with the same bits; and once as a network, where the engine runs it, to rounding.
    x: on the host    dy: random, in the same layout as x    scratch_bytes: memory for the engine's chunks, so 1 means
    one image at a time    threads: worker threads on the CPU
    """
    layer.to(device)
    with contextlib.ExitStack() as stack:
        if threads is not None:
            stack.enter_context(mock.patch.dict(os.environ, TINYCNN_THREADS=str(threads)))
            stack.enter_context(mock.patch.object(workers, "WORTH_A_THREAD", 0))
        if scratch_bytes is not None:
            stack.enter_context(mock.patch.multiple(workers, CPU_BYTES=scratch_bytes, DEVICE_BYTES=scratch_bytes))
        first = _run_once(layer, x, device, layout, seed)
        again = _run_once(layer, x, device, layout, seed)
        network = None if isinstance(layer, Sequential | Dropout) else _run_once(
            Sequential(layer), x, device, layout, seed)
    np.testing.assert_array_equal(first.y, again.y)
    np.testing.assert_array_equal(first.dx, again.dx)
    for name, grad in first.grads.items():
        np.testing.assert_array_equal(grad, again.grads[name])
    if network is not None:
        network.grads = {name.partition(".")[2]: grad for name, grad in network.grads.items()}
        expect_same_run(network, first, x.dtype)
    return first


def _run_once(layer, x, device, layout, seed):
    x_there = lay_out(x, layout, device)
    y = layer.forward(x_there)
    assert y.shape == (len(x), *layer.output_shape(x.shape[1:]))
    assert y.dtype == x.dtype
    dy = numbers(y.shape, x.dtype, seed)
    dy_there = lay_out(dy, layout, device)
    y_before = to_numpy(y).copy()
    dx = layer.backward(dy_there)
    assert dx.shape == x.shape and dx.dtype == x.dtype
    np.testing.assert_array_equal(to_numpy(x_there), x)  # nothing was written into the inputs,
    np.testing.assert_array_equal(to_numpy(dy_there), dy)
    np.testing.assert_array_equal(to_numpy(y), y_before)  # nor into what the next layer holds
    grads = {}
    for name, parameter in layer.parameters().items():
        assert parameter.grad.shape == parameter.value.shape and parameter.grad.dtype == parameter.value.dtype
        grads[name] = to_numpy(parameter.grad)
    return SimpleNamespace(y=y_before, dy=dy, dx=to_numpy(dx), grads=grads)


def expect_same_run(one, other, dtype):
    """Two results of run() are equal but for rounding: y, dx and every parameter's gradient."""
    expect_close(one.y, other.y, dtype)
    expect_close(one.dx, other.dx, dtype)
    assert one.grads.keys() == other.grads.keys()
    for name, grad in other.grads.items():
        expect_close(one.grads[name], grad, dtype)


# --- a layer of a learner's own ---


class Scale(Layer):
    """The example of the Layer docstring, which knows nothing of what the library's own layers can do."""

    def __init__(self):
        self.w = Parameter(np.full(1, 3.0))

    def forward(self, x):
        self.remember(x)
        return x * self.w.value

    def backward(self, dy):
        (x,) = self.recall()
        self.w.grad = (x * dy).sum().reshape(1)
        return dy * self.w.value


# --- random geometry ---


@st.composite
def convolutions(draw, largest=7, channels=3):
    """(arguments of Conv2d, shape of x): kernels of any shape, strides, paddings up to beyond the kernel, groups."""
    groups = draw(st.integers(1, 3))
    kernel, stride, padding, size = _windows(draw, largest, lambda k: 4)
    dilation = draw(st.sampled_from([(1, 1)] * 3 + [(2, 1), (1, 3), (2, 2)]))
    size = [s + (k - 1) * (d - 1) for s, k, d in zip(size, kernel, dilation, strict=True)]  # room for the wider window
    arguments = {
        "in_channels": groups * draw(st.integers(1, channels)), "out_channels": groups * draw(st.integers(1, channels)),
        "kernel_size": kernel, "stride": stride, "padding": padding, "groups": groups, "dilation": dilation,
    }  # fmt: skip
    return arguments, (draw(st.integers(0, 4)), *size, arguments["in_channels"])


@st.composite
def poolings(draw, largest=8, channels=3):
    """(arguments of a pooling layer, shape of x): windows that overlap or leave gaps, borders, ceil_mode."""
    ceil_mode = draw(st.booleans())
    kernel, stride, padding, size = _windows(draw, largest, lambda k: k // 2, ceil_mode)
    arguments = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    return arguments, (draw(st.integers(0, 4)), *size, draw(st.integers(1, channels)))


def _windows(draw, largest, most_padding, ceil_mode=False):
    axes = []
    for _ in range(2):
        kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        padding = draw(st.integers(0, most_padding(kernel)))
        # With ceil_mode a window may be larger than the image by less than a stride.
        least = max(1, kernel - 2 * padding - (stride - 1 if ceil_mode else 0))
        axes.append((kernel, stride, padding, draw(st.integers(least, max(least, largest)))))
    return zip(*axes, strict=True)
