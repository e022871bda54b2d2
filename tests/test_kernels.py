"""The kernels for a GPU, compiled for the CPU: they compute what the host's code computes, bit for bit, and touch no
memory that is not theirs. What surrounds the C text is ours, and where CuPy is installed also CuPy's own."""

import dataclasses
import subprocess

import numpy as np
import pytest
from harness import DTYPES, LAYOUTS, convolutions, distinct, lay_out, numbers, poolings
from hypothesis import given
from hypothesis import strategies as st

from tests.compiled import KERNELS, TYPES, Library, build, parameters, variants
from tinycnn.kernels import COL2IM, IM2COL, MAX_POOL, MAX_POOL_BACKWARD
from tinycnn.layers import MaxPool2d
from tinycnn.patches import col2im, im2col

pytestmark = pytest.mark.slow  # a compiler at work


@pytest.fixture(scope="module", params=["own", "cupy"])
def header(request):
    if request.param == "cupy":
        pytest.importorskip("cupy", reason="CuPy is not installed: pip install 'cupy-cuda12x>=14,<15', no GPU needed")
    return request.param


@pytest.fixture(scope="module")
def library(header, tmp_path_factory):
    return Library(build(tmp_path_factory.mktemp("kernels"), variants(), header))


def patches(library, x, kernel, stride, padding, dilation=(1, 1), fill=0.0, bits=32):
    """im2col by the compiled kernel."""
    expected = im2col(np.zeros(x.shape), kernel, stride, padding, dilation=dilation)
    cols = np.full((*expected.shape[:3], *kernel, x.shape[3]), np.nan, x.dtype)
    library.call(IM2COL, x, *stride, *padding, *dilation, fill, cols, bits=bits)
    return cols


def images(library, cols, shape, stride, padding, dilation=(1, 1), bits=32):
    """col2im by the compiled kernel."""
    x = np.full(shape, np.nan, cols.dtype)
    library.call(COL2IM, cols, *stride, *padding, *dilation, x, bits=bits)
    return x


WHERE = ("kernel_size", "stride", "padding", "dilation")


@given(convolutions(), DTYPES, LAYOUTS, st.sampled_from([32, 64]), st.sampled_from([0.0, -1.5]))
def test_patches_are_those_of_the_host(library, geometry, dtype, layout, bits, fill):
    arguments, shape = geometry
    kernel, stride, padding, dilation = (arguments[name] for name in WHERE)
    x = lay_out(numbers(shape, dtype), layout, "cpu")
    cols = patches(library, x, kernel, stride, padding, dilation, fill, bits)
    expected = im2col(x, kernel, stride, padding, fill=fill, dilation=dilation)
    np.testing.assert_array_equal(cols, expected.reshape(cols.shape))


@given(convolutions(), DTYPES, st.sampled_from([32, 64]))
def test_patches_are_added_as_on_the_host(library, geometry, dtype, bits):
    arguments, shape = geometry
    kernel, stride, padding, dilation = (arguments[name] for name in WHERE)
    cols = numbers(im2col(np.zeros(shape), kernel, stride, padding, dilation=dilation).shape, dtype)
    x = images(library, cols.reshape(*cols.shape[:3], *kernel, shape[3]), shape, stride, padding, dilation, bits)
    expected = col2im(cols, shape, kernel, stride, padding, dilation)
    np.testing.assert_array_equal(x, expected)  # the order of additions is the same


@given(convolutions())
def test_one_is_the_adjoint_of_the_other(library, geometry):
    arguments, shape = geometry
    kernel, *where = (arguments[name] for name in WHERE)
    x = numbers(shape)
    cols = patches(library, x, kernel, *where)
    d = numbers(cols.shape, seed=7)
    back = images(library, d, shape, *where)
    assert abs(np.sum(cols * d) - np.sum(x * back)) <= 1e-12 * np.sum(abs(cols * d))  # <A x, d> = <x, A^T d>


@given(poolings(), DTYPES, LAYOUTS, st.sampled_from(["distinct", "ties", "nan"]), st.sampled_from([32, 64]))
def test_pooling_is_that_of_the_host(library, geometry, dtype, layout, kind, bits):
    arguments, shape = geometry
    x = distinct(shape, dtype)
    if kind == "ties":
        x = np.floor(x)
    if kind == "nan":
        x = np.where(x % 1 == 0, np.asarray(np.nan, dtype), x)
    x = lay_out(x, layout, "cpu")
    layer = MaxPool2d(**arguments)
    expected = layer.forward(x)
    _, winner_of_layer = layer.recall()
    y, winner = np.empty_like(expected), np.empty(expected.shape, "uint8" if dtype == "float32" else "int32")
    where = [*layer.kernel, *layer.stride, *layer.padding]
    library.call(MAX_POOL, x, *where, -np.inf, y, winner, bits=bits)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(winner, winner_of_layer)

    dy, dx = lay_out(numbers(y.shape, dtype), layout, "cpu"), np.full(x.shape, np.nan, dtype)
    library.call(MAX_POOL_BACKWARD, dy, winner, *where, dx, bits=bits)
    layer.forward(x)
    np.testing.assert_array_equal(dx, layer.backward(dy))


# --- arrays with more elements than 32 bits can count ---


def spread(values, axis, shape):
    """An array of `shape` that is values[i] wherever its index along `axis` is i; it needs memory for those alone."""
    strides = [0] * len(shape)
    strides[axis] = values.itemsize
    return np.lib.stride_tricks.as_strided(values, shape, strides)


@pytest.mark.parametrize("axis", [1, 2])
def test_patches_of_an_image_with_billions_of_pixels(library, axis):
    side = 60_000
    x = spread(np.arange(side, dtype="float64"), axis, (1, side, side, 1))
    one = np.zeros(1)
    cols = np.lib.stride_tricks.as_strided(one, (1, side, side, 3, 3, 1), (0,) * 6)  # every element is the same memory
    for place in [(0, 0, 0, 1, 1), (0, 59_998, 7, 2, 0), (0, 59_999, 59_999, 0, 1), (0, 30_000, 59_998, 1, 2)]:
        (number,) = np.ravel_multi_index(np.array(place)[:, None], cols.shape[:5])
        library.call(IM2COL, x, 1, 1, 1, 1, 1, 1, 0.0, cols, bits=64, elements=[number])
        assert one[0] == place[axis] + place[axis + 2] - 1


@pytest.mark.parametrize("axis", [1, 2])
def test_adding_billions_of_patches(library, axis):
    side = 60_000
    cols = spread(np.arange(side, dtype="float64"), axis, (1, side, side, 3, 3, 1))
    one = np.zeros(1)
    x = np.lib.stride_tricks.as_strided(one, (1, side, side, 1), (0,) * 4)
    for pixel in [(0, 1, 1), (0, 59_998, 7), (0, 30_000, 59_998)]:
        (number,) = np.ravel_multi_index(np.array(pixel)[:, None], x.shape[:3])
        library.call(COL2IM, cols, 1, 1, 1, 1, 1, 1, x, bits=64, elements=[number])
        assert one[0] == 9 * pixel[axis]  # of the three windows along the axis, the middle one is the mean


# --- memory ---


def random_call(kernel, rng):
    """Shapes of all arrays and values of all scalars, in the order in which the kernel takes them."""
    (kh, kw), (sh, sw) = rng.integers(1, 5, (2, 2))
    ph, pw = rng.integers(0, kh // 2 + 1), rng.integers(0, kw // 2 + 1)
    n, c, h, w = *rng.integers(1, 4, 2), rng.integers(max(1, kh - 2 * ph), 9), rng.integers(max(1, kw - 2 * pw), 9)
    oh, ow = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    dh, dw = rng.integers(1, 4, 2) if "dh" in [parameter.name for parameter in parameters(kernel)] else (1, 1)
    x, y, cols = (n, h, w, c), (n, oh, ow, c), (n, oh, ow, kh, kw, c)
    given = {"x": x, "dx": x, "y": y, "dy": y, "winner": y, "cols": cols, "border": -np.inf, "fill": 0.5,
             "kh": kh, "kw": kw, "sh": sh, "sw": sw, "ph": ph, "pw": pw, "dh": dh, "dw": dw}  # fmt: skip
    return [given[parameter.name] for parameter in parameters(kernel)]


def watched(folder, functions, header="own"):
    """Run random calls under the address and undefined-behavior sanitizers; returns what they complain about."""
    rng, lines = np.random.default_rng(0), []
    for number, (_, kernel, *_) in enumerate(functions):
        for _ in range(60):
            call = random_call(kernel, rng)
            shapes, scalars = ([value for value in call if np.ndim(value) == ndim] for ndim in (1, 0))
            lines.append(" ".join(str(value) for value in [number, *sum(shapes, ()), *scalars]))
    program = build(folder, functions, header, sanitize=True)
    result = subprocess.run([program], input="\n".join(lines), capture_output=True, text=True,
                            env={"ASAN_OPTIONS": "detect_leaks=0"})  # fmt: skip
    assert (result.returncode == 0) == (result.stderr == ""), result.stderr
    return result.stderr


def test_no_thread_touches_memory_outside(tmp_path, header):
    assert watched(tmp_path, variants([32]), header) == ""


WRONG = [(kernel, kernel.body.replace(right, wrong)) for kernel, right, wrong in (
    (IM2COL, "row < x.shape()[1]", "row <= x.shape()[1]"), (IM2COL, "row >= 0", "true"),
    (IM2COL, "column < x.shape()[2]", "true"),
    (COL2IM, "oh >= cols.shape()[1]", "false"), (COL2IM, "p < cols.shape()[3]", "p <= cols.shape()[3]"),
    (COL2IM, "ow >= cols.shape()[2]", "false"),
    (MAX_POOL, "row < 0", "false"), (MAX_POOL, "column >= x.shape()[2]", "column > x.shape()[2]"),
    (MAX_POOL_BACKWARD, "oh < dy.shape()[1]", "true"), (MAX_POOL_BACKWARD, "ow >= 0", "ow >= -1"),
)]  # fmt: skip


def test_a_thread_that_reads_too_far_would_be_seen(tmp_path):
    functions = [(f"wrong_{number}", dataclasses.replace(kernel, body=body), TYPES[0], 32)
                 for number, (kernel, body) in enumerate(WRONG)]  # fmt: skip
    library, unseen = Library(build(tmp_path, functions)), []
    for name, kernel, types, _ in functions:
        rng, declared = np.random.default_rng(0), parameters(kernel)
        assert kernel.body not in [other.body for other in KERNELS]
        try:
            for _ in range(60):
                call = zip(random_call(kernel, rng), declared, strict=True)
                arguments = [np.zeros(value, p.dtype(types)) if p.dimensions else value for value, p in call]
                library.call(kernel, *arguments, name=name)
            unseen.append(name)
        except AssertionError as error:
            assert "outside of its arrays" in str(error)
    assert not unseen


def test_the_sanitizer_would_see_it(tmp_path):
    kernel, body = WRONG[0]
    functions = [("wrong", dataclasses.replace(kernel, body=body), TYPES[0], 32)]
    assert "heap-buffer-overflow" in watched(tmp_path, functions)
